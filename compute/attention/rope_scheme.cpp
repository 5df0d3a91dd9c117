// The schemes of positions that a reader may choose: their specs, where their far zone lies, and
// the frequencies they make of a model's. Definitions: methods.md 3.4 to 3.12.
#include "compute/attention/rope.h"

#include "compute/attention/spec_numbers.h"
#include "compute/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace longscope::attention {
namespace {

constexpr uint64_t kAny = UINT64_MAX;
constexpr double kMostStretch = 1e6, kMostTokens = 1u << 31;

/// A number of a spec: what it is called, and what it may be.
struct Part {
    std::string_view name;
    double least, most;
    bool whole = false;
};
constexpr Part kStretch = {"the factor", 1, kMostStretch};
constexpr Part kNear = {"the number of near keys", 1, kMostTokens, true};

struct Row {
    RopeKind kind;
    std::string_view name, form;
    size_t least, most; ///< numbers
    std::array<Part, 4> parts{};
};
const Row kRows[] = {
    {RopeKind::model, "model", "model", 0, 0},
    {RopeKind::none, "none", "none", 0, 0},
    {RopeKind::linear, "linear", "linear:FACTOR", 1, 1, {kStretch}},
    {RopeKind::ntk, "ntk", "ntk:FACTOR", 1, 1, {kStretch}},
    {RopeKind::dynamic_ntk, "dynamic-ntk", "dynamic-ntk or dynamic-ntk:FACTOR", 0, 1, {kStretch}},
    {RopeKind::ntk_parts, "ntk-parts", "ntk-parts:FACTOR", 1, 1, {kStretch}},
    {RopeKind::yarn, "yarn", "yarn:FACTOR", 1, 1, {kStretch}},
    {RopeKind::llama3,
     "llama3",
     "llama3:FACTOR[,LOW,HIGH[,CONTEXT]]",
     1,
     4,
     {kStretch, {"LOW", 1e-3, 1e3}, {"HIGH", 1e-3, 1e3}, {"CONTEXT", 1, kMostTokens, true}}},
    {RopeKind::longrope, "longrope", "longrope", 0, 0},
    {RopeKind::self_extend,
     "self-extend",
     "self-extend:GROUP,NEAR",
     2,
     2,
     {Part{"the group", 1, kMostStretch, true}, kNear}},
    {RopeKind::rerope, "rerope", "rerope:NEAR", 1, 1, {kNear}},
    {RopeKind::leaky_rerope, "leaky-rerope", "leaky-rerope:NEAR,FACTOR", 2, 2, {kNear, kStretch}},
};

const Row &rowOf(std::string_view spec, std::string_view name) {
    const Row *found = std::ranges::find(kRows, name, &Row::name);
    if (found != std::end(kRows))
        return *found;
    std::string known;
    for (const Row &row : kRows)
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    fail(ErrorKind::usage, "--rope '{}': '{}' is not known (known: {})", spec, name, known);
}

void checkPart(std::string_view spec, const Part &part, double value) {
    if (value >= part.least && value <= part.most && (!part.whole || value == std::floor(value)))
        return;
    fail(ErrorKind::usage, "--rope '{}': {} is {}, expected a {} from {} to {}", spec, part.name,
         value, part.whole ? "whole number" : "number", part.least, part.most);
}

/// The model without its own scaling.
RopeSettings unscaled(const RopeSettings &model, bool keeps_divisors) {
    RopeSettings settings = model;
    settings.scaling = "none";
    settings.factor = settings.attn_factor = 1;
    if (!keeps_divisors)
        settings.factors.clear();
    return settings;
}

uint64_t originalContext(const RopeSettings &model, uint64_t trained) {
    return model.original_context ? model.original_context : trained;
}

Rope makeNtk(RopeSettings settings, double alpha) {
    if (settings.dims > 2) // with one pair, of frequency 1, the base does not matter
        settings.base *= std::pow(alpha, settings.dims / (settings.dims - 2.0));
    return makeRope(settings);
}

/// The base as it is once `tokens` are read (bloc97, emozilla 2023; methods.md 3.6).
double dynamicAlpha(double factor, uint64_t trained, uint64_t tokens) {
    if (trained == 0 || tokens <= trained)
        return 1;
    return factor * static_cast<double>(tokens) / static_cast<double>(trained) - (factor - 1);
}

/// Frequencies between theta / s and theta: keep = 0 where a pair turns at most `low` times within
/// the context, 1 from `high` turns on, linear in the turns between.
Rope makeByTurns(const RopeSettings &settings, double stretch, double context, double low,
                 double high) {
    Rope rope = makeRope(settings);
    for (double &theta : rope.inv_freq) {
        double turns = context * theta / (2 * std::numbers::pi);
        double keep = std::clamp((turns - low) / (high - low), 0.0, 1.0);
        theta = (1 - keep) * theta / stretch + keep * theta;
    }
    return rope;
}

Rope makeLlama3(const RopeSettings &model, const std::vector<double> &numbers, uint64_t trained) {
    double low = numbers.size() > 1 ? numbers[1] : 1;
    double high = numbers.size() > 2 ? numbers[2] : 4;
    double context =
        numbers.size() > 3 ? numbers[3] : static_cast<double>(originalContext(model, trained));
    return makeByTurns(unscaled(model, false), numbers[0], context, low, high);
}

Rope makeYarn(const RopeSettings &model, double stretch, uint64_t trained) {
    RopeSettings settings = unscaled(model, true);
    settings.scaling = "yarn";
    settings.factor = stretch;
    settings.original_context = originalContext(model, trained);
    return makeRope(settings);
}

/// The engine that defines the file format allocates in steps of 256 tokens and compares those: a
/// model trained for 4000 tokens has the long factors from 3841 tokens on.
const std::vector<float> &longropeFactors(const RopeSettings &model, uint64_t trained,
                                          uint64_t tokens) {
    uint64_t allocated = (tokens + 255) / 256 * 256;
    return allocated > originalContext(model, trained) ? model.long_factors : model.short_factors;
}

/// Ding 2024, arXiv 2402.13753, as released: a divisor for each pair, and one magnitude.
Rope makeLongrope(const RopeSettings &model, uint64_t trained, uint64_t tokens) {
    if (model.long_factors.empty() || model.short_factors.empty())
        fail(ErrorKind::usage, "--rope longrope: this model's file has no rope_factors_long and "
                               "rope_factors_short tensors");
    RopeSettings settings = unscaled(model, false);
    settings.factors = longropeFactors(model, trained, tokens);
    auto original = static_cast<double>(originalContext(model, trained));
    double stretch = model.factor > 1 ? model.factor : static_cast<double>(trained) / original;
    if (model.scaling == "longrope" && model.attn_factor != 1)
        settings.attn_factor = model.attn_factor; // the same number, as the file has it
    else if (stretch > 1 && original > 1)
        settings.attn_factor = std::sqrt(1 + std::log(stretch) / std::log(original));
    return makeRope(settings);
}

/// The file's own scaling; of longrope it has two sets of divisors.
Rope makeModel(const RopeSettings &model, uint64_t trained, uint64_t tokens) {
    RopeSettings settings = model;
    bool counts = model.scaling == "longrope" || model.always_long_short;
    if (counts && !model.long_factors.empty() && !model.short_factors.empty())
        settings.factors = longropeFactors(model, trained, tokens);
    return makeRope(settings);
}

uint64_t stretched(uint64_t tokens, double factor) {
    return static_cast<uint64_t>(static_cast<double>(tokens) * factor);
}

} // namespace

RopeScheme parseRope(std::string_view text) {
    Spec spec = splitSpec(text);
    const Row &row = rowOf(text, spec.name);
    RopeScheme scheme{row.kind, {}, std::string(text)};
    if (spec.has_numbers)
        scheme.numbers = parseNumbers(text, spec.numbers);
    size_t count = scheme.numbers.size();
    bool half_given = row.kind == RopeKind::llama3 && count == 2; // LOW without HIGH
    if (count < row.least || count > row.most || half_given)
        fail(ErrorKind::usage, "--rope '{}' has {} numbers, expected {}", text, count, row.form);
    for (size_t i = 0; i < count; ++i)
        checkPart(text, row.parts[i], scheme.numbers[i]);
    if (row.kind == RopeKind::llama3 && count > 2 && !(scheme.numbers[1] < scheme.numbers[2]))
        fail(ErrorKind::usage, "--rope '{}': LOW is {}, expected a number below HIGH, {}", text,
             scheme.numbers[1], scheme.numbers[2]);
    return scheme;
}

bool RopeScheme::needsRawKeys() const {
    return followsLength() || nearKeys() != kAny;
}

uint64_t RopeScheme::nearKeys() const {
    switch (kind) {
    case RopeKind::self_extend:
        return static_cast<uint64_t>(numbers[1]);
    case RopeKind::rerope:
    case RopeKind::leaky_rerope:
        return static_cast<uint64_t>(numbers[0]);
    default:
        return kAny;
    }
}

double RopeScheme::farQuery(uint64_t query) const {
    auto position = static_cast<double>(query);
    switch (kind) {
    case RopeKind::self_extend: {
        double group = numbers[0], near = numbers[1];
        return std::floor(position / group) + near - std::floor(near / group);
    }
    case RopeKind::rerope:
        return numbers[0];
    case RopeKind::leaky_rerope:
        return numbers[0] + (position - numbers[0]) / numbers[1];
    default:
        return position;
    }
}

double RopeScheme::farKey(uint64_t key) const {
    auto position = static_cast<double>(key);
    switch (kind) {
    case RopeKind::self_extend:
        return std::floor(position / numbers[0]);
    case RopeKind::rerope:
        return 0;
    case RopeKind::leaky_rerope:
        return position / numbers[1];
    default:
        return position;
    }
}

uint64_t RopeScheme::reach(uint64_t trained) const {
    uint64_t near = nearKeys();
    switch (kind) {
    case RopeKind::model:
    case RopeKind::none:
    case RopeKind::longrope:
        return trained;
    case RopeKind::linear:
    case RopeKind::ntk:
    case RopeKind::ntk_parts:
    case RopeKind::yarn:
    case RopeKind::llama3:
        return stretched(trained, numbers[0]);
    case RopeKind::dynamic_ntk:
        return kAny;
    // Near keys beyond the trained window have distances that the model has not seen.
    case RopeKind::self_extend:
        return near < trained ? stretched(trained - near, numbers[0]) + near : trained;
    case RopeKind::rerope:
        return near < trained ? kAny : trained;
    case RopeKind::leaky_rerope:
        return near < trained ? stretched(trained - near, numbers[1]) + near : trained;
    }
    return trained;
}

Rope makeRope(const RopeSettings &model, const RopeScheme &scheme, uint64_t trained,
              uint64_t tokens) {
    const std::vector<double> &numbers = scheme.numbers;
    RopeSettings plain = unscaled(model, true);
    switch (scheme.kind) {
    case RopeKind::none:
        return makeRope(unscaled(model, false));
    case RopeKind::linear:
        plain.scaling = "linear";
        plain.factor = numbers[0];
        return makeRope(plain);
    case RopeKind::ntk:
        return makeNtk(plain, numbers[0]);
    case RopeKind::dynamic_ntk:
        return makeNtk(plain, dynamicAlpha(numbers.empty() ? 1 : numbers[0],
                                           originalContext(model, trained), tokens));
    case RopeKind::ntk_parts: // from 1 turn to 32: alpha and beta of the paper
        return makeByTurns(plain, numbers[0], static_cast<double>(originalContext(model, trained)),
                           1, 32);
    case RopeKind::yarn:
        return makeYarn(model, numbers[0], trained);
    case RopeKind::llama3:
        return makeLlama3(model, numbers, trained);
    case RopeKind::longrope:
        return makeLongrope(model, trained, tokens);
    case RopeKind::model:
    case RopeKind::self_extend:
    case RopeKind::rerope:
    case RopeKind::leaky_rerope:
        break;
    }
    return makeModel(model, trained, tokens);
}

RopeProposal proposeRope(uint64_t trained, uint64_t wanted) {
    if (trained == 0 || wanted <= trained)
        return {"model", std::format("{} tokens are within the {} that the model was trained for",
                                     wanted, trained)};
    double stretch = static_cast<double>(wanted) / static_cast<double>(trained);
    std::string times = std::format("{} tokens are {:.1f} times the {} that the model was trained "
                                    "for",
                                    wanted, stretch, trained);
    if (stretch <= 4)
        return {std::format("yarn:{}", std::ceil(stretch * 2) / 2),
                times + ", and YaRN works up to about 4 times without further training"};
    // Jin 2024: 512 to 1536 near keys, and the furthest distance at most two thirds of the trained.
    uint64_t near = std::max<uint64_t>(std::min<uint64_t>(trained / 4, 1536), 1);
    uint64_t room = std::max<uint64_t>(trained * 2 / 3, near + 1) - near;
    uint64_t group = (wanted - near + room - 1) / room;
    if (group <= 64)
        return {std::format("self-extend:{},{}", group, near),
                times + ", and Self-Extend still finds what is far away without further training"};
    return {std::format("rerope:{}", near),
            times + "; ReRoPE goes to any length, but cannot tell near from far beyond its near "
                    "keys"};
}

} // namespace longscope::attention
