#include "ui/panels/attention_zoom.h"

#include "ui/panels/attention_text.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace longscope::ui {
namespace {

constexpr uint64_t kFewestTokens = 8; ///< of a side: fewer tell nothing

/// At least kFewestTokens, within 0 .. tokens.
std::pair<uint64_t, uint64_t> widened(uint64_t first, uint64_t end, uint64_t tokens) {
    const uint64_t least = std::min(kFewestTokens, tokens);
    if (end < first + least) {
        const uint64_t missing = first + least - end;
        first -= std::min(first, missing / 2);
        end = first + least;
    }
    if (end > tokens) {
        end = tokens;
        first = std::min(first, tokens - least);
    }
    return {first, end};
}

std::pair<uint64_t, uint64_t> scaledSide(uint64_t first, uint64_t end, uint64_t tokens,
                                         uint64_t fixed, double factor) {
    const auto extent = static_cast<double>(end - first);
    const double wanted = std::clamp(extent * factor, std::min<double>(kFewestTokens, extent),
                                     static_cast<double>(tokens));
    const double before = static_cast<double>(fixed - std::min(fixed, first)) / extent * wanted;
    const double start =
        std::clamp(static_cast<double>(fixed) - before, 0.0, static_cast<double>(tokens) - wanted);
    const auto from = static_cast<uint64_t>(std::floor(start));
    return widened(from, from + static_cast<uint64_t>(std::ceil(wanted)), tokens);
}

TokenBox wholeAsZero(TokenBox box, uint64_t tokens) {
    if (box.first_query == 0 && box.first_key == 0 && box.end_query == tokens &&
        box.end_key == tokens)
        return {};
    return box;
}

uint32_t cellsBefore(uint64_t token, uint64_t first, uint64_t step, uint32_t count, bool up) {
    if (token <= first)
        return 0;
    const uint64_t cells = (token - first + (up ? step - 1 : 0)) / step;
    return static_cast<uint32_t>(std::min<uint64_t>(cells, count));
}

} // namespace

TokenBox boxOf(const MapWanted &wanted) {
    return {wanted.first_query, wanted.end_query, wanted.first_key, wanted.end_key};
}

void setBox(MapWanted &wanted, const TokenBox &box) {
    wanted.first_query = box.first_query;
    wanted.end_query = box.end_query;
    wanted.first_key = box.first_key;
    wanted.end_key = box.end_key;
}

TokenBox resolved(const TokenBox &box, uint64_t tokens) {
    TokenBox whole = box;
    if (whole.end_query == 0)
        whole.end_query = tokens;
    if (whole.end_key == 0)
        whole.end_key = tokens;
    return whole;
}

uint64_t firstQuery(const Map &map, uint32_t row) {
    return map.first_query + row * map.query_step;
}
uint64_t endQuery(const Map &map, uint32_t row) {
    return std::min(map.end_query, map.first_query + (row + uint64_t{1}) * map.query_step);
}
uint64_t firstKey(const Map &map, uint32_t column) {
    return map.first_key + column * map.key_step;
}
uint64_t endKey(const Map &map, uint32_t column) {
    return std::min(map.end_key, map.first_key + (column + uint64_t{1}) * map.key_step);
}

TokenBox boxOfCells(const Map &map, const HeatMapBox &cells, uint64_t tokens) {
    const auto [first_query, end_query] =
        widened(firstQuery(map, cells.first_row), endQuery(map, cells.end_row - 1), tokens);
    const auto [first_key, end_key] =
        widened(firstKey(map, cells.first_column), endKey(map, cells.end_column - 1), tokens);
    return wholeAsZero({first_query, end_query, first_key, end_key}, tokens);
}

TokenBox scaled(const TokenBox &box, uint64_t tokens, uint64_t query, uint64_t key, double factor) {
    const TokenBox from = resolved(box, tokens);
    if (from.end_query <= from.first_query || from.end_key <= from.first_key)
        return box;
    const auto [first_query, end_query] =
        scaledSide(from.first_query, from.end_query, tokens, query, factor);
    const auto [first_key, end_key] = scaledSide(from.first_key, from.end_key, tokens, key, factor);
    return wholeAsZero({first_query, end_query, first_key, end_key}, tokens);
}

HeatMapBox cellsOfBox(const Map &map, const TokenBox &box) {
    HeatMapBox cells;
    cells.first_row =
        cellsBefore(box.first_query, map.first_query, map.query_step, map.rows, false);
    cells.end_row = cellsBefore(box.end_query, map.first_query, map.query_step, map.rows, true);
    cells.first_column =
        cellsBefore(box.first_key, map.first_key, map.key_step, map.columns, false);
    cells.end_column = cellsBefore(box.end_key, map.first_key, map.key_step, map.columns, true);
    return cells;
}

std::string breadcrumb(const Map &map) {
    std::string text =
        say("Queries {} to {}, keys {} to {}", numberText(map.first_query),
            numberText(map.end_query - 1), numberText(map.first_key), numberText(map.end_key - 1));
    if (map.query_step == 1 && map.key_step == 1)
        return text + ", " + tr("1 token a cell");
    return text + ", " +
           say("{} x {} tokens a cell", numberText(map.query_step), numberText(map.key_step));
}

void ZoomHistory::go(const TokenBox &box) {
    if (box == now())
        return;
    boxes_.resize(at_ + 1);
    boxes_.push_back(box);
    ++at_;
}

bool ZoomHistory::canGo(int step) const {
    const int to = static_cast<int>(at_) + step;
    return to >= 0 && to < static_cast<int>(boxes_.size());
}

} // namespace longscope::ui
