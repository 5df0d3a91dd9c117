// Long dialogues in a window that is too small for them: the oldest turns give way to a short text
// that everybody can see, each fact with its turn; pinned and last turns stay word for word, and
// what a question is about is brought back from the old ones. The turns themselves are never
// changed: the short text is data beside them, and taking it away brings everything back.
// Rolling compaction, methods of MemGPT and LoCoMo's baselines (Packer 2023, Maharana 2024).
#pragma once

#include "compute/reading/text_model.h"
#include "compute/reading/turns.h"

#include <optional>

namespace longscope::reading {

/// How turns become short.
enum class Compacting {
    by_size, ///< quotes below kBelievedParameters, else in the model's words
    quotes,
    written
};

struct MemoryOptions {
    uint64_t window_tokens = 0; ///< 0 = the model's
    uint64_t reply_tokens = 512;
    double full_share = 0.80;    ///< of the window: a longer prompt is compacted
    double target_share = 0.50;  ///< down to this, or as near as the last turns allow
    double summary_share = 0.12; ///< of the window, for the short text
    double recall_share = 0.10;  ///< for what is brought back for a question
    size_t last_turns = 4;       ///< word for word if they fit; the newest always
    Compacting compacting = Compacting::by_size;
};

struct Compaction {
    size_t end = 0;     ///< turns 0 .. end - 1 are in it
    unsigned depth = 1; ///< how many times something in it was made short
    bool quoted = true; ///< sentences of the turns; false: the model's, which may be wrong
    std::vector<TurnSentence> sentences;
};

/// For one thread. The model must live longer.
class ConversationMemory {
  public:
    ConversationMemory(TextModel &model, MemoryOptions options);

    /// Both are pinned; the documents stand before the first user's words.
    std::string system, documents;

    const std::vector<Turn> &turns() const { return turns_; }
    /// Turns alternate: the user begins.
    void add(Turn turn);
    /// Takes the newest turn away (an answer that failed).
    void dropLast();
    void pin(size_t turn, bool pinned) { turns_.at(turn).pinned = pinned; }

    struct Prepared {
        std::vector<model::Message> messages;
        uint64_t tokens = 0;                 ///< of the messages
        std::optional<Compaction> compacted; ///< made by this call
        std::vector<size_t> recalled;        ///< turns brought back, best first
    };
    /// The messages for an answer to the newest turn, which is the user's; compacts when they are
    /// too long. Throws Error(usage) with both numbers when pinned texts and the newest turn alone
    /// do not fit, Error(stopped), and what the model throws.
    Prepared prepare(const ProgressSink &progress, std::stop_token stop);

    const Compaction *compaction() const {
        return compactions_.empty() ? nullptr : &compactions_.back();
    }
    /// Newest last; undone one by one.
    const std::vector<Compaction> &compactions() const { return compactions_; }
    /// As they were kept; those that do not fit the turns are left out.
    void restore(std::vector<Compaction> compactions);
    /// The newest compaction goes, its turns are back; until the window is truly full no other is
    /// made. False: there was none.
    bool undo();

  private:
    struct Limits;
    Limits limits() const;
    std::vector<model::Message> build(const std::vector<std::string> &recalled) const;
    std::string shortText() const;
    uint64_t turnTokens(size_t turn);
    size_t chooseEnd(uint64_t tokens, uint64_t target);
    bool moveOn(size_t &end) const;
    void compact(size_t end, const ProgressSink &progress, const std::stop_token &stop);
    bool write(Compaction &compaction, const ProgressSink &progress, const std::stop_token &stop);
    std::vector<std::string> recall(std::vector<size_t> &turns);
    uint64_t makeFit(Prepared &prepared, const ProgressSink &progress, const std::stop_token &stop);

    TextModel &model_;
    MemoryOptions options_;
    std::vector<Turn> turns_;
    std::vector<uint64_t> tokens_; ///< of each turn, 0 = not yet counted
    std::vector<Compaction> compactions_;
    bool held_off_ = false; ///< by undo()
};

} // namespace longscope::reading
