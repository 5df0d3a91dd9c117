#include "compute/engine/forward.h"

#include "compute/engine/per_layer.h"

#include <tuple>

namespace longscope::engine {

bool recordLayers(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                  const LayerRange &layers, const Flush &flush,
                  const std::function<bool()> &layer_done) {
    const Operations &op = pass.operations;
    const Scratch &scratch = pass.scratch;
    const Activations &x = scratch.x, &normed = scratch.normed;
    const RowRange all{0, chunk.rows};
    recordEmbedding(recorder, pass, chunk);

    for (uint32_t layer = 0; layer < layers.count; ++layer) {
        const Step step{recorder, pass, chunk, flush, layer};
        if (pass.weights.stream)
            pass.weights.stream->bring(recorder, layer);
        const LayerWeights &own = step.weights();
        // A norm behind a branch takes it before it joins x; without one the branch adds itself.
        const Activations &mixed = own.attn_after ? scratch.branch : x;
        const Activations &fed = own.ffn_after ? scratch.branch : x;
        const bool early = step.kind().parallel && own.ffn_norm; // both branches start from x
        if (early)
            op.norm(recorder, own.ffn_norm, x, scratch.ffn_in, all);

        // What does each token want to know of the tokens before it?
        if (own.attn_norm)
            op.norm(recorder, own.attn_norm, x, normed, all);
        const Activations &in = own.attn_norm ? normed : x;
        if (step.kind().attends())
            recordAttention(step, in, mixed, layers.observer);
        if (step.kind().recurs())
            recordMixer(step, in, mixed, layers.observer);
        if (own.attn_after)
            op.addNorm(recorder, own.attn_after, mixed, x, chunk.rows);

        // What follows from it?
        if (own.ffn_norm && !early)
            op.norm(recorder, own.ffn_norm, x, normed, all);
        const bool from_x = !own.ffn_norm && !step.kind().parallel;
        recordFeedForward(step, early ? scratch.ffn_in : from_x ? x : normed, fed);
        if (own.ffn_after)
            op.addNorm(recorder, own.ffn_after, fed, x, chunk.rows);
        recordLayerEnd(step);

        if (!layer_done())
            return false;
    }
    if (layers.observer && layers.count == pass.config.layers)
        layers.observer->finished(recorder, pass, chunk, flush);
    return true;
}

void recordHead(gpu::Recorder &recorder, const Pass &pass, RowRange rows) {
    const auto &[scratch, weights, config] = std::tie(pass.scratch, pass.weights, pass.config);
    const Operations &op = pass.operations;
    op.norm(recorder, weights.output_norm, scratch.x, scratch.normed, rows);
    op.multiply(recorder, weights.head(), scratch.normed, scratch.logits, rows.count,
                static_cast<float>(config.logits_factor));
    if (config.logits_cap > 0)
        op.adjust(recorder, {.kind = Adjust::Bound::cap, .bound = config.logits_cap},
                  scratch.logits, scratch.logits, rows.count);
}

} // namespace longscope::engine
