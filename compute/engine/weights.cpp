#include "compute/engine/weights.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/latent.h"
#include "compute/engine/weight_sink.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace longscope::engine {
namespace {

using model::Config;
using model::Gguf;
using model::NormKind;

class ByteCounter final : public WeightSink {
  public:
    explicit ByteCounter(const Tiling &tiling) : tiling_(tiling) {}
    void beginLayer() override { layers_.emplace_back(); }
    LinearGroup linears(const LinearParts &parts, bool) override {
        add(planLinears(parts, tiling_));
        return {};
    }
    ExpertGroup experts(const std::vector<ExpertPart> &parts, bool) override {
        add(planExperts(parts, tiling_));
        return {};
    }
    ExpertLinear heads(const ExpertPart &part) override {
        add(planExperts({part}, tiling_));
        return {};
    }
    bool readsValues() const override { return false; }
    gpu::Buffer vector(std::vector<float> values) override {
        always_ += uint64_t{padded(values.size())} * sizeof(float);
        return {};
    }

    WeightPlan plan(uint64_t most_bytes) const {
        WeightPlan plan{.device_bytes = always_};
        for (const WeightBytes &layer : layers_)
            plan.device_bytes += layer.sum();
        // The slot is as large as the largest layer in it.
        for (size_t i = layers_.size(); i-- > 0 && plan.device_bytes > most_bytes;) {
            uint64_t slot = std::max(plan.slot_bytes, slotBytes(layers_[i].planes));
            plan.device_bytes += slot - plan.slot_bytes;
            plan.device_bytes -= layers_[i].sum();
            plan.host_bytes += layers_[i].sum();
            plan.slot_bytes = slot;
            ++plan.streamed_layers;
        }
        return plan;
    }

  private:
    void add(const WeightBytes &bytes) {
        always_ += layers_.empty() ? bytes.sum() : bytes.rest;
        if (!layers_.empty())
            layers_.back().planes.insert(layers_.back().planes.end(), bytes.planes.begin(),
                                         bytes.planes.end());
    }

    const Tiling &tiling_;
    uint64_t always_ = 0;             ///< on the device whatever is streamed
    std::vector<WeightBytes> layers_; ///< planes alone
};

/// Uploads groups one after another, tells how far it is, and gives the file's pages back.
class Uploader final : public WeightSink {
  public:
    /// `stream` may be null.
    Uploader(gpu::Device &device, const Gguf &file, const Tiling &tiling, WeightStream *stream,
             const ProgressSink &progress, std::stop_token stop)
        : place_(device), file_(file), tiling_(tiling), stream_(stream), sink_(progress),
          stop_(std::move(stop)), start_(Clock::now()) {
        progress_.label = "loading the model";
        progress_.unit = "MB";
        for (const model::Tensor &tensor : file.tensors())
            total_bytes_ += tensor.bytes.size();
        progress_.total = total_bytes_ / 1000000;
    }

    void beginLayer() override {
        place_.stream = stream_ && stream_->holds(layer_) ? stream_ : nullptr;
        if (place_.stream)
            stream_->beginLayer();
        ++layer_;
    }
    LinearGroup linears(const LinearParts &parts, bool adds_residual) override {
        begin();
        LinearGroup group = makeLinears(place_, tiling_, parts, adds_residual);
        for (const LinearPart &part : parts)
            done(*part.weight);
        report();
        return group;
    }
    ExpertGroup experts(const std::vector<ExpertPart> &parts, bool weighs_input) override {
        begin();
        ExpertGroup group = makeExperts(place_, tiling_, parts, weighs_input);
        for (size_t i = 0; i < parts.size(); ++i)
            if (i == 0 || parts[i].weight != parts[i - 1].weight)
                done(*parts[i].weight);
        report();
        return group;
    }
    ExpertLinear heads(const ExpertPart &part) override {
        begin();
        ExpertLinear linear = makeHeads(place_, tiling_, part);
        done(*part.weight);
        report();
        return linear;
    }
    bool readsValues() const override { return true; }
    gpu::Buffer vector(std::vector<float> values) override {
        values.resize(padded(values.size()), 0.0f);
        gpu::Device &device = place_.device;
        gpu::Buffer buffer(device, "weights", values.size() * sizeof(float), gpu::Memory::device);
        gpu::uploadBytes(device, buffer, 0, std::as_bytes(std::span(values)));
        return buffer;
    }

  private:
    void begin() const {
        if (stop_.stop_requested())
            fail(ErrorKind::stopped, "stopped while the model was loading");
    }
    void done(const model::Tensor &tensor) {
        file_.forget(tensor.bytes);
        // A tensor may stand for two matrices, or be made of another one.
        done_bytes_ = std::min(done_bytes_ + tensor.bytes.size(), total_bytes_);
    }
    void report() {
        if (!sink_)
            return;
        progress_.done = done_bytes_ / 1000000;
        progress_.seconds = secondsSince(start_);
        progress_.remaining_s = progress_.seconds *
                                static_cast<double>(total_bytes_ - done_bytes_) /
                                static_cast<double>(std::max<uint64_t>(done_bytes_, 1));
        sink_(progress_);
    }

    WeightPlace place_; ///< of what comes next
    const Gguf &file_;
    const Tiling &tiling_;
    WeightStream *stream_;
    uint32_t layer_ = 0; ///< that begins next
    const ProgressSink &sink_;
    std::stop_token stop_;
    Clock::time_point start_;
    Progress progress_;
    uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

/// Goes through the roles of a model and fills those that it has.
class WeightBuilder {
  public:
    WeightBuilder(const Gguf &file, const Config &config, const Adapters &adapters,
                  WeightSink &sink)
        : parts_(file, config, adapters), config_(config), rules_(*config.architecture),
          sink_(sink) {
        checkLatent(config);
    }

    Weights build() {
        Weights weights;
        weights.widths = parts_.widths();
        weights.embedding = sink_.linears(parts_.table("token_embd"), false);
        if (rules_.norm.embedding)
            weights.embedding_norm = rowNorm("token_embd_norm");
        if (parts_.has("position_embd.weight") &&
            rules_.ends.positions != model::EndRules::Positions::none)
            weights.positions = sink_.linears(parts_.table("position_embd"), false);
        weights.own_head = sink_.linears(headParts(), false);
        weights.output_norm = rowNorm(std::string(rules_.norm.final_name));
        if (config_.per_layer_dim > 0)
            buildPerLayerEnds(weights);
        for (layer_ = 0; layer_ < config_.layers; ++layer_) {
            sink_.beginLayer();
            buildLayer(weights.layers.emplace_back());
        }
        parts_.checkAdapters();
        return weights;
    }

  private:
    const model::LayerConfig &layer() const { return config_.layer[layer_]; }
    std::string named(std::string_view stem) const { return model::tensorOfLayer(layer_, stem); }
    LinearParts bare(const std::string &name) const {
        LinearParts parts = parts_.matrix(name);
        for (LinearPart &part : parts)
            part.bias = nullptr;
        return parts;
    }

    /// Empty where the embedding is the head: tied, and nothing is added.
    LinearParts headParts() const {
        const model::Tensor *bias = rules_.ends.out_bias ? parts_.find("output.bias") : nullptr;
        if (config_.tied_head && !bias)
            return {};
        // Heads of other types ignore output.scale.
        bool scaled =
            !config_.tied_head && parts_.find("output.weight")->type == model::QuantType::nvfp4;
        LinearParts head =
            config_.tied_head
                ? parts_.table("token_embd")
                : parts_.matrix("output", scaled ? ScaleUse::before_bias : ScaleUse::none);
        head.front().bias = bias;
        return head;
    }

    // ---- norms ---------------------------------------------------------------------------------

    Norm norm(NormKind kind, const std::string &name, uint32_t columns) {
        Norm norm{.kind = kind, .columns = columns, .eps = config_.norm_eps};
        if (std::vector<float> weight = parts_.values(name + ".weight"); !weight.empty())
            norm.weight = sink_.vector(std::move(weight));
        if (std::vector<float> bias = parts_.values(name + ".bias");
            !bias.empty() && rules_.norm.bias)
            norm.bias = sink_.vector(std::move(bias));
        return norm;
    }
    /// Over a row of x. Families without norm tensors normalise all the same.
    Norm rowNorm(const std::string &name) {
        return norm(rules_.norm.kind, name, config_.model_dim);
    }
    Norm plainNorm(uint32_t columns) const {
        return {.kind = NormKind::rms, .columns = columns, .eps = config_.norm_eps};
    }

    Norm headNorm(const char *name, uint32_t heads) {
        const uint32_t dim = layer().head_dim;
        switch (rules_.qk_norm.place) {
        case model::QkNormPlace::none:
            return {};
        case model::QkNormPlace::plain:
            return plainNorm(dim);
        case model::QkNormPlace::head:
            return rules_.qk_norm.after_rope ? plainNorm(dim)
                                             : norm(NormKind::rms, named(name), dim);
        case model::QkNormPlace::flat:
            return norm(rules_.norm.kind, named(name), dim * heads);
        case model::QkNormPlace::per_head: {
            Norm made = norm(NormKind::layer, named(name), dim);
            made.own_weights = true;
            return made;
        }
        }
        return {};
    }

    // ---- layers --------------------------------------------------------------------------------

    void buildLayer(LayerWeights &own) {
        const model::NormRules &norms = rules_.norm;
        if (norms.before_attention)
            own.attn_norm = rowNorm(attentionNormName());
        if (layer().attends())
            rules_.attention.latent ? buildLatent(own.attention) : buildAttention(own.attention);
        if (layer().recurs())
            own.mixer = buildMixer(parts_, config_, sink_, layer_);
        if (norms.after_attention)
            own.attn_after = rowNorm(named("post_attention_norm"));
        own.ffn_norm = ffnNorm();
        if (norms.after_ffn)
            own.ffn_after = rowNorm(named("post_ffw_norm"));
        if (layer().ffn_dim > 0)
            own.dense =
                dense("", rules_.ffn.scales ? ScaleUse::after_bias : ScaleUse::none, addsFfn());
        if (layer().experts_used > 0)
            buildExperts(own.experts);
        if (rules_.per_layer_input)
            buildPerLayer(own.per_layer);
    }

    /// Whether what a branch ends with is added to x at once, without a norm behind it.
    bool addsAttention() const { return !rules_.norm.after_attention; }
    bool addsFfn() const { return !rules_.norm.after_ffn; }

    std::string attentionNormName() const {
        bool second = rules_.residual == model::Residual::parallel_second_norm &&
                      parts_.has(named("attn_norm_2.weight"));
        return named(second ? "attn_norm_2" : "attn_norm");
    }

    /// None where the block reads what the attention reads, or x itself.
    Norm ffnNorm() {
        const model::NormRules &norms = rules_.norm;
        if (rules_.residual == model::Residual::parallel_second_norm)
            return parts_.has(named("attn_norm_2.weight")) ? rowNorm(named("attn_norm")) : Norm{};
        bool shares =
            rules_.residual == model::Residual::parallel_without_ffn_norm && layer().parallel;
        const bool feeds = rules_.has_ffn || layer().recurrence == model::Recurrence::rwkv6;
        if (norms.before_ffn.empty() || shares || !feeds)
            return {};
        if (!norms.bare_ffn_name)
            return rowNorm(named(norms.before_ffn));
        Norm made = plainNorm(config_.model_dim);
        made.weight = sink_.vector(parts_.values(named(norms.before_ffn)));
        return made;
    }

    void buildAttention(AttentionWeights &own) {
        own.qkv = sink_.linears(parts_.qkv(layer_), false);
        if (layer().normed_heads) {
            own.q_norm = headNorm("attn_q_norm", layer().heads);
            own.k_norm = headNorm("attn_k_norm", layer().kv_heads);
            if (rules_.qk_norm.after_rope && rules_.qk_norm.place == model::QkNormPlace::head) {
                own.after_q = sink_.vector(parts_.values(named("attn_q_norm.weight")));
                own.after_k = sink_.vector(parts_.values(named("attn_k_norm.weight")));
            }
        }
        if (rules_.attention.value_norm)
            own.v_norm = plainNorm(layer().head_dim);
        own.output = sink_.linears(parts_.attentionOutput(layer_), addsAttention());
    }

    void buildLatent(AttentionWeights &own) {
        const model::LatentConfig &sizes = config_.latent;
        LatentWeights &made = own.latent;
        if (sizes.q_rank > 0) {
            made.q_low = sink_.linears(bare(named("attn_q_a")), false);
            made.q_low_norm = norm(NormKind::rms, named("attn_q_a_norm"), sizes.q_rank);
        }
        made.q = sink_.linears(bare(named(sizes.q_rank > 0 ? "attn_q_b" : "attn_q")), false);
        LinearParts kv = bare(named("attn_kv_a_mqa"));
        kv.front().out_offset = parts_.widths().layer[layer_].k_offset;
        made.kv = sink_.linears(kv, false);
        made.kv_norm = norm(NormKind::rms, named("attn_kv_a_norm"), sizes.kv_rank);
        made.keys = sink_.heads(parts_.latentKeys(layer_, sink_.readsValues()));
        made.values = sink_.heads(parts_.latentValues(layer_));
        own.output = sink_.linears(parts_.attentionOutput(layer_), addsAttention());
    }

    DenseWeights dense(const char *suffix, ScaleUse scale, bool adds) {
        const bool shared = *suffix != 0;
        const model::FfnRules &rules = rules_.ffn;
        uint32_t ffn = shared ? config_.experts.shared_dim : layer().ffn_dim;
        DenseWeights made;
        made.gated = shared || rules.kind != model::FfnKind::plain;
        made.up_offset = made.gated ? padded(ffn) : 0;
        made.activation = {.kind = shared ? rules_.experts.activation : rules.activation,
                           .columns = ffn};
        made.gate_up = sink_.linears(parts_.gateUp(layer_, suffix, scale), false);
        if (!shared && rules.act_scales && parts_.has(named("ffn.act.scales")))
            made.divisor = sink_.vector(parts_.values(named("ffn.act.scales")));
        made.down =
            sink_.linears(parts_.branch(named(std::string("ffn_down") + suffix), scale), adds);
        return made;
    }

    void buildExperts(ExpertWeights &own) {
        const model::ExpertRules &rules = rules_.experts;
        const model::ExpertConfig &experts = config_.experts;
        LinearParts router = parts_.matrix(named("ffn_gate_inp"));
        if (!rules.biases)
            router.front().bias = nullptr;
        own.router = sink_.linears(router, false);
        if (rules_.per_layer_input) {
            own.router_norm = plainNorm(config_.model_dim);
            own.router_norm.weight = sink_.vector(parts_.values(named("ffn_gate_inp.scale")));
            own.router_norm.factor = 1 / std::sqrt(static_cast<float>(config_.model_dim));
        }
        if (experts.selection_bias)
            own.selection_bias = sink_.vector(parts_.values(named("exp_probs_b.bias")));
        bool weighs_input = experts.gating == model::ExpertConfig::Gating::sigmoid_on_input;
        own.gate_up = sink_.experts(parts_.expertGateUp(layer_), weighs_input);
        own.down = sink_.experts(parts_.expertDown(layer_), false);
        own.activation = {.kind = rules.activation, .columns = experts.ffn_dim};
        if (experts.shared_dim == 0)
            return;
        own.shared = dense("_shexp", rules.shared_scales ? ScaleUse::before_bias : ScaleUse::none,
                           addsFfn());
        if (experts.shared_gated)
            own.shared_gate = sink_.linears(bare(named("ffn_gate_inp_shexp")), false);
    }

    // ---- gemma4 --------------------------------------------------------------------------------

    void buildPerLayerEnds(Weights &weights) {
        weights.per_layer_embedding = sink_.linears(parts_.table("per_layer_token_embd"), false);
        weights.per_layer_projection = sink_.linears(bare("per_layer_model_proj"), false);
        weights.per_layer_norm = norm(NormKind::rms, "per_layer_proj_norm", config_.per_layer_dim);
        weights.per_layer_norm.factor = 1 / std::numbers::sqrt2_v<float>;
    }

    void buildPerLayer(PerLayerWeights &own) {
        if (layer().experts_used > 0) {
            own.dense_after = rowNorm(named("post_ffw_norm_1"));
            own.experts_before = rowNorm(named("pre_ffw_norm_2"));
            own.experts_after = rowNorm(named("post_ffw_norm_2"));
        }
        if (config_.per_layer_dim > 0) {
            own.gate = sink_.linears(bare(named("inp_gate")), false);
            own.projection = sink_.linears(bare(named("proj")), false);
            own.after = rowNorm(named("post_norm"));
        }
        std::vector<float> scale = parts_.values(named("layer_output_scale.weight"));
        own.output_scale = scale.empty() ? 1 : scale.front();
    }

    WeightParts parts_;
    const Config &config_;
    const model::Architecture &rules_;
    WeightSink &sink_;
    uint32_t layer_ = 0;
};

} // namespace

WeightPlan planWeights(const Gguf &file, const Config &config, const Tiling &tiling,
                       const Adapters &adapters, uint64_t most_bytes) {
    ByteCounter counter(tiling);
    WeightBuilder(file, config, adapters, counter).build();
    return counter.plan(most_bytes);
}

Weights uploadWeights(gpu::Device &device, const Gguf &file, const Config &config,
                      const Tiling &tiling, const Adapters &adapters, const WeightPlan &plan,
                      const ProgressSink &progress, std::stop_token stop) {
    std::unique_ptr<WeightStream> stream;
    if (plan.streamed_layers > 0)
        stream = std::make_unique<WeightStream>(device, config.layers - plan.streamed_layers,
                                                plan.slot_bytes);
    Uploader uploader(device, file, tiling, stream.get(), progress, std::move(stop));
    Weights weights = WeightBuilder(file, config, adapters, uploader).build();
    weights.stream = std::move(stream);
    return weights;
}

} // namespace longscope::engine
