// The growing text of a model as finished sentences, without those that say again what was said,
// and the sign to stop a model that repeats itself. Small models do: without this, more than half
// of the 4-grams of a greedy summary stood in it before.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace longscope::reading {

/// What was said so far, by phrases of four words.
class PhraseMemory {
  public:
    enum class Novelty { fresh, shares_phrase, repeats };
    /// Of a sentence, as plainWords gives it.
    Novelty judge(const std::vector<std::string> &words) const;
    void remember(const std::vector<std::string> &words);

  private:
    std::unordered_set<std::string> sentences_, phrases_; ///< normalised
};

class SentenceStream {
  public:
    /// `most_words`: sentences beyond them are left out (the first one never is).
    explicit SentenceStream(unsigned most_words) : most_words_(most_words) {}

    /// `text` is everything written so far, `ended` that no more comes. Gives the sentences that
    /// are new and complete. A last one without a final stop is left out unless it is all there is.
    std::vector<std::string> push(std::string_view text, bool ended);

    /// The model loops (two repeating sentences in a row, three that share a phrase with earlier
    /// ones, or any 12 words a second time), or enough is written.
    bool shouldStop() const { return looping_ || full_; }
    unsigned droppedRepetitions() const { return dropped_; }

  private:
    void take(std::string_view unit, bool last, std::vector<std::string> &out);
    bool seesLoop(std::string_view text) const;

    unsigned most_words_;
    size_t consumed_ = 0; ///< bytes of the text whose sentences were judged
    size_t words_ = 0, given_ = 0;
    unsigned dropped_ = 0, repeats_in_a_row_ = 0, drops_in_a_row_ = 0;
    bool looping_ = false, full_ = false;
    PhraseMemory memory_;
};

} // namespace longscope::reading
