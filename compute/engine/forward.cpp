#include "compute/engine/forward.h"

namespace longscope::engine {

bool recordLayers(gpu::Recorder &recorder, const Model &model, const KvCache &cache,
                  const Scratch &scratch, Chunk chunk, const std::function<bool()> &layer_done) {
    const Operations &op = model.operations;
    const RowRange all{0, chunk.rows};
    op.embed(recorder, scratch.tokens, scratch.x, chunk.rows);

    for (uint32_t layer = 0; layer < model.config.layers; ++layer) {
        const LayerWeights &weights = model.weights.layers[layer];

        // What does each token want to know of the tokens before it?
        op.norm(recorder, scratch.x, weights.attn_norm, scratch.normed, all);
        op.multiply(recorder, weights.qkv, scratch.normed, scratch.qkv, chunk.rows);
        op.rotate(recorder, scratch, cache, layer, chunk);
        op.attend(recorder, scratch, cache, layer, chunk);
        op.multiply(recorder, weights.attn_output, scratch.attended, scratch.x, chunk.rows); // adds

        // What follows from it?
        op.norm(recorder, scratch.x, weights.ffn_norm, scratch.normed, all);
        op.multiply(recorder, weights.gate_up, scratch.normed, scratch.gate_up, chunk.rows);
        op.gate(recorder, scratch.gate_up, scratch.hidden, chunk.rows);
        op.multiply(recorder, weights.ffn_down, scratch.hidden, scratch.x, chunk.rows); // adds

        if (!layer_done())
            return false;
    }
    return true;
}

void recordHead(gpu::Recorder &recorder, const Model &model, const Scratch &scratch,
                RowRange rows) {
    const Operations &op = model.operations;
    op.norm(recorder, scratch.x, model.weights.output_norm, scratch.normed, rows);
    op.multiply(recorder, model.weights.head(), scratch.normed, scratch.logits, rows.count);
}

} // namespace longscope::engine
