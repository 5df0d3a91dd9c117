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
constexpr size_t kLongestCharacter = 4;  // bytes
constexpr unsigned kTries = 6;           // to find how long a piece may be
constexpr double kNearLimit = 0.95;      // of the limit: what is aimed at, as texts are uneven
constexpr size_t kCountedAtOnce = 65536; // bytes; between two counts a stop is heard

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

/// The last white space before `cut`, else a border between characters; after `start`.
size_t borderBefore(std::string_view text, size_t start, size_t cut) {
    for (size_t at = cut; at > start; --at)
        if (!isInsideCharacter(text, at) && document::isSpace(document::characterAt(text, at).code))
            return at;
    cut = std::max(start, characterStart(text, cut));
    return cut > start ? cut : start + document::characterAt(text, start).length;
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

/// The paragraphs that begin in [start, end), from first to end; a text without paragraphs is one.
std::pair<size_t, size_t> paragraphsIn(const Document &document, size_t start, size_t end) {
    if (document.paragraphs.empty())
        return {0, start == 0 && end > 0 ? 1 : 0};
    auto at = [&](size_t byte) {
        return std::ranges::lower_bound(document.paragraphs, byte, {}, &Paragraph::start) -
               document.paragraphs.begin();
    };
    return {static_cast<size_t>(at(start)), static_cast<size_t>(at(end))};
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
            uint64_t tokens =
                end - start > kCountedAtOnce ? count(start, end) : chunker_.tokens_[paragraph];
            if (tokens <= limit_) {
                units_.push_back({start, end, tokens, strength});
                return;
            }
        }
        bytes_per_token_ = static_cast<double>(end - start) /
                           static_cast<double>(std::max<uint64_t>(1, chunker_.tokens_[paragraph]));
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
        if (end - start <= std::max<size_t>(kCountedAtOnce, 4 * likelyBytes(end - start))) {
            uint64_t tokens = count(start, end);
            if (tokens <= limit_) {
                units_.push_back({start, end, tokens, strength});
                return;
            }
        }
        while (start < end) {
            Unit piece = longestPiece(start, end);
            piece.strength = strength;
            units_.push_back(piece);
            start = piece.end;
            bool at_space = start == end || isSpaceAt(start);
            strength = at_space ? kBetweenWords : kBetweenCharacters;
            while (start < end && isSpaceAt(start))
                start += document::characterAt(text_, start).length;
        }
    }

    /// Bytes that have a little less than the limit where the text is as it was before; at most
    /// `most`.
    size_t likelyBytes(size_t most) const {
        double bytes = kNearLimit * bytes_per_token_ * static_cast<double>(limit_);
        return bytes < static_cast<double>(most) ? std::max<size_t>(1, static_cast<size_t>(bytes))
                                                 : most;
    }

    /// A piece that begins at `start`: about as long as the limit allows. Counts a few times its
    /// own length, however much follows.
    Unit longestPiece(size_t start, size_t end) {
        Unit best;
        size_t length = likelyBytes(end - start), too_long = end - start + 1;
        for (unsigned tried = 0; tried < kTries || best.end == 0; ++tried) {
            size_t from = start,
                   to = length < end - start ? borderBefore(text_, start, start + length) : end;
            document::trim(text_, from, to);
            uint64_t tokens = count(start, to);
            bool fits = tokens <= limit_ || to - start <= kLongestCharacter;
            if (fits && to > best.end)
                best = {start, to, tokens};
            if (fits && (length >= end - start || tokens >= limit_ - limit_ / 8))
                break;
            if (!fits)
                too_long = length;
            // By the mean of what was counted.
            double scale = kNearLimit * static_cast<double>(limit_) /
                           static_cast<double>(std::max<uint64_t>(1, tokens));
            auto next = static_cast<size_t>(static_cast<double>(length) * std::min(scale, 4.0));
            length = fits ? std::max(next, length + 1)
                          : std::max<size_t>(1, std::min(next, length * 7 / 8));
            if (best.end > 0 && (length >= too_long || start + length <= best.end))
                break;
        }
        bytes_per_token_ = static_cast<double>(best.end - best.start) /
                           static_cast<double>(std::max<uint64_t>(1, best.tokens));
        return best;
    }

    bool isSpaceAt(size_t at) const {
        return document::isSpace(document::characterAt(text_, at).code);
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
    double bytes_per_token_ = 1; ///< of the paragraph, then of the piece before
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
        uint64_t tokens = 0;
        while (start < end) {
            size_t cut = end - start <= kCountedAtOnce
                             ? end
                             : borderBefore(document.text, start, start + kCountedAtOnce);
            tokens += count_tokens_(document.span(start, cut));
            start = cut;
        }
        tokens_.push_back(tokens);
    }
}

uint64_t Chunker::tokens(size_t start, size_t end) const {
    uint64_t sum = 0;
    auto [first, last] = paragraphsIn(document_, start, end);
    for (size_t p = first; p < std::min(last, tokens_.size()); ++p)
        sum += tokens_[p] + (p + 1 < tokens_.size());
    return sum;
}

std::vector<Chunk> Chunker::split(const ChunkOptions &options, size_t start, size_t end) const {
    uint64_t limit = std::max(options.limit_tokens, kLeastTokens);
    uint64_t overlap = options.overlap_sentences > 0 ? limit / 5 : 0;
    Splitter splitter(*this, limit, limit - overlap);
    auto [first, last] = paragraphsIn(document_, start, end);
    for (size_t p = first; p < std::min(last, tokens_.size()); ++p)
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
