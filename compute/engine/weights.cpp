#include "compute/engine/weights.h"

#include "compute/core/error.h"

#include <chrono>
#include <format>
#include <string>

namespace longscope::engine {
namespace {

using model::Config;
using model::Gguf;
using model::Tensor;

/// Finds the parts of each matrix by their names in the file; readConfig has checked the shapes.
class Parts {
  public:
    Parts(const Gguf &file, const Config &config)
        : file_(file), config_(config), widths_(planWidths(config)) {}

    std::vector<LinearPart> embedding() const { return {part("token_embd", 0, Scale::none)}; }
    std::vector<LinearPart> head() const {
        const Tensor *head = file_.findTensor("output.weight");
        if (!head)
            return {};
        bool scaled = head->type == model::QuantType::nvfp4; // other heads ignore output.scale
        return {part("output", 0, scaled ? Scale::before_bias : Scale::none)};
    }
    std::vector<LinearPart> qkv(uint32_t layer) const {
        return {inLayer(layer, "attn_q", 0, Scale::before_bias),
                inLayer(layer, "attn_k", widths_.k_offset, Scale::before_bias),
                inLayer(layer, "attn_v", widths_.v_offset, Scale::before_bias)};
    }
    std::vector<LinearPart> attnOutput(uint32_t layer) const {
        LinearPart out = inLayer(layer, "attn_output", 0, Scale::before_bias);
        if (!config_.architecture->attn_out_bias)
            out.bias = nullptr;
        return {out};
    }
    std::vector<LinearPart> gateUp(uint32_t layer) const {
        return {inLayer(layer, "ffn_gate", 0, ffnScale()),
                inLayer(layer, "ffn_up", widths_.up_offset, ffnScale())};
    }
    std::vector<LinearPart> ffnDown(uint32_t layer) const {
        return {inLayer(layer, "ffn_down", 0, ffnScale())};
    }

  private:
    enum class Scale { none, before_bias, after_bias };
    Scale ffnScale() const {
        return config_.architecture->ffn_scale ? Scale::after_bias : Scale::none;
    }
    LinearPart inLayer(uint32_t layer, std::string_view stem, uint32_t offset, Scale kind) const {
        return part(std::format("blk.{}.{}", layer, stem), offset, kind);
    }
    LinearPart part(const std::string &stem, uint32_t offset, Scale kind) const {
        LinearPart part;
        part.weight = file_.findTensor(stem + ".weight");
        part.bias = file_.findTensor(stem + ".bias");
        part.out_offset = offset;
        const Tensor *scale = kind == Scale::none ? nullptr : file_.findTensor(stem + ".scale");
        if (scale) {
            model::dequantizeRow(scale->type, scale->bytes.data(), {&part.scale, 1});
            if (kind == Scale::after_bias)
                part.bias_scale = part.scale;
        }
        return part;
    }

    const Gguf &file_;
    const Config &config_;
    WidthPlan widths_;
};

uint64_t vectorBytes(uint64_t elements) {
    return uint64_t{padded(elements)} * sizeof(float);
}

/// A norm weight as f32, padded with zeros.
gpu::Buffer uploadVector(gpu::Device &device, const Gguf &file, const std::string &name) {
    const Tensor *tensor = file.findTensor(name);
    std::vector<float> values(padded(tensor->elements()), 0.0f);
    model::dequantizeRow(tensor->type, tensor->bytes.data(),
                         std::span(values).first(tensor->elements()));
    gpu::Buffer buffer(device, "weights", values.size() * sizeof(float), gpu::Memory::device);
    gpu::uploadBytes(device, buffer, 0, std::as_bytes(std::span(values)));
    return buffer;
}

/// Uploads groups one after another, tells how far it is, and gives the file's pages back.
class Uploader {
  public:
    Uploader(gpu::Device &device, const Gguf &file, const Tiling &tiling,
             const ProgressSink &progress, std::stop_token stop)
        : device_(device), file_(file), tiling_(tiling), sink_(progress), stop_(std::move(stop)),
          start_(std::chrono::steady_clock::now()) {
        progress_.label = "loading the model";
        progress_.unit = "MB";
        for (const Tensor &tensor : file.tensors())
            total_bytes_ += tensor.bytes.size();
        progress_.total = total_bytes_ / 1000000;
    }

    LinearGroup upload(const std::vector<LinearPart> &parts, bool adds_residual) {
        if (stop_.stop_requested())
            fail(ErrorKind::stopped, "stopped while the model was loading");
        LinearGroup group = makeLinears(device_, tiling_, parts, adds_residual);
        for (const LinearPart &part : parts) {
            file_.forget(part.weight->bytes);
            done_bytes_ += part.weight->bytes.size();
        }
        report();
        return group;
    }

  private:
    void report() {
        if (!sink_)
            return;
        std::chrono::duration<double> since = std::chrono::steady_clock::now() - start_;
        progress_.done = done_bytes_ / 1000000;
        progress_.seconds = since.count();
        progress_.remaining_s = progress_.seconds *
                                static_cast<double>(total_bytes_ - done_bytes_) /
                                static_cast<double>(done_bytes_);
        sink_(progress_);
    }

    gpu::Device &device_;
    const Gguf &file_;
    const Tiling &tiling_;
    const ProgressSink &sink_;
    std::stop_token stop_;
    std::chrono::steady_clock::time_point start_;
    Progress progress_;
    uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

} // namespace

WidthPlan planWidths(const Config &config) {
    WidthPlan widths;
    widths.model = padded(config.model_dim);
    widths.k_offset = padded(uint64_t{config.heads} * config.head_dim);
    uint32_t kv = padded(uint64_t{config.kv_heads} * config.head_dim);
    widths.v_offset = widths.k_offset + kv;
    widths.qkv = widths.v_offset + kv;
    widths.attended = widths.k_offset;
    widths.up_offset = padded(config.ffn_dim);
    widths.gate_up = 2 * widths.up_offset;
    widths.hidden = widths.up_offset;
    widths.vocab = padded(config.vocab);
    widths.head_dim = padded(config.head_dim);
    return widths;
}

uint64_t planWeights(const Gguf &file, const Config &config, const Tiling &tiling) {
    Parts parts(file, config);
    uint64_t bytes = planLinears(parts.embedding(), tiling) + vectorBytes(config.model_dim);
    if (!config.tied_head)
        bytes += planLinears(parts.head(), tiling);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        bytes += planLinears(parts.qkv(layer), tiling) +
                 planLinears(parts.attnOutput(layer), tiling) +
                 planLinears(parts.gateUp(layer), tiling) +
                 planLinears(parts.ffnDown(layer), tiling) + 2 * vectorBytes(config.model_dim);
    return bytes;
}

Weights uploadWeights(gpu::Device &device, const Gguf &file, const Config &config,
                      const Tiling &tiling, const ProgressSink &progress, std::stop_token stop) {
    Parts parts(file, config);
    Uploader uploader(device, file, tiling, progress, std::move(stop));
    Weights weights;
    weights.widths = planWidths(config);
    weights.embedding = uploader.upload(parts.embedding(), false);
    if (!config.tied_head)
        weights.own_head = uploader.upload(parts.head(), false);
    weights.output_norm = uploadVector(device, file, "output_norm.weight");
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        LayerWeights &own = weights.layers.emplace_back();
        auto name = [&](const char *stem) { return std::format("blk.{}.{}.weight", layer, stem); };
        own.attn_norm = uploadVector(device, file, name("attn_norm"));
        own.qkv = uploader.upload(parts.qkv(layer), false);
        own.attn_output = uploader.upload(parts.attnOutput(layer), true);
        own.ffn_norm = uploadVector(device, file, name("ffn_norm"));
        own.gate_up = uploader.upload(parts.gateUp(layer), false);
        own.ffn_down = uploader.upload(parts.ffnDown(layer), true);
    }
    return weights;
}

} // namespace longscope::engine
