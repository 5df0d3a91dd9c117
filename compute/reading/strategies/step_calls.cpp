#include "compute/reading/strategies/step_calls.h"

#include "compute/reading/sentence_stream.h"
#include "compute/reading/step_key.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace longscope::reading {
namespace {

/// Sentences of a growing text, judged word by word: the same whatever pieces it comes in, so that
/// a step made again gives the same.
class WordwiseStream {
  public:
    WordwiseStream(unsigned most_words, bool only_one) : stream_(most_words), only_one_(only_one) {}

    /// Whether to go on.
    bool push(std::string_view text, bool ended) {
        for (size_t at = text.find_first_of(" \n", fed_); at != text.npos && !isEnough();
             at = text.find_first_of(" \n", fed_)) {
            fed_ = at + 1;
            take(stream_.push(text.substr(0, fed_), false));
        }
        if (ended && !isEnough())
            take(stream_.push(text, true));
        return !isEnough();
    }
    bool isEnough() const { return stream_.shouldStop() || (only_one_ && !sentences_.empty()); }
    const std::vector<std::string> &sentences() const { return sentences_; }
    unsigned droppedRepetitions() const { return stream_.droppedRepetitions(); }

  private:
    void take(std::vector<std::string> given) {
        for (std::string &sentence : given)
            if (!only_one_ || sentences_.empty())
                sentences_.push_back(std::move(sentence));
    }

    SentenceStream stream_;
    bool only_one_;
    size_t fed_ = 0;
    std::vector<std::string> sentences_;
};

WordwiseStream streamOf(const StepRequest &request) {
    return {request.words, request.only_one};
}

/// False when the reply was stopped before it was whole.
bool endStream(WordwiseStream &stream, const TextReply &reply) {
    stream.push(reply.text, false);
    bool whole = stream.isEnough() || reply.finish != engine::Finish::stopped;
    if (whole)
        stream.push(reply.text, true);
    return whole;
}

KeptStep stepOf(const WordwiseStream &stream, TextReply reply) {
    return {.sentences = stream.sentences(),
            .figures = std::move(reply),
            .dropped_repetitions = stream.droppedRepetitions()};
}

} // namespace

StepCalls::StepCalls(const Run &run, Forecast &forecast)
    : run_(run), forecast_(forecast), fingerprint_(run.model.facts().fingerprint) {}

std::string StepCalls::keyOf(const StepRequest &request) const {
    return stepKey(fingerprint_, request.request, request.words);
}

ProgressSink StepCalls::progress() const {
    return [this](const Progress &now) {
        if (run_.progress)
            run_.progress(forecast_.progress(now));
    };
}

std::optional<MadeCall> StepCalls::call(const StepRequest &request, const OnSentence &on_sentence) {
    std::string key = keyOf(request);
    auto fresh = fresh_.find(key);
    bool kept = fresh == fresh_.end();
    if (std::optional<KeptStep> known = kept ? findStep(run_.store, key) : fresh->second) {
        for (const std::string &sentence : known->sentences)
            on_sentence(sentence);
        double seconds = known->figures.prompt_seconds + known->figures.write_seconds;
        return MadeCall{std::move(*known), seconds, kept};
    }
    WordwiseStream stream = streamOf(request);
    size_t given = 0;
    auto give = [&] {
        for (; given < stream.sentences().size(); ++given)
            on_sentence(stream.sentences()[given]);
    };
    auto on_text = [&](std::string_view text) {
        bool more = stream.push(text, false);
        give();
        return more;
    };
    auto start = Clock::now();
    TextReply reply = run_.model.write(request.request, on_text, progress(), run_.stop);
    bool whole = endStream(stream, reply);
    give();
    if (!whole)
        return std::nullopt;
    KeptStep step = stepOf(stream, std::move(reply));
    keepSteps(run_.store, {{key, step}});
    return MadeCall{std::move(step), secondsSince(start), false};
}

bool StepCalls::makeTogether(std::span<const StepRequest> requests) {
    std::vector<TextRequest> missing;
    std::vector<WordwiseStream> streams;
    std::vector<std::string> keys;
    fresh_.clear();
    for (const StepRequest &request : requests) {
        std::string key = keyOf(request);
        if (std::ranges::contains(keys, key) || findStep(run_.store, key))
            continue;
        keys.push_back(std::move(key));
        streams.push_back(streamOf(request));
        missing.push_back(request.request);
    }
    if (missing.empty())
        return true;
    auto on_text = [&](size_t i, std::string_view text) { return streams[i].push(text, false); };
    std::vector<TextReply> replies =
        run_.model.writeTogether(missing, on_text, progress(), run_.stop);
    for (size_t i = 0; i < missing.size(); ++i)
        if (!endStream(streams[i], replies[i]))
            return false;
    for (size_t i = 0; i < missing.size(); ++i)
        fresh_[keys[i]] = stepOf(streams[i], std::move(replies[i]));
    keepSteps(run_.store, fresh_);
    return true;
}

} // namespace longscope::reading
