// RTF: groups in braces, control words that begin with a backslash, text in between. A group is a
// state on our own stack; what a word processor keeps for itself is skipped as a group.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"
#include "compute/document/rtf_words.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace longscope::document {
namespace {

constexpr size_t kDeepestGroups = 10'000;
constexpr int kBodyText = 9; // outline levels are 0 to 8

struct State {
    RtfGroup group = RtfGroup::text;
    bool group_begins = true;   ///< a destination's word may come
    bool hidden = false;        ///< \v
    uint8_t fallback_bytes = 1; ///< characters to skip after \u
    uint16_t code_page = 0;     ///< of the font; 0 = the file's
    int outline = kBodyText;
    int style = 0;
    bool in_table = false;
};

struct Word {
    std::string_view name;
    bool has_number = false;
    int number = 0;
};

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

class Reader {
  public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    Document read();

  private:
    State &state() { return states_.back(); }
    void open();
    void close();
    void readControl();
    Word readWord();
    void obey(const Word &word);
    void obeyFormat(const Word &word);
    bool obeyDestination(const Word &word);
    bool obeyBreak(std::string_view name);
    void addByte(char byte);
    void addUnit(int number);
    void addText(std::string_view text);
    void addCode(char32_t code);
    void flushBytes();
    void endParagraph();
    void endRow();
    void endMark();
    void endStyle();
    std::string &out();
    bool drops() const {
        RtfGroup group = states_.back().group;
        return group == RtfGroup::skipped || group == RtfGroup::fonts || group == RtfGroup::info;
    }

    std::string_view bytes_;
    size_t at_ = 0;
    std::vector<State> states_ = {State{}};
    Document document_;
    std::string pending_; ///< bytes of one code page, not converted yet
    uint16_t pending_page_ = 0;
    char32_t high_half_ = 0; ///< of a pair of \u
    size_t skip_ = 0;        ///< fallback characters left after \u
    uint16_t file_page_ = 1252;
    int font_ = 0;                  ///< of the font table
    std::map<int, uint16_t> fonts_; ///< code pages
    int style_ = 0;                 ///< of the style sheet
    std::map<int, int> styles_;     ///< outline levels
    std::string style_name_;
    size_t start_ = 0;      ///< of the paragraph that is being written
    size_t mark_start_ = 0; ///< of the list mark
    bool row_ = false;      ///< the paragraph is a row of a table
    size_t replaced_ = 0, removed_ = 0;
};

std::string &Reader::out() {
    return state().group == RtfGroup::title    ? document_.title
           : state().group == RtfGroup::styles ? style_name_
                                               : document_.text;
}

void Reader::addText(std::string_view text) {
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

void Reader::addCode(char32_t code) {
    std::string text;
    appendUtf8(text, code);
    addText(text);
}

void Reader::flushBytes() {
    if (pending_.empty())
        return;
    std::string bytes = std::exchange(pending_, {});
    if (std::ranges::none_of(bytes, [](char c) { return static_cast<signed char>(c) < 0; }))
        return addText(bytes);
    addText(convertToUtf8(bytes, encodingOfCodePage(pending_page_), replaced_));
}

void Reader::addByte(char byte) {
    if (skip_ > 0) {
        --skip_;
        return;
    }
    State &now = state();
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
void Reader::addUnit(int number) {
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

void Reader::endParagraph() {
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
    if (level == kBodyText && known != styles_.end())
        level = known->second;
    start_ += markBytes(document_.span(start_, text.size()));
    if (level < kBodyText)
        addHeading(document_, start_, text.size(), static_cast<unsigned>(level) + 1);
    else
        addParagraph(document_, start_, text.size(), true);
    text += text.size() == start_ ? "" : "\n\n";
    start_ = text.size();
}

void Reader::endRow() {
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
void Reader::endMark() {
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
void Reader::endStyle() {
    std::string name = lowerCase(std::exchange(style_name_, {}));
    constexpr std::string_view kHeading = "heading ";
    if (style_ != 0 && name.starts_with(kHeading) && name.size() > kHeading.size() &&
        name[kHeading.size()] >= '1' && name[kHeading.size()] <= '9')
        styles_[style_] = name[kHeading.size()] - '1';
}

void Reader::open() {
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

void Reader::close() {
    flushBytes();
    skip_ = 0;
    if (states_.size() == 1)
        return;
    State inner = state();
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
bool Reader::obeyDestination(const Word &word) {
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

bool Reader::obeyBreak(std::string_view name) {
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

void Reader::obeyFormat(const Word &word) {
    State &now = state();
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
        now.outline = kBodyText, now.style = 0, now.in_table = false;
    else if (name == "intbl")
        now.in_table = true;
    else if (name == "s" && now.group == RtfGroup::styles)
        style_ = word.number;
    else if (name == "s")
        now.style = word.number;
    else if (name == "outlinelevel" && now.group == RtfGroup::styles)
        styles_[style_] = std::clamp(word.number, 0, kBodyText);
    else if (name == "outlinelevel")
        now.outline = std::clamp(word.number, 0, kBodyText);
}

void Reader::obey(const Word &word) {
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
Word Reader::readWord() {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    Word word;
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
void Reader::readControl() {
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
        Word next = readWord();
        if (!obeyDestination(next))
            state().group = RtfGroup::skipped;
        break;
    }
    default: // \- is where a word may be broken; others have no text
        break;
    }
}

Document Reader::read() {
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
    states_.assign(1, State{});
    row_ ? endRow() : endParagraph();
    if (replaced_ > 0)
        document_.warnings.push_back(
            std::format("{} characters have no meaning in the file's code page and were replaced "
                        "by U+FFFD",
                        replaced_));
    return std::move(document_);
}

} // namespace

Document readRtf(std::string_view bytes) {
    return Reader(bytes).read();
}

} // namespace longscope::document
