#include "compute/reference/experts.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace longscope::reference {
namespace {

std::vector<double> widened(std::span<const float> values) {
    return {values.begin(), values.end()};
}

std::vector<double> softmax(std::vector<double> z) {
    double largest = *std::ranges::max_element(z), sum = 0;
    for (double &value : z)
        sum += value = std::exp(value - largest);
    for (double &value : z)
        value /= sum;
    return z;
}

double sigmoid(double z) {
    return 1 / (1 + std::exp(-z));
}

/// The places of the `count` largest, of equals the first.
std::vector<uint32_t> largest(const std::vector<double> &values, uint64_t count) {
    std::vector<uint32_t> places(values.size());
    std::iota(places.begin(), places.end(), 0u);
    std::ranges::stable_sort(places, [&](uint32_t a, uint32_t b) { return values[a] > values[b]; });
    places.resize(count);
    return places;
}

/// The scores of experts outside the best groups become minus infinity.
void keepGroups(std::vector<double> &scores, const RouteShape &shape) {
    uint64_t size = shape.experts / shape.groups;
    std::vector<double> groups(shape.groups);
    for (uint64_t group = 0; group < shape.groups; ++group) {
        std::vector<double> own(&scores[group * size], &scores[group * size] + size);
        for (uint32_t place : largest(own, std::min<uint64_t>(2, size)))
            groups[group] += own[place];
    }
    std::vector<uint32_t> kept = largest(groups, shape.groups_used);
    for (uint64_t e = 0; e < shape.experts; ++e)
        if (std::ranges::find(kept, e / size) == kept.end())
            scores[e] = -INFINITY;
}

std::vector<double> weightsOf(const std::vector<double> &z, const std::vector<double> &chances,
                              const std::vector<uint32_t> &chosen, const RouteShape &shape) {
    std::vector<double> weights;
    for (uint32_t expert : chosen)
        weights.push_back(shape.weight == RouteShape::Weight::chance ? chances[expert] : z[expert]);
    if (shape.weight == RouteShape::Weight::softmax_of_chosen)
        weights = softmax(weights);
    if (shape.weight == RouteShape::Weight::sigmoid_of_z)
        std::ranges::transform(weights, weights.begin(), sigmoid);
    double divisor = 1;
    if (shape.normalize)
        divisor = std::max(std::accumulate(weights.begin(), weights.end(), 0.0), std::exp2(-14));
    for (double &weight : weights)
        weight *= shape.factor / divisor;
    return weights;
}

} // namespace

Routed route(std::span<const float> z, std::span<const float> bias, const RouteShape &shape) {
    assert(shape.experts && z.size() % shape.experts == 0);
    Routed routed;
    for (size_t at = 0; at < z.size(); at += shape.experts) {
        std::vector<double> own = widened(z.subspan(at, shape.experts)), chances = own;
        if (shape.chance == RouteShape::Chance::softmax)
            chances = softmax(own);
        else if (shape.chance == RouteShape::Chance::sigmoid)
            std::ranges::transform(own, chances.begin(), sigmoid);
        std::vector<double> scores = chances;
        for (size_t e = 0; e < bias.size(); ++e)
            scores[e] += static_cast<double>(bias[e]);
        if (shape.groups > 1)
            keepGroups(scores, shape);
        std::vector<uint32_t> chosen = largest(scores, shape.used);
        routed.ids.insert(routed.ids.end(), chosen.begin(), chosen.end());
        for (double weight : weightsOf(own, chances, chosen, shape))
            routed.weights.push_back(static_cast<float>(weight));
    }
    return routed;
}

std::vector<uint32_t> groupByExpert(std::span<const uint32_t> ids) {
    std::vector<uint32_t> order(ids.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
    return order;
}

std::vector<float> expertMatmul(std::span<const float> x, std::span<const float> w, uint64_t n,
                                uint64_t k, std::span<const uint32_t> ids, uint64_t x_divisor,
                                const ExpertExtras &extras) {
    std::vector<float> y(ids.size() * n);
    for (size_t a = 0; a < ids.size(); ++a) {
        uint64_t expert = ids[a];
        const float *row = &x[a / x_divisor * k];
        double scale = extras.scale.empty() ? 1 : static_cast<double>(extras.scale[expert]);
        if (!extras.factor.empty())
            scale *= static_cast<double>(extras.factor[a]);
        for (uint64_t i = 0; i < n; ++i) {
            const float *weights = &w[(expert * n + i) * k];
            double sum = 0;
            for (uint64_t c = 0; c < k; ++c)
                sum += static_cast<double>(row[c]) * static_cast<double>(weights[c]);
            sum *= scale;
            if (!extras.bias.empty())
                sum += static_cast<double>(extras.bias[expert * n + i]);
            y[a * n + i] = static_cast<float>(sum);
        }
    }
    return y;
}

std::vector<float> combine(std::span<const float> y, std::span<const float> weights,
                           std::span<const float> base, uint64_t used, uint64_t columns,
                           double factor) {
    assert(y.size() % (used * columns) == 0);
    std::vector<float> x(y.size() / used);
    for (size_t at = 0; at < x.size(); ++at) {
        uint64_t row = at / columns, column = at % columns;
        double sum = 0;
        for (uint64_t a = row * used; a < (row + 1) * used; ++a)
            sum += (weights.empty() ? 1 : static_cast<double>(weights[a])) *
                   static_cast<double>(y[a * columns + column]);
        x[at] =
            static_cast<float>(factor * sum + (base.empty() ? 0 : static_cast<double>(base[at])));
    }
    return x;
}

} // namespace longscope::reference
