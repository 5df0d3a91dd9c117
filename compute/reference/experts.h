// Scalar twins of the kernels of expert layers, as kernels.h. An assignment is one choice of a row:
// number row * used + j. Source: the routers of the model families as GGUF engines run them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reference {

struct RouteShape {
    enum class Chance { softmax, sigmoid, logits };
    enum class Weight { chance, softmax_of_chosen, sigmoid_of_z };
    uint64_t experts = 0, used = 0;
    Chance chance = Chance::softmax; ///< P of all experts
    Weight weight = Weight::chance;  ///< what the chosen count
    bool normalize = false;          ///< weights /= max(their sum, 2^-14)
    double factor = 1;
    uint64_t groups = 1, groups_used = 1; ///< groups are ranked by the sum of their two best
};

struct Routed {
    std::vector<uint32_t> ids;  ///< [rows, used], best first, of equals the lower number first
    std::vector<float> weights; ///< [rows, used]
};

/// Chooses by P(z) + bias; z [rows, experts], bias [experts] or empty.
Routed route(std::span<const float> z, std::span<const float> bias, const RouteShape &shape);

/// The assignments sorted by expert, those of one expert in their order.
std::vector<uint32_t> groupByExpert(std::span<const uint32_t> ids);

/// What is added to the products of the experts.
struct ExpertExtras {
    std::span<const float> bias;   ///< [experts, n] or empty
    std::span<const float> scale;  ///< [experts] or empty: multiplies W x
    std::span<const float> factor; ///< [assignments] or empty: multiplies W x
};

/// [assignments, n]: row a of the result is W of expert ids[a] times row a / x_divisor of x [..,
/// k]; w is [experts, n, k].
std::vector<float> expertMatmul(std::span<const float> x, std::span<const float> w, uint64_t n,
                                uint64_t k, std::span<const uint32_t> ids, uint64_t x_divisor,
                                const ExpertExtras &extras = {});

/// [rows, columns]: base + factor * sum over j of weights[a] y[a]; weights may be empty (all 1),
/// base too (all 0).
std::vector<float> combine(std::span<const float> y, std::span<const float> weights,
                           std::span<const float> base, uint64_t used, uint64_t columns,
                           double factor = 1);

} // namespace longscope::reference
