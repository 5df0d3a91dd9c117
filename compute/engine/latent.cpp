#include "compute/engine/latent.h"

#include "compute/core/error.h"

#include <algorithm>

namespace longscope::engine {
namespace {

using model::Config;

uint32_t rotatedDims(const Config &config) {
    return config.rope().dims;
}
uint32_t stillDims(const Config &config) {
    return config.latent.key_dim - rotatedDims(config);
}
/// Of the head that is cached.
uint32_t cachedDims(const Config &config) {
    return config.latent.kv_rank + rotatedDims(config);
}

/// Columns of `heads` parts of `each`, of which a matrix of `read` columns reads the first: what it
/// reads beyond the last one is multiplied by zeros and must be there.
uint32_t widthOfParts(uint32_t heads, uint32_t each, uint32_t read) {
    uint64_t before_last = uint64_t{heads - 1} * each;
    return padded(std::max(before_last + each, before_last + padded(read)));
}

} // namespace

LatentWidths latentWidths(const Config &config) {
    const model::LatentConfig &sizes = config.latent;
    if (!config.architecture->attention.latent || config.heads == 0)
        return {};
    return {.low = padded(sizes.q_rank),
            .q = widthOfParts(config.heads, sizes.key_dim, stillDims(config)),
            .values = padded(uint64_t{config.heads} * sizes.value_dim)};
}

uint32_t attendedWidth(const Config &config) {
    return widthOfParts(config.heads, cachedDims(config), config.latent.kv_rank);
}

void checkLatent(const Config &config) {
    const model::LatentConfig &sizes = config.latent;
    if (!config.architecture->attention.latent)
        return;
    uint32_t rotated = rotatedDims(config);
    if (sizes.kv_rank % 8 || sizes.value_dim % 8 || sizes.key_dim % 4 || rotated % 4)
        fail(ErrorKind::model,
             "latent attention with keys of {} dimensions, {} of them rotated, values of {} and a "
             "rank of {} is not supported: keys and the rotated part must be multiples of 4, "
             "values and the rank of 8",
             sizes.key_dim, rotated, sizes.value_dim, sizes.kv_rank);
}

void recordLatentQkv(const Step &step, const Activations &in) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    const Config &config = step.pass.config;
    const LatentWeights &own = step.weights().attention.latent;
    gpu::Recorder &recorder = step.recorder;
    const uint32_t rows = step.chunk.rows, k = step.widths().k_offset;
    const uint32_t key_dim = config.latent.key_dim, cached = cachedDims(config);

    if (!own.q_low.empty()) {
        op.multiply(recorder, own.q_low, in, scratch.latent_low, rows);
        op.norm(recorder, own.q_low_norm, scratch.latent_low, scratch.latent_low, {0, rows});
    }
    op.multiply(recorder, own.q, own.q_low.empty() ? in : scratch.latent_low, scratch.latent_q,
                rows);
    op.multiplyHeads(
        recorder, own.keys,
        {.results = config.latent.kv_rank, .x_distance = key_dim, .y_distance = cached},
        scratch.latent_q, scratch.qkv, rows);
    op.adjust(recorder,
              {.columns = rotatedDims(config),
               .segments = step.kind().heads,
               .x_distance = key_dim,
               .y_distance = cached},
              {scratch.latent_q, stillDims(config)}, {scratch.qkv, config.latent.kv_rank}, rows);

    op.multiply(recorder, own.kv, in, scratch.qkv, rows);
    op.normSegments(recorder, own.kv_norm, {}, {scratch.qkv, k}, {scratch.qkv, k}, rows);
}

void recordLatentValues(const Step &step) {
    const Config &config = step.pass.config;
    const Scratch &scratch = step.pass.scratch;
    step.pass.operations.multiplyHeads(step.recorder, step.weights().attention.latent.values,
                                       {.results = config.latent.value_dim,
                                        .x_distance = cachedDims(config),
                                        .y_distance = config.latent.value_dim},
                                       scratch.attended, scratch.latent_values, step.chunk.rows);
}

} // namespace longscope::engine
