#include "app/kernel_checks.h"

#include "app/random_tensor.h"
#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "compute/engine/kernels.h"
#include "compute/engine/operations.h"
#include "compute/reference/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <format>
#include <optional>

namespace longscope::app {
namespace {

using engine::Activations;
using model::QuantType;

constexpr uint32_t kNan = 0x7fc00000; ///< results start as this, so that nothing left out passes
constexpr uint32_t kRows = 33;        ///< of a chunk: no multiple of a tile
constexpr uint32_t kBefore = 20;      ///< tokens in the cache before it

std::vector<float> absolute(std::vector<float> values) {
    for (float &value : values)
        value = std::abs(value);
    return values;
}

std::vector<float> columnsOf(const std::vector<float> &rows, uint32_t stride, uint32_t first,
                             uint32_t count) {
    std::vector<float> part;
    for (size_t at = first; at < rows.size(); at += stride)
        part.insert(part.end(), &rows[at], &rows[at] + count);
    return part;
}

/// [tokens, heads, dim] as the cache has it: [heads, capacity, dim], unused tokens 0.
std::vector<float> cacheOrder(const std::vector<float> &values, uint32_t heads, uint32_t dim,
                              uint32_t capacity) {
    std::vector<float> ordered(size_t{heads} * capacity * dim, 0.0f);
    for (size_t at = 0; at < values.size(); at += dim) {
        size_t token = at / dim / heads, head = at / dim % heads;
        std::copy_n(&values[at], dim, &ordered[(head * capacity + token) * dim]);
    }
    return ordered;
}

model::Config testConfig() {
    model::Config config;
    config.architecture = model::findArchitecture("llama");
    config.layers = 1;
    config.model_dim = 256;
    config.ffn_dim = 160;
    config.heads = 6;
    config.kv_heads = 2;
    config.head_dim = config.rope_dims = 64;
    config.vocab = 41;
    config.norm_eps = 1e-5f;
    return config;
}

/// Allows a share of each wanted value.
auto relativeTo(const std::vector<float> &want, double share) {
    return
        [&want, share](size_t i) { return share * std::abs(static_cast<double>(want[i])) + 1e-7; };
}

/// The results so far of one kernel.
class Collector {
  public:
    explicit Collector(const gpu::Kernel &kernel) { check_.kernel = kernel.name; }

    /// `allowed(i)` is the largest error of element i.
    template <class Allowed>
    void compare(const std::string &what, const std::vector<float> &got,
                 const std::vector<float> &want, Allowed allowed) {
        ++check_.cases;
        for (size_t i = 0; i < want.size(); ++i) {
            double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
            double share = error / allowed(i);
            bool passes = share <= 1; // false for NaN
            check_.worst = std::max(check_.worst, std::isnan(share) ? 1e9 : share);
            if (!passes && check_.failure.empty())
                check_.failure = std::format("{}: element {} of {} is {}, wanted {} within {:.2g}",
                                             what, i, want.size(), got[i], want[i], allowed(i));
        }
    }
    const KernelCheck &result() const { return check_; }

  private:
    KernelCheck check_;
};

class Checks {
  public:
    Checks(gpu::Device &device, engine::KernelFamily family)
        : device_(device), lanes_(family == engine::KernelFamily::lanes),
          tiling_(engine::chooseTiling(device.facts(), family)), config_(testConfig()) {
        weights_.widths = engine::planWidths(config_);
        table_.emplace(QuantType::f32, config_.vocab, config_.model_dim, random_);
        weights_.embedding = linear(*table_);
        tiling_.chunk_tokens = kRows;
        scratch_ = engine::makeScratch(device_, config_, weights_.widths, tiling_);
    }

    KernelCheck embed() {
        Collector collector(engine::kEmbed);
        const std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
        auto rows = static_cast<uint32_t>(tokens.size());
        std::memcpy(scratch_.tokens.mapped().data(), tokens.data(), tokens.size() * 4);
        for (QuantType type : kTypes) {
            RandomTensor table(type, config_.vocab, config_.model_dim, random_);
            engine::Weights weights;
            weights.widths = weights_.widths;
            weights.embedding = linear(table);
            poison(scratch_.x.buffer);
            run(weights, [&](auto &operations, auto &recorder) {
                operations.embed(recorder, scratch_.tokens, scratch_.x, rows);
            });
            std::vector<float> want = reference::embed(table.tensor, tokens, 1);
            collector.compare(table.tensor.name, download(scratch_.x, rows, config_.model_dim),
                              want, relativeTo(want, 1e-6));
        }
        return collector.result();
    }

    KernelCheck norm() {
        Collector collector(engine::kRmsNorm);
        std::vector<float> x = randomFloats(kRows * config_.model_dim, random_);
        std::vector<float> weight = randomFloats(config_.model_dim, random_);
        upload(scratch_.x, x, kRows, config_.model_dim);
        gpu::Buffer weight_buffer(device_, "selftest", weight.size() * 4, gpu::Memory::device);
        gpu::uploadBytes(device_, weight_buffer, 0, std::as_bytes(std::span(weight)));
        poison(scratch_.normed.buffer);
        run(weights_, [&](auto &operations, auto &recorder) {
            operations.norm(recorder, scratch_.x, weight_buffer, scratch_.normed, {0, kRows});
        });
        std::vector<float> want = reference::rmsNorm(x, weight, config_.norm_eps);
        collector.compare("33 rows", download(scratch_.normed, kRows, config_.model_dim), want,
                          relativeTo(want, 4e-6));
        return collector.result();
    }

    /// Matrix times many rows, or times one.
    KernelCheck multiply(bool matvec) {
        Collector collector(matvec ? (lanes_ ? engine::kMatvecLanes : engine::kMatvecSubgroup)
                                   : (lanes_ ? engine::kMatmulLanes : engine::kMatmulSubgroup));
        uint32_t rows = matvec ? 1 : kRows, k = config_.model_dim, n = config_.ffn_dim;
        std::vector<float> x = randomFloats(rows * k, random_);
        upload(scratch_.x, x, rows, k);
        for (QuantType type : kTypes) {
            RandomTensor tensor(type, n, k, random_);
            engine::LinearGroup group = linear(tensor);
            poison(scratch_.gate_up.buffer);
            run(weights_, [&](auto &operations, auto &recorder) {
                operations.multiply(recorder, group, scratch_.x, scratch_.gate_up, rows);
            });
            std::vector<float> w = reference::dequantize(tensor.tensor);
            std::vector<float> want = reference::matmul(x, w, k);
            // A sum of k rounded products: an error of some roundings of the sum of magnitudes.
            std::vector<float> magnitude = reference::matmul(absolute(x), absolute(w), k);
            auto allowed = [&](size_t i) {
                return 4e-6 * static_cast<double>(magnitude[i]) + 1e-9;
            };
            collector.compare(tensor.tensor.name, download(scratch_.gate_up, rows, n), want,
                              allowed);
        }
        return collector.result();
    }

    KernelCheck gated() {
        Collector collector(engine::kGated);
        uint32_t columns = config_.ffn_dim, up = weights_.widths.up_offset;
        std::vector<float> gate = randomFloats(kRows * columns, random_);
        std::vector<float> second = randomFloats(kRows * columns, random_);
        std::vector<float> both(size_t{kRows} * scratch_.gate_up.stride, 0.0f);
        for (uint32_t row = 0; row < kRows; ++row) {
            float *to = &both[size_t{row} * scratch_.gate_up.stride];
            std::copy_n(&gate[row * columns], columns, to);
            std::copy_n(&second[row * columns], columns, to + up);
        }
        upload(scratch_.gate_up, both, kRows, scratch_.gate_up.stride);
        poison(scratch_.hidden.buffer);
        run(weights_, [&](auto &operations, auto &recorder) {
            operations.gate(recorder, scratch_.gate_up, scratch_.hidden, kRows);
        });
        std::vector<float> want = reference::gated(gate, second);
        collector.compare("33 rows", download(scratch_.hidden, kRows, columns), want,
                          relativeTo(want, 4e-6));
        return collector.result();
    }

    /// Rotation, attention of a chunk, attention of one query and its merge, over one cache.
    std::vector<KernelCheck> attention() {
        Collector rope(engine::kRope);
        Collector prefill(lanes_ ? engine::kAttentionPrefillLanes
                                 : engine::kAttentionPrefillSubgroup);
        Collector decode(lanes_ ? engine::kAttentionDecodeLanes : engine::kAttentionDecodeSubgroup);
        for (engine::CacheType type : {engine::CacheType::f32, engine::CacheType::f16})
            attend(type, rope, prefill, decode);
        KernelCheck merge = decode.result(); // one is not seen without the other
        merge.kernel = engine::kAttentionMerge.name;
        return {rope.result(), prefill.result(), decode.result(), merge};
    }

  private:
    engine::LinearGroup linear(const RandomTensor &tensor) {
        return engine::makeLinears(device_, tiling_, {{.weight = &tensor.tensor}}, false);
    }

    void poison(gpu::Buffer &buffer) { gpu::fillWords(device_, buffer, kNan); }

    template <class Record>
    void run(const engine::Weights &weights, Record record,
             engine::CacheType type = engine::CacheType::f32) {
        engine::Operations operations(device_, tiling_, config_, weights, type, type);
        gpu::Recorder recorder(device_);
        record(operations, recorder);
        recorder.run();
    }

    void upload(Activations &to, const std::vector<float> &values, uint32_t rows,
                uint32_t columns) {
        std::vector<float> padded(size_t{rows} * to.stride, 0.0f);
        for (uint32_t row = 0; row < rows; ++row)
            std::copy_n(&values[size_t{row} * columns], columns, &padded[size_t{row} * to.stride]);
        gpu::uploadBytes(device_, to.buffer, 0, std::as_bytes(std::span(padded)));
    }

    std::vector<float> download(const Activations &from, uint32_t rows, uint32_t columns) {
        std::vector<float> padded(size_t{rows} * from.stride), values;
        gpu::downloadBytes(device_, from.buffer, 0, std::as_writable_bytes(std::span(padded)));
        for (uint32_t row = 0; row < rows; ++row)
            values.insert(values.end(), &padded[size_t{row} * from.stride],
                          &padded[size_t{row} * from.stride] + columns);
        return values;
    }

    /// Rotates rows first .. first + count into the cache.
    void rotateInto(engine::KvCache &cache, engine::CacheType type, const std::vector<float> &qkv,
                    uint32_t first, uint32_t count) {
        uint32_t stride = weights_.widths.qkv;
        std::vector<float> rows(&qkv[size_t{first} * stride],
                                &qkv[size_t{first} * stride] + size_t{count} * stride);
        upload(scratch_.qkv, rows, count, stride);
        std::vector<float> table = rotation(first, count);
        std::memcpy(scratch_.rotation.mapped().data(), table.data(), table.size() * sizeof(float));
        poison(scratch_.q.buffer);
        run(
            weights_,
            [&](auto &operations, auto &recorder) {
                operations.rotate(recorder, scratch_, cache, 0, {first, count});
            },
            type);
    }

    std::vector<float> rotation(uint32_t first, uint32_t count) const {
        attention::RopeSettings settings;
        settings.dims = config_.rope_dims;
        std::vector<float> table(size_t{count} * config_.rope_dims);
        attention::fillRotation(attention::makeRope(settings), first, count, table);
        return table;
    }

    std::vector<float> readCache(const gpu::Buffer &buffer, engine::CacheType type, size_t count) {
        std::vector<float> values(count);
        if (type == engine::CacheType::f32) {
            gpu::downloadBytes(device_, buffer, 0, std::as_writable_bytes(std::span(values)));
            return values;
        }
        std::vector<uint16_t> halves(count);
        gpu::downloadBytes(device_, buffer, 0, std::as_writable_bytes(std::span(halves)));
        std::ranges::transform(halves, values.begin(), model::halfToFloat);
        return values;
    }

    void attend(engine::CacheType type, Collector &rope, Collector &prefill, Collector &decode) {
        constexpr uint32_t kTokens = kBefore + kRows + 1;
        std::string name = type == engine::CacheType::f32 ? "f32" : "f16";
        uint32_t dim = config_.head_dim, q_columns = config_.heads * dim;
        uint32_t kv_columns = config_.kv_heads * dim, stride = weights_.widths.qkv;
        std::vector<float> qkv = randomFloats(size_t{kTokens} * stride, random_);
        engine::SessionOptions options{.context_tokens = kTokens, .k = type, .v = type};
        engine::KvCache cache = engine::makeCache(device_, config_, options);
        engine::CacheLayer &layer = cache.layers.front();
        poison(layer.k);
        poison(layer.v);

        reference::RopeShape shape{config_.heads, dim, config_.rope_dims, false};
        std::vector<float> table = rotation(0, kTokens);
        std::vector<float> q = reference::rope(columnsOf(qkv, stride, 0, q_columns), table, shape);
        shape.heads = config_.kv_heads;
        std::vector<float> k = reference::rope(
            columnsOf(qkv, stride, weights_.widths.k_offset, kv_columns), table, shape);
        std::vector<float> v = columnsOf(qkv, stride, weights_.widths.v_offset, kv_columns);

        auto attended = [&](uint32_t first, uint32_t count, Collector &collector) {
            poison(scratch_.attended.buffer);
            run(
                weights_,
                [&](auto &operations, auto &recorder) {
                    operations.attend(recorder, scratch_, cache, 0, {first, count});
                },
                type);
            // Keys and values as the device has rounded them.
            size_t elements = size_t{kv_columns} * kTokens;
            std::vector<float> own(&q[size_t{first} * q_columns],
                                   &q[size_t{first} * q_columns] + size_t{count} * q_columns);
            std::vector<float> want =
                reference::attention(own, readCache(layer.k, type, elements),
                                     readCache(layer.v, type, elements),
                                     {.rows = count,
                                      .position = first,
                                      .heads = config_.heads,
                                      .kv_heads = config_.kv_heads,
                                      .head_dim = dim,
                                      .capacity = kTokens,
                                      .scale = 1 / std::sqrt(static_cast<float>(dim))})
                    .out;
            collector.compare("cache " + name, download(scratch_.attended, count, q_columns), want,
                              [](size_t) { return 4e-5; });
        };
        rotateInto(cache, type, qkv, 0, kBefore);
        rotateInto(cache, type, qkv, kBefore, kRows);
        std::vector<float> chunk(&q[size_t{kBefore} * q_columns],
                                 &q[size_t{kTokens - 1} * q_columns]);
        rope.compare("queries", download(scratch_.q, kRows, q_columns), chunk,
                     [](size_t) { return 4e-6; });
        attended(kBefore, kRows, prefill);
        rotateInto(cache, type, qkv, kTokens - 1, 1);
        attended(kTokens - 1, 1, decode);
        compareCache(layer.k, type, cacheOrder(k, config_.kv_heads, dim, kTokens), rope, "keys");
        compareCache(layer.v, type, cacheOrder(v, config_.kv_heads, dim, kTokens), rope, "values");
    }

    void compareCache(const gpu::Buffer &buffer, engine::CacheType type,
                      const std::vector<float> &want, Collector &rope, const char *what) {
        double share = type == engine::CacheType::f16 ? 1.1e-3 : 2e-6; // half a unit of a half
        rope.compare(what, readCache(buffer, type, want.size()), want, [&](size_t i) {
            return share * std::abs(static_cast<double>(want[i])) + 4e-6;
        });
    }

    gpu::Device &device_;
    bool lanes_;
    engine::Tiling tiling_;
    model::Config config_;
    std::mt19937 random_{1};
    std::optional<RandomTensor> table_;
    engine::Weights weights_;
    engine::Scratch scratch_;
};

} // namespace

void checkKernels(gpu::Device &device, engine::KernelFamily family,
                  const std::function<void(const KernelCheck &)> &on_kernel, std::stop_token stop) {
    Checks checks(device, family);
    auto tell = [&](const KernelCheck &check) {
        on_kernel(check);
        if (stop.stop_requested())
            fail(ErrorKind::stopped, "stopped");
    };
    tell(checks.embed());
    tell(checks.norm());
    tell(checks.gated());
    tell(checks.multiply(false));
    tell(checks.multiply(true));
    for (const KernelCheck &check : checks.attention())
        tell(check);
}

} // namespace longscope::app
