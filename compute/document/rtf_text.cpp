#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"
#include "compute/document/rtf_reader.h"

#include <algorithm>
#include <utility>

namespace longscope::document {
namespace {

/// Of "1.\t" or a bullet, as they stand in files that do not mark them.
size_t markBytes(std::string_view paragraph) {
    size_t digits = std::min(paragraph.find_first_not_of("0123456789"), paragraph.size());
    std::string_view rest = paragraph.substr(digits);
    constexpr std::string_view kBullet = "\u2022\t";
    if (digits == 0 && rest.starts_with(kBullet))
        return kBullet.size();
    bool numbered =
        digits > 0 && digits <= 3 && (rest.starts_with(".\t") || rest.starts_with(")\t"));
    return numbered ? digits + 2 : 0;
}

} // namespace

std::string &RtfReader::out() {
    return state().group == RtfGroup::title    ? document_.title
           : state().group == RtfGroup::styles ? style_name_
                                               : document_.text;
}

void RtfReader::addText(std::string_view text) {
    flushBytes();
    bool broken = std::exchange(high_half_, 0) != 0; // half of a pair, and no other half
    if (state().hidden || drops())
        return;
    replaced_ += broken;
    if (broken)
        appendUtf8(out(), 0xFFFD);
    if (state().group == RtfGroup::note && out().ends_with(" ["))
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    out() += cleanControls(text, removed_);
}

void RtfReader::addCode(char32_t code) {
    std::string text;
    appendUtf8(text, code);
    addText(text);
}

void RtfReader::flushBytes() {
    if (pending_.empty())
        return;
    std::string bytes = std::exchange(pending_, {});
    if (std::ranges::none_of(bytes, [](char c) { return static_cast<signed char>(c) < 0; }))
        return addText(bytes);
    addText(convertToUtf8(bytes, encodingOfCodePage(pending_page_), replaced_));
}

void RtfReader::addByte(char byte) {
    if (skip_ > 0) {
        --skip_;
        return;
    }
    RtfState &now = state();
    now.group_begins = false;
    if (drops())
        return;
    uint16_t page = now.code_page != 0 ? now.code_page : file_page_;
    if (page != pending_page_)
        flushBytes();
    pending_page_ = page;
    pending_ += byte;
}

/// \u: a unit of UTF-16, signed.
void RtfReader::addUnit(int number) {
    char32_t unit = static_cast<char32_t>(number) & 0xFFFF;
    skip_ = 0;
    if (unit >= 0xDC00 && unit < 0xE000 && high_half_ != 0) {
        char32_t high = std::exchange(high_half_, 0);
        addCode(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    } else {
        flushBytes();
        if (unit >= 0xD800 && unit < 0xDC00)
            high_half_ = unit;
        else if (unit >= 0xDC00 && unit < 0xE000)
            addCode(0xFFFD);
        else if (unit >= 0xF000 && unit < 0xF100) // a symbol font's own characters
            addCode(unit == 0xF0B7 || unit == 0xF0A7 ? U'\u2022' : unit - 0xF000);
        else
            addCode(unit);
    }
    skip_ = state().fallback_bytes;
}

void RtfReader::endParagraph() {
    flushBytes();
    if (state().group != RtfGroup::text && state().group != RtfGroup::note)
        return;
    std::string &text = document_.text;
    if (state().group == RtfGroup::note || row_ || state().in_table) {
        row_ = row_ || state().in_table;
        text += ' '; // cells and notes are of one line
        return;
    }
    auto known = styles_.find(state().style);
    int level = state().outline;
    if (level == kRtfBodyText && known != styles_.end())
        level = known->second;
    start_ += markBytes(document_.span(start_, text.size()));
    if (level < kRtfBodyText)
        addHeading(document_, start_, text.size(), static_cast<unsigned>(level) + 1);
    else
        addParagraph(document_, start_, text.size(), true);
    text += text.size() == start_ ? "" : "\n\n";
    start_ = text.size();
}

void RtfReader::endRow() {
    flushBytes();
    std::string &text = document_.text;
    while (text.size() > start_ && (text.ends_with(" | ") || text.back() == ' '))
        text.resize(text.size() - (text.ends_with(" | ") ? 3 : 1));
    addParagraph(document_, start_, text.size(), false);
    text += '\n';
    start_ = text.size();
    row_ = false;
}

/// A bullet becomes "- ", a number stays; the paragraph begins after it.
void RtfReader::endMark() {
    flushBytes();
    std::string &text = document_.text;
    if (mark_start_ > text.size() || mark_start_ < start_)
        return;
    std::string mark = text.substr(mark_start_);
    bool numbered = std::ranges::any_of(mark, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    text.resize(mark_start_);
    size_t from = 0, to = mark.size();
    trim(mark, from, to);
    text += numbered ? mark.substr(from, to - from) + ' ' : "- ";
    if (!row_ && mark_start_ == start_)
        start_ = text.size();
}

/// "heading 2;" is of level 2 whatever else it says.
void RtfReader::endStyle() {
    std::string name = lowerCase(std::exchange(style_name_, {}));
    constexpr std::string_view kHeading = "heading ";
    if (style_ != 0 && name.starts_with(kHeading) && name.size() > kHeading.size() &&
        name[kHeading.size()] >= '1' && name[kHeading.size()] <= '9')
        styles_[style_] = name[kHeading.size()] - '1';
}

} // namespace longscope::document
