// Device and host memory: what is booked, what was, what is forecast, and what would still fit.
#pragma once

#include "ui/panel.h"
#include "ui/widgets/stacked_plot.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

class MemoryPanel : public Panel {
  public:
    const char *name() const override { return "Memory"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

  private:
    void drawSummary(const Memory &memory) const;
    void drawControls(const Snapshot &snapshot, CommandQueue &commands);
    void drawAgainstLength(const Snapshot &snapshot, CommandQueue &commands);
    void drawOverTime(const Memory &memory);
    void take(const Memory &memory);
    void describe(double tokens) const;
    ImVec4 colourOf(const std::string &part) const;
    float plotHeight() const;

    // As the plots want them; made again when the snapshot brings others.
    std::shared_ptr<const MemoryForecast> forecast_;
    std::shared_ptr<const std::vector<MemoryPoint>> measured_;
    std::shared_ptr<const std::vector<Memory::Sample>> samples_;
    std::vector<std::string> names_; ///< of all parts that were met, in the order of their colours
    std::vector<double> xs_, mark_xs_, mark_ys_, times_;
    std::vector<StackedSeries> series_, over_time_;
    bool log_tokens_ = false, log_bytes_ = false;
    uint64_t most_tokens_ = 0; ///< right end of the curve; 0 = twice the trained window
    std::string cache_;        ///< type that is forecast; "" = as applied
};

} // namespace longscope::ui
