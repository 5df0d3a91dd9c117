#include "compute/engine/weight_stream.h"

#include <cassert>

namespace longscope::engine {
namespace {

constexpr uint64_t kAlignmentBytes = 256; // as buffers of their own have it

uint64_t aligned(uint64_t bytes) {
    return (bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
}

} // namespace

uint64_t slotBytes(std::span<const uint64_t> planes) {
    uint64_t bytes = 0;
    for (uint64_t own : planes)
        bytes += aligned(own);
    return bytes;
}

WeightStream::WeightStream(gpu::Device &device, uint32_t first_layer, uint64_t slot_bytes)
    : device_(device), first_layer_(first_layer),
      slot_(device, "weights", slot_bytes, gpu::Memory::device) {}

void WeightStream::beginLayer() {
    pieces_.emplace_back();
    next_ = 0;
}

uint64_t WeightStream::add(uint64_t bytes, const WritePlanes &write) {
    assert(next_ + bytes <= slot_.bytes());
    Piece piece{.host = gpu::Buffer(device_, kHostWeights, bytes, gpu::Memory::host),
                .offset = next_};
    gpu::writeBuffer(device_, piece.host, write);
    next_ += aligned(bytes);
    host_bytes_ += bytes;
    pieces_.back().push_back(std::move(piece));
    return slot_.address() + pieces_.back().back().offset;
}

void WeightStream::bring(gpu::Recorder &recorder, uint32_t layer) const {
    if (!holds(layer))
        return;
    recorder.settle(); // the layer before has read the slot
    for (const Piece &piece : pieces_[layer - first_layer_])
        recorder.copy(piece.host, 0, slot_, piece.offset, piece.host.bytes());
    recorder.settle(); // kernels reach it by address
}

std::pair<gpu::Buffer, uint64_t> putPlanes(const WeightPlace &place, uint64_t bytes,
                                           const WritePlanes &write) {
    if (place.stream)
        return {gpu::Buffer(), place.stream->add(bytes, write)};
    gpu::Buffer planes(place.device, "weights", bytes, gpu::Memory::device);
    gpu::writeBuffer(place.device, planes, write);
    uint64_t address = planes.address();
    return {std::move(planes), address};
}

} // namespace longscope::engine
