#include "compute/document/pdf_paragraphs.h"
#include "compute/document/characters.h"
#include "compute/document/sentences.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>

namespace longscope::document {
namespace {

// In font sizes, unless it is said otherwise.
constexpr float kIndent = 0.7f;
constexpr float kLooseLead = 1.3f;    // of the usual distance of lines: a gap between paragraphs
constexpr float kShortLine = 0.2f;    // of the column's width
constexpr float kOtherSize = 1.08f;   // of the size before
constexpr float kHeadingSize = 1.12f; // of the size of most letters
constexpr float kNoteSize = 0.93f;
constexpr size_t kLongestHeading = 200; // bytes
constexpr size_t kMostHeadingLines = 3;

bool beginsLower(std::string_view text) {
    return isLower(characterAt(text, 0).code);
}

/// Bytes of the hyphen at a line's end, 0 when it ends otherwise.
size_t hyphenAtEnd(std::string_view line) {
    Character last = characterBefore(line, line.size());
    bool hyphen = last.code == U'-' || last.code == 0x2010 || last.code == 0xAD;
    bool after_letter = hyphen && isLetter(characterBefore(line, line.size() - last.length).code);
    return after_letter ? last.length : 0;
}

bool beginsWithMark(std::string_view line) {
    for (std::string_view mark : {"• ", "– ", "- ", "▪ ", "◦ ", "* ", "‣ ", "● "})
        if (line.starts_with(mark))
            return true;
    size_t start = line.starts_with('(') || line.starts_with('[');
    size_t digits = start;
    while (digits < line.size() && digits < start + 3 && line[digits] >= '0' && line[digits] <= '9')
        ++digits;
    bool closed = digits > start && digits + 1 < line.size() &&
                  (line[digits] == '.' || line[digits] == ')' || line[digits] == ']');
    return closed && line[digits + 1] == ' ';
}

/// "Costs ........ 12"
bool hasLeaders(std::string_view line) {
    return line.contains(".....") || line.contains(". . . .") || line.contains("……");
}

/// All words in the middle of lines, to tell "well-" + "known" from "exam-" + "ple".
class Words {
  public:
    explicit Words(const std::vector<std::vector<PdfLine>> &pages);
    /// The text with the next line; a hyphen at its end goes when the whole word has none.
    void join(std::string &text, std::string_view line) const;

  private:
    std::unordered_set<std::string> words_;
};

std::string_view lastWord(std::string_view text) {
    return text.substr(text.find_last_of(" ([\"") + 1); // npos + 1 == 0
}
std::string_view firstWord(std::string_view text) {
    return text.substr(0, text.find_first_of(" ,.;:!?)]\""));
}

Words::Words(const std::vector<std::vector<PdfLine>> &pages) {
    for (const std::vector<PdfLine> &page : pages)
        for (const PdfLine &line : page)
            for (std::string_view left = line.text; !left.empty();) {
                std::string_view word = firstWord(left);
                // Only what a line end can part: short texts do not need a dictionary.
                if (word.size() > 3 && word.size() < 60 && word.size() < left.size())
                    words_.insert(lowerCase(word));
                left.remove_prefix(std::min(word.size() + 1, left.size()));
            }
}

void Words::join(std::string &text, std::string_view line) const {
    size_t hyphen = hyphenAtEnd(text);
    if (hyphen == 0 || !beginsLower(line)) {
        bool ideographs = isIdeographic(characterBefore(text, text.size()).code) &&
                          isIdeographic(characterAt(line, 0).code);
        text.append(hyphen > 0 || ideographs ? "" : " ").append(line);
        return;
    }
    std::string before(lastWord(std::string_view(text).substr(0, text.size() - hyphen)));
    std::string after(firstWord(line));
    bool compound = words_.contains(lowerCase(before + "-" + after)) &&
                    !words_.contains(lowerCase(before + after));
    text.resize(text.size() - hyphen);
    text.append(compound ? "-" : "").append(line);
}

/// Edges and usual distance of the lines of each column, and the size of most letters.
struct Measures {
    struct Column {
        float left = INFINITY, right = -INFINITY;
    };
    explicit Measures(const std::vector<std::vector<PdfLine>> &pages);

    std::map<size_t, Column> columns;
    float body_size = 10;
    float lead = 1.2f; ///< from line to line, in font sizes
};

Measures::Measures(const std::vector<std::vector<PdfLine>> &pages) {
    std::map<int, size_t> letters; // by half points
    std::vector<float> leads;
    for (const std::vector<PdfLine> &page : pages)
        for (size_t i = 0; i < page.size(); ++i) {
            const PdfLine &line = page[i];
            letters[static_cast<int>(std::lround(line.font_size * 2))] += line.text.size();
            Column &column = columns[line.column];
            column.left = std::min(column.left, line.left);
            column.right = std::max(column.right, line.right);
            float down = i > 0 ? line.top - page[i - 1].top : 0;
            if (i > 0 && page[i - 1].column == line.column && down > 0 && line.font_size > 0 &&
                page[i - 1].font_size == line.font_size)
                leads.push_back(down / line.font_size);
        }
    size_t most = 0;
    for (auto [size, bytes] : letters)
        if (bytes > most && size > 0) {
            most = bytes;
            body_size = static_cast<float>(size) / 2;
        }
    if (!leads.empty()) {
        auto middle = leads.begin() + static_cast<ptrdiff_t>(leads.size() / 2);
        std::ranges::nth_element(leads, middle);
        lead = std::clamp(*middle, 0.8f, 3.0f);
    }
}

/// A paragraph as it grows.
struct Block {
    PdfParagraph paragraph;
    std::vector<const PdfLine *> lines;
    size_t last_page = 0;
    bool starts_column = false;

    float size() const { return lines.front()->font_size; }
};

bool otherSize(float a, float b) {
    return a > b * kOtherSize || b > a * kOtherSize;
}

class Joiner {
  public:
    explicit Joiner(const std::vector<std::vector<PdfLine>> &pages)
        : measures_(pages), words_(pages) {}
    std::vector<PdfParagraph> join(const std::vector<std::vector<PdfLine>> &pages);

  private:
    bool begins(const Block &block, const PdfLine &line) const;
    bool isShort(const PdfLine &line) const;
    bool mayGoOn(const Block &block, const Block &next) const;
    void append(Block &block, const PdfLine &line) const;
    void judge(Block &block) const;
    void mergeOverColumns();

    Measures measures_;
    Words words_;
    std::vector<Block> blocks_;
};

bool Joiner::isShort(const PdfLine &line) const {
    const Measures::Column &column = measures_.columns.at(line.column);
    return line.right < column.right - kShortLine * (column.right - column.left);
}

/// Whether a line begins a paragraph below the block's last line.
bool Joiner::begins(const Block &block, const PdfLine &line) const {
    const PdfLine &before = *block.lines.back();
    if (before.entry > 0 || line.entry > 0) // a title is a paragraph, whatever it looks like
        return before.entry != line.entry;
    float size = std::max(before.font_size, 1.0f);
    if (before.column != line.column || before.row || line.row || !line.upright)
        return true;
    if (otherSize(before.font_size, line.font_size) || before.bold != line.bold)
        return true;
    float down = line.top - before.top;
    if (down > kLooseLead * measures_.lead * size || down < 0)
        return true;
    if (beginsWithMark(line.text) &&
        (hasFinalStop(before.text) || isShort(before) || beginsWithMark(block.lines.front()->text)))
        return true;
    bool stop = hasFinalStop(block.paragraph.text);
    float left = measures_.columns.at(line.column).left;
    bool indented = line.left > left + kIndent * size;
    if (indented && before.left < line.left - kIndent * size && (stop || isShort(before)))
        return true;
    // Items that stand out of their block to the left: "[1] ...", after at least two lines.
    bool outdented = line.left < before.left - kIndent * size && block.lines.size() > 1;
    return outdented || (stop && isShort(before) && !beginsLower(line.text));
}

void Joiner::append(Block &block, const PdfLine &line) const {
    if (block.lines.empty())
        block.paragraph.text = line.text;
    else
        words_.join(block.paragraph.text, line.text);
    block.lines.push_back(&line);
}

bool looksLikeText(std::string_view text) {
    size_t letters = 0, others = 0;
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        at += c.length;
        bool letter = isLetter(c.code) && !isDigit(c.code);
        letters += letter;
        others += !letter && !isSpace(c.code);
    }
    return letters > others && letters > 1;
}

/// "3See above." to "[3] See above."
void bracketNoteMark(std::string &note) {
    size_t digits = std::min(note.find_first_not_of("0123456789"), note.size());
    if (digits == 0 || digits > 3 || !isUpper(characterAt(note, digits).code))
        return;
    note.insert(digits, "] ");
    note.insert(0, "[");
}

void Joiner::judge(Block &block) const {
    const PdfLine &first = *block.lines.front();
    PdfParagraph &paragraph = block.paragraph;
    paragraph.row = first.row;
    if (first.entry == 0 && first.font_size < kNoteSize * measures_.body_size)
        bracketNoteMark(paragraph.text);
    paragraph.prose =
        looksLikeText(paragraph.text) && !first.row && first.upright && !hasLeaders(paragraph.text);
    bool larger = first.font_size >= kHeadingSize * measures_.body_size;
    bool bold = first.bold && first.font_size >= kNoteSize * measures_.body_size;
    // A bold word in a column of its own is no title; one with a stop is a lead-in.
    bool fits = block.lines.size() <= (larger ? kMostHeadingLines : 2) &&
                paragraph.text.size() <= kLongestHeading && !paragraph.text.ends_with('.') &&
                !paragraph.text.ends_with(',') && !paragraph.text.ends_with(':');
    paragraph.heading = (larger || bold) && fits && paragraph.prose;
    if (first.entry > 0) {
        paragraph.heading = true;
        paragraph.row = false;
    }
    paragraph.entry = first.entry;
    paragraph.top = first.top;
    paragraph.size_rank =
        2 * static_cast<int>(std::lround(std::min(first.font_size, 1000.0f) * 2)) + first.bold;
}

/// Whether the paragraph at the top of a column is the rest of one before.
bool Joiner::mayGoOn(const Block &block, const Block &next) const {
    const PdfLine &last = *block.lines.back(), &line = *next.lines.front();
    if (block.paragraph.heading || next.paragraph.heading || !block.paragraph.prose ||
        !next.paragraph.prose || otherSize(last.font_size, line.font_size) ||
        last.bold != line.bold)
        return false;
    if (hasFinalStop(block.paragraph.text) || beginsWithMark(line.text))
        return false;
    return beginsLower(line.text) || hyphenAtEnd(last.text) > 0 || !isShort(last);
}

void Joiner::mergeOverColumns() {
    std::vector<Block> out;
    for (Block &block : blocks_) {
        if (!block.starts_column || out.empty()) {
            out.push_back(std::move(block));
            continue;
        }
        // Notes at the foot of the column stand between the two parts of its last paragraph.
        size_t open = out.size() - 1;
        while (open > 0 && out[open].size() < kNoteSize * measures_.body_size &&
               !out[open].starts_column && block.size() >= kNoteSize * measures_.body_size)
            --open;
        Block &before = out[open];
        // Notes move before the paragraph: only where it begins on their page.
        bool notes_stay = open + 1 == out.size() || before.paragraph.page == before.last_page;
        if (!notes_stay || !mayGoOn(before, block)) {
            out.push_back(std::move(block));
            continue;
        }
        Block whole = std::move(before);
        out.erase(out.begin() + static_cast<ptrdiff_t>(open));
        words_.join(whole.paragraph.text, block.paragraph.text);
        size_t at = whole.paragraph.text.size() - block.paragraph.text.size();
        if (block.paragraph.page != whole.last_page)
            whole.paragraph.page_breaks.emplace_back(at, block.paragraph.page);
        whole.last_page = block.last_page;
        whole.lines.insert(whole.lines.end(), block.lines.begin(), block.lines.end());
        out.push_back(std::move(whole));
    }
    blocks_ = std::move(out);
}

std::vector<PdfParagraph> Joiner::join(const std::vector<std::vector<PdfLine>> &pages) {
    for (size_t page = 0; page < pages.size(); ++page)
        for (const PdfLine &line : pages[page]) {
            bool fresh = blocks_.empty() || blocks_.back().last_page != page;
            if (fresh || begins(blocks_.back(), line)) {
                bool column = fresh || blocks_.back().lines.back()->column != line.column;
                blocks_.emplace_back();
                blocks_.back().starts_column = column;
                blocks_.back().paragraph.page = blocks_.back().last_page = page;
            }
            append(blocks_.back(), line);
        }
    for (Block &block : blocks_)
        judge(block);
    mergeOverColumns();
    std::vector<PdfParagraph> out;
    for (Block &block : blocks_)
        out.push_back(std::move(block.paragraph));
    return out;
}

} // namespace

std::vector<PdfParagraph> joinParagraphs(const std::vector<std::vector<PdfLine>> &pages) {
    return Joiner(pages).join(pages);
}

} // namespace longscope::document
