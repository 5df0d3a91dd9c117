#include "compute/reading/strategies/run.h"

#include "compute/document/places.h"
#include "compute/reading/attended_sources.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/prompts.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/step_key.h"
#include "compute/reading/strategies/facts.h"
#include "compute/reading/strategies/forecast.h"
#include "compute/reading/strategies/step_calls.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

namespace longscope::reading {
namespace {

constexpr unsigned kKeepSpeedsEvery = 32; // calls
constexpr unsigned kMostTogether = 32;    // replies: more of them gain little

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
        : document_(document), plan_(plan), options_(options), run_(run), sources_(document),
          forecast_(plan, std::move(speeds)), calls_(run, forecast_), texts_(plan.steps.size()) {
        summary_.strategy = plan.strategy;
        summary_.reason = plan.reason;
        summary_.forecast_s = forecast_.before();
        seed_ = options.sampling.seed != 0 ? options.sampling.seed : std::random_device()();
    }

    Summary execute() {
        for (size_t i = 0; i < plan_.steps.size() && !summary_.stopped; ++i) {
            beginStep(i);
            bool whole = !run_.stop.stop_requested();
            if (whole && plan_.together && i >= group_end_ && !(isResult() && !isFact())) {
                group_end_ = endOfGroup(i);
                whole = makeTogether(i, group_end_);
            }
            whole = whole && make(i);
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
        keepSpeeds(run_.model, run_.store, forecast_.speeds(), plan_.together);
        return std::move(summary_);
    }

  private:
    const Step &step() const { return plan_.steps[current_]; }
    bool isFact() const { return step().kind == StepKind::fact; }
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
        bool whole = isFact() ? makeFact(texts_[i]) : makeText(texts_[i]);
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

    /// The calls of the step; none when there is nothing to be asked.
    std::vector<StepRequest> requests() const {
        const bool is_fact = isFact();
        if (is_fact && isChosen())
            return {};
        TextRequest request{.messages = prompt(), .options = {}};
        request.options.max_tokens = step().most_tokens;
        uint64_t seed = seedOf(request.messages, seed_);
        request.options.sampling = options_.sampling;
        request.options.sampling.seed = seed;
        std::vector<StepRequest> all(is_fact ? step().most_tries : 1,
                                     {std::move(request), step().words, is_fact});
        for (unsigned attempt = 0; is_fact && attempt < step().most_tries; ++attempt)
            all[attempt].request.options.sampling = factSampling(attempt, seed);
        return all;
    }

    /// There is nothing to choose from.
    bool isChosen() const { return !step().inputs.empty() && inputSentences().size() < 2; }
    bool isResult() const { return plan_.result.size() == 1 && plan_.result.front() == current_; }

    bool makeText(std::vector<std::string> &out) {
        bool is_result = isResult();
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
        if (!call(requests().front(), take))
            return false;
        if (step().kind == StepKind::whole && facts_.kept == 0) // else it was written earlier
            addAttended(run_.model, wholeText(document_), summary_.sentences, run_.stop);
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
        if (isChosen()) {
            out = std::move(before);
            return true;
        }
        FactChoice choice(step().inputs.empty() ? passage() : joined(before, "\n\n"));
        for (const StepRequest &request : requests()) {
            if (choice.isEnough() && !plan_.together)
                break;
            std::string sentence;
            if (!call(request, [&](const std::string &text) { sentence = text; }))
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

    // ---- calls ---------------------------------------------------------------------------------

    /// False when it was stopped.
    bool call(const StepRequest &request, const StepCalls::OnSentence &on_sentence) {
        std::optional<MadeCall> reply = calls_.call(request, on_sentence);
        if (reply)
            count(*reply);
        return reply.has_value();
    }

    /// Steps from `first` on that do not need each other and whose replies fit the window together.
    size_t endOfGroup(size_t first) const {
        const uint64_t window = run_.model.facts().window_tokens;
        uint64_t tokens = 0;
        unsigned replies = 0;
        size_t end = first;
        for (; end < plan_.steps.size(); ++end) {
            const Step &next = plan_.steps[end];
            tokens += next.prompt_tokens + next.most_tries * next.most_tokens;
            replies += next.most_tries;
            bool waits = std::ranges::any_of(next.inputs, [&](size_t i) { return i >= first; });
            if (waits || next.kind != plan_.steps[first].kind || replies > kMostTogether ||
                tokens > window)
                break;
        }
        return std::max(end, first + 1);
    }

    bool makeTogether(size_t first, size_t end) {
        std::vector<StepRequest> all;
        for (current_ = first; current_ < end; ++current_)
            for (StepRequest &request : requests())
                all.push_back(std::move(request));
        current_ = first;
        return all.size() < 2 || calls_.makeTogether(all);
    }

    void count(const MadeCall &reply) {
        const TextReply &figures = reply.step.figures;
        ++facts_.calls;
        facts_.kept += reply.kept;
        facts_.prompt_tokens += figures.prompt_tokens;
        facts_.reused_tokens += figures.reused_tokens;
        facts_.written_tokens += figures.written_tokens;
        facts_.prompt_seconds += reply.kept ? 0 : figures.prompt_seconds;
        summary_.dropped_repetitions += reply.step.dropped_repetitions;
        forecast_.called(figures, reply.seconds, reply.kept);
        if (reply.kept)
            return;
        summary_.cut = figures.finish == engine::Finish::window_full;
        if (++made_calls_ % kKeepSpeedsEvery == 0)
            keepSpeeds(run_.model, run_.store, forecast_.speeds(), plan_.together);
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
    SourceFinder sources_; ///< of the whole document
    Forecast forecast_;
    StepCalls calls_;
    uint64_t seed_ = 1;
    std::vector<std::vector<std::string>> texts_; ///< [steps]: their sentences
    size_t current_ = 0, shown_ = 0;
    uint64_t made_calls_ = 0;
    size_t group_end_ = 0; ///< of the steps whose calls were made together
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
