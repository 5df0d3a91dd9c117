// The kernels that both families share, against their scalar twins.
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <format>

namespace longscope::test {
namespace {

using model::QuantType;

gpu::Specialization localSize(uint32_t size) {
    return {{SPEC_LOCAL_SIZE, size}};
}

gpu::Specialization with(gpu::Specialization base, const gpu::Specialization &more) {
    base.insert(base.end(), more.begin(), more.end());
    return base;
}

/// Columns that suit the blocks of the type: few for the small ones.
uint64_t columnsFor(QuantType type, uint64_t small) {
    return model::traitsOf(type).block_elements == 256 ? 256 * groupsFor(small, 256) : small;
}

void checkEmbed(QuantType type, uint32_t interleave, uint64_t columns) {
    Random random(1);
    RandomTensor table = randomTensor(type, 41, columns, random);
    DeviceMatrix matrix = uploadMatrix(table.tensor, interleave);
    std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
    auto rows = static_cast<uint32_t>(tokens.size());
    uint32_t stride = matrix.layout.columns;
    gpu::Buffer ids = upload(tokens), x = poisoned(rows * stride);
    params::Embed params{.table = matrix.matrix,
                         .tokens = ids.address(),
                         .x = x.address(),
                         .rows = rows,
                         .columns = stride,
                         .scale = 1.5f,
                         .unused = 0};
    runKernel(engine::kEmbed, with(localSize(8), matrix.constants), params, {&x},
              {groupsFor(stride / 8, 8), rows});

    std::vector<float> twin = reference::embed(table.tensor, tokens, 1.5f);
    std::vector<float> wanted(rows * stride, 0.0f); // padding columns are zero weights
    for (uint32_t i = 0; i < rows; ++i)
        std::copy_n(&twin[i * columns], columns, &wanted[i * stride]);
    // One rounding here, two there: products of scales and codes fit 24 bits in most formats.
    auto tolerance = [&](size_t i) {
        return 5e-7 * std::abs(static_cast<double>(wanted[i])) + 1e-7;
    };
    expectClose(
        download<float>(x, wanted.size()), wanted, tolerance,
        std::format("embed {} interleave {} columns {}", table.tensor.name, interleave, columns));
}

} // namespace

TEST(EmbedKernel, EveryTypeAndInterleave) {
    for (QuantType type : allTypes())
        for (uint32_t interleave : {1u, 8u})
            for (uint64_t columns : {96u, 576u})
                checkEmbed(type, interleave, columnsFor(type, columns));
}

TEST(EmbedKernel, PadsColumns) {
    checkEmbed(QuantType::f32, 1, 40);
    checkEmbed(QuantType::f16, 8, 34);
}

TEST(RmsNormKernel, OddSizesAndLocalSizes) {
    Random random(2);
    for (uint32_t local : {8u, 64u, 128u})
        for (uint32_t rows : {1u, 3u, 33u})
            for (uint32_t columns : {32u, 37u, 96u, 576u, 1536u}) {
                uint32_t stride = engine::padded(columns);
                std::vector<float> dense = random.normals(rows * columns);
                std::vector<float> weight = random.normals(columns);
                // Beyond the last column lies NaN, which must not count.
                std::vector<float> x(rows * stride, std::nanf(""));
                for (uint32_t i = 0; i < rows; ++i)
                    std::copy_n(&dense[i * columns], columns, &x[i * stride]);
                gpu::Buffer x_buffer = upload(x), weight_buffer = upload(weight);
                gpu::Buffer y = poisoned(rows * stride);
                params::RmsNorm params{.x = x_buffer.address(),
                                       .weight = weight_buffer.address(),
                                       .y = y.address(),
                                       .rows = rows,
                                       .columns = columns,
                                       .stride = stride,
                                       .eps = 1e-5f};
                runKernel(engine::kRmsNorm, localSize(local), params, {&y}, {rows});

                std::vector<float> twin = reference::rmsNorm(dense, weight, 1e-5f);
                std::vector<float> wanted(rows * stride, 0.0f);
                for (uint32_t i = 0; i < rows; ++i)
                    std::copy_n(&twin[i * columns], columns, &wanted[i * stride]);
                // A sum of squares has no cancellation: a few units in the last place.
                expectClose(
                    download<float>(y, wanted.size()), wanted,
                    [&](size_t i) { return 2e-6 * std::abs(static_cast<double>(wanted[i])); },
                    std::format("rms_norm local {} rows {} columns {}", local, rows, columns));
            }
}

TEST(GatedKernel, StridesAndLargeValues) {
    Random random(3);
    for (uint32_t rows : {1u, 3u, 33u})
        for (uint32_t columns : {32u, 96u, 1536u}) {
            uint32_t in_stride = 2 * columns + 32, out_stride = columns + 32;
            std::vector<float> gate_up = random.normals(rows * in_stride);
            for (size_t i = 0; i < gate_up.size(); i += 7)
                gate_up[i] *= 100; // far into both tails of the sigmoid
            gpu::Buffer in = upload(gate_up), out = poisoned(rows * out_stride);
            params::Gated params{.gate = in.address(),
                                 .up = in.address() + columns * sizeof(float),
                                 .h = out.address(),
                                 .rows = rows,
                                 .columns = columns,
                                 .in_stride = in_stride,
                                 .out_stride = out_stride};
            runKernel(engine::kGated, localSize(64), params, {&out},
                      {groupsFor(columns / 4, 64), rows});

            std::vector<float> got = download<float>(out, rows * out_stride);
            std::string parameters = std::format("gated rows {} columns {}", rows, columns);
            for (uint32_t i = 0; i < rows; ++i) {
                std::span<const float> row = std::span(gate_up).subspan(i * in_stride);
                std::vector<float> wanted =
                    reference::gated(row.first(columns), row.subspan(columns, columns));
                std::vector<float> own(&got[i * out_stride], &got[i * out_stride] + columns);
                // exp is exact to 3 + 2|x| units in the last place (Vulkan, precision of GLSL.std)
                auto tolerance = [&](size_t c) {
                    double gate = std::abs(static_cast<double>(row[c]));
                    return (1e-6 + 2.4e-7 * std::min(gate, 80.0)) *
                               std::abs(static_cast<double>(wanted[c])) +
                           1e-30;
                };
                expectClose(own, wanted, tolerance, parameters + std::format(" row {}", i));
                for (uint32_t c = columns; c < out_stride; ++c)
                    EXPECT_TRUE(isPoison(got[i * out_stride + c])) << parameters << " wrote beyond";
            }
        }
}

namespace {

struct RopeCase {
    uint32_t rows, position, heads, kv_heads, head_dim, rope_dims;
    bool neox;
    uint32_t cache_k, cache_v;

    std::string describe() const {
        return std::format("rope rows {} position {} heads {}/{} head_dim {} rope_dims {} neox {} "
                           "cache {}/{}",
                           rows, position, heads, kv_heads, head_dim, rope_dims, neox, cache_k,
                           cache_v);
    }
};

/// Element of a cache [kv_heads, capacity, padded] as a float.
float cacheElement(const std::vector<uint32_t> &words, uint32_t type, size_t at) {
    if (type == CACHE_F16)
        return model::halfToFloat(static_cast<uint16_t>(words[at / 2] >> (16 * (at % 2))));
    float value;
    std::memcpy(&value, &words[at], sizeof value);
    return value;
}

/// Slots position .. position + rows hold `rows_first` [rows, kv_heads, head_dim] with zeros behind
/// each head, every other slot is untouched.
void checkCache(const RopeCase &c, const gpu::Buffer &buffer, uint32_t type,
                const std::vector<float> &rows_first, uint32_t capacity) {
    uint32_t dim = engine::padded(c.head_dim);
    size_t elements = size_t{c.kv_heads} * capacity * dim;
    std::vector<uint32_t> words =
        download<uint32_t>(buffer, type == CACHE_F16 ? elements / 2 : elements);
    std::vector<float> got, wanted;
    for (uint32_t head = 0; head < c.kv_heads; ++head)
        for (uint32_t slot = 0; slot < capacity; ++slot)
            for (uint32_t d = 0; d < dim; ++d) {
                size_t at = (size_t{head} * capacity + slot) * dim + d;
                if (slot < c.position || slot >= c.position + c.rows) {
                    uint32_t word = words[type == CACHE_F16 ? at / 2 : at];
                    ASSERT_EQ(word, kPoison) << c.describe() << " slot " << slot;
                    continue;
                }
                uint32_t row = slot - c.position;
                got.push_back(cacheElement(words, type, at));
                wanted.push_back(
                    d < c.head_dim ? rows_first[(row * c.kv_heads + head) * c.head_dim + d] : 0);
            }
    // Halves may be rounded to nearest or down (Vulkan leaves it open): one unit of 11 bits.
    double relative = type == CACHE_F16 ? 1.1e-3 : 1e-6;
    expectClose(
        got, wanted,
        [&](size_t i) { return relative * std::abs(static_cast<double>(wanted[i])) + 1e-6; },
        c.describe());
}

std::vector<float> columnsOf(const std::vector<float> &x, uint32_t rows, uint32_t stride,
                             uint32_t first, uint32_t count) {
    std::vector<float> part;
    for (uint32_t i = 0; i < rows; ++i)
        part.insert(part.end(), x.begin() + i * stride + first,
                    x.begin() + i * stride + first + count);
    return part;
}

void checkRope(const RopeCase &c) {
    Random random(4);
    uint32_t dim = engine::padded(c.head_dim), capacity = c.position + c.rows + 5;
    uint32_t k_offset = engine::padded(c.heads * c.head_dim);
    uint32_t v_offset = k_offset + engine::padded(c.kv_heads * c.head_dim);
    uint32_t stride = v_offset + engine::padded(c.kv_heads * c.head_dim);
    std::vector<float> qkv = random.normals(c.rows * stride);
    std::vector<float> rotation;
    for (uint32_t i = 0; i < c.rows * c.rope_dims / 2; ++i) {
        float angle = 3 * random.normal();
        rotation.insert(rotation.end(), {std::cos(angle), std::sin(angle)});
    }
    size_t cache_elements = size_t{c.kv_heads} * capacity * dim;
    gpu::Buffer qkv_buffer = upload(qkv), rotation_buffer = upload(rotation);
    gpu::Buffer q = poisoned(c.rows * c.heads * dim), k = poisoned(cache_elements),
                v = poisoned(cache_elements);
    params::Rope params{.qkv = qkv_buffer.address(),
                        .rotation = rotation_buffer.address(),
                        .q = q.address(),
                        .k = k.address(),
                        .v = v.address(),
                        .rows = c.rows,
                        .position = c.position,
                        .heads = c.heads,
                        .kv_heads = c.kv_heads,
                        .head_dim = c.head_dim,
                        .rope_dims = c.rope_dims,
                        .qkv_stride = stride,
                        .k_offset = k_offset,
                        .v_offset = v_offset,
                        .capacity = capacity};
    runKernel(engine::kRope,
              {{SPEC_LOCAL_SIZE, 64},
               {SPEC_HEAD_DIM, dim},
               {SPEC_CACHE_K, c.cache_k},
               {SPEC_CACHE_V, c.cache_v},
               {SPEC_FLAGS, c.neox ? ROPE_NEOX : 0}},
              params, {&q, &k, &v}, {groupsFor((c.heads + 2 * c.kv_heads) * dim / 2, 64), c.rows});

    reference::RopeShape shape{c.heads, c.head_dim, c.rope_dims, c.neox};
    std::vector<float> q_twin =
        reference::rope(columnsOf(qkv, c.rows, stride, 0, c.heads * c.head_dim), rotation, shape);
    std::vector<float> wanted(c.rows * c.heads * dim, 0.0f);
    for (uint32_t i = 0; i < c.rows * c.heads; ++i)
        std::copy_n(&q_twin[i * c.head_dim], c.head_dim, &wanted[i * dim]);
    // Two products of values of order 1.
    expectClose(
        download<float>(q, wanted.size()), wanted, [](size_t) { return 2e-6; }, c.describe());
    shape.heads = c.kv_heads;
    uint32_t kv_columns = c.kv_heads * c.head_dim;
    checkCache(
        c, k, c.cache_k,
        reference::rope(columnsOf(qkv, c.rows, stride, k_offset, kv_columns), rotation, shape),
        capacity);
    checkCache(c, v, c.cache_v, columnsOf(qkv, c.rows, stride, v_offset, kv_columns), capacity);
}

} // namespace

TEST(RopeKernel, LayoutsHeadsAndCacheTypes) {
    for (bool neox : {false, true})
        for (uint32_t type : {CACHE_F32, CACHE_F16}) {
            checkRope({1, 0, 1, 1, 32, 32, neox, type, type});
            checkRope({3, 1, 9, 3, 64, 64, neox, type, CACHE_F32});
            checkRope({33, 63, 4, 1, 80, 32, neox, type, CACHE_F16}); // partial rotation, padding
            checkRope({2, 200, 2, 2, 10, 6, neox, type, type});       // an odd number of pairs
            checkRope({3, 7, 4, 2, 128, 128, neox, type, type});
            checkRope({1, 5, 2, 1, 256, 64, neox, type, type});
        }
}

TEST(AttentionMergeKernel, EmptyRangesDoNotCount) {
    Random random(5);
    for (uint32_t splits : {1u, 2u, 7u, 32u})
        for (uint32_t head_dim : {32u, 80u, 256u}) {
            constexpr uint32_t kHeads = 3;
            uint32_t dim = engine::padded(head_dim), record = dim + 2;
            std::vector<reference::Attended> parts;
            std::vector<float> partial(splits * kHeads * record, std::nanf(""));
            for (uint32_t split = 0; split < splits; ++split) {
                reference::Attended part{random.normals(kHeads * head_dim), {}, {}};
                for (uint32_t head = 0; head < kHeads; ++head) {
                    bool empty = split % 3 == 1; // such a range holds NaN but for its l
                    part.m.push_back(20 * static_cast<double>(random.normal()));
                    part.l.push_back(empty ? 0 : 1 + random.below(100));
                    float *to = &partial[(split * kHeads + head) * record];
                    if (!empty) {
                        std::copy_n(&part.out[head * head_dim], head_dim, to);
                        to[dim] = static_cast<float>(part.m.back() / std::log(2.0));
                    }
                    to[dim + 1] = static_cast<float>(part.l.back());
                }
                parts.push_back(std::move(part));
            }
            gpu::Buffer in = upload(partial), out = poisoned(kHeads * head_dim);
            params::AttentionMerge params{};
            params.partial = in.address();
            params.result = out.address();
            params.splits = splits;
            params.heads = kHeads;
            params.head_dim = head_dim;
            runKernel(engine::kAttentionMerge, {{SPEC_LOCAL_SIZE, 64}, {SPEC_HEAD_DIM, dim}},
                      params, {&out}, {kHeads});
            std::vector<float> wanted = reference::merge(parts, head_dim).out;
            // m of up to 60 has an error of 2^-19 in base 2 after rounding to f32.
            expectClose(
                download<float>(out, wanted.size()), wanted, [](size_t) { return 2e-5; },
                std::format("attention_merge splits {} head_dim {}", splits, head_dim));
        }
}

} // namespace longscope::test
