#include "app/desk/timeline.h"

#include "compute/core/text.h"

#include <algorithm>
#include <optional>

namespace longscope::app {
namespace {

using attention::Interval;
using ui::PartKind;

constexpr size_t kSure = 32; ///< bytes of a piece whose first place must be the right one
constexpr size_t kEnds = 24; ///< bytes at both ends of a piece by which it is found otherwise
constexpr std::string_view kSpaces = " \t\r\n";

struct Bytes {
    size_t start = 0, end = 0;
};

/// Finds pieces in the text of all tokens.
class PieceFinder {
  public:
    PieceFinder(std::string_view text, std::vector<Bytes> specials)
        : text_(text), specials_(std::move(specials)) {}

    /// The next piece, behind those before it.
    std::optional<Bytes> next(std::string_view piece) {
        std::optional<Bytes> found = find(piece);
        if (!found)
            found = find(trimSpaces(piece)); // some templates trim
        if (!found)
            found = findByEnds(trimSpaces(piece));
        if (found)
            from_ = found->end;
        return found;
    }

  private:
    /// Short pieces may be words of the template, too ("user"): those with a special token behind
    /// them are meant.
    std::optional<Bytes> find(std::string_view piece) const {
        std::optional<Bytes> first;
        if (piece.empty())
            return first;
        for (size_t at = text_.find(piece, from_); at != text_.npos;
             at = text_.find(piece, at + 1)) {
            Bytes here{at, at + piece.size()};
            if (insideSpecial(at))
                continue;
            if (piece.size() >= kSure || endsTurn(here.end))
                return here;
            if (!first)
                first = here;
        }
        return first;
    }

    /// Of pieces that a tokenizer changes a little, and of those that were cut.
    std::optional<Bytes> findByEnds(std::string_view piece) const {
        size_t start = text_.find(piece.substr(0, std::min(kEnds, piece.size())), from_);
        if (piece.empty() || start == text_.npos) {
            std::string_view rest = text_.substr(std::min(from_, text_.size()));
            size_t common = commonTail(rest, piece); // cut within its first bytes
            return common > 0 ? std::optional(Bytes{text_.size() - common, text_.size()})
                              : std::nullopt;
        }
        size_t tail = std::min(kEnds, piece.size());
        size_t end = text_.find(piece.substr(piece.size() - tail), start);
        return Bytes{start, end == text_.npos ? text_.size() : end + tail};
    }

    /// How many of the last bytes of `text` are the first ones of `piece`.
    static size_t commonTail(std::string_view text, std::string_view piece) {
        for (size_t count = std::min({text.size(), piece.size(), kEnds}); count > 1; --count)
            if (text.ends_with(piece.substr(0, count)))
                return count;
        return 0;
    }

    bool insideSpecial(size_t at) const {
        auto after = std::ranges::upper_bound(specials_, at, {}, &Bytes::start);
        return after != specials_.begin() && at < std::prev(after)->end;
    }

    bool endsTurn(size_t at) const {
        size_t next = text_.find_first_not_of(kSpaces, at);
        if (next == text_.npos)
            return true;
        auto found = std::ranges::lower_bound(specials_, at, {}, &Bytes::start);
        return found != specials_.end() && found->start <= next;
    }

    std::string_view text_;
    std::vector<Bytes> specials_; ///< tokens, in order
    size_t from_ = 0;
};

/// One byte for each that is no UTF-8, so that places stay: broken characters are written by the
/// model only.
void maskInvalid(std::string &text) {
    for (size_t at = 0; at < text.size();) {
        size_t length = utf8Length(text, at);
        if (length == 0)
            text[at] = '?';
        at += std::max<size_t>(length, 1);
    }
}

void addPart(ui::Timeline &timeline, Interval tokens, PartKind kind, uint64_t message) {
    if (tokens.first < tokens.end)
        timeline.parts.push_back(
            {.first = tokens.first, .end = tokens.end, .kind = kind, .message = message});
}

/// Byte of the document at which each token of the part begins.
void placeDocument(ui::Timeline &timeline, Interval tokens, Bytes found,
                   std::string_view document_text) {
    std::string_view shown(timeline.text);
    shown = shown.substr(found.start, std::min(found.end - found.start, kSure));
    size_t offset = document_text.find(shown);
    if (offset == document_text.npos)
        offset = 0;
    for (uint64_t token = tokens.first; token < tokens.end; ++token) {
        size_t start = std::max<size_t>(timeline.starts[token], found.start) - found.start;
        timeline.document_bytes.push_back(
            static_cast<uint32_t>(std::min(offset + start, document_text.size())));
    }
}

} // namespace

std::shared_ptr<ui::Timeline> makeTimeline(const model::Tokenizer &tokenizer,
                                           std::span<const model::Token> tokens,
                                           const AttentionPart::Sent &sent,
                                           std::string_view document_text) {
    auto timeline = std::make_shared<ui::Timeline>();
    std::vector<Bytes> specials;
    for (model::Token token : tokens) {
        size_t start = timeline->text.size();
        timeline->starts.push_back(static_cast<uint32_t>(start));
        timeline->text += tokenizer.bytesOf(token);
        if (tokenizer.isSpecial(token))
            specials.push_back({start, timeline->text.size()});
    }
    maskInvalid(timeline->text);
    PieceFinder finder(timeline->text, std::move(specials));
    uint64_t done = 0;
    for (const AttentionPart::Sent::Piece &piece : sent.pieces) {
        std::optional<Bytes> found = finder.next(piece.text);
        if (!found)
            continue;
        Interval own = tokensOfBytes(*timeline, found->start, found->end);
        own.first = std::max(own.first, done);
        if (own.first >= own.end)
            continue;
        addPart(*timeline, {done, own.first}, PartKind::special, 0);
        addPart(*timeline, own, piece.kind, piece.message);
        if (piece.kind == PartKind::document && timeline->document == 0) {
            timeline->document = sent.document;
            placeDocument(*timeline, own, *found, document_text);
        }
        done = own.end;
    }
    addPart(*timeline, {done, tokens.size()}, PartKind::special, 0);
    return timeline;
}

Interval tokensOfBytes(const ui::Timeline &timeline, size_t start, size_t end) {
    if (start >= end || timeline.starts.empty())
        return {};
    auto first = std::ranges::upper_bound(timeline.starts, start);
    auto last = std::ranges::lower_bound(timeline.starts, end);
    auto index = [&](auto at) { return static_cast<uint64_t>(at - timeline.starts.begin()); };
    return {index(first) - (first == timeline.starts.begin() ? 0 : 1), index(last)};
}

Interval tokensOfDocument(const ui::Timeline &timeline, size_t start, size_t end) {
    const ui::Timeline::Part *part = documentPart(timeline);
    const auto &bytes = timeline.document_bytes;
    if (!part || bytes.empty() || start >= end || end <= bytes.front())
        return {};
    size_t part_end =
        part->end < timeline.tokens() ? timeline.starts[part->end] : timeline.text.size();
    if (start >= bytes.back() + (part_end - timeline.starts[part->end - 1]))
        return {}; // a reading that was stopped did not come so far
    auto first = std::ranges::upper_bound(bytes, start),
         last = std::ranges::lower_bound(bytes, end);
    if (first != bytes.begin())
        --first;
    return {part->first + static_cast<uint64_t>(first - bytes.begin()),
            part->first + static_cast<uint64_t>(last - bytes.begin())};
}

const ui::Timeline::Part *documentPart(const ui::Timeline &timeline) {
    auto found = std::ranges::find(timeline.parts, PartKind::document, &ui::Timeline::Part::kind);
    return found == timeline.parts.end() ? nullptr : &*found;
}

const ui::Timeline::Part *messagePart(const ui::Timeline &timeline, uint64_t message) {
    for (const ui::Timeline::Part &part : timeline.parts)
        if (message != 0 && part.message == message && part.kind != PartKind::document)
            return &part;
    return nullptr;
}

std::string_view textOf(const ui::Timeline &timeline, const ui::Timeline::Part &part) {
    size_t start = timeline.starts[part.first];
    size_t end = part.end < timeline.tokens() ? timeline.starts[part.end] : timeline.text.size();
    return std::string_view(timeline.text).substr(start, end - start);
}

Interval tokensOfMessage(const ui::Timeline &timeline, const ui::Timeline::Part &part,
                         std::string_view message_text, size_t start, size_t end) {
    if (start >= end || end > message_text.size())
        return {};
    std::string_view words = message_text.substr(start, end - start);
    std::string_view text = textOf(timeline, part);
    size_t whole = text.find(message_text);
    size_t expected = whole == text.npos ? start : whole + start, best = text.npos;
    auto distance = [&](size_t at) { return at > expected ? at - expected : expected - at; };
    for (size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1))
        if (best == text.npos || distance(at) < distance(best))
            best = at;
    if (best == text.npos)
        return {};
    size_t base = timeline.starts[part.first];
    return tokensOfBytes(timeline, base + best, base + best + words.size());
}

} // namespace longscope::app
