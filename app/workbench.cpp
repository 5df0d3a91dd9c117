#include "app/workbench.h"

namespace longscope::app {
namespace {

model::Config testConfig() {
    model::Config config;
    config.architecture = model::findArchitecture("llama");
    config.layers = 1;
    config.model_dim = 256;
    config.ffn_dim = 160;
    config.heads = 6;
    config.kv_heads = 2;
    config.head_dim = 64;
    config.ropes = {{.dims = config.head_dim,
                     .scaling = {},
                     .factors = {},
                     .long_factors = {},
                     .short_factors = {}}};
    config.rope_layout = model::RopeLayout::norm;
    config.layer = {{.heads = config.heads,
                     .kv_heads = config.kv_heads,
                     .head_dim = config.head_dim,
                     .value_dim = config.head_dim,
                     .rope = model::kGlobalRope,
                     .ffn_dim = config.ffn_dim}};
    config.vocab = 41;
    config.norm_eps = 1e-5f;
    return config;
}

} // namespace

Workbench::Workbench(gpu::Device &on_device, engine::KernelFamily family)
    : device(on_device), tiling(engine::chooseTiling(device.facts(), family)),
      config(testConfig()) {
    weights.widths = engine::planWidths(config);
    tiling.chunk_tokens = kCheckedRows;
    scratch = engine::makeScratch(device, config, weights.widths, tiling, {});
}

engine::LinearGroup Workbench::linear(const RandomTensor &tensor) const {
    return engine::makeLinears(device, tiling, {{.weight = &tensor.tensor}}, false);
}

void Workbench::upload(engine::Activations &to, const std::vector<float> &values, uint32_t rows,
                       uint32_t columns) const {
    std::vector<float> padded(size_t{rows} * to.stride, 0.0f);
    for (uint32_t row = 0; row < rows; ++row)
        std::copy_n(&values[size_t{row} * columns], columns, &padded[size_t{row} * to.stride]);
    gpu::uploadBytes(device, to.buffer, 0, std::as_bytes(std::span(padded)));
}

std::vector<float> Workbench::download(const engine::Activations &from, uint32_t rows,
                                       uint32_t columns) const {
    std::vector<float> padded = download(from.buffer, size_t{rows} * from.stride), values;
    for (uint32_t row = 0; row < rows; ++row)
        values.insert(values.end(), &padded[size_t{row} * from.stride],
                      &padded[size_t{row} * from.stride] + columns);
    return values;
}

std::vector<float> Workbench::download(const gpu::Buffer &from, size_t count) const {
    std::vector<float> values(count);
    gpu::downloadBytes(device, from, 0, std::as_writable_bytes(std::span(values)));
    return values;
}

} // namespace longscope::app
