#include "compute/engine/layer_decay.h"

#include "compute/core/clock.h"
#include "compute/engine/mixers.h"

#include <algorithm>
#include <chrono>

namespace longscope::engine {

DecayCollector::DecayCollector(gpu::Device &device, const model::Config &config)
    : sums_(config.layers), tokens_(config.layers) {
    const uint32_t decays = recurs(config) ? mixerShape(config).decays() : 0;
    if (decays == 0)
        return;
    result_ = gpu::Buffer(device, "maps", decays * sizeof(float), gpu::Memory::readback);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].recurs())
            sums_[layer].resize(decays);
}

void DecayCollector::mixed(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                           const Chunk &chunk, const Flush &flush) {
    flush(); // the reading's own work, not to be counted here
    auto start = Clock::now();
    pass.mixers->meanLogDecay({recorder, pass, chunk, flush, layer}, result_);
    flush();
    const auto *means = reinterpret_cast<const float *>(result_.mapped().data());
    for (double &sum : sums_[layer])
        sum += static_cast<double>(*means++) * chunk.rows;
    tokens_[layer] += chunk.rows;
    seconds_ += secondsSince(start);
}

std::vector<double> DecayCollector::meanLog(uint32_t layer) const {
    std::vector<double> means = sums_[layer];
    for (double &mean : means)
        mean /= static_cast<double>(std::max<uint64_t>(tokens_[layer], 1));
    return means;
}

} // namespace longscope::engine
