#include "compute/engine/mixer_weights.h"

#include "compute/engine/mixer_plan.h"
#include "compute/engine/weight_sink.h"

#include <algorithm>
#include <format>

namespace longscope::engine {
namespace {

using model::NormKind;
using model::Recurrence;
using model::RecurrentConfig;

constexpr float kRwkvHeadEps = 64e-5f; // whatever the model's own

template <class Element> void append(std::vector<Element> &to, const std::vector<Element> &more) {
    to.insert(to.end(), more.begin(), more.end());
}

class MixerBuilder {
  public:
    MixerBuilder(WeightParts &parts, const model::Config &config, WeightSink &sink, uint32_t layer)
        : parts_(parts), config_(config), sizes_(config.recurrent),
          rules_(config.architecture->mixer), widths_(mixerWidths(config)), sink_(sink),
          layer_(layer) {}

    MixerWeights build() {
        switch (config_.layer[layer_].recurrence) {
        case Recurrence::mamba1:
            buildMamba1();
            break;
        case Recurrence::mamba2:
            buildMamba2();
            break;
        case Recurrence::short_conv:
            buildShortConv();
            break;
        case Recurrence::delta_net:
            buildDeltaNet();
            break;
        case Recurrence::rwkv6:
            buildTimeMix(made_.rwkv6);
            buildChannelMix(made_.rwkv6);
            break;
        case Recurrence::none:
            break;
        }
        return std::move(made_);
    }

  private:
    // ---- parts ---------------------------------------------------------------------------------

    std::string named(std::string_view stem) const { return model::tensorOfLayer(layer_, stem); }

    LinearParts bare(LinearParts parts) const {
        for (LinearPart &part : parts)
            part.bias = nullptr; // of ssm_dt it is added to the product of another matrix
        return parts;
    }
    /// NAME.weight, to these columns of the result.
    LinearParts matrix(std::string_view stem, uint32_t column = 0) const {
        return bare(parts_.matrix(named(stem), scaleUse(), column));
    }
    ScaleUse scaleUse() const { return rules_.scales ? ScaleUse::before_bias : ScaleUse::none; }
    LinearParts unscaled(std::string_view stem, uint32_t column = 0) const {
        return bare(parts_.matrix(named(stem), ScaleUse::none, column));
    }
    LinearGroup branch(std::string_view stem) {
        return sink_.linears(bare(parts_.branch(named(stem), scaleUse())),
                             !config_.architecture->norm.after_attention);
    }
    gpu::Buffer vector(std::string_view name) { return sink_.vector(parts_.values(named(name))); }

    /// The rows of one matrix in pieces, each (how many, to which columns).
    LinearParts split(const LinearParts &whole,
                      std::initializer_list<std::pair<uint64_t, uint32_t>> pieces) {
        LinearParts parts;
        uint64_t first = 0;
        for (auto [count, column] : pieces) {
            parts.push_back(parts_.rowsOf(whole.front(), first, count, column));
            first += count;
        }
        return parts;
    }

    Norm rms(uint32_t columns, std::vector<float> weight) {
        Norm norm{.kind = NormKind::rms, .columns = columns, .eps = config_.norm_eps};
        if (!weight.empty())
            norm.weight = sink_.vector(std::move(weight));
        return norm;
    }

    // ---- kinds of layers -----------------------------------------------------------------------

    void buildConvolution(const char *stem, uint64_t channels, bool biased) {
        made_.conv = vector(std::string(stem) + ".weight");
        if (!biased)
            return;
        std::vector<float> bias = parts_.values(named(std::string(stem) + ".bias"));
        bias.resize(channels, 0.0f); // files may have none
        made_.conv_bias = sink_.vector(std::move(bias));
    }

    void buildShortConv() {
        const uint64_t dim = config_.model_dim;
        made_.inputs =
            sink_.linears(split(matrix("shortconv.in_proj"),
                                {{dim, widths_.gate_in}, {dim, widths_.z}, {dim, widths_.u}}),
                          false);
        buildConvolution("shortconv.conv", dim, false);
        made_.output = branch("shortconv.out_proj");
    }

    void buildSpace() {
        made_.dt_bias = vector("ssm_dt.bias");
        made_.a = vector("ssm_a");
        if (rules_.kind != Recurrence::delta_net)
            made_.d = vector("ssm_d");
        made_.output = branch("ssm_out");
    }

    void buildMamba1() {
        const uint64_t inner = sizes_.inner, state = sizes_.state;
        made_.inputs =
            sink_.linears(split(matrix("ssm_in"), {{inner, widths_.u}, {inner, widths_.z}}), false);
        buildConvolution("ssm_conv1d", inner, true);
        made_.dt_b_c = sink_.linears(
            split(unscaled("ssm_x"), {{sizes_.heads, 0}, {state, widths_.b}, {state, widths_.c}}),
            false);
        made_.dt_norm = partNorm("ssm_dt_norm.weight", sizes_.heads);
        made_.b_norm = partNorm("ssm_b_norm.weight", sizes_.state);
        made_.c_norm = partNorm("ssm_c_norm.weight", sizes_.state);
        made_.dt = sink_.linears(unscaled("ssm_dt"), false);
        buildSpace();
    }
    Norm partNorm(const char *name, uint32_t columns) {
        std::vector<float> weight = parts_.values(named(name));
        return weight.empty() && !sizes_.norm_dt_b_c ? Norm{} : rms(columns, std::move(weight));
    }

    void buildMamba2() {
        const uint64_t channels = sizes_.inner + 2ull * sizes_.groups * sizes_.state;
        made_.inputs = sink_.linears(split(matrix("ssm_in"), {{sizes_.inner, widths_.z},
                                                              {channels, widths_.u},
                                                              {sizes_.heads, widths_.rates}}),
                                     false);
        buildConvolution("ssm_conv1d", channels, true);
        if (std::vector<float> weight = parts_.values(named("ssm_norm.weight")); !weight.empty()) {
            made_.norm = rms(sizes_.inner / sizes_.groups, std::move(weight));
            made_.norm.own_weights = true;
        }
        buildSpace();
    }

    void buildDeltaNet() {
        LinearParts inputs = sizes_.joined_inputs ? joinedInputs() : matrix("attn_qkv", widths_.u);
        auto add = [&](const char *stem, uint32_t column) { append(inputs, matrix(stem, column)); };
        if (!sizes_.joined_inputs)
            add("attn_gate", widths_.z);
        if (rules_.key_heads_tiled) {
            add("ssm_beta", widths_.rates);
            add("ssm_alpha", widths_.alpha);
        } else {
            add("ssm_ba", widths_.rates);
        }
        made_.inputs = sink_.linears(inputs, false);
        buildConvolution("ssm_conv1d", 0, false);
        made_.qk_norm = {.kind = NormKind::unit, .columns = sizes_.state, .eps = config_.norm_eps};
        made_.norm = rms(sizes_.state, parts_.values(named("ssm_norm.weight")));
        buildSpace();
    }

    /// Older files have one matrix: of each key head q, k, its values and its gates.
    LinearParts joinedInputs() {
        const uint64_t keys = sizes_.state, values = keys * sizes_.heads / sizes_.groups;
        const uint64_t width = 2 * keys + 2 * values;
        std::vector<RowPiece> qkv, z;
        auto add = [&](std::vector<RowPiece> &to, uint64_t first, uint64_t count) {
            for (uint64_t group = 0; group < sizes_.groups; ++group)
                to.push_back({group * width + first, count});
        };
        add(qkv, 0, keys);
        add(qkv, keys, keys);
        add(qkv, 2 * keys, values);
        add(z, 2 * keys + values, values);
        LinearPart whole = matrix("ssm_in").front();
        LinearParts parts = parts_.reordered(whole, qkv, widths_.u);
        append(parts, parts_.reordered(whole, z, widths_.z));
        return parts;
    }

    // ---- rwkv6 ---------------------------------------------------------------------------------

    LinearGroup projection(std::string_view stem, uint32_t column = 0) {
        return sink_.linears(matrix(stem, column), false);
    }
    gpu::Buffer joinedVectors(std::initializer_list<std::string> names) {
        std::vector<float> all;
        for (const std::string &name : names)
            append(all, parts_.values(named(name)));
        return sink_.vector(std::move(all));
    }
    static std::string lerpName(const char *of, char mix) {
        return std::format("{}_lerp_{}.weight", of, mix);
    }

    void buildTimeMix(Rwkv6Weights &own) {
        const uint32_t dim = padded(config_.model_dim), rank = sizes_.mix_rank;
        own.lerp_x = vector("time_mix_lerp_x.weight");
        LinearParts down = matrix("time_mix_w1"), up = matrix("time_mix_w2"), ranks;
        for (uint32_t mix = 0; mix < 5; ++mix) {
            ranks.push_back(parts_.rowsOf(down.front(), mix * rank, rank, mix * widths_.mix_rank));
            own.mix_up[mix] =
                sink_.linears({parts_.rowsOf(up.front(), uint64_t{mix} * config_.model_dim,
                                             config_.model_dim, mix * dim)},
                              false);
        }
        own.mix_down = sink_.linears(ranks, false);
        auto lerp = [](char mix) { return lerpName("time_mix", mix); };
        own.lerps = sizes_.fused_lerp
                        ? vector("time_mix_lerp_fused.weight")
                        : joinedVectors({lerp('w'), lerp('k'), lerp('v'), lerp('r'), lerp('g')});
        own.decay_down = projection("time_mix_decay_w1");
        own.decay_up = projection("time_mix_decay_w2");
        own.decay = vector("time_mix_decay.weight");
        own.receptance = projection("time_mix_receptance", 0);
        own.key = projection("time_mix_key", dim);
        own.value = projection("time_mix_value", 2 * dim);
        own.gate = projection("time_mix_gate", 3 * dim);
        own.bonus = vector("time_mix_first.weight");
        own.norm = {.kind = NormKind::layer,
                    .columns = sizes_.head_dim,
                    .eps = kRwkvHeadEps,
                    .weight = vector("time_mix_ln.weight"),
                    .bias = vector("time_mix_ln.bias"),
                    .own_weights = true};
        made_.output = branch("time_mix_output");
    }

    void buildChannelMix(Rwkv6Weights &own) {
        own.channel_lerps =
            joinedVectors({lerpName("channel_mix", 'k'), lerpName("channel_mix", 'r')});
        own.channel_key = projection("channel_mix_key");
        own.channel_value = projection("channel_mix_value");
        own.channel_receptance = projection("channel_mix_receptance", padded(config_.model_dim));
    }

    WeightParts &parts_;
    const model::Config &config_;
    const RecurrentConfig &sizes_;
    const model::MixerRules &rules_;
    const MixerWidths widths_;
    WeightSink &sink_;
    const uint32_t layer_;
    MixerWeights made_;
};

} // namespace

MixerWeights buildMixer(WeightParts &parts, const model::Config &config, WeightSink &sink,
                        uint32_t layer) {
    mixerShape(config); // refuses what no kernel runs, before much is loaded
    return MixerBuilder(parts, config, sink, layer).build();
}

} // namespace longscope::engine
