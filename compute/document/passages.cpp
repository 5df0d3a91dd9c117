#include "compute/document/passages.h"

#include "compute/document/characters.h"
#include "compute/document/places.h"

#include <algorithm>

namespace longscope::document {
namespace {

constexpr size_t kBytesOfWord = 16; // of a run without white space

class WordCounter {
  public:
    void add(Character c) {
        if (isSpace(c.code) || isIdeographic(c.code)) {
            ideographs_ += !isSpace(c.code);
            run_bytes_ = 0;
            return;
        }
        size_t before = wordsOfRun();
        run_bytes_ += c.length;
        words_ += wordsOfRun() - before;
    }
    size_t words() const { return words_ + (ideographs_ + 1) / 2; }

  private:
    size_t wordsOfRun() const { return (run_bytes_ + kBytesOfWord - 1) / kBytesOfWord; }

    size_t words_ = 0, ideographs_ = 0, run_bytes_ = 0;
};

bool isHeading(const Document &document, const Paragraph &paragraph) {
    if (paragraph.prose || paragraph.heading == 0)
        return false;
    size_t start = document.headings[paragraph.heading - 1].start;
    return start >= paragraph.start && start < paragraph.end;
}

void addTrimmed(std::string_view text, Span span, std::vector<Span> &out) {
    trim(text, span.start, span.end);
    if (span.start < span.end)
        out.push_back(span);
}

/// Adds `whole` in pieces of at most `most_words`.
void addPieces(std::string_view text, Span whole, size_t most_words, std::vector<Span> &out) {
    size_t start = whole.start, space = start; // behind the last white space
    WordCounter counter;
    for (size_t at = start; at < whole.end;) {
        Character c = characterAt(text, at);
        counter.add(c);
        if (counter.words() > most_words && at > start) {
            size_t cut = space > start ? space : at;
            addTrimmed(text, {start, cut}, out);
            start = space = at = cut;
            counter = {};
            continue;
        }
        at += c.length;
        if (isSpace(c.code))
            space = at;
    }
    addTrimmed(text, {start, whole.end}, out);
}

/// What is never parted: a piece, and the headings above it.
struct Unit {
    Span span;
    size_t first_paragraph = 0, paragraph = 0, words = 0;
    bool section = false; ///< begins below a heading, or with its line
};

std::vector<Unit> unitsOf(const Document &document, size_t most_words) {
    std::vector<Unit> units;
    bool only_headings = false; // in the last unit
    for (size_t p = 0; p < document.paragraphs.size(); ++p) {
        bool heading = isHeading(document, document.paragraphs[p]);
        bool section = heading || beginsSection(document, document.paragraphs[p]);
        for (Span piece : quotablePieces(document, p, most_words)) {
            size_t words = countWords(document.span(piece.start, piece.end));
            if (only_headings && units.back().words + words <= most_words) {
                units.back().span.end = piece.end;
                units.back().paragraph = p;
                units.back().words += words;
            } else {
                units.push_back({piece, p, p, words, section});
            }
            only_headings = heading;
            section = heading;
        }
    }
    return units;
}

class Packer {
  public:
    Packer(const std::vector<Unit> &units, const PassageOptions &options)
        : units_(units), options_(options) {}

    std::vector<Passage> pack() {
        for (size_t i = 0; i < units_.size(); ++i) {
            if (i > begin_ && endsBefore(i))
                close(i);
            words_ += units_[i].words;
        }
        if (begin_ < units_.size())
            close(units_.size());
        return std::move(passages_);
    }

  private:
    bool endsBefore(size_t i) const {
        const Unit &next = units_[i], &last = units_[i - 1];
        if (words_ + next.words > options_.most_words)
            return true;
        if (next.section) // a few words under a heading go on with the next one
            return words_ >= options_.words / 4;
        return next.first_paragraph != last.paragraph && words_ >= options_.words;
    }

    /// Ends the passage before unit `end`, and says again what the next one shall begin with.
    void close(size_t end) {
        const Unit &first = units_[begin_], &last = units_[end - 1];
        passages_.push_back(
            {first.span.start, last.span.end, first.first_paragraph, last.paragraph, words_});
        words_ = 0;
        size_t next = end;
        bool cut = end < units_.size() && units_[end].first_paragraph == last.paragraph;
        while (cut && next - 1 > begin_ && repeats(units_[next - 1], units_[end]))
            words_ += units_[--next].words;
        begin_ = next;
    }

    bool repeats(const Unit &before, const Unit &next) const {
        size_t again = words_ + before.words;
        return before.first_paragraph == next.paragraph && !before.section &&
               again <= options_.overlap_words && again + next.words <= options_.most_words;
    }

    const std::vector<Unit> &units_;
    const PassageOptions &options_;
    std::vector<Passage> passages_;
    size_t begin_ = 0, words_ = 0; ///< of the passage begun
};

} // namespace

size_t countWords(std::string_view text) {
    WordCounter counter;
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        counter.add(c);
        at += c.length;
    }
    return counter.words();
}

std::vector<Span> quotablePieces(const Document &document, size_t index, size_t most_words) {
    const Paragraph &paragraph = document.paragraphs[index];
    std::string_view text = document.span(paragraph.start, paragraph.end);
    std::vector<Span> pieces;
    if (paragraph.prose) {
        for (Span sentence : sentenceSpans(text))
            addPieces(text, sentence, most_words, pieces);
    } else {
        for (size_t start = 0; start < text.size();) {
            size_t end = std::min(text.find('\n', start), text.size());
            addPieces(text, {start, end}, most_words, pieces);
            start = end + 1;
        }
    }
    for (Span &piece : pieces)
        piece = {piece.start + paragraph.start, piece.end + paragraph.start};
    return pieces;
}

std::vector<Passage> splitPassages(const Document &document, const PassageOptions &options) {
    return Packer(unitsOf(document, options.most_words), options).pack();
}

Span wholeParagraphs(const Document &document, size_t start, size_t end, size_t most_words) {
    if (document.paragraphs.empty() || end <= start)
        return {start, end};
    const Paragraph &first = document.paragraphs[paragraphAt(document, start)];
    const Paragraph &last = document.paragraphs[paragraphAt(document, end - 1)];
    Span wide{std::min(start, first.start), std::max(end, last.end)};
    return countWords(document.span(wide.start, wide.end)) <= most_words ? wide : Span{start, end};
}

} // namespace longscope::document
