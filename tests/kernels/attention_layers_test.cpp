// `Attention` on models whose layers differ: heads, rotations, windows, shared caches, layers
// without attention. Made-up configurations and random rows of [q | k | v] against the scalar twin.
#include "compute/core/error.h"
#include "compute/engine/attention.h"
#include "compute/reference/kernels.h"
#include "shaders/params.h"
#include "tests/support/device.h"
#include "tests/support/kernel_check.h"
#include "tests/support/layer_configs.h"

#include <cmath>

namespace longscope::engine {
namespace {

using test::emptyConfig;
using test::exactOptions;
using test::kChunk;
using test::kTokens;
using test::layerOf;
using test::mixedConfig;
using test::Random;
using test::ropeOf;

constexpr uint32_t kChunked = 80; ///< tokens that are read in chunks; the rest comes one by one

model::Architecture withSinks() {
    model::Architecture rules = *model::findArchitecture("llama");
    rules.attention.sinks = true;
    return rules;
}
model::Architecture latentRules() {
    model::Architecture rules = *model::findArchitecture("llama");
    rules.attention.latent = true;
    return rules;
}
const model::Architecture kWithSinks = withSinks(), kLatent = latentRules();

std::vector<float> headsFirst(std::span<const float> x, uint64_t heads) {
    uint64_t dim = x.size() / heads / kTokens;
    std::vector<float> y(x.size());
    for (uint64_t row = 0; row < kTokens; ++row)
        for (uint64_t head = 0; head < heads; ++head)
            std::copy_n(&x[(row * heads + head) * dim], dim, &y[(head * kTokens + row) * dim]);
    return y;
}

/// What a layer must give for all tokens, from rows of [q | k | v] of every layer.
class Twin {
  public:
    Twin(const model::Config &config, const SessionOptions &options, const Sinks &sinks,
         const std::vector<std::vector<float>> &rows)
        : config_(config), options_(withNativeWindows(config, options)), sinks_(sinks),
          widths_(planWidths(config)), rows_(rows) {}

    reference::Attended attend(uint32_t layer) const {
        const model::LayerConfig &own = config_.layer[layer];
        uint32_t owner = own.cache_layer;
        const LayerWidths &widths = widths_.layer[owner];
        reference::AttentionShape shape{.rows = kTokens,
                                        .heads = own.heads,
                                        .kv_heads = own.kv_heads,
                                        .head_dim = own.head_dim,
                                        .capacity = kTokens,
                                        .scale = config_.scoreScale(layer),
                                        .softcap = config_.softcap};
        if (!sinks_.empty())
            shape.sinks = sinks_[layer];
        for (uint32_t head = 0; config_.alibi_bias > 0 && head < own.heads; ++head)
            shape.slopes.push_back(static_cast<float>(slopeOf(head, own.heads)));
        std::vector<float> q = columns(layer, 0, own.heads);
        std::vector<float> k = columns(owner, widths.k_offset, own.kv_heads);
        std::vector<float> v =
            headsFirst(columns(owner, config_.latent.absorbed ? widths.k_offset : widths.v_offset,
                               own.kv_heads),
                       own.kv_heads);
        if (own.tempered)
            for (size_t i = 0; i < q.size(); ++i)
                q[i] *= temperature(i / (uint64_t{own.heads} * own.head_dim));
        auto sees = [&](uint64_t, uint64_t row, uint64_t key) {
            return key <= row && (own.window == 0 ? true
                                  : own.chunked   ? key >= row / own.window * own.window
                                                  : row - key < own.window);
        };
        if (own.rope == model::kGlobalRope && options_.rope)
            return reference::attentionRelative(
                q, headsFirst(k, own.kv_heads), v, shape, sees, frequencies(own.rope),
                ropeShape(layer, own.heads),
                [&](uint64_t query, uint64_t key) { return relative(query, key); });
        q = rotated(q, layer, own.heads);
        k = headsFirst(rotated(k, owner, own.kv_heads), own.kv_heads);
        if (config_.latent.absorbed) // values are what was cached
            v = k;
        return reference::attentionWhere(q, k, v, shape, sees);
    }

  private:
    double slopeOf(uint32_t head, uint32_t heads) const { // by the text of the format
        double bias = config_.alibi_bias;
        uint32_t k = 1;
        while (2 * k <= heads)
            k *= 2;
        return head < k ? std::pow(2.0, -bias * (head + 1) / k)
                        : std::pow(2.0, -bias * (2 * (head - k) + 1) / (2.0 * k));
    }
    float temperature(uint64_t position) const {
        const model::TemperatureConfig &t = config_.temperature;
        double steps = std::floor((static_cast<double>(position) + t.offset) / t.length);
        return static_cast<float>(1 + t.scale * std::log(steps + 1));
    }
    double relative(uint64_t query, uint64_t key) const {
        const attention::RopeScheme &scheme = *options_.rope;
        return query - key < scheme.nearKeys() ? static_cast<double>(query - key)
                                               : scheme.farQuery(query) - scheme.farKey(key);
    }
    std::vector<float> columns(uint32_t layer, uint32_t first, uint32_t heads) const {
        uint32_t count = heads * config_.layer[layer].head_dim;
        std::vector<float> part;
        for (uint64_t row = 0; row < kTokens; ++row) {
            auto from = rows_[layer].begin() + static_cast<ptrdiff_t>(row * widths_.qkv + first);
            part.insert(part.end(), from, from + count);
        }
        return part;
    }
    reference::RopeShape ropeShape(uint32_t layer, uint32_t heads) const {
        return {heads, config_.layer[layer].head_dim, config_.ropes[config_.layer[layer].rope].dims,
                config_.rope_layout == model::RopeLayout::neox};
    }
    attention::Rope frequencies(uint32_t rope) const {
        return attention::makeRope(ropeSettings(config_.ropes[rope]));
    }
    std::vector<float> rotated(std::vector<float> x, uint32_t layer, uint32_t heads) const {
        const model::LayerConfig &own = config_.layer[layer];
        if (own.rope == model::kNoRope)
            return x;
        reference::RopeShape shape = ropeShape(layer, heads);
        std::vector<float> table(uint64_t{kTokens} * shape.rope_dims);
        attention::fillRotation(frequencies(own.rope), 0, kTokens, table);
        if (!config_.architecture->attention.latent)
            return reference::rope(x, table, shape);
        uint64_t first = own.head_dim - shape.rope_dims; // the last dimensions of every head
        std::vector<float> ends;
        for (size_t at = 0; at < x.size(); at += own.head_dim)
            ends.insert(ends.end(), x.begin() + static_cast<ptrdiff_t>(at + first),
                        x.begin() + static_cast<ptrdiff_t>(at + own.head_dim));
        shape.head_dim = shape.rope_dims;
        ends = reference::rope(ends, table, shape);
        for (size_t i = 0; i < ends.size(); ++i)
            x[i / shape.rope_dims * own.head_dim + first + i % shape.rope_dims] = ends[i];
        return x;
    }

    const model::Config &config_;
    const SessionOptions options_;
    const Sinks &sinks_;
    WidthPlan widths_;
    const std::vector<std::vector<float>> &rows_;
};

/// Reads random rows of every layer in chunks, then one by one.
class Reader {
  public:
    Reader(const model::Config &config, const SessionOptions &options, KernelFamily family,
           const Sinks &sinks = {})
        : device_(gpu::testDevice()), config_(config), options_(withNativeWindows(config, options)),
          sinks_(sinks), widths_(planWidths(config)),
          tiling_(sessionTiling(chooseTiling(device_.facts(), family), config, options_)),
          recorder_(device_), cache_(makeCache(device_, config, options_, tiling_.chunk_tokens)),
          scratch_(makeScratch(device_, config, widths_, tiling_, options_)),
          attention_(device_, tiling_, config, widths_, options_, sinks) {
        Random random(3);
        for (uint32_t layer = 0; layer < config.layers; ++layer)
            rows_.push_back(random.normals(uint64_t{kTokens} * widths_.qkv));
        for (CacheLayer &layer : cache_.layers)
            for (gpu::Buffer *buffer : {&layer.k, &layer.v})
                if (*buffer)
                    gpu::fillWords(device_, *buffer, test::kPoison);
    }

    const KvCache &cache() const { return cache_; }
    attention::Interval forgotten() const { return attention_.forgotten(kTokens); }
    uint64_t keepable(uint64_t count) const { return attention_.keepable(kTokens, count); }

    void check(bool look = false) {
        Twin twin(config_, options_, sinks_, rows_);
        std::vector<reference::Attended> want(config_.layers);
        for (uint32_t layer = 0; layer < config_.layers; ++layer)
            if (config_.layer[layer].attends())
                want[layer] = twin.attend(layer);
        for (uint32_t position = 0; position < kTokens;) {
            uint32_t rows = position < kChunked ? kChunk : 1;
            attention_.begin({position, rows, kTokens}, scratch_);
            for (uint32_t layer = 0; layer < config_.layers; ++layer) {
                if (!config_.layer[layer].attends())
                    continue;
                attendLayer(layer, position, rows, look && rows > 1);
                compare(layer, position, rows, want[layer]);
                if (look && rows > 1)
                    compareMass(layer, position, rows, want[layer]);
            }
            attention_.end();
            position += rows;
            if (testing::Test::HasFatalFailure())
                return;
        }
    }

  private:
    Flush flush() {
        return [this] {
            if (!recorder_.empty())
                recorder_.run();
        };
    }

    void attendLayer(uint32_t layer, uint32_t position, uint32_t rows, bool keep_state) {
        const float *first = &rows_[layer][uint64_t{position} * widths_.qkv];
        gpu::uploadBytes(device_, scratch_.qkv.buffer, 0,
                         std::as_bytes(std::span(first, uint64_t{rows} * widths_.qkv)));
        gpu::fillWords(device_, scratch_.attended.buffer, test::kPoison);
        gpu::fillWords(device_, scratch_.q.buffer, test::kPoison);
        gpu::fillWords(device_, scratch_.partial, test::kPoison);
        attention_.rotate(recorder_, scratch_, cache_, layer);
        attention_.attend(recorder_, scratch_, cache_, layer, flush(), keep_state);
        flush()();
    }

    void compare(uint32_t layer, uint32_t position, uint32_t rows,
                 const reference::Attended &want) {
        uint64_t columns = uint64_t{config_.layer[layer].heads} * config_.layer[layer].head_dim;
        auto got = test::download<float>(scratch_.attended.buffer,
                                         uint64_t{rows} * scratch_.attended.stride);
        for (uint64_t row = 0; row < rows; ++row)
            for (uint64_t c = 0; c < columns; ++c)
                ASSERT_NEAR(double{got[row * scratch_.attended.stride + c]},
                            double{want.out[(position + row) * columns + c]}, 5e-5)
                    << "layer " << layer << " position " << position + row << " column " << c;
    }

    /// The second pass sums up to what the sink leaves.
    void compareMass(uint32_t layer, uint32_t position, uint32_t rows,
                     const reference::Attended &want) {
        uint32_t heads = config_.layer[layer].heads;
        uint64_t count = uint64_t{rows} * heads * MAP_METRIC_COUNT;
        gpu::Buffer target(device_, "test", count * sizeof(float), gpu::Memory::device);
        attention_.mapPass(recorder_, scratch_, cache_, layer, flush(), {.buffer = &target});
        flush()();
        auto got = test::download<float>(target, count);
        for (uint64_t row = 0; row < rows; ++row)
            for (uint64_t head = 0; head < heads; ++head) {
                uint64_t at = (position + row) * heads + head;
                double sink = sinks_.empty()
                                  ? 0
                                  : std::exp(double{sinks_[layer][head]} - want.m[at]) / want.l[at];
                ASSERT_NEAR(double{got[(row * heads + head) * MAP_METRIC_COUNT]}, 1 - sink, 5e-5)
                    << "layer " << layer << " position " << position + row << " head " << head;
            }
    }

    gpu::Device &device_;
    const model::Config &config_;
    const SessionOptions options_;
    const Sinks sinks_;
    WidthPlan widths_;
    Tiling tiling_;
    gpu::Recorder recorder_;
    KvCache cache_;
    Scratch scratch_;
    Attention attention_;
    std::vector<std::vector<float>> rows_; ///< of each layer [tokens, widths.qkv]
};

constexpr KernelFamily kFamilies[] = {KernelFamily::lanes, KernelFamily::subgroup};

TEST(AttentionLayers, LayersOfEveryKind) {
    for (KernelFamily family : kFamilies)
        for (model::RopeLayout layout : {model::RopeLayout::norm, model::RopeLayout::neox}) {
            SCOPED_TRACE(familyName(family));
            model::Config config = mixedConfig(layout);
            Reader reader(config, exactOptions(), family);
            const std::vector<CacheLayer> &layers = reader.cache().layers;
            EXPECT_EQ(layers[0].room.capacity, kTokens);
            EXPECT_EQ(layers[1].room.capacity, 20 + kChunk - 1); // a ring
            EXPECT_EQ(layers[4].room.capacity, 16 + kChunk - 1);
            EXPECT_FALSE(layers[2].k || layers[3].k); // recurrent, and another's keys
            uint64_t bytes = 0;
            for (const CacheLayer &layer : layers)
                bytes += layer.k ? layer.k.bytes() + layer.v.bytes() : 0;
            EXPECT_EQ(planCache(config, withNativeWindows(config, exactOptions()), kChunk), bytes);
            reader.check();
        }
}

// The scheme is for the global rotations, whose keys it wants raw; the local ones stay.
TEST(AttentionLayers, SchemesLeaveLocalRotations) {
    for (KernelFamily family : kFamilies) {
        SCOPED_TRACE(familyName(family));
        model::Config config = mixedConfig(model::RopeLayout::neox);
        Reader(config, exactOptions("self-extend:4,16"), family).check();
    }
}

// The lanes kernels read pairs of raw keys by twos.
TEST(AttentionLayers, RawKeysOfAnOddNumberOfPairs) {
    model::Config config = emptyConfig({layerOf(0, 4, 2, 64, model::kGlobalRope)});
    config.rope_layout = model::RopeLayout::neox;
    config.ropes = {ropeOf(22, 10000)};
    SessionOptions options = exactOptions("self-extend:4,16");
    Reader(config, options, KernelFamily::subgroup).check();
    try {
        Reader(config, options, KernelFamily::lanes);
        FAIL() << "not refused";
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_NE(std::string(error.what()).find("multiple of 4"), std::string::npos);
    }
}

TEST(AttentionLayers, CapsAndSinks) {
    for (KernelFamily family : kFamilies) {
        SCOPED_TRACE(familyName(family));
        model::Config config = mixedConfig(model::RopeLayout::norm);
        config.architecture = &kWithSinks;
        config.softcap = 2.5f;
        Sinks sinks;
        Random random(8);
        for (const model::LayerConfig &layer : config.layer)
            sinks.push_back(random.normals(layer.heads));
        Reader(config, exactOptions(), family, sinks).check(true);
    }
}

TEST(AttentionLayers, SlopesOfAnyNumberOfHeads) {
    for (KernelFamily family : kFamilies) {
        SCOPED_TRACE(familyName(family));
        model::Config config = emptyConfig(
            {layerOf(0, 6, 3, 32, model::kNoRope), layerOf(1, 6, 3, 32, model::kNoRope)});
        config.alibi_bias = 8;
        Reader(config, exactOptions(), family).check(true);
    }
}

// Latent attention: one head of keys, whose last part is rotated and whose first part is the
// values.
TEST(AttentionLayers, ValuesThatAreKeys) {
    for (KernelFamily family : kFamilies) {
        SCOPED_TRACE(familyName(family));
        model::LayerConfig layer = layerOf(0, 4, 1, 96, model::kGlobalRope);
        layer.value_dim = 64;
        model::Config config = emptyConfig({layer});
        config.architecture = &kLatent;
        config.rope_layout = model::RopeLayout::norm;
        config.ropes = {ropeOf(32, 10000)};
        config.latent = {.kv_rank = 64, .key_dim = 48, .value_dim = 24, .absorbed = true};
        config.score_scale = 0.2f;
        Reader reader(config, exactOptions(), family);
        EXPECT_FALSE(reader.cache().layers[0].v);
        reader.check(true);
    }
}

TEST(AttentionLayers, NoLayerAttends) {
    for (KernelFamily family : kFamilies) {
        model::LayerConfig recurrent;
        recurrent.recurrence = model::Recurrence::mamba1;
        model::Config config = emptyConfig({recurrent, recurrent});
        Reader reader(config, exactOptions(), family);
        reader.check();
        EXPECT_EQ(planCache(config, exactOptions(), kChunk), 0u);
        EXPECT_FALSE(reader.cache().layers[0].k);
        EXPECT_EQ(reader.forgotten(), attention::Interval{});
        EXPECT_EQ(reader.keepable(7), 7u);
    }
}

} // namespace
} // namespace longscope::engine
