// The verbs of the forward pass. Each one is a dispatch (or two): it picks the pipeline, the thread
// counts and the theoretical cost, so that forward.cpp can read as the model does.
#pragma once

#include "compute/engine/kv_cache.h"
#include "compute/engine/scratch.h"
#include "compute/gpu/recorder.h"

namespace longscope::engine {

/// Rows first .. first + count of the chunk.
struct RowRange {
    uint64_t first = 0;
    uint32_t count = 0;
};

/// Tokens position .. position + rows of the timeline; their ids and rotations lie in the scratch.
struct Chunk {
    uint64_t position = 0;
    uint32_t rows = 0;
};

class Operations {
  public:
    Operations(gpu::Device &device, const Tiling &tiling, const model::Config &config,
               const Weights &weights, CacheType k, CacheType v);

    /// x[i] = embedding[tokens[i]]
    void embed(gpu::Recorder &recorder, const gpu::Buffer &tokens, const Activations &x,
               uint32_t rows) const;
    /// y[i] = rmsNorm(x[range.first + i]) * weight
    void norm(gpu::Recorder &recorder, const Activations &x, const gpu::Buffer &weight,
              const Activations &y, RowRange range) const;
    /// y = W x (+ what the group adds: bias, or y itself as the residual)
    void multiply(gpu::Recorder &recorder, const LinearGroup &group, const Activations &x,
                  const Activations &y, uint32_t rows) const;
    /// scratch.qkv: rotated q goes to scratch.q, rotated k and v to the layer's cache
    void rotate(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                uint32_t layer, Chunk chunk) const;
    /// scratch.attended = causal attention of scratch.q over the layer's cache
    void attend(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                uint32_t layer, Chunk chunk) const;
    /// hidden = silu(gate) * up
    void gate(gpu::Recorder &recorder, const Activations &gate_up, const Activations &hidden,
              uint32_t rows) const;

  private:
    void attendChunk(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                     uint32_t layer, Chunk chunk) const;
    void attendOne(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                   uint32_t layer, uint64_t position) const;
    /// Bytes of K and V of one token in one layer.
    uint64_t cacheRowBytes(const KvCache &cache) const;

    const Tiling tiling_;
    const model::Config &config_;
    const Weights &weights_;
    AttentionTile prefill_tile_, decode_tile_;
    float score_scale_;
    uint32_t decode_groups_ = 0; ///< workgroups beside each other for one range of keys
    const gpu::Pipeline *embed_, *norm_, *rope_, *gate_, *prefill_, *decode_, *merge_;
};

} // namespace longscope::engine
