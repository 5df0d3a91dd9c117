// Prefill and decode of the subgroup family over causal schedules: head sizes, groups of heads,
// depths, the types of the cache, sizes of workgroups. Slots beyond the last visible one are NaN.
// Schedules of other shapes: subgroup_patterns_test.cpp.
#include "tests/support/subgroup_attention.h"

namespace longscope::test {
namespace {

struct Heads {
    uint32_t heads, kv_heads;
};
constexpr Heads kHeads[] = {{1, 1}, {9, 3}, {4, 1}};
constexpr uint32_t kHeadDims[] = {32, 64, 80, 128, 256};

/// Every type of the keys with one of the values, and the other way round.
std::vector<std::pair<CacheType, CacheType>> typePairs() {
    std::vector<std::pair<CacheType, CacheType>> pairs;
    for (CacheType type : kCacheTypes) {
        pairs.emplace_back(type, CacheType::f16);
        pairs.emplace_back(CacheType::q8_0, type);
    }
    return pairs;
}

void checkCausalPrefill(AttentionCase c, uint32_t position, uint32_t local = 128) {
    c.slots = position + c.rows + 9;
    checkPrefill(c, causalSchedule(c.rows, position, c.heads, tileQueries(c, local)), local);
}

/// All keys before and with `position`.
void checkCausalDecode(AttentionCase c, uint32_t position, uint32_t splits, uint32_t tile_heads,
                       uint32_t local = 128) {
    uint32_t keys = position + 1, per_split = groupsFor(keys, splits);
    if (splits > 4)
        per_split += 1; // the last ranges are empty where there are few keys
    c.slots = keys + 37;
    checkDecode(c, causalSchedule(1, position, c.heads / tile_heads, 1),
                {splits, per_split, tile_heads, local});
}

} // namespace

// The twin of these tests against the one of the project.
TEST(AttentionPrefillSubgroupKernel, CausalEqualsTheReference) {
    AttentionCase c{.rows = 70, .slots = 120, .heads = 4, .kv_heads = 2, .head_dim = 48};
    Schedule schedule = causalSchedule(c.rows, 40, c.heads, tileQueries(c, 128));
    AttentionData data(c, slotsOf(schedule));
    auto want = reference::attention(data.q, data.k.values, data.v.values,
                                     {.rows = c.rows,
                                      .position = 40,
                                      .heads = c.heads,
                                      .kv_heads = c.kv_heads,
                                      .head_dim = c.head_dim,
                                      .capacity = c.slots,
                                      .scale = c.scale()});
    SeenKeys seen = seenKeys(schedule, c.heads, tileQueries(c, 128));
    ASSERT_EQ(seen.size(), c.rows * c.heads);
    for (const auto &[at, keys] : seen) {
        AttentionData::Result got = data.attend(at.first, at.second, keys);
        for (uint32_t i = 0; i < c.head_dim; ++i)
            ASSERT_NEAR(got.out[i],
                        double{want.out[(at.second * c.heads + at.first) * c.head_dim + i]}, 1e-6);
    }
    checkPrefill(c, schedule);
}

TEST(AttentionPrefillSubgroupKernel, ShapesAndDepths) {
    for (uint32_t head_dim : kHeadDims)
        for (auto [heads, kv_heads] : kHeads)
            for (uint32_t position : {0u, 1u, 63u, 200u})
                for (uint32_t rows : {1u, 3u, 33u}) {
                    checkCausalPrefill({rows, 0, heads, kv_heads, head_dim}, position);
                    if (HasFatalFailure())
                        return;
                }
}

TEST(AttentionPrefillSubgroupKernel, TilesOfOddSizes) {
    for (uint32_t rows : {63u, 64u, 65u, 130u})
        checkCausalPrefill({rows, 0, 2, 1, 64}, 31);
    for (uint32_t rows : {31u, 32u, 33u})
        checkCausalPrefill({rows, 0, 2, 1, 256}, 5);
}

TEST(AttentionPrefillSubgroupKernel, CacheTypesOfKeysAndValuesApart) {
    for (auto [k_type, v_type] : typePairs()) {
        checkCausalPrefill({33, 0, 2, 1, 64, k_type, v_type}, 40);
        if (HasFatalFailure())
            return;
    }
}

TEST(AttentionPrefillSubgroupKernel, CacheTypesOfOtherHeads) {
    for (uint32_t head_dim : {100u, 256u})
        for (CacheType type : kCacheTypes) {
            checkCausalPrefill({35, 0, 4, 2, head_dim, type, type}, 31);
            if (HasFatalFailure())
                return;
        }
}

TEST(AttentionPrefillSubgroupKernel, LocalSizes) {
    for (uint32_t local : {8u, 32u, 64u, 128u})
        for (uint32_t head_dim : {64u, 256u})
            checkCausalPrefill({37, 0, 2, 1, head_dim}, 5, local);
}

TEST(AttentionPrefillSubgroupKernel, PeakyScoresAndNoState) {
    AttentionCase c{.rows = 9, .slots = 80, .heads = 3, .kv_heads = 1, .peak = 20};
    Schedule schedule = causalSchedule(c.rows, 63, c.heads, tileQueries(c, 128));
    AttentionData data(c, slotsOf(schedule));
    SubgroupPrefill prefill(data);
    prefill.run(schedule, 0);
    prefill.check(seenKeys(schedule, c.heads, tileQueries(c, 128)), false);
}

TEST(AttentionDecodeSubgroupKernel, ShapesAndDepths) {
    for (uint32_t head_dim : kHeadDims)
        for (auto [heads, kv_heads] : kHeads)
            for (uint32_t position : {0u, 1u, 63u, 200u, 300u})
                for (uint32_t splits : {1u, 3u, 7u}) {
                    checkCausalDecode({1, 0, heads, kv_heads, head_dim}, position, splits,
                                      heads / kv_heads);
                    if (HasFatalFailure())
                        return;
                }
}

TEST(AttentionDecodeSubgroupKernel, CacheTypesOfKeysAndValuesApart) {
    for (auto [k_type, v_type] : typePairs()) {
        checkCausalDecode({1, 0, 4, 2, 64, k_type, v_type}, 150, 2, 2);
        if (HasFatalFailure())
            return;
    }
}

TEST(AttentionDecodeSubgroupKernel, CacheTypesOfOtherHeads) {
    for (uint32_t head_dim : {80u, 256u})
        for (CacheType type : kCacheTypes) {
            checkCausalDecode({1, 0, 4, 2, head_dim, type, type}, 150, 3, 2);
            if (HasFatalFailure())
                return;
        }
}

// Head groups that are a part of the heads of a kv head, and segments of every size.
TEST(AttentionDecodeSubgroupKernel, TilesAndLocalSizes) {
    for (uint32_t local : {32u, 64u, 128u})
        for (uint32_t tile_heads : {1u, 2u, 8u})
            checkCausalDecode({1, 0, 16, 2, 80}, 260, 2, tile_heads, local);
    for (uint32_t group : {3u, 5u, 7u})
        checkCausalDecode({1, 0, 2 * group, 2, 64}, 130, 2, group);
    checkCausalDecode({1, 0, 4, 2, 256}, 150, 3, 2, 32);
}

} // namespace longscope::test
