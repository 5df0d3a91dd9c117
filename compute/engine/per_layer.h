// What only gemma4 has: an embedding of each token for each layer, joined with x at the start of
// the pass and added at the end of each layer; layers with a dense block and experts side by side,
// each between norms of its own; a factor at the end of a layer.
#pragma once

#include "compute/engine/forward.h"

namespace longscope::engine {

/// scratch.per_layer [rows, layers, per_layer_dim] from the tokens and from x as it is embedded;
/// nothing in models without.
void recordPerLayerInputs(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk);
/// out = norm(dense block of in) + norm(experts of x), of a layer that has both.
void recordBothBlocks(const Step &step, const Activations &in, const Activations &out);
/// x = (x + norm(W (gelu(W' x) * the layer's own embedding))) * factor, of what the layer has.
void recordLayerEnd(const Step &step);

} // namespace longscope::engine
