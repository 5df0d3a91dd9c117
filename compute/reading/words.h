// What reading compares texts by: stemmed content words, numbers, names and negations. English
// rules (Porter's second stemmer, from libstemmer); texts in other languages keep whole words.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct sb_stemmer;

namespace longscope::reading {

enum class WordKind { stop, content, number };

struct Word {
    std::string text; ///< lower case, typographic apostrophes folded
    std::string
        stem; ///< of content; of a number its value: "48200" for "48,200", "11" for "eleven"
    WordKind kind = WordKind::stop;
    bool name = false;     ///< capitalized and not the first word
    bool negation = false; ///< "not", "never", "without", "isn't"
};

/// Reads the words of one sentence after another. Not for two threads at once.
class WordReader {
  public:
    WordReader();
    ~WordReader();
    WordReader(const WordReader &) = delete;
    WordReader &operator=(const WordReader &) = delete;

    /// Hyphens part words; a number and its scale are one word ("2.4 million", "twenty-one");
    /// "one", "first", "second", "third" and "half" are no numbers; each Han or Kana character is
    /// a word.
    std::vector<Word> read(std::string_view sentence);

  private:
    const std::string &stemOf(const std::string &word);

    sb_stemmer *stemmer_;
    std::unordered_map<std::string, std::string> stems_; ///< those seen before
};

/// The words in lower case, for comparing wordings: no stemming, numbers as written.
std::vector<std::string> plainWords(std::string_view text);

} // namespace longscope::reading
