// The plans of the strategies: their steps, the choice between them, and how long they will take.
#include "compute/reading/strategies/strategies.h"

#include "tests/support/errors.h"
#include "tests/support/strategy_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>

namespace longscope::reading {
namespace {

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

/// The characters of the text, without white space, that no step reads.
std::string unreadBy(const Plan &plan, const Document &d) {
    std::string unread;
    for (size_t at = 0; at < d.text.size(); ++at) {
        bool read = std::ranges::any_of(
            plan.steps, [&](const Step &step) { return step.start <= at && at < step.end; });
        if (!read && !std::string_view(" \t\n").contains(d.text[at]))
            unread += d.text[at];
    }
    return unread;
}

TEST(Strategies, TreeReadsAllOfTheText) {
    std::string structs, titles, nested = "# All\n\n## Top\n\n### Inner\n\n", mixed;
    for (uint64_t i = 0; i < 240; ++i) {
        structs +=
            std::format("struct Number{} {{ int first_value; double second_value_{}; }};\n", i, i);
        titles += std::format("{} A title without text {}\n\n", i % 3 == 0 ? "#" : "##", i);
        nested += testing::madeSentence(i) + (i % 5 == 4 ? "\n\n" : " ");
        mixed += i % 4 == 0 ? testing::madeSection(std::format("Part {}", i),
                                                   1 + static_cast<unsigned>(i % 3), 100 * i, 4)
                            : std::format("{} Nothing below {}\n\n", i % 2 ? "#" : "####", i);
    }
    nested += "## Left empty\n\n### And this\n";
    for (const auto &[text, path] : {std::pair(structs, "a.cpp"), std::pair(titles, "a.md"),
                                     std::pair(nested, "b.md"), std::pair(mixed, "c.md")})
        for (uint64_t parameters : {135'000'000ull, 3'000'000'000ull}) {
            Document d = document::importBytes(text, path);
            DigestingModel model = modelOf(parameters, 1200);
            Plan plan = planSummary(d, &model, with(Strategy::tree));
            EXPECT_GT(plan.steps.size(), 1u) << path;
            EXPECT_EQ(unreadBy(plan, d), "") << path << " with " << parameters;
        }
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
    model.window_tokens = UINT64_MAX; // a recurrent model's
    plan = planSummary(d, &model, options);
    EXPECT_EQ(plan.strategy, Strategy::whole);
    EXPECT_TRUE(holds(plan.reason, "any length")) << plan.reason;
    EXPECT_FALSE(hasOutline(without));
    EXPECT_TRUE(hasOutline(d));
}

TEST(Strategies, AStopEndsThePlanning) {
    std::string line;
    for (int i = 0; i < 100'000; ++i)
        line += "and on it goes ";
    for (const Document &d : {book(), document::importText(line, "line.txt", false)})
        for (Strategy strategy : kInParts) {
            SCOPED_TRACE(std::format("{} of {}", strategyName(strategy), d.path));
            DigestingModel model = modelOf(3'000'000'000, 4096);
            planSummary(d, &model, with(strategy));
            uint64_t all = model.counted;
            ASSERT_GT(all, 10u);
            for (uint64_t stopped_at : {uint64_t{0}, uint64_t{5}, all / 2}) {
                std::stop_source stop;
                model.counted = 0;
                model.on_count = [&](std::string_view) {
                    if (model.counted > stopped_at)
                        stop.request_stop();
                };
                if (stopped_at == 0)
                    stop.request_stop();
                errorOf(ErrorKind::stopped,
                        [&] { planSummary(d, &model, with(strategy), stop.get_token()); });
                EXPECT_LE(model.counted, stopped_at + 6); // and the frame of a prompt
                model.on_count = {};
            }
        }
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

TEST(Plans, ProgressDoesNotGoBackWhenACallFoundItsPromptKnown) {
    Document d = book();
    DigestingModel model = modelOf(7'000'000'000, 2048);
    Plan plan = planSummary(d, &model, with(Strategy::map_reduce));
    ASSERT_GT(plan.steps.size(), 3u);
    Forecast forecast(plan, {});
    auto shown = [&](std::string label, uint64_t done) {
        return forecast.progress({.label = std::move(label), .unit = "tokens", .done = done}).done;
    };
    forecast.began(0);
    EXPECT_EQ(shown("reading", 200), 200u);
    EXPECT_EQ(shown("writing", 7), 207u);
    EXPECT_EQ(shown("reading", 260), 267u) << "the next turn of those that are made together";
    EXPECT_EQ(shown("writing", 10), 270u);
    TextReply reply{.text = "", .prompt_tokens = 260, .reused_tokens = 50, .written_tokens = 10};
    forecast.called(reply, 1, false); // 220 were read and written
    forecast.ended();
    forecast.began(1);
    EXPECT_EQ(shown("reading", 10), 270u);
    EXPECT_EQ(shown("reading", 80), 300u);
    forecast.called(reply, 1, true); // which was kept: nothing was done
    EXPECT_EQ(shown("reading", 10), 300u);
}

} // namespace
} // namespace longscope::reading
