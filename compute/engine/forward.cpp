#include "compute/engine/forward.h"

namespace longscope::engine {

bool recordLayers(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                  const LayerRange &layers, const Flush &flush,
                  const std::function<bool()> &layer_done) {
    const auto &[config, weights, op, attention, cache, scratch] = pass;
    const RowRange all{0, chunk.rows};
    op.embed(recorder, weights.embedding.front(), scratch.tokens, scratch.x, chunk.rows);

    for (uint32_t layer = 0; layer < layers.count; ++layer) {
        const LayerWeights &own = weights.layers[layer];
        bool observed = layers.observer && layers.observer->wants(layer, chunk);

        // What does each token want to know of the tokens before it?
        op.norm(recorder, own.attn_norm, scratch.x, scratch.normed, all);
        op.multiply(recorder, own.qkv, scratch.normed, scratch.qkv, chunk.rows);
        attention.rotate(recorder, scratch, cache, layer);
        attention.attend(recorder, scratch, cache, layer, flush, observed);
        if (observed)
            layers.observer->recorded(recorder, pass, layer, chunk, flush);
        op.multiply(recorder, own.attn_output, scratch.attended, scratch.x, chunk.rows); // adds

        // What follows from it?
        op.norm(recorder, own.ffn_norm, scratch.x, scratch.normed, all);
        op.multiply(recorder, own.gate_up, scratch.normed, scratch.gate_up, chunk.rows);
        op.activate(recorder, {}, scratch.gate_up, {scratch.gate_up, weights.widths.layer[layer].up_offset},
                    scratch.hidden, chunk.rows);
        op.multiply(recorder, own.ffn_down, scratch.hidden, scratch.x, chunk.rows); // adds

        if (!layer_done())
            return false;
    }
    return true;
}

void recordHead(gpu::Recorder &recorder, const Pass &pass, RowRange rows) {
    const Scratch &scratch = pass.scratch;
    pass.operations.norm(recorder, pass.weights.output_norm, scratch.x, scratch.normed, rows);
    pass.operations.multiply(recorder, pass.weights.head(), scratch.normed, scratch.logits,
                             rows.count);
}

} // namespace longscope::engine
