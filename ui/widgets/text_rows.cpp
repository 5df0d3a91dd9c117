#include "ui/widgets/text_rows.h"

#include "ui/widgets/text_units.h"

#include <algorithm>

namespace longscope::ui {

float Advances::of(char32_t code) const {
    if (code < ascii.size())
        return ascii[code];
    if (isWide(code))
        return wide;
    return other ? other(code, font) : ascii['n'];
}

RowIndex::RowIndex(std::string_view text, float width, const Advances &advances)
    : text_(text), width_(width), advances_(advances), done_(text.empty()) {
    if (text.empty())
        starts_.push_back(0);
}

/// Where the row that begins at at_ ends. Blanks that do not fit hang over.
size_t RowIndex::nextRow(const Advances &advances) const {
    const size_t most = std::min(text_.size(), at_ + kMostRowBytes);
    size_t can_break = at_; // the last place where the row may end
    float x = 0;
    bool after_ideograph = false;
    for (size_t i = at_; i < most;) {
        const auto byte = static_cast<unsigned char>(text_[i]);
        const Sign sign = byte < 0x80 ? Sign{byte, 1} : signAt(text_, i);
        if (byte == '\n')
            return i + 1;
        x += advances.of(sign.code);
        if (byte == ' ' || byte == '\t' || byte == '\r') {
            i += 1;
            can_break = i;
            after_ideograph = false;
            continue;
        }
        const bool ideograph = sign.code >= 0x80 && isIdeographic(sign.code);
        if ((ideograph || after_ideograph) && i > at_ && !isClosing(sign.code) &&
            !isCombining(sign.code))
            can_break = i;
        if (x > width_ && i > at_ && !isCombining(sign.code))
            return can_break > at_ ? can_break : i;
        i += sign.bytes;
        if (byte == '-' && i < most && text_[i] != '-')
            can_break = i;
        after_ideograph = ideograph || isClosing(sign.code);
    }
    return most == text_.size() ? most : signStart(text_, most);
}

bool RowIndex::work(const Advances &advances, size_t bytes) {
    const size_t stop = bytes < text_.size() - at_ ? at_ + bytes : text_.size();
    while (at_ < stop) {
        starts_.push_back(static_cast<uint32_t>(at_));
        at_ = std::max(nextRow(advances), at_ + 1);
    }
    if (at_ == text_.size() && !done_) {
        done_ = true;
        // After the last line end there is one more row, as in every editor.
        if (text_.back() == '\n')
            starts_.push_back(static_cast<uint32_t>(at_));
    }
    return done_;
}

size_t RowIndex::visibleEnd(size_t row) const {
    size_t last = end(row);
    if (last > start(row) && text_[last - 1] == '\n')
        --last;
    if (last > start(row) && text_[last - 1] == '\r')
        --last;
    return last;
}

size_t RowIndex::rowOf(size_t byte) const {
    const auto after = std::ranges::upper_bound(starts_, byte);
    return after == starts_.begin() ? 0 : static_cast<size_t>(after - starts_.begin()) - 1;
}

} // namespace longscope::ui
