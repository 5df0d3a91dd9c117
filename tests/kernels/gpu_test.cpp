// The gpu room on a driver; Mesa's software device is enough.
#include "compute/gpu/impl.h"
#include "compute/gpu/recorder.h"
#include "shaders/params.h"
#include "shaders/spirv/probe_peak.h"
#include "shaders/spirv/probe_read.h"
#include "shaders/spirv/probe_read_wide.h"
#include "tests/support/device.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>

namespace longscope::gpu {

namespace {

std::vector<uint32_t> randomWords(size_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<uint32_t> words(count);
    for (uint32_t &word : words)
        word = static_cast<uint32_t>(random());
    return words;
}

const Kernel kPeak{"probe_peak", probe_peak_spirv, sizeof(params::Probe)};
const Kernel kRead{"probe_read", probe_read_spirv, sizeof(params::Probe)};
const Kernel kReadWide{"probe_read_wide", probe_read_wide_spirv, sizeof(params::Probe)};

const Pipeline &pipelineOf(Device &device, const Kernel &kernel, uint32_t local_size) {
    return findPipeline(device, kernel, {}, {.local_size = local_size});
}

/// What probe_read writes for one invocation that loads these words.
float readSum(std::span<const uint32_t> words) {
    return static_cast<float>(std::accumulate(words.begin(), words.end(), 0U) & 0xffffU);
}

} // namespace

TEST(ListDevices, AgreesWithTheDevice) {
    const auto devices = listDevices();
    ASSERT_FALSE(devices.empty()) << "no Vulkan driver: install mesa-vulkan-drivers";
    const DeviceFacts &facts = testDevice().facts();
    EXPECT_FALSE(facts.name.empty());
    EXPECT_GE(facts.api_version, VK_API_VERSION_1_3);
    EXPECT_GT(facts.subgroup_size, 0U);
    EXPECT_GT(facts.max_buffer_bytes, 0U);
    EXPECT_GT(facts.max_allocation_bytes, 0U);
    EXPECT_GT(facts.free_memory_bytes, 0U);
    EXPECT_LE(facts.free_memory_bytes, facts.device_memory_bytes);
}

TEST(Device, ValidationIsOn) {
    EXPECT_TRUE(testDevice().validationActive()) << "install vulkan-validationlayers";
    EXPECT_TRUE(testDevice().validationMessages().empty());
}

TEST(Buffer, BytesComeBack) {
    Device &device = testDevice();
    for (const Memory memory : {Memory::device, Memory::upload, Memory::readback})
        for (const size_t bytes : {1, 3, 4, 255, 256, 257, 65537}) {
            Buffer buffer(device, "test", bytes, memory);
            EXPECT_EQ(buffer.bytes(), bytes);
            EXPECT_EQ(buffer.address() % 256, 0U);
            fillWords(device, buffer, 0xa5a5a5a5U);
            std::vector<std::byte> sent(bytes), got(bytes);
            std::mt19937 random(static_cast<uint32_t>(bytes));
            for (std::byte &byte : sent)
                byte = static_cast<std::byte>(random());
            downloadBytes(device, buffer, 0, got);
            EXPECT_EQ(got, std::vector<std::byte>(bytes, std::byte{0xa5}));
            uploadBytes(device, buffer, 0, sent);
            downloadBytes(device, buffer, 0, got);
            EXPECT_EQ(got, sent) << bytes << " bytes";
        }
}

TEST(Buffer, PartsAtOddOffsets) {
    Device &device = testDevice();
    Buffer buffer(device, "test", 1000, Memory::device);
    fillWords(device, buffer, 0);
    const std::vector<std::byte> sent(77, std::byte{9});
    uploadBytes(device, buffer, 333, sent);
    std::vector<std::byte> got(79);
    downloadBytes(device, buffer, 332, got);
    EXPECT_EQ(got.front(), std::byte{0});
    EXPECT_EQ(got.back(), std::byte{0});
    EXPECT_TRUE(std::equal(sent.begin(), sent.end(), got.begin() + 1));
    uploadBytes(device, buffer, 1000, {}); // nothing, at the very end
}

// As on a card with memory of its own: what kernels use is not mapped, bytes go through staging.
TEST(Buffer, BytesComeBackThroughStaging) {
    Device device({.wanted = "", .validation = true});
    device.impl().facts.unified_memory = false;
    const size_t piece = 64ULL << 20; // of staging
    for (const size_t bytes : {size_t{5}, size_t{1000}, piece + 3}) {
        Buffer buffer(device, "test", bytes + 1, Memory::device);
        EXPECT_TRUE(buffer.mapped().empty());
        const std::vector<uint32_t> words = randomWords(bytes / 4 + 1, 3);
        const auto sent = std::as_bytes(std::span(words)).first(bytes);
        std::vector<std::byte> got(bytes);
        uploadBytes(device, buffer, 1, sent);
        downloadBytes(device, buffer, 1, got);
        EXPECT_TRUE(std::ranges::equal(got, sent)) << bytes << " bytes";
    }
    EXPECT_LE(device.bookedBytes(), 2 * piece); // the staging that is kept
    EXPECT_EQ(device.validationMessages(), std::vector<std::string>{});
}

TEST(Buffer, IsBookedUnderItsPart) {
    Device &device = testDevice();
    const uint64_t before = device.bookedBytes();
    {
        const Buffer weights(device, "weights of a test", 5000, Memory::device);
        Buffer more(device, "weights of a test", 300, Memory::upload);
        const Buffer moved = std::move(more);
        const Buffer cache(device, "cache of a test", 100, Memory::device);
        EXPECT_EQ(device.bookedBytes(), before + 5400);
        const auto parts = device.booked();
        const auto part = std::ranges::find(parts, "weights of a test", &BookedPart::name);
        ASSERT_NE(part, parts.end());
        EXPECT_EQ(part->bytes, 5300U);
        EXPECT_EQ(part->allocations, 2U);
        EXPECT_TRUE(std::ranges::is_sorted(parts, std::greater{}, &BookedPart::bytes));
    }
    EXPECT_EQ(device.bookedBytes(), before);
}

TEST(Buffer, RefusesWhatDoesNotFitWithNumbers) {
    Device &device = testDevice();
    const uint64_t before = device.bookedBytes();
    for (const uint64_t bytes :
         {device.facts().max_allocation_bytes, uint64_t{1} << 60, UINT64_MAX}) {
        const std::string message = errorOf(ErrorKind::memory, [&] {
            const Buffer buffer(device, "a wish", bytes, Memory::device);
        });
        EXPECT_TRUE(holds(message, "'a wish'")) << message;
        EXPECT_TRUE(holds(message, std::to_string(bytes))) << message;
        EXPECT_TRUE(holds(message, "free")) << message;
    }
    EXPECT_EQ(device.bookedBytes(), before);
}

TEST(Pipeline, IsMadeOnce) {
    Device &device = testDevice();
    const Pipeline &first = pipelineOf(device, kRead, 32);
    EXPECT_EQ(&first, &pipelineOf(device, kRead, 32));
    EXPECT_NE(&first, &pipelineOf(device, kRead, 64));
    EXPECT_STREQ(kernelOf(first).name, "probe_read");
}

TEST(Pipeline, RefusesWhatTheDeviceLacks) {
    Device &device = testDevice();
    const uint32_t most = device.facts().max_workgroup_invocations;
    const std::string large = errorOf(
        ErrorKind::device, [&] { findPipeline(device, kRead, {}, {.local_size = 2 * most}); });
    EXPECT_TRUE(holds(large, std::to_string(2 * most)) && holds(large, std::to_string(most)))
        << large;
    const std::string subgroup = errorOf(ErrorKind::device, [&] {
        findPipeline(device, kRead, {}, {.local_size = 32, .subgroup_size = 4096});
    });
    EXPECT_TRUE(holds(subgroup, "4096")) << subgroup;
}

TEST(Pipeline, RefusesCapabilitiesThatTheDeviceLacks) {
    Device device({.wanted = "", .validation = true});
    device.impl().abilities.int64 = false;
    EXPECT_NO_THROW(findPipeline(device, kRead, {}, {.local_size = 32}));
    const std::string message = errorOf(
        ErrorKind::device, [&] { findPipeline(device, kReadWide, {}, {.local_size = 32}); });
    EXPECT_TRUE(holds(message, "'probe_read_wide' needs 64-bit integers")) << message;
}

TEST(Pipeline, TakesTheSubgroupSizeThatTheDeviceHas) {
    Device &device = testDevice();
    const uint32_t lanes = device.facts().subgroup_size;
    EXPECT_NO_THROW(findPipeline(device, kRead, {}, {.local_size = lanes, .subgroup_size = lanes}));
}

TEST(Recorder, ReadsEveryWord) {
    Device &device = testDevice();
    constexpr uint32_t kLanes = 8, kGroups = 5;
    for (const Kernel &kernel : {kRead, kReadWide})
        for (const uint32_t loads : {1U, 3U, 4U, 5U, 19U}) {
            if (kernel.spirv.data() == kReadWide.spirv.data() && !device.facts().has_int64)
                continue;
            // Small words, so that 64-bit sums carry nothing from one word into the next.
            std::vector<uint32_t> words = randomWords(kGroups * kLanes * loads * 4, loads);
            for (uint32_t &word : words)
                word &= 0x3ff;
            Buffer data(device, "test", words.size() * 4, Memory::device);
            Buffer result(device, "test", kGroups * kLanes * 4, Memory::device);
            uploadBytes(device, data, 0, std::as_bytes(std::span(words)));
            fillWords(device, result, 0x7fc00000U); // poison: a NaN
            const Pipeline &pipeline = pipelineOf(device, kernel, kLanes);
            Recorder recorder(device);
            recorder.dispatch(pipeline, params::Probe{data.address(), result.address(), loads, 0},
                              {&data}, {&result}, {kGroups});
            recorder.run();
            std::vector<float> got(kGroups * kLanes);
            downloadBytes(device, result, 0, std::as_writable_bytes(std::span(got)));
            for (uint32_t i = 0; i < got.size(); i++) {
                std::vector<uint32_t> read;
                for (uint32_t load = 0; load < loads; load++) {
                    const size_t at = ((i / kLanes * loads + load) * kLanes + i % kLanes) * 4;
                    read.insert(read.end(), words.begin() + static_cast<ptrdiff_t>(at),
                                words.begin() + static_cast<ptrdiff_t>(at) + 4);
                }
                ASSERT_EQ(got[i], readSum(read)) << kernel.name << " loads " << loads << " i " << i;
            }
        }
}

TEST(Recorder, PeakReachesItsFixedPoint) {
    Device &device = testDevice();
    Buffer data(device, "test", 16, Memory::device);
    Buffer result(device, "test", 64 * 4, Memory::device);
    fillWords(device, data, 0);
    const Pipeline &pipeline = pipelineOf(device, kPeak, 64);
    Recorder recorder(device);
    recorder.dispatch(pipeline, params::Probe{data.address(), result.address(), 20, 0}, {&data},
                      {&result}, {1});
    recorder.run();
    std::vector<float> got(64);
    downloadBytes(device, result, 0, std::as_writable_bytes(std::span(got)));
    for (uint32_t i = 0; i < got.size(); i++) {
        const double seed = i & 7;
        const double fixed = 12 * (seed * 1e-3 + 0.25) / (1 - (seed * 1e-3 + 0.5));
        // 320 steps of a factor near 0.5 leave rounding alone: some ulp of 6.
        ASSERT_NEAR(got[i], fixed, 2e-5) << i;
    }
}

// Every step overwrites what the step before still reads, through copies and kernels in turn.
TEST(Recorder, OrdersDependentWork) {
    Device &device = testDevice();
    constexpr uint32_t kWords = 4096, kSteps = 12, kSums = kWords / 4;
    const std::vector<uint32_t> fresh = randomWords(size_t{kWords} * kSteps, 5);
    Buffer source(device, "test", fresh.size() * 4, Memory::device);
    Buffer work(device, "test", kWords * 4, Memory::device);
    Buffer sums(device, "test", kSums * 4, Memory::device);
    Buffer again(device, "test", kSums, Memory::device); // sums of the sums' bits
    Buffer log(device, "test", size_t{kSums} * kSteps, Memory::readback);
    uploadBytes(device, source, 0, std::as_bytes(std::span(fresh)));
    const Pipeline &read = pipelineOf(device, kRead, 64);
    Recorder recorder(device);
    for (uint32_t round = 0; round < 2; round++) { // the second time with everything reused
        fillWords(device, log, ~0U);
        EXPECT_TRUE(recorder.empty());
        for (uint32_t step = 0; step < kSteps; step++) {
            recorder.copy(source, uint64_t{step} * kWords * 4, work, 0, kWords * 4);
            recorder.dispatch(read, params::Probe{work.address(), sums.address(), 1, 0}, {&work},
                              {&sums}, {kSums / 64});
            recorder.dispatch(read, params::Probe{sums.address(), again.address(), 1, 0}, {&sums},
                              {&again}, {kSums / 4 / 64});
            recorder.copy(again, 0, log, uint64_t{step} * kSums, kSums);
        }
        EXPECT_FALSE(recorder.empty());
        recorder.run();
        EXPECT_EQ(recorder.times().size(), 2 * kSteps);
        std::vector<float> got(size_t{kSums} / 4 * kSteps);
        downloadBytes(device, log, 0, std::as_writable_bytes(std::span(got)));
        for (size_t i = 0; i < got.size(); i++) {
            std::array<uint32_t, 4> bits{};
            for (size_t part = 0; part < 4; part++)
                bits[part] = std::bit_cast<uint32_t>(
                    readSum(std::span(fresh).subspan((i * 4 + part) * 4, 4)));
            ASSERT_EQ(got[i], readSum(bits)) << "round " << round << " i " << i;
        }
    }
}

TEST(Recorder, SubmitsOfTwoRecordersFollowEachOther) {
    Device &device = testDevice();
    const std::vector<uint32_t> words = randomWords(4096, 11);
    Buffer first(device, "test", words.size() * 4, Memory::device);
    Buffer second(device, "test", words.size() * 4, Memory::device);
    Buffer third(device, "test", words.size() * 4, Memory::readback);
    uploadBytes(device, first, 0, std::as_bytes(std::span(words)));
    Recorder one(device), two(device);
    one.copy(first, 0, second, 0, first.bytes());
    two.copy(second, 0, third, 0, first.bytes());
    one.submit();
    two.submit();
    two.wait();
    one.wait();
    std::vector<uint32_t> got(words.size());
    downloadBytes(device, third, 0, std::as_writable_bytes(std::span(got)));
    EXPECT_EQ(got, words);
}

TEST(Recorder, NothingRecordedIsNothingDone) {
    Recorder recorder(testDevice(), true);
    recorder.run();
    EXPECT_TRUE(recorder.empty());
    EXPECT_TRUE(recorder.times().empty());
}

TEST(Recorder, TimesEveryDispatch) {
    Device &device = testDevice();
    ASSERT_GT(device.facts().timestamp_period_ns, 0.0F);
    Buffer data(device, "test", 16, Memory::device);
    Buffer result(device, "test", 256 * 4, Memory::device);
    fillWords(device, data, 0);
    const Pipeline &pipeline = pipelineOf(device, kPeak, 64);
    Recorder recorder(device, true);
    constexpr uint32_t kDispatches = 700; // more than one pool of queries holds
    for (uint32_t i = 0; i < kDispatches; i++)
        recorder.dispatch(pipeline, params::Probe{data.address(), result.address(), 20 + i, 0},
                          {&data}, {&result}, {4}, {.bytes = 1, .flops = 100 + i});
    recorder.run();
    ASSERT_EQ(recorder.times().size(), kDispatches);
    for (uint32_t i = 0; i < kDispatches; i++) {
        const DispatchTime &time = recorder.times()[i];
        EXPECT_STREQ(time.kernel, "probe_peak");
        EXPECT_EQ(time.cost.flops, 100U + i);
        EXPECT_GT(time.ms, 0.0) << i;
        EXPECT_LT(time.ms, 2000.0) << i;
    }
}

TEST(Recorder, RefusesTooManyGroupsWithNumbers) {
    Device &device = testDevice();
    const Pipeline &pipeline = pipelineOf(device, kRead, 32);
    const uint32_t most = device.impl().abilities.max_groups[2];
    if (most == UINT32_MAX)
        return; // every count fits
    Recorder recorder(device);
    const std::string message = errorOf(ErrorKind::device, [&] {
        recorder.dispatch(pipeline, params::Probe{}, {}, {}, {1, 1, most + 1});
    });
    EXPECT_TRUE(holds(message, std::to_string(most + 1))) << message;
    EXPECT_TRUE(recorder.empty());
}

TEST(Device, ASecondOneLivesBesideTheFirst) {
    Device second({.wanted = "", .validation = true});
    Buffer buffer(second, "test", 64, Memory::device);
    fillWords(second, buffer, 7);
    std::array<uint32_t, 16> got{};
    downloadBytes(second, buffer, 0, std::as_writable_bytes(std::span(got)));
    EXPECT_EQ(got[15], 7U);
    EXPECT_TRUE(second.validationMessages().empty());
}

} // namespace longscope::gpu
