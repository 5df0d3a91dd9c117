// Where one token looks: the tokens before it with grounds as strong as their shares, arcs to the
// strongest, and a list of them. Plays through what the assistant wrote, token by token.
#pragma once

#include "ui/command.h"
#include "ui/panels/attention_link.h"
#include "ui/snapshot.h"
#include "ui/widgets/token_strip.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

class TokenView {
  public:
    /// Shows this token at the next draw.
    void choose(uint64_t token);
    void draw(const Snapshot &snapshot, const MapWanted &head, DocumentLink &link,
              CommandQueue &commands);
    void pause() { playing_ = false; }
    bool animating() const { return playing_ || strip_.layingOut(); }

  private:
    struct Asked {
        uint32_t layer = 0;
        std::vector<uint32_t> heads;
        uint64_t query = 0;
        bool operator==(const Asked &) const = default;
    };
    void take(const Snapshot &snapshot, const MapWanted &head);
    void drawChoice(const Timeline &timeline);
    void drawPlayer();
    void play(bool arrived);
    void ask(const Snapshot &snapshot, const MapWanted &head, CommandQueue &commands);
    void drawShares(const Timeline &timeline, DocumentLink &link, CommandQueue &commands);
    void drawTop(const Timeline &timeline, DocumentLink &link, CommandQueue &commands);
    void pointAt(const Timeline &timeline, uint64_t token, DocumentLink &link) const;
    void describe(const Timeline &timeline, uint64_t token) const;
    std::string asText(const Timeline &timeline) const;
    float shareOf(uint64_t token) const;

    std::optional<uint64_t> query_;
    std::optional<Asked> asked_;
    std::shared_ptr<const Timeline> timeline_;
    std::shared_ptr<const Attention::Strip> shown_;
    std::vector<float> levels_;     ///< of shown_
    std::vector<uint64_t> top_;     ///< tokens with the largest shares, strongest first
    std::vector<uint64_t> written_; ///< tokens of the assistant
    TokenStrip strip_;
    bool playing_ = false;
    float pace_ = 2; ///< tokens a second
    double next_time_ = 0;
};

} // namespace longscope::ui
