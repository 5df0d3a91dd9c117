// Calm messages at the lower right: news fade, errors stay until they are dismissed.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <map>

namespace longscope::ui {

class Notices {
  public:
    void draw(const Snapshot &snapshot, CommandQueue &commands);
    /// One is about to fade: frames are wanted even without news.
    bool isFading() const { return is_fading_; }

  private:
    void drawOne(const Notice &notice, CommandQueue &commands);
    std::map<uint64_t, double> first_seen_; ///< ImGui::GetTime()
    bool is_fading_ = false;
};

} // namespace longscope::ui
