// A small picture of which keys the queries see: dots, queries down, keys right. Counting cells is
// pure arithmetic and done when a pattern changes; drawing is cheap.
#pragma once

#include "compute/attention/pattern.h"

#include <cstdint>
#include <vector>

namespace longscope::ui {

struct MaskCells {
    uint32_t side = 0;        ///< dots of a side
    uint64_t dot_tokens = 1;  ///< tokens of a dot's side
    std::vector<float> share; ///< [side, side]: of the pairs of a dot that are seen; -1: the future
};

/// For one kind of heads. Beyond dots of 4 tokens, 4 queries of each row of dots stand for all.
MaskCells countMask(const attention::Pattern &pattern, uint32_t kind, uint64_t tokens,
                    uint32_t side);

/// How many tokens a picture should cover so that the numbers of a pattern can be seen in it.
uint64_t tokensToShow(const attention::Pattern &pattern, uint64_t most);

/// A square item of that many pixels; on hover it says what a dot is.
void maskPicture(const char *id, const MaskCells &cells, float size);

} // namespace longscope::ui
