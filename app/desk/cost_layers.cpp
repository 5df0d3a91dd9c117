#include "app/desk/cost_layers.h"

#include "compute/engine/mixer_plan.h"

#include <algorithm>

namespace longscope::app {
namespace {

bool same(ui::CostLayers a, const ui::CostLayers &b) {
    a.count = b.count;
    return a == b;
}

ui::CostLayers kindOf(const model::Config &config, const engine::SessionOptions &options,
                      uint32_t layer) {
    ui::CostLayers kind{.count = 1,
                        .shape = engine::shapeOf(config, layer),
                        .own_pattern = {},
                        .cache_token_bytes = engine::cacheTokenBytes(config, options, layer),
                        .state_bytes = engine::planLayerState(config, layer)};
    kind.shape.ffn_dim = 0; // matrices are counted for all layers together
    if (config.layer[layer].attends() && options.patterns.isNative(layer))
        kind.own_pattern = options.patterns.of(layer).spec();
    return kind;
}

} // namespace

std::vector<ui::CostLayers> costLayersOf(const model::Config &config) {
    const engine::SessionOptions options = engine::withNativeWindows(config, {}); // 16 bits
    std::vector<ui::CostLayers> kinds;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const ui::CostLayers kind = kindOf(config, options, layer);
        auto known = std::ranges::find_if(kinds, [&](const auto &one) { return same(one, kind); });
        if (known == kinds.end())
            kinds.push_back(kind);
        else
            ++known->count;
    }
    return kinds;
}

void describeCosts(const engine::ModelPlan &plan, ui::Cost &cost) {
    cost.kinds = costLayersOf(plan.config);
    cost.token_flops = engine::tokenFlops(plan.config);
    cost.head_flops = attention::headFlops(engine::shapeOf(plan.config));
    cost.chunk_tokens = plan.tiling.chunk_tokens;
}

} // namespace longscope::app
