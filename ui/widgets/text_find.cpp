#include "ui/widgets/text_find.h"

#include "compute/core/text.h"

#include <algorithm>

namespace longscope::ui {
TextFind::TextFind(std::string_view text, std::string_view words, bool match_case)
    : text_(text), words_(words), match_case_(match_case),
      done_(words.empty() || words.size() > text.size()) {
    for (size_t i = 0; i < words.size();) {
        const Sign sign = signAt(words, i);
        const std::string_view one = words.substr(i, sign.bytes);
        std::string other(one);
        std::string swapped;
        appendUtf8(swapped, otherCase(sign.code));
        if (!match_case && swapped.size() == one.size())
            other = swapped;
        for (size_t k = 0; k < one.size(); ++k)
            bytes_.push_back({one[k], other[k]});
        i += sign.bytes;
    }
    skip_.fill(std::max<size_t>(words.size(), 1));
    for (size_t i = 0; i + 1 < words.size(); ++i)
        for (const char byte : bytes_[i])
            skip_[static_cast<unsigned char>(byte)] = words.size() - 1 - i;
}

bool TextFind::matches(size_t at) const {
    for (size_t i = bytes_.size(); i-- > 0;)
        if (text_[at + i] != bytes_[i][0] && text_[at + i] != bytes_[i][1])
            return false;
    if (match_case_)
        return true;
    // Two bytes of different cases together may be a third letter.
    for (size_t i = 0; i < words_.size();) {
        const Sign wanted = signAt(words_, i), found = signAt(text_, at + i);
        if (found.bytes != wanted.bytes || foldCase(found.code) != foldCase(wanted.code))
            return false;
        i += wanted.bytes;
    }
    return true;
}

bool TextFind::work(size_t bytes) {
    if (done_)
        return true;
    const size_t last = text_.size() - words_.size();
    const size_t stop = bytes < last - std::min(at_, last) ? at_ + bytes : last;
    const size_t tail = words_.size() - 1;
    while (at_ <= stop) {
        if (matches(at_)) {
            hits_.push_back(static_cast<uint32_t>(at_));
            if (isCut())
                break;
            at_ += words_.size();
        } else {
            at_ += skip_[static_cast<unsigned char>(text_[at_ + tail])];
        }
    }
    done_ = at_ > last || isCut();
    return done_;
}

std::optional<size_t> TextFind::hitFrom(size_t byte) const {
    if (hits_.empty())
        return std::nullopt;
    const auto at = std::ranges::lower_bound(hits_, byte);
    return at == hits_.end() ? 0 : static_cast<size_t>(at - hits_.begin());
}

} // namespace longscope::ui
