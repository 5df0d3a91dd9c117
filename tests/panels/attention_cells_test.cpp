// The arithmetic behind the large picture of attention: cells, the pattern's border, zoom.
#include "ui/panels/attention_cells.h"
#include "ui/panels/attention_zoom.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;

TEST(AttentionCells, CountPairsAndFollowThePattern) {
    EXPECT_EQ(causalPairs(0, 4, 0, 4), 10u);
    EXPECT_EQ(causalPairs(4, 8, 0, 4), 16u);
    EXPECT_EQ(causalPairs(0, 4, 4, 8), 0u);
    EXPECT_EQ(causalPairs(2, 5, 3, 4), 2u);
    Map map;
    map.end_query = map.end_key = 64;
    map.query_step = map.key_step = 4;
    map.rows = map.columns = 16;
    map.pattern = "sinks:4+8";
    map.sum.assign(256, 0.5F);
    map.maximum.assign(256, 0.25F);
    const MapCells cells = makeCells(map, MapMeasure::mean, 9);
    auto seen = [&](size_t row, size_t column) { return cells.seen[row * 16 + column] != 0; };
    EXPECT_TRUE(seen(0, 0));
    EXPECT_TRUE(seen(10, 0));  // the sinks
    EXPECT_FALSE(seen(10, 4)); // between
    EXPECT_TRUE(seen(10, 9));  // the window
    EXPECT_TRUE(seen(10, 10));
    EXPECT_FALSE(seen(10, 11)); // the future
    EXPECT_FALSE(cells.outline.empty());
    EXPECT_FLOAT_EQ(cells.values[10 * 16 + 0], 0.5F / 16);
    EXPECT_FLOAT_EQ(cells.values[0], 0.5F / 10);
    map.pattern = "blocks:mask.txt";
    EXPECT_NE(makeCells(map, MapMeasure::sum, 9).outline_note, "");
}

TEST(AttentionZoom, StaysWithinTheTokens) {
    const TokenBox in = scaled({}, 1000, 500, 100, 0.5);
    EXPECT_EQ(in.end_query - in.first_query, 500u);
    EXPECT_EQ(in.first_query, 250u);
    EXPECT_EQ(in.first_key, 50u);
    EXPECT_EQ(scaled(in, 1000, 500, 100, 10), TokenBox{});
    const TokenBox least = scaled(in, 1000, 999, 0, 1e-6);
    EXPECT_EQ(least.end_query - least.first_query, 8u);
    EXPECT_LE(least.end_query, 1000u);
}

} // namespace
} // namespace longscope::tests
