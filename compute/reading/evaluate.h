// How good a summary is, in figures that need no judge: support of its sentences, repetition, parts
// of the document and key points that it has. They measure wording, not truth.
#pragma once

#include "compute/reading/key_points.h"
#include "compute/reading/sources.h"

#include <span>
#include <string>
#include <vector>

namespace longscope::reading {

/// Shares are 0 to 1. A summary without sentences has support 0 and repeats nothing.
struct Measures {
    double loose = 0;      ///< share of the sentences that pass the support check
    double strict = 0;     ///< and its strict form, words in the order of one source sentence
    double sourced = 0;    ///< share of the sentences with a source
    double repeated = 0;   ///< share of the 4-grams of words that stood in the summary before
    double parts = 0;      ///< of five equal parts of the document, those that supported ones quote
    double key_points = 0; ///< share of the points that are found
    double sentences = 0;
    double seconds = 0; ///< the caller's own
};

/// One document, and what is needed to measure many summaries of it.
class Evaluator {
  public:
    Evaluator(const document::Document &document, const KeyPoints &points);
    Measures measure(std::span<const std::string> sentences) const;

  private:
    bool partOf(std::string_view sentence, size_t &part) const;

    SourceFinder finder_;
    const KeyPoints &points_;
    std::vector<size_t> part_ends_; ///< bytes of the text; five
};

/// Share of the 4-grams of words (lower case, over the borders of sentences) that occurred before.
double repeatedShare(std::span<const std::string> sentences);

/// Mean of each figure; zeros for none.
Measures meanOf(std::span<const Measures> all);

} // namespace longscope::reading
