// The verbs of the forward pass beside attention (attention.h). Each one is a dispatch: it picks
// the pipeline, the thread counts and the theoretical cost, so that forward.cpp can read as the
// model does.
#pragma once

#include "compute/engine/scratch.h"
#include "compute/gpu/recorder.h"

namespace longscope::engine {

/// Rows first .. first + count of the chunk.
struct RowRange {
    uint64_t first = 0;
    uint32_t count = 0;
};

class Operations {
  public:
    Operations(gpu::Device &device, const Tiling &tiling, const model::Config &config,
               const Weights &weights);

    /// x[i] = embedding[tokens[i]]
    void embed(gpu::Recorder &recorder, const gpu::Buffer &tokens, const Activations &x,
               uint32_t rows) const;
    /// y[i] = rmsNorm(x[range.first + i]) * weight
    void norm(gpu::Recorder &recorder, const Activations &x, const gpu::Buffer &weight,
              const Activations &y, RowRange range) const;
    /// y = W x (+ what the group adds: bias, or y itself as the residual)
    void multiply(gpu::Recorder &recorder, const LinearGroup &group, const Activations &x,
                  const Activations &y, uint32_t rows) const;
    /// hidden = silu(gate) * up
    void gate(gpu::Recorder &recorder, const Activations &gate_up, const Activations &hidden,
              uint32_t rows) const;

  private:
    const Tiling tiling_;
    const model::Config &config_;
    const Weights &weights_;
    const gpu::Pipeline *embed_, *norm_, *gate_;
};

} // namespace longscope::engine
