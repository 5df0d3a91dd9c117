// Appends the runs of one tile after the other to a schedule: collects the keys of the rows, parts
// near and far ones, finds which columns can be read through the list, and maps positions to slots.
// Inside compute/attention only.
#pragma once

#include "compute/attention/schedule.h"
#include "compute/attention/schedule_runs.h"

#include <cassert>

namespace longscope::attention {

inline uint32_t toWord(uint64_t value) {
    assert(value <= UINT32_MAX);
    return static_cast<uint32_t>(value);
}

/// Queries of a tile: first, first + step, ...
struct Queries {
    uint64_t first = 0;
    uint32_t step = 1, rows = 1;
    uint64_t last() const { return first + uint64_t{step} * (rows - 1); }
};

/// Keeps its vectors from tile to tile.
class RunBuilder {
  public:
    RunBuilder(const KeySource &keys, const ScheduleInput &input, uint32_t tile_rows,
               Schedule &schedule)
        : keys_(keys), input_(input), tile_rows_(tile_rows), schedule_(schedule) {}

    /// From here on the tiles are of heads of this kind.
    void beginKind(uint32_t kind);
    void addRuns(unsigned pass, const Queries &queries);

    uint64_t visible_pairs = 0, computed_pairs = 0;

  private:
    uint64_t farEnd(uint64_t query) const;
    void collect(unsigned pass);
    void findExactColumns();
    void insertColumns();
    void splitZones();
    void addListRuns(uint32_t zone);
    void addListRun(uint64_t list, uint64_t length, uint32_t zone);
    bool slotsArePositions() const;
    void addKeyRuns(const RowKeys &keys, uint32_t zone);
    void addShortRuns(uint32_t zone);
    void addRun(const Interval &run, uint32_t zone);
    void addPiece(const Interval &piece, uint32_t zone);

    const KeySource &keys_;
    const ScheduleInput &input_;
    const uint32_t tile_rows_;
    Schedule &schedule_;
    uint32_t kind_ = 0;
    std::span<const uint32_t> columns_; ///< of the kind
    uint32_t list_ = 0;                 ///< where they lie in schedule_.lists

    Queries queries_; ///< of the tile
    RowKeys rows_, far_, near_;
    std::vector<Interval> seen_;
    std::vector<Interval> exact_;    ///< where columns are intervals of their rows
    std::vector<uint32_t> inserted_; ///< columns there
    std::vector<Interval> listed_;   ///< indices of the others in columns_

    std::vector<Interval> short_runs_;  ///< of the tile: those that a list may hold
    std::vector<Interval> listed_runs_; ///< the runs of the list made last ...
    uint64_t short_list_ = 0;           ///< ... which lies there in schedule_.lists
    uint64_t short_keys_ = 0;           ///< ... and has so many keys
};

} // namespace longscope::attention
