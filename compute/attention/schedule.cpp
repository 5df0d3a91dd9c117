#include "compute/attention/schedule.h"

#include "compute/attention/run_builder.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace longscope::attention {
namespace {

// As in shaders/params.h.
constexpr uint64_t kHeaderWords = 4, kTileWords = 8, kRunWords = 8;

// With so many residue classes as this the tiles stay as they are, class by class: all classes are
// the same work, and the keys of a class are far apart in memory, but beside those of the next one.
constexpr uint32_t kManyClasses = 16;

/// Orders tiles so that both halves of the list have about the same work, and in each half light
/// ones stand between heavy ones.
void balance(std::vector<ScheduleTile> &tiles, size_t first, const std::vector<uint64_t> &work) {
    std::vector<uint32_t> order(work.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, std::greater(), [&](uint32_t i) { return work[i]; });
    std::vector<uint32_t> halves[2];
    uint64_t sums[2] = {0, 0};
    const size_t room[2] = {order.size() / 2, order.size() - order.size() / 2};
    for (uint32_t i : order) { // the heaviest first, each to the half that has less
        size_t half = sums[0] <= sums[1] ? 0 : 1;
        if (halves[half].size() == room[half])
            half = 1 - half;
        halves[half].push_back(i);
        sums[half] += work[i];
    }
    const std::vector<ScheduleTile> old(tiles.begin() + static_cast<ptrdiff_t>(first), tiles.end());
    for (const std::vector<uint32_t> &half : halves)
        for (size_t x = 0; x < half.size(); x++)
            tiles[first++] = old[half[x % 2 == 0 ? half.size() - 1 - x / 2 : x / 2]];
}

/// Appends the tiles of a kind.
Schedule::Group addTiles(const ScheduleInput &input, uint32_t step, RunBuilder &builder,
                         Schedule &schedule) {
    std::vector<uint64_t> work;
    const size_t first_tile = schedule.tiles.size();
    for (uint32_t first = 0; first < std::min(step, input.rows); first++) {
        const uint32_t class_rows = (input.rows - first + step - 1) / step;
        for (uint32_t done = 0; done < class_rows; done += input.tile_rows) {
            ScheduleTile tile;
            tile.first_row = first + done * step;
            tile.row_step = step;
            tile.rows = std::min(input.tile_rows, class_rows - done);
            tile.first_run = toWord(schedule.runs.size());
            uint64_t before = builder.computed_pairs;
            builder.addRuns(input.pass, {input.position + tile.first_row, step, tile.rows});
            tile.end_run = toWord(schedule.runs.size());
            schedule.tiles.push_back(tile);
            work.push_back(builder.computed_pairs - before);
        }
    }
    if (step < kManyClasses)
        balance(schedule.tiles, first_tile, work);
    return {toWord(first_tile), toWord(schedule.tiles.size() - first_tile)};
}

/// One tile with the runs of all passes.
Schedule::Group addDecodeTile(const KeySource &keys, const ScheduleInput &input,
                              RunBuilder &builder, Schedule &schedule) {
    ScheduleTile tile;
    tile.rows = 1;
    tile.first_run = toWord(schedule.runs.size());
    for (unsigned pass = 0; pass < keys.passes(); pass++)
        builder.addRuns(pass, {input.position, keys.step(pass), 1});
    tile.end_run = toWord(schedule.runs.size());
    std::stable_partition(schedule.runs.begin() + tile.first_run, schedule.runs.end(),
                          [](const ScheduleRun &run) { return run.zone == 1; });
    schedule.tiles.push_back(tile);
    return {toWord(schedule.tiles.size() - 1), 1};
}

/// Makes a group for every head group; `addGroup` is called once for each kind.
template <class AddGroup>
void addGroups(const ScheduleInput &input, RunBuilder &builder, Schedule &schedule,
               AddGroup addGroup) {
    struct Made {
        uint32_t kind;
        Schedule::Group group;
        uint64_t visible_pairs, computed_pairs;
    };
    std::vector<Made> made;
    for (uint32_t kind : input.kinds) {
        auto found = std::ranges::find(made, kind, &Made::kind);
        if (found == made.end()) {
            builder.visible_pairs = builder.computed_pairs = 0;
            builder.beginKind(kind);
            Schedule::Group group = addGroup();
            made.push_back({kind, group, builder.visible_pairs, builder.computed_pairs});
            found = made.end() - 1;
        }
        schedule.groups.push_back(found->group);
        schedule.visible_pairs += found->visible_pairs;
        schedule.computed_pairs += found->computed_pairs;
    }
}

} // namespace

uint32_t Schedule::mostTiles() const {
    uint32_t most = 0;
    for (const Group &group : groups)
        most = std::max(most, group.tiles);
    return most;
}

uint64_t Schedule::words() const {
    return kHeaderWords + 2 * groups.size() + kTileWords * tiles.size() + kRunWords * runs.size() +
           bounds.size() + lists.size();
}

void Schedule::write(std::span<uint32_t> out) const {
    assert(out.size() >= words());
    uint64_t at = kHeaderWords;
    auto put = [&](uint32_t word) { out[at++] = word; };
    for (const Group &group : groups) {
        put(group.first_tile);
        put(group.tiles);
    }
    out[0] = static_cast<uint32_t>(at);
    for (const ScheduleTile &t : tiles)
        for (uint32_t word : {t.first_row, t.row_step, t.rows, t.first_run, t.end_run, 0u, 0u, 0u})
            put(word);
    out[1] = static_cast<uint32_t>(at);
    for (const ScheduleRun &r : runs)
        for (uint32_t word : {r.slot, r.position, r.step, r.length, r.bounds, r.list, r.zone, 0u})
            put(word);
    out[2] = static_cast<uint32_t>(at);
    for (uint32_t word : bounds)
        put(word);
    out[3] = static_cast<uint32_t>(at);
    for (uint32_t word : lists)
        put(word);
}

Schedule makeSchedule(const KeySource &keys, const ScheduleInput &input) {
    Schedule schedule;
    RunBuilder builder(keys, input, input.tile_rows, schedule);
    addGroups(input, builder, schedule,
              [&] { return addTiles(input, keys.step(input.pass), builder, schedule); });
    return schedule;
}

Schedule makeDecodeSchedule(const KeySource &keys, const ScheduleInput &input,
                            uint64_t &most_keys) {
    Schedule schedule;
    RunBuilder builder(keys, input, 1, schedule);
    most_keys = 0;
    addGroups(input, builder, schedule, [&] {
        Schedule::Group group = addDecodeTile(keys, input, builder, schedule);
        most_keys = std::max(most_keys, builder.visible_pairs);
        return group;
    });
    return schedule;
}

} // namespace longscope::attention
