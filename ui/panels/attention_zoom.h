// Which tokens the large picture shows: going in, out, back and forward. Pure arithmetic.
#pragma once

#include "ui/state/attention.h"
#include "ui/widgets/heat_map.h"

#include <string>
#include <vector>

namespace longscope::ui {

/// Queries and keys, ends left out; all 0: everything that was read.
struct TokenBox {
    uint64_t first_query = 0, end_query = 0, first_key = 0, end_key = 0;
    bool operator==(const TokenBox &) const = default;
};

TokenBox boxOf(const MapWanted &wanted);
void setBox(MapWanted &wanted, const TokenBox &box);
/// With the numbers instead of 0.
TokenBox resolved(const TokenBox &box, uint64_t tokens);

/// The tokens of these cells, and at least 8 of both.
TokenBox boxOfCells(const Map &map, const HeatMapBox &cells, uint64_t tokens);
/// `factor` below 1 goes in; the point stays where it is.
TokenBox scaled(const TokenBox &box, uint64_t tokens, uint64_t query, uint64_t key, double factor);
/// Where a box lies in the cells of a picture, cut at its borders.
HeatMapBox cellsOfBox(const Map &map, const TokenBox &box);

uint64_t firstQuery(const Map &map, uint32_t row);
uint64_t endQuery(const Map &map, uint32_t row);
uint64_t firstKey(const Map &map, uint32_t column);
uint64_t endKey(const Map &map, uint32_t column);

/// "Queries 1,024 to 1,535, keys 0 to 511, 1 token a cell"
std::string breadcrumb(const Map &map);

class ZoomHistory {
  public:
    const TokenBox &now() const { return boxes_[at_]; }
    void go(const TokenBox &box);
    bool canGo(int step) const;
    void step(int step) { at_ = static_cast<size_t>(static_cast<int>(at_) + step); }
    void clear() { *this = {}; }

  private:
    std::vector<TokenBox> boxes_ = {TokenBox{}};
    size_t at_ = 0;
};

} // namespace longscope::ui
