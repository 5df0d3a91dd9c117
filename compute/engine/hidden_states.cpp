#include "compute/engine/hidden_states.h"

#include "compute/core/error.h"

#include <utility>

namespace longscope::engine {

HiddenStates::HiddenStates(gpu::Device &device, const model::Config &config, StateRequest request,
                           Sink sink)
    : device_(device), request_(request), layers_(config.layers), sink_(std::move(sink)) {
    if (request_.layer > layers_)
        fail(ErrorKind::usage, "there are no states after {} layers: the model has {}",
             request_.layer, layers_);
    if (request_.layer < layers_ && !config.layer[request_.layer].attends())
        fail(ErrorKind::usage, "layer {} has no attention to look at: it is recurrent",
             request_.layer);
}

bool HiddenStates::wants(uint32_t layer, const Chunk &) const {
    return layer == request_.layer;
}

void HiddenStates::recorded(gpu::Recorder &, const Pass &pass, uint32_t, const Chunk &chunk,
                            const Flush &flush) {
    flush();
    handOut(pass, pass.scratch.x, chunk); // the layer has not yet added its own
}

void HiddenStates::finished(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                            const Flush &flush) {
    if (request_.layer != layers_)
        return;
    const Scratch &scratch = pass.scratch;
    if (request_.normed)
        pass.operations.norm(recorder, pass.weights.output_norm, scratch.x, scratch.normed,
                             {0, chunk.rows});
    flush();
    handOut(pass, request_.normed ? scratch.normed : scratch.x, chunk);
}

void HiddenStates::handOut(const Pass &pass, const Activations &states, const Chunk &chunk) {
    rows_.resize(size_t{chunk.rows} * states.stride);
    gpu::downloadBytes(device_, states.buffer, 0, std::as_writable_bytes(std::span(rows_)));
    for (uint32_t row = 0; row < chunk.rows; ++row)
        sink_(chunk.position + row,
              {rows_.data() + size_t{row} * states.stride, pass.config.model_dim});
}

} // namespace longscope::engine
