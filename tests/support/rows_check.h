// What tests of the small kernels share: rows of activations with NaN around what counts, one
// recorded verb of the engine, tolerances.
#pragma once

#include "compute/engine/operations.h"
#include "tests/support/kernel_check.h"

namespace longscope::test {

inline const std::vector<uint32_t> kLocals = {8, 64, 128};
inline const std::vector<uint32_t> kWidths = {1, 3, 20, 37, 64, 576};
inline const std::vector<uint32_t> kRows = {1, 3, 33};

/// Rows of a stride, dense rows put into their columns first .. first + columns, NaN elsewhere.
inline engine::Activations placed(const std::vector<float> &dense, uint32_t rows, uint32_t stride,
                                  uint32_t first = 0) {
    std::vector<float> values(size_t{rows} * stride, std::nanf(""));
    const auto columns = static_cast<uint32_t>(dense.size() / rows);
    for (uint32_t i = 0; i < rows; ++i)
        std::copy_n(&dense[size_t{i} * columns], columns, &values[size_t{i} * stride + first]);
    return {upload(values), stride};
}

inline engine::Activations unwritten(uint32_t rows, uint32_t stride) {
    return {poisoned(size_t{rows} * stride), stride};
}

/// The reverse of `placed`.
inline std::vector<float> taken(const engine::Activations &from, uint32_t rows, uint32_t columns,
                                uint32_t first = 0) {
    std::vector<float> all = download<float>(from.buffer, size_t{rows} * from.stride), dense;
    for (uint32_t i = 0; i < rows; ++i) {
        auto row = all.begin() + static_cast<std::ptrdiff_t>(i * from.stride + first);
        dense.insert(dense.end(), row, row + columns);
    }
    return dense;
}

/// Whether every column outside first .. first + columns is a zero (or a NaN, as it was).
template <class Wanted>
void expectOutside(const engine::Activations &of, uint32_t rows, uint32_t first, uint32_t columns,
                   Wanted wanted, const std::string &parameters) {
    std::vector<float> all = download<float>(of.buffer, size_t{rows} * of.stride);
    for (uint32_t i = 0; i < rows; ++i)
        for (uint32_t c = 0; c < of.stride; ++c) {
            bool inside = first <= c && c < first + columns;
            EXPECT_TRUE(inside || wanted(all[size_t{i} * of.stride + c]))
                << parameters << ": row " << i << " column " << c;
        }
}
inline bool isZero(float value) {
    return value == 0;
}
inline bool isKept(float value) {
    return std::isnan(value);
}

template <class Record> void run(uint32_t local, Record record) {
    engine::Operations operations(gpu::testDevice(), {.shared_local = local});
    gpu::Recorder recorder(gpu::testDevice());
    record(operations, recorder);
    recorder.run();
}

/// A share of the value and of 1. A norm of random numbers, its weight and bias are of the order of
/// 1, and a few roundings of that stay where a difference is small.
inline auto near(const std::vector<float> &wanted, double share) {
    return [&wanted, share](size_t i) {
        return share * (std::abs(static_cast<double>(wanted[i])) + 1);
    };
}
/// A share of the value: for products without a sum that could cancel.
inline auto close(const std::vector<float> &wanted, double share) {
    return [&wanted, share](size_t i) {
        return share * std::abs(static_cast<double>(wanted[i])) + 1e-30;
    };
}

} // namespace longscope::test
