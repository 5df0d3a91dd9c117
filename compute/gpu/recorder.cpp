// Records dispatches with the barriers they need, and times them when asked to.
#include "compute/gpu/recorder.h"

#include "compute/core/error.h"
#include "compute/gpu/impl.h"

#include <algorithm>
#include <cassert>

namespace longscope::gpu {

namespace {

constexpr uint32_t kQueriesPerPool = 1024; // two a dispatch; even, so that pairs share a pool

/// Buffers touched since the last barrier: few, so that a line of them is searched fastest.
class Touched {
  public:
    bool holds(const Buffer *buffer) const {
        return std::ranges::find(buffers_, buffer->impl()) != buffers_.end();
    }
    void add(const Buffer *buffer) {
        if (!holds(buffer))
            buffers_.push_back(buffer->impl());
    }
    void clear() { buffers_.clear(); }
    const std::vector<Buffer::Impl *> &all() const { return buffers_; }

  private:
    std::vector<Buffer::Impl *> buffers_;
};

} // namespace

struct Recorder::Impl {
    enum class State { idle, recording, submitted };

    Impl(Device &owner, bool profile)
        : device(&owner.impl()), commands(makeCommands(device->device.get(), device->family)),
          timed(profile && device->facts.timestamp_period_ns > 0) {}
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
    ~Impl() {
        // The command buffer must not die while the device runs it; an error was reported by now.
        const VkFence fence = commands.fence.get();
        if (state == State::submitted)
            vkWaitForFences(device->device.get(), 1, &fence, VK_TRUE, UINT64_MAX);
    }

    void begin();
    void order(std::initializer_list<const Buffer *> reads,
               std::initializer_list<const Buffer *> writes);
    void writeTimestamp();
    void readTimestamps();

    Device::Impl *device;
    Commands commands;
    bool timed;
    State state = State::idle;
    Touched read, written; // since the last barrier
    Touched incoherent;    // in this recording, mapped and in need of flushes
    std::vector<UniqueQueryPool> query_pools;
    uint32_t queries = 0;
    std::vector<DispatchTime> times;
};

void Recorder::Impl::begin() {
    assert(state != State::submitted); // wait() first
    if (state == State::recording)
        return;
    beginCommands(device->device.get(), commands);
    state = State::recording;
    read.clear();
    written.clear();
    incoherent.clear();
    queries = 0;
    times.clear();
}

/// One global barrier where data flows: nothing is gained from finer ones between kernels that
/// follow each other on one queue.
void Recorder::Impl::order(std::initializer_list<const Buffer *> reads,
                           std::initializer_list<const Buffer *> writes) {
    const bool conflict =
        std::ranges::any_of(reads, [&](const Buffer *b) { return written.holds(b); }) ||
        std::ranges::any_of(writes,
                            [&](const Buffer *b) { return written.holds(b) || read.holds(b); });
    if (conflict) {
        memoryBarrier(commands.buffer, false);
        read.clear();
        written.clear();
    }
    for (const Buffer *buffer : reads)
        read.add(buffer);
    for (const Buffer *buffer : writes)
        written.add(buffer);
    if (!device->abilities.non_coherent)
        return;
    for (const auto &list : {reads, writes})
        for (const Buffer *buffer : list)
            if (!buffer->impl()->coherent)
                incoherent.add(buffer);
}

/// Written when all dispatches before are done; so a pair brackets its own dispatch only, at the
/// price that a profiled run does not overlap dispatches.
void Recorder::Impl::writeTimestamp() {
    const uint32_t pool = queries / kQueriesPerPool;
    const uint32_t query = queries % kQueriesPerPool;
    if (pool == query_pools.size()) {
        auto create = chained<VkQueryPoolCreateInfo>();
        create.queryType = VK_QUERY_TYPE_TIMESTAMP;
        create.queryCount = kQueriesPerPool;
        VkQueryPool made = VK_NULL_HANDLE;
        check(vkCreateQueryPool(device->device.get(), &create, nullptr, &made),
              "vkCreateQueryPool");
        query_pools.emplace_back(made, DestroyChild<vkDestroyQueryPool>{device->device.get()});
    }
    if (query == 0)
        vkCmdResetQueryPool(commands.buffer, query_pools[pool].get(), 0, kQueriesPerPool);
    vkCmdWriteTimestamp2(commands.buffer, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         query_pools[pool].get(), query);
    queries++;
}

void Recorder::Impl::readTimestamps() {
    const uint64_t mask = device->abilities.timestamp_bits >= 64
                              ? ~0ULL
                              : (1ULL << device->abilities.timestamp_bits) - 1;
    std::vector<uint64_t> ticks(queries);
    for (uint32_t first = 0; first < queries; first += kQueriesPerPool) {
        const uint32_t count = std::min(queries - first, kQueriesPerPool);
        check(vkGetQueryPoolResults(device->device.get(),
                                    query_pools[first / kQueriesPerPool].get(), 0, count,
                                    count * sizeof(uint64_t), &ticks[first], sizeof(uint64_t),
                                    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
              "vkGetQueryPoolResults");
    }
    for (size_t i = 0; i < times.size(); i++) {
        const uint64_t passed = (ticks[2 * i + 1] - ticks[2 * i]) & mask;
        times[i].ms = static_cast<double>(passed) *
                      static_cast<double>(device->facts.timestamp_period_ns) * 1e-6;
    }
}

Recorder::Recorder(Device &device, bool profile) : impl_(std::make_unique<Impl>(device, profile)) {}
Recorder::Recorder(Recorder &&) noexcept = default;
Recorder::~Recorder() = default;

void Recorder::record(const Pipeline &pipeline, const void *params, uint32_t params_bytes,
                      std::initializer_list<const Buffer *> reads,
                      std::initializer_list<const Buffer *> writes, Groups groups, Cost cost) {
    assert(params_bytes == pipeline.kernel.params_bytes);
    const auto &most = impl_->device->abilities.max_groups;
    if (groups.x > most[0] || groups.y > most[1] || groups.z > most[2])
        fail(ErrorKind::device,
             "kernel '{}' needs {} x {} x {} workgroups, {} runs {} x {} x {} at most",
             pipeline.kernel.name, groups.x, groups.y, groups.z, impl_->device->facts.name, most[0],
             most[1], most[2]);
    impl_->begin();
    impl_->order(reads, writes);
    const VkCommandBuffer commands = impl_->commands.buffer;
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.pipeline.get());
    vkCmdPushConstants(commands, pipeline.layout.get(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       params_bytes, params);
    if (impl_->timed)
        impl_->writeTimestamp();
    vkCmdDispatch(commands, groups.x, groups.y, groups.z);
    if (impl_->timed)
        impl_->writeTimestamp();
    impl_->times.push_back({pipeline.kernel.name, cost, 0.0});
}

void Recorder::copy(const Buffer &from, uint64_t from_offset, const Buffer &to, uint64_t to_offset,
                    uint64_t bytes) {
    assert(from_offset <= from.bytes() && bytes <= from.bytes() - from_offset);
    assert(to_offset <= to.bytes() && bytes <= to.bytes() - to_offset);
    if (bytes == 0)
        return;
    impl_->begin();
    impl_->order({&from}, {&to});
    const VkBufferCopy region{from_offset, to_offset, bytes};
    vkCmdCopyBuffer(impl_->commands.buffer, from.impl()->buffer.get(), to.impl()->buffer.get(), 1,
                    &region);
}

void Recorder::settle() {
    if (impl_->state != Impl::State::recording)
        return; // behind everything submitted before, as every recording
    memoryBarrier(impl_->commands.buffer, false);
    impl_->read.clear();
    impl_->written.clear();
}

void Recorder::submit() {
    if (impl_->state != Impl::State::recording)
        return;
    Device::Impl &device = *impl_->device;
    impl_->state = Impl::State::idle; // what cannot be submitted is forgotten
    for (const Buffer::Impl *buffer : impl_->incoherent.all())
        check(vmaFlushAllocation(device.allocator.get(), buffer->allocation, 0, VK_WHOLE_SIZE),
              "vmaFlushAllocation");
    submitCommands(device, impl_->commands);
    impl_->state = Impl::State::submitted;
}

void Recorder::wait() {
    if (impl_->state != Impl::State::submitted)
        return;
    Device::Impl &device = *impl_->device;
    impl_->state = Impl::State::idle; // also after an error: nothing is left to wait for
    waitCommands(device, impl_->commands);
    for (const Buffer::Impl *buffer : impl_->incoherent.all())
        check(vmaInvalidateAllocation(device.allocator.get(), buffer->allocation, 0, VK_WHOLE_SIZE),
              "vmaInvalidateAllocation");
    if (impl_->timed)
        impl_->readTimestamps();
}

bool Recorder::empty() const {
    return impl_->state == Impl::State::idle;
}

const std::vector<DispatchTime> &Recorder::times() const {
    return impl_->times;
}

} // namespace longscope::gpu
