#include "compute/reading/strategies/run.h"

#include "compute/document/places.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/prompts.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/strategies/facts.h"
#include "compute/reading/strategies/forecast.h"
#include "compute/reading/strategies/steps_kept.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

namespace longscope::reading {
namespace {

constexpr unsigned kKeepSpeedsEvery = 32; // calls

using OnSentence = std::function<void(const std::string &)>;

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

std::string joined(const std::vector<std::string> &sentences, std::string_view between) {
    std::string text;
    for (const std::string &sentence : sentences)
        text += (text.empty() ? "" : std::string(between)) + sentence;
    return text;
}

class PlanRun {
  public:
    PlanRun(const document::Document &document, const Plan &plan, const SummaryOptions &options,
            const Run &run, Speeds speeds)
        : document_(document), plan_(plan), options_(options), run_(run),
          fingerprint_(run.model.facts().fingerprint), sources_(document),
          forecast_(plan, std::move(speeds)), texts_(plan.steps.size()) {
        summary_.strategy = plan.strategy;
        summary_.reason = plan.reason;
        summary_.forecast_s = forecast_.before();
        seed_ = options.sampling.seed != 0 ? options.sampling.seed : std::random_device()();
    }

    Summary execute() {
        for (size_t i = 0; i < plan_.steps.size() && !summary_.stopped; ++i) {
            beginStep(i);
            bool whole = !run_.stop.stop_requested() && make(i);
            facts_.sentences = texts_[i];
            forecast_.ended();
            summary_.steps.push_back(std::move(facts_));
            if (!whole)
                summary_.stopped = true;
            else
                showResults(i);
        }
        summary_.seconds = forecast_.elapsed();
        summary_.forecast_after_tenth_s = forecast_.afterTenth();
        keepSpeeds(run_.model, run_.store, forecast_.speeds());
        return std::move(summary_);
    }

  private:
    const Step &step() const { return plan_.steps[current_]; }
    bool isForeign() const { return !options_.wording.language.empty(); }

    void beginStep(size_t i) {
        current_ = i;
        forecast_.began(i);
        step_start_ = Clock::now();
        facts_ = {.kind = step().kind,
                  .level = step().level,
                  .own_start = step().start,
                  .own_end = step().end,
                  .start = step().end > 0 ? step().start : SIZE_MAX,
                  .end = step().end,
                  .sentences = {}};
        for (size_t input : step().inputs) {
            facts_.start = std::min(facts_.start, summary_.steps[input].start);
            facts_.end = std::max(facts_.end, summary_.steps[input].end);
        }
    }

    /// False when it was stopped before it was whole.
    bool make(size_t i) {
        bool whole = step().kind == StepKind::fact ? makeFact(texts_[i]) : makeText(texts_[i]);
        facts_.seconds = secondsSince(step_start_);
        return whole;
    }

    std::string_view passage() const { return document_.span(step().start, step().end); }

    std::vector<std::string> inputSentences() const {
        std::vector<std::string> sentences;
        for (size_t input : step().inputs)
            sentences.insert(sentences.end(), texts_[input].begin(), texts_[input].end());
        return sentences;
    }

    std::string inputText() const {
        std::string text;
        for (size_t input : step().inputs) {
            const std::string &title = plan_.steps[input].title;
            text += (text.empty() ? "" : "\n\n") + (title.empty() ? "" : title + "\n") +
                    joined(texts_[input], " ");
        }
        return text;
    }

    std::vector<model::Message> prompt() const {
        Wording wording = options_.wording.withWords(step().words);
        switch (step().kind) {
        case StepKind::whole:
            return summaryPrompt(document_, wording);
        case StepKind::part:
            return partPrompt(step().title, passage(), wording);
        case StepKind::join:
            return joinPrompt(inputText(), wording);
        case StepKind::refine:
            return refinePrompt(joined(texts_[step().inputs.front()], " "), passage(), wording);
        case StepKind::fact:
            break;
        }
        return factPrompt(step().inputs.empty() ? passage() : joined(inputSentences(), "\n"),
                          wording);
    }

    bool makeText(std::vector<std::string> &out) {
        bool is_result = plan_.result.size() == 1 && plan_.result.front() == current_;
        bool checked = plan_.small_model && step().kind != StepKind::whole && !isForeign();
        std::vector<std::string> before = inputSentences();
        document::Document read;
        std::optional<SupportCheck> support;
        if (checked) {
            read = document::importText(std::string(passage()) + "\n\n" + joined(before, "\n\n"),
                                        "part", false);
            support.emplace(read);
        }
        auto take = [&](const std::string &sentence) {
            if (support && !support->check(sentence).supported) {
                ++summary_.dropped_unsupported;
                return;
            }
            out.push_back(sentence);
            if (is_result)
                show(sentence);
        };
        TextRequest request{.messages = prompt(), .options = {}};
        request.options.sampling = options_.sampling;
        request.options.sampling.seed = seedOf(request.messages, seed_);
        request.options.max_tokens = step().most_tokens;
        if (!call(request, step().words, take))
            return false;
        // Nothing true was said of the next part: the summary stays as it was.
        if (checked && out.empty())
            for (const std::string &sentence : before) {
                out.push_back(sentence);
                if (is_result)
                    show(sentence);
            }
        return true;
    }

    bool makeFact(std::vector<std::string> &out) {
        std::vector<std::string> before = inputSentences();
        if (!step().inputs.empty() && before.size() < 2) {
            out = std::move(before); // nothing to choose from
            return true;
        }
        TextRequest request{.messages = prompt(), .options = {}};
        request.options.max_tokens = step().most_tokens;
        FactChoice choice(step().inputs.empty() ? passage() : joined(before, "\n\n"));
        uint64_t seed = seedOf(request.messages, seed_);
        for (unsigned attempt = 0; attempt < step().most_tries && !choice.isEnough(); ++attempt) {
            request.options.sampling = factSampling(attempt, seed);
            std::string sentence;
            if (!call(request, step().words, [&](const std::string &text) { sentence = text; }))
                return false;
            if (isForeign() && !sentence.empty()) { // its words cannot be compared
                out = {std::move(sentence)};
                return true;
            }
            if (!sentence.empty())
                choice.offer(std::move(sentence));
        }
        if (std::optional<std::string> best = choice.best())
            out = {std::move(*best)};
        else if (!before.empty())
            out = {before.front()}; // which was found in the document
        else
            ++summary_.dropped_unsupported;
        return true;
    }

    /// Finds the call or makes and keeps it; false when it was stopped.
    bool call(const TextRequest &request, unsigned words, const OnSentence &on_sentence) {
        std::string key = stepKey(fingerprint_, request, words);
        if (std::optional<KeptStep> kept = findStep(run_.store, key)) {
            for (const std::string &sentence : kept->sentences)
                on_sentence(sentence);
            count(*kept, 0, true);
            return true;
        }
        WordwiseStream stream(words, step().kind == StepKind::fact);
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
        auto progress = [this](const Progress &now) {
            if (run_.progress)
                run_.progress(forecast_.progress(now));
        };
        auto start = Clock::now();
        TextReply reply = run_.model.write(request, on_text, progress, run_.stop);
        stream.push(reply.text, false);
        bool whole = stream.isEnough() || reply.finish != engine::Finish::stopped;
        if (whole)
            stream.push(reply.text, true);
        give();
        if (!whole)
            return false;
        summary_.cut = reply.finish == engine::Finish::window_full;
        KeptStep step{.sentences = stream.sentences(),
                      .figures = std::move(reply),
                      .dropped_repetitions = stream.droppedRepetitions()};
        keepStep(run_.store, key, step);
        count(step, secondsSince(start), false);
        return true;
    }

    void count(const KeptStep &step, double seconds, bool kept) {
        ++facts_.calls;
        facts_.kept += kept;
        facts_.prompt_tokens += step.figures.prompt_tokens;
        facts_.reused_tokens += step.figures.reused_tokens;
        facts_.written_tokens += step.figures.written_tokens;
        facts_.prompt_seconds += kept ? 0 : step.figures.prompt_seconds;
        summary_.dropped_repetitions += step.dropped_repetitions;
        forecast_.called(step.figures, seconds, kept);
        if (!kept && ++made_calls_ % kKeepSpeedsEvery == 0)
            keepSpeeds(run_.model, run_.store, forecast_.speeds());
    }

    /// The sentences of the summary that are known by now, in order; a single text was shown while
    /// it was written.
    void showResults(size_t made) {
        bool single_text =
            plan_.result.size() == 1 && plan_.steps[plan_.result.front()].kind != StepKind::fact;
        while (!single_text && shown_ < plan_.result.size() && plan_.result[shown_] <= made) {
            for (const std::string &sentence : texts_[plan_.result[shown_]])
                show(sentence);
            ++shown_;
        }
    }

    void show(const std::string &sentence) {
        std::vector<std::string> words = plainWords(sentence);
        if (memory_.judge(words) != PhraseMemory::Novelty::fresh) {
            ++summary_.dropped_repetitions;
            return;
        }
        memory_.remember(words);
        summary_.sentences.push_back(sources_.trace(sentence));
        if (run_.on_sentence)
            run_.on_sentence(summary_.sentences.back());
    }

    const document::Document &document_;
    const Plan &plan_;
    const SummaryOptions &options_;
    const Run &run_;
    std::string fingerprint_;
    SourceFinder sources_; ///< of the whole document
    Forecast forecast_;
    uint64_t seed_ = 1;
    std::vector<std::vector<std::string>> texts_; ///< [steps]: their sentences
    size_t current_ = 0, shown_ = 0;
    uint64_t made_calls_ = 0;
    StepFacts facts_;
    Clock::time_point step_start_;
    PhraseMemory memory_;
    Summary summary_;
};

template <class Sum = uint64_t, class Member>
Sum sumOf(const std::vector<StepFacts> &steps, Member member) {
    return std::accumulate(steps.begin(), steps.end(), Sum{},
                           [member](Sum sum, const StepFacts &step) { return sum + step.*member; });
}

} // namespace

uint64_t Summary::calls() const {
    return sumOf(steps, &StepFacts::calls);
}
uint64_t Summary::keptCalls() const {
    return sumOf(steps, &StepFacts::kept);
}
uint64_t Summary::promptTokens() const {
    return sumOf(steps, &StepFacts::prompt_tokens);
}
uint64_t Summary::reusedTokens() const {
    return sumOf(steps, &StepFacts::reused_tokens);
}
uint64_t Summary::writtenTokens() const {
    return sumOf(steps, &StepFacts::written_tokens);
}

double Summary::promptSeconds() const {
    return sumOf<double>(steps, &StepFacts::prompt_seconds);
}

Summary quoteKeySentences(const document::Document &document, unsigned count, std::string reason) {
    auto start = Clock::now();
    Summary summary;
    summary.reason = std::move(reason);
    for (const KeySentence &key : chooseKeySentences(document, count)) {
        const document::Sentence &at = key.sentence;
        summary.sentences.push_back(
            {.text = document::oneLine(document.span(at.start, at.end)),
             .quoted = true,
             .supported = true,
             .sources = {{.start = at.start, .end = at.end, .score = key.score}}});
    }
    summary.seconds = secondsSince(start);
    return summary;
}

Summary runPlan(const document::Document &document, const Plan &plan, const SummaryOptions &options,
                const Run &run, Speeds speeds) {
    return PlanRun(document, plan, options, run, std::move(speeds)).execute();
}

} // namespace longscope::reading
