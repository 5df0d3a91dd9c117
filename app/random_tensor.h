// Random weights of every type for the self-test, the same in every run.
#pragma once

#include "compute/model/gguf.h"

#include <random>
#include <vector>

namespace longscope::app {

/// All types that the device can read.
inline constexpr model::QuantType kTypes[] = {
    model::QuantType::f32,    model::QuantType::f16,    model::QuantType::bf16,
    model::QuantType::q1_0,   model::QuantType::q2_0,   model::QuantType::q4_0,
    model::QuantType::q4_1,   model::QuantType::q5_0,   model::QuantType::q5_1,
    model::QuantType::q8_0,   model::QuantType::q2_k,   model::QuantType::q3_k,
    model::QuantType::q4_k,   model::QuantType::q5_k,   model::QuantType::q6_k,
    model::QuantType::iq1_s,  model::QuantType::iq1_m,  model::QuantType::iq2_xxs,
    model::QuantType::iq2_xs, model::QuantType::iq2_s,  model::QuantType::iq3_xxs,
    model::QuantType::iq3_s,  model::QuantType::iq4_nl, model::QuantType::iq4_xs,
    model::QuantType::tq1_0,  model::QuantType::tq2_0,  model::QuantType::mxfp4,
    model::QuantType::nvfp4};

/// Normal values of deviation 1.
std::vector<float> randomFloats(size_t count, std::mt19937 &random);

/// A tensor [rows, columns] with its bytes. Blocks are random bits, drawn again until their weights
/// are moderate, so that every code and group scale occurs.
struct RandomTensor {
    std::vector<std::byte> bytes;
    model::Tensor tensor;

    RandomTensor(model::QuantType type, uint64_t rows, uint64_t columns, std::mt19937 &random);
    RandomTensor(const RandomTensor &) = delete; // the tensor points into the bytes
    RandomTensor &operator=(const RandomTensor &) = delete;
};

} // namespace longscope::app
