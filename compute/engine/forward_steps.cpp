// The steps of a layer, each for all families: what a model does not have is empty and left out.
#include "compute/engine/latent.h"
#include "compute/engine/mixers.h"
#include "compute/engine/per_layer.h"

#include <tuple>

namespace longscope::engine {
namespace {

/// Heads of q, k and v, before they are rotated.
void normHeads(const Step &step) {
    const Operations &op = step.pass.operations;
    const AttentionWeights &own = step.weights().attention;
    const LayerWidths &at = step.widths();
    const model::LayerConfig &kind = step.kind();
    const Activations &qkv = step.pass.scratch.qkv;
    auto norm = [&](const Norm &by, uint32_t heads, uint32_t from, uint32_t to, uint32_t distance) {
        if (!by)
            return;
        const bool flat = by.columns != kind.head_dim;
        op.normSegments(step.recorder, by, {.count = flat ? 1 : heads, .x_distance = distance},
                        {qkv, from}, {qkv, to}, step.chunk.rows);
    };
    const bool gated = step.pass.config.architecture->attention.gated; // q lies beside its gate
    norm(own.q_norm, kind.heads, gated ? at.gate_offset : 0, 0, gated ? 2 * kind.head_dim : 0);
    if (kind.cache_layer != step.layer)
        return;
    norm(own.k_norm, kind.kv_heads, at.k_offset, at.k_offset, 0);
    norm(own.v_norm, kind.kv_heads, at.v_offset, at.v_offset, 0);
}

void adjustQkv(const Step &step) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    if (float bound = step.pass.config.clamp_qkv; bound > 0)
        op.adjust(step.recorder,
                  {.columns = step.widths().qkv, .kind = Adjust::Bound::clamp, .bound = bound},
                  scratch.qkv, scratch.qkv, step.chunk.rows);
    normHeads(step);
}

HeadNorms normsBehind(const AttentionWeights &own) {
    return {own.after_q ? own.after_q.address() : 0, own.after_k ? own.after_k.address() : 0};
}

/// hidden = act(gate) * up, or act(up), of what lies in scratch.gate_up.
void activate(const Step &step, const DenseWeights &own) {
    const Scratch &scratch = step.pass.scratch;
    Activation activation = own.activation;
    activation.divisor = own.divisor ? &own.divisor : nullptr;
    const Columns up{scratch.gate_up, own.up_offset};
    if (own.gated)
        step.pass.operations.activate(step.recorder, activation, scratch.gate_up, up,
                                      scratch.hidden, step.chunk.rows);
    else
        step.pass.operations.activate(step.recorder, activation, up, scratch.hidden,
                                      step.chunk.rows);
}

} // namespace

void recordDense(const Step &step, const DenseWeights &own, const LinearGroup *gate,
                 const Activations &in, const Activations &out) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    const uint32_t rows = step.chunk.rows;
    op.multiply(step.recorder, own.gate_up, in, scratch.gate_up, rows);
    activate(step, own);
    if (gate && !gate->empty()) {
        op.multiply(step.recorder, *gate, in, scratch.shared_gate, rows);
        op.adjust(
            step.recorder,
            {.columns = own.activation.columns, .scales = scratch.shared_gate, .sigmoid = true},
            scratch.hidden, scratch.hidden, rows);
    }
    op.multiply(step.recorder, own.down, scratch.hidden, out, rows);
}

void recordExperts(const Step &step, const ExpertWeights &own, const Activations &routed,
                   const Activations &in, const Activations &out) {
    const Operations &op = step.pass.operations;
    const Experts &experts = *step.pass.experts;
    const ExpertScratch &scratch = step.pass.scratch.experts;
    gpu::Recorder &recorder = step.recorder;
    const uint32_t rows = step.chunk.rows, assignments = rows * step.kind().experts_used;
    op.multiply(recorder, own.router, routed, scratch.logits, rows);
    experts.route(recorder, own.selection_bias ? &own.selection_bias : nullptr, scratch, rows);
    experts.multiply(recorder, own.gate_up, in, Experts::Input::of_row, scratch.gate_up, scratch,
                     rows);
    op.activate(recorder, own.activation, scratch.gate_up,
                {scratch.gate_up, padded(own.activation.columns)}, scratch.hidden, assignments);
    experts.multiply(recorder, own.down, scratch.hidden, Experts::Input::of_assignment,
                     scratch.results, scratch, rows);
    const bool adds = &out == &step.pass.scratch.x;
    experts.combine(recorder, scratch, out, adds ? Experts::Into::added : Experts::Into::replaced,
                    rows);
}

void recordEmbedding(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk) {
    const Operations &op = pass.operations;
    const auto &[weights, scratch] = std::tie(pass.weights, pass.scratch);
    op.embed(recorder, weights.embedding.front(), scratch.tokens, scratch.x, chunk.rows,
             static_cast<float>(pass.config.embedding_factor));
    if (!weights.positions.empty())
        op.embed(recorder, weights.positions.front(), scratch.positions, scratch.x, chunk.rows, 1,
                 true);
    if (weights.embedding_norm)
        op.norm(recorder, weights.embedding_norm, scratch.x, scratch.x, {0, chunk.rows});
    recordPerLayerInputs(recorder, pass, chunk);
}

void recordAttention(const Step &step, const Activations &in, const Activations &out,
                     Observer *observer) {
    const Operations &op = step.pass.operations;
    const Scratch &scratch = step.pass.scratch;
    const AttentionWeights &own = step.weights().attention;
    Attention &attention = step.pass.attention;
    gpu::Recorder &recorder = step.recorder;
    const uint32_t rows = step.chunk.rows, head_dim = step.kind().head_dim;
    const bool observed = observer && observer->wants(step.layer, step.chunk);

    if (own.latent) {
        recordLatentQkv(step, in);
    } else {
        op.multiply(recorder, own.qkv, in, scratch.qkv, rows);
        adjustQkv(step);
    }
    attention.rotate(recorder, scratch, step.pass.cache, step.layer, normsBehind(own));
    attention.attend(recorder, scratch, step.pass.cache, step.layer, step.flush, observed);
    if (observed)
        observer->recorded(recorder, step.pass, step.layer, step.chunk, step.flush);
    if (step.pass.config.architecture->attention.gated)
        op.activate(recorder,
                    {.kind = model::ActivationKind::sigmoid,
                     .columns = step.kind().heads * head_dim,
                     .segment = head_dim,
                     .gate_distance = 2 * head_dim},
                    {scratch.qkv, step.widths().gate_offset + head_dim}, scratch.attended,
                    scratch.attended, rows);
    if (own.latent)
        recordLatentValues(step);
    op.multiply(recorder, own.output, own.latent ? scratch.latent_values : scratch.attended, out,
                rows);
}

void recordMixer(const Step &step, const Activations &in, const Activations &out,
                 Observer *observer) {
    step.pass.mixers->mix(step, in, out);
    if (observer && observer->wantsMixed(step.layer, step.chunk))
        observer->mixed(step.recorder, step.pass, step.layer, step.chunk, step.flush);
}

void recordFeedForward(const Step &step, const Activations &in, const Activations &out) {
    const LayerWeights &own = step.weights();
    if (own.per_layer.experts_after)
        return recordBothBlocks(step, in, out);
    if (step.kind().recurrence == model::Recurrence::rwkv6)
        step.pass.mixers->mixChannels(step, in, out);
    if (own.dense)
        recordDense(step, own.dense, nullptr, in, out);
    if (step.kind().experts_used > 0)
        recordExperts(step, own.experts, in, in, out);
    if (own.experts.shared)
        recordDense(step, own.experts.shared, &own.experts.shared_gate, in, out);
}

} // namespace longscope::engine
