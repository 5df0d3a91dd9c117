#include "compute/attention/choose.h"

#include "compute/attention/scores.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace longscope::attention {
namespace {

constexpr float kAlways = std::numeric_limits<float>::infinity();

constexpr uint32_t kForcedLines = 30, kLeastColumns = 30, kLeastOffsets = 50; // MInference
constexpr uint32_t kLineRows = 64, kFlexRows = 128, kFlexBlock = 128;
constexpr uint64_t kFlexFewKeys = 256;
constexpr double kQueryAware = 0.1; // tau of FlexPrefill
constexpr uint32_t kTopGroup = 16;
constexpr uint64_t kJoinedGap = 15; // offsets between two bands that become one

uint32_t whole(const Pattern &pattern, size_t index) {
    return static_cast<uint32_t>(pattern.numbers()[index]);
}

struct LineBudget {
    uint32_t columns, offsets;
    explicit LineBudget(const Pattern &pattern)
        : columns(std::max(kLeastColumns, whole(pattern, 0))),
          offsets(std::max(kLeastOffsets, whole(pattern, 1))) {}
};

uint32_t blockTokens(const Pattern &pattern) {
    switch (pattern.kind()) {
    case PatternKind::xattention:
        return whole(pattern, 2);
    case PatternKind::top_blocks:
        return whole(pattern, 1);
    default:
        return kFlexBlock;
    }
}

/// Rows that share a score. Of blocks that 16 does not divide, the largest part that both have.
uint32_t groupTokens(const Pattern &pattern) {
    if (pattern.kind() == PatternKind::top_blocks)
        return std::gcd(kTopGroup, blockTokens(pattern));
    return whole(pattern, 1);
}

bool readsAll(const Pattern &pattern, uint64_t keys) {
    uint64_t blocks = (keys + blockTokens(pattern) - 1) / blockTokens(pattern);
    switch (pattern.kind()) {
    case PatternKind::vertical_slash: {
        LineBudget budget(pattern);
        return keys <= uint64_t{budget.columns} + budget.offsets;
    }
    case PatternKind::xattention:
        return blocks <= 2 || pattern.numbers()[0] >= 1;
    case PatternKind::flexprefill:
        return keys <= std::max(kFlexFewKeys, uint64_t{whole(pattern, 1)}) ||
               pattern.numbers()[0] >= 1;
    case PatternKind::top_blocks:
        return blocks <= std::max(2u, whole(pattern, 0));
    default:
        return true;
    }
}

/// Whole groups between two positions, the first of them at a multiple of the group.
WantedScores alignedGroups(uint64_t position, uint32_t rows, uint32_t group) {
    uint64_t end = (position + rows) / group, begin = (position + group - 1) / group;
    if (begin >= end)
        return {};
    return {.first_row = static_cast<uint32_t>(begin * group - position),
            .row_groups = static_cast<uint32_t>(end - begin),
            .key_groups = static_cast<uint32_t>(end),
            .group = group};
}

/// One raw row of scores, its visible part.
std::span<const float> visibleScores(const ChunkScores &s, uint32_t head, uint32_t row) {
    uint64_t seen = (s.position + s.first_row) / s.group + row + 1;
    size_t at = (size_t{head} * s.row_groups + row) * s.key_groups;
    return s.scores.subspan(at, std::min<uint64_t>(seen, s.key_groups));
}

/// `sums[i] += values[i]`
void addTo(float *sums, std::span<const float> values) {
    for (size_t i = 0; i < values.size(); ++i)
        sums[i] += values[i];
}

/// Sorted numbers as intervals of neighbours.
std::vector<Interval> bandsOf(std::span<const uint32_t> sorted) {
    std::vector<Interval> bands;
    for (uint32_t value : sorted) {
        if (!bands.empty() && bands.back().end == value)
            ++bands.back().end;
        else
            bands.push_back({value, uint64_t{value} + 1});
    }
    return bands;
}

/// Joins bands of offsets that are near each other. The 16 queries of a tile go through the keys
/// between them anyway: apart, two lone offsets cost 32 keys, together 17 and their distance.
std::vector<Interval> joinedBands(std::span<const Interval> bands) {
    std::vector<Interval> joined;
    for (Interval band : bands) {
        if (!joined.empty() && band.first - joined.back().end <= kJoinedGap)
            joined.back().end = band.end;
        else
            joined.push_back(band);
    }
    return joined;
}

/// Sums over `size` neighbours.
std::vector<float> pooled(std::span<const float> values, uint32_t size) {
    std::vector<float> sums((values.size() + size - 1) / size);
    for (size_t i = 0; i < values.size(); ++i)
        sums[i / size] += values[i];
    return sums;
}

Choice::Head fullHead() {
    Choice::Head head;
    head.is_full = true;
    return head;
}

Choice::Head chooseLines(const Pattern &pattern, const ChunkScores &scores, uint32_t head) {
    LineBudget budget(pattern);
    LineSums sums = sumLines(scores, head);
    size_t forced = std::min<size_t>(kForcedLines, sums.columns.size());
    std::fill_n(sums.columns.begin(), forced, kAlways);
    std::fill_n(sums.offsets.begin(), forced, kAlways);
    Choice::Head chosen;
    chosen.columns = bestIndices(sums.columns, budget.columns);
    chosen.offsets = joinedBands(bandsOf(bestIndices(sums.offsets, budget.offsets)));
    return chosen;
}

/// For every query block of the chunk, the blocks that `sees` names, the first and its own.
template <class Sees>
Choice::Head blocksOf(const ChunkScores &scores, uint32_t block, const Sees &sees) {
    Choice::Head chosen;
    chosen.block_tokens = block;
    chosen.first_block = scores.position / block;
    uint64_t last = (scores.position + scores.rows - 1) / block;
    for (uint64_t query = chosen.first_block; query <= last; ++query) {
        std::vector<uint32_t> &keys = chosen.blocks_of.emplace_back();
        for (uint32_t key = 0; key <= query; ++key)
            if (key == 0 || key == query || sees(query, key))
                keys.push_back(key);
    }
    return chosen;
}

/// The best blocks until those before reach `share` of the row; the first and the last are taken.
std::vector<bool> coverRow(std::span<const float> sums, double share) {
    double total = std::accumulate(sums.begin(), sums.end(), 0.0);
    std::vector<uint32_t> order(sums.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return sums[a] > sums[b]; });
    std::vector<bool> taken(sums.size());
    taken.front() = taken.back() = true;
    double sum = static_cast<double>(sums.front());
    if (sums.size() > 1)
        sum += static_cast<double>(sums.back());
    for (uint32_t block : order) {
        if (sum >= share * total)
            break;
        if (!taken[block]) {
            taken[block] = true;
            sum += static_cast<double>(sums[block]);
        }
    }
    return taken;
}

std::vector<bool> bestOfRow(std::span<const float> sums, uint32_t count) {
    std::vector<bool> taken(sums.size());
    for (uint32_t block : bestIndices(sums, count))
        taken[block] = true;
    return taken;
}

Choice::Head chooseBlocks(const Pattern &pattern, const ChunkScores &scores, uint32_t head) {
    uint32_t block = blockTokens(pattern);
    BlockSums sums = sumBlocks(scores, head, block);
    std::vector<std::vector<bool>> taken;
    for (const std::vector<float> &row : sums.sums) {
        if (row.empty())
            taken.emplace_back();
        else if (pattern.kind() == PatternKind::xattention)
            taken.push_back(coverRow(row, pattern.numbers()[0]));
        else
            taken.push_back(bestOfRow(row, whole(pattern, 0)));
    }
    return blocksOf(scores, block, [&](uint64_t query, uint32_t key) {
        const std::vector<bool> &row = taken[query - sums.first_block];
        return row.empty() || row[key];
    });
}

/// Root of the Jensen-Shannon divergence of two distributions, in nats.
double divergence(std::span<const float> p, std::span<const float> q) {
    auto term = [](double a, double b) { return a > 0 ? a * std::log(2 * a / (a + b)) : 0; };
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) {
        auto a = static_cast<double>(p[i]), b = static_cast<double>(q[i]);
        sum += 0.5 * (term(a, b) + term(b, a));
    }
    return std::sqrt(std::max(sum, 0.0));
}

Choice::Head chooseFlex(const Pattern &pattern, const ChunkScores &scores, uint32_t head) {
    double share = pattern.numbers()[0], rows = scores.row_groups;
    size_t least = (whole(pattern, 1) + kFlexBlock - 1) / kFlexBlock;
    LineSums sums = sumLines(scores, head, kFlexBlock);
    std::vector<float> columns = pooled(sums.columns, kFlexBlock);
    std::vector<float> offsets = pooled(sums.offsets, kFlexBlock);
    std::vector<float> &estimate = sums.block_means;
    softmaxRow(estimate);
    std::vector<float> mass = columns;
    for (float &value : mass)
        value /= static_cast<float>(rows);
    bool aware = divergence(estimate, mass) < kQueryAware;
    auto budget = [&](std::span<const float> lines) {
        return aware ? least : std::max(least, coverCount(lines, share * rows) / kFlexBlock + 1);
    };
    columns.front() = offsets.front() = kAlways;
    std::vector<bool> column = bestOfRow(columns, static_cast<uint32_t>(budget(sums.columns)));
    std::vector<bool> offset = bestOfRow(offsets, static_cast<uint32_t>(budget(sums.offsets)));
    if (aware)
        for (uint32_t block : bestIndices(estimate, coverCount(estimate, share)))
            column[block] = true;
    return blocksOf(scores, kFlexBlock, [&](uint64_t query, uint32_t key) {
        return column[key] || offset[query - key];
    });
}

Choice::Head chooseHead(const Pattern &pattern, const ChunkScores &scores, uint32_t head) {
    if (scores.row_groups == 0)
        return fullHead();
    switch (pattern.kind()) {
    case PatternKind::vertical_slash:
        return chooseLines(pattern, scores, head);
    case PatternKind::xattention:
    case PatternKind::top_blocks:
        return chooseBlocks(pattern, scores, head);
    case PatternKind::flexprefill:
        return chooseFlex(pattern, scores, head);
    default:
        return fullHead();
    }
}

} // namespace

WantedScores wantedScores(const Pattern &pattern, uint64_t position, uint32_t rows) {
    bool by_blocks =
        pattern.kind() == PatternKind::xattention || pattern.kind() == PatternKind::top_blocks;
    uint32_t group = by_blocks ? groupTokens(pattern) : 1;
    if (rows == 0 || readsAll(pattern, position + rows))
        return {};
    if (by_blocks)
        return alignedGroups(position, rows, group);
    uint32_t most = pattern.kind() == PatternKind::flexprefill ? kFlexRows : kLineRows;
    uint32_t count = std::min(most, rows);
    return {.first_row = rows - count,
            .row_groups = count,
            .key_groups = static_cast<uint32_t>(position + rows),
            .group = 1};
}

Choice chooseKeys(const Pattern &pattern, const ChunkScores &scores) {
    std::vector<Choice::Head> heads;
    for (uint32_t head = 0; head < scores.heads; ++head)
        heads.push_back(chooseHead(pattern, scores, head));
    return Choice(std::move(heads));
}

LineSums sumLines(const ChunkScores &scores, uint32_t head, uint32_t block_tokens) {
    size_t keys = scores.key_groups;
    LineSums sums{std::vector<float>(keys), std::vector<float>(keys), {}};
    std::vector<float> row(keys), raw(block_tokens ? keys : 0);
    for (uint32_t i = 0; i < scores.row_groups; ++i) {
        if (block_tokens)
            addTo(raw.data(),
                  scores.scores.subspan((size_t{head} * scores.row_groups + i) * keys, keys));
        std::span<const float> visible = visibleScores(scores, head, i);
        std::span<float> seen = std::span(row).first(visible.size());
        std::ranges::copy(visible, seen.begin());
        softmaxRow(seen);
        addTo(sums.columns.data(), seen);
        addTo(sums.offsets.data() + (keys - seen.size()), seen); // farthest first, for now
    }
    std::ranges::reverse(sums.offsets);
    for (size_t first = 0; block_tokens && first < keys; first += block_tokens) {
        auto part = std::span(raw).subspan(first, std::min<size_t>(block_tokens, keys - first));
        double sum = std::accumulate(part.begin(), part.end(), 0.0);
        sums.block_means.push_back(
            static_cast<float>(sum / (static_cast<double>(part.size()) * scores.row_groups)));
    }
    return sums;
}

BlockSums sumBlocks(const ChunkScores &scores, uint32_t head, uint32_t block_tokens) {
    assert(block_tokens % scores.group == 0);
    uint64_t last_block = (scores.position + scores.rows - 1) / block_tokens;
    BlockSums result{scores.position / block_tokens, {}};
    result.sums.resize(last_block - result.first_block + 1);
    uint32_t groups = block_tokens / scores.group; // of a block
    std::vector<float> row(scores.key_groups);
    for (uint32_t i = 0; i < scores.row_groups; ++i) {
        std::span<const float> visible = visibleScores(scores, head, i);
        std::span<float> seen = std::span(row).first(visible.size());
        // A group has `group` scores; their mean is what the softmax is taken of.
        for (size_t key = 0; key < seen.size(); ++key)
            seen[key] = visible[key] / static_cast<float>(scores.group);
        softmaxRow(seen);
        uint64_t block = (seen.size() - 1) / groups;
        std::vector<float> &sums = result.sums[block - result.first_block];
        sums.resize(block + 1);
        for (size_t key = 0; key < seen.size(); ++key)
            sums[key / groups] += seen[key];
    }
    return result;
}

void Choice::appendKeys(unsigned, uint32_t kind, uint64_t query,
                        std::vector<Interval> &keys) const {
    const Head &head = heads_[kind];
    if (head.is_full) {
        keys.push_back({0, query + 1});
        return;
    }
    for (auto band = head.offsets.rbegin(); band != head.offsets.rend(); ++band)
        if (band->first <= query)
            keys.push_back({query + 1 - std::min(band->end, query + 1), query - band->first + 1});
    if (head.block_tokens == 0)
        return;
    const auto &blocks = head.blocks_of[query / head.block_tokens - head.first_block];
    for (Interval run : bandsOf(blocks))
        keys.push_back(
            {run.first * head.block_tokens, std::min(run.end * head.block_tokens, query + 1)});
}

std::span<const uint32_t> Choice::columns(uint32_t kind) const {
    return heads_[kind].columns;
}

} // namespace longscope::attention
