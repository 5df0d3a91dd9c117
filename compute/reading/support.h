// Whether the words of a written sentence are in the document. Measures wording, not truth: say
// "words found in the document", never "verified".
#pragma once

#include "compute/document/document.h"

#include <memory>
#include <string_view>

namespace longscope::reading {

class SentenceIndex;

struct Support {
    bool supported = false;    ///< a window of 3 sentences has enough words, all numbers and names
    double share = 0;          ///< of the content stems, in the best window
    size_t start = 0, end = 0; ///< bytes of the best source sentence
    size_t document = 0;       ///< index among those of the index
};

class SupportCheck {
  public:
    explicit SupportCheck(const document::Document &document);
    explicit SupportCheck(std::shared_ptr<const SentenceIndex> index);

    Support check(std::string_view sentence) const;
    /// The strict check: check() says so, and one source sentence has `share` of the content words
    /// and numbers in the same order (longest common subsequence). 1 is asked of rewrites.
    bool isStrict(std::string_view sentence, double share = 0.9) const;
    /// The largest share of content words and numbers that one source sentence has in the same
    /// order.
    double shareInOrder(std::string_view sentence) const;

  private:
    std::shared_ptr<const SentenceIndex> index_;
};

} // namespace longscope::reading
