// The kernels that move rows of the KV cache (cache_move) and sum them up by pages (page_bounds,
// page_scores), in all its types, against their scalar twins.
#include "compute/engine/kernels.h"
#include "tests/support/attention_case.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <format>

namespace longscope::test {
namespace {

/// K of one type, V of the next one.
CacheType nextType(CacheType type) {
    return kCacheTypes[(static_cast<size_t>(type) + 1) % std::size(kCacheTypes)];
}

struct MoveCase {
    CacheType k, v;
    uint32_t kv_heads, capacity, head_dim, local;
};

/// Bytes of a plane after the moves [kv_heads, count, 2].
std::vector<uint8_t> moved(std::vector<uint8_t> plane, const std::vector<uint32_t> &moves,
                           uint32_t kv_heads, uint32_t capacity) {
    const std::vector<uint8_t> old = plane;
    size_t row_bytes = plane.size() / (size_t{kv_heads} * capacity);
    for (size_t i = 0; i < moves.size(); i += 2) {
        size_t first = i / (moves.size() / kv_heads) * capacity;
        std::copy_n(&old[(first + moves[i]) * row_bytes], row_bytes,
                    &plane[(first + moves[i + 1]) * row_bytes]);
    }
    return plane;
}

void checkMove(const MoveCase &c) {
    Random random(8);
    size_t rows = size_t{c.kv_heads} * c.capacity;
    auto draw = [&](CacheType type) {
        return packRows(random.normals(rows * c.head_dim), c.head_dim, type,
                        [](uint64_t) { return false; });
    };
    PackedRows k = draw(c.k), v = draw(c.v);
    std::vector<uint32_t> moves; // each head others; sources above targets, one stays
    for (uint32_t head = 0; head < c.kv_heads; ++head)
        moves.insert(moves.end(), {c.capacity - 1 - head, 0, 5, 5, c.capacity - 3, 2 + head % 2});
    DeviceRows k_rows(k), v_rows(v);
    gpu::Buffer list = upload(moves);
    params::CacheMove params{.k = k_rows.planes(),
                             .v = v_rows.planes(),
                             .moves = list.address(),
                             .count = 3,
                             .kv_heads = c.kv_heads,
                             .capacity = c.capacity,
                             .unused = 0};
    runKernel(engine::kCacheMove,
              {{SPEC_LOCAL_SIZE, c.local},
               {SPEC_HEAD_DIM, engine::padded(c.head_dim)},
               {SPEC_CACHE_K, static_cast<uint32_t>(c.k)},
               {SPEC_CACHE_V, static_cast<uint32_t>(c.v)}},
              params, {&k_rows.data, &k_rows.scales, &v_rows.data, &v_rows.scales},
              {3, c.kv_heads});
    auto expect = [&](const gpu::Buffer &buffer, const std::vector<uint8_t> &before,
                      const char *plane) {
        std::vector<uint8_t> wanted = before;
        if (before.size() > 4) // else a plane of scales that there is not
            wanted = moved(before, moves, c.kv_heads, c.capacity);
        std::vector<uint8_t> got = download<uint8_t>(buffer, before.size());
        auto [differs, _] = std::ranges::mismatch(got, wanted);
        EXPECT_EQ(differs, got.end())
            << "cache_move " << attention::cacheTypeName(c.k) << "/"
            << attention::cacheTypeName(c.v) << " head_dim " << c.head_dim << " local " << c.local
            << ": " << plane << " differs at byte " << differs - got.begin();
    };
    expect(k_rows.data, k.data, "k");
    expect(k_rows.scales, k.scales, "scales of k");
    expect(v_rows.data, v.data, "v");
    expect(v_rows.scales, v.scales, "scales of v");
}

} // namespace

TEST(CacheMoveKernel, EveryTypeByteForByte) {
    for (CacheType type : kCacheTypes) {
        checkMove({type, nextType(type), 3, 17, 64, 8});
        checkMove({type, nextType(type), 1, 9, 20, 64});
        checkMove({nextType(type), type, 2, 33, 160, 64});
    }
}

namespace {

/// Bounds and scores of pages of one cache; slots from `keys` on hold NaN.
struct PageCase {
    CacheType type = CacheType::f32;
    uint32_t keys = 1, page_keys = 16, heads = 1, kv_heads = 1, head_dim = 64, first_page = 0;
    uint32_t local = 64;
    float scale = 0.125f;

    uint32_t width() const { return engine::padded(head_dim); }
    uint32_t capacity() const { return keys + 3; }
    uint32_t pages() const { return groupsFor(keys, page_keys); }
    uint32_t pageCapacity() const { return pages() + 2; }
    size_t slotOfPage(uint32_t kv_head, uint32_t page) const {
        return size_t{kv_head} * pageCapacity() + page;
    }
    std::string describe() const {
        return std::format("pages {} keys {} a page {} heads {}/{} head_dim {} first {} local {}",
                           attention::cacheTypeName(type), keys, page_keys, heads, kv_heads,
                           head_dim, first_page, local);
    }
};

struct PageRun {
    PageRun(const PageCase &page_case, std::vector<float> keys, std::vector<float> queries)
        : c(page_case), q(std::move(queries)),
          k(packRows(std::move(keys), c.head_dim, c.type,
                     [this](uint64_t row) { return row % c.capacity() >= c.keys; })) {
        gpu::Specialization constants = {{SPEC_LOCAL_SIZE, c.local},
                                         {SPEC_HEAD_DIM, c.width()},
                                         {SPEC_CACHE_K, static_cast<uint32_t>(c.type)}};
        size_t records = size_t{c.kv_heads} * c.pageCapacity() * 2 * c.width();
        gpu::Buffer pages = poisoned(records);
        uint32_t count = c.pages() - c.first_page;
        params::PageBounds bound{.k = k.planes(),
                                 .pages = pages.address(),
                                 .first_page = c.first_page,
                                 .count = count,
                                 .page_keys = c.page_keys,
                                 .page_capacity = c.pageCapacity(),
                                 .keys = c.keys,
                                 .kv_heads = c.kv_heads,
                                 .capacity = c.capacity(),
                                 .unused = 0};
        runKernel(engine::kPageBounds, constants, bound, {&pages},
                  {groupsFor(count * c.width() / 4, c.local), c.kv_heads});
        bounds = download<float>(pages, records);

        std::vector<float> wide(c.heads * c.width(), 0.0f);
        for (uint32_t i = 0; i < q.size(); ++i)
            wide[i / c.head_dim * c.width() + i % c.head_dim] = q[i];
        gpu::Buffer query = upload(wide), result = poisoned(c.heads * c.pageCapacity());
        params::PageScores score{.q = query.address(),
                                 .pages = pages.address(),
                                 .scores = result.address(),
                                 .count = c.pages(),
                                 .page_capacity = c.pageCapacity(),
                                 .heads = c.heads,
                                 .kv_heads = c.kv_heads,
                                 .scale = c.scale,
                                 .unused = 0};
        runKernel(engine::kPageScores, constants, score, {&result},
                  {groupsFor(c.pages(), c.local), c.heads});
        scores = download<float>(result, c.heads * c.pageCapacity());
    }
    /// Dimensions of a key, as the cache has them.
    std::span<const float> key(uint32_t kv_head, uint32_t slot) const {
        return std::span(k.values).subspan((size_t{kv_head} * c.capacity() + slot) * c.head_dim,
                                           c.head_dim);
    }
    double score(uint32_t head, uint32_t slot) const {
        std::span<const float> own = key(head / (c.heads / c.kv_heads), slot);
        double sum = 0;
        for (uint32_t d = 0; d < c.head_dim; ++d)
            sum += static_cast<double>(q[head * c.head_dim + d]) * static_cast<double>(own[d]);
        return sum * static_cast<double>(c.scale);
    }
    float bound(uint32_t kv_head, uint32_t page, uint32_t which, uint32_t dim) const {
        return bounds[(c.slotOfPage(kv_head, page) * 2 + which) * c.width() + dim];
    }

    PageCase c;
    std::vector<float> q;
    DeviceRows k;
    std::vector<float> bounds, scores;
};

void expectBounds(const PageRun &run) {
    const PageCase &c = run.c;
    std::vector<float> got, wanted;
    for (uint32_t kv_head = 0; kv_head < c.kv_heads; ++kv_head)
        for (uint32_t page = 0; page < c.pageCapacity(); ++page)
            for (uint32_t d = 0; d < c.width(); ++d) {
                float low = run.bound(kv_head, page, 0, d), high = run.bound(kv_head, page, 1, d);
                if (page < c.first_page || page >= c.pages()) {
                    ASSERT_TRUE(isPoison(low) && isPoison(high))
                        << c.describe() << " wrote page " << page;
                    continue;
                }
                uint32_t first = page * c.page_keys;
                float smallest = d < c.head_dim ? run.key(kv_head, first)[d] : 0,
                      largest = smallest;
                for (uint32_t i = first; i < std::min(first + c.page_keys, c.keys); ++i) {
                    float value = d < c.head_dim ? run.key(kv_head, i)[d] : 0;
                    smallest = std::min(smallest, value);
                    largest = std::max(largest, value);
                }
                got.insert(got.end(), {low, high});
                wanted.insert(wanted.end(), {smallest, largest});
            }
    // A code times an f16 scale has at most 19 bits: nothing is rounded.
    expectClose(got, wanted, [](size_t) { return 0.0; }, c.describe());
}

/// Scores against their definition, and the property that makes Quest sound.
void expectScores(const PageRun &run) {
    const PageCase &c = run.c;
    for (uint32_t head = 0; head < c.heads; ++head)
        for (uint32_t page = 0; page < c.pageCapacity(); ++page) {
            float got = run.scores[head * c.pageCapacity() + page];
            if (page >= c.pages()) {
                EXPECT_TRUE(isPoison(got)) << c.describe() << " wrote score " << page;
                continue;
            }
            double wanted = 0, best = -1e30, size = 0;
            for (uint32_t d = 0; d < c.head_dim; ++d) {
                auto value = static_cast<double>(run.q[head * c.head_dim + d]);
                uint32_t kv_head = head / (c.heads / c.kv_heads);
                double low = value * static_cast<double>(run.bound(kv_head, page, 0, d));
                double high = value * static_cast<double>(run.bound(kv_head, page, 1, d));
                wanted += static_cast<double>(c.scale) * std::max(low, high);
                size += static_cast<double>(c.scale) * std::abs(std::max(low, high));
            }
            uint32_t first = page * c.page_keys, end = std::min(first + c.page_keys, c.keys);
            for (uint32_t slot = first; slot < end; ++slot)
                best = std::max(best, run.score(head, slot));
            // A sum of head_dim products in 24 bits.
            double tolerance = 1e-6 * size + 1e-6;
            std::string where = std::format("{} head {} page {}", c.describe(), head, page);
            EXPECT_NEAR(static_cast<double>(got), wanted, tolerance) << where;
            EXPECT_GE(static_cast<double>(got), best - tolerance) << where << ": no upper bound";
            if (end - first == 1) {
                EXPECT_NEAR(static_cast<double>(got), best, tolerance) << where;
            }
        }
}

PageRun runPages(const PageCase &c) {
    Random random(9);
    std::vector<float> keys = random.normals(size_t{c.kv_heads} * c.capacity() * c.head_dim);
    return PageRun(c, keys, random.normals(size_t{c.heads} * c.head_dim));
}

} // namespace

TEST(PageKernels, BoundsHoldForEveryType) {
    for (CacheType type : kCacheTypes)
        for (const PageCase &c :
             {PageCase{type, 67, 16, 9, 3, 64}, PageCase{type, 64, 16, 2, 2, 80, 0, 8},
              PageCase{type, 33, 16, 4, 1, 20}, PageCase{type, 1, 16, 1, 1, 128}}) {
            PageRun run = runPages(c);
            expectBounds(run);
            expectScores(run);
        }
}

TEST(PageKernels, PagesOfOneKeyAndOfAll) {
    for (uint32_t page_keys : {1, 3, 40, 100}) {
        PageRun run = runPages({CacheType::q8_0, 40, page_keys, 3, 1, 64, 0, 8});
        expectBounds(run);
        expectScores(run);
    }
}

TEST(PageKernels, OnlyTheLastPages) {
    expectBounds(runPages({CacheType::f16, 50, 8, 2, 2, 64, 5}));
    expectBounds(runPages({CacheType::f16, 49, 8, 2, 2, 64, 6, 8})); // one page of one key
}

TEST(PageKernels, GoldenOfQuest) {
    constexpr uint32_t kTokens = 8, kDim = 4;
    auto fill = [](double (*value)(double i, double c)) {
        std::vector<float> values(kTokens * kDim);
        for (uint32_t at = 0; at < values.size(); ++at)
            values[at] = static_cast<float>(value(at / kDim, at % kDim));
        return values;
    };
    std::vector<float> q = fill([](double i, double c) { return std::sin(0.7 * i + 1.3 * c); });
    std::vector<float> k = fill([](double i, double c) { return std::cos(0.5 * i - 0.9 * c); });
    std::vector<float> v =
        fill([](double i, double c) { return std::sin(0.3 * i * c + 0.2 * i + 0.1); });
    PageCase c{CacheType::f32, kTokens, 2, 1, 1, kDim};
    c.scale = 1;
    std::vector<float> last_query(q.end() - kDim, q.end()), room = k;
    room.resize(c.capacity() * kDim);
    PageRun run(c, room, last_query);
    std::vector<float> scores(run.scores.begin(), run.scores.begin() + 4);
    expectClose(
        scores, {-1.007143f, 0.969982f, 2.282072f, 1.942503f}, [](size_t) { return 2e-6; },
        "Quest, pages of 2");
    // The two best pages hold the keys 4 to 7.
    reference::Attended attended = reference::attentionWhere(
        last_query, k, v,
        {.rows = 1, .position = 7, .head_dim = kDim, .capacity = kTokens, .scale = 0.5f},
        [&](uint64_t, uint64_t, uint64_t key) {
            return std::ranges::count_if(scores, [&](float s) { return s > scores[key / 2]; }) < 2;
        });
    expectClose(
        attended.out, {0.904847f, 0.286954f, -0.647903f, -0.120625f}, [](size_t) { return 2e-6; },
        "Quest, two pages");
}

} // namespace longscope::test
