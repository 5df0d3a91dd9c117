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
constexpr const char *kRecurrentFormula =
    "No layer attends: every token costs the same, and the states stay as large as they are.";

double real(uint64_t n) {
    return static_cast<double>(n);
}

/// How the layers of a kind read; none: linear attention.
const attention::Pattern *patternOf(const CostLayers &kind, const WayOfReading &way,
                                    std::optional<attention::Pattern> &own) {
    if (!way.pattern)
        return nullptr;
    return kind.own_pattern.empty() ? &*way.pattern : &own.emplace(kind.own_pattern);
}

/// Bytes that one layer keeps.
double keptBytes(const CostLayers &kind, const attention::Pattern *pattern, uint64_t tokens) {
    const attention::ModelShape &shape = kind.shape;
    const double state = real(kind.state_bytes);
    if (shape.heads == 0)
        return state;
    if (!pattern) // a matrix of head_dim x head_dim in 32 bits for each head
        return state + 4.0 * shape.heads * shape.head_dim * shape.head_dim;
    uint64_t kept = tokens;
    if (auto retention = pattern->retention())
        kept = std::min(kept, retention->sinks + retention->window);
    return state + real(kind.cache_token_bytes) * real(kept);
}

/// The layers of one kind: pairs summed over their heads, FLOPs of attending, bytes.
CostFigures figuresOf(const Cost &cost, const CostLayers &kind, const WayOfReading &way,
                      uint64_t tokens) {
    static const attention::Eviction keeps_all;
    std::optional<attention::Pattern> own;
    const attention::Pattern *pattern = patternOf(kind, way, own);
    const attention::ModelShape &shape = kind.shape;
    CostFigures figures;
    figures.bytes = kind.count * keptBytes(kind, pattern, tokens);
    if (shape.heads == 0)
        return figures;
    double pairs = real(tokens) * shape.head_dim;
    if (pattern) {
        const attention::LayerReading reading{.pattern = *pattern,
                                              .eviction = keeps_all,
                                              .chunk_tokens = std::max(cost.chunk_tokens, 1U),
                                              .heads = shape.heads};
        pairs = attention::readingPairs(reading, tokens);
        figures.flops = kind.count * attention::choosingFlops(shape, reading, tokens);
    }
    figures.pairs = pairs * kind.count * shape.heads;
    figures.flops += kind.count * attention::attentionFlops(shape, pairs);
    return figures;
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
    curve.label = cost.heads() == 0 ? "recurrent layers"
                  : way.pattern     ? way.spec
                                    : "linear attention";
    curve.formula = cost.heads() == 0 ? kRecurrentFormula : formulaOf(way.spec);
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
    CostFigures figures;
    for (const CostLayers &kind : cost.kinds) {
        const CostFigures own = figuresOf(cost, kind, way, tokens);
        figures.pairs += own.pairs;
        figures.flops += own.flops;
        figures.bytes += own.bytes;
    }
    figures.pairs /= real(std::max<uint64_t>(cost.heads(), 1));
    const double matrices = real(tokens) * cost.token_flops;
    figures.flops += matrices + cost.head_flops;
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
    const Facts facts{cost.kinds,
                      {cost.token_flops, cost.head_flops, real(cost.chunk_tokens),
                       cost.flops_per_second, cost.linear_flops_per_second, cost.pair_seconds}};
    std::vector<std::string> specs = {"full"}; // no pattern changes what does not attend
    if (cost.heads() > 0) {
        specs = taughtSpecs();
        specs.emplace_back(kLinearAttention);
    }
    auto meet = [&](const std::string &spec) {
        if (std::ranges::find(specs, spec) == specs.end())
            specs.push_back(spec);
    };
    for (const CostDot &dot : cost.dots)
        meet(dot.attention);
    if (cost.heads() > 0)
        meet(own_spec);
    if (specs != specs_ || facts != facts_) {
        facts_ = facts;
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
