// The memory panel shows what is booked and forecast, and asks for other forecasts.
#include "tests/panels/harness/harness.h"
#include "tests/panels/sample_snapshot.h"

#include "ui/panels/memory.h"
#include "ui/theme.h"
#include "ui/widgets/stacked_plot.h"

#include <gtest/gtest.h>

#include <format>

namespace longscope::tests {
namespace {

using namespace ui;

struct Stage {
    explicit Stage(float width = 620, float height = 900) : size(width, height) {
        snapshot.memory.budget_bytes = 600'000'000;
    }
    void draw() {
        ImGui::SetNextWindowPos({0, 0});
        ImGui::SetNextWindowSize(size);
        ImGui::Begin(panel.name());
        if (logged.has_value())
            ImGui::LogToClipboard();
        CommandQueue commands;
        panel.draw(snapshot, commands);
        if (logged.has_value()) {
            ImGui::LogFinish();
            logged = ImGui::GetClipboardText();
        }
        for (Command &command : commands.take())
            pushed.push_back(std::move(command));
        ImGui::End();
    }
    window::FrameClient client(ThemeKind kind = ThemeKind::dark) {
        return {.draw = [this] { draw(); }, .started = [kind] { applyTheme(kind, 1); }};
    }
    /// All text that the panel shows.
    std::string text(ImGuiTestContext *ctx) {
        logged = "";
        ctx->Yield(2);
        const std::string found = *logged;
        logged.reset();
        return found;
    }

    ImVec2 size;
    MemoryPanel panel;
    Snapshot snapshot = sample::makeSnapshot();
    std::vector<Command> pushed;
    std::optional<std::string> logged;
};

TEST(MemoryPanel, TellsPartsAndWhatFits) {
    Stage stage;
    stage.snapshot.memory.warning = "The window leaves 12 MB: a shorter one is safer.";
    stage.snapshot.memory.forgotten_tokens = 512;
    Harness harness(stage.client(), {.width = 620, .height = 900});
    harness.run("text", [&](ImGuiTestContext *ctx) {
        const std::string text = stage.text(ctx);
        for (const char *part :
             {"The window leaves 12 MB", "512 of them are forgotten", "2,154 are used", "weights",
              "145 MB", "window:1024", "80,000", "500,000", "The positions reach 8,192 tokens",
              "Forecast for full, cache f16", "in all", "600 MB"})
            EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
        EXPECT_EQ(text.find("3.15 MB"), std::string::npos);
        ctx->ItemOpen("//Memory/Cache by layer");
        ctx->Yield(2);
        EXPECT_NE(stage.text(ctx).find("3.15 MB"), std::string::npos); // of a layer
    });
}

/// States of recurrent layers: rows of their own, with the kind of each layer in words.
TEST(MemoryPanel, StatesStandBesideTheCache) {
    Stage stage(620, 1300);
    auto model = std::make_shared<Model>(*stage.snapshot.model);
    auto forecast = std::make_shared<MemoryForecast>(*stage.snapshot.memory.forecast);
    forecast->layer_state_bytes.assign(model->layers, 0);
    for (uint32_t layer = 0; layer < model->layers; ++layer)
        if (layer % 4 != 3) {
            model->kinds[layer] = {.heads = 0, .recurrence = "Mamba-2"};
            forecast->layer_bytes[layer] = forecast->layer_tokens[layer] = 0;
            forecast->layer_state_bytes[layer] = 1'230'000;
        }
    model->recurrent = RecurrentLayers{.layers = 9, .state_bytes = 1'230'000, .copies = 3};
    stage.snapshot.model = model;
    stage.snapshot.memory.forecast = forecast;
    stage.snapshot.memory.now.insert(stage.snapshot.memory.now.begin() + 2,
                                     {"recurrent state", model->recurrent->bytes()});
    Harness harness(stage.client(), {.width = 620, .height = 1300});
    harness.run("states", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        std::string text = stage.text(ctx);
        for (const char *part : {"recurrent state", "44.3 MB", "9 layers of 1.23 MB each",
                                 "It is the same for every window."})
            EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
        ctx->ItemOpen("//Memory/Cache and state by layer");
        ctx->Yield(2);
        text = stage.text(ctx);
        for (const char *part : {"Kind", "State", "Mamba-2", "attention", "any", "3.15 MB"})
            EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
        keepPicture(harness.picture(ctx, "Memory"), "memory_hybrid");
    });
}

TEST(MemoryPanel, AsksForOtherForecasts) {
    Stage stage;
    stage.snapshot.patterns.applied.attention = "window:1024";
    Harness harness(stage.client(), {.width = 620, .height = 900});
    harness.run("controls", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        ctx->SetRef("//Memory/graphs/By length");
        ctx->ComboClick("##cache/cache q8_0");
        ctx->Yield(2);
        ASSERT_EQ(stage.pushed.size(), 1u);
        auto *asked = std::get_if<command::ForecastMemory>(&stage.pushed[0]);
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->settings.attention, "window:1024");
        EXPECT_EQ(asked->settings.k, "q8_0");
        EXPECT_EQ(asked->settings.v, "q8_0");
        EXPECT_EQ(asked->most_tokens, 0u);
        ctx->ComboClick("##end/up to 65,536 tokens");
        ctx->Yield(2);
        ASSERT_EQ(stage.pushed.size(), 2u);
        asked = std::get_if<command::ForecastMemory>(&stage.pushed[1]);
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->most_tokens, 65'536u);
        EXPECT_EQ(asked->settings.k, "q8_0");
    });
}

TEST(MemoryPanel, HoverTellsAllPartsWithUnits) {
    Stage stage;
    Harness harness(stage.client(), {.width = 620, .height = 900});
    harness.run("hover", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->MouseMoveToPos({310, 350});
        ctx->Yield(2);
        const std::string text = stage.text(ctx);
        EXPECT_NE(text.find("A window of "), std::string::npos);
        EXPECT_NE(text.find("kv: "), std::string::npos);
        EXPECT_NE(text.find("In all: "), std::string::npos);
        ctx->ItemClick("//Memory/**/Logarithmic tokens");
        ctx->ItemClick("//Memory/**/Logarithmic bytes");
        ctx->ItemClick("//Memory/**/Over time");
        ctx->MouseMoveToPos({310, 350});
        ctx->Yield(2);
        EXPECT_NE(stage.text(ctx).find("This program on the computer: 40"), std::string::npos);
    });
}

TEST(MemoryPanel, WorksWithoutModelAndForecast) {
    Stage stage;
    stage.snapshot.memory = {};
    Harness harness(stage.client(), {.width = 620, .height = 900});
    harness.run("nothing", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        ctx->ItemClick("//Memory/**/Make the forecast");
        EXPECT_EQ(stage.pushed.size(), 1u);
        stage.snapshot.model = nullptr;
        EXPECT_NE(stage.text(ctx).find("needs a model"), std::string::npos);
    });
}

TEST(StackedPlot, ReadsBetweenPoints) {
    const std::vector<double> xs = {0, 10, 20}, ys = {1, 3, 7};
    EXPECT_DOUBLE_EQ(valueAt(xs, ys, 0), 1);
    EXPECT_DOUBLE_EQ(valueAt(xs, ys, 5), 2);
    EXPECT_DOUBLE_EQ(valueAt(xs, ys, 20), 7);
    EXPECT_DOUBLE_EQ(valueAt(xs, ys, 21), 0);
}

/// Pictures for eyes, with LONGSCOPE_TEST_PICTURES=FOLDER.
TEST(MemoryPanel, Pictures) {
    for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light})
        for (const float scale : {1.0F, 2.0F})
            for (const float width : {620.0F, 420.0F}) {
                Stage stage(width, 900);
                if (width < 500)
                    stage.snapshot.memory.warning = "A window of 16,384 tokens would leave 12 MB.";
                if (width < 500)
                    stage.snapshot.memory.budget_bytes = 6ULL << 30;
                Harness harness(
                    stage.client(kind),
                    {.width = static_cast<int>(width), .height = 900, .framebuffer_scale = scale});
                const std::string name = std::format(
                    "memory_{}_{}_{}x", kind == ThemeKind::dark ? "dark" : "light", width, scale);
                harness.run("pictures", [&](ImGuiTestContext *ctx) {
                    ctx->Yield(8);
                    ctx->MouseMoveToPos({0.5F * width, 320});
                    ctx->Yield(8);
                    keepPicture(harness.picture(ctx), name + "_length");
                    ctx->ItemClick("//Memory/**/Logarithmic tokens");
                    ctx->ItemClick("//Memory/**/Logarithmic bytes");
                    ctx->MouseMoveToPos({5, 5});
                    ctx->Yield(8);
                    keepPicture(harness.picture(ctx), name + "_log");
                    ctx->ItemClick("//Memory/**/Over time");
                    ctx->ItemOpen("//Memory/Cache by layer");
                    ctx->Yield(8);
                    keepPicture(harness.picture(ctx), name + "_time");
                });
            }
}

} // namespace
} // namespace longscope::tests
