#include "compute/engine/per_layer.h"

#include <cmath>
#include <numbers>

namespace longscope::engine {

void recordPerLayerInputs(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk) {
    const model::Config &config = pass.config;
    const Operations &op = pass.operations;
    const Weights &weights = pass.weights;
    const Activations &inputs = pass.scratch.per_layer;
    if (weights.per_layer_embedding.empty())
        return;
    // c = (norm(W x / sqrt(D)) + e sqrt(E)) / sqrt(2), the last factor in both parts.
    op.multiply(recorder, weights.per_layer_projection, pass.scratch.x, inputs, chunk.rows,
                1 / std::sqrt(static_cast<float>(config.model_dim)));
    op.normSegments(recorder, weights.per_layer_norm, {.count = config.layers}, inputs, inputs,
                    chunk.rows);
    const float scale = std::sqrt(static_cast<float>(config.per_layer_dim));
    op.embed(recorder, weights.per_layer_embedding.front(), pass.scratch.tokens, inputs, chunk.rows,
             scale / std::numbers::sqrt2_v<float>, true);
}

void recordBothBlocks(const Step &step, const Activations &in, const Activations &out) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    const LayerWeights &own = step.weights();
    const RowRange all{0, step.chunk.rows};
    recordDense(step, own.dense, nullptr, in, out);
    op.norm(step.recorder, own.per_layer.dense_after, out, out, all);
    // `in` is free now; so is what the router reads, as soon as it has read.
    const Activations &routed = scratch.ffn_in, &mixed = scratch.ffn_in;
    op.norm(step.recorder, own.experts.router_norm, scratch.x, routed, all);
    op.norm(step.recorder, own.per_layer.experts_before, scratch.x, scratch.normed, all);
    recordExperts(step, own.experts, routed, scratch.normed, mixed);
    op.addNorm(step.recorder, own.per_layer.experts_after, mixed, out, step.chunk.rows);
}

void recordLayerEnd(const Step &step) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    const PerLayerWeights &own = step.weights().per_layer;
    const uint32_t rows = step.chunk.rows, size = step.pass.config.per_layer_dim;
    if (!own.gate.empty()) {
        const Activations &gate = scratch.per_layer_gate;
        op.multiply(step.recorder, own.gate, scratch.x, gate, rows);
        op.activate(step.recorder, {.kind = model::ActivationKind::gelu, .columns = size}, gate,
                    {scratch.per_layer, step.layer * size}, gate, rows);
        op.multiply(step.recorder, own.projection, gate, scratch.branch, rows);
        op.addNorm(step.recorder, own.after, scratch.branch, scratch.x, rows);
    }
    if (own.output_scale != 1)
        op.adjust(step.recorder, {.factor = own.output_scale}, scratch.x, scratch.x, rows);
}

} // namespace longscope::engine
