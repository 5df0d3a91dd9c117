// The attention kernels of the subgroup family against their scalar twin: head sizes, groups of
// heads, depths, cache types. Keys and values beyond the last visible one are NaN.
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <format>

namespace longscope::test {
namespace {

struct AttentionCase {
    uint32_t rows = 1, position = 0, heads = 1, kv_heads = 1, head_dim = 32;
    uint32_t cache_k = CACHE_F32, cache_v = CACHE_F32;

    uint32_t keys() const { return position + rows; }
    uint32_t capacity() const { return keys() + 37; }
    uint32_t dim() const { return engine::padded(head_dim); }
    std::string describe() const {
        return std::format("rows {} position {} heads {}/{} head_dim {} cache {}/{}", rows,
                           position, heads, kv_heads, head_dim, cache_k, cache_v);
    }
};

/// [vectors, head_dim] with each vector padded with zeros, as q and the cache are.
std::vector<float> padVectors(const std::vector<float> &x, uint32_t head_dim) {
    uint32_t dim = engine::padded(head_dim);
    std::vector<float> y(x.size() / head_dim * dim, 0.0f);
    for (size_t i = 0; i < x.size() / head_dim; ++i)
        std::copy_n(&x[i * head_dim], head_dim, &y[i * dim]);
    return y;
}

/// Words of a cache from [kv_heads, capacity, head_dim].
std::vector<uint32_t> cacheWords(const std::vector<float> &values, const AttentionCase &c,
                                 uint32_t type) {
    std::vector<float> padded = padVectors(values, c.head_dim);
    std::vector<uint32_t> words;
    if (type == CACHE_F32) {
        words.resize(padded.size());
        std::memcpy(words.data(), padded.data(), words.size() * sizeof(uint32_t));
    } else {
        for (size_t i = 0; i < padded.size(); i += 2)
            words.push_back(model::floatToHalf(padded[i]) |
                            static_cast<uint32_t>(model::floatToHalf(padded[i + 1])) << 16);
    }
    return words;
}

/// Queries and cache, on the host as the twin reads them and on the device.
struct AttentionData {
    std::vector<float> q, k, v;
    gpu::Buffer q_buffer, k_buffer, v_buffer;
    reference::AttentionShape shape;
};

std::vector<float> poisonedCache(const AttentionCase &c, uint32_t type, Random &random) {
    std::vector<float> values = random.normals(size_t{c.kv_heads} * c.capacity() * c.head_dim);
    if (type == CACHE_F16)
        values = reference::throughHalf(values);
    for (uint32_t head = 0; head < c.kv_heads; ++head)
        for (size_t i = size_t{c.keys()} * c.head_dim; i < size_t{c.capacity()} * c.head_dim; ++i)
            values[size_t{head} * c.capacity() * c.head_dim + i] = std::nanf("");
    return values;
}

AttentionData makeData(const AttentionCase &c) {
    Random random(c.rows + 64 * c.position + c.head_dim);
    AttentionData data;
    data.q = random.normals(size_t{c.rows} * c.heads * c.head_dim);
    data.k = poisonedCache(c, c.cache_k, random);
    data.v = poisonedCache(c, c.cache_v, random);
    data.q_buffer = upload(padVectors(data.q, c.head_dim));
    data.k_buffer = upload(cacheWords(data.k, c, c.cache_k));
    data.v_buffer = upload(cacheWords(data.v, c, c.cache_v));
    data.shape = {.rows = c.rows,
                  .position = c.position,
                  .heads = c.heads,
                  .kv_heads = c.kv_heads,
                  .head_dim = c.head_dim,
                  .capacity = c.capacity(),
                  .scale = 1 / std::sqrt(static_cast<float>(c.head_dim))};
    return data;
}

gpu::Specialization constantsOf(const AttentionCase &c) {
    return {{SPEC_HEAD_DIM, c.dim()}, {SPEC_CACHE_K, c.cache_k}, {SPEC_CACHE_V, c.cache_v}};
}

// Weights of sum 1 times values of order 1; exp2 of scores up to 5 with errors of 1e-6.
double tolerance(size_t) {
    return 1e-5;
}

void checkPrefill(const AttentionCase &c, uint32_t local) {
    AttentionData data = makeData(c);
    uint32_t stride = engine::padded(c.heads * c.head_dim) + 32;
    gpu::Buffer out = poisoned(c.rows * stride);
    params::AttentionPrefill params{};
    params.q = data.q_buffer.address();
    params.k = data.k_buffer.address();
    params.v = data.v_buffer.address();
    params.result = out.address();
    params.rows = c.rows;
    params.position = c.position;
    params.heads = c.heads;
    params.kv_heads = c.kv_heads;
    params.head_dim = c.head_dim;
    params.capacity = c.capacity();
    params.out_stride = stride;
    params.scale = data.shape.scale;
    gpu::Specialization constants = constantsOf(c);
    constants.emplace_back(SPEC_LOCAL_SIZE, local);
    uint32_t queries = local / 8 * (c.dim() > 128 ? 2 : 4);
    runKernel(engine::kAttentionPrefillSubgroup, constants, params, {&out},
              {groupsFor(c.rows, queries), c.heads});

    std::vector<float> all = download<float>(out, c.rows * stride), got;
    uint32_t width = c.heads * c.head_dim;
    for (uint32_t i = 0; i < c.rows; ++i) {
        got.insert(got.end(), all.begin() + i * stride, all.begin() + i * stride + width);
        for (uint32_t column = width; column < stride; ++column)
            ASSERT_TRUE(isPoison(all[i * stride + column])) << c.describe() << " wrote beyond";
    }
    expectClose(got, reference::attention(data.q, data.k, data.v, data.shape).out, tolerance,
                std::format("attention_prefill_subgroup local {} {}", local, c.describe()));
}

/// Partial results against the twin's, then their merge.
void checkDecode(const AttentionCase &c, uint32_t splits, uint32_t tile_heads, uint32_t local) {
    AttentionData data = makeData(c);
    uint32_t record = c.dim() + 2, keys_per_split = groupsFor(c.keys(), splits);
    if (splits > 4)
        keys_per_split += 1; // the last ranges are empty where there are few keys
    gpu::Buffer partial = poisoned(splits * c.heads * record);
    params::AttentionDecode params{};
    params.q = data.q_buffer.address();
    params.k = data.k_buffer.address();
    params.v = data.v_buffer.address();
    params.partial = partial.address();
    params.keys = c.keys();
    params.splits = splits;
    params.keys_per_split = keys_per_split;
    params.heads = c.heads;
    params.kv_heads = c.kv_heads;
    params.capacity = c.capacity();
    params.scale = data.shape.scale;
    gpu::Specialization constants = constantsOf(c);
    constants.insert(constants.end(), {{SPEC_LOCAL_SIZE, local}, {SPEC_TILE_A, tile_heads}});
    runKernel(engine::kAttentionDecodeSubgroup, constants, params, {&partial},
              {splits, c.kv_heads});

    std::string parameters = std::format("attention_decode_subgroup splits {} tile {} local {} {}",
                                         splits, tile_heads, local, c.describe());
    std::vector<float> all = download<float>(partial, splits * c.heads * record);
    std::vector<reference::Attended> parts =
        reference::attentionDecode(data.q, data.k, data.v, data.shape, splits, keys_per_split);
    for (uint32_t split = 0; split < splits; ++split)
        for (uint32_t head = 0; head < c.heads; ++head) {
            const float *from = &all[(split * c.heads + head) * record];
            std::string where = parameters + std::format(" split {} head {}", split, head);
            const float *out = &parts[split].out[head * c.head_dim];
            double l = parts[split].l[head];
            EXPECT_NEAR(static_cast<double>(from[c.dim() + 1]), l, 1e-5 * l) << where;
            if (l > 0) {
                EXPECT_NEAR(static_cast<double>(from[c.dim()]),
                            parts[split].m[head] / std::log(2.0), 1e-5)
                    << where;
            }
            expectClose({from, from + c.head_dim}, {out, out + c.head_dim}, tolerance, where);
        }

    gpu::Buffer out = poisoned(c.heads * c.head_dim);
    params::AttentionMerge merge{};
    merge.partial = partial.address();
    merge.result = out.address();
    merge.splits = splits;
    merge.heads = c.heads;
    merge.head_dim = c.head_dim;
    runKernel(engine::kAttentionMerge, {{SPEC_LOCAL_SIZE, 64}, {SPEC_HEAD_DIM, c.dim()}}, merge,
              {&out}, {c.heads});
    expectClose(download<float>(out, c.heads * c.head_dim),
                reference::attention(data.q, data.k, data.v, data.shape).out, tolerance,
                parameters + " merged");
}

constexpr std::array<std::array<uint32_t, 2>, 3> kHeads = {{{1, 1}, {9, 3}, {4, 1}}};
constexpr std::array<uint32_t, 5> kHeadDims = {32, 64, 80, 128, 256};

} // namespace

TEST(AttentionPrefillSubgroupKernel, ShapesAndDepths) {
    for (uint32_t head_dim : kHeadDims)
        for (auto [heads, kv_heads] : kHeads)
            for (uint32_t position : {0u, 1u, 63u, 200u})
                for (uint32_t rows : {1u, 3u, 33u})
                    checkPrefill({.rows = rows,
                                  .position = position,
                                  .heads = heads,
                                  .kv_heads = kv_heads,
                                  .head_dim = head_dim},
                                 128);
}

TEST(AttentionPrefillSubgroupKernel, CacheTypesAndSeveralTiles) {
    // no padding, padding, and the variant with fewer rows an invocation
    for (uint32_t head_dim : {64u, 80u, 256u})
        for (auto [k, v] :
             {std::array{CACHE_F16, CACHE_F16}, {CACHE_F16, CACHE_F32}, {CACHE_F32, CACHE_F16}})
            checkPrefill({.rows = 70,
                          .position = 31,
                          .heads = 4,
                          .kv_heads = 2,
                          .head_dim = head_dim,
                          .cache_k = static_cast<uint32_t>(k),
                          .cache_v = static_cast<uint32_t>(v)},
                         128);
}

TEST(AttentionPrefillSubgroupKernel, LocalSizes) {
    for (uint32_t local : {8u, 32u, 64u})
        checkPrefill({.rows = 37,
                      .position = 5,
                      .heads = 2,
                      .kv_heads = 1,
                      .head_dim = 64,
                      .cache_k = CACHE_F16,
                      .cache_v = CACHE_F16},
                     local);
}

TEST(AttentionDecodeSubgroupKernel, ShapesAndDepths) {
    for (uint32_t head_dim : kHeadDims)
        for (auto [heads, kv_heads] : kHeads)
            for (uint32_t position : {0u, 1u, 63u, 200u, 300u})
                for (uint32_t splits : {1u, 3u, 7u})
                    checkDecode({.position = position,
                                 .heads = heads,
                                 .kv_heads = kv_heads,
                                 .head_dim = head_dim},
                                splits, heads / kv_heads, 128);
}

TEST(AttentionDecodeSubgroupKernel, CacheTypesTilesAndLocalSizes) {
    for (uint32_t local : {32u, 64u, 128u})
        for (uint32_t tile : {1u, 3u, 8u}) // 3 does not divide 8 heads a group, 8 does
            checkDecode({.position = 260,
                         .heads = 16,
                         .kv_heads = 2,
                         .head_dim = 80,
                         .cache_k = CACHE_F16,
                         .cache_v = CACHE_F16},
                        2, tile, local);
    checkDecode({.position = 150,
                 .heads = 4,
                 .kv_heads = 2,
                 .head_dim = 256,
                 .cache_k = CACHE_F16,
                 .cache_v = CACHE_F32},
                3, 2, 128);
    checkDecode({.position = 150,
                 .heads = 4,
                 .kv_heads = 2,
                 .head_dim = 128,
                 .cache_k = CACHE_F32,
                 .cache_v = CACHE_F16},
                3, 2, 64);
}

} // namespace longscope::test
