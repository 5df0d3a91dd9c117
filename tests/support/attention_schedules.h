// Schedules for the tests of attention kernels: made by hand or at random, written for the device,
// and read as their definition says (compute/attention/schedule.h, shaders/params.h).
#pragma once

#include "compute/attention/schedule.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace longscope::test {

inline gpu::Buffer uploadSchedule(const attention::Schedule &schedule) {
    std::vector<uint32_t> words(schedule.words());
    schedule.write(words);
    return upload(words);
}

/// Makes a schedule by hand: groups of tiles of runs, each added to the last one.
struct ScheduleMaker {
    uint32_t tile_rows = 8;
    attention::Schedule schedule{};

    void addGroup() { schedule.groups.push_back({.first_tile = tiles(), .tiles = 0}); }
    void addTile(uint32_t first_row, uint32_t row_step, uint32_t rows) {
        auto run = static_cast<uint32_t>(schedule.runs.size());
        schedule.tiles.push_back({first_row, row_step, rows, run, run});
        ++schedule.groups.back().tiles;
    }
    attention::ScheduleRun &addRun(uint32_t slot, uint32_t position, uint32_t step,
                                   uint32_t length) {
        schedule.runs.push_back({slot, position, step, length});
        ++schedule.tiles.back().end_run;
        return schedule.runs.back();
    }
    /// Of the last run; `boundsOf` gives (first, end) of every query of a tile.
    void addBounds(const std::function<std::pair<uint32_t, uint32_t>(uint32_t query)> &boundsOf) {
        schedule.runs.back().bounds =
            static_cast<uint32_t>(schedule.bounds.size() / (2 * tile_rows));
        for (uint32_t query = 0; query < tile_rows; ++query) {
            auto [first, end] = boundsOf(query);
            schedule.bounds.insert(schedule.bounds.end(), {first, end});
        }
    }
    /// Makes a list of the last run.
    void addList(std::span<const uint32_t> list) {
        schedule.runs.back().list = static_cast<uint32_t>(schedule.lists.size());
        schedule.lists.insert(schedule.lists.end(), list.begin(), list.end());
    }
    uint32_t tiles() const { return static_cast<uint32_t>(schedule.tiles.size()); }
};

/// One run a tile, every query sees the keys up to its own; row 0 is at `position`.
inline attention::Schedule causalSchedule(uint32_t rows, uint32_t position, uint32_t groups,
                                          uint32_t tile_rows = 8) {
    ScheduleMaker maker{.tile_rows = tile_rows};
    maker.addGroup();
    for (uint32_t row = 0; row < rows; row += tile_rows) {
        maker.addTile(row, 1, std::min(tile_rows, rows - row));
        uint32_t length = position + std::min(row + tile_rows, rows);
        maker.addRun(0, 0, 1, length);
        maker.addBounds([&](uint32_t query) { return std::pair(0u, position + row + query + 1); });
    }
    maker.schedule.groups.resize(groups, maker.schedule.groups[0]);
    return maker.schedule;
}

struct RandomScheduleOptions {
    uint32_t groups = 1, most_runs = 4, most_step = 3, tile_rows = 8;
    bool lists = false, zones = false, bounds = true, row_steps = true;
};

/// Every row once in each group; runs anywhere in the cache, some of them hidden from queries.
inline attention::Schedule randomSchedule(uint32_t all_rows, uint32_t slots,
                                          RandomScheduleOptions options, Random &random) {
    ScheduleMaker maker{.tile_rows = options.tile_rows};
    auto addRandomRun = [&] {
        uint32_t step = 1 + random.below(options.most_step), slot = random.below(slots);
        uint32_t length = 1 + random.below((slots - 1 - slot) / step + 1);
        uint32_t position = random.below(slots - (length - 1) * step);
        maker.addRun(slot, position, step, length).zone = options.zones ? random.below(2) : 0;
        if (options.lists && random.below(2)) {
            std::vector<uint32_t> list(length);
            for (uint32_t &key : list)
                key = random.below(slots);
            maker.addList(list);
        }
        if (options.bounds && random.below(4))
            maker.addBounds([&](uint32_t) {
                uint32_t first = random.below(length + 1);
                return std::pair(first, random.below(length + 1)); // a third are empty
            });
    };
    for (uint32_t group = 0; group < options.groups; ++group) {
        maker.addGroup();
        uint32_t row_step = options.row_steps ? 1 + random.below(std::min(all_rows, 3u)) : 1;
        for (uint32_t first = 0; first < row_step; ++first)
            for (uint32_t row = first; row < all_rows; row += row_step * options.tile_rows) {
                uint32_t rows = (all_rows - row + row_step - 1) / row_step;
                maker.addTile(row, row_step, std::min(rows, options.tile_rows));
                for (uint32_t run = random.below(options.most_runs + 1); run > 0; --run)
                    addRandomRun();
            }
    }
    return maker.schedule;
}

/// A key that a query sees.
struct SeenKey {
    uint32_t slot, position, zone;
};

/// What a head's row sees: (head, row) -> keys; rows of no tile are absent.
using SeenKeys = std::map<std::pair<uint32_t, uint32_t>, std::vector<SeenKey>>;

inline SeenKeys seenKeys(const attention::Schedule &schedule, uint32_t heads,
                         uint32_t tile_rows = 8) {
    SeenKeys seen;
    for (uint32_t head = 0; head < heads; ++head) {
        const auto &group = schedule.groups[head * schedule.groups.size() / heads];
        for (uint32_t tile = group.first_tile; tile < group.first_tile + group.tiles; ++tile) {
            const attention::ScheduleTile &t = schedule.tiles[tile];
            for (uint32_t query = 0; query < t.rows; ++query) {
                auto &keys = seen[{head, t.first_row + query * t.row_step}];
                for (uint32_t run = t.first_run; run < t.end_run; ++run) {
                    const attention::ScheduleRun &r = schedule.runs[run];
                    for (uint32_t i = 0; i < r.length; ++i) {
                        const uint32_t *bounds =
                            r.bounds == attention::kNone
                                ? nullptr
                                : &schedule.bounds[(r.bounds * tile_rows + query) * 2];
                        if (bounds && (i < bounds[0] || i >= bounds[1]))
                            continue;
                        bool listed = r.list != attention::kNone;
                        uint32_t key = listed ? schedule.lists[r.list + i] : 0;
                        keys.push_back({listed ? key : r.slot + i * r.step,
                                        listed ? key : r.position + i * r.step, r.zone});
                    }
                }
            }
        }
    }
    return seen;
}

/// Slots that a run of the schedule has.
inline std::set<uint64_t> slotsOf(const attention::Schedule &schedule) {
    std::set<uint64_t> slots;
    for (const attention::ScheduleRun &run : schedule.runs)
        for (uint32_t i = 0; i < run.length; ++i)
            slots.insert(run.list == attention::kNone ? run.slot + i * run.step
                                                      : schedule.lists[run.list + i]);
    return slots;
}

} // namespace longscope::test
