// What windows and settings cost before anything is allocated, in the words of the window. Pure
// arithmetic on the plans of the engine; slow (seconds) where patterns choose from the data.
#pragma once

#include "app/desk/core.h"
#include "ui/state/memory.h"
#include "ui/state/settings.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::app {

/// Parts as the device books them, always in the same order: weights, cache, scratch, maps, and
/// whatever else there is by name.
std::vector<ui::MemoryPart> orderedParts(std::vector<ui::MemoryPart> parts);

/// Bytes that a session and its model may take together on the device: what was free when the model
/// was loaded, before anything of ours lay there.
uint64_t budgetOf(const LoadedModel &model);

struct ForecastWanted {
    std::shared_ptr<const LoadedModel> model;
    engine::SessionOptions options;
    std::string setting;        ///< "window:1024, cache q8_0"
    std::string attention;      ///< spec of the setting
    uint64_t most_tokens = 0;   ///< right end of the curve
    uint64_t window_tokens = 0; ///< that is booked now; 0 = none
    uint64_t next_tokens = 0;   ///< the window that is to be warned of
};

/// Hands out the forecast as it grows: first the curve, then the longest windows, pattern by
/// pattern. Throws Error(stopped), and Error(usage) for settings that do not go together.
void forecastMemory(const ForecastWanted &wanted,
                    const std::function<void(const ui::MemoryForecast &)> &on_forecast,
                    std::stop_token stop);

/// A sentence when the next window does not fit the budget, with what does; "" when it does.
std::string memoryWarning(const ForecastWanted &wanted);

struct PriceWanted {
    std::shared_ptr<const LoadedModel> model;
    ui::AttentionSettings settings;
    engine::SessionOptions options; ///< of the settings, with a window
    uint64_t read_again_tokens = 0;
    double linear_flops_per_second = 0, pair_seconds = 0; ///< measured; 0 = not known
    double tokens_per_second = 0;                         ///< of the last reading; 0 = not known
};
ui::Price priceOf(const PriceWanted &wanted);

/// An engine's sentence about options of the command line, for people who have no command line.
std::string withoutDashes(std::string text);

} // namespace longscope::app
