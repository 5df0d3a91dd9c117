// Where a sentence comes from: the spans of the documents whose words, numbers and names it has.
// Says what can be shown, and plainly that there is nothing.
#pragma once

#include "compute/document/document.h"
#include "compute/reading/support.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Source {
    size_t document = 0;       ///< index among those given
    size_t start = 0, end = 0; ///< bytes of its text, whole sentences
    double score = 0;          ///< confidence, 0 to 1
};

/// A sentence of a summary or an answer.
struct SourcedSentence {
    std::string text;
    bool quoted = false;         ///< word for word from its only source
    bool supported = false;      ///< the support check (support.h)
    std::vector<Source> sources; ///< best first; empty: no source found
    /// Where the model looked while it wrote this (attended.h), most first; the score is the share
    /// of its attention. It is no source: attention is always somewhere. Empty: not known.
    std::vector<Source> attended = {};
};

/// Finds them by text: shared content words, rare ones weigh more; the longest run of words in the
/// same order; numbers and names, which must be there. About a millisecond a sentence in a document
/// of 10 MB; memory grows with the text. Any number of threads may ask.
class SourceFinder {
  public:
    /// The documents need not live on.
    explicit SourceFinder(std::span<const document::Document *const> documents);
    explicit SourceFinder(const document::Document &document);

    /// At most `most` sentences, best first; none when nothing is like it. Score 1 is a sentence
    /// with the same words in the same order, below kSourceFloor nothing is a source. What follows
    /// the best is as good, or has words of the sentence that those before lack.
    std::vector<Source> find(std::string_view sentence, size_t most = 3) const;
    /// With the support check over the same documents.
    SourcedSentence trace(std::string_view sentence, size_t most = 3) const;

    const SupportCheck &support() const { return support_; }

  private:
    std::shared_ptr<const SentenceIndex> index_;
    SupportCheck support_;
};

/// By the support check alone, which costs less: its only source is the nearest sentence, however
/// far that is; the score is the share of words that are found.
SourcedSentence checkedSentence(const SupportCheck &check, std::string sentence);

/// 560 sentences of other texts found no source by chance in three documents, while 237 of 238 own
/// sentences without a third of their words found their place (tests/reading/sources_test.cpp).
constexpr double kSourceFloor = 0.35;

} // namespace longscope::reading
