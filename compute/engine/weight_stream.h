// Where the planes of matrices lie: on the device for good, or, for the layers that it has no room
// for, in host memory, from where they are copied into one slot on the device each time before
// their layer runs. Norms, biases and tables are small and always stay on the device.
#pragma once

#include "compute/gpu/recorder.h"

#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace longscope::engine {

/// The part under which streamed layers are booked.
inline constexpr char kHostWeights[] = "weights in host memory";

/// Of some matrices: planes are what a stream can hold.
struct WeightBytes {
    std::vector<uint64_t> planes{}; ///< of each buffer
    uint64_t rest = 0;
    uint64_t sum() const { return std::accumulate(planes.begin(), planes.end(), rest); }
};

/// Bytes of a slot that the planes of these sizes take.
uint64_t slotBytes(std::span<const uint64_t> planes);

using WritePlanes = std::function<void(std::span<std::byte>)>;

/// The layers that are streamed: the last ones of a model.
class WeightStream {
  public:
    WeightStream(gpu::Device &device, uint32_t first_layer, uint64_t slot_bytes);

    bool holds(uint32_t layer) const { return layer >= first_layer_; }
    uint32_t layers() const { return static_cast<uint32_t>(pieces_.size()); }
    uint64_t hostBytes() const { return host_bytes_; }
    /// Planes of the layer that is being made, the last one that was begun; their address in the
    /// slot. Throws Error(memory).
    void beginLayer();
    uint64_t add(uint64_t bytes, const WritePlanes &write);
    /// Records the copies before a streamed layer, nothing before others.
    void bring(gpu::Recorder &recorder, uint32_t layer) const;

  private:
    struct Piece {
        gpu::Buffer host;
        uint64_t offset = 0; ///< in the slot
    };
    gpu::Device &device_;
    uint32_t first_layer_;
    gpu::Buffer slot_;
    std::vector<std::vector<Piece>> pieces_; ///< by layer from first_layer on
    uint64_t next_ = 0, host_bytes_ = 0;
};

/// Where something is to be put.
struct WeightPlace {
    gpu::Device &device;
    WeightStream *stream = nullptr; ///< null: on the device for good

    WeightPlace(gpu::Device &on, WeightStream *by = nullptr) : device(on), stream(by) {}
};

/// The buffer of planes (empty where a stream has them) and their address for kernels.
std::pair<gpu::Buffer, uint64_t> putPlanes(const WeightPlace &place, uint64_t bytes,
                                           const WritePlanes &write);

} // namespace longscope::engine
