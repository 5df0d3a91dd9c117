// Attention of the `lanes` family against its scalar twin: chunks and single queries, several head
// shapes, both cache types, NaN beyond the last key, poisoned results.
#include "compute/engine/kernels.h"
#include "compute/engine/packing.h"
#include "compute/engine/tiling_lanes.h"
#include "compute/gpu/recorder.h"
#include "compute/model/quant.h"
#include "compute/reference/kernels.h"
#include "shaders/params.h"
#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace longscope::engine {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
    uint32_t rows, position, heads, kv_heads, head_dim;
    bool half_k = true, half_v = true;
    lanes::HeadsKeys tile{}; ///< {0, 0}: as chosen by tiling_lanes.h
};

std::ostream &operator<<(std::ostream &out, const Case &c) {
    return out << "rows " << c.rows << " position " << c.position << " heads " << c.heads << "/"
               << c.kv_heads << " head_dim " << c.head_dim << " cache "
               << (c.half_k ? "f16" : "f32") << "/" << (c.half_v ? "f16" : "f32");
}

/// Random q, k, v of a case: as the twin reads them, and as they lie on the device.
class Inputs {
    std::mt19937 random_{7}; // first: what follows is made from it

  public:
    explicit Inputs(const Case &c)
        : shape{.rows = c.rows,
                .position = c.position,
                .heads = c.heads,
                .kv_heads = c.kv_heads,
                .head_dim = c.head_dim,
                .capacity = c.position + c.rows + 9,
                .scale = 1 / std::sqrt(static_cast<float>(c.head_dim))},
          padded_dim(padded(c.head_dim)), q(values(uint64_t{c.rows} * c.heads, false)),
          k(values(c.kv_heads * shape.capacity, c.half_k)),
          v(values(c.kv_heads * shape.capacity, c.half_v)),
          q_buffer(uploaded(q, false, shape.capacity)),
          k_buffer(uploaded(k, c.half_k, shape.position + shape.rows)),
          v_buffer(uploaded(v, c.half_v, shape.position + shape.rows)) {}

    reference::AttentionShape shape;
    uint32_t padded_dim;
    std::vector<float> q, k, v;
    gpu::Buffer q_buffer, k_buffer, v_buffer;

  private:
    std::vector<float> values(uint64_t rows, bool half) {
        std::normal_distribution<float> normal;
        std::vector<float> all(rows * shape.head_dim);
        for (float &value : all)
            value = normal(random_);
        return half ? reference::throughHalf(all) : all;
    }

    /// Rows padded with zeros to padded_dim; slots from `end` on hold NaN.
    gpu::Buffer uploaded(const std::vector<float> &rows, bool half, uint64_t end) const {
        uint64_t count = rows.size() / shape.head_dim;
        std::vector<float> wide(count * padded_dim);
        for (uint64_t row = 0; row < count; ++row)
            for (uint64_t i = 0; i < padded_dim; ++i)
                wide[row * padded_dim + i] = row % shape.capacity >= end ? kNan
                                             : i < shape.head_dim ? rows[row * shape.head_dim + i]
                                                                  : 0;
        std::vector<uint16_t> halves(half ? wide.size() : 0);
        for (size_t i = 0; i < halves.size(); ++i)
            halves[i] = model::floatToHalf(wide[i]);
        auto bytes = half ? std::as_bytes(std::span(halves)) : std::as_bytes(std::span(wide));
        gpu::Buffer buffer(gpu::testDevice(), "test", bytes.size(), gpu::Memory::device);
        gpu::uploadBytes(gpu::testDevice(), buffer, 0, bytes);
        return buffer;
    }
};

std::vector<float> runOn(const gpu::Kernel &kernel, const Case &c, lanes::HeadsKeys tile,
                         const Inputs &in, const auto &makeParams, size_t results,
                         gpu::Groups groups) {
    const gpu::Specialization constants = {{SPEC_LOCAL_SIZE, 8},
                                           {SPEC_HEAD_DIM, in.padded_dim},
                                           {SPEC_CACHE_K, c.half_k ? CACHE_F16 : CACHE_F32},
                                           {SPEC_CACHE_V, c.half_v ? CACHE_F16 : CACHE_F32},
                                           {SPEC_TILE_A, tile.heads},
                                           {SPEC_TILE_B, tile.keys}};
    gpu::Device &device = gpu::testDevice();
    const gpu::PipelineOptions options{.local_size = 8, .subgroup_size = 8};
    const gpu::Pipeline *pipeline = &gpu::findPipeline(device, kernel, constants, options);
    gpu::Buffer out(device, "test", results * sizeof(float), gpu::Memory::device);
    gpu::fillWords(device, out, std::bit_cast<uint32_t>(kNan));
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, makeParams(out.address()),
                      {&in.q_buffer, &in.k_buffer, &in.v_buffer}, {&out}, groups);
    recorder.run();
    std::vector<float> got(results);
    gpu::downloadBytes(device, out, 0, std::as_writable_bytes(std::span(got)));
    return got;
}

// Scores and weights in float: each score has the error of head_dim products, and exp2 turns it
// into a relative error of the weight; values are of order 1.
constexpr double kTolerance = 2e-5;

void checkPrefill(const Case &c) {
    SCOPED_TRACE(testing::Message()
                 << "prefill " << c << " tile " << c.tile.heads << "x" << c.tile.keys);
    Inputs in(c);
    lanes::HeadsKeys tile =
        c.tile.heads ? c.tile : lanes::prefillTile(c.heads / c.kv_heads, in.padded_dim);
    const uint32_t columns = c.heads * c.head_dim, stride = columns + 4;
    auto makeParams = [&](uint64_t result) {
        return params::AttentionPrefill{.q = in.q_buffer.address(),
                                        .k = in.k_buffer.address(),
                                        .v = in.v_buffer.address(),
                                        .result = result,
                                        .rows = c.rows,
                                        .position = c.position,
                                        .heads = c.heads,
                                        .kv_heads = c.kv_heads,
                                        .head_dim = c.head_dim,
                                        .capacity = static_cast<uint32_t>(in.shape.capacity),
                                        .out_stride = stride,
                                        .scale = in.shape.scale};
    };
    std::vector<float> got =
        runOn(kAttentionPrefillLanes, c, tile, in, makeParams, uint64_t{c.rows + 1} * stride,
              {(c.rows + 7) / 8, c.heads / tile.heads});
    reference::Attended want = reference::attention(in.q, in.k, in.v, in.shape);
    for (uint32_t row = 0; row <= c.rows; ++row)
        for (uint32_t column = 0; column < stride; ++column) {
            float value = got[uint64_t{row} * stride + column];
            if (row == c.rows || column >= columns)
                ASSERT_TRUE(std::isnan(value))
                    << "written beyond the result at [" << row << ", " << column << "]";
            else
                ASSERT_NEAR(value, want.out[uint64_t{row} * columns + column], kTolerance)
                    << "at [" << row << ", " << column << "]";
        }
}

void checkDecode(const Case &c, uint32_t splits, uint32_t keys_per_split, uint32_t key_groups) {
    SCOPED_TRACE(testing::Message() << "decode " << c << " splits " << splits << " of "
                                    << keys_per_split << " key groups " << key_groups);
    Inputs in(c);
    lanes::HeadsKeys tile{lanes::decodeHeads(c.heads / c.kv_heads, in.padded_dim), key_groups};
    auto makeParams = [&](uint64_t partial) {
        return params::AttentionDecode{.q = in.q_buffer.address(),
                                       .k = in.k_buffer.address(),
                                       .v = in.v_buffer.address(),
                                       .partial = partial,
                                       .keys = c.position + 1,
                                       .splits = splits,
                                       .keys_per_split = keys_per_split,
                                       .heads = c.heads,
                                       .kv_heads = c.kv_heads,
                                       .capacity = static_cast<uint32_t>(in.shape.capacity),
                                       .scale = in.shape.scale,
                                       .unused = 0};
    };
    const uint32_t width = in.padded_dim + 2;
    std::vector<float> got =
        runOn(kAttentionDecodeLanes, c, tile, in, makeParams, uint64_t{splits} * c.heads * width,
              {splits, c.heads / tile.heads});
    auto want = reference::attentionDecode(in.q, in.k, in.v, in.shape, splits, keys_per_split);
    for (uint32_t split = 0; split < splits; ++split)
        for (uint32_t head = 0; head < c.heads; ++head) {
            SCOPED_TRACE(testing::Message() << "split " << split << " head " << head);
            const float *partial = &got[(uint64_t{split} * c.heads + head) * width];
            for (uint32_t i = 0; i < in.padded_dim; ++i) {
                float value = i < c.head_dim ? want[split].out[head * c.head_dim + i] : 0.0f;
                ASSERT_NEAR(partial[i], value, kTolerance) << "dim " << i;
            }
            double l = want[split].l[head];
            ASSERT_NEAR(partial[in.padded_dim + 1], l, kTolerance * l + 1e-30);
            if (l > 0) {
                ASSERT_NEAR(partial[in.padded_dim], want[split].m[head] * std::numbers::log2e,
                            kTolerance);
            }
        }
}

struct Heads {
    uint32_t heads, kv_heads;
};
constexpr Heads kHeads[] = {{1, 1}, {9, 3}, {4, 1}, {2, 2}};

TEST(LanesAttentionPrefill, EveryRowAndPosition) {
    for (uint32_t rows : {1u, 7u, 8u, 9u, 31u})
        for (uint32_t position : {0u, 1u, 63u, 200u}) {
            checkPrefill({rows, position, 9, 3, 64});
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, EveryHeadShapeAndCacheType) {
    for (Heads heads : kHeads)
        for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u})
            for (bool half : {false, true}) {
                checkPrefill({9, 63, heads.heads, heads.kv_heads, head_dim, half, half});
                if (HasFatalFailure())
                    return;
            }
}

TEST(LanesAttentionPrefill, LargeHeads) {
    for (bool half : {false, true})
        checkPrefill({9, 31, 2, 1, 256, half, half});
}

TEST(LanesAttentionPrefill, MixedCacheTypesAndOtherTiles) {
    checkPrefill({9, 63, 4, 1, 64, false, true, {2, 1}});
    checkPrefill({9, 63, 4, 1, 64, true, false, {4, 3}});
    checkPrefill({9, 0, 2, 1, 32, true, true, {1, 5}});
}

TEST(LanesAttentionDecode, EveryHeadShapeAndCacheType) {
    for (Heads heads : kHeads)
        for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u})
            for (bool half : {false, true}) {
                checkDecode({1, 200, heads.heads, heads.kv_heads, head_dim, half, half}, 4, 51, 1);
                if (HasFatalFailure())
                    return;
            }
}

TEST(LanesAttentionDecode, RangesOfEverySize) {
    for (uint32_t position : {0u, 1u, 7u, 8u, 63u, 200u})
        for (uint32_t splits : {1u, 2u, 5u})
            checkDecode({1, position, 9, 3, 64}, splits, (position + splits) / splits, 1);
    // Ranges beyond the last key are empty: l = 0.
    checkDecode({1, 20, 9, 3, 64}, 4, 16, 1);
    checkDecode({1, 100, 4, 1, 256}, 2, 64, 1);
    checkDecode({1, 100, 9, 3, 64, false, true}, 2, 51, 2);
}

} // namespace
} // namespace longscope::engine
