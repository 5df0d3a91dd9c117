#include "compute/engine/plan.h"

#include "compute/core/error.h"
#include "compute/core/host_memory.h"
#include "compute/core/text.h"
#include "compute/engine/attention.h"
#include "compute/engine/impl.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/recurrent_memory.h"
#include "compute/engine/second_pass.h"
#include "shaders/params.h"

#include <algorithm>
#include <utility>

namespace longscope::engine {
namespace {

/// Positions and slots are 32-bit numbers in the kernels.
constexpr uint64_t kMostTokens = UINT32_MAX - 65536;
constexpr uint64_t kRoomTokens = 4096; ///< of the session for which weights leave room
constexpr uint64_t kExactTokens = 4096, kLineTokens = 32768; ///< of the search for windows

/// fn(LayerReading) for every layer that attends.
template <class Function>
void forEachLayer(const ModelPlan &model, const SessionOptions &options, Function function) {
    uint32_t chunk = sessionTiling(model.tiling, model.config, options).chunk_tokens;
    for (uint32_t layer = 0; layer < model.config.layers; ++layer)
        if (model.config.layer[layer].attends())
            function(attention::LayerReading{.pattern = options.patterns.of(layer),
                                             .eviction = options.eviction,
                                             .layer = layer,
                                             .chunk_tokens = chunk,
                                             .heads = model.config.layer[layer].heads});
}

/// Weights of a layer that one token multiplies with.
double attendingParameters(const model::Config &config, uint32_t layer) {
    const model::LayerConfig &own = config.layer[layer];
    double dim = config.model_dim, heads = own.heads;
    const model::LatentConfig &latent = config.latent;
    if (config.architecture->attention.latent) {
        double rotated = config.rope().dims, key = latent.key_dim, value = latent.value_dim;
        double q = latent.q_rank ? latent.q_rank * (dim + heads * key) : dim * heads * key;
        return q + dim * (latent.kv_rank + rotated) +
               heads * latent.kv_rank * (key - rotated + value) + heads * value * dim;
    }
    double q = heads * own.head_dim;
    double kv = hasCache(config, layer) ? 1.0 * own.kv_heads * own.head_dim : 0;
    bool gated = config.architecture->attention.gated;
    return dim * ((gated ? 3 : 2) * q + 2 * kv);
}

double recurrentParameters(const model::Config &config, const model::LayerConfig &own) {
    double dim = config.model_dim, inner = config.recurrent.inner;
    double keys = 1.0 * config.recurrent.groups * config.recurrent.state;
    switch (own.recurrence) {
    case model::Recurrence::none:
        return 0;
    case model::Recurrence::mamba1:
        return 3 * dim * inner +
               inner * (2.0 * config.recurrent.heads + 2.0 * config.recurrent.state);
    case model::Recurrence::mamba2:
        return dim * (3 * inner + 2 * keys + config.recurrent.heads);
    case model::Recurrence::short_conv:
        return 4 * dim * dim;
    case model::Recurrence::delta_net:
        return dim * (3 * inner + 2 * keys + 2.0 * config.recurrent.heads);
    case model::Recurrence::rwkv6:
        return dim * (6 * dim + 2.0 * config.recurrent.channel_dim);
    }
    return 0;
}

double feedForwardParameters(const model::Config &config, const model::LayerConfig &own) {
    double dim = config.model_dim;
    const model::ExpertConfig &experts = config.experts;
    double dense = config.architecture->ffn.kind == model::FfnKind::plain ? 2 : 3;
    double sum = dense * dim * own.ffn_dim + 3 * dim * config.per_layer_dim;
    if (own.experts_used > 0)
        sum += dim * experts.count + 3 * dim * own.experts_used * experts.ffn_dim +
               3 * dim * experts.shared_dim;
    return sum;
}

/// Of the tokens below `end`, all layers.
double attentionFlops(const ModelPlan &model, const SessionOptions &options, uint64_t end) {
    double flops = 0;
    forEachLayer(model, options, [&](const attention::LayerReading &reading) {
        attention::ModelShape shape = shapeOf(model.config, reading.layer);
        flops += attention::attentionFlops(shape, attention::readingPairs(reading, end)) +
                 attention::choosingFlops(shape, reading, end);
    });
    return flops;
}

/// Of one token in the cache that a layer reads.
double readTokenBytes(const ModelPlan &model, const SessionOptions &options, uint32_t layer) {
    return static_cast<double>(
        cacheTokenBytes(model.config, options, model.config.layer[layer].cache_layer));
}

/// Target and host copy of the second pass (second_pass.cpp), in pieces of a bounded size.
uint64_t mapBytes(const ModelPlan &model, const SessionOptions &options, const MapRequest &map,
                  uint32_t chunk_rows) {
    uint64_t keys = map.end_key - map.first_key;
    uint64_t step = (keys + map.size - 1) / map.size, columns = (keys + step - 1) / step;
    uint64_t heads = map.heads.empty() ? model.config.layer[map.layer].heads : map.heads.size();
    uint64_t column_bytes =
        uint64_t{chunk_rows} * options.patterns.of(map.layer).passes() * sizeof(Cell);
    uint64_t pieces = std::max<uint64_t>(kMapBufferBytes / column_bytes, 1);
    return 2 * column_bytes * std::min(heads * columns, pieces);
}

/// The largest buffer of the cache.
uint64_t largestPlane(const model::Config &config, const SessionOptions &options,
                      uint32_t chunk_tokens) {
    uint64_t most = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        if (!hasCache(config, layer))
            continue;
        uint32_t head_dim = padded(config.layer[layer].head_dim);
        uint64_t rows =
            config.layer[layer].kv_heads * planLayer(config, options, layer, chunk_tokens).capacity;
        uint64_t values =
            sharesValues(config) ? 0 : rows * attention::rowBytes(options.v, head_dim);
        most = std::max({most, rows * attention::rowBytes(options.k, head_dim), values});
    }
    return most;
}

/// Of a tensor, for one token.
uint64_t readBytes(const model::Config &config, const model::Tensor &tensor) {
    bool is_embedding = tensor.name == "token_embd.weight" && !config.tied_head;
    if (is_embedding || tensor.name == "per_layer_token_embd.weight") // one row
        return 0;
    uint64_t bytes = tensor.bytes.size();
    bool of_experts = config.experts.count > 0 && tensor.name.contains("_exps.");
    return of_experts ? bytes / config.experts.count * config.experts.used : bytes;
}

/// What the file and its config say; where the weights lie is still open.
ModelPlan planFile(const model::Gguf &file, const model::Config &config, const Tiling &tiling) {
    ModelPlan plan{.config = config, .tiling = tiling, .weights = {}, .read_bytes = 0};
    for (const model::Tensor &tensor : file.tensors())
        plan.read_bytes += readBytes(config, tensor);
    return plan;
}

} // namespace

ModelPlan planModel(const model::Gguf &file, const model::Config &config, const Tiling &tiling,
                    uint64_t most_bytes) {
    ModelPlan plan = planFile(file, config, tiling);
    plan.weights = planWeights(file, config, tiling, {}, most_bytes);
    return plan;
}

ModelPlan planModel(const Engine &engine) {
    ModelPlan plan = planFile(engine.file(), engine.config(), engine.impl().tiling);
    plan.weights = engine.impl().weight_plan;
    return plan;
}

uint64_t weightRoom(const model::Config &config, const Tiling &tiling, uint64_t free_bytes,
                    uint64_t wanted) {
    if (wanted > 0)
        return wanted;
    ModelPlan model{.config = config, .tiling = tiling, .weights = {}, .read_bytes = 0};
    SessionPlan session =
        planSession(model, {.context_tokens = std::min(kRoomTokens, config.context_tokens)});
    return free_bytes - std::min(session.totalBytes(), free_bytes);
}

void checkWeights(const gpu::DeviceFacts &device, const WeightPlan &plan, uint64_t room_bytes,
                  const std::string &path) {
    if (plan.device_bytes > std::min(room_bytes, device.free_memory_bytes))
        fail(ErrorKind::memory,
             "{} needs {} of the device's memory for its weights, with all {} layers streamed from "
             "host memory; {} of the {} that are free on {} are left for them",
             path, formatBytes(plan.device_bytes), plan.streamed_layers,
             formatBytes(std::min(room_bytes, device.free_memory_bytes)),
             formatBytes(device.free_memory_bytes), device.name);
    if (uint64_t host = availableHostBytes(); plan.host_bytes > host)
        fail(ErrorKind::memory,
             "{} has {} of weights for which {} has no room, and {} of host memory are free", path,
             formatBytes(plan.host_bytes), device.name, formatBytes(host));
}

attention::ModelShape shapeOf(const model::Config &config) {
    return {.layers = config.layers,
            .model_dim = config.model_dim,
            .ffn_dim = config.ffn_dim,
            .heads = config.heads,
            .kv_heads = config.kv_heads,
            .head_dim = config.head_dim,
            .head_dim_padded = padded(config.head_dim),
            .vocab = config.vocab};
}

attention::ModelShape shapeOf(const model::Config &config, uint32_t layer) {
    const model::LayerConfig &own = config.layer[layer];
    return {.layers = 1,
            .model_dim = config.model_dim,
            .ffn_dim = own.ffn_dim,
            .heads = own.heads,
            .kv_heads = own.kv_heads,
            .head_dim = (own.head_dim + own.value_dim) / 2,
            .head_dim_padded = padded(own.head_dim),
            .vocab = config.vocab};
}

uint64_t allHeads(const model::Config &config) {
    uint64_t heads = 0;
    for (const model::LayerConfig &layer : config.layer)
        heads += layer.heads;
    return heads;
}

double tokenFlops(const model::Config &config) {
    double parameters = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const model::LayerConfig &own = config.layer[layer];
        if (own.attends())
            parameters += attendingParameters(config, layer);
        parameters += recurrentParameters(config, own) + feedForwardParameters(config, own);
    }
    auto recurrent = std::ranges::count_if(config.layer, &model::LayerConfig::recurs);
    double mixing =
        recurrent == 0 ? 0 : static_cast<double>(recurrent) * mixerShape(config).tokenFlops();
    return 2 * parameters + mixing;
}

HeadPairs headPairs(const ModelPlan &model, const SessionOptions &wanted, uint64_t n) {
    const SessionOptions options = withNativeWindows(model.config, wanted);
    HeadPairs pairs;
    forEachLayer(model, options, [&](const attention::LayerReading &reading) {
        double own = attention::readingPairs(reading, n);
        pairs.all_layers += own;
        pairs.mean += own * model.config.layer[reading.layer].heads;
    });
    pairs.mean /= static_cast<double>(std::max<uint64_t>(allHeads(model.config), 1));
    return pairs;
}

Work readingWork(const ModelPlan &model, const SessionOptions &wanted, uint64_t first,
                 uint64_t end) {
    const SessionOptions options = withNativeWindows(model.config, wanted);
    double of_token = tokenFlops(model.config);
    Work work{.flops = static_cast<double>(end - first) * of_token +
                       attention::headFlops(shapeOf(model.config)) +
                       attentionFlops(model, options, end) - attentionFlops(model, options, first),
              .bytes = static_cast<double>(model.read_bytes)};
    forEachLayer(model, options, [&](const attention::LayerReading &reading) {
        // What the first query sees is read, and the new keys are.
        double before = first > 0 ? attention::writingKeys(reading, first - 1) : 0;
        work.bytes += readTokenBytes(model, options, reading.layer) *
                      (before + static_cast<double>(end - first));
    });
    return work;
}

Work writingWork(const ModelPlan &model, const SessionOptions &wanted, uint64_t position) {
    const SessionOptions options = withNativeWindows(model.config, wanted);
    Work work{.flops = tokenFlops(model.config) + attention::headFlops(shapeOf(model.config)),
              .bytes = static_cast<double>(model.read_bytes)};
    forEachLayer(model, options, [&](const attention::LayerReading &reading) {
        double keys = attention::writingKeys(reading, position);
        work.flops += attention::attentionFlops(shapeOf(model.config, reading.layer), keys);
        work.bytes += keys * readTokenBytes(model, options, reading.layer);
    });
    return work;
}

uint64_t SessionPlan::totalBytes() const {
    return weight_bytes + cache_bytes + state_bytes + scratch_bytes + map_bytes;
}

std::vector<SessionPlan::Part> SessionPlan::parts() const {
    std::vector<Part> parts{{"weights", weight_bytes},
                            {"kv cache", cache_bytes},
                            {"recurrent state", state_bytes},
                            {"scratch", scratch_bytes},
                            {"maps", map_bytes}};
    std::erase_if(parts, [](const Part &part) { return part.bytes == 0; });
    return parts;
}

SessionPlan planSession(const ModelPlan &model, const SessionOptions &wanted,
                        const std::optional<MapRequest> &map) {
    const model::Config &config = model.config;
    const SessionOptions options = withNativeWindows(config, wanted);
    Tiling tiling = sessionTiling(model.tiling, model.config, options);
    WidthPlan widths = planWidths(config);
    SessionPlan plan{.context_tokens = options.context_tokens,
                     .weight_bytes = model.weights.device_bytes,
                     .cache_bytes = planCache(config, options, tiling.chunk_tokens)};
    plan.host_weight_bytes = model.weights.host_bytes;
    plan.streamed_layers = model.weights.streamed_layers;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        plan.layer_tokens.push_back(
            planLayer(config, options, layer, tiling.chunk_tokens).capacity);
        plan.layer_bytes.push_back(planCacheLayer(config, options, layer, tiling.chunk_tokens));
        plan.layer_state_bytes.push_back(planLayerState(config, layer));
    }
    plan.scratch_bytes = planScratch(config, widths, tiling, options) +
                         planAttentionScratch(config, widths, tiling, options).bytes();
    plan.state_bytes = planRecurrentMemory(config);
    if (map)
        plan.map_bytes = mapBytes(model, options, *map, tiling.chunk_tokens);
    plan.reading = readingWork(model, options, 0, options.context_tokens);
    plan.writing = writingWork(model, options, std::max<uint64_t>(options.context_tokens, 1) - 1);
    return plan;
}

/// Exact for short windows; for long ones on a straight line, because planning a hundred of them
/// would take minutes where the data choose keys.
AttentionScratch LongestContext::attentionAt(uint64_t tokens) {
    auto exact = [&](uint64_t at) -> const AttentionScratch & {
        auto [found, is_new] = known_.try_emplace(at);
        if (is_new) {
            SessionOptions options = options_;
            options.context_tokens = at;
            found->second =
                planAttentionScratch(model_.config, planWidths(model_.config),
                                     sessionTiling(model_.tiling, model_.config, options), options);
        }
        return found->second;
    };
    if (tokens <= kExactTokens)
        return exact(tokens);
    uint64_t step = kExactTokens;
    while (2 * step < tokens && step < kLineTokens)
        step *= 2;
    const AttentionScratch &near = exact(step), &far = exact(2 * step);
    double share =
        (static_cast<double>(tokens) - static_cast<double>(step)) / static_cast<double>(step);
    auto onLine = [&](uint64_t AttentionScratch::*part) {
        double rise = static_cast<double>(far.*part) - static_cast<double>(near.*part);
        return static_cast<uint64_t>(static_cast<double>(near.*part) + std::max(rise, 0.0) * share);
    };
    return {.key_rotations = onLine(&AttentionScratch::key_rotations),
            .head_facts = near.head_facts,
            .schedules = onLine(&AttentionScratch::schedules),
            .scores = onLine(&AttentionScratch::scores),
            .evicting = onLine(&AttentionScratch::evicting),
            .largest_bytes = onLine(&AttentionScratch::largest_bytes)};
}

bool LongestContext::fits(uint64_t tokens) {
    options_.context_tokens = tokens;
    const model::Config &config = model_.config;
    Tiling tiling = sessionTiling(model_.tiling, model_.config, options_);
    AttentionScratch attention = attentionAt(tokens);
    uint64_t sum = model_.weights.device_bytes + planRecurrentMemory(config) +
                   planCache(config, options_, tiling.chunk_tokens) +
                   planScratch(config, planWidths(config), tiling, options_) + attention.bytes();
    uint64_t largest =
        std::max(attention.largest_bytes, largestPlane(config, options_, tiling.chunk_tokens));
    return sum <= room_.free_bytes && largest <= room_.largest_buffer_bytes;
}

uint64_t LongestContext::find(CacheType k, CacheType v) {
    options_.k = k;
    options_.v = v;
    uint64_t most = 0, beyond = 1; // `most` fits
    while (beyond < kMostTokens && fits(beyond))
        most = std::exchange(beyond, std::min(2 * beyond, kMostTokens));
    if (beyond == kMostTokens && fits(beyond))
        return beyond;
    while (beyond - most > 1) {
        uint64_t middle = most + (beyond - most) / 2;
        (fits(middle) ? most : beyond) = middle;
    }
    return most;
}

} // namespace longscope::engine
