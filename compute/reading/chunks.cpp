#include "compute/reading/chunks.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/places.h"
#include "compute/document/sentences.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace longscope::reading {
namespace {

using document::Document;
using document::Paragraph;

constexpr uint64_t kLeastTokens = 8;

// How strongly a text is parted, the strongest first; a heading parts by its level (1, 2, ...).
constexpr unsigned kBetweenParagraphs = 100, kBetweenSentences = 200, kBelowHeading = 250,
                   kBetweenWords = 300, kBetweenCharacters = 400;

/// A stretch that fits the limit and is not parted again.
struct Unit {
    size_t start = 0, end = 0;
    uint64_t tokens = 0;
    unsigned strength = kBetweenParagraphs; ///< of the border before it
};

/// What parts a paragraph from the one before.
unsigned strengthBefore(const Document &document, size_t paragraph) {
    const Paragraph &own = document.paragraphs[paragraph];
    if (document::beginsSection(document, own) || isHeading(document, paragraph))
        return std::clamp(document.headings[own.heading - 1].level, 1u, 99u);
    bool below = paragraph > 0 && isHeading(document, paragraph - 1);
    return below ? kBelowHeading : kBetweenParagraphs;
}

/// Lines, for tables and code.
std::vector<document::Span> linesOf(std::string_view text) {
    std::vector<document::Span> lines;
    for (size_t at = 0; at < text.size();) {
        size_t start = at, end = std::min(text.find('\n', at), text.size());
        at = end + 1;
        document::trim(text, start, end);
        if (start < end)
            lines.push_back({start, end});
    }
    return lines;
}

/// Whether a paragraph begins at byte `start` or behind and before `end`; a text without paragraphs
/// is one.
bool isWithin(const Document &document, size_t paragraph, size_t start, size_t end) {
    size_t at = document.paragraphs.empty() ? 0 : document.paragraphs[paragraph].start;
    return at >= start && at < end;
}

} // namespace

bool isHeading(const document::Document &document, size_t paragraph) {
    const Paragraph &own = document.paragraphs[paragraph];
    bool first = paragraph == 0 || document.paragraphs[paragraph - 1].heading != own.heading;
    return first && own.heading > 0 && !own.prose;
}

/// Makes the units of a stretch and packs them.
class Chunker::Splitter {
  public:
    /// `room`: of what is joined; what cannot be parted well may have as many as the limit.
    Splitter(const Chunker &chunker, uint64_t limit, uint64_t room)
        : chunker_(chunker), text_(chunker.document_.text), limit_(limit), room_(room) {}

    void addParagraph(size_t paragraph) {
        size_t start = chunker_.starts_[paragraph], end = chunker_.starts_[paragraph + 1];
        bool has_paragraphs = !chunker_.document_.paragraphs.empty();
        unsigned strength =
            has_paragraphs ? strengthBefore(chunker_.document_, paragraph) : kBetweenParagraphs;
        document::trim(text_, start, end);
        if (start == end)
            return;
        if (chunker_.tokens_[paragraph] <= limit_) {
            units_.push_back({start, end, chunker_.tokens_[paragraph], strength});
            return;
        }
        bool prose = !has_paragraphs || chunker_.document_.paragraphs[paragraph].prose;
        std::string_view text = text_.substr(start, end - start);
        for (document::Span span : prose ? document::sentenceSpans(text) : linesOf(text)) {
            addSpan(start + span.start, start + span.end, strength);
            strength = kBetweenSentences;
        }
    }

    std::vector<Chunk> pack() {
        chunks_.clear();
        if (!units_.empty())
            pack(0, units_.size(), room_);
        return std::move(chunks_);
    }

  private:
    uint64_t count(size_t start, size_t end) const {
        return chunker_.count_tokens_(text_.substr(start, end - start));
    }

    /// A sentence or a line; parted at white space when it is too long, and where there is none,
    /// between characters.
    void addSpan(size_t start, size_t end, unsigned strength) {
        uint64_t tokens = count(start, end);
        if (tokens <= limit_) {
            units_.push_back({start, end, tokens, strength});
            return;
        }
        while (start < end) {
            size_t cut = longestPiece(start, end, tokens);
            size_t piece_start = start, piece_end = cut;
            document::trim(text_, piece_start, piece_end);
            if (piece_start < piece_end)
                units_.push_back({piece_start, piece_end, count(piece_start, piece_end), strength});
            bool at_space = cut == end || document::isSpace(document::characterAt(text_, cut).code);
            strength = at_space ? kBetweenWords : kBetweenCharacters;
            start = cut;
            while (start < end && document::isSpace(document::characterAt(text_, start).code))
                start += document::characterAt(text_, start).length;
        }
    }

    /// Where a piece that begins at `start` ends: as far as the limit allows, about.
    size_t longestPiece(size_t start, size_t end, uint64_t tokens) const {
        if (count(start, end) <= limit_)
            return end;
        // A guess from the mean, made smaller until it fits.
        size_t length = std::max<size_t>(1, (end - start) * limit_ / std::max(tokens, limit_ + 1));
        length = std::min(length, end - start);
        for (;; length = std::max<size_t>(1, length * 7 / 8)) {
            size_t cut = borderBefore(start, start + length);
            if (cut - start <= 4 || count(start, cut) <= limit_)
                return cut;
        }
    }

    /// The last white space before `cut`, else a border between characters; after `start`.
    size_t borderBefore(size_t start, size_t cut) const {
        for (size_t at = cut; at > start; --at)
            if (!isInsideCharacter(text_, at) &&
                document::isSpace(document::characterAt(text_, at).code))
                return at;
        cut = std::max(start, characterStart(text_, cut));
        if (cut == start)
            cut += document::characterAt(text_, start).length;
        return cut;
    }

    /// About: line ends between paragraphs cost one token each.
    uint64_t estimate(size_t first, size_t last) const {
        uint64_t tokens = 0;
        for (size_t unit = first; unit < last; ++unit)
            tokens += units_[unit].tokens + (unit > first);
        return tokens;
    }

    /// Parts units at their strongest borders and joins neighbours that fit together; adds the
    /// chunks. `budget` is by estimate, at most the limit.
    void pack(size_t first, size_t last, uint64_t budget) {
        if (last - first == 1 || estimate(first, last) <= budget) {
            close(first, last, budget);
            return;
        }
        unsigned strongest = kBetweenCharacters;
        for (size_t unit = first + 1; unit < last; ++unit)
            strongest = std::min(strongest, units_[unit].strength);
        size_t open = first; // units from here on wait for more
        for (size_t begin = first; begin < last;) {
            size_t end = begin + 1;
            while (end < last && units_[end].strength != strongest)
                ++end;
            if (open < begin && estimate(open, end) > budget) {
                pack(open, begin, budget);
                open = begin;
            }
            if (estimate(open, end) > budget) {
                pack(open, end, budget);
                open = end;
            }
            begin = end;
        }
        if (open < last)
            pack(open, last, budget);
    }

    /// Adds a chunk, or parts it again when its units together have more tokens than estimated.
    void close(size_t first, size_t last, uint64_t budget) {
        size_t start = units_[first].start, end = units_[last - 1].end;
        uint64_t tokens = last - first == 1 ? units_[first].tokens : count(start, end);
        if (tokens > room_ && last - first > 1) {
            uint64_t estimated = estimate(first, last), over = tokens - room_;
            pack(first, last, std::min(budget, estimated - std::min(estimated - 1, over)) - 1);
            return;
        }
        bool cut = units_[first].strength >= kBetweenWords ||
                   (last < units_.size() && units_[last].strength >= kBetweenWords);
        chunks_.push_back({.text_start = start,
                           .start = start,
                           .end = end,
                           .tokens = tokens,
                           .heading = headingAt(start),
                           .cut = cut});
    }

    size_t headingAt(size_t byte) const {
        const auto &paragraphs = chunker_.document_.paragraphs;
        auto after = std::ranges::upper_bound(paragraphs, byte, {}, &Paragraph::start);
        return after == paragraphs.begin() ? 0 : std::prev(after)->heading;
    }

    const Chunker &chunker_;
    std::string_view text_;
    uint64_t limit_, room_;
    std::vector<Unit> units_;
    std::vector<Chunk> chunks_;
};

Chunker::Chunker(const Document &document, CountTokens count_tokens)
    : document_(document), count_tokens_(std::move(count_tokens)) {
    // What stands between two paragraphs belongs to the first, before all of them to the first one.
    for (size_t p = 0; p < document.paragraphs.size(); ++p)
        starts_.push_back(p == 0 ? 0 : document.paragraphs[p].start);
    if (starts_.empty())
        starts_.push_back(0);
    starts_.push_back(document.text.size());
    for (size_t p = 0; p + 1 < starts_.size(); ++p) {
        size_t start = starts_[p], end = starts_[p + 1];
        document::trim(document.text, start, end);
        tokens_.push_back(start == end ? 0 : count_tokens_(document.span(start, end)));
    }
}

uint64_t Chunker::tokens(size_t start, size_t end) const {
    uint64_t sum = 0;
    for (size_t p = 0; p < tokens_.size(); ++p)
        if (isWithin(document_, p, start, end))
            sum += tokens_[p] + (p + 1 < tokens_.size());
    return sum;
}

std::vector<Chunk> Chunker::split(const ChunkOptions &options, size_t start, size_t end) const {
    uint64_t limit = std::max(options.limit_tokens, kLeastTokens);
    uint64_t overlap = options.overlap_sentences > 0 ? limit / 5 : 0;
    Splitter splitter(*this, limit, limit - overlap);
    for (size_t p = 0; p < tokens_.size(); ++p)
        if (isWithin(document_, p, start, end))
            splitter.addParagraph(p);
    std::vector<Chunk> chunks = splitter.pack();
    if (overlap == 0)
        return chunks;
    std::vector<document::Sentence> sentences = document::splitSentences(document_);
    for (size_t i = 1; i < chunks.size(); ++i) {
        Chunk &chunk = chunks[i];
        auto after =
            std::ranges::lower_bound(sentences, chunk.start, {}, &document::Sentence::start);
        for (unsigned n = 0; n < options.overlap_sentences && after != sentences.begin(); ++n) {
            --after;
            bool under_it = document_.paragraphs[after->paragraph].heading == chunk.heading;
            if (!under_it || after->start < chunks[i - 1].start || after->end > chunk.start)
                break;
            uint64_t tokens = count_tokens_(document_.span(after->start, chunk.end));
            if (tokens > limit)
                break;
            chunk.text_start = after->start;
            chunk.tokens = tokens;
        }
    }
    return chunks;
}

} // namespace longscope::reading
