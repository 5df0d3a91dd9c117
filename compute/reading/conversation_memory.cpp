#include "compute/reading/conversation_memory.h"

#include "compute/core/error.h"
#include "compute/reading/prompts.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/summarize.h"

#include <algorithm>
#include <cassert>
#include <format>

namespace longscope::reading {
namespace {

constexpr unsigned kDeepest = 3;        // a short text of a short text of a short text, no more
constexpr double kFewestShared = 0.3;   // of the question's words, in a turn that is recalled
constexpr size_t kMostRecalled = 3;     // turns
constexpr uint64_t kTemplateTokens = 8; // of a turn, roughly
constexpr const char *kShortTitle = "What was said before, in short:\n";
constexpr const char *kRecallTitle = "From earlier turns:\n";

uint64_t share(uint64_t window, double part) {
    return static_cast<uint64_t>(static_cast<double>(window) * part);
}

} // namespace

struct ConversationMemory::Limits {
    uint64_t window = 0;
    uint64_t room = 0;    ///< of a prompt, so that a reply has a place
    uint64_t full = 0;    ///< longer prompts are compacted
    uint64_t target = 0;  ///< of a compacted prompt
    uint64_t summary = 0; ///< of the short text
    uint64_t recall = 0;
};

ConversationMemory::ConversationMemory(TextModel &model, MemoryOptions options)
    : model_(model), options_(options) {}

ConversationMemory::Limits ConversationMemory::limits() const {
    Limits limits;
    uint64_t window =
        options_.window_tokens ? options_.window_tokens : model_.facts().window_tokens;
    limits.window = window;
    limits.room = window - std::min(options_.reply_tokens, window / 4);
    limits.full =
        held_off_ ? limits.room : std::min(limits.room, share(window, options_.full_share));
    limits.target = std::min(limits.full, share(window, options_.target_share));
    limits.summary = share(window, options_.summary_share);
    limits.recall = share(window, options_.recall_share);
    return limits;
}

void ConversationMemory::add(Turn turn) {
    turns_.push_back(std::move(turn));
    tokens_.push_back(0);
}

void ConversationMemory::dropLast() {
    turns_.pop_back();
    tokens_.pop_back();
    restore(std::move(compactions_));
}

void ConversationMemory::restore(std::vector<Compaction> compactions) {
    std::erase_if(compactions, [&](const Compaction &compaction) {
        return compaction.end == 0 || compaction.end >= turns_.size() ||
               turns_[compaction.end].role != "user" ||
               std::ranges::any_of(compaction.sentences, [&](const TurnSentence &sentence) {
                   return sentence.turn >= compaction.end;
               });
    });
    compactions_ = std::move(compactions);
}

bool ConversationMemory::undo() {
    if (compactions_.empty())
        return false;
    compactions_.pop_back();
    held_off_ = true;
    return true;
}

// ---- messages ----------------------------------------------------------------------------------

/// The list of sentences, and what is pinned among the turns that it stands for.
std::string ConversationMemory::shortText() const {
    const Compaction *compaction = this->compaction();
    if (!compaction)
        return "";
    std::string text = kShortTitle + listSentences(compaction->sentences, turns_);
    for (size_t i = 0; i < compaction->end; ++i)
        if (turns_[i].pinned)
            text += std::format("{}, word for word:\n{}\n", turnName(i, turns_[i].role),
                                turns_[i].text);
    return text + "\n";
}

/// The short text goes before the first turn that is kept, behind the documents, so that the
/// documents' keys and values stay as they are. What is recalled goes before the newest words: it
/// changes with each question, and nothing stands behind it.
std::vector<model::Message>
ConversationMemory::build(const std::vector<std::string> &recalled) const {
    std::vector<model::Message> messages;
    if (!system.empty())
        messages.push_back({"system", system});
    const Compaction *compaction = this->compaction();
    size_t first = compaction ? compaction->end : 0;
    for (size_t i = first; i < turns_.size(); ++i) {
        std::string text;
        if (i == first)
            text = documents + shortText();
        if (i + 1 == turns_.size() && !recalled.empty()) {
            text += kRecallTitle;
            for (const std::string &quote : recalled)
                text += quote + "\n";
            text += "\n";
        }
        messages.push_back({turns_[i].role, text + turns_[i].text});
    }
    return messages;
}

std::vector<std::string> ConversationMemory::recall(std::vector<size_t> &turns) {
    const Compaction *compaction = this->compaction();
    if (!compaction)
        return {};
    std::vector<std::string> quotes;
    uint64_t left = limits().recall;
    auto count = [&](std::string_view text) { return model_.countTokens(text); };
    const std::string &question = turns_.back().text;
    for (const FoundTurn &found : findTurns(std::span(turns_).first(compaction->end), question)) {
        const Turn &turn = turns_[found.turn];
        if (turns.size() == kMostRecalled)
            break;
        if (turn.pinned || found.share < kFewestShared)
            continue;
        std::string name = turnName(found.turn, turn.role);
        uint64_t title = count(name) + 4;
        std::string quote =
            left > title ? quoteTurn(turn, question, left - title, count) : std::string();
        bool known = std::ranges::any_of(compaction->sentences, [&](const TurnSentence &sentence) {
            return sentence.turn == found.turn && sentence.text == quote;
        });
        if (quote.empty() || known)
            continue;
        quotes.push_back(std::format("- {}: {}", name, quote));
        left -= std::min(left, count(quotes.back()) + 1);
        turns.push_back(found.turn);
    }
    return quotes;
}

// ---- compacting --------------------------------------------------------------------------------

uint64_t ConversationMemory::turnTokens(size_t turn) {
    if (tokens_[turn] == 0)
        tokens_[turn] = model_.countTokens(turns_[turn].text) + kTemplateTokens;
    return tokens_[turn];
}

/// To the next turn of the user, before which may be cut.
bool ConversationMemory::moveOn(size_t &end) const {
    for (size_t next = end + 1; next < turns_.size(); ++next)
        if (turns_[next].role == "user") {
            end = next;
            return true;
        }
    return false;
}

/// The first place to cut at which the rest and the short text are within the target, but not among
/// the last turns; what is not enough is seen, and mended, when the messages are counted.
size_t ConversationMemory::chooseEnd(uint64_t tokens, uint64_t target) {
    size_t end = compaction() ? compaction()->end : 0;
    uint64_t left = tokens + (compaction() ? 0 : limits().summary);
    size_t last = turns_.size() - std::min(options_.last_turns, turns_.size());
    for (size_t counted = end; left > target || end == counted;) {
        size_t before = end;
        if (!moveOn(end))
            return before;
        if (end > last && before > counted)
            return before;
        for (size_t i = before; i < end; ++i)
            left -= turns_[i].pinned ? 0 : std::min(left, turnTokens(i));
    }
    return end;
}

void ConversationMemory::compact(size_t end, const ProgressSink &progress,
                                 const std::stop_token &stop) {
    Compaction next;
    next.end = end;
    bool believed = model_.facts().parameters >= kBelievedParameters;
    bool writes = options_.compacting == Compacting::written ||
                  (options_.compacting == Compacting::by_size && believed);
    if (!writes || !write(next, progress, stop)) {
        next.depth = 1; // quotes are of the turns themselves, however often
        next.quoted = true;
        auto count = [&](std::string_view text) { return model_.countTokens(text); };
        next.sentences = chooseTurnSentences(std::span(turns_).first(end), limits().summary, count);
    }
    compactions_.push_back(std::move(next));
    held_off_ = false;
}

/// In the model's words, from the short text before and the turns since; false when that is too
/// deep or too long to be read, or gives nothing. Each sentence names the turn that it is most
/// like.
bool ConversationMemory::write(Compaction &next, const ProgressSink &progress,
                               const std::stop_token &stop) {
    const Compaction *before = compaction();
    next.depth = before && !before->quoted ? before->depth + 1 : 1;
    if (next.depth > kDeepest)
        return false;
    std::string text = before ? listSentences(before->sentences, turns_) : std::string();
    for (size_t i = before ? before->end : 0; i < next.end; ++i)
        if (!turns_[i].pinned)
            text += std::format("{}: {}\n", turnName(i, turns_[i].role), turns_[i].text);
    Limits limit = limits();
    uint64_t words = std::max<uint64_t>(limit.summary * 5 / 10, 10); // with the names of turns
    TextRequest request;
    request.messages = readingPrompt(
        text, std::format("State in about {} words what was said in this conversation: facts, "
                          "names, numbers, wishes and decisions, in short sentences. Use the words "
                          "of the text.",
                          words));
    request.options.sampling = summarySampling();
    request.options.max_tokens = limit.summary;
    if (model_.countPrompt(request.messages) + limit.summary > limit.window)
        return false;
    SentenceStream stream(static_cast<unsigned>(words));
    auto go_on = [&](std::string_view) { return true; };
    TextReply reply = model_.write(request, go_on, progress, stop);
    if (stop.stop_requested())
        fail(ErrorKind::stopped, "stopped while compacting {} turns", next.end);
    next.quoted = false;
    uint64_t used = 0;
    for (std::string &sentence : stream.push(reply.text, true)) {
        std::vector<FoundTurn> like = findTurns(std::span(turns_).first(next.end), sentence);
        TurnSentence named{like.empty() ? next.end - 1 : like.front().turn, std::move(sentence)};
        used += model_.countTokens(listSentences({&named, 1}, turns_));
        if (used > limit.summary)
            break;
        next.sentences.push_back(std::move(named));
    }
    std::ranges::stable_sort(next.sentences, {}, &TurnSentence::turn);
    return !next.sentences.empty();
}

/// Compacts until the messages are within the target where the last turns allow it, and within the
/// room in any case; the tokens of the messages.
uint64_t ConversationMemory::makeFit(Prepared &prepared, const ProgressSink &progress,
                                     const std::stop_token &stop) {
    Limits limit = limits();
    size_t first = compactions_.size();
    uint64_t tokens = prepared.tokens;
    size_t start = compaction() ? compaction()->end : 0, end = chooseEnd(tokens, limit.target);
    while (end > start) {
        compactions_.resize(first); // one compaction a call, whatever was tried
        compact(end, progress, stop);
        tokens = model_.countPrompt(build({}));
        if (tokens <= limit.room || !moveOn(end))
            break;
    }
    while (tokens > limit.room && compactions_.size() > first &&
           !compactions_.back().sentences.empty()) {
        auto &sentences = compactions_.back().sentences;
        sentences.resize(sentences.size() / 2);
        tokens = model_.countPrompt(build({}));
    }
    if (tokens > limit.room) {
        compactions_.resize(first);
        fail(ErrorKind::usage,
             "the newest message needs {} tokens with all that is pinned, and the window of {} has "
             "room for {} beside the reply",
             tokens, limit.window, limit.room);
    }
    if (compactions_.size() > first)
        prepared.compacted = compactions_.back();
    return tokens;
}

ConversationMemory::Prepared ConversationMemory::prepare(const ProgressSink &progress,
                                                         std::stop_token stop) {
    assert(!turns_.empty() && turns_.back().role == "user");
    Prepared prepared;
    prepared.messages = build({});
    prepared.tokens = model_.countPrompt(prepared.messages);
    Limits limit = limits();
    if (prepared.tokens > limit.full) {
        prepared.tokens = makeFit(prepared, progress, stop);
        prepared.messages = build({});
    }
    std::vector<size_t> turns;
    std::vector<std::string> quotes = recall(turns);
    if (quotes.empty())
        return prepared;
    std::vector<model::Message> messages = build(quotes);
    uint64_t tokens = model_.countPrompt(messages);
    if (tokens > limit.room)
        return prepared;
    prepared.messages = std::move(messages);
    prepared.tokens = tokens;
    prepared.recalled = std::move(turns);
    return prepared;
}

} // namespace longscope::reading
