// What every kernel test needs: buffers on the test device, outputs poisoned with NaN, random
// weights of every type, one dispatch, and a comparison that prints index, both values and the
// parameters.
#pragma once

#include "compute/engine/packing.h"
#include "compute/gpu/recorder.h"
#include "shaders/params.h"
#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace longscope::test {

constexpr uint32_t kPoison = 0x7fe1dead; ///< a NaN, also as two halves

template <class T> gpu::Buffer upload(const std::vector<T> &values) {
    gpu::Buffer buffer(gpu::testDevice(), "test", values.size() * sizeof(T), gpu::Memory::device);
    gpu::uploadBytes(gpu::testDevice(), buffer, 0, std::as_bytes(std::span(values)));
    return buffer;
}

inline gpu::Buffer poisoned(size_t words) {
    gpu::Buffer buffer(gpu::testDevice(), "test", words * 4, gpu::Memory::device);
    gpu::fillWords(gpu::testDevice(), buffer, kPoison);
    return buffer;
}

template <class T> std::vector<T> download(const gpu::Buffer &buffer, size_t count) {
    std::vector<T> values(count);
    gpu::downloadBytes(gpu::testDevice(), buffer, 0, std::as_writable_bytes(std::span(values)));
    return values;
}

inline bool isPoison(float value) {
    uint32_t word;
    std::memcpy(&word, &value, 4);
    return word == kPoison;
}

/// One dispatch, waited for.
template <class Params>
void runKernel(const gpu::Kernel &kernel, const gpu::Specialization &constants,
               const Params &params, std::initializer_list<const gpu::Buffer *> writes,
               gpu::Groups groups) {
    gpu::Device &device = gpu::testDevice();
    const gpu::Pipeline *pipeline = &gpu::findPipeline(device, kernel, constants);
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, params, {}, writes, groups);
    recorder.run();
}

inline uint32_t groupsFor(uint64_t count, uint32_t size) {
    return static_cast<uint32_t>((count + size - 1) / size);
}

/// Standard normal values, the same in every run.
class Random {
  public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    float normal() { return normal_(engine_); }
    std::vector<float> normals(size_t count) {
        std::vector<float> values(count);
        for (float &value : values)
            value = normal();
        return values;
    }
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(engine_()) % bound; }

  private:
    std::mt19937 engine_;
    std::normal_distribution<float> normal_;
};

/// A tensor with its bytes.
struct RandomTensor {
    std::vector<std::byte> bytes;
    model::Tensor tensor;
};

/// All types that the device can read.
const std::vector<model::QuantType> &allTypes();
/// Random blocks of finite weights of moderate size; every code and group scale occurs.
RandomTensor randomTensor(model::QuantType type, uint64_t rows, uint64_t columns, Random &random);

/// A matrix on the device, its planes packed for `interleave`.
struct DeviceMatrix {
    engine::PackedLayout layout;
    gpu::Buffer planes;
    params::Matrix matrix;
    gpu::Specialization constants; ///< of its format
};
DeviceMatrix uploadMatrix(const model::Tensor &tensor, uint32_t interleave);

/// Reports the first elements that are farther apart than `tolerance(i)`, with the parameters.
template <class Tolerance>
void expectClose(const std::vector<float> &got, const std::vector<float> &wanted,
                 Tolerance tolerance, const std::string &parameters) {
    ASSERT_EQ(got.size(), wanted.size()) << parameters;
    int reported = 0;
    for (size_t i = 0; i < got.size() && reported < 4; ++i) {
        double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
        if (difference <= tolerance(i)) // false for NaN
            continue;
        ADD_FAILURE() << parameters << ": element " << i << " of " << got.size() << " is " << got[i]
                      << ", wanted " << wanted[i] << " within " << tolerance(i);
        ++reported;
    }
}

} // namespace longscope::test
