#include "compute/model/config_layers.h"

#include "compute/core/error.h"
#include "compute/model/tensor_list.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace longscope::model {
namespace {

constexpr uint32_t kMaxHeadDim = 576; // of the attention kernels

/// Which layers attend, with how many heads.
class LayerReader {
  public:
    LayerReader(const Keys &keys, const HasTensor &has, uint32_t blocks, Config &config)
        : keys_(keys), has_(has), rules_(*config.architecture), blocks_(blocks), config_(config) {}

    void read() {
        config_.layer.assign(config_.layers, {});
        readMixers();
        readHeads();
        readHeadDims();
        readWindows();
        readFfn();
        for (uint32_t i = 0; i < config_.layers; ++i)
            finish(i);
    }

  private:
    bool anyAttention() const { return rules_.mixer.layers != MixerRules::Layers::all; }

    void readMixers() {
        using enum MixerRules::Layers;
        std::vector<uint32_t> kv_heads = keys_.countsOfLayers("attention.head_count_kv", blocks_);
        if (kv_heads.empty())
            kv_heads = keys_.countsOfLayers("attention.head_count", blocks_);
        std::vector<bool> from_key;
        if (rules_.mixer.layers == listed)
            from_key = listedLayers();
        std::vector<bool> recurs(config_.layers, false);
        attends_.assign(config_.layers, true);
        for (uint32_t i = 0; i < config_.layers; ++i) {
            switch (rules_.mixer.layers) {
            case MixerRules::Layers::none:
                break;
            case all:
                recurs[i] = true;
                attends_[i] = false;
                break;
            case without_kv_heads:
                recurs[i] = !kv_heads.empty() && kv_heads[i] == 0;
                attends_[i] = !recurs[i];
                break;
            case beside_attention:
                recurs[i] = true;
                break;
            case listed:
                recurs[i] = from_key[i];
                attends_[i] = !from_key[i];
                break;
            }
            if (recurs[i])
                config_.layer[i].recurrence = rules_.mixer.kind;
        }
    }

    std::vector<bool> listedLayers() const {
        std::vector<bool> listed(config_.layers);
        auto stored = keys_.integers("attention.recurrent_layers");
        if (stored && stored->size() == 1) // one number for all layers
            stored->resize(config_.layers, stored->front());
        if (stored && stored->size() < config_.layers)
            fail(ErrorKind::model, "{}: {} has {} values for {} layers", keys_.file().path(),
                 keys_.full("attention.recurrent_layers"), stored->size(), config_.layers);
        uint32_t interval = keys_.count("full_attention_interval");
        for (uint32_t i = 0; i < config_.layers; ++i)
            listed[i] = stored ? (*stored)[i] != 0 : (i + 1) % (interval ? interval : 4) != 0;
        return listed;
    }

    void readHeads() {
        if (!anyAttention())
            return;
        std::vector<uint32_t> heads = keys_.countsOfLayers("attention.head_count", blocks_);
        if (std::ranges::all_of(heads, [](uint32_t count) { return count == 0; }))
            keys_.refuseMissing("attention.head_count");
        std::vector<uint32_t> kv_heads = keys_.countsOfLayers("attention.head_count_kv", blocks_);
        bool absent = std::ranges::all_of(kv_heads, [](uint32_t count) { return count == 0; });
        first_heads_ = *std::ranges::find_if(heads, [](uint32_t count) { return count > 0; });
        for (uint32_t i = 0; i < config_.layers; ++i) {
            if (!attends_[i])
                continue;
            LayerConfig &layer = config_.layer[i];
            layer.heads = heads[i] ? heads[i] : first_heads_;
            layer.kv_heads = absent || kv_heads[i] == 0 ? layer.heads : kv_heads[i];
            if (layer.heads % layer.kv_heads != 0)
                fail(ErrorKind::model,
                     "{}: {} attention heads cannot share {} KV heads evenly (layer {}, {})",
                     keys_.file().path(), layer.heads, layer.kv_heads, i,
                     keys_.full("attention.head_count_kv"));
        }
    }

    void readHeadDims() {
        if (!anyAttention())
            return;
        if (rules_.attention.latent)
            return readLatent();
        uint32_t key_length = keys_.count("attention.key_length");
        uint32_t value_length = keys_.count("attention.value_length");
        uint32_t usual = config_.model_dim / first_heads_;
        uint32_t head_dim = key_length ? key_length : usual;
        uint32_t value_dim = value_length ? value_length : usual;
        if (rules_.attention.head_from_rope)
            if (uint32_t rotated = keys_.count("rope.dimension_count"))
                head_dim = value_dim = rotated;
        if (head_dim != value_dim)
            fail(ErrorKind::model,
                 "{}: keys of {} and values of {} dimensions are not supported ({})",
                 keys_.file().path(), head_dim, value_dim, keys_.full("attention.key_length"));
        setHeadDims(head_dim, value_dim);
    }

    void checkHeadDim(uint32_t head_dim) const {
        if (head_dim == 0 || head_dim % 2 != 0 || head_dim > kMaxHeadDim)
            fail(ErrorKind::model, "{}: heads of {} dimensions; even sizes up to {} are supported",
                 keys_.file().path(), head_dim, kMaxHeadDim);
    }

    void setHeadDims(uint32_t head_dim, uint32_t value_dim) {
        checkHeadDim(head_dim);
        for (LayerConfig &layer : config_.layer)
            if (layer.attends()) {
                layer.head_dim = head_dim;
                layer.value_dim = value_dim;
            }
    }

    /// Keys of latent attention; see architecture.h for the two forms.
    void readLatent() {
        LatentConfig &latent = config_.latent;
        latent.kv_rank = keys_.require("attention.kv_lora_rank");
        latent.q_rank = has_("blk.0.attn_q_a.weight") ? keys_.require("attention.q_lora_rank") : 0;
        uint32_t rotated = keys_.require("rope.dimension_count");
        latent.key_dim = keys_.count("attention.key_length_mla");
        latent.value_dim = keys_.count("attention.value_length_mla");
        latent.absorbed = latent.key_dim && latent.value_dim;
        if (!latent.absorbed) {
            latent.key_dim = keys_.require("attention.key_length");
            latent.value_dim = keys_.require("attention.value_length");
        }
        if (rotated >= latent.key_dim)
            fail(ErrorKind::model,
                 "{}: {} of {} dimensions of a key are rotated ({}); some must not be",
                 keys_.file().path(), rotated, latent.key_dim, keys_.full("rope.dimension_count"));
        for (LayerConfig &layer : config_.layer)
            layer.kv_heads = 1;
        setHeadDims(latent.kv_rank + rotated, latent.kv_rank);
    }

    // ---- windows and rotations -----------------------------------------------------------------

    uint64_t windowTokens() const {
        using enum WindowRules::Kind;
        constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
        const WindowRules &rules = rules_.window;
        if (rules.kind == WindowRules::Kind::none)
            return 0;
        uint64_t stored = keys_.count("attention.sliding_window", kMost);
        switch (rules.kind) {
        case required:
            if (stored == 0)
                keys_.refuseMissing("attention.sliding_window");
            return stored;
        case with_default:
            return stored ? stored : rules.tokens;
        case if_64_layers:
            return config_.layers != 64 ? 0 : stored ? stored : rules.tokens;
        case chunked: // a stored 0 switches the chunks off
            return keys_.has("attention.sliding_window") && stored == 0 ? 0 : rules.tokens;
        default:
            return stored;
        }
    }

    std::vector<bool> localLayers() const {
        auto stored = keys_.integers("attention.sliding_window_pattern");
        const Value *value = keys_.file().find(keys_.full("attention.sliding_window_pattern"));
        bool is_array = value && std::holds_alternative<Array>(*value);
        if (is_array && stored->size() < config_.layers)
            fail(ErrorKind::model, "{}: {} has {} values for {} layers", keys_.file().path(),
                 keys_.full("attention.sliding_window_pattern"), stored->size(), config_.layers);
        if (!is_array && rules_.per_layer_input)
            keys_.refuseMissing("attention.sliding_window_pattern");
        int64_t n = !is_array && stored && !stored->empty() ? stored->front()
                                                            : int64_t{rules_.window.pattern};
        std::vector<bool> local(config_.layers);
        for (uint32_t i = 0; i < config_.layers; ++i)
            local[i] = rules_.window.kind == WindowRules::Kind::everywhere ? true
                       : is_array                                          ? (*stored)[i] != 0
                                  : n == 0 || (n > 0 && i % n < n - 1);
        return local;
    }

    void readWindows() {
        uint64_t tokens = windowTokens();
        local_.assign(config_.layers, false);
        if (tokens == 0)
            return;
        local_ = localLayers();
        for (uint32_t i = 0; i < config_.layers; ++i) {
            LayerConfig &layer = config_.layer[i];
            if (!local_[i] || !layer.attends())
                continue;
            layer.window = tokens;
            layer.chunked = rules_.window.kind == WindowRules::Kind::chunked;
        }
        has_windows_ = true;
    }

    bool isRotated(uint32_t i) const {
        switch (rules_.rope.layers) {
        case RopeLayers::all:
            return true;
        case RopeLayers::not_each_fourth:
            return (i + 1) % 4 != 0;
        case RopeLayers::local:
            return local_[i];
        case RopeLayers::local_if_windowed:
            return local_[i] || !has_windows_;
        case RopeLayers::all_if_finetuned:
            return keys_.flag("rope.scaling.finetuned", true);
        }
        return true;
    }

    // ---- feed-forward --------------------------------------------------------------------------

    bool hasExperts(uint32_t i) const {
        using enum ExpertRules::Layers;
        uint32_t step = 0;
        switch (rules_.experts.layers) {
        case ExpertRules::Layers::none:
            return false;
        case with_router:
            return has_(tensorOfLayer(i, "ffn_gate_inp.weight"));
        case after_leading:
            return keys_.count("expert_count") && i >= keys_.count("leading_dense_block_count");
        case every_step:
        case after_leading_every_step:
            step = keys_.count("interleave_moe_layer_step");
            if (rules_.experts.layers == after_leading_every_step &&
                i < keys_.count("leading_dense_block_count"))
                return false;
            return keys_.count("expert_count") && step > 0 && (i + 1) % step == 0;
        }
        return false;
    }

    void readFfn() {
        if (!rules_.has_ffn)
            return;
        std::vector<uint32_t> ffn = keys_.countsOfLayers("feed_forward_length", blocks_);
        std::vector<uint32_t> used = keys_.countsOfLayers("expert_used_count", blocks_);
        for (uint32_t i = 0; i < config_.layers; ++i) {
            LayerConfig &layer = config_.layer[i];
            if (hasExperts(i)) {
                if (used.empty() || used[i] == 0)
                    keys_.refuseMissing("expert_used_count");
                layer.experts_used = used[i];
            }
            if (layer.experts_used && !rules_.per_layer_input)
                continue;
            if (ffn.empty() || ffn[i] == 0)
                keys_.refuseMissing("feed_forward_length");
            layer.ffn_dim = ffn[i];
        }
    }

    bool isParallel(uint32_t i) const {
        switch (rules_.residual) {
        case Residual::sequential:
            return false;
        case Residual::parallel:
        case Residual::parallel_second_norm:
            return true;
        case Residual::parallel_own_norm_if_key:
            if (!keys_.has("use_parallel_residual"))
                keys_.refuseMissing("use_parallel_residual");
            return keys_.flag("use_parallel_residual", false);
        case Residual::parallel_without_ffn_norm:
            return !has_(tensorOfLayer(i, std::string(rules_.norm.before_ffn) + ".weight"));
        }
        return false;
    }

    void readOwnLocalHeads(uint32_t i) {
        LayerConfig &layer = config_.layer[i];
        uint32_t shared = keys_.count("attention.shared_kv_layers");
        uint32_t own = config_.layers - std::min(shared, config_.layers);
        if (local_[i])
            if (uint32_t local_dim = keys_.count("attention.key_length_swa")) {
                checkHeadDim(local_dim);
                layer.head_dim = layer.value_dim = local_dim;
            }
        if (i < own)
            return;
        if (own < 2)
            fail(ErrorKind::model,
                 "{}: {} of {} layers share the keys of earlier ones, which are "
                 "too few",
                 keys_.file().path(), shared, config_.layers);
        layer.cache_layer = local_[i] ? own - 2 : own - 1;
        const LayerConfig &read = config_.layer[layer.cache_layer];
        if (read.head_dim != layer.head_dim || read.kv_heads != layer.kv_heads)
            fail(ErrorKind::model,
                 "{}: layer {} with {} KV heads of {} reads the keys of layer {}, which has {} of "
                 "{}",
                 keys_.file().path(), i, layer.kv_heads, layer.head_dim, layer.cache_layer,
                 read.kv_heads, read.head_dim);
    }

    void finish(uint32_t i) {
        LayerConfig &layer = config_.layer[i];
        layer.parallel = isParallel(i);
        layer.cache_layer = i;
        config_.ffn_dim = std::max(config_.ffn_dim, layer.ffn_dim);
        if (!layer.attends())
            return;
        if (rules_.rope.layout != RopeLayout::none && isRotated(i))
            layer.rope =
                local_[i] && rules_.rope.local != LocalRope::as_global ? kLocalRope : kGlobalRope;
        layer.normed_heads = hasNormedHeads(i);
        layer.tempered =
            rules_.attention.temperature != Temperature::none &&
            (rules_.attention.temperature != Temperature::unrotated || layer.rope == kNoRope);
        if (rules_.per_layer_input)
            readOwnLocalHeads(i);
        config_.heads = std::max(config_.heads, layer.heads);
        config_.kv_heads = std::max(config_.kv_heads, layer.kv_heads);
        config_.head_dim = std::max(config_.head_dim, layer.head_dim);
    }

    bool hasNormedHeads(uint32_t i) const {
        const QkNormRules &rules = rules_.qk_norm;
        const LayerConfig &layer = config_.layer[i];
        if (rules.place == QkNormPlace::none || config_.layers < rules.from_layers)
            return false;
        if (rules.only_rope_layers && (layer.rope == kNoRope || keys_.count("expert_count") == 128))
            return false;
        return !rules.optional || (has_(tensorOfLayer(i, "attn_q_norm.weight")) &&
                                   has_(tensorOfLayer(i, "attn_k_norm.weight")));
    }

    const Keys &keys_;
    const HasTensor &has_;
    const Architecture &rules_;
    uint32_t blocks_;
    Config &config_;
    std::vector<bool> attends_, local_;
    uint32_t first_heads_ = 0; ///< of the first layer that has some
    bool has_windows_ = false;
};

} // namespace

void readLayers(const Keys &keys, const HasTensor &has, uint32_t blocks, Config &config) {
    LayerReader(keys, has, blocks, config).read();
}

} // namespace longscope::model
