// The strategies with a model that digests: what is called, in which order, how often, and that a
// run goes on where it was stopped.
#include "compute/reading/words.h"
#include "tests/support/errors.h"
#include "tests/support/strategy_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace longscope::reading {
namespace {

size_t repeatedPhrases(const Summary &summary) {
    std::set<std::vector<std::string>> seen;
    size_t repeated = 0;
    for (const SourcedSentence &sentence : summary.sentences) {
        std::vector<std::string> words = plainWords(sentence.text);
        for (size_t i = 0; i + 4 <= words.size(); ++i)
            repeated += !seen.insert({words.begin() + static_cast<ptrdiff_t>(i),
                                      words.begin() + static_cast<ptrdiff_t>(i) + 4})
                             .second;
    }
    return repeated;
}

TEST(Strategies, ReadEverySentenceOnceAndKeepToTheWindow) {
    Document d = book();
    for (uint64_t parameters : {135'000'000ull, 1'700'000'000ull, 8'000'000'000ull})
        for (uint64_t window : {1300ull, 4096ull})
            for (Strategy strategy : kInParts) {
                SCOPED_TRACE(
                    std::format("{} of {} in {}", strategyName(strategy), parameters, window));
                DigestingModel model = modelOf(parameters, window);
                ResultsInMemory store;
                SummaryOptions options = with(strategy);
                Result result = run(d, model, store, options);
                EXPECT_FALSE(result.summary.sentences.empty());
                EXPECT_EQ(repeatedPhrases(result.summary), 0u);
                for (size_t call = 0; call < model.prompts.size(); ++call)
                    EXPECT_LE(model.prompt_tokens[call] + model.reply_limits[call], window);
                for (const document::Sentence &s : document::splitSentences(d)) {
                    size_t reading = 0;
                    for (const Step &step : result.plan.steps)
                        reading += step.end > 0 && step.start <= s.start && s.end <= step.end;
                    EXPECT_EQ(reading, 1u) << d.span(s.start, s.end);
                    std::set<std::string> prompts;
                    for (const std::string &prompt : model.prompts)
                        if (prompt.contains(d.span(s.start, s.end)))
                            prompts.insert(prompt);
                    EXPECT_GE(prompts.size(), 1u);
                }
            }
}

/// A store that forgets a result, as one does that has grown too large.
class ForgettingStore final : public document::ResultStore {
  public:
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override {
        return inner.find(kind, key);
    }
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override {
        if (kept++ != forgets)
            inner.keep(kind, key, bytes);
    }
    void keepAll(std::string_view kind, std::span<const Item> items) override {
        for (const Item &item : items)
            keep(kind, item.key, item.bytes);
    }
    size_t forgets = SIZE_MAX, kept = 0;
    ResultsInMemory inner;
};

TEST(Strategies, RepliesThatDoNotNeedEachOtherAreWrittenTogether) {
    Document d = book();
    for (uint64_t parameters : {135'000'000ull, 8'000'000'000ull})
        for (Strategy strategy : kInParts) {
            SCOPED_TRACE(std::format("{} of {}", strategyName(strategy), parameters));
            DigestingModel one_by_one = modelOf(parameters, 6000);
            DigestingModel model = modelOf(parameters, 6000), again = model;
            model.together = again.together = true;
            ResultsInMemory first;
            Result alone = run(d, one_by_one, first, with(strategy));
            ForgettingStore store;
            Result result = run(d, model, store, with(strategy));
            EXPECT_EQ(result.plan.calls(), model.prompts.size());
            EXPECT_EQ(result.plan.expectedCalls(), model.prompts.size());
            EXPECT_EQ(result.summary.calls(), model.prompts.size());
            bool chain = strategy == Strategy::refine; // each step needs the one before
            EXPECT_EQ(model.groups.empty(), chain);
            for (size_t group : model.groups) {
                EXPECT_GT(group, 1u);
                EXPECT_LE(group, 32u);
            }
            if (parameters > 1'000'000'000) {
                EXPECT_EQ(texts(result.summary), texts(alone.summary));
            }
            // Found again, nothing is called.
            Result kept = run(d, again, store, with(strategy));
            EXPECT_TRUE(again.prompts.empty());
            EXPECT_EQ(texts(kept.summary), texts(result.summary));
            EXPECT_EQ(kept.summary.keptCalls(), kept.summary.calls());
            // Where one of a group is missing, it alone is written again.
            ForgettingStore holey;
            holey.forgets = 1;
            DigestingModel before = modelOf(parameters, 6000), after = before;
            before.together = after.together = true;
            run(d, before, holey, with(strategy));
            Result mended = run(d, after, holey, with(strategy));
            EXPECT_EQ(after.prompts.size(), 1u);
            EXPECT_EQ(texts(mended.summary), texts(result.summary));
        }
}

TEST(Strategies, ThePlanIsWhatIsRun) {
    Document d = book();
    for (Strategy strategy : kInParts) {
        SCOPED_TRACE(strategyName(strategy));
        DigestingModel model = modelOf(3'000'000'000, 4096);
        ResultsInMemory store;
        Result result = run(d, model, store, with(strategy));
        EXPECT_EQ(result.plan.calls(), model.prompts.size());
        EXPECT_EQ(result.plan.expectedCalls(), model.prompts.size());
        EXPECT_EQ(result.summary.calls(), model.prompts.size());
        EXPECT_EQ(result.summary.keptCalls(), 0u);
        for (size_t i = 0; i < result.plan.steps.size(); ++i) {
            const Step &step = result.plan.steps[i];
            EXPECT_EQ(result.summary.steps[i].level, step.level);
            if (step.level == 0) { // titles and the number of words are a few tokens
                EXPECT_NEAR(static_cast<double>(step.prompt_tokens),
                            static_cast<double>(model.prompt_tokens[i]), 12);
            }
        }
        EXPECT_EQ(result.summary.strategy, strategy);
        EXPECT_EQ(result.summary.steps.back().start, 0u);
        EXPECT_GE(result.summary.steps.back().end + 2, d.text.size());
    }
    // A very small model may need fewer tries than it has, and no more.
    DigestingModel small = modelOf(135'000'000, 4096);
    ResultsInMemory store;
    Result result = run(d, small, store, with(Strategy::map_reduce));
    EXPECT_LE(small.prompts.size(), result.plan.calls());
    EXPECT_GE(small.prompts.size(), result.plan.steps.size());
}

TEST(Strategies, GiveSentencesWithSourcesAsTheyCome) {
    Document d = book();
    for (uint64_t parameters : {135'000'000ull, 3'000'000'000ull})
        for (Strategy strategy : kInParts) {
            DigestingModel model = modelOf(parameters, 4096);
            ResultsInMemory store;
            std::vector<std::string> told;
            Result result = run(d, model, store, with(strategy), {}, &told);
            EXPECT_EQ(told, texts(result.summary));
            for (const SourcedSentence &sentence : result.summary.sentences) {
                bool copied = d.text.contains(sentence.text);
                EXPECT_EQ(sentence.supported, copied) << sentence.text;
                EXPECT_EQ(sentence.sources.empty(), !sentence.supported);
                for (const Source &source : sentence.sources)
                    EXPECT_EQ(d.span(source.start, source.end), sentence.text);
            }
            if (parameters < kBelievedParameters) { // what has no source is left out
                for (const SourcedSentence &sentence : result.summary.sentences)
                    EXPECT_TRUE(sentence.supported);
            }
        }
}

/// A run that is stopped while call `stopped_at` is made, and then started again.
void expectToGoOn(const Document &d, uint64_t parameters, Strategy strategy) {
    SCOPED_TRACE(std::format("{} of {}", strategyName(strategy), parameters));
    SummaryOptions options = with(strategy);
    DigestingModel model = modelOf(parameters, 4096);
    ResultsInMemory untouched;
    std::vector<std::string> whole = texts(run(d, model, untouched, options).summary);
    size_t calls = model.prompts.size();
    for (size_t stopped_at = 0; stopped_at < calls; ++stopped_at) {
        ResultsInMemory store;
        DigestingModel first = modelOf(parameters, 4096), second = modelOf(parameters, 4096);
        std::stop_source stop;
        first.before_call = [&](size_t call) {
            if (call == stopped_at)
                stop.request_stop();
        };
        Result stopped = run(d, first, store, options, stop.get_token());
        ASSERT_TRUE(stopped.summary.stopped) << stopped_at;
        ASSERT_EQ(first.prompts.size(), stopped_at + 1);
        Result result = run(d, second, store, options);
        EXPECT_FALSE(result.summary.stopped);
        EXPECT_EQ(texts(result.summary), whole) << stopped_at;
        EXPECT_EQ(second.prompts.size(), calls - stopped_at);
        EXPECT_EQ(result.summary.keptCalls(), stopped_at);
        EXPECT_EQ(result.summary.calls(), calls);
    }
    model.prompts.clear();
    EXPECT_EQ(texts(run(d, model, untouched, options).summary), whole);
    EXPECT_TRUE(model.prompts.empty()) << "all of it was kept";
}

TEST(Strategies, AStoppedRunGoesOn) {
    Document d = book();
    for (Strategy strategy : kInParts)
        for (uint64_t parameters : {135'000'000ull, 8'000'000'000ull})
            expectToGoOn(d, parameters, strategy);
}

TEST(Strategies, AnErrorKeepsWhatWasFinished) {
    Document d = book();
    DigestingModel model = modelOf(3'000'000'000, 4096);
    ResultsInMemory store;
    model.before_call = [](size_t call) {
        if (call == 5)
            fail(ErrorKind::device, "the device is lost");
    };
    EXPECT_EQ(errorOf(ErrorKind::device, [&] { run(d, model, store, with(Strategy::map_reduce)); }),
              "the device is lost");
    model.before_call = {};
    model.prompts.clear();
    Result result = run(d, model, store, with(Strategy::map_reduce));
    EXPECT_EQ(result.summary.keptCalls(), 5u);
}

/// What an earlier run kept, and what is kept now, which leaves the first as it is. May break once.
class ResultsOver final : public document::ResultStore {
  public:
    explicit ResultsOver(const ResultStore &below) : below_(below) {}
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override {
        auto own = own_.find(kind, key);
        return own ? own : below_.find(kind, key);
    }
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override {
        count();
        own_.keep(kind, key, bytes);
    }
    void keepAll(std::string_view kind, std::span<const Item> items) override {
        count();
        own_.keepAll(kind, items);
    }
    size_t breaks_at = SIZE_MAX, keeps = 0;

  private:
    void count() {
        if (keeps++ == breaks_at)
            fail(ErrorKind::file, "the disk is full");
    }

    const ResultStore &below_;
    ResultsInMemory own_;
};

/// Whoever is written together decides on the replies: a run that was stopped at any call, or broke
/// while it kept a group, ends with the same text when it goes on, that of a changed text too.
TEST(Strategies, AStoppedRunGoesOnWithTheSameGroups) {
    Document before = book(), after = book(32);
    for (auto [parameters, changes] :
         {std::pair{135'000'000ull, true}, {3'000'000'000ull, true}, {3'000'000'000ull, false}}) {
        SCOPED_TRACE(std::format("{}, {}", parameters, changes ? "changed" : "new"));
        DigestingModel model = modelOf(parameters, 4096);
        model.together = model.shows_group = true;
        ResultsInMemory first;
        if (changes)
            run(before, model, first, with(Strategy::tree));
        auto changed = [&](document::ResultStore &store, std::stop_token stop = {}) {
            model.prompts.clear();
            model.groups.clear();
            return run(after, model, store, with(Strategy::tree), std::move(stop));
        };
        ResultsOver undisturbed(first);
        std::vector<std::string> whole = texts(changed(undisturbed).summary);
        size_t calls = model.prompts.size();
        ASSERT_GE(calls, 2u);
        for (size_t stopped_at = 0; stopped_at < calls; ++stopped_at) {
            ResultsOver store(first);
            std::stop_source stop;
            model.before_call = [&](size_t call) {
                if (call == stopped_at)
                    stop.request_stop();
            };
            EXPECT_TRUE(changed(store, stop.get_token()).summary.stopped);
            model.before_call = {};
            EXPECT_EQ(texts(changed(store).summary), whole) << stopped_at;
        }
        for (size_t breaks_at = 0; breaks_at < undisturbed.keeps; ++breaks_at) {
            ResultsOver store(first);
            store.breaks_at = breaks_at;
            errorOf(ErrorKind::file, [&] { changed(store); });
            store.breaks_at = SIZE_MAX;
            EXPECT_EQ(texts(changed(store).summary), whole) << breaks_at;
        }
    }
}

TEST(Strategies, AChangedSectionRedoesOnlyItsBranch) {
    Document before = book(), after = book(32);
    for (auto [parameters, together] : {std::pair{135'000'000ull, false},
                                        {3'000'000'000ull, false},
                                        {135'000'000ull, true},
                                        {3'000'000'000ull, true}}) {
        SCOPED_TRACE(std::format("{}, {}", parameters, together ? "together" : "one by one"));
        DigestingModel model = modelOf(parameters, 4096);
        model.together = together;
        ResultsInMemory store;
        Result first = run(before, model, store, with(Strategy::tree));
        model.prompts.clear();
        Result second = run(after, model, store, with(Strategy::tree));
        ASSERT_EQ(first.plan.steps.size(), second.plan.steps.size());
        size_t changed_at = after.text.find("Section 3.2"), next = after.text.find("Section 3.3");
        for (const StepFacts &step : second.summary.steps) {
            bool of_branch = step.start < next && step.end > changed_at;
            if (!of_branch) {
                EXPECT_EQ(step.kept, step.calls) << step.start << " to " << step.end;
            }
        }
        EXPECT_LT(model.prompts.size(), second.summary.calls() / 2);
        EXPECT_GT(model.prompts.size(), 0u);
        // The parts of map-reduce know nothing of each other, either.
        run(before, model, store, with(Strategy::map_reduce));
        model.prompts.clear();
        Result mapped = run(after, model, store, with(Strategy::map_reduce));
        for (const StepFacts &step : mapped.summary.steps)
            if (step.level == 0 && (step.start >= next || step.end <= changed_at)) {
                EXPECT_EQ(step.kept, step.calls) << step.start << " to " << step.end;
            }
    }
}

/// The same steps, those of one level in the opposite order.
Plan turnedAround(const Plan &plan) {
    Plan turned = plan;
    std::vector<size_t> order(plan.steps.size()), place(plan.steps.size());
    for (size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::ranges::stable_sort(order, [&](size_t a, size_t b) {
        const Step &first = plan.steps[a], &second = plan.steps[b];
        return first.level != second.level ? first.level < second.level : a > b;
    });
    for (size_t i = 0; i < order.size(); ++i)
        place[order[i]] = i;
    for (size_t i = 0; i < order.size(); ++i) {
        turned.steps[i] = plan.steps[order[i]];
        for (size_t &input : turned.steps[i].inputs)
            input = place[input];
    }
    for (size_t &step : turned.result)
        step = place[step];
    return turned;
}

TEST(Strategies, TheOrderOfIndependentCallsDoesNotMatter) {
    Document d = book();
    for (uint64_t parameters : {135'000'000ull, 3'000'000'000ull})
        for (Strategy strategy : {Strategy::map_reduce, Strategy::tree}) {
            DigestingModel model = modelOf(parameters, 4096);
            SummaryOptions options = with(strategy);
            Plan plan = planSummary(d, &model, options);
            ResultsInMemory one, other;
            Summary forwards = runPlan(d, plan, options, {.model = model, .store = one}, {});
            std::vector<std::string> first = model.prompts;
            model.prompts.clear();
            Summary backwards =
                runPlan(d, turnedAround(plan), options, {.model = model, .store = other}, {});
            EXPECT_NE(model.prompts, first);
            EXPECT_EQ(std::multiset<std::string>(first.begin(), first.end()),
                      std::multiset<std::string>(model.prompts.begin(), model.prompts.end()));
            EXPECT_EQ(texts(forwards), texts(backwards));
        }
}

} // namespace
} // namespace longscope::reading
