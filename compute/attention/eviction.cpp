// Which slots of the cache stay, and which pages are read: H2O, SnapKV, TOVA, Quest. The rest of
// compute/attention/choose.h is in choose.cpp.
#include "compute/attention/choose.h"
#include "compute/attention/scores.h"
#include "compute/attention/spec_numbers.h"
#include "compute/core/error.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

namespace longscope::attention {
namespace {

constexpr float kAlways = std::numeric_limits<float>::infinity();

struct Row {
    EvictionKind kind;
    std::string_view name, form;
    size_t most; ///< numbers; at least one, except for none
};
constexpr Row kRows[] = {{EvictionKind::none, "none", "none", 0},
                         {EvictionKind::h2o, "h2o", "h2o:KEEP", 1},
                         {EvictionKind::snapkv, "snapkv", "snapkv:KEEP[,WINDOW[,KERNEL]]", 3},
                         {EvictionKind::tova, "tova", "tova:KEEP", 1},
                         {EvictionKind::quest, "quest", "quest:KEEP[,PAGE]", 2}};

uint32_t wholeNumber(std::string_view spec, std::string_view name, double value, double most) {
    if (!(value >= 1 && value <= most) || value != std::floor(value))
        fail(ErrorKind::usage, "--evict '{}': {} is {}, expected a whole number from 1 to {}", spec,
             name, value, most);
    return static_cast<uint32_t>(value);
}

/// Sums over the heads of a kv head and over rows: [keys].
std::vector<float> sumRows(std::span<const float> probabilities, uint32_t first_head,
                           uint32_t end_head, uint64_t rows, uint64_t keys) {
    std::vector<float> sums(keys);
    for (uint64_t row = first_head * rows; row < end_head * rows; ++row)
        for (uint64_t key = 0; key < keys; ++key)
            sums[key] += probabilities[row * keys + key];
    return sums;
}

/// The average of `size` neighbours, zeros beyond the ends.
std::vector<float> smoothed(std::span<const float> values, uint32_t size) {
    std::vector<float> means(values.size());
    size_t reach = size / 2;
    for (size_t i = 0; i < values.size(); ++i) {
        double sum = 0;
        for (size_t j = i - std::min(i, reach); j <= i + reach && j < values.size(); ++j)
            sum += static_cast<double>(values[j]);
        means[i] = static_cast<float>(sum / size);
    }
    return means;
}

} // namespace

Eviction parseEviction(std::string_view text) {
    Spec spec = splitSpec(text);
    const Row *row = std::ranges::find(kRows, spec.name, &Row::name);
    if (row == std::end(kRows))
        fail(ErrorKind::usage,
             "--evict '{}': '{}' is not known (known: none, h2o, snapkv, tova, quest)", text,
             spec.name);
    std::vector<double> numbers;
    if (spec.has_numbers)
        numbers = parseNumbers(text, spec.numbers);
    if (numbers.size() > row->most || (row->most > 0 && numbers.empty()))
        fail(ErrorKind::usage, "--evict '{}' has {} numbers, expected {}", text, numbers.size(),
             row->form);
    Eviction eviction;
    eviction.kind = row->kind;
    eviction.spec = text;
    if (!numbers.empty())
        eviction.keep = wholeNumber(text, "KEEP", numbers[0], 1u << 31);
    if (row->kind == EvictionKind::snapkv) {
        if (numbers.size() > 1)
            eviction.window = wholeNumber(text, "WINDOW", numbers[1], 1024);
        if (numbers.size() > 2)
            eviction.pool = wholeNumber(text, "KERNEL", numbers[2], 1023);
        if (eviction.pool % 2 == 0)
            fail(ErrorKind::usage, "--evict '{}': KERNEL is {}, expected an odd number", text,
                 eviction.pool);
        if (eviction.keep <= eviction.window)
            fail(ErrorKind::usage, "--evict '{}': KEEP is {}, expected more than the WINDOW of {}",
                 text, eviction.keep, eviction.window);
    }
    if (row->kind == EvictionKind::quest && numbers.size() > 1)
        eviction.page = wholeNumber(text, "PAGE", numbers[1], 4096);
    return eviction;
}

std::vector<float> softmaxRows(std::span<const float> scores, uint32_t heads, uint32_t rows,
                               uint64_t keys, uint64_t first_query) {
    assert(scores.size() == heads * rows * keys);
    std::vector<float> probabilities(scores.size());
    for (uint32_t head = 0; head < heads; ++head)
        for (uint32_t row = 0; row < rows; ++row) {
            uint64_t at = (uint64_t{head} * rows + row) * keys;
            uint64_t seen = std::min(keys, first_query + row + 1);
            std::span<float> visible = std::span(probabilities).subspan(at, seen);
            std::ranges::copy(scores.subspan(at, seen), visible.begin());
            softmaxRow(visible);
        }
    return probabilities;
}

std::vector<std::vector<uint32_t>> chooseSnapKv(const Eviction &eviction,
                                                std::span<const float> probabilities,
                                                uint32_t heads, uint32_t kv_heads, uint64_t keys) {
    assert(probabilities.size() == uint64_t{heads} * eviction.window * keys);
    uint32_t group = heads / kv_heads;
    std::vector<std::vector<uint32_t>> kept;
    for (uint32_t kv_head = 0; kv_head < kv_heads; ++kv_head) {
        std::vector<float> sums =
            sumRows(probabilities, kv_head * group, (kv_head + 1) * group, eviction.window, keys);
        uint64_t older = keys - std::min<uint64_t>(keys, eviction.window);
        std::vector<float> pooled = smoothed(std::span(sums).first(older), eviction.pool);
        pooled.resize(keys, kAlways); // the observed window stays
        kept.push_back(bestIndices(pooled, eviction.keep));
    }
    return kept;
}

std::vector<uint32_t> makeMoves(std::span<const std::vector<uint32_t>> kept, uint32_t &count) {
    std::vector<std::vector<uint32_t>> moves(kept.size()); // from, to, from, to ...
    size_t most = 0;
    for (size_t head = 0; head < kept.size(); ++head) {
        assert(kept[head].size() == kept[0].size());
        uint32_t hole = 0;
        auto stays = kept[head].begin();
        // As many kept slots lie beyond the first kept.size() as there are holes among these.
        auto beyond = std::ranges::lower_bound(kept[head], kept[head].size());
        for (; beyond != kept[head].end(); ++beyond, ++hole) {
            for (; *stays == hole; ++stays)
                ++hole;
            moves[head].insert(moves[head].end(), {*beyond, hole});
        }
        most = std::max(most, moves[head].size());
    }
    std::vector<uint32_t> all;
    for (std::vector<uint32_t> &own : moves) {
        own.resize(most); // (0, 0): nothing
        all.insert(all.end(), own.begin(), own.end());
    }
    count = static_cast<uint32_t>(most / 2);
    return all;
}

Evictor::Evictor(const Eviction &eviction, uint32_t heads, uint32_t kv_heads)
    : eviction_(eviction), heads_(heads), kv_heads_(kv_heads), positions_(kv_heads),
      sums_(kv_heads) {}

void Evictor::append(uint64_t position) {
    for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head) {
        positions_[kv_head].push_back(position);
        sums_[kv_head].push_back(0);
    }
}

void Evictor::observe(std::span<const float> probabilities, uint32_t rows, uint64_t slots) {
    assert(probabilities.size() == uint64_t{heads_} * rows * slots);
    bool last_only = eviction_.kind == EvictionKind::tova;
    uint32_t group = heads_ / kv_heads_;
    for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head) {
        std::vector<double> &sums = sums_[kv_head];
        assert(slots <= sums.size());
        if (last_only)
            std::ranges::fill(sums, 0);
        // TOVA looks at the mean over all heads of the layer; a sum ranks alike.
        uint32_t first_head = last_only ? 0 : kv_head * group;
        uint32_t end_head = last_only ? heads_ : first_head + group;
        for (uint32_t head = first_head; head < end_head; ++head)
            for (uint32_t row = last_only ? rows - 1 : 0; row < rows; ++row)
                for (uint64_t slot = 0; slot < slots; ++slot)
                    sums[slot] += static_cast<double>(
                        probabilities[(uint64_t{head} * rows + row) * slots + slot]);
    }
}

std::vector<uint32_t> Evictor::keptOf(uint32_t kv_head) const {
    const std::vector<uint64_t> &positions = positions_[kv_head];
    uint64_t newest = eviction_.kind == EvictionKind::h2o ? eviction_.keep - eviction_.keep / 2 : 1;
    std::vector<uint64_t> sorted = positions;
    std::ranges::sort(sorted, std::greater<>());
    std::vector<float> values(sums_[kv_head].begin(), sums_[kv_head].end());
    for (size_t slot = 0; newest > 0 && slot < values.size(); ++slot)
        if (newest >= sorted.size() || positions[slot] >= sorted[newest - 1])
            values[slot] = kAlways;
    return bestIndices(values, eviction_.keep);
}

std::vector<uint32_t> Evictor::shrink(uint32_t &count) {
    std::vector<std::vector<uint32_t>> kept;
    for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head)
        kept.push_back(keptOf(kv_head));
    std::vector<uint32_t> moves = makeMoves(kept, count);
    for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head) {
        followMoves(moves, count, kv_head, kept[kv_head].size(), positions_[kv_head]);
        followMoves(moves, count, kv_head, kept[kv_head].size(), sums_[kv_head]);
    }
    return moves;
}

std::vector<uint32_t> bestPages(std::span<const float> bounds, uint32_t heads, uint64_t pages,
                                uint64_t count) {
    assert(bounds.size() == heads * pages);
    std::vector<float> largest(pages, -kAlways);
    for (uint32_t head = 0; head < heads; ++head)
        for (uint64_t page = 0; page < pages; ++page)
            largest[page] = std::max(largest[page], bounds[head * pages + page]);
    if (pages > 0)
        largest.back() = kAlways;
    return bestIndices(largest, count);
}

std::vector<uint32_t> chooseQuestPages(const Eviction &eviction, std::span<const float> bounds,
                                       uint32_t count_heads, uint64_t pages) {
    uint64_t count = (eviction.keep + eviction.page - 1) / eviction.page;
    return bestPages(bounds, count_heads, pages, std::max<uint64_t>(count, 3));
}

} // namespace longscope::attention
