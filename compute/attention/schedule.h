// From a rule to work: which tiles of queries read which runs of keys. A schedule is made for one
// chunk of queries, so its size follows the keys visited by the chunk, never n^2. Layout on the
// device: shaders/params.h, "schedule". Pure arithmetic.
#pragma once

#include "compute/attention/pattern.h"

namespace longscope::attention {

/// Where a position lies in the cache: p < sinks ? p : sinks + (p - sinks) % ring.
struct SlotMap {
    uint64_t sinks = 0, ring = uint64_t{1} << 62;
    bool operator==(const SlotMap &) const = default;
    uint64_t slotOf(uint64_t position) const {
        return position < sinks ? position : sinks + (position - sinks) % ring;
    }
};

/// Which keys count as far (zone 1: other rotations of q and k): those at a distance of
/// `near_keys` and more, or those at positions below `sinks`. Default: none.
struct Zones {
    uint64_t near_keys = UINT64_MAX;
    uint64_t sinks = 0;
    bool any() const { return near_keys != UINT64_MAX || sinks > 0; }
    bool isFar(uint64_t query, uint64_t key) const {
        return key < sinks || (query >= key && query - key >= near_keys);
    }
};

struct ScheduleInput {
    unsigned pass = 0;
    uint64_t position = 0; ///< of row 0
    uint32_t rows = 0;
    uint32_t tile_rows = 8;         ///< queries of one workgroup
    uint32_t key_step = 1;          ///< keys that the kernel takes at a time, for `computed`
    std::vector<uint32_t> kinds{0}; ///< of each head group of the grid
    SlotMap slots;
    Zones zones;
};

constexpr uint32_t kNone = 0xffffffff;

struct ScheduleTile {
    uint32_t first_row = 0, row_step = 1, rows = 0, first_run = 0, end_run = 0;
};

struct ScheduleRun {
    uint32_t slot = 0, position = 0, step = 1, length = 0;
    uint32_t bounds = kNone, list = kNone, zone = 0;
};

struct Schedule {
    struct Group {
        uint32_t first_tile = 0, tiles = 0;
    };
    std::vector<Group> groups; ///< of head groups; kinds that are alike share their tiles
    std::vector<ScheduleTile> tiles;
    std::vector<ScheduleRun> runs;
    std::vector<uint32_t> bounds; ///< [index][tile_rows][2]
    std::vector<uint32_t> lists;
    /// Summed over head groups: pairs that count, and pairs that the kernel computes.
    uint64_t visible_pairs = 0, computed_pairs = 0;

    uint32_t mostTiles() const;
    uint64_t words() const; ///< of the device's form
    /// Writes the device's form; out.size() >= words().
    void write(std::span<uint32_t> out) const;
};

/// A schedule for `rows` queries. Heavy tiles are paired with light ones in the order of the grid
/// (the software device gives each thread one contiguous half). Far runs come before near ones.
Schedule makeSchedule(const KeySource &keys, const ScheduleInput &input);

/// For one query: all passes together as runs without bounds, one tile a group.
/// `most_keys` is the largest number of keys of a group.
Schedule makeDecodeSchedule(const KeySource &keys, const ScheduleInput &input, uint64_t &most_keys);

} // namespace longscope::attention
