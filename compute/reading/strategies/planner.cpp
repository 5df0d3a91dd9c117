#include "compute/reading/strategies/planner.h"

#include "compute/core/error.h"
#include "compute/reading/strategies/strategies.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <utility>

namespace longscope::reading {
namespace {

constexpr uint64_t kTokensPerWord = 2; // of English 1.3 to 1.5; the words are what binds
constexpr uint64_t kTokensPerForeignWord = 4;
constexpr uint64_t kMoreReplyTokens = 32;
constexpr double kExpectedTokensPerWord = 1.4;
constexpr uint64_t kFrameMargin = 24; // titles, and what joins text and task

// Very small models: a passage, one sentence of it, the best of six (see methods in run.h).
constexpr uint64_t kPassageTokens = 300, kSentenceTokens = 60, kExpectedSentenceTokens = 26;
constexpr unsigned kTries = 6, kWordsOfSentence = 40, kWordsPerResultSentence = 20;
constexpr double kExpectedTries = 3;
constexpr size_t kJoinedSentences = 8; // of 26 to 40 tokens: again a passage
// The whole summary is written with each part again, so the parts are longer than passages.
constexpr uint64_t kSmallRefineTokens = 600;

/// What one call of a larger model reads at once. Judgement: longer parts made small models invent.
uint64_t partTokensFor(uint64_t parameters) {
    constexpr uint64_t kBillion = 1'000'000'000;
    return parameters < 3 * kBillion ? 800 : parameters < 7 * kBillion ? 1500 : 3000;
}

constexpr size_t kMostJoined = 8;
constexpr uint64_t kLeastPartTokens = 48;
constexpr unsigned kLeastWords = 20, kLeastPartWords = 60, kMostPartWords = 150;

} // namespace

uint64_t Plan::calls() const {
    uint64_t sum = 0;
    for (const Step &step : steps)
        sum += step.most_tries;
    return sum;
}

uint64_t Plan::expectedCalls() const {
    double sum = 0;
    for (const Step &step : steps)
        sum += step.tries;
    return static_cast<uint64_t>(std::llround(sum));
}

uint64_t Plan::promptTokens() const {
    uint64_t sum = 0;
    for (const Step &step : steps)
        sum += step.prompt_tokens;
    return sum;
}

uint64_t Plan::writtenTokens() const {
    double sum = 0;
    for (const Step &step : steps)
        sum += step.tries * static_cast<double>(step.written_tokens);
    return static_cast<uint64_t>(std::llround(sum));
}

Planner::Planner(const document::Document &document, TextModel &model,
                 const SummaryOptions &options, std::stop_token stop)
    : document_(document), model_(model), options_(options),
      chunker_(document, [&model, stop = std::move(stop)](std::string_view text) {
          if (stop.stop_requested())
              fail(ErrorKind::stopped, "stopped while the calls were planned");
          return model.countTokens(text);
      }) {
    TextModelFacts facts = model.facts();
    parameters_ = facts.parameters;
    small_ = isSmall(facts.parameters);
    window_ = facts.window_tokens;
    plan_.small_model = small_;
    // Of foreign words the first try is taken: nothing can be compared.
    plan_.together = model.writesTogether() && options.wording.language.empty();
}

uint64_t Planner::replyTokens(unsigned words) const {
    bool foreign = !options_.wording.language.empty();
    return (foreign ? kTokensPerForeignWord : kTokensPerWord) * words + kMoreReplyTokens;
}

uint64_t Planner::expectedTokens(unsigned words) const {
    return static_cast<uint64_t>(kExpectedTokensPerWord * words);
}

uint64_t Planner::frameTokens(StepKind kind) {
    auto known = frames_.find(kind);
    if (known != frames_.end())
        return known->second;
    const Wording &wording = options_.wording;
    auto messages = kind == StepKind::fact     ? factPrompt("", wording)
                    : kind == StepKind::refine ? refinePrompt("", "", wording)
                    : kind == StepKind::join   ? joinPrompt("", wording)
                    : kind == StepKind::part   ? partPrompt("", "", wording)
                                               : readingPrompt("", summaryTask(wording));
    return frames_[kind] = model_.countPrompt(messages) + kFrameMargin;
}

/// Tokens that the text of a call may have.
uint64_t Planner::roomFor(StepKind kind, uint64_t reply_tokens) {
    uint64_t taken = frameTokens(kind) + reply_tokens;
    if (window_ < taken + kLeastPartTokens)
        fail(ErrorKind::model,
             "{}: a call needs at least {} tokens for instruction, text and reply, and the window "
             "has {}; fewer words are asked for with --words",
             document_.path, taken + kLeastPartTokens, window_);
    return window_ - taken;
}

uint64_t Planner::wholeTokens() {
    uint64_t reply = replyTokens(words());
    uint64_t about = chunker_.tokens() + frameTokens(StepKind::whole) + reply;
    if (about > window_ && about - window_ > window_ / 10) // then exact numbers change nothing
        return about;
    return model_.countPrompt(summaryPrompt(document_, options_.wording)) + reply;
}

uint64_t Planner::partTokens() {
    if (small_)
        return std::min(kPassageTokens, roomFor(StepKind::fact, kSentenceTokens));
    unsigned most_words = std::max(kMostPartWords, words());
    return std::min(partTokensFor(parameters_), roomFor(StepKind::part, replyTokens(most_words)));
}

std::vector<Chunk> Planner::parts(size_t start, size_t end) {
    return chunker_.split({.limit_tokens = partTokens()}, start, end);
}

std::vector<Chunk> Planner::partsBesideSummary(unsigned words) {
    uint64_t room = roomFor(StepKind::refine, 2 * replyTokens(words));
    uint64_t limit = std::min(room, small_ ? kSmallRefineTokens : partTokensFor(parameters_));
    return chunker_.split({.limit_tokens = limit});
}

unsigned Planner::partWords(size_t parts) const {
    auto share = static_cast<unsigned>(2 * words() / std::max<size_t>(parts, 1));
    return std::clamp(share, kLeastPartWords, kMostPartWords);
}

size_t Planner::resultSentences() const {
    return std::max<size_t>(1, words() / kWordsPerResultSentence);
}

size_t Planner::add(Step step) {
    for (size_t input : step.inputs)
        step.level = std::max(step.level, plan_.steps[input].level + 1);
    if (step.kind == StepKind::fact) {
        step.most_tries = kTries;
        step.tries = plan_.together ? kTries : kExpectedTries; // all at once, and the best of them
        step.words = kWordsOfSentence;
        step.written_tokens = kExpectedSentenceTokens;
        step.most_tokens = kSentenceTokens;
    } else {
        step.written_tokens = expectedTokens(step.words);
        step.most_tokens = replyTokens(step.words);
    }
    plan_.steps.push_back(std::move(step));
    return plan_.steps.size() - 1;
}

size_t Planner::addWhole() {
    uint64_t needed = wholeTokens();
    if (needed > window_)
        fail(ErrorKind::model,
             "{}: text, instruction and reply need {} tokens and the window has {}; other "
             "strategies read it in parts",
             document_.path, needed, window_);
    return add({.kind = StepKind::whole,
                .end = document_.text.size(),
                .words = words(),
                .prompt_tokens = needed - replyTokens(words())});
}

size_t Planner::addPart(const Chunk &chunk, const std::string &title, unsigned words) {
    StepKind kind = small_ ? StepKind::fact : StepKind::part;
    cut_chunks_ += chunk.cut;
    // A short part has no long summary.
    auto most_words = static_cast<unsigned>(chunk.tokens / 3);
    words = std::min(words, std::max(kLeastWords, most_words));
    return add({.kind = kind,
                .start = chunk.text_start,
                .end = chunk.end,
                .title = title,
                .words = words,
                .prompt_tokens = chunk.tokens + frameTokens(kind) - kFrameMargin});
}

size_t Planner::addFirst(const Chunk &chunk) {
    cut_chunks_ += chunk.cut;
    return add({.kind = StepKind::part,
                .start = chunk.text_start,
                .end = chunk.end,
                .words = words(),
                .prompt_tokens = chunk.tokens + frameTokens(StepKind::part) - kFrameMargin});
}

size_t Planner::addRefine(const Chunk &chunk, size_t before) {
    cut_chunks_ += chunk.cut;
    return add({.kind = StepKind::refine,
                .start = chunk.text_start,
                .end = chunk.end,
                .inputs = {before},
                .words = words(),
                .prompt_tokens = chunk.tokens + plan_.steps[before].written_tokens +
                                 frameTokens(StepKind::refine) - kFrameMargin});
}

size_t Planner::addJoin(std::vector<size_t> inputs, unsigned words, const std::string &title) {
    StepKind kind = small_ ? StepKind::fact : StepKind::join;
    uint64_t tokens = frameTokens(kind) - kFrameMargin;
    for (size_t input : inputs)
        tokens += plan_.steps[input].written_tokens + 2;
    return add({.kind = kind,
                .inputs = std::move(inputs),
                .title = title,
                .words = words,
                .prompt_tokens = tokens});
}

/// Summaries of so many words that one call can join, at worst.
size_t Planner::mostJoined(unsigned input_words, unsigned words) {
    if (small_) {
        uint64_t room = roomFor(StepKind::fact, kSentenceTokens);
        return std::clamp<size_t>(room / (kSentenceTokens + 1), 2, kJoinedSentences);
    }
    uint64_t room = roomFor(StepKind::join, replyTokens(words));
    uint64_t each = replyTokens(input_words) + kFrameMargin; // with its title
    if (room < 2 * each)
        fail(ErrorKind::model,
             "{}: joining two summaries of {} words needs {} tokens and the window has {}; fewer "
             "words are asked for with --words",
             document_.path, input_words, window_ - room + 2 * each, window_);
    return std::min<size_t>(kMostJoined, room / each);
}

std::vector<size_t> Planner::join(std::vector<size_t> steps, size_t most, unsigned level_words,
                                  unsigned last_words, const std::string &title) {
    while (steps.size() > most) {
        unsigned widest = level_words;
        for (size_t step : steps)
            widest = std::max(widest, plan_.steps[step].words);
        size_t fan_in = mostJoined(widest, std::max(level_words, last_words));
        size_t groups = std::max(most, (steps.size() + fan_in - 1) / fan_in);
        unsigned words = groups == most ? last_words : level_words;
        std::vector<size_t> joined;
        for (size_t group = 0; group < groups; ++group) { // of about the same number each
            size_t from = steps.size() * group / groups, to = steps.size() * (group + 1) / groups;
            std::vector<size_t> inputs(steps.begin() + static_cast<ptrdiff_t>(from),
                                       steps.begin() + static_cast<ptrdiff_t>(to));
            joined.push_back(inputs.size() == 1 ? inputs.front()
                                                : addJoin(std::move(inputs), words, title));
        }
        steps = std::move(joined);
    }
    return steps;
}

Plan Planner::take(std::vector<size_t> result) {
    plan_.result = std::move(result);
    if (cut_chunks_ > 0)
        plan_.warnings.push_back(
            std::format("{}: {} parts begin or end inside a sentence that is longer than a part.",
                        document_.path, cut_chunks_));
    return std::move(plan_);
}

} // namespace longscope::reading
