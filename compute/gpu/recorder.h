// Records dispatches and runs them. Barriers are derived from what each dispatch reads and writes.
// Timestamps around every dispatch are kept when asked for (profile.h).
#pragma once

#include "compute/gpu/buffer.h"
#include "compute/gpu/pipeline.h"

#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace longscope::gpu {

struct Groups {
    uint32_t x = 1, y = 1, z = 1;
};

/// What the dispatch should cost by theory, so that a timing becomes GB/s and FLOP/s.
struct Cost {
    uint64_t bytes = 0;
    uint64_t flops = 0;
};

struct DispatchTime {
    const char *kernel = "";
    Cost cost;
    double ms = 0;
};

class Recorder {
  public:
    explicit Recorder(Device &device, bool profile = false);
    Recorder(Recorder &&) noexcept;
    ~Recorder();

    /// `params` is the kernel's struct of shaders/params.h (size checked by assert). Buffers that
    /// are both read and written are named in both lists.
    template <class Params>
    void dispatch(const Pipeline &pipeline, const Params &params,
                  std::initializer_list<const Buffer *> reads,
                  std::initializer_list<const Buffer *> writes, Groups groups, Cost cost = {}) {
        static_assert(sizeof(Params) <= 128);
        record(pipeline, &params, sizeof(Params), reads, writes, groups, cost);
    }
    void copy(const Buffer &from, uint64_t from_offset, const Buffer &to, uint64_t to_offset,
              uint64_t bytes);
    /// What follows waits for all that was recorded: for buffers that dispatches reach by address
    /// and do not name.
    void settle();

    /// Ends recording and submits; `wait` blocks until the device is done and throws
    /// Error(device) when the device is lost. A recorder may be recorded again after `wait`.
    void submit();
    void wait();
    void run() {
        submit();
        wait();
    }
    bool empty() const;
    /// Dispatches since the last `wait`, in order; ms filled when profiling (after `wait`).
    const std::vector<DispatchTime> &times() const;

  private:
    void record(const Pipeline &pipeline, const void *params, uint32_t params_bytes,
                std::initializer_list<const Buffer *> reads,
                std::initializer_list<const Buffer *> writes, Groups groups, Cost cost);
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::gpu
