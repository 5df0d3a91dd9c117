#include "ui/panels/attention_cells.h"

#include "compute/attention/pattern.h"
#include "compute/core/error.h"
#include "ui/panels/attention_text.h"
#include "ui/panels/attention_zoom.h"
#include "ui/theme.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

namespace longscope::ui {
namespace {

constexpr size_t kMostLines = 6000;
constexpr float kLogSpan = 1e-4F;

/// Sum over the queries of how many of their keys are `key` or later.
uint64_t pairsFrom(uint64_t query, uint64_t end_query, uint64_t key) {
    const uint64_t first = std::max(query, key);
    if (first >= end_query)
        return 0;
    const uint64_t fewest = first + 1 - key, most = end_query - key;
    return (fewest + most) * (most - fewest + 1) / 2;
}

/// Which cells of a row a pattern lets its queries see.
class RowOfCells {
  public:
    RowOfCells(const Map &map, uint8_t *seen) : map_(map), seen_(seen) {}

    void add(const attention::Pattern &pattern, uint32_t kind, uint64_t query) {
        for (unsigned pass = 0; pass < pattern.passes(); ++pass) {
            const uint64_t step = pattern.step(pass);
            intervals_.clear();
            pattern.appendKeys(pass, kind, query, intervals_);
            for (const attention::Interval &units : intervals_)
                addUnits(units, step, query % step);
        }
    }

  private:
    /// Unit u is the key rest + step * u.
    void addUnits(attention::Interval units, uint64_t step, uint64_t rest) {
        auto firstFrom = [&](uint64_t key) {
            return key <= rest ? uint64_t{0} : (key - rest + step - 1) / step;
        };
        const uint64_t first = std::max(units.first, firstFrom(map_.first_key));
        const uint64_t end = std::min(units.end, firstFrom(map_.end_key));
        if (first >= end)
            return;
        if (step <= map_.key_step) {
            mark(rest + step * first, rest + step * (end - 1));
            return;
        }
        for (uint64_t unit = first; unit < end; ++unit)
            mark(rest + step * unit, rest + step * unit);
    }
    void mark(uint64_t key, uint64_t last_key) {
        const uint64_t from = (key - map_.first_key) / map_.key_step;
        const uint64_t to = (last_key - map_.first_key) / map_.key_step;
        std::fill(seen_ + from, seen_ + to + 1, uint8_t{1});
    }

    const Map &map_;
    uint8_t *seen_;
    std::vector<attention::Interval> intervals_;
};

attention::LayerPatterns parsed(const std::string &text) {
    std::istringstream words(text);
    std::vector<std::string> specs;
    for (std::string word; words >> word;)
        specs.push_back(word);
    return attention::LayerPatterns(specs);
}

std::set<uint32_t> kindsOf(const attention::Pattern &pattern, const Map &map, uint32_t heads) {
    std::set<uint32_t> kinds;
    for (uint32_t head : map.wanted.heads)
        kinds.insert(pattern.headKind(head, std::max(heads, head + 1)));
    if (map.wanted.heads.empty())
        for (uint32_t kind = 0; kind < pattern.headKinds(); ++kind)
            kinds.insert(kind);
    return kinds;
}

void seeCausal(const Map &map, std::vector<uint8_t> &seen) {
    for (uint32_t row = 0; row < map.rows; ++row)
        for (uint32_t column = 0; column < map.columns; ++column)
            seen[size_t{row} * map.columns + column] =
                firstKey(map, column) < endQuery(map, row) ? 1 : 0;
}

void seePattern(const Map &map, uint32_t heads, std::vector<uint8_t> &seen) {
    const attention::LayerPatterns patterns = parsed(map.pattern);
    const attention::Pattern &pattern = patterns.of(map.wanted.layer);
    const std::set<uint32_t> kinds = kindsOf(pattern, map, heads);
    for (uint32_t row = 0; row < map.rows; ++row) {
        RowOfCells cells(map, seen.data() + size_t{row} * map.columns);
        const uint64_t first = firstQuery(map, row), last = endQuery(map, row) - 1;
        // Four queries of a row say enough; the first and the last one see furthest.
        const uint64_t step = std::max<uint64_t>(1, (last - first + 2) / 3);
        for (uint32_t kind : kinds) {
            for (uint64_t query = first; query < last; query += step)
                cells.add(pattern, kind, query);
            cells.add(pattern, kind, last);
        }
    }
}

/// Borders between what is seen and what is not, in long lines.
std::vector<HeatMapLine> borders(const std::vector<uint8_t> &seen, uint32_t rows,
                                 uint32_t columns) {
    std::vector<HeatMapLine> lines;
    auto at = [&](uint32_t row, uint32_t column) {
        return seen[size_t{row} * columns + column] != 0;
    };
    for (uint32_t column = 1; column < columns; ++column)
        for (uint32_t row = 0, start = 0; row <= rows; ++row) {
            const bool edge = row < rows && at(row, column - 1) != at(row, column);
            if (!edge && row > start)
                lines.push_back({static_cast<float>(start), static_cast<float>(column),
                                 static_cast<float>(row), static_cast<float>(column)});
            if (!edge)
                start = row + 1;
        }
    for (uint32_t row = 1; row < rows; ++row)
        for (uint32_t column = 0, start = 0; column <= columns; ++column) {
            const bool edge = column < columns && at(row - 1, column) != at(row, column);
            if (!edge && column > start)
                lines.push_back({static_cast<float>(row), static_cast<float>(start),
                                 static_cast<float>(row), static_cast<float>(column)});
            if (!edge)
                start = column + 1;
        }
    return lines;
}

void addOutline(const Map &map, uint32_t heads, MapCells &cells) {
    try {
        seePattern(map, heads, cells.seen);
    } catch (const Error &) {
        // A mask from a file: its blocks are not known here.
        seeCausal(map, cells.seen);
        cells.outline_note = say("The outline of {} cannot be drawn.", map.pattern);
        return;
    }
    cells.outline = borders(cells.seen, map.rows, map.columns);
    if (cells.outline.size() > kMostLines) {
        cells.outline.clear();
        cells.outline_note = tr("The pattern is too fine to be outlined here. Zoom in to see it.");
    }
}

} // namespace

uint64_t causalPairs(uint64_t query, uint64_t end_query, uint64_t key, uint64_t end_key) {
    return pairsFrom(query, end_query, key) - pairsFrom(query, end_query, end_key);
}

MapCells makeCells(const Map &map, MapMeasure measure, uint32_t heads) {
    MapCells cells;
    cells.values = measure == MapMeasure::maximum ? map.maximum : map.sum;
    cells.values.resize(size_t{map.rows} * map.columns);
    cells.seen.assign(cells.values.size(), 0);
    addOutline(map, heads, cells);
    for (uint32_t row = 0; row < map.rows; ++row)
        for (uint32_t column = 0; column < map.columns; ++column) {
            float &value = cells.values[size_t{row} * map.columns + column];
            if (measure == MapMeasure::mean) {
                const uint64_t pairs = causalPairs(firstQuery(map, row), endQuery(map, row),
                                                   firstKey(map, column), endKey(map, column));
                value = pairs > 0 ? value / static_cast<float>(pairs) : 0;
            }
            if (!(value > 0))
                continue;
            cells.low = cells.low > 0 ? std::min(cells.low, value) : value;
            cells.high = std::max(cells.high, value);
        }
    return cells;
}

float lowestValue(const MapCells &cells, bool logarithmic) {
    return logarithmic ? std::max(cells.low, cells.high * kLogSpan) : 0;
}

float levelOf(const MapCells &cells, float value, bool logarithmic) {
    if (!(value > 0) || !(cells.high > 0))
        return 0;
    const float low = lowestValue(cells, logarithmic);
    if (!logarithmic)
        return value / cells.high;
    if (low >= cells.high)
        return 1;
    return std::clamp(std::log(value / low) / std::log(cells.high / low), 0.F, 1.F);
}

std::vector<ImU32> paint(const MapCells &cells, bool logarithmic) {
    std::vector<ImU32> pixels(cells.values.size(), 0);
    for (size_t i = 0; i < pixels.size(); ++i)
        if (cells.seen[i] != 0)
            pixels[i] = cividis(levelOf(cells, cells.values[i], logarithmic));
    return pixels;
}

} // namespace longscope::ui
