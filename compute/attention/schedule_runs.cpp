#include "compute/attention/schedule_runs.h"

#include <algorithm>

namespace longscope::attention {
namespace {

constexpr uint64_t kDone = UINT64_MAX;

} // namespace

void RowKeys::clear() {
    intervals.clear();
    ends.clear();
}

std::span<const Interval> RowKeys::row(size_t r) const {
    size_t first = r == 0 ? 0 : ends[r - 1];
    return std::span(intervals).subspan(first, ends[r] - first);
}

void RowKeys::finishRow() {
    const size_t base = ends.empty() ? 0 : ends.back();
    size_t kept = base;
    for (size_t i = base; i < intervals.size(); i++) {
        const Interval next = intervals[i];
        if (next.first >= next.end)
            continue;
        if (kept > base && intervals[kept - 1].end >= next.first)
            intervals[kept - 1].end = std::max(intervals[kept - 1].end, next.end);
        else
            intervals[kept++] = next;
    }
    intervals.resize(kept);
    ends.push_back(static_cast<uint32_t>(kept));
}

RunCutter::RunCutter(const RowKeys &keys) {
    cursors_.reserve(keys.rows());
    for (size_t r = 0; r < keys.rows(); r++) {
        std::span<const Interval> row = keys.row(r);
        cursors_.push_back(
            {row.data(), row.data() + row.size(), row.empty() ? kDone : row.front().first});
    }
}

/// End of the run that begins at `start`: rows whose keys come without a gap join it, up to `cut`.
uint64_t RunCutter::reachFrom(uint64_t start, uint64_t cut) const {
    uint64_t reach = start, before;
    do {
        before = reach;
        for (const Cursor &cursor : cursors_)
            if (cursor.first < cut && cursor.first <= reach + kTinyGap)
                reach = std::max(reach, std::min(cursor.at->end, cut));
    } while (reach != before);
    return reach;
}

bool RunCutter::next(Interval &run, std::vector<Interval> &seen) {
    // A run may not hold two intervals of a row, so it ends where the first second one begins. To
    // cut as late as possible gives the fewest runs.
    uint64_t start = kDone, cut = kDone;
    for (const Cursor &cursor : cursors_) {
        start = std::min(start, cursor.first);
        if (cursor.first != kDone && cursor.at + 1 != cursor.end)
            cut = std::min(cut, cursor.at[1].first);
    }
    if (start == kDone)
        return false;
    run = {start, reachFrom(start, cut)};
    seen.clear();
    for (Cursor &cursor : cursors_) {
        if (cursor.first >= run.end) {
            seen.push_back({start, start});
            continue;
        }
        seen.push_back({cursor.first, std::min(cursor.at->end, run.end)});
        if (cursor.at->end > run.end)
            cursor.first = run.end;
        else
            cursor.first = ++cursor.at == cursor.end ? kDone : cursor.at->first;
    }
    return true;
}

} // namespace longscope::attention
