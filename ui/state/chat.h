// Conversations as panels see them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

enum class Role { user, assistant };
enum class MessageKind { chat, summary, answer }; ///< answer: of a question over the document

/// A stretch of the document that a sentence comes from.
struct Source {
    size_t start = 0, end = 0;
    float score = 0;   ///< 0 .. 1
    std::string place; ///< "Supply, paragraph 2"
};

/// A sentence of a summary, with where it comes from.
struct CheckedSentence {
    std::string text;
    bool quoted = false;    ///< from the document, word for word
    bool supported = false; ///< its words were found there
    std::vector<Source> sources;
};

/// Turns that are sent in short from a message on. The turns themselves stay as they are.
struct Compacted {
    struct Sentence {
        uint64_t turn = 0; ///< that it is of, from 1
        Role role = Role::user;
        std::string text;
    };
    uint64_t turns = 0;   ///< turns 1 .. turns are in it
    unsigned depth = 1;   ///< how many times something in it was made short
    bool quoted = true;   ///< false: the model's own words, which may be wrong
    bool in_short = true; ///< false: taken back, the turns are sent word for word
    std::vector<Sentence> sentences;
};

struct Message {
    uint64_t id = 0;
    Role role = Role::user;
    MessageKind kind = MessageKind::chat;
    std::string text;                       ///< Markdown
    std::vector<CheckedSentence> sentences; ///< of a summary: the text again, sentence by sentence
    /// That an answer was made from, best first; none: all of the document was read.
    std::vector<Source> passages;
    bool found = true;     ///< false: no answer was found, `passages` are the closest places
    std::string note;      ///< strategy, why it ended: a line below the text
    uint64_t document = 0; ///< that was read for it; 0 = none
    std::string document_title;
    uint32_t branch = 0, branches = 1; ///< which of several answers (or wordings) this is
    bool growing = false;              ///< it is being written now
    uint64_t prompt_tokens = 0, reused_tokens = 0, written_tokens = 0;
    double prompt_seconds = 0, write_seconds = 0;
    uint64_t seed = 0;      ///< of a summary
    bool can_go_on = false; ///< it was broken off, and its finished steps are kept
    std::shared_ptr<const Compacted> compacted; ///< of a question: what stands for older turns
};

/// A turn of the conversation that has the words looked for.
struct FoundTurn {
    uint64_t message = 0;
    std::string name; ///< "turn 3, user"
    std::string text; ///< its first words
};

struct ConversationEntry {
    uint64_t id = 0;
    std::string title;
    int64_t changed_unix_s = 0;
    uint64_t messages = 0;
};

/// What the next prompt is made of, in tokens.
struct ContextUse {
    uint64_t system = 0, document = 0, history = 0, draft = 0, reply = 0;
    uint64_t window = 0; ///< the largest that the model, its positions and the memory allow
    bool isEndless() const { return window >= uint64_t{1} << 31; } ///< nothing in the cache grows
    uint64_t needed() const { return system + document + history + draft + reply; }
};

struct Sampling {
    float temperature = 0.7f, top_p = 0.95f, min_p = 0.05f, repeat_penalty = 1;
    uint32_t top_k = 40;
    uint64_t seed = 0;
    uint64_t reply_tokens = 512; ///< most tokens of a reply
    bool operator==(const Sampling &) const = default;
};

/// How a document is read for a question. Kept as numbers: new ones come last.
enum class AskWay { automatic, whole, passages, passages_written };
/// Out of passages alone: neither all of the document nor earlier turns are read.
constexpr bool isOfPassages(AskWay way) {
    return way == AskWay::passages || way == AskWay::passages_written;
}

struct Chat {
    std::vector<ConversationEntry> conversations; ///< newest first
    std::string found_words;                      ///< what was looked for last
    std::vector<uint64_t> found;                  ///< ids of the conversations that hold them
    uint64_t open = 0;                            ///< id; 0 = a new one without messages
    std::string title;
    std::vector<std::shared_ptr<const Message>> messages; ///< of the branch that is shown
    std::string system_prompt;
    Sampling sampling;
    ContextUse use;
    std::string draft;          ///< the text whose tokens `use.draft` counts
    bool with_document = false; ///< the next message goes with the current document
    AskWay ask_way = AskWay::automatic;
    bool by_vectors = false;       ///< passages are found by vectors of the model's states, too
    std::string found_turns_words; ///< what was looked for last in this conversation
    std::vector<FoundTurn> found_turns; ///< best first
    std::string template_used;          ///< "template", or which fallback
};

} // namespace longscope::ui
