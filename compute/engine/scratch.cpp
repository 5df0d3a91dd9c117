#include "compute/engine/scratch.h"

#include "compute/engine/latent.h"

#include <algorithm>
#include <utility>

namespace longscope::engine {
namespace {

/// What only some families have.
struct ScratchNeeds {
    bool early_ffn = false, branch = false, positions = false;

    explicit ScratchNeeds(const model::Config &config) {
        const model::Architecture &rules = *config.architecture;
        branch = rules.norm.after_attention || rules.norm.after_ffn;
        positions = rules.ends.positions != model::EndRules::Positions::none;
        for (const model::LayerConfig &layer : config.layer)
            early_ffn =
                early_ffn || layer.parallel || (rules.per_layer_input && layer.experts_used > 0);
    }
};

ExpertWidths expertWidths(const model::Config &config) {
    uint32_t ffn = padded(config.experts.ffn_dim);
    return {.model = padded(config.model_dim), .gate_up = 2 * ffn, .hidden = ffn};
}

/// Calls make(member, elements, stride, memory) for every buffer of rows, and plain(member,
/// elements, memory) for the others, so that the plan and the allocation are one list.
template <class Make, class Plain>
void forEachBuffer(const model::Config &config, const WidthPlan &widths, const Tiling &tiling,
                   const SessionOptions &options, Make make, Plain plain) {
    uint64_t rows = tiling.chunk_tokens;
    uint32_t q = widths.q;
    uint32_t far_regions = farRegions(config, options);
    RotationPlan rotations = planRotations(config);
    auto device = gpu::Memory::device;
    make(&Scratch::x, rows, widths.model, device);
    make(&Scratch::normed, rows, widths.model, device);
    const ScratchNeeds needs(config);
    if (needs.early_ffn)
        make(&Scratch::ffn_in, rows, widths.model, device);
    if (needs.branch)
        make(&Scratch::branch, rows, widths.model, device);
    if (config.adapter_rank > 0)
        make(&Scratch::adapted, rows, padded(config.adapter_rank), device);
    if (config.experts.shared_gated)
        make(&Scratch::shared_gate, rows, kBlock, device);
    if (const LatentWidths latent = latentWidths(config); latent.q > 0) {
        make(&Scratch::latent_low, rows, latent.low, device);
        make(&Scratch::latent_q, rows, latent.q, device);
        make(&Scratch::latent_values, rows, latent.values, device);
    }
    if (config.per_layer_dim > 0) {
        make(&Scratch::per_layer, rows, padded(uint64_t{config.per_layer_dim} * config.layers),
             device);
        make(&Scratch::per_layer_gate, rows, padded(config.per_layer_dim), device);
    }
    make(&Scratch::qkv, rows, widths.qkv, device);
    make(&Scratch::q, rows, q, device);
    if (far_regions > 0)
        make(&Scratch::q_far, rows, q, device);
    make(&Scratch::attended, rows, widths.attended, device);
    make(&Scratch::gate_up, rows, widths.gate_up, device);
    make(&Scratch::hidden, rows, widths.hidden, device);
    make(&Scratch::logits, uint64_t{1}, widths.vocab, gpu::Memory::readback);
    plain(&Scratch::tokens, rows, gpu::Memory::upload);
    if (needs.positions)
        plain(&Scratch::positions, rows, gpu::Memory::upload);
    plain(&Scratch::rotation, rows * rotations.row_floats, gpu::Memory::upload);
    plain(&Scratch::rotation_far, far_regions * rows * rotations.most_dims, gpu::Memory::upload);
    plain(&Scratch::state, rows * config.heads * 2, device);
    plain(&Scratch::partial, uint64_t{tiling.decode_splits} * config.heads * (widths.head_dim + 2),
          device);
}

} // namespace

RotationPlan planRotations(const model::Config &config) {
    RotationPlan plan;
    uint32_t factors = config.temperature.scale != 0 ? 1 : 0;
    for (const model::RopeConfig &rope : config.ropes) {
        plan.before.push_back(plan.row_floats);
        plan.row_floats += rope.dims + factors;
        plan.most_dims = std::max(plan.most_dims, rope.dims);
    }
    plan.before.push_back(plan.row_floats);
    plan.row_floats += factors;
    return plan;
}

uint32_t farRegion(const model::Config &config, const SessionOptions &options, uint32_t layer) {
    // Of one rule each: what they keep does not tell them apart.
    std::vector<std::pair<std::string_view, uint32_t>> seen;
    std::pair<std::string_view, uint32_t> own;
    for (uint32_t other = 0; other <= layer; ++other) {
        const attention::Pattern &pattern = options.patterns.of(other);
        if (!config.layer[other].attends() || !pattern.relabelsSinks())
            continue;
        own = {pattern.spec(), config.layer[other].rope};
        if (!std::ranges::contains(seen, own))
            seen.push_back(own);
    }
    if (!config.layer[layer].attends() || !options.patterns.of(layer).relabelsSinks())
        return 0;
    return static_cast<uint32_t>(std::ranges::find(seen, own) - seen.begin());
}

uint32_t farRegions(const model::Config &config, const SessionOptions &options) {
    uint32_t regions = options.ropeScheme().nearKeys() != UINT64_MAX ? 1 : 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].attends() && options.patterns.of(layer).relabelsSinks())
            regions = std::max(regions, farRegion(config, options, layer) + 1);
    return regions;
}

uint64_t planScratch(const model::Config &config, const WidthPlan &widths, const Tiling &tiling,
                     const SessionOptions &options) {
    uint64_t elements = 0;
    forEachBuffer(
        config, widths, tiling, options,
        [&](auto, uint64_t rows, uint32_t stride, gpu::Memory) { elements += rows * stride; },
        [&](auto, uint64_t count, gpu::Memory) { elements += count; });
    uint64_t bytes = elements * sizeof(float);
    if (config.experts.count > 0)
        bytes += planExpertScratch(routingRule(config), expertWidths(config), tiling);
    if (recurs(config))
        bytes += planMixerScratch(config, tiling);
    return bytes;
}

Scratch makeScratch(gpu::Device &device, const model::Config &config, const WidthPlan &widths,
                    const Tiling &tiling, const SessionOptions &options) {
    Scratch scratch;
    auto buffer = [&](uint64_t elements, gpu::Memory memory) {
        if (elements == 0)
            return gpu::Buffer();
        gpu::Buffer made(device, "scratch", elements * sizeof(float), memory);
        if (memory == gpu::Memory::device)
            gpu::fillWords(device, made, 0); // padding must stay finite
        return made;
    };
    forEachBuffer(
        config, widths, tiling, options,
        [&](auto member, uint64_t rows, uint32_t stride, gpu::Memory memory) {
            scratch.*member = {buffer(rows * stride, memory), stride};
        },
        [&](auto member, uint64_t count, gpu::Memory memory) {
            scratch.*member = buffer(count, memory);
        });
    if (config.experts.count > 0)
        scratch.experts =
            makeExpertScratch(device, routingRule(config), expertWidths(config), tiling);
    if (recurs(config))
        scratch.mixer = makeMixerScratch(device, config, tiling);
    return scratch;
}

} // namespace longscope::engine
