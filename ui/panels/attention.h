// The attention over what was read: all heads at once, one of them large, one token's view back
// over the text, and where the words of an answer come from.
#pragma once

#include "ui/panel.h"
#include "ui/panels/attention_heads.h"
#include "ui/panels/attention_link.h"
#include "ui/panels/attention_map.h"
#include "ui/panels/attention_state.h"
#include "ui/panels/attention_token.h"
#include "ui/panels/attention_zoom.h"

#include <memory>
#include <optional>

namespace longscope::ui {

class AttentionPanel : public Panel {
  public:
    const char *name() const override { return "Attention"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

    /// Something moves, or waits for its moment: frames must follow one another.
    bool isPlaying() const { return token_.animating() || map_.animating() || link_.waiting(); }
    /// Set by whoever has a dialog for it; without it, nothing offers to save.
    ChooseSavePath choose_save_path;

  private:
    void drawEmpty(const Snapshot &snapshot, CommandQueue &commands);
    void drawOverview(const Snapshot &snapshot, CommandQueue &commands);
    bool drawTab(const char *name, bool *to_front) const;
    void drawState(const Snapshot &snapshot, CommandQueue &commands);
    bool drawWithoutHeads(const Snapshot &snapshot, CommandQueue &commands);
    void drawTabs(const Snapshot &snapshot, bool with_grid, CommandQueue &commands);
    void drawMap(const Snapshot &snapshot, CommandQueue &commands);
    void follow(const Snapshot &snapshot);
    void choose(const Snapshot &snapshot, const std::optional<HeadChoice> &choice,
                CommandQueue &commands);
    void showBox(const TokenBox &box, CommandQueue &commands);
    void ask(CommandQueue &commands);

    HeadOverview heads_;
    MapView map_;
    TokenView token_;
    StateView state_;
    DocumentLink link_;
    MapWanted wanted_; ///< head and part that the user chose last
    ZoomHistory history_;
    bool waiting_ = false, was_busy_ = false; ///< for the picture that was asked for
    double asked_time_ = 0;
    bool show_map_ = false, show_token_ = false, show_state_ = false; ///< bring a tab to the front
    bool at_state_ = false;                                           ///< that tab is in front
    bool chose_state_ =
        false; ///< the layer was chosen for its state: maps that come change nothing
    std::shared_ptr<const Timeline> timeline_;
    std::optional<std::shared_ptr<const Trace>> trace_; ///< of the frame before, if there was one
    std::shared_ptr<const Map> map_seen_;
};

} // namespace longscope::ui
