// The kernel that rotates q and k and writes the KV cache, in all its types, against its scalar
// twins.
#include "compute/attention/schedule.h"
#include "compute/engine/kernels.h"
#include "compute/engine/tiling.h"
#include "tests/support/attention_case.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

namespace longscope::test {
namespace {

uint32_t scaleWords(uint32_t width) {
    return CACHE_SCALE_WORDS(width);
}
uint32_t dataWords(CacheType type, uint32_t width) {
    return static_cast<uint32_t>(attention::dataBytes(type, width) / 4);
}
bool hasScales(CacheType type) {
    return attention::scaleBytes(type, 64) > 0;
}

float halfOf(uint32_t word, uint32_t half) {
    return model::halfToFloat(static_cast<uint16_t>(word >> (16 * half)));
}

/// A cache that a kernel fills, poisoned at first.
struct CacheBuffers {
    CacheType type;
    uint32_t width;
    size_t rows;
    gpu::Buffer data = poisoned(rows * dataWords(type, width));
    gpu::Buffer scales = poisoned(rows * scaleWords(width));

    params::CachePlanes planes() const { return {data.address(), scales.address()}; }
};

/// The words of a cache, read as shaders/params.h draws them.
struct CacheWords {
    explicit CacheWords(const CacheBuffers &from)
        : type(from.type), width(from.width),
          data(download<uint32_t>(from.data, from.rows * dataWords(type, width))),
          scales(download<uint32_t>(from.scales, from.rows * scaleWords(width))) {}

    float scale(size_t row, uint32_t block) const {
        return halfOf(scales[row * scaleWords(width) + block / 2], block % 2);
    }
    float at(size_t row, uint32_t dim) const {
        const uint32_t *words = &data[row * dataWords(type, width)];
        switch (type) {
        case CacheType::f32:
            return std::bit_cast<float>(words[dim]);
        case CacheType::f16:
            return halfOf(words[dim / 2], dim % 2);
        case CacheType::bf16:
            return std::bit_cast<float>(words[dim / 2] >> (16 * (dim % 2)) << 16);
        case CacheType::q8_0:
            return static_cast<float>(static_cast<int8_t>(words[dim / 4] >> (8 * (dim % 4)))) *
                   scale(row, dim / 32);
        case CacheType::q4_0:
            return (static_cast<float>(words[dim / 8] >> (4 * (dim % 8)) & 15) - 8) *
                   scale(row, dim / 32);
        }
        return 0;
    }
    bool isUntouched(size_t row) const {
        auto all_poison = [row](const std::vector<uint32_t> &words, uint32_t stride) {
            auto first = words.begin() + static_cast<ptrdiff_t>(row * stride);
            return std::all_of(first, first + stride, [](uint32_t w) { return w == kPoison; });
        };
        return all_poison(data, dataWords(type, width)) && all_poison(scales, scaleWords(width));
    }

    CacheType type;
    uint32_t width;
    std::vector<uint32_t> data, scales;
};

struct RopeCase {
    uint32_t rows = 1, position = 0, heads = 1, kv_heads = 1, head_dim = 64, rope_dims = 64;
    CacheType k = CacheType::f32, v = CacheType::f32;
    uint32_t flags = 0, local = 64;
    attention::SlotMap slots{.sinks = 0, .ring = UINT32_MAX};
    bool only_query = false;
    uint32_t rope_first = 0;
    bool only_keys = false; ///< there is no v

    uint32_t width() const { return engine::padded(head_dim); }
    uint32_t capacity() const {
        uint64_t reach = slots.ring == UINT32_MAX ? position + rows : slots.sinks + slots.ring;
        return static_cast<uint32_t>(reach) + 3;
    }
    uint32_t kOffset() const { return engine::padded(heads * head_dim); }
    uint32_t vOffset() const { return kOffset() + engine::padded(kv_heads * head_dim); }
    uint32_t stride() const { return vOffset() + engine::padded(kv_heads * head_dim); }
    reference::RopeShape shape(uint32_t count) const {
        return {count, head_dim, rope_dims, (flags & ROPE_NEOX) != 0};
    }
    gpu::Groups groups() const {
        uint32_t blocks = width() / 32;
        uint32_t query = groupsFor(heads * blocks, local);
        uint32_t stored = (only_keys ? 1 : 2) * kv_heads * blocks;
        return {query + (only_query ? 0 : groupsFor(stored, local)), rows};
    }
    std::string describe() const {
        return std::format("rope rows {} position {} heads {}/{} head_dim {} rope_dims {} cache "
                           "{}/{} flags {} local {} sinks {} ring {}{}",
                           rows, position, heads, kv_heads, head_dim, rope_dims,
                           attention::cacheTypeName(k), attention::cacheTypeName(v), flags, local,
                           slots.sinks, slots.ring, only_query ? " only query" : "");
    }
};

/// What one dispatch of rope reads, [q | k | v] and rotations, and writes.
struct RopeRun {
    RopeRun(const RopeCase &rope_case, std::vector<float> columns)
        : c(rope_case), qkv(std::move(columns)), rotation(angles(1)), rotation_far(angles(2)),
          q_norm(Random(8).normals(c.head_dim)), k_norm(Random(9).normals(c.head_dim)),
          factors(Random(10).normals(c.rows)) {
        std::vector<float> table = rotation;
        table.insert(table.end(), factors.begin(), factors.end());
        gpu::Buffer qkv_buffer = upload(qkv), near = upload(table), far = upload(rotation_far);
        gpu::Buffer q_norm_buffer = upload(q_norm), k_norm_buffer = upload(k_norm);
        params::Rope params{.qkv = qkv_buffer.address(),
                            .rotation = near.address(),
                            .rotation_far = far.address(),
                            .q = q.address(),
                            .q_far = q_far.address(),
                            .k = k.planes(),
                            .v = v.planes(),
                            .q_norm = q_norm_buffer.address(),
                            .k_norm = k_norm_buffer.address(),
                            .position = c.position,
                            .sinks = static_cast<uint32_t>(c.slots.sinks),
                            .ring = static_cast<uint32_t>(c.slots.ring),
                            .head_counts = c.heads | c.kv_heads << 16,
                            .head_dim = c.head_dim,
                            .rope_dims = c.rope_dims | c.rope_first << 16,
                            .qkv_stride = c.stride(),
                            .k_offset = c.kOffset(),
                            .v_offset = c.vOffset(),
                            .capacity = c.capacity()};
        runKernel(engine::kRope,
                  {{SPEC_LOCAL_SIZE, c.local},
                   {SPEC_HEAD_DIM, c.width()},
                   {SPEC_CACHE_K, static_cast<uint32_t>(c.k)},
                   {SPEC_CACHE_V, static_cast<uint32_t>(c.v)},
                   {SPEC_FLAGS, c.flags | (c.only_keys ? ROPE_ONLY_KEYS : 0u)}},
                  params, {&q, &q_far, &k.data, &k.scales, &v.data, &v.scales}, c.groups());
    }
    /// Rotations with a magnitude that is not 1.
    std::vector<float> angles(uint32_t seed) const {
        Random random(seed);
        std::vector<float> table;
        for (uint32_t i = 0; i < c.rows * c.rope_dims / 2; ++i) {
            float angle = 3 * random.normal();
            table.insert(table.end(), {1.1f * std::cos(angle), 1.1f * std::sin(angle)});
        }
        return table;
    }
    /// Columns first .. of all rows: [rows, count, head_dim].
    std::vector<float> heads(uint32_t first, uint32_t count) const {
        std::vector<float> part;
        for (uint32_t i = 0; i < c.rows; ++i) {
            auto from = qkv.begin() + i * c.stride() + first;
            part.insert(part.end(), from, from + count * c.head_dim);
        }
        return part;
    }

    RopeCase c;
    std::vector<float> qkv, rotation, rotation_far, q_norm, k_norm;
    std::vector<float> factors; ///< [rows], of tempered q
    gpu::Buffer q = poisoned(c.rows * c.heads * c.width());
    gpu::Buffer q_far = poisoned(c.rows * c.heads * c.width());
    CacheBuffers k{c.k, c.width(), size_t{c.kv_heads} * c.capacity()};
    CacheBuffers v{c.v, c.width(), size_t{c.kv_heads} * c.capacity()};
};

/// Rotates dims rope_first .. of every head.
std::vector<float> rotatedHeads(std::vector<float> x, std::span<const float> rotation,
                                const RopeCase &c, uint32_t heads) {
    uint32_t behind = c.head_dim - c.rope_first;
    std::vector<float> ends;
    for (size_t head = 0; head < x.size(); head += c.head_dim)
        ends.insert(ends.end(), x.begin() + static_cast<ptrdiff_t>(head + c.rope_first),
                    x.begin() + static_cast<ptrdiff_t>(head + c.head_dim));
    reference::RopeShape shape = c.shape(heads);
    shape.head_dim = behind;
    ends = reference::rope(ends, rotation, shape);
    for (size_t i = 0; i < ends.size(); ++i)
        x[i / behind * c.head_dim + c.rope_first + i % behind] = ends[i];
    return x;
}

void multiplyHeads(std::vector<float> &x, const std::vector<float> &norm) {
    for (size_t i = 0; i < x.size(); ++i)
        x[i] *= norm[i % norm.size()];
}

void expectQueries(const RopeRun &run, const gpu::Buffer &q, const std::vector<float> &rotation) {
    const RopeCase &c = run.c;
    std::vector<float> twin = rotatedHeads(run.heads(0, c.heads), rotation, c, c.heads);
    if (c.flags & ROPE_NORM_AFTER)
        multiplyHeads(twin, run.q_norm);
    if ((c.flags & ROPE_NORM_AFTER) && (c.flags & ROPE_RAW_KEYS))
        multiplyHeads(twin, run.k_norm);
    for (size_t i = 0; (c.flags & ROPE_TEMPERED) && i < twin.size(); ++i)
        twin[i] *= run.factors[i / (c.heads * c.head_dim)];
    std::vector<float> wanted(c.rows * c.heads * c.width(), 0.0f);
    for (uint32_t i = 0; i < c.rows * c.heads; ++i)
        std::copy_n(&twin[i * c.head_dim], c.head_dim, &wanted[i * c.width()]);
    // Two products of values of order 1.
    expectClose(
        download<float>(q, wanted.size()), wanted,
        [&](size_t i) { return 2e-6 * (1 + std::abs(static_cast<double>(wanted[i]))); },
        c.describe());
}

/// How far a value may be from the twin's: the input can differ in its last place, and so fall to
/// the next number of the type. Halves may be rounded down besides (Vulkan leaves it open).
double spacing(CacheType type, double value, double block_extreme) {
    switch (type) {
    case CacheType::f32:
        return 0;
    case CacheType::f16:
        return std::abs(value) * 0x1p-10 + 0x1p-24;
    case CacheType::bf16:
        return std::abs(value) * 0x1p-7;
    case CacheType::q8_0:
        return block_extreme / 127 * 1.01;
    case CacheType::q4_0:
        return block_extreme / 8 * 1.01;
    }
    return 0;
}

/// Slots of the rows hold `stored` [rows, kv_heads, head_dim] with zeros behind each head, every
/// other slot is untouched.
void expectCache(const RopeRun &run, const CacheBuffers &buffers, std::span<const float> stored) {
    const RopeCase &c = run.c;
    CacheWords words(buffers);
    std::vector<float> twin = reference::throughCache(stored, buffers.type, c.head_dim);
    std::vector<float> got, wanted;
    std::vector<double> spacings;
    std::set<size_t> written;
    for (uint32_t i = 0; i < c.rows * c.kv_heads; ++i) {
        size_t row = i % c.kv_heads * c.capacity() + c.slots.slotOf(c.position + i / c.kv_heads);
        written.insert(row);
        for (uint32_t d = 0; d < c.width(); ++d) {
            std::span block = std::span(stored)
                                  .subspan(i * c.head_dim, c.head_dim)
                                  .subspan(std::min(d, c.head_dim - 1) / 32 * 32);
            double extreme = 0;
            for (float x : block.first(std::min<size_t>(32, block.size())))
                extreme = std::max(extreme, std::abs(static_cast<double>(x)));
            got.push_back(words.at(row, d));
            wanted.push_back(d < c.head_dim ? twin[i * c.head_dim + d] : 0.0f);
            spacings.push_back(spacing(buffers.type, static_cast<double>(wanted.back()), extreme));
        }
        if (hasScales(buffers.type) && c.width() / 32 % 2 == 1) {
            EXPECT_EQ(words.scales[(row + 1) * scaleWords(c.width()) - 1] >> 16, 0u)
                << c.describe() << " half a scale word without a block";
        }
    }
    expectClose(
        got, wanted,
        [&](size_t i) { return spacings[i] + 2e-6 * (1 + std::abs(double{wanted[i]})); },
        c.describe());
    size_t others = 0; // that fell to the next number
    for (size_t i = 0; i < got.size(); ++i)
        others += std::abs(static_cast<double>(got[i]) - wanted[i]) > spacings[i] / 4 + 2e-6;
    if (buffers.type != CacheType::f16) {
        EXPECT_LE(others, 2 + got.size() / 500) << c.describe() << " rounded otherwise";
    }
    for (size_t row = 0; row < buffers.rows; ++row)
        EXPECT_TRUE(written.contains(row) || words.isUntouched(row))
            << c.describe() << " wrote row " << row;
}

void expectUntouched(const gpu::Buffer &buffer, size_t words, const std::string &what) {
    std::vector<uint32_t> got = download<uint32_t>(buffer, words);
    EXPECT_EQ(std::ranges::count(got, kPoison), static_cast<ptrdiff_t>(words)) << what;
}

void checkRope(const RopeCase &c) {
    SCOPED_TRACE(c.describe());
    Random random(4);
    RopeRun run(c, random.normals(c.rows * c.stride()));
    expectQueries(run, run.q, run.rotation);
    if (c.flags & ROPE_FAR_QUERY)
        expectQueries(run, run.q_far, run.rotation_far);
    else
        expectUntouched(run.q_far, c.rows * c.heads * c.width(), "q_far without the flag");
    if (c.only_query) {
        for (const CacheBuffers *cache : {&run.k, &run.v}) {
            CacheWords words(*cache);
            for (size_t row = 0; row < cache->rows; ++row)
                EXPECT_TRUE(words.isUntouched(row)) << "row " << row;
        }
        return;
    }
    std::vector<float> keys = run.heads(c.kOffset(), c.kv_heads);
    if (!(c.flags & ROPE_RAW_KEYS))
        keys = rotatedHeads(keys, run.rotation, c, c.kv_heads);
    if ((c.flags & ROPE_NORM_AFTER) && !(c.flags & ROPE_RAW_KEYS))
        multiplyHeads(keys, run.k_norm);
    expectCache(run, run.k, keys);
    CacheWords values(run.v);
    if (!c.only_keys)
        expectCache(run, run.v, run.heads(c.vOffset(), c.kv_heads));
    for (size_t row = 0; c.only_keys && row < run.v.rows; ++row)
        EXPECT_TRUE(values.isUntouched(row)) << "values of row " << row;
}

/// K of one type, V of the next one.
CacheType nextType(CacheType type) {
    return kCacheTypes[(static_cast<size_t>(type) + 1) % std::size(kCacheTypes)];
}

} // namespace

TEST(RopeKernel, LayoutsHeadsAndCacheTypes) {
    for (uint32_t neox : {0, ROPE_NEOX})
        for (CacheType type : kCacheTypes) {
            CacheType v = neox ? type : nextType(type);
            checkRope({3, 1, 9, 3, 64, 64, type, v, neox, 8});
            checkRope({33, 63, 4, 1, 80, 32, type, v, neox}); // partial rotation, odd blocks
            checkRope({2, 200, 2, 2, 20, 6, type, v, neox});  // padding, an odd number of pairs
        }
}

TEST(RopeKernel, HeadDims) {
    for (CacheType type : {CacheType::q8_0, CacheType::q4_0, CacheType::f16}) {
        checkRope({1, 0, 1, 1, 32, 32, type, nextType(type), 0, 128});
        checkRope({3, 7, 4, 2, 128, 128, type, nextType(type), ROPE_NEOX});
        checkRope({1, 5, 2, 1, 256, 64, type, nextType(type), 0, 8});
        checkRope({5, 5, 3, 1, 160, 160, type, nextType(type), 0, 8}); // 5 blocks
    }
}

TEST(RopeKernel, RingAndSinks) {
    for (CacheType type : {CacheType::f32, CacheType::q4_0}) {
        attention::SlotMap ring{.sinks = 3, .ring = 11}, no_sinks{.sinks = 0, .ring = 7};
        checkRope({7, 29, 2, 1, 64, 64, type, nextType(type), 0, 64, ring});
        checkRope({9, 1, 2, 1, 64, 64, type, nextType(type), 0, 64, ring}); // from within the sinks
        checkRope({11, 0x7fffff00, 2, 1, 64, 64, type, nextType(type), 0, 64, ring});
        checkRope({6, 5, 2, 1, 64, 64, type, nextType(type), 0, 64, no_sinks});
    }
}

TEST(RopeKernel, RawKeysAndFarQueries) {
    for (uint32_t neox : {0, ROPE_NEOX})
        for (uint32_t flags : {ROPE_RAW_KEYS, ROPE_FAR_QUERY, ROPE_RAW_KEYS | ROPE_FAR_QUERY})
            checkRope({3, 2, 3, 1, 96, 64, CacheType::q8_0, CacheType::f16, flags | neox, 8});
}

TEST(RopeKernel, NotRotated) {
    for (uint32_t neox : {0, ROPE_NEOX})
        checkRope({3, 2, 3, 1, 64, 0, CacheType::f16, CacheType::f16, ROPE_FAR_QUERY | neox, 8});
}

// Latent attention: the rotated part lies behind the other one, and there are no values.
TEST(RopeKernel, LastDimensionsAndNoValues) {
    for (uint32_t flags : {0, ROPE_NEOX, ROPE_FAR_QUERY})
        for (uint32_t local : {8, 64}) {
            RopeCase c{3, 2, 3, 1, 576, 64, CacheType::q8_0, CacheType::q8_0, flags, local};
            c.rope_first = 512;
            c.only_keys = true;
            checkRope(c);
            c.head_dim = 52;
            c.rope_dims = 22;
            c.rope_first = 30;
            c.only_keys = false;
            checkRope(c);
        }
}

TEST(RopeKernel, NormBehindTheRotation) {
    for (uint32_t flags : {0, ROPE_NEOX, ROPE_RAW_KEYS, ROPE_FAR_QUERY})
        checkRope({3, 2, 4, 2, 80, 48, CacheType::f32, CacheType::f16, flags | ROPE_NORM_AFTER, 8});
}

TEST(RopeKernel, TemperedQueries) {
    for (uint32_t rope_dims : {0, 48})
        checkRope({5, 2, 4, 2, 80, rope_dims, CacheType::f32, CacheType::f16,
                   ROPE_TEMPERED | ROPE_FAR_QUERY, 8});
}

TEST(RopeKernel, GridOfQueriesLeavesTheCacheAlone) {
    for (uint32_t local : {8, 64, 128}) // all heads fit a workgroup of 64
        for (uint32_t head_dim : {20, 64}) {
            RopeCase c{3, 2, 9, 3, head_dim, 20, CacheType::q8_0, CacheType::f32, 0, local};
            c.only_query = true;
            checkRope(c);
        }
}

TEST(RopeKernel, RoundsAsGgmlDoes) {
    // V is not rotated. q8_0 has the scale 1 in the first row, q4_0 1 or -1 in the next two.
    std::vector<std::vector<float>> rows = {
        {127, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 0.49999997f, 126.5f, -126.5f, 3.4999998f},
        {-8, 0.5f, -0.5f, 1.5f, -1.5f, 7.5f, 7.49f, -7.5f, 0.49999997f, 8, 6.5f},
        {1, 2, 8, -8, 0.5f, -0.5f, 7.5f, -7.5f, -8, 0, 0}, // of two extremes the first
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},                 // no scale at all
        {1e-36f, -1e-38f, 0, 0, 0, 0, 0, 0, 0, 0, 0},      // one that f16 does not have
        {1e-6f, -3e-6f, 2e-6f, 0, 0, 0, 0, 0, 0, 0, 0},    // a denormal one
        {65504, -3000, 12345, 777, 0, 0, 0, 0, 0, 0, 0.25f}};
    for (CacheType type : kCacheTypes) {
        RopeCase c{static_cast<uint32_t>(rows.size()), 0, 1, 1, 32, 32, CacheType::f32, type};
        std::vector<float> qkv(c.rows * c.stride(), 0.0f), values;
        for (uint32_t i = 0; i < c.rows; ++i) {
            std::ranges::copy(rows[i], &qkv[i * c.stride() + c.vOffset()]);
            rows[i].resize(32);
            values.insert(values.end(), rows[i].begin(), rows[i].end());
        }
        CacheWords words(RopeRun(c, qkv).v);
        std::vector<float> got, wanted = reference::throughCache(values, type, 32);
        for (uint32_t i = 0; i < wanted.size(); ++i)
            got.push_back(words.at(i / 32, i % 32));
        // Halves may be rounded down, and denormal ones to 0; f32 below 2^-126 too. Vulkan lets
        // 127 / 127 be a little off 1, and then x.5 falls either way: GPUs may be a code off there.
        bool divides_exactly =
            engine::chooseFamily(gpu::testDevice().facts(), "auto") == engine::KernelFamily::lanes;
        bool scaled = hasScales(type), half = scaled || type == CacheType::f16;
        expectClose(
            got, wanted,
            [&](size_t i) {
                double size = std::abs(static_cast<double>(wanted[i]));
                bool has_scale_1 = type == CacheType::q8_0 ? i < 32 : scaled && i / 32 - 1 < 2;
                if (type == CacheType::q8_0 && has_scale_1 && !divides_exactly)
                    return 1.0;
                return has_scale_1 || !half ? 1.2e-38 : size * 0x1p-10 + (scaled ? 1e-5 : 6e-8);
            },
            std::format("rounding to {}", attention::cacheTypeName(type)));
    }
}

} // namespace longscope::test
