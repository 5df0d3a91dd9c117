// Attention of the `lanes` family against the scalar twin: chunks and single queries over schedules
// of every kind, several head shapes, all cache types, NaN in every slot that no run has, poisoned
// results.
#include "tests/support/lanes_attention.h"

namespace longscope::engine::lanes_test {
namespace {

struct Heads {
    uint32_t heads, kv_heads;
};
constexpr Heads kHeads[] = {{1, 1}, {9, 3}, {4, 1}, {2, 2}};

TEST(LanesAttentionPrefill, CausalEqualsTheReference) {
    AttentionCase c{.rows = 13, .slots = 60, .heads = 4, .kv_heads = 2, .head_dim = 48};
    c.peak = 4;
    c.cap = 3;
    c.slopes = c.sinks = true;
    c.position = 40;
    std::vector<float> slopes, sinks;
    for (uint32_t head = 0; head < c.heads; ++head) {
        slopes.push_back(static_cast<float>(c.slopeOf(head)));
        sinks.push_back(static_cast<float>(c.sinkOf(head)));
    }
    Schedule schedule = test::causalSchedule(c.rows, 40, prefillGroups(c));
    AttentionData data(c, test::slotsOf(schedule));
    auto want = reference::attention(data.q, data.k.values, data.v.values,
                                     {.rows = c.rows,
                                      .position = 40,
                                      .heads = c.heads,
                                      .kv_heads = c.kv_heads,
                                      .head_dim = c.head_dim,
                                      .capacity = c.slots,
                                      .scale = c.scale(),
                                      .softcap = c.cap,
                                      .slopes = slopes,
                                      .sinks = sinks});
    for (const auto &[at, keys] : test::seenKeys(schedule, c.heads)) {
        AttentionData::Result got = data.attend(at.first, at.second, keys);
        uint64_t row = at.second * c.heads + at.first;
        for (uint32_t i = 0; i < c.head_dim; ++i)
            ASSERT_NEAR(got.out[i], want.out[row * c.head_dim + i], 1e-6);
        ASSERT_NEAR(got.l, want.l[row], 1e-6 * got.l);
    }
    checkPrefill(c, schedule);
}

TEST(LanesAttentionPrefill, EveryRowAndPosition) {
    for (uint32_t rows : {1u, 7u, 8u, 9u, 31u})
        for (uint32_t position : {0u, 1u, 63u, 200u}) {
            checkCausal({.rows = rows, .heads = 9, .kv_heads = 3}, position);
            if (HasFatalFailure())
                return;
        }
}

// A driver takes a third of a second for each of these pipelines, so not all pairs of everything.
TEST(LanesAttentionPrefill, EveryHeadDimAndCacheType) {
    size_t turn = 0;
    for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u})
        for (CacheType type : test::kCacheTypes) {
            Heads heads = kHeads[turn++ % std::size(kHeads)];
            checkCausal({9, 0, heads.heads, heads.kv_heads, head_dim, type, type}, 63);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, LargeHeads) {
    for (uint32_t head_dim : {160u, 192u, 256u})
        for (CacheType type : {CacheType::f16, CacheType::q8_0, CacheType::q4_0})
            checkCausal({9, 0, 2, 1, head_dim, type, type}, 31);
}

TEST(LanesAttentionPrefill, CacheTypesOfKeysAndValuesApart) {
    for (size_t k = 0; k < 5; ++k)
        for (size_t apart : {1u, 3u}) {
            CacheType k_type = test::kCacheTypes[k], v_type = test::kCacheTypes[(k + apart) % 5];
            checkCausal({9, 0, 3, 1, 64, k_type, v_type}, 30);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, OtherTiles) {
    AttentionCase c{.rows = 9, .slots = 80, .heads = 4, .head_dim = 64};
    for (lanes::HeadsKeys tile : {lanes::HeadsKeys{2, 1}, {4, 3}, {1, 5}})
        checkPrefill(c, test::causalSchedule(c.rows, 63, 4 / tile.heads), tile);
}

TEST(LanesAttentionPrefill, SeveralQueriesOfALane) {
    for (uint32_t rows : {1u, 8u, 9u, 16u, 17u, 41u})
        for (lanes::HeadsKeys tile : {lanes::HeadsKeys{1, 4, 2}, {2, 2, 2}, {1, 3, 3}}) {
            AttentionCase c{.rows = rows, .slots = 120, .heads = 4, .head_dim = 64};
            checkPrefill(c, test::causalSchedule(rows, 63, 4 / tile.heads, 8 * tile.rows), tile);
            test::Random random(rows);
            c.rope_dims = 64;
            checkPrefill(c,
                         test::randomSchedule(rows, c.slots,
                                              {.groups = 4 / tile.heads,
                                               .tile_rows = 8 * tile.rows,
                                               .lists = true,
                                               .zones = true},
                                              random),
                         tile);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, RunsBoundsStepsOfEveryShape) {
    for (uint32_t seed = 0; seed < 12; ++seed) {
        checkRandom({.rows = 1 + 5 * seed, .slots = 70, .heads = 6, .kv_heads = 2}, {}, seed);
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionPrefill, ListsAndZones) {
    for (uint32_t seed = 0; seed < 6; ++seed)
        for (int which : {1, 2, 3}) {
            checkRandom({.rows = 21, .slots = 70, .heads = 4, .kv_heads = 2},
                        {.lists = (which & 1) != 0, .zones = (which & 2) != 0}, seed);
            if (HasFatalFailure())
                return;
        }
}

/// Dims, rotated dims; pairs (j, j + rope_dims/2) want a multiple of 4.
constexpr std::pair<uint32_t, uint32_t> kRotated[] = {{64, 64},  {64, 20},   {80, 80}, {128, 128},
                                                      {96, 48},  {128, 32},  {32, 32}, {40, 12},
                                                      {256, 64}, {100, 100}, {64, 4}};

TEST(LanesAttentionPrefill, RawKeysOfEveryType) {
    size_t turn = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            CacheType type = test::kCacheTypes[turn++ % 5];
            checkRandom({9, 33, 2, 1, head_dim, type, type, rope_dims, neox}, {});
            if (HasFatalFailure())
                return;
        }
    checkRandom({9, 33, 2, 1, 64, CacheType::f16, CacheType::f16, 22},
                {}); // an odd number of pairs
}

TEST(LanesAttentionPrefill, RawKeysWithListsAndZones) {
    for (uint32_t seed = 0; seed < 3; ++seed)
        for (bool neox : {false, true})
            checkRandom({17, 50, 3, 1, 64, CacheType::q8_0, CacheType::q8_0, 64, neox},
                        {.lists = true, .zones = true}, seed);
}

// Continue = one pass, also where the first pass or the second shows a row nothing.
TEST(LanesAttentionPrefill, GoesOnFromAnEarlierPass) {
    for (uint32_t seed = 0; seed < 4; ++seed) {
        AttentionCase c{.rows = 19, .slots = 60, .heads = 3, .kv_heads = 1, .head_dim = 80};
        test::Random random(seed);
        test::RandomScheduleOptions options{.groups = prefillGroups(c), .most_runs = 2};
        Schedule first = test::randomSchedule(c.rows, c.slots, options, random);
        Schedule second = test::randomSchedule(c.rows, c.slots, options, random);
        std::set<uint64_t> slots = test::slotsOf(first);
        slots.merge(test::slotsOf(second));
        AttentionData data(c, slots);
        Prefill prefill(data, {});
        prefill.run(first, ATTENTION_STATE);
        prefill.run(second, ATTENTION_CONTINUE | ATTENTION_STATE);
        test::SeenKeys seen = test::seenKeys(first, c.heads);
        for (auto &[at, keys] : test::seenKeys(second, c.heads))
            seen[at].insert(seen[at].end(), keys.begin(), keys.end());
        prefill.check(seen, true);
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionPrefill, PeakyScoresAndNoState) {
    AttentionCase c{.rows = 9, .slots = 80, .heads = 3, .kv_heads = 1, .peak = 20};
    Schedule schedule = test::causalSchedule(c.rows, 63, prefillGroups(c));
    AttentionData data(c, test::slotsOf(schedule));
    Prefill prefill(data, {});
    prefill.run(schedule, 0);
    prefill.check(test::seenKeys(schedule, c.heads), false);
}

// Head groups with other numbers of tiles than the grid has: one of them none at all.
TEST(LanesAttentionPrefill, GroupsWithFewTiles) {
    AttentionCase c{.rows = 24, .slots = 40, .heads = 3, .kv_heads = 3, .head_dim = 32};
    test::ScheduleMaker maker;
    for (uint32_t tiles : {3u, 0u, 1u}) {
        maker.addGroup();
        for (uint32_t tile = 0; tile < tiles; ++tile) {
            maker.addTile(8 * tile, 1, 8);
            maker.addRun(3 * tile, 0, 2, 5);
        }
    }
    checkPrefill(c, maker.schedule, {1, 3});
}

// ---- one query ---------------------------------------------------------------------------------

TEST(LanesAttentionDecode, EveryHeadDimAndCacheType) {
    size_t turn = 0;
    for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u, 160u})
        for (CacheType type : test::kCacheTypes) {
            Heads heads = kHeads[turn++ % std::size(kHeads)];
            AttentionCase c{1, 210, heads.heads, heads.kv_heads, head_dim, type, type};
            uint32_t groups = c.heads / lanes::decodeHeads(c.heads / c.kv_heads, c.width());
            checkDecode(c, test::causalSchedule(1, 200, groups), 4, 51);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionDecode, RangesOfEverySize) {
    AttentionCase c{.rows = 1, .slots = 210, .heads = 9, .kv_heads = 3};
    for (uint32_t position : {0u, 1u, 7u, 8u, 63u, 200u})
        for (uint32_t splits : {1u, 2u, 5u})
            checkDecode(c, test::causalSchedule(1, position, 3), splits,
                        (position + splits) / splits);
    // Ranges beyond the last key are empty: l = 0.
    checkDecode(c, test::causalSchedule(1, 20, 3), 4, 16);
    checkDecode({1, 101, 4, 1, 256}, test::causalSchedule(1, 100, 2), 2, 64);
    checkDecode({1, 101, 9, 3, 64, CacheType::f32}, test::causalSchedule(1, 100, 3), 2, 51, 2);
}

TEST(LanesAttentionDecode, RangesAcrossRuns) {
    for (uint32_t seed = 0; seed < 12; ++seed)
        for (uint32_t splits : {1u, 3u, 7u}) {
            uint32_t most_keys;
            AttentionCase c{.rows = 1, .slots = 70, .heads = 4, .kv_heads = 2};
            Schedule schedule =
                decodeSchedule(c, {.most_runs = 6, .lists = seed % 2 == 1, .zones = seed % 4 > 1},
                               most_keys, seed);
            checkDecode(c, schedule, splits, (most_keys + splits - 1) / splits);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionDecode, RawKeysOfEveryType) {
    uint32_t turn = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            uint32_t most_keys;
            CacheType type = test::kCacheTypes[turn++ % 5];
            AttentionCase c{1, 40, 2, 1, head_dim, type, type, rope_dims, neox};
            Schedule schedule = decodeSchedule(c, {.lists = true, .zones = true}, most_keys);
            checkDecode(c, schedule, 2, (most_keys + 1) / 2, 1 + turn % 3 / 2);
            if (HasFatalFailure())
                return;
        }
}

} // namespace
} // namespace longscope::engine::lanes_test
