// The subgroup family over schedules of every shape (runs, steps, bounds, lists, zones, raw keys,
// several passes), and its kernels that look at scores: AttentionScores and AttentionMap.
#include "tests/support/subgroup_attention.h"

namespace longscope::test {
namespace {

/// A random schedule whose runs have what `options` allows.
void checkRandomPrefill(const AttentionCase &c, RandomScheduleOptions options, uint32_t seed,
                        uint32_t local = 128) {
    Random random(seed);
    options.groups = c.heads;
    options.tile_rows = tileQueries(c, local);
    checkPrefill(c, randomSchedule(c.rows, c.slots, options, random), local);
}

void checkRandomDecode(const AttentionCase &c, RandomScheduleOptions options, uint32_t splits,
                       uint32_t tile_heads, uint32_t seed) {
    Random random(seed);
    options.groups = c.heads / tile_heads;
    options.bounds = false;
    options.tile_rows = 1;
    Schedule schedule = randomSchedule(1, c.slots, options, random);
    size_t most_keys = 1;
    for (auto &[at, keys] : seenKeys(schedule, c.heads, 1))
        most_keys = std::max(most_keys, keys.size());
    checkDecode(c, schedule, {splits, groupsFor(most_keys, splits), tile_heads, 128});
}

/// Head size and rotated dims: all, some, and those that NEOX cannot read in fours.
constexpr std::pair<uint32_t, uint32_t> kRotated[] = {{64, 64},   {80, 32}, {64, 20},
                                                      {100, 100}, {32, 6},  {256, 64}};

} // namespace

TEST(SubgroupPatterns, RunsBoundsAndSteps) {
    for (uint32_t seed = 0; seed < 8; ++seed)
        for (uint32_t local : {64u, 128u}) {
            checkRandomPrefill({1 + 19 * seed, 90, 6, 2}, {}, seed, local);
            if (HasFatalFailure())
                return;
        }
}

TEST(SubgroupPatterns, ListsAndZones) {
    for (uint32_t seed = 0; seed < 4; ++seed)
        for (int which : {1, 2, 3}) {
            checkRandomPrefill({71, 90, 4, 2},
                               {.lists = (which & 1) != 0, .zones = (which & 2) != 0}, seed);
            if (HasFatalFailure())
                return;
        }
}

// Groups with fewer tiles than the grid or none, tiles and rows without keys, runs without keys.
TEST(SubgroupPatterns, NothingToSee) {
    AttentionCase c{.rows = 150, .slots = 60, .heads = 4, .kv_heads = 2, .head_dim = 32};
    const uint32_t queries = tileQueries(c, 128);
    ScheduleMaker maker{.tile_rows = queries};
    for (uint32_t tiles : {3u, 0u, 1u, 2u}) {
        maker.addGroup();
        for (uint32_t tile = 0; tile < tiles; ++tile) {
            maker.addTile(tile * queries, 1, std::min(queries, c.rows - tile * queries));
            if (tile == 1)
                continue;
            maker.addRun(7, 0, 1, 0);
            maker.addRun(3, 1, 2, 20);
            maker.addBounds([](uint32_t query) { // every third one sees nothing, far bounds
                return query % 3 ? std::pair(query % 20, 1000u) : std::pair(9u, 4u);
            });
            maker.addRun(0, 0, 1, 33);
            maker.addBounds([](uint32_t query) { return std::pair(0u, query % 3); });
        }
    }
    SeenKeys seen = seenKeys(maker.schedule, c.heads, queries);
    ASSERT_TRUE((seen[{0, 3}].empty() && seen[{0, queries}].empty() && !seen[{0, 1}].empty()));
    checkPrefill(c, maker.schedule);
}

TEST(SubgroupPatterns, RawKeys) {
    uint32_t count = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            CacheType type = kCacheTypes[count++ % 5];
            checkRandomPrefill({35, 70, 2, 1, head_dim, type, CacheType::f16, rope_dims, neox}, {},
                               count);
            if (HasFatalFailure())
                return;
        }
}

TEST(SubgroupPatterns, RawKeysWithListsAndZones) {
    for (uint32_t seed = 0; seed < 3; ++seed)
        for (bool neox : {false, true})
            checkRandomPrefill({37, 70, 3, 1, 64, CacheType::q8_0, CacheType::q8_0, 64, neox},
                               {.lists = true, .zones = true}, seed);
}

// Two passes over parts of the keys are one over all, also where one of them shows a row nothing.
TEST(SubgroupPatterns, GoesOnFromAnEarlierPass) {
    for (uint32_t head_dim : {80u, 160u})
        for (uint32_t seed = 0; seed < 3; ++seed) {
            AttentionCase c{.rows = 75, .slots = 60, .heads = 3, .head_dim = head_dim};
            const uint32_t queries = tileQueries(c, 128);
            Random random(seed);
            RandomScheduleOptions options{.groups = c.heads, .most_runs = 2, .tile_rows = queries};
            Schedule first = randomSchedule(c.rows, c.slots, options, random);
            Schedule second = randomSchedule(c.rows, c.slots, options, random);
            std::set<uint64_t> slots = slotsOf(first);
            slots.merge(slotsOf(second));
            AttentionData data(c, slots);
            SubgroupPrefill prefill(data);
            prefill.run(first, ATTENTION_STATE);
            prefill.run(second, ATTENTION_CONTINUE | ATTENTION_STATE);
            SeenKeys seen = seenKeys(first, c.heads, queries);
            for (auto &[at, keys] : seenKeys(second, c.heads, queries))
                seen[at].insert(seen[at].end(), keys.begin(), keys.end());
            prefill.check(seen, true);
            if (HasFatalFailure())
                return;
        }
}

// ---- one query ---------------------------------------------------------------------------------

TEST(SubgroupPatterns, DecodeOfRunsListsAndZones) {
    for (uint32_t seed = 0; seed < 5; ++seed)
        for (int which : {0, 1, 2, 3}) {
            checkRandomDecode(
                {1, 300, 6, 2},
                {.most_runs = 6, .lists = (which & 1) != 0, .zones = (which & 2) != 0}, 1 + seed, 3,
                seed);
            if (HasFatalFailure())
                return;
        }
}

TEST(SubgroupPatterns, DecodeOfManyShortRuns) {
    AttentionCase c{.rows = 1, .slots = 900, .heads = 4, .kv_heads = 2};
    ScheduleMaker maker{.tile_rows = 1};
    for (uint32_t group = 0; group < 2; ++group) {
        maker.addGroup();
        maker.addTile(0, 1, 1);
        for (uint32_t run = 0; run < 60; ++run)
            maker.addRun(14 * run + group, 14 * run, 1, run % 7);
    }
    for (uint32_t splits : {1u, 4u, 9u})
        checkDecode(c, maker.schedule, {splits, groupsFor(180, splits), 2, 128});
    checkDecode(c, maker.schedule, {3, 64, 2, 32});
}

TEST(SubgroupPatterns, DecodeOfRawKeys) {
    uint32_t count = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            CacheType type = kCacheTypes[count++ % 5];
            checkRandomDecode({1, 200, 4, 2, head_dim, type, CacheType::f16, rope_dims, neox},
                              {.lists = count % 2 == 0, .zones = count % 3 == 0}, 2, 2, count);
            if (HasFatalFailure())
                return;
        }
}

// ---- scores ------------------------------------------------------------------------------------

struct ScoresShape {
    uint32_t first_row, row_groups, key_groups, group;
    uint32_t local = 128, stripes = 1; ///< stripes: z of the grid
};

void checkScores(const AttentionCase &c, const ScoresShape &shape) {
    auto [first_row, row_groups, key_groups, group, local, stripes] = shape;
    std::set<uint64_t> slots;
    for (uint64_t slot = 0; slot < key_groups * group; ++slot)
        slots.insert(slot);
    AttentionData data(c, slots);
    const size_t count = size_t{c.heads} * row_groups * key_groups;
    gpu::Buffer scores = poisoned(count + 40);
    params::AttentionScores params{.q = data.q_buffer.address(),
                                   .k = data.k.planes(),
                                   .rotation = data.rotation_buffer.address(),
                                   .scores = scores.address(),
                                   .head_facts = data.head_facts_buffer.address(),
                                   .first_row = first_row,
                                   .row_groups = row_groups,
                                   .key_groups = key_groups,
                                   .group = group,
                                   .heads = c.heads,
                                   .kv_heads = c.kv_heads,
                                   .capacity = c.slots,
                                   .rope_dims = c.rotated(),
                                   .scale = c.scale(),
                                   .position = c.position};
    runKernel(engine::kAttentionScoresSubgroup, subgroupConstants(c, local, flagsOf(c, {})), params,
              {&scores}, {groupsFor(row_groups, tileQueries(c, local)), c.heads, stripes});
    auto got = download<float>(scores, count + 40);
    for (size_t i = count; i < got.size(); ++i)
        ASSERT_TRUE(isPoison(got[i])) << c.text() << " wrote beyond";
    size_t at = 0;
    for (uint32_t head = 0; head < c.heads; ++head)
        for (uint32_t a = 0; a < row_groups; ++a)
            for (uint32_t b = 0; b < key_groups; ++b, ++at) {
                double want = 0;
                for (uint32_t t = 0; t < group; ++t) {
                    uint32_t key = b * group + t;
                    want += data.score(head, first_row + a * group + group - 1 - t, {key, key, 0});
                }
                ASSERT_NEAR(double{got[at]}, want, kSubgroupTolerance * group)
                    << c.text() << std::format(" group {} head {} a {} b {}", group, head, a, b);
            }
}

TEST(SubgroupPatterns, PlainScores) {
    AttentionCase c{.rows = 140, .slots = 80, .heads = 4, .kv_heads = 2};
    checkScores(c, {0, 140, 77, 1});
    checkScores(c, {3, 1, 1, 1});
    checkScores(c, {9, 65, 33, 1, 64, 2});
    checkScores({40, 70, 3, 1, 80, CacheType::q4_0}, {7, 33, 70, 1});
    checkScores({40, 70, 2, 1, 256, CacheType::bf16}, {0, 40, 31, 1, 128, 3});
}

TEST(SubgroupPatterns, AntidiagonalScores) {
    for (uint32_t group : {4u, 8u, 3u}) {
        AttentionCase c{.rows = 130, .slots = 140, .heads = 2, .kv_heads = 1};
        checkScores(c, {1, 128 / group, 137 / group, group});
    }
}

TEST(SubgroupPatterns, ScoresOfRawKeys) {
    for (bool neox : {false, true})
        for (uint32_t group : {1u, 4u})
            checkScores({36, 50, 2, 1, 64, CacheType::q8_0, CacheType::f16, 48, neox},
                        {2, 34 / group, 50 / group, group, 128, 2});
}

// ---- map ---------------------------------------------------------------------------------------

struct MapShape {
    uint32_t position = 0;
    uint32_t first_head = 0, heads = 0, first_key = 0, cell_keys = 1, cells = 0; ///< 0: metrics
    uint32_t sinks = 4, recent = 20;
    uint32_t local = 128;
};

/// What a row's record must be: metrics, or sum and maximum of each cell.
std::vector<double> wantedRecord(const AttentionData &data, const MapShape &shape, uint32_t head,
                                 uint32_t row, std::span<const SeenKey> keys) {
    AttentionData::Result state = data.attend(head, row, keys);
    std::vector<double> record(shape.cells > 0 ? 2 * shape.cells : MAP_METRIC_COUNT);
    for (const SeenKey &key : keys) {
        double log_p = data.score(head, row, key) - state.m - std::log(state.l);
        double p = std::exp(log_p);
        if (shape.cells == 0) {
            auto distance = static_cast<double>(int64_t{shape.position} + row - key.position);
            record[0] += p;
            record[1] -= p * log_p;
            record[2] += p * distance;
            record[3] += key.position < shape.sinks ? p : 0;
            record[4] += distance < shape.recent ? p : 0;
        } else if (key.position >= shape.first_key) {
            uint32_t cell = (key.position - shape.first_key) / shape.cell_keys;
            if (cell < shape.cells) {
                record[2 * cell] += p;
                record[2 * cell + 1] = std::max(record[2 * cell + 1], p);
            }
        }
    }
    return record;
}

/// The second pass with the state of a first one.
void checkMap(AttentionCase c, RandomScheduleOptions options, const MapShape &shape) {
    c.position = shape.position;
    Random random(c.rows);
    options.groups = c.heads;
    options.tile_rows = tileQueries(c, shape.local);
    Schedule schedule = randomSchedule(c.rows, c.slots, options, random);
    AttentionData data(c, slotsOf(schedule));
    SubgroupPrefill prefill(data, shape.local);
    prefill.run(schedule, ATTENTION_STATE);

    const bool cells = shape.cells > 0;
    const uint32_t heads = cells ? shape.heads : c.heads;
    const size_t record = cells ? 2 * shape.cells : MAP_METRIC_COUNT;
    const size_t count = size_t{c.rows} * heads * record;
    gpu::Buffer words = uploadSchedule(schedule), target = poisoned(count + 40);
    auto params = commonParams<params::AttentionMap>(data, words);
    params.state = prefill.state().address();
    params.target = target.address();
    params.position = shape.position;
    params.first_head = shape.first_head;
    params.first_key = shape.first_key;
    params.cell_keys = shape.cell_keys;
    params.cells = shape.cells;
    params.sinks = shape.sinks;
    params.recent = shape.recent;
    uint32_t flags = flagsOf(c, schedule) | (cells ? MAP_CELLS : MAP_METRICS);
    runKernel(engine::kAttentionMapSubgroup, subgroupConstants(c, shape.local, flags), params,
              {&target}, {schedule.mostTiles(), heads});

    auto got = download<float>(target, count + 40);
    for (size_t i = count; i < got.size(); ++i)
        ASSERT_TRUE(isPoison(got[i])) << c.text() << " wrote beyond";
    SeenKeys seen = seenKeys(schedule, c.heads, options.tile_rows);
    for (uint32_t row = 0; row < c.rows; ++row)
        for (uint32_t y = 0; y < heads; ++y) {
            uint32_t head = cells ? shape.first_head + y : y;
            std::vector<double> want = wantedRecord(data, shape, head, row, seen.at({head, row}));
            for (size_t i = 0; i < record; ++i)
                ASSERT_NEAR(double{got[(size_t{row} * heads + y) * record + i]}, want[i],
                            5e-5 * (1 + std::abs(want[i])))
                    << c.text() << std::format(" row {} head {}: {}", row, head, i);
        }
}

TEST(SubgroupPatterns, MapMetrics) {
    for (uint32_t local : {64u, 128u})
        for (uint32_t rows : {1u, 33u, 140u})
            checkMap({rows, 90, 4, 2}, {}, {.position = 40, .local = local});
    checkMap({70, 90, 3, 1, 256, CacheType::q8_0}, {.lists = true}, {.position = 90});
    checkMap({35, 60, 2, 1, 64, CacheType::f16, CacheType::f16, 64, true},
             {.lists = true, .zones = true}, {.position = 3, .sinks = 9, .recent = 1});
}

TEST(SubgroupPatterns, MapCells) {
    for (uint32_t cell_keys : {1u, 7u, 64u})
        for (uint32_t first_key : {0u, 5u})
            checkMap({70, 90, 4, 2}, {},
                     {.first_head = 1,
                      .heads = 2,
                      .first_key = first_key,
                      .cell_keys = cell_keys,
                      .cells = cell_keys == 7 ? 5u : 80 / cell_keys});
    checkMap({35, 60, 3, 1, 80, CacheType::q4_0, CacheType::f16, 32, true},
             {.lists = true, .zones = true},
             {.first_head = 2, .heads = 1, .cell_keys = 3, .cells = 20});
}

// ---- soft caps, ALiBi, sinks -------------------------------------------------------------------

TEST(SubgroupPatterns, RulesOfScores) {
    for (uint32_t group : {1u, 4u})
        for (bool slopes : {false, true}) {
            AttentionCase c{.rows = 40, .slots = 70, .heads = 4, .kv_heads = 2, .peak = 3};
            c.cap = 2.5f;
            c.slopes = slopes;
            c.position = 30;
            checkScores(c, {1, 36 / group, 68 / group, group, 128, 2});
        }
}

TEST(SubgroupPatterns, RulesOfMaps) {
    for (int rule = 0; rule < 4; ++rule) {
        AttentionCase c{.rows = 70, .slots = 90, .heads = 4, .kv_heads = 2, .peak = 2};
        c.cap = rule % 3 == 0 ? 2.5f : 0;
        c.slopes = rule == 1 || rule == 3;
        c.sinks = rule > 1;
        checkMap(c, {.lists = rule > 1, .zones = rule > 1}, {.position = 60});
        checkMap(c, {.lists = rule > 1},
                 {.position = 60, .first_head = 1, .heads = 2, .cell_keys = 7, .cells = 13});
    }
}

} // namespace longscope::test
