#include "compute/attention/pattern.h"

#include "compute/attention/pattern_random.h"
#include "compute/core/error.h"

#include <algorithm>

namespace longscope::attention {
namespace {

/// Appends [first, end) to what was appended since `base`; first never goes down. What touches or
/// overlaps becomes one interval.
class Appender {
  public:
    explicit Appender(std::vector<Interval> &keys) : keys_(keys), base_(keys.size()) {}
    void add(uint64_t first, uint64_t end) {
        if (first >= end)
            return;
        if (keys_.size() > base_ && keys_.back().end >= first)
            keys_.back().end = std::max(keys_.back().end, end);
        else
            keys_.push_back({first, end});
    }

  private:
    std::vector<Interval> &keys_;
    const size_t base_;
};

/// First key of the last `count` up to and with `query`.
uint64_t windowStart(uint64_t query, uint64_t count) {
    return query + 1 > count ? query + 1 - count : 0;
}

/// Blocks that bigbird's row block sees besides its own and its window and the first ones.
std::vector<uint64_t> bigbirdRandom(std::span<const double> numbers, uint64_t block) {
    auto number = [&](size_t i) { return static_cast<uint64_t>(numbers[i]); };
    uint64_t first = number(2), end = windowStart(block, number(1));
    if (first >= end)
        return {};
    return randomSubset(first, end - first, number(3), number(4), block);
}

/// The row of the mask that counts for a block of queries.
const std::vector<bool> &maskRow(const BlockMask &mask, uint64_t block) {
    return mask.rows[std::min<uint64_t>(block, mask.rows.size() - 1)];
}

bool maskSees(const BlockMask &mask, uint64_t query_block, uint64_t key_block) {
    const std::vector<bool> &row = maskRow(mask, query_block);
    bool is_own_beyond = query_block >= mask.rows.size() && key_block == query_block;
    return is_own_beyond || (key_block < row.size() && row[key_block]);
}

/// First position of the shifted group: the half group at the start has G - G/2 tokens.
uint64_t groupStart(uint64_t query, uint64_t group, bool is_shifted) {
    uint64_t shift = is_shifted ? group / 2 : 0;
    uint64_t start = (query + shift) / group * group;
    return start > shift ? start - shift : 0;
}

} // namespace

bool Pattern::isDynamic() const {
    return kind_ >= PatternKind::vertical_slash;
}

std::optional<Retention> Pattern::retention() const {
    switch (kind_) {
    case PatternKind::window:
    case PatternKind::chunked:
    case PatternKind::shifted:
        return Retention{0, number(0)};
    case PatternKind::sinks:
    case PatternKind::a_shape:
    case PatternKind::rolling:
        return Retention{number(0), number(1)};
    case PatternKind::longformer:
        return Retention{number(1), number(0)};
    case PatternKind::dilated:
        return Retention{0, (number(0) - 1) * number(1) + 1};
    case PatternKind::mixed: {
        Retention all;
        for (const HeadPart &part : head_parts_) {
            auto own = part.pattern->retention();
            if (!own)
                return std::nullopt;
            all = {std::max(all.sinks, own->sinks), std::max(all.window, own->window)};
        }
        return all;
    }
    default:
        return std::nullopt;
    }
}

bool Pattern::sees(uint32_t kind, uint64_t query, uint64_t key) const {
    if (key > query)
        return false;
    const uint64_t distance = query - key;
    switch (kind_) {
    case PatternKind::window:
        return distance < number(0);
    case PatternKind::dilated:
        return distance % number(1) == 0 && distance / number(1) < number(0);
    case PatternKind::longformer:
        return key < number(1) || query < number(1) || distance < number(0);
    case PatternKind::sinks:
    case PatternKind::a_shape:
        return key < number(0) || distance < number(1);
    case PatternKind::rolling:
        return key < number(0) || key >= number(0) + dropped(query);
    case PatternKind::bigbird: {
        uint64_t query_block = query / number(0), key_block = key / number(0);
        if (key_block < number(2) || query_block - key_block < number(1))
            return true;
        return std::ranges::contains(bigbirdRandom(numbers_, query_block), key_block);
    }
    case PatternKind::strided:
        return distance < stridedWindow() || distance % number(0) == 0;
    case PatternKind::fixed:
        return key / number(0) == query / number(0) || key % number(0) >= number(0) - number(1);
    case PatternKind::chunked:
        return key / number(0) == query / number(0);
    case PatternKind::shifted:
        return key >= groupStart(query, number(0), kind == 1);
    case PatternKind::blocks:
        return maskSees(*mask_, query / mask_->block_tokens, key / mask_->block_tokens);
    case PatternKind::mixed:
        return head_parts_[kind].pattern->sees(0, query, key);
    default:
        return true;
    }
}

unsigned Pattern::passes() const {
    return kind_ == PatternKind::strided ? 2 : 1;
}

uint32_t Pattern::step(unsigned pass) const {
    if (kind_ == PatternKind::dilated)
        return static_cast<uint32_t>(number(1));
    if (kind_ == PatternKind::strided && pass == 1)
        return static_cast<uint32_t>(number(0));
    return 1;
}

uint32_t Pattern::headKinds() const {
    if (kind_ == PatternKind::mixed)
        return static_cast<uint32_t>(head_parts_.size());
    return kind_ == PatternKind::shifted ? 2 : 1;
}

uint32_t Pattern::headKind(uint32_t head, uint32_t heads) const {
    if (kind_ == PatternKind::mixed) {
        auto found = std::ranges::find_if(
            head_parts_, [&](const HeadPart &part) { return holds(part.heads, head); });
        auto kind = std::min<ptrdiff_t>(found - head_parts_.begin(), std::ssize(head_parts_) - 1);
        return static_cast<uint32_t>(kind);
    }
    return kind_ == PatternKind::shifted && head >= heads / 2 ? 1 : 0;
}

void Pattern::checkHeads(uint32_t layer, uint32_t heads) const {
    for (const HeadPart &part : head_parts_)
        for (auto [first, last] : part.heads)
            if (last >= heads)
                fail(ErrorKind::usage,
                     "--attention \"{}\": there is no head {}; layer {} has {} heads, 0 to {}",
                     spec_, last, layer, heads, heads - 1);
}

void Pattern::appendKeys(unsigned pass, uint32_t kind, uint64_t query,
                         std::vector<Interval> &keys) const {
    Appender out(keys);
    switch (kind_) {
    case PatternKind::window:
        out.add(windowStart(query, number(0)), query + 1);
        break;
    case PatternKind::dilated: {
        uint64_t unit = query / number(1);
        out.add(windowStart(unit, number(0)), unit + 1);
        break;
    }
    case PatternKind::longformer:
        out.add(0, std::min(number(1), query + 1));
        out.add(windowStart(query, number(0)), query + 1);
        break;
    case PatternKind::sinks:
    case PatternKind::a_shape:
        out.add(0, std::min(number(0), query + 1));
        out.add(windowStart(query, number(1)), query + 1);
        break;
    case PatternKind::rolling:
        out.add(0, std::min(number(0), query + 1));
        out.add(number(0) + dropped(query), query + 1);
        break;
    case PatternKind::bigbird: {
        uint64_t tokens = number(0), block = query / tokens;
        out.add(0, std::min(number(2) * tokens, query + 1));
        for (uint64_t random : bigbirdRandom(numbers_, block))
            out.add(random * tokens, (random + 1) * tokens);
        out.add(windowStart(block, number(1)) * tokens, query + 1);
        break;
    }
    case PatternKind::strided:
        if (pass == 0)
            out.add(windowStart(query, stridedWindow()), query + 1);
        else
            out.add(0, stridedFar(query / number(0)));
        break;
    case PatternKind::fixed: {
        uint64_t block = query / number(0);
        for (uint64_t end = number(0); end <= block * number(0); end += number(0))
            out.add(end - number(1), end);
        out.add(block * number(0), query + 1);
        break;
    }
    case PatternKind::chunked:
        out.add(query / number(0) * number(0), query + 1);
        break;
    case PatternKind::shifted:
        out.add(groupStart(query, number(0), kind == 1), query + 1);
        break;
    case PatternKind::mixed:
        head_parts_[kind].pattern->appendKeys(pass, 0, query, keys);
        break;
    case PatternKind::blocks: {
        uint64_t tokens = mask_->block_tokens;
        uint64_t block = query / tokens, row_blocks = maskRow(*mask_, block).size();
        for (uint64_t b = 0; b < std::min(block, row_blocks); b++)
            if (maskSees(*mask_, block, b))
                out.add(b * tokens, (b + 1) * tokens);
        if (maskSees(*mask_, block, block))
            out.add(block * tokens, query + 1);
        break;
    }
    default:
        out.add(0, query + 1);
        break;
    }
}

uint64_t Pattern::sinkQuery(uint64_t query) const {
    if (kind_ == PatternKind::rolling)
        return query - dropped(query);
    auto kept = retention();
    return kept ? std::min(query, kept->sinks + kept->window - 1) : query;
}

uint32_t chunkFor(const Pattern &pattern) {
    constexpr uint32_t kTile = 8, kLeast = 1024, kMost = 2048;
    uint32_t chunk = 0;
    for (unsigned pass = 0; pass < pattern.passes(); ++pass) {
        if (pattern.step(pass) == 1)
            continue;
        uint64_t whole = uint64_t{kTile} * pattern.step(pass);
        uint64_t wanted = (kLeast + whole - 1) / whole * whole;
        chunk = std::max(chunk, static_cast<uint32_t>(std::min<uint64_t>(wanted, kMost)));
    }
    return chunk;
}

} // namespace longscope::attention
