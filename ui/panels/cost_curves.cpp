#include "ui/panels/cost_curves.h"

#include "compute/attention/plan.h"
#include "compute/core/error.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace longscope::ui {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr double kFirstTokens = 16, kLastTokens = 1 << 20;
constexpr int kPointsAnOctave = 8;

double real(uint64_t n) {
    return static_cast<double>(n);
}

double pairsOf(const Cost &cost, const WayOfReading &way, uint64_t tokens) {
    if (!way.pattern)
        return real(tokens) * cost.shape.head_dim;
    static const attention::Eviction keeps_all;
    attention::LayerReading reading{*way.pattern, keeps_all, 0, std::max(cost.chunk_tokens, 1U)};
    return attention::readingPairs(reading, tokens);
}

double bytesOf(const Cost &cost, const WayOfReading &way, uint64_t tokens) {
    const attention::ModelShape &shape = cost.shape;
    if (!way.pattern) // a matrix of head_dim x head_dim in 32 bits for each head
        return 4.0 * shape.layers * shape.heads * shape.head_dim * shape.head_dim;
    uint64_t kept = tokens;
    if (auto retention = way.pattern->retention())
        kept = std::min(kept, retention->sinks + retention->window);
    constexpr auto kType = attention::CacheType::f16;
    return real(attention::cacheTokenBytes(shape, kType, kType)) * shape.layers * real(kept);
}

double choosing(const Cost &cost, const WayOfReading &way, uint64_t tokens) {
    if (!way.pattern)
        return 0;
    static const attention::Eviction keeps_all;
    attention::LayerReading reading{*way.pattern, keeps_all, 0, std::max(cost.chunk_tokens, 1U)};
    return cost.shape.layers * attention::choosingFlops(cost.shape, reading, tokens);
}

std::string formulaOf(const std::string &spec) {
    if (spec == "full")
        return "Every token sees all before it: n (n + 1) / 2 pairs. The cache keeps n tokens.";
    if (spec.starts_with("window"))
        return "Every token sees the last W: about n W pairs. The cache keeps W tokens.";
    if (spec.starts_with("sinks"))
        return "The first S and the last W: about n (S + W) pairs. The cache keeps S + W tokens.";
    if (spec.starts_with("strided"))
        return "The last L, and every L-th before: about n L + n^2 / (2 L) pairs.";
    if (spec.starts_with("bigbird"))
        return "Blocks: near, first and random ones: pairs grow as n, the cache keeps n tokens.";
    if (spec == kLinearAttention)
        return "Linear attention: instead of keys, each head keeps one matrix of head_dim x "
               "head_dim numbers of 4 bytes, whatever n is. Each token does 4 head_dim^2 FLOPs a "
               "head, as if it saw head_dim keys. This model was not trained so: formula only.";
    return "";
}

CostCurve makeCurve(const Cost &cost, WayOfReading way) {
    CostCurve curve;
    curve.label = way.pattern ? way.spec : "linear attention";
    curve.formula = formulaOf(way.spec);
    double last = 0;
    for (int i = 0;; ++i) {
        double tokens = std::round(kFirstTokens * std::exp2(i / double{kPointsAnOctave}));
        if (tokens > kLastTokens)
            break;
        if (tokens == last)
            continue;
        last = tokens;
        CostFigures figures = costOf(cost, way, static_cast<uint64_t>(tokens));
        curve.tokens.push_back(tokens);
        for (CostOf what : {CostOf::time, CostOf::flops, CostOf::bytes, CostOf::pairs})
            curve.values[static_cast<size_t>(what)].push_back(valueOf(figures, what));
    }
    curve.way = std::move(way);
    return curve;
}

} // namespace

SpeedKind speedKind(const Cost &cost) {
    if (cost.linear_flops_per_second > 0 || cost.pair_seconds > 0)
        return SpeedKind::measured;
    return cost.flops_per_second > 0 ? SpeedKind::peak : SpeedKind::none;
}

std::optional<WayOfReading> readSpec(const std::string &spec, std::string *problem) {
    if (spec == kLinearAttention)
        return WayOfReading{spec, std::nullopt};
    try {
        return WayOfReading{spec, attention::Pattern(spec)};
    } catch (const Error &error) {
        if (problem)
            *problem = error.what();
        return std::nullopt;
    }
}

CostFigures costOf(const Cost &cost, const WayOfReading &way, uint64_t tokens) {
    const attention::ModelShape &shape = cost.shape;
    CostFigures figures;
    figures.pairs = pairsOf(cost, way, tokens);
    figures.bytes = bytesOf(cost, way, tokens);
    double matrices = real(tokens) * attention::linearFlops(shape);
    double attending = shape.layers * attention::attentionFlops(shape, figures.pairs) +
                       choosing(cost, way, tokens);
    figures.flops = matrices + attending + attention::headFlops(shape);
    // As whoever measures fits them: tokens and pairs alone.
    if (speedKind(cost) == SpeedKind::measured)
        figures.seconds =
            (cost.linear_flops_per_second > 0 ? matrices / cost.linear_flops_per_second : 0) +
            figures.pairs * cost.pair_seconds;
    else if (speedKind(cost) == SpeedKind::peak)
        figures.seconds = figures.flops / cost.flops_per_second;
    return figures;
}

double valueOf(const CostFigures &figures, CostOf what) {
    switch (what) {
    case CostOf::time:
        return figures.seconds.value_or(kUnknown);
    case CostOf::flops:
        return figures.flops;
    case CostOf::bytes:
        return figures.bytes;
    case CostOf::pairs:
        return figures.pairs;
    }
    return kUnknown;
}

const std::vector<std::string> &taughtSpecs() {
    static const std::vector<std::string> specs = {"full", "window:1024", "sinks:4+1020",
                                                   "strided:128", "bigbird:64,3,1,3"};
    return specs;
}

const std::vector<CostCurve> &CostCurves::update(const Cost &cost, const std::string &own_spec) {
    const attention::ModelShape &shape = cost.shape;
    const double key[10] = {real(shape.layers),
                            real(shape.model_dim) + 1e9 * real(shape.ffn_dim),
                            real(shape.heads) + 1e6 * real(shape.kv_heads),
                            real(shape.head_dim),
                            real(shape.head_dim_padded),
                            real(shape.vocab),
                            real(cost.chunk_tokens),
                            cost.flops_per_second,
                            cost.linear_flops_per_second,
                            cost.pair_seconds};
    std::vector<std::string> specs = taughtSpecs();
    specs.emplace_back(kLinearAttention);
    auto meet = [&](const std::string &spec) {
        if (std::ranges::find(specs, spec) == specs.end())
            specs.push_back(spec);
    };
    for (const CostDot &dot : cost.dots)
        meet(dot.attention);
    meet(own_spec);
    if (specs != specs_ || !std::ranges::equal(key, key_)) {
        std::ranges::copy(key, key_);
        specs_ = std::move(specs);
        make(cost);
    }
    return curves_;
}

void CostCurves::make(const Cost &cost) {
    curves_.clear();
    for (const std::string &spec : specs_)
        if (auto way = readSpec(spec))
            curves_.push_back(makeCurve(cost, std::move(*way)));
}

std::string wayText(const std::string &spec) {
    return spec == "full" ? "full attention" : spec;
}

std::string valueText(double value, CostOf what) {
    if (!std::isfinite(value))
        return "unknown";
    switch (what) {
    case CostOf::time:
        return secondsText(value);
    case CostOf::flops:
        return flopsText(value);
    case CostOf::bytes:
        return byteText(value);
    case CostOf::pairs:
        return countText(value);
    }
    return "";
}

} // namespace longscope::ui
