// What a pattern costs: closed forms of the numbers of pairs and keys (methods.md, section 8.2).
#include "compute/attention/pattern.h"

#include <algorithm>

namespace longscope::attention {
namespace {

double real(uint64_t n) {
    return static_cast<double>(n);
}

/// 1 + 2 + ... + n.
double triangle(uint64_t n) {
    return real(n) * (real(n) + 1) / 2;
}

/// Sum over i < n of min(i + 1, most).
double capped(uint64_t n, uint64_t most) {
    return n <= most ? triangle(n) : triangle(most) + real(n - most) * real(most);
}

/// Pairs inside chunks.
double chunks(uint64_t n, uint64_t chunk) {
    return real(n / chunk) * triangle(chunk) + triangle(n % chunk);
}

} // namespace

uint64_t Pattern::stridedWindow() const {
    bool as_code = number(1) != 0;
    return as_code ? number(0) : number(0) + 1;
}

uint64_t Pattern::dropped(uint64_t query) const {
    uint64_t room = number(0) + number(1), drop = std::max<uint64_t>(number(1) / 2, 1);
    return query < room ? 0 : drop * ((query + 1 - room + drop - 1) / drop);
}

uint64_t Pattern::stridedFar(uint64_t unit) const {
    uint64_t near_units = (stridedWindow() - 1) / number(0) + 1; // that the window holds
    return unit + 1 > near_units ? unit + 1 - near_units : 0;
}

double Pattern::kindPairs(uint32_t kind, uint64_t n) const {
    switch (kind_) {
    case PatternKind::window:
        return capped(n, number(0));
    case PatternKind::longformer:
    case PatternKind::sinks:
    case PatternKind::a_shape:
        return capped(n, number(0) + number(1));
    case PatternKind::rolling: {
        // Beyond the room, `drop` queries after each other see room - drop + 1, ... room keys.
        uint64_t room = number(0) + number(1), drop = std::max<uint64_t>(number(1) / 2, 1);
        uint64_t beyond = n > room ? n - room : 0, rest = beyond % drop;
        double least = real(room - drop);
        return triangle(std::min(n, room)) + least * real(beyond) +
               real(beyond / drop) * triangle(drop) + triangle(rest);
    }
    case PatternKind::dilated: {
        uint64_t gap = number(1), units = n / gap;
        return real(gap) * capped(units, number(0)) +
               real(n % gap) * real(std::min(units + 1, number(0)));
    }
    case PatternKind::bigbird: {
        // Whole blocks before the own one: all, or as many as the rule names.
        uint64_t tokens = number(0), blocks = n / tokens;
        uint64_t most = number(2) + number(1) - 1 + number(3);
        double before = real(tokens) * (capped(blocks, most + 1) - real(blocks)) +
                        real(n % tokens) * real(std::min(blocks, most));
        return chunks(n, tokens) + real(tokens) * before;
    }
    case PatternKind::strided: {
        // Each of the L queries of unit u has stridedFar(u) keys beyond its window.
        uint64_t stride = number(0), units = n / stride;
        uint64_t last = units > 0 ? stridedFar(units - 1) : 0;
        return capped(n, stridedWindow()) + real(stride) * triangle(last) +
               real(n % stride) * real(stridedFar(units));
    }
    case PatternKind::fixed: {
        uint64_t block = number(0), blocks = n / block;
        double before =
            real(block) * (triangle(blocks) - real(blocks)) + real(n % block) * real(blocks);
        return chunks(n, block) + real(number(1)) * before;
    }
    case PatternKind::chunked:
        return chunks(n, number(0));
    case PatternKind::shifted: {
        uint64_t group = number(0), before = kind == 1 ? std::min(n, group - group / 2) : 0;
        return triangle(before) + chunks(n - before, group);
    }
    case PatternKind::blocks:
        return maskPairs(n);
    case PatternKind::mixed:
        return head_parts_[kind].pattern->kindPairs(0, n);
    default:
        return triangle(n);
    }
}

double Pattern::maskPairs(uint64_t n) const {
    const uint64_t tokens = mask_->block_tokens;
    // From `settled` on, every block sees the same earlier blocks, and itself.
    const uint64_t settled = std::max(mask_->rows.size(), mask_->rows.back().size());
    double pairs = 0;
    for (uint64_t block = 0; block < settled && block * tokens < n; block++) {
        uint64_t rows = std::min(tokens, n - block * tokens);
        const std::vector<bool> &row = mask_->rows[std::min(block, mask_->rows.size() - 1)];
        auto end = row.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(block, row.size()));
        bool sees_itself = block >= mask_->rows.size() || (block < row.size() && row[block]);
        pairs +=
            real(rows) * real(tokens) * static_cast<double>(std::count(row.begin(), end, true));
        pairs += sees_itself ? triangle(rows) : 0;
    }
    if (n > settled * tokens) {
        const std::vector<bool> &row = mask_->rows.back();
        uint64_t rest = n - settled * tokens;
        double before = static_cast<double>(std::count(row.begin(), row.end(), true));
        pairs += real(rest) * real(tokens) * before + chunks(rest, tokens);
    }
    return pairs;
}

double Pattern::headPairs(uint64_t n, uint32_t heads) const {
    std::vector<uint32_t> heads_of(headKinds()); // each kind
    for (uint32_t head = 0; head < heads; ++head)
        ++heads_of[headKind(head, heads)];
    double sum = 0;
    for (uint32_t kind = 0; kind < headKinds(); ++kind)
        sum += heads_of[kind] * kindPairs(kind, n);
    return sum;
}

double Pattern::headKeys(uint64_t t, uint32_t heads) const {
    return headPairs(t + 1, heads) - headPairs(t, heads);
}

} // namespace longscope::attention
