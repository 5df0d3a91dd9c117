// The strategies with a model that digests: what is called, in which order, how often, and that a
// run goes on where it was stopped.
#include "compute/reading/strategies/strategies.h"

#include "compute/reading/summarize.h"
#include "compute/reading/words.h"
#include "tests/support/digesting_model.h"
#include "tests/support/errors.h"
#include "tests/support/made_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace longscope::reading {
namespace {

using document::Document;
using document::ResultsInMemory;
using testing::DigestingModel;
using testing::madeSection;

constexpr Strategy kInParts[] = {Strategy::map_reduce, Strategy::refine, Strategy::tree};

std::string sections(uint64_t changed = 0) {
    std::string text;
    for (uint64_t chapter = 1; chapter <= 4; ++chapter) {
        text += madeSection("Chapter " + std::to_string(chapter), 1, 10'000 * chapter, 1);
        for (uint64_t section = 1; section <= 3; ++section) {
            uint64_t first = 10'000 * chapter + 1000 * section;
            bool other = changed == 10 * chapter + section;
            text +=
                madeSection("Section " + std::to_string(chapter) + "." + std::to_string(section), 2,
                            first + (other ? 500 : 0), 15);
        }
    }
    return text;
}

Document book(uint64_t changed = 0) {
    return document::importText(sections(changed), "book.md", true);
}

struct Result {
    Plan plan;
    Summary summary;
};

Result run(const Document &d, DigestingModel &model, document::ResultStore &store,
           const SummaryOptions &options, std::stop_token stop = {},
           std::vector<std::string> *told = nullptr) {
    Result result{.plan = planSummary(d, &model, options), .summary = {}};
    Run with{.model = model, .store = store, .stop = std::move(stop)};
    with.on_sentence = [told](const SourcedSentence &sentence) {
        if (told)
            told->push_back(sentence.text);
    };
    result.summary = runPlan(d, result.plan, options, with, {});
    return result;
}

SummaryOptions with(Strategy strategy) {
    SummaryOptions options;
    options.strategy = strategy;
    return options;
}

std::vector<std::string> texts(const Summary &summary) {
    std::vector<std::string> out;
    for (const SourcedSentence &sentence : summary.sentences)
        out.push_back(sentence.text);
    return out;
}

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

DigestingModel modelOf(uint64_t parameters, uint64_t window) {
    DigestingModel model;
    model.parameters = parameters;
    model.window_tokens = window;
    return model;
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

TEST(Strategies, AChangedSectionRedoesOnlyItsBranch) {
    Document before = book(), after = book(32);
    for (uint64_t parameters : {135'000'000ull, 3'000'000'000ull}) {
        SCOPED_TRACE(parameters);
        DigestingModel model = modelOf(parameters, 4096);
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

TEST(Strategies, RefineIsOneChainInTheOrderOfTheText) {
    Document d = book();
    DigestingModel model = modelOf(3'000'000'000, 4096);
    ResultsInMemory store;
    Result result = run(d, model, store, with(Strategy::refine));
    ASSERT_GE(result.plan.steps.size(), 5u);
    size_t end = 0;
    for (size_t i = 0; i < result.plan.steps.size(); ++i) {
        const Step &step = result.plan.steps[i];
        EXPECT_GE(step.start, end);
        end = step.end;
        EXPECT_EQ(step.inputs, i == 0 ? std::vector<size_t>{} : std::vector<size_t>{i - 1});
        if (i > 0) { // the summary before stands in the prompt
            EXPECT_TRUE(model.prompts[i].contains(result.summary.steps[i - 1].sentences.front()));
        }
    }
}

TEST(Strategies, TreeFollowsTheOutline) {
    Document d = book();
    DigestingModel model = modelOf(3'000'000'000, 4096);
    Plan plan = planSummary(d, &model, with(Strategy::tree));
    // No step, joined ones included, reads parts of two chapters, but for the last.
    std::vector<std::pair<size_t, size_t>> spans;
    size_t crossing = 0;
    for (const Step &step : plan.steps) {
        std::pair<size_t, size_t> span{step.end > 0 ? step.start : SIZE_MAX, step.end};
        for (size_t input : step.inputs)
            span = {std::min(span.first, spans[input].first),
                    std::max(span.second, spans[input].second)};
        spans.push_back(span);
        for (const document::Heading &heading : d.headings)
            crossing +=
                heading.level == 1 && heading.start > span.first && heading.start < span.second;
    }
    EXPECT_EQ(crossing, 3u) << "the last one joins four chapters";
    std::set<std::string> titles;
    for (const Step &step : plan.steps)
        titles.insert(step.title);
    for (const char *title : {"Chapter 1", "Section 2.3", "Section 4.1"})
        EXPECT_TRUE(titles.contains(title)) << title;
}

TEST(Strategies, NoneOneAndExactlyFittingParts) {
    DigestingModel model = modelOf(3'000'000'000, 4096);
    ResultsInMemory store;
    Document one =
        document::importText("# One\n\nThe only sentence of it is here.\n", "a.md", true);
    for (Strategy strategy : kInParts) {
        model.prompts.clear();
        Result result = run(one, model, store, with(strategy));
        EXPECT_EQ(result.plan.calls(), 1u);
        EXPECT_EQ(result.plan.steps[0].kind, StepKind::whole);
        EXPECT_EQ(result.summary.sentences.size(), 1u);
    }
    Document blank; // no importer gives one
    blank.text = "\n \n";
    for (Strategy strategy : {Strategy::map_reduce, Strategy::tree}) {
        Result result = run(blank, model, store, with(strategy));
        EXPECT_EQ(result.plan.calls(), 0u);
        EXPECT_TRUE(result.summary.sentences.empty());
    }
    // Whole: with the tokens it needs, and with one fewer.
    Document d = book();
    SummaryOptions whole = with(Strategy::whole);
    model.window_tokens = 1'000'000;
    Plan plan = planSummary(d, &model, whole);
    model.window_tokens = plan.steps[0].prompt_tokens + plan.steps[0].most_tokens;
    EXPECT_EQ(run(d, model, store, whole).summary.calls(), 1u);
    EXPECT_EQ(planSummary(d, &model, with(Strategy::automatic)).strategy, Strategy::whole);
    --model.window_tokens;
    std::string refused = errorOf(ErrorKind::model, [&] { planSummary(d, &model, whole); });
    EXPECT_TRUE(holds(refused, std::to_string(model.window_tokens))) << refused;
    EXPECT_TRUE(holds(refused, std::to_string(model.window_tokens + 1))) << refused;
}

TEST(Strategies, AutoSaysWhy) {
    Document d = book();
    DigestingModel model = modelOf(135'000'000, 4096);
    SummaryOptions options;
    Plan plan = planSummary(d, &model, options);
    EXPECT_EQ(plan.strategy, Strategy::extract);
    EXPECT_TRUE(holds(plan.reason, "135 million")) << plan.reason;
    EXPECT_EQ(planSummary(d, nullptr, options).strategy, Strategy::extract);
    model.parameters = 3'000'000'000;
    plan = planSummary(d, &model, options);
    EXPECT_EQ(plan.strategy, Strategy::tree);
    EXPECT_TRUE(holds(plan.reason, "outline") && holds(plan.reason, "4096")) << plan.reason;
    std::string flat;
    for (uint64_t i = 0; i < 600; ++i)
        flat += testing::madeSentence(i) + (i % 5 == 4 ? "\n\n" : " ");
    Document without = document::importText(flat, "flat.txt", false);
    EXPECT_EQ(planSummary(without, &model, options).strategy, Strategy::map_reduce);
    model.window_tokens = 100'000;
    plan = planSummary(d, &model, options);
    EXPECT_EQ(plan.strategy, Strategy::whole);
    EXPECT_TRUE(holds(plan.reason, "100000")) << plan.reason;
    EXPECT_FALSE(hasOutline(without));
    EXPECT_TRUE(hasOutline(d));
}

TEST(Strategies, AWindowTooSmallIsRefusedWithNumbers) {
    Document d = book();
    DigestingModel model = modelOf(3'000'000'000, 200);
    for (Strategy strategy : kInParts) {
        std::string refused =
            errorOf(ErrorKind::model, [&] { planSummary(d, &model, with(strategy)); });
        EXPECT_TRUE(holds(refused, "200")) << refused;
    }
    EXPECT_EQ(errorOf(ErrorKind::usage, [&] { planSummary(d, nullptr, with(Strategy::tree)); }),
              "no model is loaded");
}

TEST(Strategies, TheUsersWishesAreInEveryPrompt) {
    Document d = book();
    for (uint64_t parameters : {135'000'000ull, 3'000'000'000ull})
        for (Strategy strategy : kInParts) {
            DigestingModel model = modelOf(parameters, 4096);
            ResultsInMemory store;
            SummaryOptions options = with(strategy);
            options.wording.language = "German";
            options.wording.instruction = "Stress the harbours.";
            options.wording.style = Style::bullets;
            run(d, model, store, options);
            for (const std::string &prompt : model.prompts) {
                EXPECT_TRUE(prompt.ends_with("Write in German. Stress the harbours.")) << prompt;
                EXPECT_FALSE(prompt.contains("Use the words"));
            }
        }
}

TEST(Forecast, ComesFromKnownSpeedsAndIsCorrected) {
    Document d = book();
    DigestingModel model = modelOf(3'000'000'000, 4096);
    ResultsInMemory store;
    EXPECT_FALSE(Speeds().known());
    Speeds measured = speedsOf(model, store, {});
    EXPECT_TRUE(measured.known());
    EXPECT_EQ(model.prompts.size(), 1u);
    // The model says 1 ms for a token read and 10 for one written.
    EXPECT_NEAR(measured.seconds(0, 150, 0), 0.15, 0.02);
    EXPECT_NEAR(measured.seconds(150, 0, 20), 0.2, 0.03);
    Plan plan = planSummary(d, &model, with(Strategy::map_reduce));
    double expected = 0.001 * static_cast<double>(plan.promptTokens()) +
                      0.01 * static_cast<double>(plan.writtenTokens());
    // Deeper than what was measured, a token is expected to cost more.
    EXPECT_GT(forecastSeconds(plan, measured), expected);
    EXPECT_LT(forecastSeconds(plan, measured), 1.4 * expected);
    Forecast forecast(plan, measured);
    EXPECT_NEAR(forecast.before(), forecastSeconds(plan, measured), 1e-9);
    // Calls twice as slow as the first one said: after a tenth the rest is forecast from them.
    size_t tenth = plan.steps.size() / 10 + 1;
    for (size_t i = 0; i < tenth; ++i) {
        forecast.began(i);
        TextReply reply{.text = "",
                        .prompt_tokens = plan.steps[i].prompt_tokens,
                        .written_tokens = plan.steps[i].written_tokens / 2};
        reply.prompt_seconds = 0.002 * static_cast<double>(reply.prompt_tokens);
        reply.write_seconds = 0.02 * static_cast<double>(reply.written_tokens);
        forecast.called(reply, reply.prompt_seconds + reply.write_seconds, false);
        forecast.ended();
    }
    forecast.began(tenth);
    double rest = 0;
    for (size_t i = tenth; i < plan.steps.size(); ++i)
        rest += 0.002 * static_cast<double>(plan.steps[i].prompt_tokens) +
                0.02 * static_cast<double>(plan.steps[i].written_tokens) / 2;
    Progress now = forecast.progress({.label = "reading", .unit = "tokens"});
    EXPECT_NEAR(now.remaining_s, rest, 0.3 * rest);
    EXPECT_TRUE(holds(now.unit, std::format("(call {} of {})", tenth + 1, plan.steps.size())))
        << now.unit;
    keepSpeeds(model, store, forecast.speeds());
    model.prompts.clear();
    EXPECT_NEAR(speedsOf(model, store, {}).seconds(0, 1000, 0), 2, 0.6);
    EXPECT_TRUE(model.prompts.empty()) << "speeds are kept";
    EXPECT_FALSE(Speeds::fromText("{}").known());
    EXPECT_FALSE(Speeds::fromText("nonsense").known());
}

} // namespace
} // namespace longscope::reading
