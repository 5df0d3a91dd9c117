// The loose check: some window of 3 sentences in a row holds 0.75 of the content words, all numbers
// and all names. It measures wording: it passed "The cost grows exponentially" where the source
// said "in proportion", and that is why nothing here is called verified.
#include "compute/reading/support.h"

#include "compute/document/characters.h"
#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace longscope::reading {
namespace {

constexpr size_t kWindow = 3;          // source sentences
constexpr double kEnough = 0.75;       // share of content stems
constexpr size_t kFewestItems = 3;     // content stems, names among them, and numbers
constexpr double kSameStatement = 0.6; // from here on, the nearest sentence's negation counts

/// Numbers and stems are named apart: the number 48 is no word "48".
std::string keyOf(const Word &word) {
    return (word.kind == WordKind::number ? "#" : "") + word.stem;
}

bool isHeading(const document::Document &document, const document::Paragraph &paragraph) {
    return paragraph.heading > 0 &&
           document.headings[paragraph.heading - 1].start == paragraph.start;
}

/// The sentences of the prose, and the lines of tables and code: a number that only a table has is
/// in the document too. Headings are left out, they would part sentences that follow one another.
std::vector<document::Span> sourceSpans(const document::Document &document) {
    std::vector<document::Span> spans;
    for (const document::Paragraph &paragraph : document.paragraphs) {
        if (isHeading(document, paragraph))
            continue;
        std::string_view text = document.span(paragraph.start, paragraph.end);
        if (paragraph.prose) {
            for (document::Span span : document::sentenceSpans(text))
                spans.push_back({paragraph.start + span.start, paragraph.start + span.end});
            continue;
        }
        for (size_t start = 0; start < text.size();) {
            size_t end = std::min(text.find('\n', start), text.size());
            document::Span line{start, end};
            document::trim(text, line.start, line.end);
            if (line.start < line.end)
                spans.push_back({paragraph.start + line.start, paragraph.start + line.end});
            start = end + 1;
        }
    }
    return spans;
}

struct Item {
    std::string key;
    bool number = false, name = false;
};

/// Each content stem and number of the sentence once, and whether it negates.
struct Claim {
    std::vector<Item> items;
    size_t stems = 0, musts = 0; ///< content stems; numbers and names
    bool negates = false;
};

Claim readClaim(std::string_view sentence) {
    Claim claim;
    WordReader reader;
    for (const Word &word : reader.read(sentence)) {
        claim.negates = claim.negates || word.negation;
        if (word.kind == WordKind::stop)
            continue;
        Item item{keyOf(word), word.kind == WordKind::number, word.name};
        auto known = std::ranges::find(claim.items, item.key, &Item::key);
        if (known == claim.items.end())
            claim.items.push_back(std::move(item));
        else
            known->name = known->name || item.name;
    }
    for (const Item &item : claim.items) {
        claim.stems += !item.number;
        claim.musts += item.number || item.name;
    }
    return claim;
}

} // namespace

struct SupportCheck::Impl {
    explicit Impl(const document::Document &document) : sources(sourceSpans(document)) {
        WordReader reader;
        for (uint32_t s = 0; s < sources.size(); ++s) {
            bool negates = false;
            for (const Word &word : reader.read(document.span(sources[s].start, sources[s].end))) {
                negates = negates || word.negation;
                if (word.kind == WordKind::stop)
                    continue;
                std::vector<uint32_t> &rows = sentences_with[keyOf(word)];
                if (rows.empty() || rows.back() != s)
                    rows.push_back(s);
            }
            negated.push_back(negates);
        }
    }

    /// How many items of a claim each sentence, and each window [first, first + 3), holds.
    struct Counts {
        std::vector<uint16_t> in_sentence, in_window, musts_in_window;
    };

    Counts count(const Claim &claim) const {
        size_t n = sources.size();
        Counts counts{std::vector<uint16_t>(n, 0), std::vector<uint16_t>(n, 0),
                      std::vector<uint16_t>(n, 0)};
        for (const Item &item : claim.items) {
            auto found = sentences_with.find(item.key);
            if (found == sentences_with.end())
                continue;
            size_t next = 0; // first window not counted yet
            for (size_t s : found->second) {
                counts.in_sentence[s] += !item.number;
                size_t first = std::max(next, s + 1 >= kWindow ? s + 1 - kWindow : 0);
                for (size_t w = first; w <= s; ++w) {
                    counts.in_window[w] += !item.number;
                    counts.musts_in_window[w] += item.number || item.name;
                }
                next = s + 1;
            }
        }
        return counts;
    }

    /// Whether the negations of the claim and of window [w, end) agree; `nearest` is the sentence
    /// of the window that is most like the claim.
    bool negationAgrees(const Claim &claim, size_t w, size_t end, size_t nearest,
                        double nearest_share) const {
        if (claim.negates)
            return std::any_of(negated.begin() + static_cast<std::ptrdiff_t>(w),
                               negated.begin() + static_cast<std::ptrdiff_t>(end),
                               [](bool negates) { return negates; });
        return !(negated[nearest] && nearest_share >= kSameStatement);
    }

    Support check(std::string_view sentence) const {
        Claim claim = readClaim(sentence);
        Counts counts = count(claim);
        auto shareOf = [&](size_t held) {
            return claim.stems > 0 ? static_cast<double>(held) / static_cast<double>(claim.stems)
                                   : 0;
        };
        Support best;
        double best_nearest = -1;
        for (size_t w = 0; w < sources.size(); ++w) {
            size_t end = std::min(w + kWindow, sources.size()), nearest = w;
            for (size_t s = w + 1; s < end; ++s)
                if (counts.in_sentence[s] > counts.in_sentence[nearest])
                    nearest = s;
            double share = shareOf(counts.in_window[w]);
            double nearest_share = shareOf(counts.in_sentence[nearest]);
            bool supported = claim.items.size() >= kFewestItems &&
                             (share >= kEnough || claim.stems == 0) &&
                             counts.musts_in_window[w] == claim.musts &&
                             negationAgrees(claim, w, end, nearest, nearest_share);
            auto rank = std::tuple(supported, share, nearest_share);
            if (best_nearest >= 0 && rank <= std::tuple(best.supported, best.share, best_nearest))
                continue;
            best = {supported, share, sources[nearest].start, sources[nearest].end};
            best_nearest = nearest_share;
        }
        return best;
    }

    std::vector<document::Span> sources;
    std::vector<bool> negated; ///< per source
    std::unordered_map<std::string, std::vector<uint32_t>> sentences_with;
};

SupportCheck::SupportCheck(const document::Document &document)
    : impl_(std::make_unique<Impl>(document)) {}
SupportCheck::~SupportCheck() = default;

Support SupportCheck::check(std::string_view sentence) const {
    return impl_->check(sentence);
}

} // namespace longscope::reading
