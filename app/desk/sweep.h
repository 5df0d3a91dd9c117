// Readings that are measured: seconds and pairs by pattern and length, and where the time of a
// chunk and of a token goes. On the engine's thread, with sessions of their own.
#pragma once

#include "compute/engine/session.h"
#include "ui/state/model.h"
#include "ui/state/settings.h"

#include <functional>
#include <string>
#include <vector>

namespace longscope::app {

struct SweepWanted {
    std::vector<std::string> attention;
    std::vector<engine::SessionOptions> options; ///< of each
    std::vector<uint64_t> tokens;
    std::string text; ///< to read, again and again when it is short; "" = any tokens
};

/// Hands out each dot as it is known. Throws Error(stopped), and Error when a reading is refused.
void sweep(engine::Engine &engine, const SweepWanted &wanted,
           const std::function<void(const ui::CostDot &)> &on_dot, const ProgressSink &progress,
           std::stop_token stop);

/// Speeds that explain the dots best: seconds = tokens * token_flops / speed + pairs *
/// pair_seconds, each dot's error relative to its seconds. Zero without dots. FLOPs: of a token in
/// all layers, of a pair in all heads (0 where no layer attends).
struct Speeds {
    double linear_flops_per_second = 0, pair_seconds = 0;
};
Speeds fitSpeeds(const std::vector<ui::CostDot> &dots, double token_flops, double pair_flops);

/// Throws Error(device) where the device keeps no times, Error(stopped).
ui::Profile profileKernels(engine::Engine &engine, engine::SessionOptions options,
                           const std::string &text, const ProgressSink &progress,
                           std::stop_token stop);

} // namespace longscope::app
