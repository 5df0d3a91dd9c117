// The harness and the presenter themselves: off screen, in pictures, and in a real window.
#include "tests/panels/harness/harness.h"
#include "tests/panels/harness/real_window.h"

#include "ui/theme.h"

#include <gtest/gtest.h>

#include <imgui.h>
#include <imgui_rich_md/rich_md.h>
#include <imgui_stdlib.h>
#include <implot.h>

#include <array>
#include <atomic>
#include <mutex>

namespace longscope::tests {
namespace {

constexpr const char *kMarkdown = R"(# Sinks and windows

A *window* of **4096 tokens** with `4` sinks. Greek αβγ, Кириллица, 中文字符, ひらがな, العربية,
∑ ≤ → ✓.

| pattern | pairs | memory |
|:--------|------:|-------:|
| full    | 67 M  | 512 MB |
| window  | 33 M  | 96 MB  |

```cpp
for (uint32_t key = first; key < last; ++key)
    scores[key] = dot(query, keys[key]); // a comment
```

1. First
2. Second, with a [link](https://example.org) and an image ![x](file.png)
)";

/// A window with what a panel is made of.
struct Sample {
    std::string text;
    std::atomic<int> clicks = 0;
    ImVec2 button, field; ///< centres, for real mice
    std::mutex mutex;     ///< of the three

    void draw() {
        ImGui::SetNextWindowPos({10, 10}, ImGuiCond_Always);
        ImGui::SetNextWindowSize({460, 700}, ImGuiCond_Always);
        ImGui::Begin("Sample");
        const std::lock_guard lock(mutex);
        if (ImGui::Button("Count"))
            ++clicks;
        button = centre();
        ImGui::SameLine();
        ImGui::Text("%d clicks", clicks.load());
        ImGui::InputText("Text", &text);
        field = centre();
        ImGui::SetItemTooltip("Type here");
        ui::pushMarkdown();
        RichMd::RenderRaw(kMarkdown);
        ImGui::PopFont();
        ImGui::End();
    }
    static ImVec2 centre() {
        const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
        return {(low.x + high.x) / 2, (low.y + high.y) / 2};
    }
    std::string typed() {
        const std::lock_guard lock(mutex);
        return text;
    }
};

void drawPlots() {
    ImGui::SetNextWindowPos({480, 10}, ImGuiCond_Always);
    ImGui::SetNextWindowSize({420, 700}, ImGuiCond_Always);
    ImGui::Begin("Plots");
    if (ImPlot::BeginPlot("Memory", {-1, 220 * ImGui::GetFontSize() / 15})) {
        ImPlot::SetupAxes("tokens", "MB");
        for (size_t i = 0; i < ui::kSeriesColours; ++i) {
            const std::array<double, 3> xs{0, 1, 2}, ys{0, 1.0 + static_cast<double>(i), 4};
            ImPlot::PlotLine(("part " + std::to_string(i)).c_str(), xs.data(), ys.data(), 3);
        }
        ImPlot::EndPlot();
    }
    for (const auto &[name, colour] : {std::pair{"good", ui::good()},
                                       {"warning", ui::warning()},
                                       {"error", ui::error()},
                                       {"muted", ui::mutedText()},
                                       {"accent", ui::accent()}}) {
        ImGui::TextColored(colour, "%s", name);
        ImGui::SameLine();
    }
    ImGui::NewLine();
    static bool yes = true;
    static float value = 0.4F;
    ImGui::Checkbox("Sinks", &yes);
    ImGui::SliderFloat("Share", &value, 0, 1);
    ImGui::ProgressBar(value);
    ui::pushMono();
    ImGui::TextUnformatted("mono 0123456789 == -> 中文 →");
    ImGui::PopFont();
    ui::pushHeading();
    ImGui::TextUnformatted("Heading");
    ImGui::PopFont();
    if (ImGui::BeginTabBar("tabs")) {
        if (ImGui::BeginTabItem("One")) {
            ImGui::Selectable("chosen", true);
            ImGui::Selectable("not chosen");
            ImGui::TextDisabled("disabled");
            ImGui::EndTabItem();
        }
        if (ImGui::BeginTabItem("Two"))
            ImGui::EndTabItem();
        ImGui::EndTabBar();
    }
    ImGui::End();
}

TEST(Presenter, ClicksAndTypesOffscreen) {
    Sample sample;
    Harness harness({.draw = [&] { sample.draw(); }});
    harness.run("click and type", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Sample");
        ctx->ItemClick("Count");
        ctx->ItemClick("Count");
        EXPECT_EQ(sample.clicks, 2);
        ctx->ItemInputValue("Text", "Grüße");
        IM_CHECK_STR_EQ(sample.text.c_str(), "Grüße");
        EXPECT_TRUE(waitFor(ctx, [&] { return ImGui::GetFrameCount() > 20; }));
        EXPECT_FALSE(waitFor(
            ctx, [] { return false; }, 0.05));
        const window::Picture picture = harness.picture(ctx, "Sample");
        EXPECT_EQ(picture.width, 460u);
        EXPECT_EQ(picture.height, 700u);
    });
}

TEST(Presenter, DrawsTheThemes) {
    for (const auto kind :
         {ui::ThemeKind::dark, ui::ThemeKind::light, ui::ThemeKind::high_contrast})
        for (const float scale : {1.0F, 2.0F}) {
            Sample sample;
            Harness harness({.draw =
                                 [&] {
                                     sample.draw();
                                     drawPlots();
                                 },
                             .started = [&] { ui::applyTheme(kind, 1); }},
                            {.width = 920, .height = 720, .framebuffer_scale = scale});
            harness.frames(10);
            const window::Picture picture = harness.picture();
            EXPECT_EQ(picture.width, static_cast<uint32_t>(920 * scale));
            const bool dark = kind != ui::ThemeKind::light;
            // The ground of the window, inside of its lower right corner.
            const size_t at =
                ((size_t{picture.height} - 30) * picture.width + picture.width - 60) * 4;
            EXPECT_EQ(picture.rgba[at] < 128, dark);
            keepPicture(picture, "theme" + std::to_string(static_cast<int>(kind)) +
                                     (scale == 1 ? "_1x" : "_2x"));
        }
}

TEST(Presenter, DrawsTheDemo) {
    Harness harness({.draw = [] { ImGui::ShowDemoWindow(); }});
    harness.run("open a part", [](ImGuiTestContext *ctx) {
        ctx->SetRef("//Dear ImGui Demo");
        ctx->ItemOpen("Widgets");
    });
    keepPicture(harness.picture(), "demo");
}

TEST(Presenter, ScalesAsAMonitorAsks) {
    Sample sample;
    Harness harness({.draw =
                         [&] {
                             sample.draw();
                             drawPlots();
                         },
                     .started = [&] { ui::applyTheme(ui::ThemeKind::dark, 1.5F, 17); }},
                    {.width = 1300, .height = 900});
    harness.frames(10);
    keepPicture(harness.picture(), "scaled");
}

TEST(Presenter, HasLettersOfOtherScripts) {
    Harness harness({.draw = [] { ImGui::TextUnformatted(" "); }});
    harness.frames(1);
    for (ImFont *font : {ui::fonts().regular, ui::fonts().bold, ui::fonts().mono})
        for (const ImWchar sign : {0x3b1, 0x42f, 0x639, 0x4e2d, 0x3042, 0x2211, 0x2192})
            EXPECT_TRUE(font->IsGlyphInFont(sign))
                << std::hex << sign << " in " << font->GetDebugName();
    EXPECT_EQ(ui::fonts().note, "");
}

TEST(Presenter, SaysThatThereIsNoDisplay) {
    const char *const display = std::getenv("DISPLAY");
    if (display || std::getenv("WAYLAND_DISPLAY"))
        GTEST_SKIP() << "there is a display";
    window::FrameClient client{.draw = [] {}};
    try {
        window::runWindow({}, client);
        FAIL() << "a window without a display";
    } catch (const std::exception &error) {
        EXPECT_NE(std::string(error.what()).find("command line"), std::string::npos)
            << error.what();
    }
}

TEST(RealWindow, ClicksTypesResizesAndIdles) {
    VirtualDisplay display;
    LONGSCOPE_NEEDS_DISPLAY(display);
    const size_t messages_before = window::validationMessages().size();
    Sample sample;
    std::optional<window::WindowPlace> place;
    std::atomic<int> frames = 0, drawn_width = 0;
    const window::WindowOptions options{
        .title = "Longscope test",
        .width = 1000,
        .height = 760,
        .placed = [&](const window::WindowPlace &last) { place = last; }};
    window::FrameClient client{.draw = [&] {
        ++frames;
        drawn_width = static_cast<int>(ImGui::GetIO().DisplaySize.x);
        sample.draw();
        drawPlots();
    }};
    withWindow(options, client, [&](Hands &hands) {
        ASSERT_TRUE(waitUntil([&] { return frames >= 3; }));
        const auto spot = [&](const ImVec2 Sample::*where) {
            const std::lock_guard lock(sample.mutex);
            return sample.*where;
        };
        const ImVec2 button = spot(&Sample::button), field = spot(&Sample::field);
        EXPECT_TRUE(hands.click(static_cast<int>(button.x), static_cast<int>(button.y)));
        EXPECT_TRUE(waitUntil([&] { return sample.clicks == 1; }));
        EXPECT_TRUE(hands.click(static_cast<int>(field.x), static_cast<int>(field.y)));
        EXPECT_TRUE(hands.type("Long documents, 42"));
        EXPECT_TRUE(waitUntil([&] { return sample.typed() == "Long documents, 42"; }))
            << sample.typed();
        EXPECT_TRUE(hands.key("BackSpace"));
        EXPECT_TRUE(waitUntil([&] { return sample.typed() == "Long documents, 4"; }));
        for (const int width : {700, 1200, 900})
            EXPECT_TRUE(hands.resize(width, 600));
        EXPECT_TRUE(waitUntil([&] { return drawn_width == 900; }));
        EXPECT_TRUE(hands.key("Escape"));
        EXPECT_TRUE(hands.moveTo(890, 590));
        std::this_thread::sleep_for(std::chrono::milliseconds(1200));

        window::resetFrameStatistics();
        std::this_thread::sleep_for(std::chrono::seconds(4));
        const window::FrameStatistics idle = window::frameStatistics();
        std::printf("idle: %s\n", window::describe(idle).c_str());
        EXPECT_LE(idle.frames, 1u);
        EXPECT_LT(idle.cpu_seconds / idle.seconds, 0.03);
    });
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->width, 900);
    EXPECT_EQ(place->height, 600);
    const auto messages = window::validationMessages();
    for (size_t i = messages_before; i < messages.size(); ++i)
        ADD_FAILURE() << "Vulkan validation: " << messages[i];
}

TEST(RealWindow, DrawsOnWhileSomethingMoves) {
    VirtualDisplay display;
    LONGSCOPE_NEEDS_DISPLAY(display);
    Sample sample;
    window::FrameClient client{.draw =
                                   [&] {
                                       sample.draw();
                                       drawPlots();
                                   },
                               .animating = [] { return true; }};
    withWindow({.title = "Longscope moves", .width = 1280, .height = 800}, client, [&](Hands &) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        window::resetFrameStatistics();
        std::this_thread::sleep_for(std::chrono::seconds(2));
        const window::FrameStatistics moving = window::frameStatistics();
        std::printf("moving: %s\n", window::describe(moving).c_str());
        EXPECT_GT(moving.frames, 10u);
    });
}

TEST(RealWindow, DrawsNewsWithoutHaste) {
    VirtualDisplay display;
    LONGSCOPE_NEEDS_DISPLAY(display);
    std::atomic<uint64_t> version = 0;
    std::atomic<uint64_t> drawn = 0;
    Sample sample;
    window::FrameClient client{.draw =
                                   [&] {
                                       drawn = version.load();
                                       sample.draw();
                                   },
                               .version = [&] { return version.load(); }};
    withWindow({.title = "Longscope news"}, client, [&](Hands &) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        window::resetFrameStatistics();
        for (int i = 0; i < 200; ++i) { // 200 a second are drawn as 30
            ++version;
            window::wakeWindow();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_TRUE(waitUntil([&] { return drawn == 200; }));
        const window::FrameStatistics busy = window::frameStatistics();
        std::printf("news: %s\n", window::describe(busy).c_str());
        EXPECT_LT(busy.frames, 60u);
    });
}

} // namespace
} // namespace longscope::tests
