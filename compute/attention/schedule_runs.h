// From the keys that the rows of one tile see to runs: stretches of keys of which every row sees
// one contiguous part or none. Inside compute/attention only.
#pragma once

#include "compute/attention/pattern.h"

namespace longscope::attention {

/// Where no row sees anything for at most this many keys, one run goes on: shorter than what
/// starting another run costs.
constexpr uint64_t kTinyGap = 4;

/// The keys of the rows of a tile: for each row sorted intervals that do not touch.
struct RowKeys {
    std::vector<Interval> intervals;
    std::vector<uint32_t> ends; ///< of row r in intervals

    void clear();
    size_t rows() const { return ends.size(); }
    std::span<const Interval> row(size_t r) const;
    /// Ends a row: joins what touches or overlaps among the intervals added since the last row.
    void finishRow();
};

/// Cuts the keys of a tile into as few runs as there can be, from the left to the right.
class RunCutter {
  public:
    explicit RunCutter(const RowKeys &keys);
    /// The next run, or false. `seen[row]` is what the row sees of it (empty: first = end).
    bool next(Interval &run, std::vector<Interval> &seen);

  private:
    struct Cursor {
        const Interval *at, *end;
        uint64_t first; ///< where the rest of *at begins; kDone: nothing is left
    };
    uint64_t reachFrom(uint64_t start, uint64_t cut) const;

    std::vector<Cursor> cursors_;
};

} // namespace longscope::attention
