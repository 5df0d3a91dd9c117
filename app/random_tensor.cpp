#include "app/random_tensor.h"

#include <algorithm>
#include <cmath>

namespace longscope::app {
namespace {

/// The largest magnitude, or infinity where a weight is not finite.
float largestOf(const std::vector<float> &weights) {
    float largest = 0;
    for (float weight : weights)
        largest = std::isfinite(weight) ? std::max(largest, std::abs(weight)) : INFINITY;
    return largest;
}

} // namespace

std::vector<float> randomFloats(size_t count, std::mt19937 &random) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return normal(random); });
    return values;
}

RandomTensor::RandomTensor(model::QuantType type, uint64_t rows, uint64_t columns,
                           std::mt19937 &random)
    : bytes(rows * model::rowBytes(type, columns)) {
    const model::QuantTraits &traits = model::traitsOf(type);
    std::vector<float> weights(traits.block_elements);
    for (size_t at = 0; at < bytes.size(); at += traits.block_bytes) {
        float largest = 0;
        while (largest < 0.01f || largest > 4) {
            for (uint32_t i = 0; i < traits.block_bytes; ++i)
                bytes[at + i] = static_cast<std::byte>(random());
            model::dequantizeRow(type, &bytes[at], weights);
            largest = largestOf(weights);
        }
    }
    tensor = {std::string(traits.name), type, {columns, rows}, bytes};
}

} // namespace longscope::app
