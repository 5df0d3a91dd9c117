// For tests of schedules: reads the device's words back as the shaders read them, and gives keys
// line by line, as a choice from the data gives them.
#pragma once

#include "compute/attention/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace longscope::attention {

struct Seen {
    uint64_t slot = 0;
    uint32_t zone = 0;
    bool operator==(const Seen &) const = default;
};
/// (row, key) -> where it is read.
using Pairs = std::map<std::pair<uint64_t, uint64_t>, Seen>;

/// A schedule on the device, read as shaders/params.h says.
class Words {
  public:
    Words(const Schedule &schedule, uint32_t tile_rows) : tile_rows_(tile_rows) {
        words_.resize(schedule.words());
        schedule.write(words_);
    }

    /// Adds what the head group sees to `pairs`, rows of one query if `is_decode`.
    void expand(uint32_t group, Pairs &pairs) const {
        uint32_t first = words_[4 + 2 * group], tiles = words_[5 + 2 * group];
        for (uint32_t t = first; t < first + tiles; t++) {
            const uint32_t *tile = &words_[words_[0] + 8 * t];
            bool was_near = false;
            for (uint32_t r = tile[3]; r < tile[4]; r++) {
                const uint32_t *run = &words_[words_[1] + 8 * r];
                ASSERT_FALSE(was_near && run[6] == 1) << "a far run after a near one";
                was_near = run[6] == 0;
                for (uint32_t row = 0; row < tile_rows_; row++)
                    expandRow(tile, run, row, pairs);
            }
        }
    }

  private:
    void expandRow(const uint32_t *tile, const uint32_t *run, uint32_t row, Pairs &pairs) const {
        uint32_t first = 0, end = run[3];
        if (run[4] != kNone) {
            // Beyond the last row of the tile: that row again.
            const uint32_t *bounds = &words_[words_[2] + run[4] * tile_rows_ * 2];
            const uint32_t same = std::min(row, tile[2] - 1);
            first = bounds[2 * row], end = bounds[2 * row + 1];
            ASSERT_EQ(first, bounds[2 * same]);
            ASSERT_EQ(end, bounds[2 * same + 1]);
            ASSERT_TRUE(first <= end && end <= run[3]) << first << " " << end << " " << run[3];
        }
        if (row >= tile[2])
            return;
        for (uint32_t i = first; i < end; i++) {
            uint32_t slot = run[0] + i * run[2], position = run[1] + i * run[2];
            if (run[5] != kNone)
                slot = position = words_[words_[3] + run[5] + i];
            bool is_new =
                pairs.insert({{tile[0] + row * tile[1], position}, {slot, run[6]}}).second;
            ASSERT_TRUE(is_new) << "row " << tile[0] + row * tile[1] << " key " << position
                                << " twice";
        }
    }

    const uint32_t tile_rows_;
    std::vector<uint32_t> words_;
};

/// Keys that are given line by line, as a choice gives them.
struct Lines : KeySource {
    std::vector<std::vector<uint32_t>> columns_of; ///< [kind]
    std::vector<Interval> offsets;                 ///< i - j, sorted, disjoint
    uint32_t headKinds() const override { return static_cast<uint32_t>(columns_of.size()); }
    std::span<const uint32_t> columns(uint32_t kind) const override { return columns_of[kind]; }
    void appendKeys(unsigned, uint32_t, uint64_t query,
                    std::vector<Interval> &keys) const override {
        for (auto band = offsets.rbegin(); band != offsets.rend(); ++band)
            if (band->first <= query)
                keys.push_back(
                    {query + 1 > band->end ? query + 1 - band->end : 0, query - band->first + 1});
    }
    bool sees(uint32_t kind, uint64_t query, uint64_t key) const {
        bool is_column = std::ranges::binary_search(columns_of[kind], key);
        bool is_offset = std::ranges::any_of(offsets, [&](const Interval &band) {
            return query >= key && query - key >= band.first && query - key < band.end;
        });
        return key <= query && (is_column || is_offset);
    }
};

} // namespace longscope::attention
