#include "compute/engine/recurrent_state.h"

#include "compute/core/error.h"

#include <cassert>

namespace longscope::engine {
namespace {

constexpr uint32_t kMostTaps = 8;   // they stay in registers
constexpr uint32_t kMostKeys = 256; // so does the state; the largest known

void checkConvolution(const RecurrentShape &shape) {
    if (shape.taps < 2 || shape.taps > kMostTaps)
        fail(ErrorKind::model, "a recurrent layer convolves {} tokens, possible are 2 to {}",
             shape.taps, kMostTaps);
    bool is_delta = shape.mixer == Mixer::delta_net;
    uint64_t joined =
        shape.inner() +
        (is_delta || shape.mixer == Mixer::mamba2 ? 2ull * shape.groups * shape.keys : 0);
    if (shape.mixer != Mixer::short_conv && shape.channels != joined)
        fail(ErrorKind::model,
             "a recurrent layer convolves {} channels, but {} heads of {} with {} groups of {} are "
             "{}",
             shape.channels, shape.heads, shape.head_dim, shape.groups, shape.keys, joined);
}

void checkScan(const RecurrentShape &shape) {
    if (shape.keys < 1 || shape.keys > kMostKeys)
        fail(ErrorKind::model,
             "the state of a recurrent layer has {} numbers of a value, possible "
             "are 1 to {}",
             shape.keys, kMostKeys);
    if (shape.heads < 1 || shape.head_dim < 1 || shape.groups < 1 || shape.groups > shape.heads)
        fail(ErrorKind::model, "a recurrent layer has {} heads of {} in {} groups", shape.heads,
             shape.head_dim, shape.groups);
    if (uint64_t{shape.heads} * shape.head_dim > (1u << 30) / shape.keys)
        fail(ErrorKind::model,
             "the state of a recurrent layer is {} heads x {} x {}, more than 4 GiB", shape.heads,
             shape.head_dim, shape.keys);
    if (shape.mixer == Mixer::mamba1 && shape.heads != 1)
        fail(ErrorKind::model, "a mamba-1 layer has {} heads, 1 is possible", shape.heads);
    if (shape.mixer == Mixer::rwkv6 &&
        (shape.head_dim != shape.keys || shape.inner() != shape.channels))
        fail(ErrorKind::model, "an RWKV-6 layer of {} has {} heads of {} x {}", shape.channels,
             shape.heads, shape.head_dim, shape.keys);
}

} // namespace

void checkRecurrentShape(const RecurrentShape &shape) {
    if (shape.channels == 0)
        fail(ErrorKind::model, "a recurrent layer has no channels");
    if (shape.mixer != Mixer::short_conv)
        checkScan(shape);
    if (shape.mixer != Mixer::rwkv6)
        checkConvolution(shape);
}

uint64_t RecurrentShape::historyFloats() const {
    return uint64_t{channels} * (mixer == Mixer::rwkv6 ? 2 : taps - 1);
}

uint32_t RecurrentShape::decays() const {
    switch (mixer) {
    case Mixer::short_conv:
        return 0;
    case Mixer::mamba1:
    case Mixer::rwkv6:
        return inner();
    case Mixer::mamba2:
    case Mixer::delta_net:
        return heads;
    }
    return 0;
}

uint32_t RecurrentShape::stateFlops() const {
    switch (mixer) {
    case Mixer::short_conv:
        return 0;
    case Mixer::mamba2:
        return 5;
    case Mixer::mamba1:
    case Mixer::delta_net:
    case Mixer::rwkv6:
        return 7;
    }
    return 0;
}

double RecurrentShape::tokenFlops() const {
    double convolution = mixer == Mixer::rwkv6 ? 0 : 2.0 * taps * channels;
    return convolution + static_cast<double>(stateFloats()) * stateFlops();
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
