// The forward pass of one chunk, as one page. It records dispatches; who calls it submits.
#pragma once

#include "compute/engine/attention.h"
#include "compute/engine/experts.h"
#include "compute/engine/operations.h"

#include <functional>

namespace longscope::engine {

class Mixers; // mixers.h

/// What one pass works with.
struct Pass {
    const model::Config &config;
    const Weights &weights;
    const Operations &operations;
    Attention &attention;
    const Experts *experts; ///< null: no layer has some
    const Mixers *mixers;   ///< null: no layer recurs
    const KvCache &cache;
    const Scratch &scratch;
};

/// Looks at a layer after its attention was recorded: q, the state of every row and the schedule
/// are there until the next layer. So are, behind a recurrent mixer, the rows that it worked with.
class Observer {
  public:
    virtual ~Observer() = default;
    /// Whether `recorded` wants to be called for this layer of the chunk.
    virtual bool wants(uint32_t layer, const Chunk &chunk) const = 0;
    virtual void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                          const Chunk &chunk, const Flush &flush) = 0;
    /// The same for layers that recur.
    virtual bool wantsMixed(uint32_t, const Chunk &) const { return false; }
    virtual void mixed(gpu::Recorder &, const Pass &, uint32_t, const Chunk &, const Flush &) {}
    /// After the last layer of a chunk: its rows are in scratch.x, before the last norm.
    virtual void finished(gpu::Recorder &, const Pass &, const Chunk &, const Flush &) {}
};

struct LayerRange {
    uint32_t count = 0;           ///< layers 0 .. count - 1
    Observer *observer = nullptr; ///< may be absent
};

/// What is recorded now: one layer of a chunk.
struct Step {
    gpu::Recorder &recorder;
    const Pass &pass;
    const Chunk &chunk;
    const Flush &flush;
    uint32_t layer = 0;

    const model::LayerConfig &kind() const { return pass.config.layer[layer]; }
    const LayerWeights &weights() const { return pass.weights.layers[layer]; }
    const LayerWidths &widths() const { return pass.weights.widths.layer[layer]; }
};

/// Embeds the chunk's tokens (scratch.tokens) and runs the layers; `layer_done` is asked after each
/// layer and ends the pass when it says false (then the result is false). The result is in
/// scratch.x.
bool recordLayers(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                  const LayerRange &layers, const Flush &flush,
                  const std::function<bool()> &layer_done);

/// Logits of some rows of the chunk, into scratch.logits.
void recordHead(gpu::Recorder &recorder, const Pass &pass, RowRange rows);

// ---- the steps of a layer (forward_steps.cpp) ------------------------------------------------

void recordEmbedding(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk);
/// out (+)= attention of in; `observer` may be null.
void recordAttention(const Step &step, const Activations &in, const Activations &out,
                     Observer *observer);
/// out (+)= recurrent mixer of in; `observer` may be null.
void recordMixer(const Step &step, const Activations &in, const Activations &out,
                 Observer *observer);
/// out (+)= feed-forward block of in: dense, experts, shared expert; rwkv6: its channel mix.
void recordFeedForward(const Step &step, const Activations &in, const Activations &out);
/// Its parts. `gate` [model_dim -> 1], through a sigmoid, weighs the block; null: none.
void recordDense(const Step &step, const DenseWeights &own, const LinearGroup *gate,
                 const Activations &in, const Activations &out);
/// out (+)= experts of in, chosen by what the router says of `routed`.
void recordExperts(const Step &step, const ExpertWeights &own, const Activations &routed,
                   const Activations &in, const Activations &out);

} // namespace longscope::engine
