#include "compute/reading/sentence_index.h"

#include "compute/document/characters.h"
#include "compute/document/sentences.h"

#include <algorithm>
#include <cmath>

namespace longscope::reading {
namespace {

/// Numbers and stems are named apart: the number 48 is no word "48".
std::string keyOf(const Word &word) {
    return (word.kind == WordKind::number ? "#" : "") + word.stem;
}

/// The sentences of the prose, and the lines of tables and code: a number that only a table has is
/// in the document too. Titles are left out, they would part sentences that follow one another.
std::vector<document::Span> sourceSpans(const document::Document &document) {
    std::vector<document::Span> spans;
    for (const document::Paragraph &paragraph : document.paragraphs) {
        if (paragraph.title)
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

} // namespace

SentenceIndex::SentenceIndex(std::span<const document::Document *const> documents) {
    WordReader reader;
    for (uint32_t d = 0; d < documents.size(); ++d)
        for (document::Span span : sourceSpans(*documents[d]))
            add(d, span.start, span.end, documents[d]->span(span.start, span.end), reader);
    sortByTerm();
}

void SentenceIndex::add(uint32_t document, size_t start, size_t end, std::string_view text,
                        WordReader &reader) {
    SourceSentence sentence{document, start, end, false};
    for (const Word &word : reader.read(text)) {
        sentence.negates = sentence.negates || word.negation;
        if (word.kind != WordKind::stop)
            terms_.push_back(term_of_.try_emplace(keyOf(word), static_cast<Term>(term_of_.size()))
                                 .first->second);
    }
    terms_begin_.push_back(terms_.size());
    sentences_.push_back(sentence);
}

void SentenceIndex::sortByTerm() {
    constexpr uint32_t kNone = ~uint32_t{0};
    std::vector<uint32_t> last(term_of_.size(), kNone); // sentence in which a term was last seen
    auto eachOnce = [&](auto &&use) {
        std::ranges::fill(last, kNone);
        for (uint32_t s = 0; s < sentences_.size(); ++s)
            for (Term term : termsOf(s))
                if (last[term] != s) {
                    last[term] = s;
                    use(term, s);
                }
    };
    with_begin_.assign(term_of_.size() + 1, 0);
    eachOnce([&](Term term, uint32_t) { ++with_begin_[term + 1]; });
    for (size_t t = 0; t < term_of_.size(); ++t)
        with_begin_[t + 1] += with_begin_[t];
    with_.resize(with_begin_.back());
    std::vector<size_t> next(with_begin_.begin(), with_begin_.end() - 1);
    eachOnce([&](Term term, uint32_t s) { with_[next[term]++] = s; });
}

std::span<const SentenceIndex::Term> SentenceIndex::termsOf(size_t sentence) const {
    return std::span(terms_).subspan(terms_begin_[sentence],
                                     terms_begin_[sentence + 1] - terms_begin_[sentence]);
}

std::span<const uint32_t> SentenceIndex::sentencesWith(Term term) const {
    if (term == kUnknown)
        return {};
    return std::span(with_).subspan(with_begin_[term], with_begin_[term + 1] - with_begin_[term]);
}

bool SentenceIndex::has(size_t sentence, Term term) const {
    return std::ranges::binary_search(sentencesWith(term), static_cast<uint32_t>(sentence));
}

double SentenceIndex::rarity(Term term) const {
    return std::log((static_cast<double>(size()) + 1) /
                    (static_cast<double>(sentencesWith(term).size()) + 0.5));
}

SentenceIndex::Term SentenceIndex::termOf(const Word &word) const {
    auto found = term_of_.find(keyOf(word));
    return found == term_of_.end() ? kUnknown : found->second;
}

Claim readClaim(const SentenceIndex &index, std::string_view sentence) {
    Claim claim;
    WordReader reader;
    std::unordered_map<std::string, size_t> item_of;
    for (const Word &word : reader.read(sentence)) {
        claim.negates = claim.negates || word.negation;
        if (word.kind == WordKind::stop)
            continue;
        auto [known, is_new] = item_of.try_emplace(keyOf(word), claim.items.size());
        if (is_new)
            claim.items.push_back({index.termOf(word), word.kind == WordKind::number, word.name});
        Claim::Item &item = claim.items[known->second];
        item.name = item.name || word.name;
        claim.terms.push_back(item.term);
    }
    for (const Claim::Item &item : claim.items) {
        claim.stems += !item.number;
        claim.musts += item.must();
    }
    return claim;
}

} // namespace longscope::reading
