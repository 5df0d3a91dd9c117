// Attention over schedules, for the tests of both kernel families: random q, k and v, the caches of
// every type packed as shaders/params.h says, and a scalar twin that is given the keys which each
// query sees (tests/support/attention_schedules.h).
#pragma once

#include "compute/attention/cache_type.h"
#include "compute/reference/kernels.h"
#include "tests/support/attention_schedules.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <format>
#include <numbers>

namespace longscope::test {

using attention::CacheType;

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                     CacheType::q8_0, CacheType::q4_0};
constexpr uint16_t kHalfNan = 0x7e00;

/// Rows of a cache: as they lie on the device, and what is to be read from them.
struct PackedRows {
    std::vector<uint8_t> data, scales;
    std::vector<float> values; ///< [rows, head_dim]
};

/// One block of q8_0 or q4_0: the codes go to `data`, values become what the codes say. Returns the
/// scale. ggml's quantize_row_q8_0_ref and quantize_row_q4_0_ref.
inline uint16_t packBlock(std::span<float> block, CacheType type, uint8_t *data) {
    float extreme = 0;
    for (float value : block)
        if (std::abs(value) > std::abs(extreme))
            extreme = value;
    bool bytes = type == CacheType::q8_0;
    float d = bytes ? std::abs(extreme) / 127 : extreme / -8, inverse = d != 0 ? 1 / d : 0;
    uint16_t half = model::floatToHalf(d);
    for (size_t i = 0; i < block.size(); ++i) {
        int code = bytes ? static_cast<int>(std::round(block[i] * inverse))
                         : std::min(15, static_cast<int>(block[i] * inverse + 8.5f)) - 8;
        if (bytes)
            data[i] = static_cast<uint8_t>(code);
        else
            data[i / 2] = static_cast<uint8_t>(data[i / 2] | (code + 8) << (4 * (i % 2)));
        block[i] = static_cast<float>(code) * model::halfToFloat(half);
    }
    return half;
}

/// Packs values [rows, head_dim]; a hidden row becomes NaN on the device.
inline PackedRows packRows(std::vector<float> values, uint32_t head_dim, CacheType type,
                           const std::function<bool(uint64_t row)> &hidden) {
    const uint32_t width = (head_dim + 31) / 32 * 32;
    const uint64_t rows = values.size() / head_dim, row_bytes = attention::dataBytes(type, width);
    const uint64_t scale_bytes = attention::scaleBytes(type, width);
    PackedRows packed{.data = std::vector<uint8_t>(rows * row_bytes),
                      .scales = std::vector<uint8_t>(std::max<uint64_t>(rows * scale_bytes, 4)),
                      .values = std::move(values)};
    for (uint64_t row = 0; row < rows; ++row) {
        std::vector<float> wide(width);
        float *own = &packed.values[row * head_dim];
        std::copy_n(own, head_dim, wide.begin());
        uint8_t *data = &packed.data[row * row_bytes], *scales = &packed.scales[row * scale_bytes];
        for (uint64_t i = 0; i < scale_bytes; i += 2)
            std::memcpy(scales + i, &kHalfNan, 2);
        for (uint32_t i = 0; i < width; ++i) {
            if (type == CacheType::f32) {
                uint32_t word = hidden(row) ? kPoison : std::bit_cast<uint32_t>(wide[i]);
                std::memcpy(data + 4 * i, &word, 4);
            } else if (type == CacheType::f16) {
                uint16_t half = hidden(row) ? kHalfNan : model::floatToHalf(wide[i]);
                std::memcpy(data + 2 * i, &half, 2);
                wide[i] = model::halfToFloat(half);
            } else if (type == CacheType::bf16) {
                auto word = std::bit_cast<uint32_t>(wide[i]);
                word = hidden(row) ? kPoison : (word + 0x7fff + (word >> 16 & 1)) & 0xffff0000;
                std::memcpy(data + 2 * i, reinterpret_cast<uint8_t *>(&word) + 2, 2);
                wide[i] = std::bit_cast<float>(word);
            } else if (i % 32 == 0) {
                uint16_t scale = packBlock(std::span(wide).subspan(i, 32), type,
                                           data + (type == CacheType::q8_0 ? i : i / 2));
                std::memcpy(scales + i / 16, hidden(row) ? &kHalfNan : &scale, 2);
            }
        }
        std::copy_n(wide.begin(), head_dim, own);
    }
    return packed;
}

/// A cache on the device.
struct DeviceRows {
    explicit DeviceRows(PackedRows rows)
        : data(upload(rows.data)), scales(upload(rows.scales)), values(std::move(rows.values)) {}
    params::CachePlanes planes() const { return {data.address(), scales.address()}; }
    gpu::Buffer data, scales;
    std::vector<float> values; ///< [kv_heads, slots, head_dim]
};

struct AttentionCase {
    uint32_t rows = 1, slots = 1; ///< slots = capacity of the cache
    uint32_t heads = 1, kv_heads = 1, head_dim = 64;
    CacheType k_type = CacheType::f16, v_type = CacheType::f16;
    uint32_t rope_dims = 0; ///< above 0: keys are raw, rotated by tables of `slots` positions
    bool neox = false;
    float peak = 1; ///< of the scores: what q is multiplied by
    // What the model does to scores.
    float cap = 0; ///< 0: none
    bool slopes = false, sinks = false;
    uint32_t position = 0;   ///< of row 0: for slopes
    uint32_t rope_first = 0; ///< the first rotated dimension of raw keys

    uint32_t width() const { return (head_dim + 31) / 32 * 32; } ///< HEAD_DIM of the kernels
    uint32_t ruleFlags() const {
        return (cap != 0 ? ATTENTION_CAP : 0u) | (slopes ? ATTENTION_SLOPES : 0u) |
               (sinks ? ATTENTION_SINKS : 0u);
    }
    uint32_t rotated() const { return rope_dims | rope_first << 16; } ///< as the kernels take it
    double slopeOf(uint32_t head) const { return std::exp2(-0.5 * (head + 1.0)); }
    double sinkOf(uint32_t head) const { return head % 2 ? 1.5 - head : 3.0 - 0.5 * head; }
    float scale() const { return 1 / std::sqrt(static_cast<float>(head_dim)); }
    std::string text() const {
        return std::format("rows {} slots {} heads {}/{} of {} cache {}/{} rope_dims {} from {}{} "
                           "cap {}{}{}",
                           rows, slots, heads, kv_heads, head_dim, attention::cacheTypeName(k_type),
                           attention::cacheTypeName(v_type), rope_dims, rope_first,
                           neox ? " neox" : "", cap, slopes ? " slopes" : "",
                           sinks ? " sinks" : "");
    }
};

/// Random q and caches of a case, on the device and as the twin reads them.
class AttentionData {
    Random random_; // first: what follows is made from it

  public:
    /// Slots that are not in `slots` hold NaN on the device.
    AttentionData(const AttentionCase &attention_case, const std::set<uint64_t> &slots,
                  uint32_t seed = 7)
        : random_(seed), c(attention_case), q(queries()), q_far(queries()),
          k(cache(c.k_type, slots)), v(cache(c.v_type, slots)), rotation(angles()),
          rotation_far(angles()), q_buffer(upload(wide(q))), q_far_buffer(upload(wide(q_far))),
          rotation_buffer(upload(rotation)), rotation_far_buffer(upload(rotation_far)),
          head_facts_buffer(upload(headFacts())) {}

    AttentionCase c;
    std::vector<float> q, q_far; ///< [rows, heads, head_dim]
    DeviceRows k, v;
    std::vector<float> rotation, rotation_far; ///< [slots, rope_dims/2, 2]
    gpu::Buffer q_buffer, q_far_buffer, rotation_buffer, rotation_far_buffer, head_facts_buffer;

    /// Of a query towards a key, in natural logarithms.
    double score(uint32_t head, uint32_t row, const SeenKey &key) const {
        const float *query = &(key.zone ? q_far : q)[(row * c.heads + head) * c.head_dim];
        uint64_t kv_head = head / (c.heads / c.kv_heads);
        std::vector<float> own(c.head_dim);
        std::copy_n(&k.values[(kv_head * c.slots + key.slot) * c.head_dim], c.head_dim,
                    own.begin());
        if (c.rope_dims > 0) {
            std::vector<float> turned = reference::rope(
                std::span(own).subspan(c.rope_first, c.rope_dims),
                std::span(key.zone ? rotation_far : rotation)
                    .subspan(uint64_t{key.position} * c.rope_dims, c.rope_dims),
                {.head_dim = c.rope_dims, .rope_dims = c.rope_dims, .neox = c.neox});
            std::ranges::copy(turned, own.begin() + c.rope_first);
        }
        double sum = 0;
        for (uint32_t i = 0; i < c.head_dim; ++i)
            sum += static_cast<double>(query[i]) * own[i];
        sum *= static_cast<double>(c.scale());
        if (c.cap != 0)
            sum = static_cast<double>(c.cap) * std::tanh(sum / static_cast<double>(c.cap));
        auto distance = static_cast<double>(int64_t{c.position} + row - key.position);
        return c.slopes ? sum - c.slopeOf(head) * distance : sum;
    }

    /// What a query makes of the keys that it sees: out [head_dim], then m and l (natural). A sink
    /// counts in these once, so not in a part of the keys.
    struct Result {
        std::vector<double> out;
        double m = -1e29, l = 0;
    };
    Result attend(uint32_t head, uint32_t row, std::span<const SeenKey> keys,
                  bool is_part = false) const {
        bool has_sink = c.sinks && !is_part;
        Result result{.out = std::vector<double>(c.head_dim)};
        if (has_sink)
            result.m = c.sinkOf(head);
        std::vector<double> scores;
        for (const SeenKey &key : keys)
            scores.push_back(score(head, row, key));
        for (double value : scores)
            result.m = std::max(result.m, value);
        if (has_sink)
            result.l = std::exp(c.sinkOf(head) - result.m);
        uint64_t kv_head = head / (c.heads / c.kv_heads);
        for (size_t i = 0; i < keys.size(); ++i) {
            double p = std::exp(scores[i] - result.m);
            result.l += p;
            for (uint32_t d = 0; d < c.head_dim; ++d)
                result.out[d] += p * v.values[(kv_head * c.slots + keys[i].slot) * c.head_dim + d];
        }
        for (double &value : result.out)
            value = result.l > 0 ? value / result.l : 0;
        return result;
    }

  private:
    std::vector<float> queries() {
        std::vector<float> values = random_.normals(uint64_t{c.rows} * c.heads * c.head_dim);
        for (float &value : values)
            value *= c.peak;
        return values;
    }
    DeviceRows cache(CacheType type, const std::set<uint64_t> &slots) {
        return DeviceRows(packRows(random_.normals(uint64_t{c.kv_heads} * c.slots * c.head_dim),
                                   c.head_dim, type,
                                   [&](uint64_t row) { return !slots.contains(row % c.slots); }));
    }
    /// Rotations with a magnitude that is not 1.
    std::vector<float> angles() {
        std::vector<float> table;
        for (uint32_t i = 0; i < std::max(c.slots * c.rope_dims / 2, 1u); ++i) {
            float angle = 3 * random_.normal();
            table.insert(table.end(), {1.1f * std::cos(angle), 1.1f * std::sin(angle)});
        }
        return table;
    }
    /// As shaders/params.h says: in base 2.
    std::vector<float> headFacts() const {
        std::vector<float> facts;
        for (uint32_t head = 0; head < c.heads; ++head)
            for (double fact : {c.slopeOf(head), c.sinkOf(head), static_cast<double>(c.cap), 0.0})
                facts.push_back(static_cast<float>(fact * std::numbers::log2e));
        return facts;
    }
    std::vector<float> wide(const std::vector<float> &rows) const {
        std::vector<float> padded(rows.size() / c.head_dim * c.width());
        for (size_t i = 0; i < rows.size(); ++i)
            padded[i / c.head_dim * c.width() + i % c.head_dim] = rows[i];
        return padded;
    }
};

} // namespace longscope::test
