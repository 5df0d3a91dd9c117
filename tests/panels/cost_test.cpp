// The panel of costs: its figures against the formulas, sweeps, and the guess before the answer.
#include "tests/panels/lab_stage.h"

#include "app/desk/cost_layers.h"
#include "compute/attention/plan.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"
#include "ui/panels/cost.h"
#include "ui/widgets/quantity.h"

#include <gtest/gtest.h>
#include <implot.h>
#include <implot_internal.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<CostPanel>;

TEST(Quantities, AreShortAndHaveUnits) {
    EXPECT_EQ(countText(8192), "8,192");
    EXPECT_EQ(countText(8'390'656), "8.39 million");
    EXPECT_EQ(secondsText(0.0123), "12.3 ms");
    EXPECT_EQ(secondsText(3.4), "3.4 s");
    EXPECT_EQ(secondsText(125), "2 min 5 s");
    EXPECT_EQ(secondsText(7500), "2 h 5 min");
    EXPECT_EQ(flopsText(1.234e12), "1.23 TFLOP");
    EXPECT_EQ(byteText(98'400'000), "98.4 MB");
    EXPECT_EQ(percentText(0.243), "24 %");
    EXPECT_EQ(percentText(0.0004), "under 0.1 %");
    EXPECT_EQ(shortNumber(99.97), "100");
}

TEST(CostCurves, FollowTheFormulas) {
    const Cost cost = sample::makeLabSnapshot().cost;
    CostFigures full = costOf(cost, *readSpec("full"), 1000);
    EXPECT_DOUBLE_EQ(full.pairs, 1000 * 1001 / 2.0);
    const attention::ModelShape &shape = cost.kinds[0].shape;
    EXPECT_DOUBLE_EQ(full.bytes,
                     1000.0 * cost.layers() * 2 * 2 * shape.kv_heads * shape.head_dim_padded);
    EXPECT_NEAR(*full.seconds,
                1000 * cost.token_flops / cost.linear_flops_per_second +
                    full.pairs * cost.pair_seconds,
                1e-9);
    CostFigures window = costOf(cost, *readSpec("window:100"), 1000);
    EXPECT_DOUBLE_EQ(window.bytes, full.bytes / 10);
    // Linear attention: the state does not grow.
    CostFigures few = costOf(cost, *readSpec(kLinearAttention), 100);
    CostFigures many = costOf(cost, *readSpec(kLinearAttention), 100'000);
    EXPECT_DOUBLE_EQ(few.bytes, many.bytes);
    EXPECT_DOUBLE_EQ(few.bytes, 4.0 * cost.layers() * shape.heads * 64 * 64);

    Cost unknown = cost;
    unknown.linear_flops_per_second = unknown.pair_seconds = 0;
    EXPECT_EQ(speedKind(unknown), SpeedKind::peak);
    EXPECT_NEAR(*costOf(unknown, *readSpec("full"), 1000).seconds,
                full.flops / unknown.flops_per_second, 1e-9);
    unknown.flops_per_second = 0;
    EXPECT_FALSE(costOf(unknown, *readSpec("full"), 1000).seconds);
}

/// The panel's figures of a model are the engine's own, whatever its layers are.
TEST(CostCurves, AreTheEnginesOwnForEveryKindOfLayer) {
    for (const char *architecture : {"qwen35", "falcon-h1", "mamba2", "lfm2", "gemma3", "llama"}) {
        longscope::testing::TemporaryModel made(longscope::testing::makeFamily(
            architecture, longscope::testing::findVariant(architecture, "bare")));
        const model::Gguf file = model::Gguf::open(made.path());
        engine::ModelPlan plan{
            .config = model::readConfig(file), .tiling = {}, .weights = {}, .read_bytes = 0};
        plan.tiling.chunk_tokens = 64;
        Cost cost;
        app::describeCosts(plan, cost);
        EXPECT_EQ(cost.layers(), plan.config.layers) << architecture;
        for (const char *spec : {"full", "window:16", "mixed:window:16#0|full", "shifted:16"})
            for (uint64_t tokens : {1U, 50U, 200U}) {
                const CostFigures figures = costOf(cost, *readSpec(spec), tokens);
                engine::SessionOptions options{.context_tokens = tokens};
                const std::string words = spec;
                options.patterns = attention::LayerPatterns(std::span(&words, 1));
                EXPECT_DOUBLE_EQ(figures.flops, engine::readingWork(plan, options, 0, tokens).flops)
                    << architecture << " " << spec << " " << tokens;
                EXPECT_DOUBLE_EQ(figures.pairs, engine::headPairs(plan, options, tokens).mean)
                    << architecture << " " << spec << " " << tokens;
            }
        // What full attention keeps of 200 tokens, and the states.
        const engine::SessionPlan session = engine::planSession(plan, {.context_tokens = 200});
        double bytes = 0;
        for (uint32_t layer = 0; layer < plan.config.layers; ++layer) {
            const uint64_t window = plan.config.layer[layer].window;
            const uint64_t kept = window > 0 ? std::min<uint64_t>(window, 200) : 200;
            if (session.layer_tokens[layer] > 0)
                bytes += static_cast<double>(session.layer_bytes[layer]) *
                         static_cast<double>(kept) /
                         static_cast<double>(session.layer_tokens[layer]);
            bytes += static_cast<double>(session.layer_state_bytes[layer]);
        }
        EXPECT_NEAR(costOf(cost, *readSpec("full"), 200).bytes, bytes, 1e-6 * bytes)
            << architecture;
    }
}

TEST(CostCurves, OfAModelThatDoesNotAttendAreOne) {
    Cost cost = sample::makeLabSnapshot().cost;
    cost.kinds = {{.count = 12,
                   .shape = {},
                   .own_pattern = {},
                   .cache_token_bytes = 0,
                   .state_bytes = 1'000'000}};
    cost.dots.clear();
    CostCurves curves;
    const std::vector<CostCurve> &made = curves.update(cost, "window:77");
    ASSERT_EQ(made.size(), 1u);
    EXPECT_EQ(made[0].label, "recurrent layers");
    const auto &bytes = made[0].values[static_cast<size_t>(CostOf::bytes)];
    EXPECT_DOUBLE_EQ(bytes.front(), 12e6);
    EXPECT_DOUBLE_EQ(bytes.back(), 12e6);
}

TEST(CostPanel, TellsHowManyLayersAttend) {
    Stage stage;
    CostLayers attends = stage.snapshot.cost.kinds[0], recurs;
    attends.count = 3;
    recurs.count = 9;
    recurs.state_bytes = 2'000'000;
    stage.snapshot.cost.kinds = {recurs, attends};
    Harness harness(stage.client());
    harness.run("kinds", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        std::string text = stage.text(ctx);
        EXPECT_NE(text.find("3 of 12 layers attend; the states of the 9 that recur take 18 MB"),
                  std::string::npos)
            << text;
        keepPicture(harness.picture(ctx, "Cost"), "cost_hybrid");
        recurs.count = 12;
        stage.snapshot.cost.kinds = {recurs};
        stage.snapshot.cost.dots.clear();
        ctx->Yield(2);
        text = stage.text(ctx);
        EXPECT_NE(text.find("No layer of this model attends"), std::string::npos) << text;
        ctx->ItemClick("//Cost/Pairs"); // all of them 0
        ctx->Yield(3);
        ctx->ItemClick("//Cost/Memory (keys and values)");
        ctx->Yield(3);
        keepPicture(harness.picture(ctx, "Cost"), "cost_recurrent");
    });
}

TEST(CostCurves, AreMadeOnceForAModel) {
    Cost cost = sample::makeLabSnapshot().cost;
    CostCurves curves;
    const double *first = curves.update(cost, "full")[0].tokens.data();
    EXPECT_EQ(curves.update(cost, "full")[0].tokens.data(), first);
    EXPECT_EQ(curves.update(cost, "full").size(), taughtSpecs().size() + 1);
    EXPECT_EQ(curves.update(cost, "window:77").size(), taughtSpecs().size() + 2);
    double before = curves.update(cost, "full")[0].values[0].back();
    cost.pair_seconds *= 2;
    EXPECT_GT(curves.update(cost, "full")[0].values[0].back(), before);
}

TEST(CostPanel, SaysWhatIsMissing) {
    Stage stage;
    stage.snapshot.cost = {};
    Harness harness(stage.client());
    harness.run("nothing", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        EXPECT_FALSE(isThere(ctx, "//Cost/**/Tokens"));
        stage.snapshot.cost = sample::makeLabSnapshot().cost;
        stage.snapshot.cost.linear_flops_per_second = stage.snapshot.cost.pair_seconds = 0;
        stage.snapshot.cost.flops_per_second = 0;
        stage.snapshot.cost.dots.clear();
        ctx->Yield(3); // a sentence in place of the curves of time
        EXPECT_FALSE(isThere(ctx, "//Cost/**/full##curve"));
        ctx->SetRef("//Cost");
        ctx->ItemClick("Pairs");
        ctx->Yield(2);
        EXPECT_TRUE(isThere(ctx, "full##curve"));
    });
}

TEST(CostPanel, SweepsWhatWasChosen) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("sweep", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Cost");
        ctx->Yield(2);
        ctx->ItemClick("**/Sweep");
        ctx->Yield(2);
        ctx->ItemUncheck("**/full"); // two are chosen to begin with
        ctx->ItemUncheck("**/window:1024");
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Run sweep"));
        ctx->ItemCheck("**/full");
        ctx->ItemCheck("**/strided:128");
        ctx->ItemInputValue("**/Longest", 4096);
        ctx->ItemInputValue("**/Lengths", 3);
        ctx->ItemClick("**/Run sweep");
        auto sweeps = stage.all<command::Sweep>();
        ASSERT_EQ(sweeps.size(), 1u);
        EXPECT_EQ(sweeps[0].attention, (std::vector<std::string>{"full", "strided:128"}));
        EXPECT_EQ(sweeps[0].tokens, (std::vector<uint64_t>{1024, 2048, 4096}));
        stage.snapshot.tasks = {{.id = 17, .title = "Sweep", .progress = {}, .running = true}};
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Run sweep"));
        ctx->ItemClick("**/Stop");
        ASSERT_EQ(stage.all<command::StopTask>().size(), 1u);
        EXPECT_EQ(stage.all<command::StopTask>()[0].task, 17u);
        stage.snapshot.tasks.clear();
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Cost"), "cost_sweep");
        ctx->ItemClick("**/Clear measured dots");
        EXPECT_EQ(stage.all<command::ClearSweep>().size(), 1u);
    });
}

/// Where a value lies in the panel's plot, on the screen.
ImVec2 pixelOf(double tokens, double value) {
    ImPlotPlot *plot = ImPlot::GetCurrentContext()->Plots.GetByIndex(0);
    return {plot->Axes[ImAxis_X1].PlotToPixels(tokens), plot->Axes[ImAxis_Y1].PlotToPixels(value)};
}
double valueAt(float y) {
    return ImPlot::GetCurrentContext()->Plots.GetByIndex(0)->Axes[ImAxis_Y1].PixelsToPlot(y);
}

TEST(CostPanel, GuessIsDraggedLockedRunAndCompared) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("predict", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Cost");
        ctx->Yield(2);
        ctx->ItemInputValue("Tokens", 2048);
        ctx->ItemClick("**/Predict first");
        ctx->Yield(3);
        EXPECT_FALSE(isThere(ctx, "full##curve")) << "the answer must not be visible";
        // The point begins in the middle of the axis; its number is on the slider.
        ImPlotPlot *plot = ImPlot::GetCurrentContext()->Plots.GetByIndex(0);
        const double middle = valueAt(plot->PlotRect.GetCenter().y);
        ctx->MouseMoveToPos(pixelOf(2048, middle));
        ctx->MouseDown(0);
        const ImVec2 target = pixelOf(2048, 3.0);
        ctx->MouseMoveToPos(target);
        ctx->MouseUp(0);
        ctx->Yield(2);
        EXPECT_NEAR(stage.panel.guess(), 3.0, 0.3);
        ctx->ItemClick("**/Lock my guess");
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Lock my guess"));
        EXPECT_TRUE(stage.all<command::Sweep>().empty());
        ctx->ItemClick("**/Run");
        auto sweeps = stage.all<command::Sweep>();
        ASSERT_EQ(sweeps.size(), 1u);
        EXPECT_EQ(sweeps[0].attention, std::vector<std::string>{"full"});
        EXPECT_EQ(sweeps[0].tokens, std::vector<uint64_t>{2048});
        EXPECT_FALSE(isThere(ctx, "**/##answer"));
        stage.snapshot.cost.dots.push_back({"full", 2048, 1.5, 2048 * 2049 / 2.0, 37'748'736});
        ctx->Yield(3);
        EXPECT_TRUE(isThere(ctx, "full##curve")) << "now the curves may be seen";
        keepPicture(harness.picture(ctx, "Cost"), "cost_predicted");
        ctx->ItemClick("**/Guess again");
        ctx->Yield(2);
        EXPECT_FALSE(isDisabled(ctx, "**/Lock my guess"));
        // Beyond the trained window nothing can be measured.
        ctx->ItemInputValue("Tokens", 30000);
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Lock my guess"));
    });
}

} // namespace
} // namespace longscope::tests
