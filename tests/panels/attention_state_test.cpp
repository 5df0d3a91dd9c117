// The attention panel on models with recurrent layers: the list of layers, and what is shown of
// those that have no map. Over a made-up snapshot, and over the real desk with a small random
// model.
#include "tests/desk/instruments.h"
#include "tests/panels/lab_stage.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include "ui/panels/attention.h"
#include "ui/panels/attention_layers.h"

#include <gtest/gtest.h>

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>
#include <format>
#include <limits>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<AttentionPanel>;

constexpr uint32_t kValueHeads = 16, kKeys = 128;

RecurrentLayers deltaNet(uint32_t layers) {
    return {.layers = layers,
            .state_bytes = 4 * (3 * 4096 + kValueHeads * 128 * kKeys),
            .copies = 3,
            .heads = kValueHeads,
            .head_dim = 128,
            .keys = kKeys,
            .history_tokens = 3,
            .history_channels = 4096};
}

std::shared_ptr<const DecayTable> makeDecay(const Model &model, uint64_t tokens) {
    auto table = std::make_shared<DecayTable>();
    table->tokens = tokens;
    for (uint32_t layer = 0; layer < model.layers; ++layer) {
        table->mean_log.emplace_back();
        for (uint32_t head = 0; model.recurs(layer) && head < kValueHeads; ++head)
            table->mean_log.back().push_back(
                -1 /
                std::pow(10.0F, 0.5F + 2.5F * static_cast<float>((head * 7 + layer) % 16) / 15));
    }
    return table;
}

/// Every fourth layer attends, the others recur.
Snapshot hybrid() {
    Snapshot snapshot = sample::makeSnapshot();
    auto model = std::make_shared<Model>(*snapshot.model);
    for (uint32_t layer = 0; layer < model->layers; ++layer)
        if (layer % 4 != 3)
            model->kinds[layer] = {.heads = 0, .recurrence = "gated delta net"};
    model->recurrent = deltaNet(9);
    snapshot.attention.decay = makeDecay(*model, snapshot.attention.timeline->tokens());
    auto heads = std::make_shared<HeadTable>(*snapshot.attention.heads);
    for (uint32_t layer = 0; layer < model->layers; ++layer)
        heads->layer_heads[layer] = model->kinds[layer].heads;
    snapshot.attention.heads = heads;
    snapshot.attention.map = nullptr;
    snapshot.attention.trace = nullptr;
    snapshot.model = model;
    return snapshot;
}

Snapshot recurrentOnly() {
    Snapshot snapshot = hybrid();
    auto model = std::make_shared<Model>(*snapshot.model);
    model->kinds.assign(model->layers, {.heads = 0, .recurrence = "Mamba-2"});
    model->recurrent = deltaNet(model->layers);
    model->heads = model->kv_heads = 0;
    snapshot.attention.decay = nullptr;
    snapshot.attention.heads = nullptr;
    snapshot.attention.strip = nullptr;
    snapshot.model = model;
    return snapshot;
}

bool has(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

constexpr const char *kDecay = "//Attention/**/##decay";

TEST(AttentionState, WordsAndFigures) {
    EXPECT_DOUBLE_EQ(memoryTokens(-0.01), 100);
    EXPECT_EQ(memoryText(memoryTokens(-0.01)), "100 tokens");
    EXPECT_EQ(memoryText(memoryTokens(-1)), "1 token");
    EXPECT_EQ(memoryText(memoryTokens(-1e-4)), "10,000 tokens");
    EXPECT_EQ(memoryText(memoryTokens(-1e30)), "under 0.01 tokens");
    EXPECT_EQ(memoryText(memoryTokens(0)), "without end");
    EXPECT_EQ(memoryText(memoryTokens(std::numeric_limits<double>::quiet_NaN())), "without end");
    DecayTable table{.tokens = 5, .mean_log = {{-1, -3, -5, -7, -9}, {}}, .group = 2, .seconds = 0};
    EXPECT_EQ(groupedDecay(table, 0), (std::vector<float>{-2, -6, -9}));
    EXPECT_TRUE(groupedDecay(table, 1).empty());
    EXPECT_TRUE(groupedDecay(table, 2).empty());
    EXPECT_EQ(stateText(deltaNet(1)),
              "16 heads of 128 x 128 numbers, and the last 3 inputs of 4,096 channels");
    EXPECT_EQ(stateText({.history_tokens = 2, .history_channels = 2048}),
              "the last 2 inputs of 2,048 channels");
    EXPECT_EQ(stateText({.heads = 1,
                         .head_dim = 1536,
                         .keys = 16,
                         .history_tokens = 3,
                         .history_channels = 1536,
                         .by_channel = true}),
              "1,536 channels of 16 numbers, and the last 3 inputs of 1,536 channels");
    const Snapshot snapshot = hybrid();
    EXPECT_EQ(kindText(*snapshot.model, 0), "gated delta net");
    EXPECT_EQ(kindText(*snapshot.model, 3), "attention");
    EXPECT_EQ(nearestAttending(*snapshot.model, 0), 3u);
    EXPECT_EQ(nearestAttending(*snapshot.model, 8), 7u);
    EXPECT_EQ(nearestAttending(*recurrentOnly().model, 8), std::nullopt);
}

TEST(AttentionState, ALayerThatRecursShowsItsStateInsteadOfAMap) {
    Stage stage(900, 740);
    stage.snapshot = hybrid();
    stage.snapshot.attention.decay = nullptr;
    Harness harness(stage.client());
    harness.run("choose", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        EXPECT_TRUE(has(stage.text(ctx), "gated delta net"));
        ctx->ItemClick("//Attention/**/4##layer4");
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::MeasureDecay>().size(), 1u);
        EXPECT_TRUE(stage.all<command::ShowMap>().empty()) << "there is none";
        std::string text = stage.text(ctx);
        EXPECT_TRUE(has(text, "Layer 4: gated delta net")) << text;
        EXPECT_TRUE(has(text, "16 heads of 128 x 128 numbers")) << text;
        EXPECT_TRUE(has(text, "a state of 1.1 MB")) << text;
        EXPECT_TRUE(has(text, "is being measured")) << text;
        EXPECT_FALSE(isThere(ctx, kDecay));
        stage.snapshot.attention.decay = hybrid().attention.decay;
        ctx->Yield(2);
        text = stage.text(ctx);
        // Layer 4 has all of 16 memories from 10^0.5 to 10^3 tokens.
        EXPECT_TRUE(has(text, "Memory of its 16 heads: 3.16 tokens to 1,000 tokens")) << text;
        const ImRect picture = ctx->ItemInfo(kDecay).RectFull;
        auto cell = [&](float layer, float head) {
            return ImVec2(picture.Min.x + (head + 0.5F) / kValueHeads * picture.GetWidth(),
                          picture.Min.y + (layer + 0.5F) / 12 * picture.GetHeight());
        };
        ctx->MouseMoveToPos(cell(4, 2)); // (2 * 7 + 4) % 16 = 2
        text = stage.text(ctx);
        const double memory = std::pow(10.0, 0.5 + 2.5 * 2 / 15);
        EXPECT_TRUE(has(text, "Layer 4, head 2")) << text;
        EXPECT_TRUE(has(text, "Memory: " + memoryText(memory))) << text;
        EXPECT_TRUE(has(text, "Half is left after " + memoryText(memory * std::log(2.0)))) << text;
        ctx->MouseMoveToPos(cell(5, 3));
        ctx->MouseClick(0);
        EXPECT_TRUE(has(stage.text(ctx), "Layer 5: gated delta net"));
        ctx->MouseMoveToPos(cell(7, 3)); // attends
        EXPECT_TRUE(has(stage.text(ctx), "Layer 7: attention, nothing decays"));
        EXPECT_EQ(stage.all<command::MeasureDecay>().size(), 1u);
        EXPECT_TRUE(stage.all<command::ShowMap>().empty());
    });
}

TEST(AttentionState, TabsOfHeadsSayWhereToLook) {
    Stage stage(900, 740);
    stage.snapshot = hybrid();
    Harness harness(stage.client());
    harness.run("tabs", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->ItemClick("//Attention/**/Show the mean of layer 3"); // the first that has one
        ASSERT_EQ(stage.all<command::ShowMap>().size(), 1u);
        EXPECT_EQ(stage.all<command::ShowMap>()[0].wanted.layer, 3u);
        ctx->ItemClick("//Attention/**/8##layer8");
        ctx->Yield(2);
        for (const char *tab : {"//Attention/**/Map", "//Attention/**/Token"}) {
            ctx->ItemClick(tab);
            ctx->Yield(2);
            EXPECT_TRUE(has(stage.text(ctx), "Layer 8 does not attend (gated delta net)"));
        }
        EXPECT_TRUE(stage.all<command::ShowStrip>().empty()) << "it would be refused";
        ctx->ItemClick("//Attention/**/Show its state");
        ctx->Yield(2);
        EXPECT_TRUE(isThere(ctx, kDecay));
        ctx->ItemClick("//Attention/**/Map");
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Show layer 7, which attends");
        ctx->Yield(2);
        ASSERT_EQ(stage.all<command::ShowMap>().size(), 2u);
        EXPECT_EQ(stage.all<command::ShowMap>()[1].wanted.layer, 7u);
        // From the state of one layer straight to the map of another.
        ctx->ItemClick("//Attention/**/State");
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/11##layer11");
        ctx->Yield(3);
        EXPECT_FALSE(isThere(ctx, kDecay));
        EXPECT_EQ(stage.all<command::ShowMap>().back().wanted.layer, 11u);
        // In the table of heads stand only those that there are.
        ctx->ItemClick("//Attention/**/Table");
        ctx->Yield(2);
        EXPECT_TRUE(isThere(ctx, "//Attention/**/3##27"));
        EXPECT_FALSE(isThere(ctx, "//Attention/**/2##18"));
    });
}

TEST(AttentionState, APurelyRecurrentModelHasOnlyStates) {
    Stage stage(900, 740);
    stage.snapshot = recurrentOnly();
    Harness harness(stage.client());
    harness.run("recurrent", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        for (const char *tab : {"Map", "Token", "Table"})
            EXPECT_FALSE(isThere(ctx, (std::string("//Attention/**/") + tab).c_str())) << tab;
        EXPECT_FALSE(isThere(ctx, "//Attention/**/##heads"));
        EXPECT_TRUE(has(stage.text(ctx), "Layer 0: Mamba-2"));
        ctx->ItemClick("//Attention/**/Measure how fast it forgets");
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::MeasureDecay>().size(), 1u);
        // A task that was stopped is not waited for.
        stage.snapshot.tasks = {{.id = 1, .title = "Measure", .progress = {}, .running = true}};
        ctx->Yield(2);
        stage.snapshot.tasks.clear();
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Measure how fast it forgets");
        EXPECT_EQ(stage.all<command::MeasureDecay>().size(), 2u);
        stage.snapshot.attention.decay = makeDecay(*stage.snapshot.model, 100);
        ctx->Yield(2);
        EXPECT_TRUE(isThere(ctx, kDecay));
        ctx->ItemClick("//Attention/**/9##layer9");
        EXPECT_TRUE(has(stage.text(ctx), "Layer 9: Mamba-2"));
        EXPECT_TRUE(stage.all<command::ShowMap>().empty());
        // Short convolutions forget nothing step by step.
        auto model = std::make_shared<Model>(*stage.snapshot.model);
        model->recurrent = RecurrentLayers{.layers = 12,
                                           .state_bytes = 16384,
                                           .copies = 3,
                                           .history_tokens = 2,
                                           .history_channels = 2048};
        stage.snapshot.model = model;
        stage.snapshot.attention.decay = nullptr;
        ctx->Yield(2);
        EXPECT_TRUE(has(stage.text(ctx), "the last 2 inputs of 2,048 channels"));
        EXPECT_FALSE(isThere(ctx, "//Attention/**/Measure how fast it forgets"));
    });
}

/// The panel over the real program: what a person clicks, the engine answers.
TEST(AttentionState, TheEngineAnswersForAHybridAndAPureModel) {
    for (const char *architecture : {"qwen35", "mamba2", "falcon-h1"}) {
        longscope::testing::TemporaryModel model(longscope::testing::makeFamily(
            architecture, longscope::testing::findVariant(architecture, "bare")));
        test::InstrumentsDesk made(model.path());
        made.paste(test::sentences(3));
        made.read();
        Stage stage(900, 740);
        auto take = [&] {
            stage.snapshot = *made.desk->snapshot();
            for (Command &command : stage.pushed)
                made.desk->push(std::move(command));
            stage.pushed.clear();
        };
        take();
        Harness harness({.draw =
                             [&] {
                                 stage.draw();
                                 take();
                             },
                         .started = stage.client().started});
        harness.run(architecture, [&](ImGuiTestContext *ctx) {
            ctx->Yield(3);
            const bool both = stage.snapshot.model->attends(2);
            ctx->ItemClick("//Attention/**/2##layer2");
            ctx->Yield(2);
            if (both || stage.snapshot.model->heads == 0) {
                ctx->ItemClick("//Attention/**/State");
                ctx->Yield(2);
            }
            if (isThere(ctx, "//Attention/**/Measure how fast it forgets"))
                ctx->ItemClick("//Attention/**/Measure how fast it forgets");
            ASSERT_TRUE(waitFor(
                ctx, [&] { return stage.snapshot.attention.decay && !stage.snapshot.busy(); }));
            ctx->Yield(3);
            EXPECT_TRUE(isThere(ctx, kDecay));
            std::vector<float> rates = stage.snapshot.attention.decay->mean_log[2];
            std::ranges::sort(rates);
            const std::string wanted =
                std::format("Memory of its {} heads: {} to {}", rates.size(),
                            memoryText(memoryTokens(static_cast<double>(rates.front()))),
                            memoryText(memoryTokens(static_cast<double>(rates.back()))));
            const std::string text = stage.text(ctx);
            EXPECT_TRUE(has(text, wanted)) << wanted << "\n" << text;
            EXPECT_TRUE(stage.snapshot.notices.empty())
                << test::InstrumentsDesk::notices(stage.snapshot);
            keepPicture(harness.picture(ctx), std::string("state_real_") + architecture);
        });
    }
}

/// Pictures for eyes, with LONGSCOPE_TEST_PICTURES=FOLDER.
TEST(AttentionState, Pictures) {
    for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light})
        for (const float width : {960.0F, 520.0F}) {
            Stage stage(width, 740);
            stage.snapshot = hybrid();
            Harness harness(stage.client(kind), {.width = static_cast<int>(width), .height = 740});
            const std::string name =
                std::format("state_{}_{}", kind == ThemeKind::dark ? "dark" : "light", width);
            harness.run("pictures", [&](ImGuiTestContext *ctx) {
                auto keep = [&](const char *what) {
                    ctx->Yield(8);
                    keepPicture(harness.picture(ctx), name + "_" + what);
                };
                keep("overview");
                ctx->ItemClick("//Attention/**/4##layer4");
                keep("layer");
                if (ctx->ItemExists("//Attention/**/Map")) {
                    ctx->ItemClick("//Attention/**/Map");
                    keep("map");
                }
                stage.snapshot = recurrentOnly();
                stage.snapshot.attention.decay = makeDecay(*stage.snapshot.model, 2000);
                keep("pure");
            });
        }
}

} // namespace
} // namespace longscope::tests
