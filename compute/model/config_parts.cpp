// Rotations, experts and recurrence of a model, from its keys.
#include "compute/core/error.h"
#include "compute/model/config_layers.h"
#include "compute/model/gguf_reader.h"
#include "compute/model/tensor_list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace longscope::model {
namespace {

RopeScaling readScaling(const Keys &keys, const RopeRules &rules, uint64_t context_tokens) {
    constexpr std::array<std::string_view, 4> kKnown = {"none", "linear", "yarn", "longrope"};
    RopeScaling scaling;
    scaling.type = keys.file().findString(keys.full("rope.scaling.type")).value_or("linear");
    if (std::ranges::find(kKnown, scaling.type) == kKnown.end())
        fail(ErrorKind::model,
             "{}: rope.scaling.type is '{}'; none, linear, yarn and longrope are supported",
             keys.file().path(), printable(scaling.type));
    double legacy = keys.number("rope.scale_linear", 1);
    double factor = keys.number("rope.scaling.factor", legacy);
    scaling.factor = scaling.type == "none" ? 1 : factor;
    scaling.original_context =
        keys.count("rope.scaling.original_context_length", kMostContextTokens);
    if (scaling.original_context == 0)
        scaling.original_context = context_tokens;
    scaling.attn_factor = keys.number("rope.scaling.attn_factor", 1);
    if (rules.yarn_betas) {
        scaling.yarn_beta_fast = keys.number("rope.scaling.yarn_beta_fast", 32);
        scaling.yarn_beta_slow = keys.number("rope.scaling.yarn_beta_slow", 1);
    }
    if (rules.yarn_log != YarnLog::none) {
        bool ten = rules.yarn_log == YarnLog::times_ten;
        scaling.yarn_log =
            (ten ? 10 : 1) * keys.stored("rope.scaling.yarn_log_multiplier").value_or(0);
        scaling.yarn_log_cancels = ten;
    }
    return scaling;
}

double readBase(const Keys &keys, std::string_view key, double fallback) {
    double base = keys.number(key, fallback);
    if (!(base > 1))
        fail(ErrorKind::model, "{}: {} is {}, expected a number above 1", keys.file().path(), key,
             base);
    return base;
}

uint32_t readDims(const Keys &keys, std::string_view key, uint32_t head_dim, const Config &config) {
    uint32_t stored = keys.count(key);
    uint32_t dims = stored ? stored : head_dim;
    bool whole = config.architecture->rope.whole_head;
    if (dims > head_dim || dims % 2 != 0 || (whole && dims != head_dim))
        fail(ErrorKind::model, "{}: {} of {} head dimensions are rotated; {} rotates {}",
             keys.file().path(), dims, head_dim, config.architecture->name,
             whole ? "all" : "an even part of them");
    return dims;
}

/// Pairs of the fourth section stand still, because the fourth position of text is 0.
std::vector<float> sectionFactors(const std::vector<int64_t> &sections, uint32_t pairs,
                                  bool interleaved) {
    constexpr float kStill = std::numeric_limits<float>::infinity();
    int64_t sum = std::accumulate(sections.begin(), sections.end(), int64_t{0});
    std::vector<float> factors(pairs, 1.0f);
    for (uint32_t i = 0; i < pairs; ++i) {
        int64_t j = i % sum;
        bool turns = interleaved ? j < 3 * sections[static_cast<size_t>(j % 3)]
                                 : j < sections[0] + sections[1] + sections[2];
        factors[i] = turns ? 1.0f : kStill;
    }
    return factors;
}

void readSections(const Keys &keys, Config &config) {
    RopeSections rule = config.architecture->rope.sections;
    if (rule == RopeSections::ignored)
        return;
    bool interleaved = rule == RopeSections::interleaved;
    std::vector<int64_t> sections =
        keys.integers("rope.dimension_sections").value_or(std::vector<int64_t>());
    sections.resize(4, sections.size() == 1 ? sections.front() : 0); // one number for all four
    bool bad = std::ranges::any_of(sections, [](int64_t s) { return s < 0 || s > 1 << 20; });
    bool set = interleaved ? sections[0] + sections[1] + sections[2] + sections[3] > 0
                           : sections[0] > 0 && sections[1] > 0;
    if (bad || (interleaved && !set))
        fail(ErrorKind::model, "{}: {} is [{}, {}, {}, {}]; {} needs sizes of four sections",
             keys.file().path(), keys.full("rope.dimension_sections"), sections[0], sections[1],
             sections[2], sections[3], config.architecture->name);
    if (!set)
        return;
    config.rope_layout = RopeLayout::neox;
    config.ropes.front().factors =
        sectionFactors(sections, config.ropes.front().dims / 2, interleaved);
}

RopeConfig localRope(const Keys &keys, const Config &config) {
    RopeConfig local = config.ropes.front();
    local.factors.clear();
    LocalRope rule = config.architecture->rope.local;
    if (rule == LocalRope::inherit || rule == LocalRope::own)
        local.base =
            readBase(keys, "rope.freq_base_swa", rule == LocalRope::inherit ? local.base : 10000);
    if (rule != LocalRope::inherit) {
        double attn_factor = rule == LocalRope::own ? local.scaling.attn_factor : 1;
        local.scaling = {.type = "linear",
                         .original_context = local.scaling.original_context,
                         .attn_factor = attn_factor};
    }
    if (config.architecture->per_layer_input)
        for (const LayerConfig &layer : config.layer)
            if (layer.rope == kLocalRope)
                local.dims = readDims(keys, "rope.dimension_count_swa", layer.head_dim, config);
    return local;
}

uint32_t globalHeadDim(const Config &config) {
    for (const LayerConfig &layer : config.layer)
        if (layer.attends() && layer.rope == kGlobalRope)
            return layer.head_dim;
    return config.head_dim;
}

ExpertConfig::Gating readGating(const Keys &keys, const Config &config) {
    using Gating = ExpertConfig::Gating;
    switch (config.architecture->experts.routing) {
    case Routing::softmax:
        return Gating::softmax;
    case Routing::softmax_of_chosen:
        return Gating::softmax_of_chosen;
    case Routing::sigmoid_on_input:
        return Gating::sigmoid_on_input;
    case Routing::key:
        break;
    }
    constexpr uint32_t kGlmVocabulary = 154880; // models of 47 and 48 layers that leave it unsaid
    const Tensor *embedding = keys.file().findTensor("token_embd.weight");
    bool glm = (config.layers == 47 || config.layers == 48) && embedding &&
               embedding->rows() == kGlmVocabulary;
    switch (keys.count("expert_gating_func")) {
    case 0:
        if (config.architecture->experts.selection_bias == ExpertRules::Bias::required)
            keys.refuseMissing("expert_gating_func");
        return glm ? Gating::sigmoid : Gating::softmax;
    case 1:
        return Gating::softmax;
    case 2:
        return Gating::sigmoid;
    case 3:
        return Gating::softmax_of_chosen;
    default:
        fail(ErrorKind::model,
             "{}: {} is {}, expected 1 (softmax), 2 (sigmoid) or 3 (softmax of "
             "the chosen)",
             keys.file().path(), keys.full("expert_gating_func"), keys.count("expert_gating_func"));
    }
}

/// Of the dense block that the layers would have without experts.
uint32_t plainFfn(const Keys &keys) {
    const Value *value = keys.file().find(keys.full("feed_forward_length"));
    if (value && std::holds_alternative<Array>(*value)) {
        std::vector<int64_t> all = *keys.file().findIntegers(keys.full("feed_forward_length"));
        int64_t most = all.empty() ? 0 : std::ranges::max(all);
        return static_cast<uint32_t>(std::clamp<int64_t>(most, 0, INT32_MAX));
    }
    return keys.count("feed_forward_length");
}

/// Of one expert: a number, or an array of the same for each layer; 0 when absent.
uint32_t storedExpertWidth(const Keys &keys) {
    constexpr std::string_view kKey = "expert_feed_forward_length";
    std::vector<int64_t> all = keys.integers(kKey).value_or(std::vector<int64_t>());
    std::erase(all, 0); // layers without experts
    for (int64_t width : all)
        if (width != all.front() || width < 0 || width > INT32_MAX)
            fail(ErrorKind::model, "{}: {} is {} in one layer and {} in another",
                 keys.file().path(), keys.full(kKey), all.front(), width);
    return all.empty() ? 0 : static_cast<uint32_t>(all.front());
}

uint32_t expertWidth(const Keys &keys, const Config &config) {
    using enum ExpertRules::Width;
    uint32_t own = storedExpertWidth(keys);
    switch (config.architecture->experts.width) {
    case ffn:
        return plainFfn(keys);
    case key_or_share:
        return own ? own : plainFfn(keys) / config.experts.used;
    case key:
        break; // 0 is refused
    }
    return own;
}

uint32_t sharedWidth(const Keys &keys, const Config &config) {
    using enum ExpertRules::SharedWidth;
    const ExpertRules &rules = config.architecture->experts;
    if (rules.shared == ExpertRules::Shared::none)
        return 0;
    uint32_t own = keys.count("expert_shared_feed_forward_length");
    switch (rules.shared_width) {
    case key_or_ffn:
        return own ? own : plainFfn(keys);
    case ExpertRules::SharedWidth::key:
        return own;
    case per_expert:
        return config.experts.ffn_dim * keys.count("expert_shared_count");
    case as_expert:
        return config.experts.ffn_dim;
    }
    return own;
}

} // namespace

void readRopes(const Keys &keys, Config &config) {
    const RopeRules &rules = config.architecture->rope;
    config.rope_layout = config.heads > 0 ? rules.layout : RopeLayout::none;
    RopeConfig global;
    global.scaling = readScaling(keys, rules, config.context_tokens);
    config.ropes = {global};
    if (config.rope_layout == RopeLayout::none)
        return;
    RopeConfig &made = config.ropes.front();
    uint32_t head_dim = globalHeadDim(config);
    // Latent heads: what is rotated lies behind the part that is not.
    made.dims = config.architecture->attention.latent
                    ? keys.require("rope.dimension_count")
                    : readDims(keys, "rope.dimension_count", head_dim, config);
    made.base = readBase(keys, "rope.freq_base", 10000);
    made.always_long_short = rules.factors == RopeFactors::long_short;
    double alpha = rules.alpha ? keys.number("rope.scaling.alpha", 0) : 0;
    if (alpha > 0)
        made.base *= std::pow(alpha, head_dim / (head_dim - 2.0));
    readSections(keys, config);
    bool any_local = std::ranges::any_of(
        config.layer, [](const LayerConfig &layer) { return layer.rope == kLocalRope; });
    if (any_local)
        config.ropes.push_back(localRope(keys, config));
}

void readExperts(const Keys &keys, const HasTensor &has, Config &config) {
    const ExpertRules &rules = config.architecture->experts;
    ExpertConfig &experts = config.experts;
    uint32_t first = config.layers;
    for (uint32_t i = 0; i < config.layers; ++i)
        if (uint32_t used = config.layer[i].experts_used) {
            first = std::min(first, i);
            if (experts.used != 0 && used != experts.used)
                fail(ErrorKind::model, "{}: layers that use {} and {} experts are not supported",
                     keys.file().path(), experts.used, used);
            experts.used = used;
        }
    if (experts.used == 0)
        return;
    experts.count = keys.require("expert_count");
    if (experts.used > experts.count)
        fail(ErrorKind::model, "{}: {} of {} experts are used ({})", keys.file().path(),
             experts.used, experts.count, keys.full("expert_used_count"));
    uint32_t groups = keys.count("expert_group_count");
    if (groups > 1) {
        experts.groups = groups;
        experts.used_groups = keys.require("expert_group_used_count");
        if (experts.count % groups != 0 || experts.used_groups > groups ||
            experts.used > experts.count / groups * experts.used_groups)
            fail(ErrorKind::model, "{}: {} of {} experts from {} of {} groups cannot be ({})",
                 keys.file().path(), experts.used, experts.count, experts.used_groups, groups,
                 keys.full("expert_group_count"));
    }
    experts.gating = readGating(keys, config);
    experts.normalize = rules.normalize == ExpertRules::Normalize::key
                            ? keys.flag("expert_weights_norm", false)
                            : rules.normalize == ExpertRules::Normalize::yes;
    experts.weight_scale = rules.scale_key ? keys.number("expert_weights_scale", 1) : 1;
    experts.ffn_dim = expertWidth(keys, config);
    if (experts.ffn_dim == 0)
        keys.refuseMissing("expert_feed_forward_length");
    experts.shared_dim = sharedWidth(keys, config);
    experts.shared_gated = rules.shared == ExpertRules::Shared::gated;
    auto inFirst = [&](const char *name) { return has(tensorOfLayer(first, name)); };
    experts.selection_bias =
        rules.selection_bias == ExpertRules::Bias::required ||
        (rules.selection_bias == ExpertRules::Bias::optional && inFirst("exp_probs_b.bias"));
    experts.merged = inFirst("ffn_gate_up_exps.weight");
}

void readRecurrence(const Keys &keys, const HasTensor &has, Config &config) {
    RecurrentConfig &sizes = config.recurrent;
    uint32_t first = config.layers;
    for (uint32_t i = config.layers; i-- > 0;)
        if (config.layer[i].recurrence != Recurrence::none)
            first = i;
    if (first == config.layers)
        return;
    auto inFirst = [&](const char *name) { return has(tensorOfLayer(first, name)); };
    Recurrence kind = config.architecture->mixer.kind;
    if (kind == Recurrence::short_conv) {
        sizes.conv_kernel = keys.require("shortconv.l_cache");
        sizes.inner = config.model_dim;
    } else if (kind == Recurrence::rwkv6) {
        sizes.head_dim = keys.require("wkv.head_size");
        sizes.inner = config.model_dim;
        sizes.mix_rank = keys.require("time_mix_extra_dim");
        sizes.decay_rank = keys.require("time_decay_extra_dim");
        sizes.channel_dim = keys.require("feed_forward_length");
        sizes.rescale_every = keys.count("rescale_every_n_layers");
        sizes.fused_lerp = inFirst("time_mix_lerp_fused.weight");
        if (config.model_dim % sizes.head_dim != 0)
            fail(ErrorKind::model, "{}: heads of {} do not divide {} dimensions",
                 keys.file().path(), sizes.head_dim, config.model_dim);
        sizes.heads = config.model_dim / sizes.head_dim;
    } else {
        sizes.conv_kernel = keys.require("ssm.conv_kernel");
        sizes.inner = keys.require("ssm.inner_size");
        sizes.state = keys.require("ssm.state_size");
        sizes.heads = keys.require("ssm.time_step_rank");
        sizes.norm_dt_b_c = kind == Recurrence::mamba1 && keys.flag("ssm.dt_b_c_rms", false);
        if (kind != Recurrence::mamba1) {
            uint32_t groups = keys.count("ssm.group_count");
            sizes.groups = kind == Recurrence::mamba2 && groups == 0 ? 1 : groups;
            bool fits = sizes.groups > 0 && sizes.inner % sizes.heads == 0 &&
                        sizes.heads % sizes.groups == 0 && sizes.inner % sizes.groups == 0;
            if (kind == Recurrence::delta_net)
                fits = fits && sizes.inner / sizes.heads == sizes.state;
            if (!fits)
                fail(ErrorKind::model,
                     "{}: {} {}, time_step_rank {}, state_size {} and group_count {} do not go "
                     "together",
                     keys.file().path(), keys.full("ssm.inner_size"), sizes.inner, sizes.heads,
                     sizes.state, sizes.groups);
        }
        sizes.joined_inputs = kind == Recurrence::delta_net && !inFirst("attn_qkv.weight");
    }
}

} // namespace longscope::model
