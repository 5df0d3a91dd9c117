// Schedules: few runs, shared tiles, balanced halves, sizes that follow the chunk, made quickly.
#include "tests/support/schedule_reader.h"

#include <chrono>
#include <set>

namespace longscope::attention {
namespace {

Schedule scheduleOf(const std::string &spec, uint64_t position, uint32_t rows,
                    uint32_t tile_rows = 8) {
    ScheduleInput in;
    in.position = position;
    in.rows = rows;
    in.tile_rows = tile_rows;
    return makeSchedule(Pattern(spec), in);
}

uint32_t mostRuns(const Schedule &schedule) {
    uint32_t most = 0;
    for (const ScheduleTile &tile : schedule.tiles)
        most = std::max(most, tile.end_run - tile.first_run);
    return most;
}

TEST(Schedule, UsualPatternsHaveFewRuns) {
    struct Case {
        const char *spec;
        uint32_t runs;
    };
    for (const Case &c :
         {Case{"full", 1}, Case{"window:512", 1}, Case{"sinks:4+508", 2},
          Case{"longformer:512+4", 2}, Case{"chunked:1024", 1}, Case{"shifted:512", 1},
          Case{"dilated:256x2", 1}, Case{"fixed:128,8", 2}, Case{"bigbird:64,3,1,3", 5}})
        EXPECT_EQ(mostRuns(scheduleOf(c.spec, 8192 - 256, 256)), c.runs) << c.spec;
    EXPECT_EQ(mostRuns(scheduleOf("sinks:4+508", 256, 256)), 1u) << "sinks and window touch";
    EXPECT_EQ(mostRuns(scheduleOf("chunked:100", 0, 256)), 1u) << "also over a border";
    EXPECT_TRUE(scheduleOf("fixed:128,8", 8192 - 256, 256).bounds.size() == 32 * 8 * 2)
        << "only own blocks are cut by the diagonal";
}

TEST(Schedule, ShortRunsShareAList) {
    Schedule schedule = scheduleOf("fixed:128,8", 8192 - 256, 256); // two blocks
    EXPECT_EQ(schedule.lists.size(), 62u * 8);      // the last block before joins the own one
    std::set<std::pair<uint32_t, uint32_t>> listed; // where, how many
    for (const ScheduleRun &run : schedule.runs)
        if (run.list != kNone)
            listed.insert({run.list, run.length});
    EXPECT_EQ(listed, (std::set<std::pair<uint32_t, uint32_t>>{{0, 61 * 8}, {0, 62 * 8}}));
    EXPECT_EQ(schedule.lists[8], 2 * 128u - 8);
    EXPECT_TRUE(scheduleOf("fixed:128,8", 3 * 128, 100).lists.empty()) << "three are few";
    EXPECT_TRUE(scheduleOf("bigbird:64,3,1,3", 8192 - 256, 256).lists.empty()) << "long runs";
    // A ring has no list: slots are not positions there.
    ScheduleInput in;
    in.position = 8192 - 256;
    in.rows = 256;
    in.slots = {.sinks = 0, .ring = 4000};
    EXPECT_TRUE(makeSchedule(Pattern("fixed:128,8"), in).lists.empty());
}

TEST(Schedule, RunsOfFullAreCutOnlyByTheDiagonal) {
    Schedule schedule = scheduleOf("full", 24, 13);
    ASSERT_EQ(schedule.tiles.size(), 2u);
    for (const ScheduleTile &tile : schedule.tiles) {
        ASSERT_EQ(tile.end_run, tile.first_run + 1);
        const ScheduleRun &run = schedule.runs[tile.first_run];
        EXPECT_EQ(run.slot, 0u);
        EXPECT_EQ(run.length, 24 + tile.first_row + tile.rows);
        ASSERT_NE(run.bounds, kNone);
        EXPECT_EQ(schedule.bounds[run.bounds * 16 + 1], 24 + tile.first_row + 1);
        EXPECT_EQ(schedule.bounds[run.bounds * 16 + 15], run.length);
    }
    EXPECT_EQ(schedule.visible_pairs, 37u * 38 / 2 - 24 * 25 / 2);
    EXPECT_EQ(schedule.computed_pairs, 8u * (32 + 37));
    // A single row sees all of its run.
    EXPECT_EQ(scheduleOf("full", 24, 1).runs.at(0).bounds, kNone);
}

TEST(Schedule, ClassesOfRowsShareATile) {
    ScheduleInput in;
    in.position = 5;
    in.rows = 20;
    in.tile_rows = 4;
    in.pass = 1;
    Schedule schedule = makeSchedule(Pattern("strided:3"), in);
    EXPECT_EQ(schedule.tiles.size(), 6u); // 7, 7 and 6 rows
    for (const ScheduleTile &tile : schedule.tiles) {
        EXPECT_EQ(tile.row_step, 3u);
        EXPECT_LE(tile.end_run - tile.first_run, 1u);
        for (uint32_t r = tile.first_run; r < tile.end_run; r++) {
            EXPECT_EQ(schedule.runs[r].step, 3u);
            EXPECT_EQ(schedule.runs[r].position, (5 + tile.first_row) % 3);
        }
    }
}

TEST(Schedule, KindsThatAreAlikeShareTiles) {
    ScheduleInput in;
    in.rows = 32;
    in.position = 100;
    in.kinds = {0, 0, 1, 1, 1, 0};
    Schedule schedule = makeSchedule(Pattern("shifted:16"), in);
    ASSERT_EQ(schedule.groups.size(), 6u);
    EXPECT_EQ(schedule.tiles.size(), 8u);
    for (size_t group = 0; group < 6; group++)
        EXPECT_EQ(schedule.groups[group].first_tile, in.kinds[group] * 4u);
    in.kinds = {0};
    uint64_t first = makeSchedule(Pattern("shifted:16"), in).visible_pairs;
    in.kinds = {1};
    uint64_t second = makeSchedule(Pattern("shifted:16"), in).visible_pairs;
    EXPECT_EQ(schedule.visible_pairs, 3 * first + 3 * second);
}

TEST(Schedule, ListsAreStoredOncePerKind) {
    Lines lines;
    lines.columns_of = {{1, 5, 9, 500}, {2, 3}};
    lines.offsets = {{0, 64}};
    ScheduleInput in;
    in.position = 600;
    in.rows = 200;
    in.kinds = {1, 0, 1};
    Schedule schedule = makeSchedule(lines, in);
    EXPECT_EQ(schedule.lists, (std::vector<uint32_t>{2, 3, 1, 5, 9, 500}));
    EXPECT_EQ(mostRuns(schedule), 2u) << "a list and a band";
}

TEST(Schedule, ListsHoldSlotsOnlyWhereTheyArePositions) {
    Lines lines;
    lines.columns_of = {{2, 20}};
    ScheduleInput in;
    in.position = 20;
    in.slots.ring = 21;
    uint64_t most_keys = 0;
    EXPECT_EQ(makeDecodeSchedule(lines, in, most_keys).runs.at(0).list, 0u);
    in.slots.ring = 20; // the query itself lies in slot 0
    Schedule schedule = makeDecodeSchedule(lines, in, most_keys);
    ASSERT_EQ(schedule.runs.size(), 2u);
    EXPECT_EQ(schedule.runs[1].list, kNone);
    EXPECT_EQ(schedule.runs[1].slot, 0u);
    EXPECT_EQ(most_keys, 2u);
}

/// Even queries see two places, odd ones more of the first.
struct OverlappingPlaces : KeySource {
    void appendKeys(unsigned, uint32_t, uint64_t query,
                    std::vector<Interval> &keys) const override {
        keys.push_back({0, query % 2 == 0 ? 4u : 8u});
        keys.push_back({10, 14});
    }
};

TEST(Schedule, RunsAreCutAsLateAsPossible) {
    ScheduleInput in;
    in.position = 100;
    in.rows = 8;
    Schedule schedule = makeSchedule(OverlappingPlaces(), in);
    ASSERT_EQ(schedule.runs.size(), 2u); // and not 0..3, 4..7, 10..13
    EXPECT_EQ(schedule.runs[0].length, 8u);
    EXPECT_EQ(schedule.runs[1].bounds, kNone);
}

/// Even queries see the keys 0..3, odd ones four keys that begin `gap` keys later.
struct TwoPlaces : KeySource {
    explicit TwoPlaces(uint64_t keys_between) : gap(keys_between) {}
    const uint64_t gap;
    void appendKeys(unsigned, uint32_t, uint64_t query,
                    std::vector<Interval> &keys) const override {
        uint64_t first = query % 2 == 0 ? 0 : 4 + gap;
        keys.push_back({first, first + 4});
    }
};

TEST(Schedule, RunsGoOnOverTinyGaps) {
    ScheduleInput in;
    in.position = 100;
    in.rows = 8;
    for (uint64_t gap : {0u, 1u, 4u}) {
        Schedule schedule = makeSchedule(TwoPlaces(gap), in);
        ASSERT_EQ(schedule.runs.size(), 1u) << gap;
        EXPECT_EQ(schedule.runs[0].length, 8 + gap);
        EXPECT_EQ(schedule.visible_pairs, 32u);
    }
    EXPECT_EQ(makeSchedule(TwoPlaces(5), in).runs.size(), 2u);
}

TEST(Schedule, ManyClassesStayInOrder) {
    ScheduleInput in;
    in.pass = 1;
    in.position = 900;
    in.rows = 180;
    const Schedule schedule = makeSchedule(Pattern("strided:90"), in);
    ASSERT_EQ(schedule.tiles.size(), 90u);
    for (uint32_t tile = 0; tile < 90; tile++)
        EXPECT_EQ(schedule.tiles[tile].first_row, tile);
}

TEST(Schedule, HalvesHaveEqualWork) {
    for (const char *spec : {"full", "window:512", "fixed:128,8", "chunked:300", "strided:16"})
        for (auto [position, rows] : {std::pair{0u, 512u}, {8192u, 256u}, {100u, 200u}}) {
            Schedule schedule = scheduleOf(spec, position, rows);
            const size_t tiles = schedule.tiles.size();
            std::vector<uint64_t> before{0}; // keys of the tiles before
            uint64_t most = 0;
            for (const ScheduleTile &tile : schedule.tiles) {
                uint64_t keys = 0;
                for (uint32_t r = tile.first_run; r < tile.end_run; r++)
                    keys += schedule.runs[r].length;
                most = std::max(most, keys);
                before.push_back(before.back() + keys);
            }
            // An odd tile in the middle may lie on either side.
            double first = static_cast<double>(before[tiles / 2] + before[(tiles + 1) / 2]) / 2;
            EXPECT_NEAR(first, static_cast<double>(before.back()) / 2, static_cast<double>(most))
                << spec << " " << position;
            if (std::string(spec) == "full" && position == 0) { // a quarter, too
                EXPECT_NEAR(static_cast<double>(before[tiles / 4]),
                            static_cast<double>(before.back()) / 4, static_cast<double>(most));
            }
        }
}

TEST(Schedule, RowsWithoutKeysHaveTiles) {
    Lines nothing;
    nothing.columns_of = {{}};
    ScheduleInput in;
    in.rows = 20;
    Schedule schedule = makeSchedule(nothing, in);
    EXPECT_EQ(schedule.tiles.size(), 3u);
    EXPECT_TRUE(schedule.runs.empty());
    uint64_t most_keys = 1;
    EXPECT_EQ(makeDecodeSchedule(nothing, in, most_keys).tiles.size(), 1u);
    EXPECT_EQ(most_keys, 0u);
}

TEST(Schedule, SizeFollowsTheChunk) {
    for (const char *spec :
         {"full", "window:4096", "sinks:4+2044", "chunked:2048", "dilated:512x4"})
        EXPECT_LE(scheduleOf(spec, 1'000'000, 256).words(), 3000u) << spec;
    EXPECT_LE(scheduleOf("bigbird:64,3,2,3", 1'000'000, 256).words(), 5000u);
    // One list for all tiles.
    EXPECT_LE(scheduleOf("fixed:128,8", 100'000, 256).words(), 8u * 790 + 3000);
    EXPECT_EQ(scheduleOf("strided:90", 1'000'000, 256).words(),
              scheduleOf("strided:90", 10'000, 256).words());
}

TEST(Schedule, IsMadeQuickly) {
    struct Case {
        const char *spec;
        double most_ms; // far above what is measured (0.01 and 0.3): machines are shared
    };
    for (const Case &c : {Case{"full", 1}, Case{"window:512", 1}, Case{"fixed:128,8", 20},
                          Case{"bigbird:64,3,2,3", 20}}) {
        double best_ms = 1e9;
        for (int time = 0; time < 5; time++) {
            auto start = std::chrono::steady_clock::now();
            Schedule schedule = scheduleOf(c.spec, 8192, 256);
            std::chrono::duration<double, std::milli> spent =
                std::chrono::steady_clock::now() - start;
            best_ms = std::min(best_ms, spent.count());
        }
        RecordProperty(c.spec, std::to_string(best_ms));
        EXPECT_LT(best_ms, c.most_ms) << c.spec;
    }
}

} // namespace
} // namespace longscope::attention
