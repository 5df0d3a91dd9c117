// What the strategies share when they make their steps: what fits a call, how much each may write,
// and how summaries are joined.
#pragma once

#include "compute/reading/chunks.h"
#include "compute/reading/strategies/plan.h"
#include "compute/reading/text_model.h"

#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

class Planner {
  public:
    /// All must stay. Counts the document's tokens. After a stop, this and whatever counts throws
    /// Error(stopped).
    Planner(const document::Document &document, TextModel &model, const SummaryOptions &options,
            std::stop_token stop);

    const document::Document &document() const { return document_; }
    const SummaryOptions &options() const { return options_; }
    const Chunker &chunker() const { return chunker_; }
    /// One that writes single sentences of short passages, see methods in run.h.
    bool smallModel() const { return small_; }
    uint64_t windowTokens() const { return window_; }
    unsigned words() const { return options_.wording.words; } ///< of the whole summary

    /// Tokens that prompt and reply of a summary of the whole text need, counted only when that may
    /// fit, else estimated.
    uint64_t wholeTokens();

    /// Tokens of a text that one call reads when there are several: about 300 for a very small
    /// model, more for larger ones, less when the window is small.
    uint64_t partTokens();
    /// The stretches of a part of the document that one call reads.
    std::vector<Chunk> parts(size_t start = 0, size_t end = std::string::npos);
    /// The same beside a summary of `words`.
    std::vector<Chunk> partsBesideSummary(unsigned words);
    /// Words for the summary of one of so many parts.
    unsigned partWords(size_t parts) const;
    /// Sentences that a summary by single sentences has.
    size_t resultSentences() const;

    /// Adds a step and says its number.
    size_t addWhole();
    size_t addPart(const Chunk &chunk, const std::string &title, unsigned words);
    /// The beginning of a chain, and each next link.
    size_t addFirst(const Chunk &chunk);
    size_t addRefine(const Chunk &chunk, size_t before);
    /// Joins steps, level by level, until `most` are left: as many calls as that takes, none when
    /// there are no more than that. A single sentence of a small model has no length to choose.
    std::vector<size_t> join(std::vector<size_t> steps, size_t most, unsigned level_words,
                             unsigned last_words, const std::string &title = "");

    Plan take(std::vector<size_t> result);

  private:
    uint64_t frameTokens(StepKind kind); ///< of a prompt without its text
    uint64_t roomFor(StepKind kind, uint64_t reply_tokens);
    uint64_t replyTokens(unsigned words) const;
    uint64_t expectedTokens(unsigned words) const;
    size_t addJoin(std::vector<size_t> inputs, unsigned words, const std::string &title);
    size_t add(Step step);
    size_t mostJoined(unsigned input_words, unsigned words);

    const document::Document &document_;
    TextModel &model_;
    const SummaryOptions &options_;
    Chunker chunker_;
    uint64_t parameters_ = 0, window_ = 0;
    bool small_ = false;
    size_t cut_chunks_ = 0;
    std::map<StepKind, uint64_t> frames_;
    Plan plan_;
};

} // namespace longscope::reading
