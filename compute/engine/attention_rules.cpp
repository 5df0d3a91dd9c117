// The part of `Attention` that knows what a model does to scores: soft caps, ALiBi, learned sinks.
#include "compute/attention/slopes.h"
#include "compute/core/error.h"
#include "compute/engine/attention_impl.h"
#include "compute/model/tensor_list.h"

#include <cassert>
#include <numbers>

namespace longscope::engine {
namespace {

constexpr uint64_t kFacts = 4; ///< floats a head: shaders/params.h, head_facts

} // namespace

Sinks readSinks(const model::Gguf &file, const model::Config &config) {
    Sinks sinks;
    if (!config.architecture->attention.sinks)
        return sinks;
    sinks.resize(config.layers);
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        if (!config.layer[layer].attends())
            continue;
        std::string name = model::tensorOfLayer(layer, "attn_sinks.weight");
        const model::Tensor *tensor = file.findTensor(name);
        if (!tensor)
            fail(ErrorKind::model, "{}: tensor {} is missing", file.path(), name);
        sinks[layer] = model::dequantized(*tensor);
    }
    return sinks;
}

uint64_t headFactsBytes(const model::Config &config) {
    bool any = config.softcap != 0 || config.alibi_bias > 0 || config.architecture->attention.sinks;
    return any ? uint64_t{config.layers} * config.heads * kFacts * sizeof(float) : 0;
}

void Attention::makeHeadFacts(const Sinks &sinks) {
    has_sinks_ = !sinks.empty();
    uint64_t bytes = headFactsBytes(config_);
    if (bytes == 0)
        return;
    head_facts_ = gpu::Buffer(device_, "scratch", bytes, gpu::Memory::upload);
    auto *facts = reinterpret_cast<float *>(head_facts_.mapped().data());
    for (uint32_t layer = 0; layer < config_.layers; ++layer)
        for (uint32_t head = 0; head < layerOf(layer).heads; ++head) {
            float *own = facts + (uint64_t{layer} * config_.heads + head) * kFacts;
            double bias = static_cast<double>(config_.alibi_bias);
            double slope = bias > 0 ? attention::alibiSlope(bias, head, layerOf(layer).heads) : 0;
            assert(!has_sinks_ || sinks[layer].size() == layerOf(layer).heads);
            double sink = has_sinks_ ? static_cast<double>(sinks[layer][head]) : 0;
            double values[kFacts] = {slope, sink, static_cast<double>(config_.softcap), 0};
            for (uint64_t i = 0; i < kFacts; ++i)
                own[i] = static_cast<float>(values[i] * std::numbers::log2e);
        }
}

uint64_t Attention::headFacts(uint32_t layer) const {
    if (!head_facts_)
        return 0;
    return head_facts_.address() + uint64_t{layer} * config_.heads * kFacts * sizeof(float);
}

uint32_t Attention::scoreFlags(uint32_t layer) const {
    uint32_t flags = 0;
    if (hasRawKeys(layer)) {
        flags |= ATTENTION_RAW_KEYS;
        flags |= config_.rope_layout == model::RopeLayout::neox ? ATTENTION_NEOX : 0u;
    }
    if (zonesOf(config_, options_, layer).any())
        flags |= ATTENTION_FAR;
    flags |= config_.softcap != 0 ? ATTENTION_CAP : 0u;
    flags |= config_.alibi_bias > 0 ? ATTENTION_SLOPES : 0u;
    flags |= has_sinks_ ? ATTENTION_SINKS : 0u;
    return flags;
}

} // namespace longscope::engine
