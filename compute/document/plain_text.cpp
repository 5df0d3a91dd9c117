// The outline of plain text: paragraphs, and the few lines that are surely headings. A heading that
// is missed costs little; a sentence taken for one is lost to the reader, so every rule is narrow.
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"

#include <algorithm>

namespace longscope::document {
namespace {

constexpr size_t kWrappedLine = 200;   // bytes; longer lines are paragraphs of their own
constexpr size_t kLongestHeading = 80; // bytes
constexpr size_t kMostHeadingsInARow = 3;

struct Line {
    size_t start = 0, end = 0; ///< trimmed; empty = blank
};

struct Block {
    size_t start = 0, end = 0;
    size_t lines = 0;
    unsigned underline = 0; ///< 1: "===" below it, 2: "---"
    size_t numbered = 0;    ///< bytes of the "1. " before `start`
    bool may_be_heading = false;
    bool heading = false;
    bool prose = true;
};

/// '=' or '-' when the line is a run of at least three of it, else 0.
char underlineOf(std::string_view line) {
    bool run = line.size() >= 3 && (line[0] == '=' || line[0] == '-') &&
               line.find_first_not_of(line[0]) == std::string_view::npos;
    return run ? line[0] : '\0';
}

/// "- ", "* ", "• ", "12. ", "3) " at the start of a line: its length, else 0.
size_t listMarkLength(std::string_view line) {
    for (std::string_view mark : {"- ", "* ", "+ ", "\u2022 ", "\u2013 "})
        if (line.starts_with(mark))
            return mark.size();
    return numberMarkLength(line, 2);
}

struct Letters {
    size_t letters = 0, upper = 0, lower = 0, words = 0, others = 0;
    bool drawn = false; ///< has lines of a drawn table
};

Letters countLetters(std::string_view text) {
    Letters count;
    bool in_word = false;
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        at += c.length;
        bool letter = isLetter(c.code);
        count.letters += letter;
        count.upper += isUpper(c.code);
        count.lower += isLower(c.code);
        count.others += !letter && !isSpace(c.code);
        count.words += !in_word && !isSpace(c.code);
        count.drawn = count.drawn || (c.code >= 0x2500 && c.code <= 0x257F);
        in_word = !isSpace(c.code);
    }
    return count;
}

/// One short line that begins like a title and does not end like a sentence.
bool looksLikeHeading(std::string_view line) {
    if (line.empty() || line.size() > kLongestHeading)
        return false;
    Letters count = countLetters(line);
    if (count.letters < 2 || count.words > 12 || count.letters < count.others)
        return false;
    char32_t first = characterAt(line, 0).code, last = characterBefore(line, line.size()).code;
    bool shouted = count.upper >= 4 && count.lower == 0; // "CHAPTER I."
    if (std::u32string_view(U".!?,;:\u2026\u3002\uFF01\uFF1F").contains(last) && !shouted)
        return false;
    return isUpper(first) || isDigit(first) || isIdeographic(first);
}

/// "2.1 Costs" is of level 2; 0 when the line has no such number.
unsigned numberedLevel(std::string_view line) {
    size_t end = std::min(line.find_first_not_of("0123456789."), line.size());
    std::string_view number = line.substr(0, end);
    if (number.empty() || !isDigit(static_cast<unsigned char>(number[0])) || number.size() > 12)
        return 0;
    if (number.ends_with('.'))
        number.remove_suffix(1);
    return 1 + static_cast<unsigned>(std::ranges::count(number, '.'));
}

class Outline {
  public:
    explicit Outline(std::string_view text) : text_(text) {}
    std::vector<Block> find();

  private:
    std::string_view at(const Line &line) const {
        return text_.substr(line.start, line.end - line.start);
    }
    std::string_view content(const Block &block) const {
        return text_.substr(block.start, block.end - block.start);
    }
    void addLine(Line line);
    void endBlock();
    void judge();

    std::string_view text_;
    std::vector<Block> blocks_;
    Block block_;
    size_t last_line_bytes_ = 0; ///< of the line before, in the same block
};

void Outline::endBlock() {
    if (block_.lines > 0)
        blocks_.push_back(block_);
    block_ = {};
}

void Outline::addLine(Line line) {
    if (line.start == line.end)
        return endBlock();
    char underline = underlineOf(at(line));
    if (underline && block_.lines == 1 && block_.end - block_.start <= kLongestHeading) {
        block_.underline = underline == '=' ? 1 : 2;
        return endBlock();
    }
    size_t mark = listMarkLength(at(line)), bytes = line.end - line.start;
    if (mark > 0 || underline || bytes > kWrappedLine || last_line_bytes_ > kWrappedLine)
        endBlock();
    if (block_.lines++ == 0) {
        block_.start = line.start + mark;
        block_.numbered =
            mark > 0 && isDigit(static_cast<unsigned char>(text_[line.start])) ? mark : 0;
    }
    block_.end = line.end;
    last_line_bytes_ = bytes;
    block_.may_be_heading = block_.lines == 1 && mark == 0;
    if (underline)
        endBlock();
}

void Outline::judge() {
    for (Block &block : blocks_) {
        Letters count = countLetters(content(block));
        block.prose = count.letters > count.others && count.letters > 1 && !count.drawn;
        block.may_be_heading = block.may_be_heading && looksLikeHeading(content(block));
    }
    // A title has text below it; a longer column of short lines is a poem or a list.
    for (size_t first = 0; first < blocks_.size();) {
        size_t next = first;
        while (next < blocks_.size() && blocks_[next].may_be_heading)
            ++next;
        bool titles = next - first <= kMostHeadingsInARow && next < blocks_.size() &&
                      (blocks_[next].prose || blocks_[next].underline > 0);
        for (size_t i = first; i < next; ++i)
            blocks_[i].heading = titles;
        first = next + 1;
    }
    for (size_t i = 0; i < blocks_.size(); ++i) {
        Block &block = blocks_[i];
        block.heading = block.heading || (block.underline > 0 && block.prose);
        // "1. Costs" looks like a list item; it is a title between paragraphs.
        bool alone = block.numbered && block.lines == 1 && i + 1 < blocks_.size() &&
                     blocks_[i + 1].lines > 0 && !blocks_[i + 1].numbered &&
                     (i == 0 || !blocks_[i - 1].numbered);
        std::string_view below = alone ? content(blocks_[i + 1]) : std::string_view();
        if (alone && below.size() > kLongestHeading && looksLikeHeading(content(block))) {
            block.heading = true;
            block.start -= block.numbered;
        }
    }
}

std::vector<Block> Outline::find() {
    for (size_t start = 0; start < text_.size();) {
        size_t end = std::min(text_.find('\n', start), text_.size());
        Line line{start, end};
        trim(text_, line.start, line.end);
        if (line.start == line.end)
            last_line_bytes_ = 0;
        addLine(line);
        start = end + 1;
    }
    endBlock();
    judge();
    return std::move(blocks_);
}

} // namespace

Document readPlainText(std::string text) {
    Document document;
    document.text = std::move(text);
    bool titled = false; // the text begins with a title, so that numbered ones are below it
    for (const Block &block : Outline(document.text).find()) {
        if (!block.heading) {
            addParagraph(document, block.start, block.end, block.prose);
            continue;
        }
        unsigned numbered = numberedLevel(document.span(block.start, block.end));
        bool first = document.paragraphs.empty();
        titled = titled || (first && numbered == 0);
        unsigned level = numbered > 0 ? numbered + titled : first ? 1 : 2;
        addHeading(document, block.start, block.end, block.underline > 0 ? block.underline : level);
    }
    return document;
}

} // namespace longscope::document
