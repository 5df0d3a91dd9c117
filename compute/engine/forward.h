// One pass of a chunk of tokens through the model: the page to read first.
#pragma once

#include "compute/engine/operations.h"

#include <functional>

namespace longscope::engine {

struct Model {
    const model::Config &config;
    const Weights &weights;
    const Operations &operations;
};

/// Records the layers; `layer_done` is called after each and may submit what was recorded so far.
/// Returns false when it says stop. Afterwards scratch.x holds the last hidden states and the
/// cache the keys and values of the chunk.
bool recordLayers(gpu::Recorder &recorder, const Model &model, const KvCache &cache,
                  const Scratch &scratch, Chunk chunk, const std::function<bool()> &layer_done);

/// Logits of some rows of the chunk, [rows.count, vocab padded], from scratch.x.
void recordHead(gpu::Recorder &recorder, const Model &model, const Scratch &scratch, RowRange rows);

} // namespace longscope::engine
