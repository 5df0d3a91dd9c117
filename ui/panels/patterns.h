// "Patterns": how the model attends (pattern, positions, cache, eviction), with a picture of the
// mask, the wavelengths of the positions and the price of a change; and comparisons of two
// settings.
#pragma once

#include "ui/panel.h"
#include "ui/panels/patterns_compare.h"
#include "ui/panels/patterns_pictures.h"

#include <memory>
#include <string>

namespace longscope::ui {

class PatternsPanel : public Panel {
  public:
    const char *name() const override { return "Patterns"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;
    /// What the sliders say now, applied or not.
    const AttentionSettings &draft() const { return draft_; }

  private:
    void follow(const Snapshot &snapshot);
    void drawSettings(const Snapshot &snapshot);
    void drawProposal(const Snapshot &snapshot);
    void drawAttention(const Snapshot &snapshot);
    void drawPositions();
    void drawCache(const Snapshot &snapshot);
    void drawPictures(const Snapshot &snapshot);
    void drawPrice(const Snapshot &snapshot);
    const Price *priceOf(const Snapshot &snapshot) const;
    void drawButtons(const Snapshot &snapshot, CommandQueue &commands);
    void askPrice(CommandQueue &commands);
    void changed();
    bool isWrong() const;

    AttentionSettings draft_, applied_;
    bool started_ = false;
    size_t rule_ = 0; ///< which rule of the attention the form edits
    std::string attention_problem_, rope_problem_, eviction_problem_;
    uint32_t checked_layers_ = 0;
    std::shared_ptr<const Model> model_; ///< that the last price was asked for
    double changed_at_ = -1; ///< time of the last change whose price was not asked; -1: asked
    MaskPictures masks_;
    WavelengthPlot wavelengths_;
    CompareView compare_;
};

} // namespace longscope::ui
