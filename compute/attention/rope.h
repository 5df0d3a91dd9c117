// Rotary position embedding: from a model's settings to inverse frequencies and one magnitude, and
// from positions to the (cos, sin) table that kernels read. In double: shaders' sin and cos are not
// precise enough at large angles. Pure arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::attention {

struct RopeSettings {
    uint32_t dims = 0; ///< rotated dimensions of a head, even
    double base = 10000;
    std::string scaling = "none"; ///< none, linear, yarn, longrope (as the file says)
    double factor = 1;            ///< s >= 1 stretches
    uint64_t original_context = 0;
    double attn_factor = 1;
    double yarn_beta_fast = 32, yarn_beta_slow = 1;
    /// Multiplier of ln(factor) in yarn's magnitude, below the line or (cancels) on both sides; 0 =
    /// none.
    double yarn_log = 0;
    bool yarn_log_cancels = false;
    /// [dims/2] divisors (rope_freqs.weight), empty = 1; infinite: the pair stands still.
    std::vector<float> factors{};
    /// [dims/2] divisors of longrope, empty = none.
    std::vector<float> short_factors{}, long_factors{};
    bool always_long_short = false; ///< these count whatever the scaling
};

struct Rope {
    std::vector<double> inv_freq; ///< [dims/2]: angle of pair i at position p = p * inv_freq[i]
    double magnitude = 1;         ///< multiplies cos and sin of q and of k, once
};

/// As the file says, whatever the length: ggml's angle formula (ops.cpp rope_yarn) covers none,
/// linear and yarn, with factors. Throws Error(model) for what cannot be.
Rope makeRope(const RopeSettings &settings);

/// rotation[i, pair] = (cos, sin) * magnitude at position first + i; size rows * dims.
void fillRotation(const Rope &rope, uint64_t first, uint64_t rows, std::span<float> rotation);
/// The same at any positions, which need not be whole.
void fillRotation(const Rope &rope, std::span<const double> positions, std::span<float> rotation);

// ---- schemes that the reader chooses (methods.md, section 3) ---------------------------------

enum class RopeKind {
    model,        ///< as in the file
    none,         ///< the file's base without its scaling
    linear,       ///< linear:S         position interpolation
    ntk,          ///< ntk:S            NTK-aware: base * S^(d/(d-2))
    dynamic_ntk,  ///< dynamic-ntk[:A]  the base follows the tokens read
    ntk_parts,    ///< ntk-parts:S      the ramp of the YaRN paper, linear in the turns
    yarn,         ///< yarn:S           ramp linear in the index, attention factor once
    llama3,       ///< llama3:S[,LOW,HIGH[,CONTEXT]]
    longrope,     ///< longrope         the file's short or long factors
    self_extend,  ///< self-extend:G,W
    rerope,       ///< rerope:W
    leaky_rerope, ///< leaky-rerope:W,K
};

struct RopeScheme {
    RopeKind kind = RopeKind::model;
    std::vector<double> numbers; ///< as in the spec
    std::string spec = "model";

    /// Keys must be cached unrotated.
    bool needsRawKeys() const;
    /// The frequencies follow the number of tokens.
    bool followsLength() const { return kind == RopeKind::dynamic_ntk; }
    /// Keys at this distance and more are far; UINT64_MAX: there is no far zone.
    uint64_t nearKeys() const;
    /// Positions that rotate q and k towards far keys.
    double farQuery(uint64_t query) const;
    double farKey(uint64_t key) const;
    /// How many tokens it covers when the model was trained for `trained` (before any scaling of
    /// the file's, where the scheme takes its place); UINT64_MAX: any number.
    uint64_t reach(uint64_t trained) const;
};
/// Throws Error(usage) that names the part and what was expected.
RopeScheme parseRope(std::string_view spec);

/// Frequencies under a scheme. `tokens`: how many the context holds now (dynamic_ntk), or may hold
/// (longrope, chosen or by the file: the long factors count when these, rounded up to 256, are more
/// than the original context).
/// linear, ntk, ntk_parts, yarn, llama3, longrope and none take the place of the file's scaling and
/// of its attention factor; the schemes with a far zone keep both. The file's divisors
/// (rope_freqs.weight) are the model's own frequencies and stay, except under none, llama3 and
/// longrope. Throws Error(usage) where the file lacks what the scheme needs.
Rope makeRope(const RopeSettings &model, const RopeScheme &scheme, uint64_t trained_tokens,
              uint64_t tokens);

/// What to offer when `wanted` tokens are more than the `trained`: a spec and why, one sentence.
struct RopeProposal {
    std::string spec, reason;
};
RopeProposal proposeRope(uint64_t trained, uint64_t wanted);

} // namespace longscope::attention
