// Schedules: what the device's words say must be exactly the keys of the pattern, each in its slot
// and zone and none twice, for random patterns, places, rings and zones.
#include "tests/support/schedule_reader.h"

#include <format>
#include <random>

namespace longscope::attention {
namespace {

template <class Source>
Pairs expectedPairs(const Source &source, uint32_t kind, const ScheduleInput &in) {
    Pairs pairs;
    for (uint64_t row = 0; row < in.rows; row++)
        for (uint64_t key = 0; key <= in.position + row; key++)
            if (source.sees(kind, in.position + row, key)) {
                uint32_t zone = in.zones.isFar(in.position + row, key) ? 1 : 0;
                pairs[{row, key}] = {in.slots.slotOf(key), zone};
            }
    return pairs;
}

uint64_t computedPairs(const Schedule &schedule, const ScheduleInput &in) {
    uint64_t computed = 0;
    for (const Schedule::Group &group : schedule.groups)
        for (uint32_t t = group.first_tile; t < group.first_tile + group.tiles; t++)
            for (uint32_t r = schedule.tiles[t].first_run; r < schedule.tiles[t].end_run; r++) {
                uint64_t steps = (schedule.runs[r].length + in.key_step - 1) / in.key_step;
                computed += steps * in.key_step * in.tile_rows;
            }
    return computed;
}

template <class Source>
void expectExact(const Source &source, ScheduleInput in, const std::string &what) {
    SCOPED_TRACE(std::format("{} position {} rows {} tile {} sinks {} ring {} near {} far sinks {}",
                             what, in.position, in.rows, in.tile_rows, in.slots.sinks,
                             in.slots.ring, in.zones.near_keys, in.zones.sinks));
    std::vector<Pairs> found(in.kinds.size());
    uint64_t visible = 0, pairs = 0;
    for (in.pass = 0; in.pass < source.passes(); in.pass++) {
        Schedule schedule = makeSchedule(source, in);
        EXPECT_EQ(schedule.computed_pairs, computedPairs(schedule, in));
        visible += schedule.visible_pairs;
        Words words(schedule, in.tile_rows);
        for (uint32_t group = 0; group < in.kinds.size(); group++)
            ASSERT_NO_FATAL_FAILURE(words.expand(group, found[group]));
    }
    for (size_t group = 0; group < in.kinds.size(); group++) {
        ASSERT_EQ(found[group], expectedPairs(source, in.kinds[group], in)) << "group " << group;
        pairs += found[group].size();
    }
    EXPECT_EQ(visible, pairs);
}

/// Every query by itself, as decode reads it (identity 5 of methods.md 0.3).
template <class Source>
void expectDecodeExact(const Source &source, ScheduleInput in, const std::string &what) {
    in.rows = 1;
    SCOPED_TRACE(std::format("{} position {} sinks {} ring {} near {}", what, in.position,
                             in.slots.sinks, in.slots.ring, in.zones.near_keys));
    uint64_t most_keys = 0, most = 0;
    Schedule schedule = makeDecodeSchedule(source, in, most_keys);
    EXPECT_TRUE(schedule.bounds.empty());
    EXPECT_EQ(schedule.mostTiles(), 1u);
    Words words(schedule, 1);
    for (uint32_t group = 0; group < in.kinds.size(); group++) {
        Pairs found;
        ASSERT_NO_FATAL_FAILURE(words.expand(group, found));
        ASSERT_EQ(found, expectedPairs(source, in.kinds[group], in)) << "group " << group;
        most = std::max<uint64_t>(most, found.size());
    }
    EXPECT_EQ(most_keys, most);
}

// ---- random patterns ---------------------------------------------------------------------------

struct Random {
    std::mt19937 engine;
    uint32_t operator()(uint32_t least, uint32_t most) {
        return std::uniform_int_distribution<uint32_t>(least, most)(engine);
    }
};

std::vector<std::string> randomSpecs(Random &up) {
    return {"full",
            std::format("window:{}", up(1, 40)),
            std::format("dilated:{}x{}", up(1, 12), up(1, 9)),
            std::format("longformer:{}+{}", up(1, 30), up(0, 9)),
            std::format("bigbird:{},{},{},{},{}", up(1, 9), up(1, 3), up(0, 3), up(0, 4), up(0, 9)),
            std::format("strided:{}", up(1, 17)),
            std::format("strided:{},code", up(1, 17)),
            std::format("fixed:{},{}", up(4, 17), up(1, 4)),
            std::format("chunked:{}", up(1, 30)),
            std::format("shifted:{}", up(1, 30)),
            std::format("sinks:{}+{}", up(0, 6), up(1, 30)),
            std::format("rolling:{}+{}", up(0, 6), up(1, 30)),
            std::format("a-shape:{}+{}", up(0, 6), up(1, 30)),
            "topk:4"};
}

ScheduleInput randomInput(Random &up) {
    ScheduleInput in;
    in.position = up(0, 1) ? up(0, 150) : up(0, 20);
    in.rows = up(1, 90);
    in.tile_rows = up(0, 1) ? 8 : 64;
    in.key_step = up(1, 8);
    return in;
}

void addZones(Random &up, ScheduleInput &in, bool also_sinks) {
    if (up(0, 1))
        in.zones.near_keys = up(0, 60);
    if (also_sinks && up(0, 1))
        in.zones.sinks = up(1, 9);
}

TEST(Schedule, HoldsExactlyThePattern) {
    Random up{std::mt19937(1)};
    for (int round = 0; round < 25; round++)
        for (const std::string &spec : randomSpecs(up)) {
            Pattern pattern(spec);
            ScheduleInput in = randomInput(up);
            if (pattern.headKinds() == 2)
                in.kinds = {1, 0, 1};
            addZones(up, in, true);
            expectExact(pattern, in, spec);
            expectDecodeExact(pattern, in, spec);
            if (HasFailure())
                return;
        }
}

TEST(Schedule, HoldsExactlyAMaskOfBlocks) {
    Random up{std::mt19937(2)};
    for (int round = 0; round < 25; round++) {
        BlockMask mask;
        mask.block_tokens = up(1, 20);
        for (uint32_t rows = up(1, 9), i = 0; i < rows; i++) {
            mask.rows.emplace_back(i + 1);
            for (uint32_t j = 0; j <= i; j++)
                mask.rows[i][j] = up(0, 2) > 0;
        }
        Pattern pattern("blocks:random", std::make_shared<const BlockMask>(mask));
        ScheduleInput in = randomInput(up);
        expectExact(pattern, in, "blocks");
        expectDecodeExact(pattern, in, "blocks");
    }
}

TEST(Schedule, FollowsTheRing) {
    Random up{std::mt19937(3)};
    for (int round = 0; round < 40; round++)
        for (const std::string &spec : randomSpecs(up)) {
            Pattern pattern(spec);
            std::optional<Retention> kept = pattern.retention();
            if (!kept)
                continue;
            ScheduleInput in = randomInput(up);
            in.slots = {kept->sinks, kept->window + in.rows + up(0, 9)};
            if (pattern.headKinds() == 2)
                in.kinds = {0, 1};
            addZones(up, in, true);
            expectExact(pattern, in, spec);
            in.slots.ring = kept->window;
            expectDecodeExact(pattern, in, spec);
            if (HasFailure())
                return;
        }
}

Lines randomLines(Random &up) {
    Lines lines;
    for (uint32_t kind = 0, kinds = up(1, 3); kind < kinds; kind++) {
        std::vector<uint32_t> &columns = lines.columns_of.emplace_back();
        uint32_t sparse = up(1, 12);
        for (uint32_t c = 0; c < 250; c++)
            if (up(0, sparse) == 0)
                columns.push_back(c);
    }
    for (uint64_t offset = up(0, 1) ? 0 : up(1, 30); lines.offsets.size() < up(0, 5);) {
        uint64_t width = up(0, 1) ? 1 : up(1, 40);
        lines.offsets.push_back({offset, offset + width});
        offset += width + up(1, 30);
    }
    return lines;
}

TEST(Schedule, HoldsExactlyColumnsAndBands) {
    Random up{std::mt19937(4)};
    for (int round = 0; round < 300 && !testing::Test::HasFailure(); round++) {
        Lines lines = randomLines(up);
        ScheduleInput in = randomInput(up);
        in.kinds.resize(up(1, 4));
        for (uint32_t &kind : in.kinds)
            kind = up(0, lines.headKinds() - 1);
        addZones(up, in, true);
        if (up(0, 3) == 0) // slots that are no positions: no lists
            in.slots.ring = in.position + in.rows - up(0, in.rows > 1 ? 1 : 0);
        expectExact(lines, in, "lines");
        expectDecodeExact(lines, in, "lines");
    }
}

TEST(Schedule, GoldenOfVerticalSlash) {
    Lines lines;
    lines.columns_of = {{0, 3}};
    lines.offsets = {{0, 2}, {4, 5}};
    ScheduleInput in;
    in.rows = 8;
    Schedule schedule = makeSchedule(lines, in);
    EXPECT_EQ(schedule.visible_pairs, 26u);
    Pairs pairs;
    Words(schedule, 8).expand(0, pairs);
    std::string last;
    for (uint64_t key = 0; key < 8; key++)
        last += pairs.contains({7, key}) ? '1' : '.';
    EXPECT_EQ(last, "1..1..11");
}

} // namespace
} // namespace longscope::attention
