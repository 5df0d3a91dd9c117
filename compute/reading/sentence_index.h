// The sentences of documents by their words: what the support check and the finder of sources look
// things up in. Content stems and numbers are numbered terms; grammar is left out.
#pragma once

#include "compute/document/document.h"
#include "compute/reading/words.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longscope::reading {

/// A sentence of prose, or a line of a table or of code.
struct SourceSentence {
    uint32_t document = 0;     ///< index among those given
    size_t start = 0, end = 0; ///< bytes of its text
    bool negates = false;
};

/// Memory and the time to make it grow with the words of the documents, which need not live on.
/// Any number of threads may look things up.
class SentenceIndex {
  public:
    using Term = uint32_t;
    static constexpr Term kUnknown = ~Term{0}; ///< a word that no document has

    explicit SentenceIndex(std::span<const document::Document *const> documents);

    size_t size() const { return sentences_.size(); }
    const SourceSentence &operator[](size_t sentence) const { return sentences_[sentence]; }
    /// Content words and numbers of a sentence, in order, repetitions too.
    std::span<const Term> termsOf(size_t sentence) const;
    /// Ascending; empty for kUnknown.
    std::span<const uint32_t> sentencesWith(Term term) const;
    bool has(size_t sentence, Term term) const;
    /// ln((n + 1) / (df + 0.5)) over the sentences: above 0, the largest for kUnknown.
    double rarity(Term term) const;
    Term termOf(const Word &word) const;

  private:
    void add(uint32_t document, size_t start, size_t end, std::string_view text,
             WordReader &reader);
    void sortByTerm();

    std::vector<SourceSentence> sentences_;
    std::unordered_map<std::string, Term> term_of_;
    std::vector<Term> terms_;               ///< of one sentence after another
    std::vector<size_t> terms_begin_ = {0}; ///< [sentences + 1]
    std::vector<uint32_t> with_;            ///< sentences of one term after another
    std::vector<size_t> with_begin_;        ///< [terms + 1]
};

/// A sentence that is looked for.
struct Claim {
    struct Item {
        SentenceIndex::Term term = SentenceIndex::kUnknown;
        bool number = false, name = false;
        bool must() const { return number || name; }
    };
    std::vector<Item> items;                ///< each content stem and each number once
    std::vector<SentenceIndex::Term> terms; ///< in order, repetitions too
    size_t stems = 0, musts = 0;            ///< items that are no numbers; numbers and names
    bool negates = false;
};

Claim readClaim(const SentenceIndex &index, std::string_view sentence);

} // namespace longscope::reading
