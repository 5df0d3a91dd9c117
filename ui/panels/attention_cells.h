// What the cells of a map are worth and which colours they get, and the border of what the pattern
// lets a query see. Pure arithmetic.
#pragma once

#include "ui/state/attention.h"
#include "ui/widgets/heat_map.h"

#include <string>
#include <vector>

namespace longscope::ui {

enum class MapMeasure { sum, mean, maximum };

struct MapCells {
    std::vector<float> values;        ///< [rows, columns], of the measure
    std::vector<uint8_t> seen;        ///< [rows, columns]: some pair of the cell may be looked at
    float low = 0, high = 0;          ///< of the values that are not 0; 0, 0: there are none
    std::vector<HeatMapLine> outline; ///< around what is seen
    std::string outline_note;         ///< why there is none; "" = there is one
};

/// `heads`: how many the model has in a layer.
MapCells makeCells(const Map &map, MapMeasure measure, uint32_t heads);

/// Pairs of a query in q .. end_q - 1 and a key in k .. end_k - 1 that is not later.
uint64_t causalPairs(uint64_t query, uint64_t end_query, uint64_t key, uint64_t end_key);

/// 0 .. 1; the logarithmic scale spans four powers of ten at most.
float levelOf(const MapCells &cells, float value, bool logarithmic);
/// The value that has the lowest level.
float lowestValue(const MapCells &cells, bool logarithmic);
/// Cells that are not seen are transparent.
std::vector<ImU32> paint(const MapCells &cells, bool logarithmic);

} // namespace longscope::ui
