// A and B: two settings on the same prompt, side by side: text, time, pairs, memory, KL.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <string>

namespace longscope::ui {

class CompareView {
  public:
    /// `draft`: what the sliders say, to take over.
    void draw(const Snapshot &snapshot, const AttentionSettings &draft, CommandQueue &commands);

  private:
    void drawSide(const char *name, AttentionSettings &side, const AttentionSettings &draft,
                  const AttentionSettings &applied, uint32_t layers);
    void drawRun(const Snapshot &snapshot, CommandQueue &commands);

    AttentionSettings a_, b_;
    std::string prompt_;
    int reply_tokens_ = 64;
    bool started_ = false;
};

/// First byte at which two texts differ, on a character's border; npos: they are the same.
size_t firstDifference(std::string_view a, std::string_view b);

/// "KL 0.02 nats: ...": what the number says, in a sentence.
std::string explainKl(double kl);

} // namespace longscope::ui
