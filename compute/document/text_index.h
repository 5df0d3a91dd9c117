// Passages found by their words: BM25 (Robertson & Zaragoza 2009, section 3) through SQLite's full
// text search, in memory, with Porter's stems.
//     score = sum over the words of idf f (k1 + 1) / (f + k1 (1 - b + b length / mean length))
//     k1 = 1.2, b = 0.75, idf = ln((n - df + 0.5) / (df + 0.5)), at least 1e-6
// FTS5's idf has no "1 +" in the logarithm (Lucene's has): a word that half of the passages hold
// counts nothing. f: how often the passage holds the word; df: how many passages do.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

struct Scored {
    size_t index = 0;
    double score = 0; ///< larger is better
};

class TextIndex {
  public:
    /// The texts are not kept. Ideographs are words of their own, "48,200" is the word "48200".
    explicit TextIndex(std::span<const std::string_view> texts);
    ~TextIndex();
    TextIndex(const TextIndex &) = delete;
    TextIndex &operator=(const TextIndex &) = delete;

    /// At most `most` texts that hold one of the words, best first, equals in order. Nothing in a
    /// word is an operator of the search; one that is tokenized into several is a phrase.
    std::vector<Scored> search(std::span<const std::string> words, size_t most) const;
    size_t size() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::document
