// RTF: groups in braces, control words that begin with a backslash, text in between. A group is a
// state on our own stack; what a word processor keeps for itself is skipped as a group.
#include "compute/document/rtf_reader.h"

#include "compute/core/error.h"
#include "compute/document/formats.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <optional>

namespace longscope::document {
namespace {

constexpr size_t kDeepestGroups = 10'000;

} // namespace

void RtfReader::open() {
    flushBytes();
    skip_ = 0;
    if (states_.size() > kDeepestGroups)
        fail(ErrorKind::file, "the RTF file has groups nested deeper than {}, at byte {} of {}",
             kDeepestGroups, at_, bytes_.size());
    states_.push_back(state());
    state().group_begins = true;
    if (state().group == RtfGroup::styles) {
        style_ = 0;
        style_name_.clear();
    }
}

void RtfReader::close() {
    flushBytes();
    skip_ = 0;
    if (states_.size() == 1)
        return;
    RtfState inner = state();
    states_.pop_back();
    if (inner.group == RtfGroup::styles)
        endStyle();
    if (inner.group == state().group)
        return;
    if (inner.group == RtfGroup::list_mark)
        endMark();
    if (inner.group == RtfGroup::note) {
        std::string &text = document_.text;
        while (text.ends_with(' '))
            text.pop_back();
        text += ']';
    }
}

/// Whether the word opened a destination.
bool RtfReader::obeyDestination(const RtfWord &word) {
    if (!state().group_begins)
        return false;
    std::optional<RtfGroup> found = findRtfDestination(word.name);
    if (!found)
        return false;
    // Inside of what is skipped nothing comes up again.
    if (state().group == RtfGroup::skipped || state().group == RtfGroup::fonts)
        return true;
    if (word.name == "ud" || word.name == "upr") { // the same text twice: bytes, then Unicode
        state().group = word.name == "ud" ? RtfGroup::skipped : state().group;
        return true;
    }
    bool list = *found == RtfGroup::list_mark;
    if (list)
        mark_start_ = document_.text.size();
    if (*found == RtfGroup::note && state().group == RtfGroup::text)
        document_.text += " [";
    if (*found != RtfGroup::text)
        state().group = *found;
    return true;
}

bool RtfReader::obeyBreak(std::string_view name) {
    if (name == "par" || name == "sect" || name == "page") {
        endParagraph();
    } else if (name == "line" || name == "column") {
        addText(row_ || state().in_table || state().group != RtfGroup::text ? " " : "\n");
    } else if (name == "cell" || name == "nestcell") {
        row_ = true;
        flushBytes();
        while (document_.text.size() > start_ && document_.text.back() == ' ')
            document_.text.pop_back();
        addText(" | ");
    } else if (name == "row" || name == "nestrow") {
        if (state().group == RtfGroup::text)
            endRow();
    } else {
        std::string_view symbol = findRtfSymbol(name);
        if (symbol.empty())
            return false;
        addText(symbol);
    }
    return true;
}

void RtfReader::obeyFormat(const RtfWord &word) {
    RtfState &now = state();
    std::string_view name = word.name;
    if (name == "ansicpg" && word.number > 0 && word.number < 65536)
        file_page_ = static_cast<uint16_t>(word.number);
    else if (name == "mac")
        file_page_ = 10000;
    else if (name == "pc")
        file_page_ = 437;
    else if (name == "pca")
        file_page_ = 850;
    else if (name == "uc")
        now.fallback_bytes = static_cast<uint8_t>(std::clamp(word.number, 0, 255));
    else if (name == "f" && now.group == RtfGroup::fonts)
        font_ = word.number;
    else if (name == "f")
        now.code_page = fonts_.contains(word.number) ? fonts_[word.number] : uint16_t{0};
    else if (name == "fcharset" && now.group == RtfGroup::fonts) {
        if (uint16_t page = codePageOfCharset(word.number); page != 0 && word.number != 0)
            fonts_[font_] = page;
    } else if (name == "v")
        now.hidden = !word.has_number || word.number != 0;
    else if (name == "plain")
        now.hidden = false, now.code_page = 0;
    else if (name == "pard")
        now.outline = kRtfBodyText, now.style = 0, now.in_table = false;
    else if (name == "intbl")
        now.in_table = true;
    else if (name == "s" && now.group == RtfGroup::styles)
        style_ = word.number;
    else if (name == "s")
        now.style = word.number;
    else if (name == "outlinelevel" && now.group == RtfGroup::styles)
        styles_[style_] = std::clamp(word.number, 0, kRtfBodyText);
    else if (name == "outlinelevel")
        now.outline = std::clamp(word.number, 0, kRtfBodyText);
}

void RtfReader::obey(const RtfWord &word) {
    if (skip_ > 0) { // a word stands for one fallback character
        --skip_;
        return;
    }
    if (word.name == "bin") { // raw bytes follow
        at_ += std::min(static_cast<size_t>(std::max(word.number, 0)), bytes_.size() - at_);
        return;
    }
    if (obeyDestination(word))
        return;
    state().group_begins = false;
    if (word.name == "u")
        return addUnit(word.number);
    if (!obeyBreak(word.name)) {
        flushBytes();
        obeyFormat(word);
    }
}

/// At the first letter after a backslash.
RtfWord RtfReader::readWord() {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    RtfWord word;
    size_t end = at_;
    while (end < bytes_.size() && letter(bytes_[end]))
        ++end;
    word.name = bytes_.substr(at_, end - at_);
    at_ = end;
    const char *last = bytes_.data() + bytes_.size();
    auto read = std::from_chars(bytes_.data() + at_, last, word.number);
    if (read.ptr != bytes_.data() + at_) {
        word.has_number = true;
        at_ = static_cast<size_t>(read.ptr - bytes_.data());
    }
    if (at_ < bytes_.size() && bytes_[at_] == ' ')
        ++at_;
    return word;
}

/// After a backslash.
void RtfReader::readControl() {
    if (at_ >= bytes_.size())
        return;
    char c = bytes_[at_];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return obey(readWord());
    ++at_;
    unsigned value = 0;
    switch (c) {
    case '\'':
        if (at_ + 2 <= bytes_.size() &&
            std::from_chars(bytes_.data() + at_, bytes_.data() + at_ + 2, value, 16).ec ==
                std::errc())
            addByte(static_cast<char>(static_cast<unsigned char>(value)));
        at_ = std::min(at_ + 2, bytes_.size());
        break;
    case '\\':
    case '{':
    case '}':
        addByte(c);
        break;
    case '~':
        addText("\u00A0");
        break;
    case '_':
        addText("-");
        break;
    case '\r':
    case '\n':
        endParagraph();
        break;
    case '*': { // what follows may be skipped by who does not know it
        size_t word = bytes_.find('\\', at_);
        if (word != at_ || state().group == RtfGroup::skipped)
            break;
        ++at_;
        RtfWord next = readWord();
        if (!obeyDestination(next))
            state().group = RtfGroup::skipped;
        break;
    }
    default: // \- is where a word may be broken; others have no text
        break;
    }
}

Document RtfReader::read() {
    if (!bytes_.starts_with("{\\rtf"))
        fail(ErrorKind::file, "no RTF file: it begins without \"{{\\rtf\"");
    while (at_ < bytes_.size()) {
        char c = bytes_[at_++];
        if (c == '{')
            open();
        else if (c == '}')
            close();
        else if (c == '\\')
            readControl();
        else if (c != '\r' && c != '\n' && c != '\0')
            addByte(c);
    }
    flushBytes();
    states_.assign(1, RtfState{});
    row_ ? endRow() : endParagraph();
    if (replaced_ > 0)
        document_.warnings.push_back(
            std::format("{} characters have no meaning in the file's code page and were replaced "
                        "by U+FFFD",
                        replaced_));
    return std::move(document_);
}

Document readRtf(std::string_view bytes) {
    return RtfReader(bytes).read();
}

} // namespace longscope::document
