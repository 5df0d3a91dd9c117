// The numbers of one model, read from its metadata and checked against its tensors. What a rule of
// the architecture says for a layer is decided here once: everybody else reads the layer.
#pragma once

#include "compute/model/architecture.h"
#include "compute/model/gguf.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace longscope::model {

struct RopeScaling {
    std::string type = "none"; ///< none, linear, yarn, longrope as the file says (default linear)
    double factor = 1;         ///< s >= 1 stretches; 0 or absent in the file = 1
    uint64_t original_context = 0; ///< the trained window where the file does not say
    double attn_factor = 1;
    double yarn_beta_fast = 32, yarn_beta_slow = 1;
    double yarn_log = 0;           ///< log multiplier as the architecture counts it; 0 = none
    bool yarn_log_cancels = false; ///< deepseek2: the multiplier stands above and below the line
};

/// One set of rotations.
struct RopeConfig {
    uint32_t dims = 0; ///< rotated dimensions of a head, even
    double base = 10000;
    RopeScaling scaling;
    /// [dims / 2] divisors, empty = all 1; infinite where a pair stands still.
    std::vector<float> factors;
    /// [dims / 2], both or neither: divisors of longrope, for windows longer than the original
    /// context and for the others.
    std::vector<float> long_factors, short_factors;
    bool always_long_short = false; ///< whatever the scaling type
};

constexpr uint32_t kGlobalRope = 0, kLocalRope = 1; ///< in Config::ropes
constexpr uint32_t kNoRope = ~0u;

/// What a layer is. Sizes in elements.
struct LayerConfig {
    // attention; heads = 0: the layer has none
    uint32_t heads = 0, kv_heads = 0;
    uint32_t head_dim = 0;     ///< of q and k
    uint32_t value_dim = 0;    ///< of v: another only in latent attention
    uint32_t rope = kNoRope;   ///< index in Config::ropes
    uint64_t window = 0;       ///< keys that a query sees, itself included; 0 = all before it
    bool chunked = false;      ///< the window is a chunk: keys from floor(p / window) * window on
    uint32_t cache_layer = 0;  ///< whose keys and values it reads; another's: it has only q
    bool normed_heads = false; ///< q and k norms
    bool tempered = false;     ///< Config::temperature
    // recurrence
    Recurrence recurrence = Recurrence::none;
    // feed-forward
    uint32_t ffn_dim = 0;      ///< of the dense block; 0 = none
    uint32_t experts_used = 0; ///< of each token; 0 = the layer has no experts
    bool parallel = false;     ///< both branches start from the same x

    bool attends() const { return heads > 0; }
    bool recurs() const { return recurrence != Recurrence::none; }
    bool operator==(const LayerConfig &) const = default;
};

/// q *= 1 + scale * ln(floor((position + offset) / length) + 1)
struct TemperatureConfig {
    double scale = 0, offset = 0, length = 1;
};

struct ExpertConfig {
    uint32_t count = 0;
    uint32_t used = 0; ///< the same in every layer that has some
    uint32_t groups = 1, used_groups = 1;
    uint32_t ffn_dim = 0;    ///< of one expert
    uint32_t shared_dim = 0; ///< of the shared expert; 0 = none
    bool shared_gated = false;
    enum class Gating { softmax, sigmoid, softmax_of_chosen, sigmoid_on_input };
    Gating gating = Gating::softmax;
    bool normalize = false;
    double weight_scale = 1;
    bool selection_bias = false; ///< exp_probs_b is there
    bool merged = false;         ///< ffn_gate_up_exps
};

/// Multi-head latent attention (DeepSeek-V2). Layers have one KV head of kv_rank + rope dims, the
/// one that is cached, in whatever form the file has the matrices.
struct LatentConfig {
    uint32_t q_rank = 0; ///< 0: attn_q
    uint32_t kv_rank = 0;
    uint32_t key_dim = 0, value_dim = 0; ///< of a head; key_dim with the rotated part
    bool absorbed = false;               ///< the file has attn_k_b and attn_v_b, not attn_kv_b
};

/// Sizes of recurrent layers.
struct RecurrentConfig {
    uint32_t conv_kernel = 0; ///< K taps
    uint32_t inner = 0;       ///< Di
    uint32_t state = 0;       ///< N
    uint32_t heads = 0;       ///< R: mamba-1 rank of dt, mamba-2 heads, delta net v heads
    uint32_t groups = 0;      ///< G
    bool norm_dt_b_c = false; ///< mamba-1: RMS without weight on dt, B and C
    bool joined_inputs =
        false; ///< qwen3next, older files: ssm_in instead of attn_qkv and attn_gate
    // rwkv6
    uint32_t head_dim = 0, mix_rank = 0, decay_rank = 0;
    uint32_t channel_dim = 0;   ///< of the channel mix
    uint32_t rescale_every = 0; ///< x is halved after so many layers; 0 = never
    bool fused_lerp = false;    ///< time_mix_lerp_fused instead of five
};

struct Config {
    const Architecture *architecture = nullptr;
    std::string name; ///< general.name
    uint32_t layers = 0;
    uint32_t model_dim = 0;
    uint32_t ffn_dim = 0;        ///< the largest dense one
    uint32_t heads = 0;          ///< the most of a layer; 0 = no layer attends
    uint32_t kv_heads = 0;       ///< the most of a layer
    uint32_t head_dim = 0;       ///< the largest
    uint32_t vocab = 0;          ///< rows of token_embd.weight = length of the token list
    uint64_t context_tokens = 0; ///< trained window
    float norm_eps = 0;
    std::vector<LayerConfig> layer; ///< [layers]
    RopeLayout rope_layout = RopeLayout::none;
    std::vector<RopeConfig> ropes; ///< global, then local where that is another; never empty
    float score_scale = 0;         ///< of q.k; 0: 1 / sqrt(head_dim) of the layer
    float softcap = 0;             ///< of the scores; 0 = none
    float alibi_bias = 0;          ///< B; 0 = none
    float clamp_qkv = 0;           ///< 0 = none
    TemperatureConfig temperature;
    ExpertConfig experts;
    LatentConfig latent;
    RecurrentConfig recurrent;
    uint32_t per_layer_dim = 0; ///< gemma4: of a layer's own embedding; 0 = none
    double branch_factor = 1;   ///< multiplies what a branch adds to x
    double embedding_factor = 1;
    double logits_factor = 1;
    float logits_cap = 0;      ///< c of c * tanh(logit / c); 0 = none
    uint32_t adapter_rank = 0; ///< the largest of the adapters that were put on
    uint64_t parameters = 0;   ///< elements of all tensors
    bool tied_head = false;    ///< no output.weight

    const RopeConfig &rope() const { return ropes.front(); }
    float scoreScale(uint32_t layer_index) const;
};

/// Throws Error(model): unknown architecture (with the nearest known one), missing or zero keys,
/// a tensor that is missing or has another shape than the keys say (tensor, both shapes).
/// A key whose value is 0 where 0 has no meaning counts as absent.
Config readConfig(const Gguf &file);

/// The same without a look at the tensors; `has` says which there are. For tests that make a model
/// from keys.
using HasTensor = std::function<bool(const std::string &)>;
Config readKeys(const Gguf &file, const HasTensor &has);

} // namespace longscope::model
