#include "compute/engine/session_options.h"

#include "compute/core/error.h"

#include <algorithm>
#include <format>

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

} // namespace

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
        const Pattern &pattern = options.patterns.of(layer);
        most = std::max(most, pattern.isDynamic() ? kLongChunk : attention::chunkFor(pattern));
    }
    return most;
}

Tiling sessionTiling(Tiling engine, const model::Config &config, const SessionOptions &options) {
    uint32_t chunk = options.chunk_tokens ? options.chunk_tokens
                                          : chunkTokens(config, options, engine.chunk_tokens);
    engine.chunk_tokens = static_cast<uint32_t>(
        std::min<uint64_t>(chunk, std::max<uint64_t>(options.context_tokens, 1)));
    return engine;
}

uint64_t reachOf(const model::Config &config, const SessionOptions &options) {
    uint64_t trained = config.context_tokens;
    uint64_t widest = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        widest = std::max(widest, reachOfLayer(options.patterns.of(layer)));
    if (widest <= trained)
        return UINT64_MAX;
    return options.ropeScheme().reach(stretchedFrom(config, options.ropeScheme()));
}

std::string outOfReach(const model::Config &config, const SessionOptions &options) {
    uint64_t reach = reachOf(config, options);
    if (options.context_tokens <= reach)
        return "";
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

void checkOptions(const model::Config &config, const SessionOptions &options) {
    options.patterns.checkLayers(config.layers);
    const attention::RopeScheme &rope = options.ropeScheme();
    bool two_zones = rope.nearKeys() != UINT64_MAX;
    bool evicts = options.eviction.kind != attention::EvictionKind::none;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const Pattern &pattern = options.patterns.of(layer);
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
        if (evicts && pattern.kind() != attention::PatternKind::full)
            fail(ErrorKind::usage, "--evict {} works on full attention, not on {}",
                 options.eviction.spec, pattern.spec());
    }
    if (evicts && rope.needsRawKeys())
        fail(ErrorKind::usage,
             "--evict {} needs keys that keep their rotation, --rope {} rotates them when read",
             options.eviction.spec, rope.spec);
}

} // namespace longscope::engine
