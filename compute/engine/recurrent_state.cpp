#include "compute/engine/recurrent_state.h"

#include <cassert>

namespace longscope::engine {

uint64_t RecurrentShape::historyFloats() const {
    return uint64_t{channels} * (mixer == Mixer::rwkv6 ? 2 : taps - 1);
}

RecurrentState makeRecurrentState(gpu::Device &device, const RecurrentShape &shape) {
    auto make = [&](uint64_t floats) {
        return floats == 0 ? gpu::Buffer()
                           : gpu::Buffer(device, "recurrent state", floats * sizeof(float),
                                         gpu::Memory::device);
    };
    RecurrentState state{make(shape.historyFloats()), make(shape.stateFloats())};
    clearState(device, state);
    return state;
}

void clearState(gpu::Device &device, RecurrentState &state) {
    for (gpu::Buffer *part : {&state.history, &state.state})
        if (*part)
            gpu::fillWords(device, *part, 0);
}

void saveState(gpu::Recorder &recorder, const RecurrentState &state, const gpu::Buffer &to,
               uint64_t offset_bytes) {
    assert(offset_bytes + state.bytes() <= to.bytes());
    for (const gpu::Buffer *part : {&state.history, &state.state})
        if (*part) {
            recorder.copy(*part, 0, to, offset_bytes, part->bytes());
            offset_bytes += part->bytes();
        }
}

void restoreState(gpu::Recorder &recorder, const RecurrentState &state, const gpu::Buffer &from,
                  uint64_t offset_bytes) {
    assert(offset_bytes + state.bytes() <= from.bytes());
    for (const gpu::Buffer *part : {&state.history, &state.state})
        if (*part) {
            recorder.copy(from, offset_bytes, *part, 0, part->bytes());
            offset_bytes += part->bytes();
        }
}

void downloadState(gpu::Device &device, const RecurrentState &state, std::span<std::byte> to) {
    assert(to.size() == state.bytes());
    for (const gpu::Buffer *part : {&state.history, &state.state})
        if (*part) {
            gpu::downloadBytes(device, *part, 0, to.first(part->bytes()));
            to = to.subspan(part->bytes());
        }
}

void uploadState(gpu::Device &device, RecurrentState &state, std::span<const std::byte> from) {
    assert(from.size() == state.bytes());
    for (gpu::Buffer *part : {&state.history, &state.state})
        if (*part) {
            gpu::uploadBytes(device, *part, 0, from.first(part->bytes()));
            from = from.subspan(part->bytes());
        }
}

} // namespace longscope::engine
