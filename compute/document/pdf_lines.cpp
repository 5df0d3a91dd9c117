#include "compute/document/pdf_lines.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace longscope::document {
namespace {

// In widths of the font's square; found on papers and reports set by groff, LibreOffice and TeX.
constexpr float kWidestWordGap = 1.5f; // justified lines of narrow columns come close
constexpr float kLeastSpace = 0.12f;
constexpr float kSmallPrint = 0.8f; // a raised number beside its word

/// Of a word's letters, ligatures as their letters.
std::string spelledOut(std::string_view word) {
    constexpr std::array<std::string_view, 7> kLigatures = {"ff",  "fi", "fl", "ffi",
                                                            "ffl", "st", "st"}; // U+FB00 on
    std::string valid = repairUtf8(word), out;
    for (size_t at = 0; at < valid.size();) {
        Character c = characterAt(valid, at);
        if (c.code >= 0xFB00 && c.code < 0xFB00 + kLigatures.size())
            out += kLigatures[c.code - 0xFB00];
        else if (c.code == 0xA0 || c.code == 0x202F)
            out += ' ';
        else if (c.code >= 0x20)
            out.append(valid, at, c.length);
        at += c.length;
    }
    return out;
}

bool allDigits(std::string_view text) {
    return !text.empty() && text.size() <= 3 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether a raised number here is the mark of a note, not an exponent: "word3", "end.3", not "m2".
bool takesNote(std::string_view line) {
    size_t letters = 0;
    for (size_t at = line.size(); at > 0;) {
        Character c = characterBefore(line, at);
        if (!isLetter(c.code) || isDigit(c.code))
            return letters >= 3 || (letters == 0 && !isDigit(c.code) && !isSpace(c.code));
        if (++letters >= 3)
            return true;
        at -= c.length;
    }
    return false;
}

struct Weights { ///< letters of a line by what they are set in
    float largest = 0;
    size_t letters = 0, bold = 0;
};

class Pieces {
  public:
    std::vector<PdfLine> from(const PdfPage &page);

  private:
    bool goesOn(const PdfWord &word, std::string_view text) const;
    void append(const PdfWord &word, std::string text);
    void end();

    std::vector<PdfLine> done_;
    PdfLine line_;
    Weights weights_;
    float last_right_ = 0;
    bool space_ = false, small_start_ = false;
};

bool Pieces::goesOn(const PdfWord &word, std::string_view) const {
    if (line_.text.empty() || line_.upright != word.upright || !word.upright)
        return false;
    float size = std::max({line_.font_size, word.font_size, 1.0f});
    float shared = std::min(line_.bottom, word.bottom) - std::max(line_.top, word.top);
    float smaller = std::min(line_.height(), word.bottom - word.top);
    float gap = word.left - last_right_;
    return shared >= 0.5f * smaller && gap > -0.5f * size && gap < kWidestWordGap * size;
}

void Pieces::append(const PdfWord &word, std::string text) {
    float size = word.font_size > 0 ? word.font_size : word.bottom - word.top;
    bool fresh = line_.text.empty();
    bool space = !fresh && (space_ || word.left - last_right_ > kLeastSpace * size);
    bool small = !fresh && allDigits(text) && size <= kSmallPrint * line_.font_size &&
                 word.top + word.bottom < line_.top + line_.bottom;
    if (small && !space && takesNote(line_.text)) {
        text = "[" + text + "]";
    } else if (small_start_ && line_.font_size <= kSmallPrint * size) {
        line_.text = "[" + line_.text + "]";
        space = true;
        line_.font_size = 0; // the note's own size, not its mark's
    }
    small_start_ = fresh && allDigits(text);
    if (fresh) {
        line_.left = word.left, line_.right = word.right;
        line_.top = word.top, line_.bottom = word.bottom;
        line_.upright = word.upright;
        weights_ = {};
    } else if (!small) { // raised numbers do not make a line higher
        line_.top = std::min(line_.top, word.top);
        line_.bottom = std::max(line_.bottom, word.bottom);
    }
    line_.left = std::min(line_.left, word.left);
    line_.right = std::max(line_.right, word.right);
    line_.font_size = std::max(line_.font_size, size);
    weights_.letters += text.size();
    weights_.bold += word.bold ? text.size() : 0;
    line_.text += space ? " " : "";
    line_.text += text;
    last_right_ = word.right;
    space_ = word.space_after;
}

void Pieces::end() {
    size_t start = 0, end = line_.text.size();
    trim(line_.text, start, end);
    if (start < end) {
        line_.text = line_.text.substr(start, end - start);
        line_.bold = weights_.bold == weights_.letters;
        done_.push_back(std::move(line_));
    }
    line_ = {};
    space_ = small_start_ = false;
}

std::vector<PdfLine> Pieces::from(const PdfPage &page) {
    for (const PdfWord &word : page.words) {
        std::string text = spelledOut(word.text);
        if (text.empty())
            continue;
        if (!goesOn(word, text))
            end();
        append(word, std::move(text));
    }
    end();
    return std::move(done_);
}

} // namespace

bool sameRow(const PdfLine &a, const PdfLine &b) {
    float shared = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    return shared >= 0.5f * std::min(a.height(), b.height());
}

std::vector<PdfLine> piecesOf(const PdfPage &page) {
    return Pieces().from(page);
}

} // namespace longscope::document
