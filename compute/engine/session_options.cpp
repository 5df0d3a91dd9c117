#include "compute/engine/session_options.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <format>
#include <map>
#include <memory>

namespace longscope::engine {
namespace {

using attention::Pattern;

/// The largest distance between a query and a key of a layer, as rotation sees it.
uint64_t reachOfLayer(const Pattern &pattern) {
    auto kept = pattern.retention();
    if (!kept)
        return UINT64_MAX;
    if (pattern.relabelsSinks())
        return kept->sinks + kept->window;
    return kept->sinks == 0 ? kept->window : UINT64_MAX;
}

/// The window that a scheme stretches: schemes that replace the file's own scaling begin at the
/// window before it.
uint64_t stretchedFrom(const model::Config &config, const attention::RopeScheme &scheme) {
    using enum attention::RopeKind;
    bool keeps_file = scheme.kind == model || scheme.kind == self_extend || scheme.kind == rerope ||
                      scheme.kind == leaky_rerope;
    uint64_t original = config.rope().scaling.original_context;
    return keeps_file || original == 0 ? config.context_tokens : original;
}

bool sameShape(const model::LayerConfig &a, const model::LayerConfig &b) {
    return a.heads == b.heads && a.kv_heads == b.kv_heads && a.head_dim == b.head_dim &&
           a.rope == b.rope;
}

/// Eviction goes by slots: every layer must keep the same ones, and places must not matter.
void checkEviction(const model::Config &config, const SessionOptions &options) {
    const std::string &spec = options.eviction.spec;
    if (config.heads == 0)
        fail(ErrorKind::usage,
             "--evict {} throws keys away, and this model has none: no layer attends", spec);
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const model::LayerConfig &own = config.layer[layer];
        if (own.window > 0 && options.patterns.isNative(layer))
            fail(ErrorKind::usage, "--evict {} works on layers that see everything; {}", spec,
                 describeWindows(config, options));
        if (!own.attends() || own.cache_layer != layer || !sameShape(own, config.layer[0]))
            fail(
                ErrorKind::usage,
                "--evict {} works on models whose layers attend all alike; layer {} of this one is "
                "of another kind",
                spec, layer);
        const Pattern &pattern = options.patterns.of(layer);
        if (pattern.kind() != attention::PatternKind::full)
            fail(ErrorKind::usage, "--evict {} works on full attention, not on {}", spec,
                 pattern.spec());
    }
    if (config.alibi_bias > 0)
        fail(ErrorKind::usage,
             "--evict {} does not go with this model, whose attention falls with the distance of "
             "the keys (ALiBi)",
             spec);
    if (options.ropeScheme().needsRawKeys())
        fail(ErrorKind::usage,
             "--evict {} needs keys that keep their rotation, --rope {} rotates them when read",
             spec, options.ropeScheme().spec);
}

/// Of one layer.
void checkLayer(const model::Config &config, const SessionOptions &options, uint32_t layer) {
    const attention::RopeScheme &rope = options.ropeScheme();
    const Pattern &pattern = options.patterns.of(layer);
    const model::LayerConfig &own = config.layer[layer];
    pattern.checkHeads(layer, own.heads);
    bool two_zones = rope.nearKeys() != UINT64_MAX;
    if (two_zones && pattern.relabelsSinks())
        fail(ErrorKind::usage,
             "--attention {} and --rope {} both say which positions far keys have; use a-shape "
             "instead of sinks",
             pattern.spec(), rope.spec);
    if (two_zones && pattern.isDynamic())
        fail(ErrorKind::usage,
             "--attention {} chooses keys by their scores, which --rope {} changes with the "
             "distance; use one of them",
             pattern.spec(), rope.spec);
    if (config.alibi_bias > 0 && pattern.relabelsSinks())
        fail(ErrorKind::usage,
             "--attention {} gives keys other positions, which this model does not know: its "
             "attention falls with their distance (ALiBi); use a-shape",
             pattern.spec());
    const Pattern &owner = options.patterns.of(own.cache_layer);
    if (&owner != &pattern && owner.spec() != pattern.spec())
        fail(ErrorKind::usage,
             "layer {} reads the keys of layer {}: --attention must say the same of both, not {} "
             "and {}",
             layer, own.cache_layer, pattern.spec(), owner.spec());
}

} // namespace

SessionOptions withNativeWindows(const model::Config &config, SessionOptions options) {
    if (options.patterns.hasNative())
        return options;
    std::map<std::string, std::shared_ptr<const Pattern>> made; // layers share them
    std::vector<std::shared_ptr<const Pattern>> native(config.layers);
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const model::LayerConfig &own = config.layer[layer];
        if (own.window == 0)
            continue;
        std::string spec = std::format("{}:{}", own.chunked ? "chunked" : "window", own.window);
        std::shared_ptr<const Pattern> &pattern = made[spec];
        if (!pattern)
            pattern = std::make_shared<const Pattern>(spec);
        native[layer] = pattern;
    }
    if (!made.empty())
        options.patterns.setNative(std::move(native));
    return options;
}

std::string describeWindows(const model::Config &config, const SessionOptions &options) {
    SessionOptions own = withNativeWindows(config, options);
    std::map<std::pair<uint64_t, bool>, std::vector<uint32_t>> layers;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (own.patterns.isNative(layer))
            layers[{config.layer[layer].window, config.layer[layer].chunked}].push_back(layer);
    std::string text;
    for (const auto &[window, with] : layers)
        text += std::format("{}{} {} {} the model's own {} of {} tokens", text.empty() ? "" : "; ",
                            with.size() == 1 ? "layer" : "layers", numberRanges(with),
                            with.size() == 1 ? "keeps" : "keep",
                            window.second ? "chunks" : "window", window.first);
    return text;
}

const attention::RopeScheme &SessionOptions::ropeScheme() const {
    static const attention::RopeScheme as_in_file;
    return rope ? *rope : as_in_file;
}

attention::RopeSettings ropeSettings(const model::RopeConfig &rope) {
    return {.dims = rope.dims,
            .base = rope.base,
            .scaling = rope.scaling.type,
            .factor = rope.scaling.factor,
            .original_context = rope.scaling.original_context,
            .attn_factor = rope.scaling.attn_factor,
            .yarn_beta_fast = rope.scaling.yarn_beta_fast,
            .yarn_beta_slow = rope.scaling.yarn_beta_slow,
            .yarn_log = rope.scaling.yarn_log,
            .yarn_log_cancels = rope.scaling.yarn_log_cancels,
            .factors = rope.factors,
            .short_factors = rope.short_factors,
            .long_factors = rope.long_factors,
            .always_long_short = rope.always_long_short};
}

uint32_t chunkTokens(const model::Config &config, const SessionOptions &options, uint32_t usual) {
    uint32_t most = usual;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        if (!config.layer[layer].attends())
            continue;
        const Pattern &pattern = options.patterns.of(layer);
        most = std::max(most, pattern.isDynamic() ? kLongChunk : attention::chunkFor(pattern));
    }
    return most;
}

Tiling sessionTiling(Tiling engine, const model::Config &config, const SessionOptions &options) {
    uint32_t chunk = options.chunk_tokens ? options.chunk_tokens
                                          : chunkTokens(config, options, engine.chunk_tokens);
    if (options.eviction.kind == attention::EvictionKind::snapkv) // observes the rows of one chunk
        chunk = std::max(chunk, options.eviction.window);
    engine.chunk_tokens = static_cast<uint32_t>(
        std::min<uint64_t>(chunk, std::max<uint64_t>(options.context_tokens, 1)));
    return engine;
}

uint64_t reachOf(const model::Config &config, const SessionOptions &options) {
    uint64_t trained = config.context_tokens;
    uint64_t widest = 0;
    const SessionOptions own = withNativeWindows(config, options);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].attends() && config.layer[layer].rope != model::kNoRope)
            widest = std::max(widest, reachOfLayer(own.patterns.of(layer)));
    if (config.architecture->ends.positions == model::EndRules::Positions::required)
        return trained; // there are no more rows
    if (widest <= trained)
        return UINT64_MAX;
    return options.ropeScheme().reach(stretchedFrom(config, options.ropeScheme()));
}

std::string outOfReach(const model::Config &config, const SessionOptions &options) {
    uint64_t reach = reachOf(config, options);
    if (options.context_tokens <= reach)
        return "";
    if (config.architecture->ends.positions == model::EndRules::Positions::required)
        return std::format(
            "a window of {} tokens is more than the {} positions that this model has",
            options.context_tokens, config.context_tokens);
    std::string scheme =
        options.rope ? std::format(", {} reaches {}", options.rope->spec, reach) : std::string();
    uint64_t original = config.rope().scaling.original_context;
    auto proposal =
        attention::proposeRope(original ? original : config.context_tokens, options.context_tokens);
    return std::format("a window of {} tokens is more than the {} that this model was trained "
                       "for{}; try --rope {} ({}), or --attention sinks:4+{}, which forgets the "
                       "middle of the text",
                       options.context_tokens, config.context_tokens, scheme, proposal.spec,
                       proposal.reason, std::min<uint64_t>(config.context_tokens / 2, 2044));
}

void checkOptions(const model::Config &config, const SessionOptions &wanted) {
    wanted.patterns.checkLayers(config.layers);
    const SessionOptions options = withNativeWindows(config, wanted);
    if (config.rope().dims == 0 && options.ropeScheme().kind != attention::RopeKind::model)
        fail(ErrorKind::usage, "--rope {} is for models that rotate keys; this one does not",
             options.ropeScheme().spec);
    if (options.eviction.kind != attention::EvictionKind::none)
        checkEviction(config, options);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].attends())
            checkLayer(config, options, layer);
}

} // namespace longscope::engine
