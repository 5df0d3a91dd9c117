#include "compute/attention/run_builder.h"

#include <algorithm>

namespace longscope::attention {
namespace {

/// Runs that all rows see whole are read through one list where there are at least so many that are
/// so short: a list costs 5 % more a key, starting a run as much as half a key of every row, and
/// each ends amid a step.
constexpr uint64_t kShortRun = 24;
constexpr size_t kFewRuns = 4;

uint64_t roundUp(uint64_t value, uint64_t step) {
    return (value + step - 1) / step * step;
}

} // namespace

void RunBuilder::beginKind(uint32_t kind) {
    kind_ = kind;
    columns_ = keys_.columns(kind);
    list_ = toWord(schedule_.lists.size());
    schedule_.lists.insert(schedule_.lists.end(), columns_.begin(), columns_.end());
}

void RunBuilder::addRuns(unsigned pass, const Queries &queries) {
    queries_ = queries;
    collect(pass);
    listed_.clear();
    if (pass == 0 && !columns_.empty()) {
        findExactColumns();
        insertColumns();
    }
    if (!input_.zones.any()) {
        addListRuns(0);
        addKeyRuns(rows_, 0);
        return;
    }
    splitZones();
    addListRuns(1);
    addKeyRuns(far_, 1);
    addListRuns(0);
    addKeyRuns(near_, 0);
}

/// The keys below this one are far for a query: both rules of Zones say so of a prefix.
uint64_t RunBuilder::farEnd(uint64_t query) const {
    const Zones &zones = input_.zones;
    uint64_t distant = query >= zones.near_keys ? query - zones.near_keys + 1 : 0;
    return std::max(distant, zones.sinks);
}

void RunBuilder::collect(unsigned pass) {
    rows_.clear();
    for (uint32_t row = 0; row < queries_.rows; row++) {
        keys_.appendKeys(pass, kind_, queries_.first + uint64_t{row} * queries_.step,
                         rows_.intervals);
        rows_.finishRow();
    }
}

/// Columns are read through the list where all rows see them and no run is. Elsewhere (among the
/// runs, beside the diagonal, where the zones meet) they become intervals of the rows.
void RunBuilder::findExactColumns() {
    exact_ = rows_.intervals;
    exact_.push_back({queries_.first + 1, UINT64_MAX});
    if (input_.zones.any()) // when empty it still parts the list
        exact_.push_back({farEnd(queries_.first), farEnd(queries_.last())});
    if (!slotsArePositions())
        exact_.push_back({0, UINT64_MAX});
    std::ranges::sort(exact_, {}, &Interval::first);

    auto indexOf = [&](uint64_t position) {
        return static_cast<uint64_t>(std::ranges::lower_bound(columns_, position) -
                                     columns_.begin());
    };
    inserted_.clear();
    uint64_t done = 0; // columns; spans may overlap
    for (const Interval &span : exact_) {
        uint64_t first = std::max(done, indexOf(span.first)), end = indexOf(span.end);
        if (first > done)
            listed_.push_back({done, first});
        for (uint64_t i = first; i < end; i++)
            inserted_.push_back(columns_[i]);
        done = std::max(first, end);
    }
}

void RunBuilder::insertColumns() {
    if (inserted_.empty())
        return;
    RowKeys &merged = near_;
    merged.clear();
    for (uint32_t row = 0; row < queries_.rows; row++) {
        const uint64_t query = queries_.first + uint64_t{row} * queries_.step;
        std::span<const Interval> old = rows_.row(row);
        for (uint32_t column : inserted_) {
            if (column > query)
                break;
            while (!old.empty() && old.front().first <= column) {
                merged.intervals.push_back(old.front());
                old = old.subspan(1);
            }
            merged.intervals.push_back({column, uint64_t{column} + 1});
        }
        merged.intervals.insert(merged.intervals.end(), old.begin(), old.end());
        merged.finishRow();
    }
    std::swap(rows_, merged);
}

void RunBuilder::splitZones() {
    far_.clear();
    near_.clear();
    const uint64_t remainder = queries_.first % queries_.step;
    for (uint32_t row = 0; row < queries_.rows; row++) {
        uint64_t end = farEnd(queries_.first + uint64_t{row} * queries_.step);
        uint64_t units =
            end > remainder ? (end - remainder + queries_.step - 1) / queries_.step : 0;
        for (const Interval &keys : rows_.row(row)) {
            far_.intervals.push_back({keys.first, std::min(keys.end, units)});
            near_.intervals.push_back({std::max(keys.first, units), keys.end});
        }
        far_.finishRow();
        near_.finishRow();
    }
}

void RunBuilder::addListRuns(uint32_t zone) {
    for (const Interval &part : listed_) {
        bool is_far = input_.zones.any() && columns_[part.first] < farEnd(queries_.first);
        if (is_far != (zone == 1))
            continue;
        addListRun(list_ + part.first, part.end - part.first, zone);
    }
}

void RunBuilder::addListRun(uint64_t list, uint64_t length, uint32_t zone) {
    ScheduleRun run;
    run.slot = run.position = schedule_.lists[list];
    run.length = toWord(length);
    run.list = toWord(list);
    run.zone = zone;
    schedule_.runs.push_back(run);
    visible_pairs += queries_.rows * length;
    computed_pairs += tile_rows_ * roundUp(length, input_.key_step);
}

bool RunBuilder::slotsArePositions() const {
    return input_.slots.sinks + input_.slots.ring > queries_.last();
}

void RunBuilder::addKeyRuns(const RowKeys &keys, uint32_t zone) {
    const bool may_list = tile_rows_ > 1 && queries_.step == 1 && slotsArePositions();
    RunCutter cutter(keys);
    Interval run;
    short_runs_.clear();
    while (cutter.next(run, seen_)) {
        bool is_whole = std::ranges::count(seen_, run) == std::ssize(seen_);
        if (may_list && is_whole && run.end - run.first <= kShortRun)
            short_runs_.push_back(run);
        else
            addRun(run, zone);
    }
    addShortRuns(zone);
}

void RunBuilder::addShortRuns(uint32_t zone) {
    if (short_runs_.size() < kFewRuns) {
        for (const Interval &run : short_runs_) {
            seen_.assign(queries_.rows, run);
            addRun(run, zone);
        }
        return;
    }
    // Neighbouring tiles mostly see the same, or more: they share a list that grows.
    std::vector<uint32_t> &lists = schedule_.lists;
    const bool may_grow = short_list_ + short_keys_ == lists.size() && short_keys_ > 0;
    uint64_t shared = 0; // keys
    size_t i = 0;
    for (; may_grow && i < std::min(listed_runs_.size(), short_runs_.size()); i++) {
        if (listed_runs_[i] != short_runs_[i])
            break;
        shared += short_runs_[i].end - short_runs_[i].first;
    }
    if (i < short_runs_.size() && (!may_grow || i < listed_runs_.size())) {
        short_list_ = lists.size();
        listed_runs_.clear();
        i = shared = short_keys_ = 0;
    }
    for (; i < short_runs_.size(); i++) {
        for (uint64_t key = short_runs_[i].first; key < short_runs_[i].end; key++)
            lists.push_back(toWord(key));
        listed_runs_.push_back(short_runs_[i]);
        shared += short_runs_[i].end - short_runs_[i].first;
    }
    short_keys_ = lists.size() - short_list_;
    addListRun(short_list_, shared, zone);
}

/// Cuts a run where the slots jump: at the end of a lap of the ring.
void RunBuilder::addRun(const Interval &run, uint32_t zone) {
    const SlotMap &slots = input_.slots;
    const uint64_t remainder = queries_.first % queries_.step;
    for (uint64_t unit = run.first; unit < run.end;) {
        uint64_t position = remainder + unit * queries_.step;
        uint64_t lap = position < slots.sinks ? 0 : (position - slots.sinks) / slots.ring;
        uint64_t lap_end = slots.sinks + (lap + 1) * slots.ring;
        uint64_t end = (lap_end - remainder + queries_.step - 1) / queries_.step;
        addPiece({unit, std::min(end, run.end)}, zone);
        unit = end;
    }
}

void RunBuilder::addPiece(const Interval &piece, uint32_t zone) {
    const uint64_t position = queries_.first % queries_.step + piece.first * queries_.step;
    const uint64_t length = piece.end - piece.first;
    ScheduleRun run;
    run.slot = toWord(input_.slots.slotOf(position));
    run.position = toWord(position);
    run.step = queries_.step;
    run.length = toWord(length);
    run.zone = zone;
    bool sees_all = true;
    for (Interval &seen : seen_) {
        uint64_t first = std::clamp(seen.first, piece.first, piece.end) - piece.first;
        uint64_t end = std::clamp(seen.end, piece.first, piece.end) - piece.first;
        sees_all = sees_all && first == 0 && end == length;
        visible_pairs += end - first;
    }
    if (!sees_all) {
        run.bounds = toWord(schedule_.bounds.size() / (2 * tile_rows_));
        for (uint32_t row = 0; row < tile_rows_; row++) {
            const Interval &seen = seen_[std::min<size_t>(row, seen_.size() - 1)];
            uint64_t first = std::clamp(seen.first, piece.first, piece.end) - piece.first;
            uint64_t end = std::clamp(seen.end, piece.first, piece.end) - piece.first;
            schedule_.bounds.push_back(toWord(first));
            schedule_.bounds.push_back(toWord(end));
        }
    }
    schedule_.runs.push_back(run);
    computed_pairs += tile_rows_ * roundUp(length, input_.key_step);
}

} // namespace longscope::attention
