// The attention panel does what a person asks of it, over a made-up snapshot.
#include "tests/panels/harness/harness.h"
#include "tests/panels/sample_snapshot.h"

#include "ui/panels/attention.h"
#include "ui/panels/attention_text.h"
#include "ui/theme.h"

#include <gtest/gtest.h>

#include <imgui_internal.h>

namespace longscope::tests {
namespace {

using namespace ui;

/// Adds an answer of the assistant, so that there is something to play through.
Snapshot withAnswer() {
    Snapshot snapshot = sample::makeSnapshot();
    auto timeline = std::make_shared<Timeline>(*snapshot.attention.timeline);
    const uint64_t first = timeline->tokens();
    for (const char *word : {"Thirty", " days", ",", " says", " the", " note", "."}) {
        timeline->starts.push_back(static_cast<uint32_t>(timeline->text.size()));
        timeline->text += word;
    }
    timeline->parts.push_back({first, timeline->tokens(), PartKind::assistant, sample::kAnswer});
    snapshot.attention.timeline = timeline;
    snapshot.attention.map = std::make_shared<Map>(sample::makeMap(*timeline));
    return snapshot;
}

/// The panel in a window, over a snapshot that the test may change; what was pushed is kept.
struct Stage {
    explicit Stage(float width = 900, float height = 740) : size(width, height) {}

    void draw() {
        ImGui::SetNextWindowPos({0, 0});
        ImGui::SetNextWindowSize(size);
        ImGui::Begin(panel.name());
        if (logged)
            ImGui::LogToClipboard();
        CommandQueue commands;
        panel.draw(snapshot, commands);
        if (logged) {
            ImGui::LogFinish();
            logged = ImGui::GetClipboardText();
        }
        for (Command &command : commands.take()) {
            answer(command);
            pushed.push_back(std::move(command));
        }
        ImGui::End();
    }
    /// Strips come at once; maps when the test says so.
    void answer(const Command &command) {
        const auto *show = std::get_if<command::ShowStrip>(&command);
        if (!show)
            return;
        auto strip = std::make_shared<Attention::Strip>();
        strip->query = show->query;
        strip->layer = show->layer;
        strip->shares.assign(show->query + 1, 0.0001F);
        strip->shares[0] = 0.5F;
        strip->shares[show->query / 2] = 0.25F;
        snapshot.attention.strip = strip;
    }
    void answerMap(const command::ShowMap &show) {
        auto map = std::make_shared<Map>(*snapshot.attention.map);
        map->wanted = show.wanted;
        snapshot.attention.map = map;
    }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const Command &command : pushed)
            if (const T *one = std::get_if<T>(&command))
                found.push_back(*one);
        return found;
    }
    /// All text that the panel shows, tooltips too.
    std::string text(ImGuiTestContext *ctx) {
        logged = "";
        ctx->Yield(2);
        return *std::exchange(logged, std::nullopt);
    }
    window::FrameClient client() {
        return {.draw = [this] { draw(); }, .started = [] { applyTheme(ThemeKind::dark, 1); }};
    }

    ImVec2 size;
    AttentionPanel panel;
    Snapshot snapshot = withAnswer();
    std::vector<Command> pushed;
    std::optional<std::string> logged;
};

ImRect rectOf(ImGuiTestContext *ctx, const char *path) {
    return ctx->ItemInfo(path).RectFull;
}
ImVec2 within(const ImRect &rect, float x, float y) {
    return {rect.Min.x + x * rect.GetWidth(), rect.Min.y + y * rect.GetHeight()};
}

constexpr const char *kGrid = "//Attention/**/##heads";
constexpr const char *kMap = "//Attention/**/##map";

TEST(AttentionPanel, SaysWhatToDoWhenNothingWasRead) {
    Stage stage;
    stage.snapshot.attention = {};
    Harness harness(stage.client());
    harness.run("read", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Attention");
        ctx->ItemClick("Read the document");
        EXPECT_EQ(stage.all<command::ReadDocument>().size(), 1u);
        stage.snapshot.documents = {};
        ctx->Yield();
        ctx->ItemClick("Open the sample document");
        EXPECT_EQ(stage.all<command::OpenSample>().size(), 1u);
        stage.snapshot.model = nullptr;
        ctx->Yield();
        ctx->ItemClick("Load the model");
        EXPECT_EQ(stage.all<command::LoadModel>().size(), 1u);
    });
}

TEST(AttentionPanel, ClickOnAHeadAsksForItsMap) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("head", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        const ImRect grid = rectOf(ctx, kGrid);
        // Row 7 of 12 layers, column 5 of 9 heads.
        ctx->MouseMoveToPos(within(grid, 5.5F / 9, 7.5F / 12));
        ctx->MouseClick(0);
        ctx->Yield(2);
        const auto maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 1u);
        EXPECT_EQ(maps[0].wanted.layer, 7u);
        EXPECT_EQ(maps[0].wanted.heads, std::vector<uint32_t>{5});
        EXPECT_EQ(maps[0].wanted.end_query, 0u);
    });
}

TEST(AttentionPanel, HeadIsReachedWithTheKeyboard) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("keys", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->NavMoveTo(kGrid);
        ctx->KeyPress(ImGuiKey_Enter);
        ctx->KeyPress(ImGuiKey_RightArrow, 2);
        ctx->KeyPress(ImGuiKey_DownArrow);
        ctx->KeyPress(ImGuiKey_Enter);
        ctx->Yield(2);
        const auto maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 1u);
        EXPECT_EQ(maps[0].wanted.layer, 1u);
        EXPECT_EQ(maps[0].wanted.heads, std::vector<uint32_t>{2});
        ctx->KeyPress(ImGuiKey_Escape);
        ctx->KeyPress(ImGuiKey_RightArrow);
        EXPECT_EQ(stage.all<command::ShowMap>().size(), 1u);
    });
}

TEST(AttentionPanel, MeasuresHeadsWhenThereIsNoTable) {
    Stage stage;
    stage.snapshot.attention.heads = nullptr;
    Harness harness(stage.client());
    harness.run("measure", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->ItemClick("//Attention/**/Measure heads");
        EXPECT_EQ(stage.all<command::MeasureHeads>().size(), 1u);
        EXPECT_TRUE(ctx->ItemExists(kGrid)); // heads can be chosen all the same
    });
}

TEST(AttentionPanel, TableSortsAndChooses) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("sort", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Table");
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Distance");
        ctx->Yield(2);
        const HeadTable &table = *stage.snapshot.attention.heads;
        size_t furthest = 0;
        for (size_t i = 0; i < table.figures.size(); ++i)
            if (table.figures[i].distance > table.figures[furthest].distance)
                furthest = i;
        const auto layer = static_cast<uint32_t>(furthest / table.heads);
        const auto head = static_cast<uint32_t>(furthest % table.heads);
        // The strongest one is the first row now, so that it is there without scrolling.
        ctx->ItemClick(("//Attention/**/" + std::format("{}##{}", layer, furthest)).c_str());
        const auto maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 1u);
        EXPECT_EQ(maps[0].wanted.layer, layer);
        EXPECT_EQ(maps[0].wanted.heads, std::vector<uint32_t>{head});
    });
}

TEST(AttentionPanel, DragZoomsAndTheHistoryGoesBack) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("zoom", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        const ImRect map = rectOf(ctx, kMap);
        ctx->MouseMoveToPos(within(map, 0.101F, 0.502F));
        ctx->MouseDown(0);
        ctx->MouseMoveToPos(within(map, 0.399F, 0.748F));
        ctx->MouseUp(0);
        ctx->Yield(2);
        auto maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 1u);
        const MapWanted zoomed = maps[0].wanted;
        const auto tokens = static_cast<double>(stage.snapshot.attention.timeline->tokens());
        const double step = static_cast<double>(stage.snapshot.attention.map->query_step);
        EXPECT_EQ(zoomed.layer, 4u);
        EXPECT_NEAR(static_cast<double>(zoomed.first_key), 0.1 * tokens, 2 * step);
        EXPECT_NEAR(static_cast<double>(zoomed.end_key), 0.4 * tokens, 2 * step);
        EXPECT_NEAR(static_cast<double>(zoomed.first_query), 0.5 * tokens, 2 * step);
        EXPECT_NEAR(static_cast<double>(zoomed.end_query), 0.75 * tokens, 2 * step);
        stage.answerMap(maps[0]);
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Back");
        ctx->Yield();
        maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 2u);
        EXPECT_EQ(maps[1].wanted.end_query, 0u);
        ctx->ItemClick("//Attention/**/Forward");
        ctx->Yield();
        EXPECT_EQ(stage.all<command::ShowMap>().back().wanted, zoomed);
        ctx->ItemClick("//Attention/**/Whole");
        ctx->Yield();
        EXPECT_EQ(stage.all<command::ShowMap>().back().wanted.end_key, 0u);
    });
}

TEST(AttentionPanel, WheelZoomsOnceItRests) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("wheel", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->MouseMoveToPos(within(rectOf(ctx, kMap), 0.25F, 0.5F));
        for (int i = 0; i < 3; ++i)
            ctx->MouseWheelY(1);
        EXPECT_TRUE(stage.panel.isPlaying());
        ctx->SleepNoSkip(0.4F, 1.0F / 60);
        const auto maps = stage.all<command::ShowMap>();
        ASSERT_EQ(maps.size(), 1u);
        const auto tokens = static_cast<double>(stage.snapshot.attention.timeline->tokens());
        const MapWanted &wanted = maps[0].wanted;
        EXPECT_NEAR(static_cast<double>(wanted.end_key - wanted.first_key), 0.343 * tokens, 12);
        EXPECT_LE(wanted.first_query, static_cast<uint64_t>(0.5 * tokens));
        EXPECT_GE(wanted.end_query, static_cast<uint64_t>(0.5 * tokens));
    });
}

TEST(AttentionPanel, HoverMarksTheDocumentAndClickGoesThere) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("hover", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->MouseMoveToPos(within(rectOf(ctx, kMap), 0.3F, 0.6F));
        ctx->SleepNoSkip(0.3F, 1.0F / 60);
        auto marks = stage.all<command::MarkDocument>();
        ASSERT_FALSE(marks.empty());
        EXPECT_LE(marks.size(), 3u); // not one a frame
        EXPECT_EQ(marks.back().document, sample::kDocument);
        ASSERT_EQ(marks.back().marks.size(), 2u);
        const size_t text = stage.snapshot.documents.open[0]->text->size();
        const Mark &key = marks.back().marks[1];
        EXPECT_EQ(key.kind, MarkKind::attention);
        EXPECT_NEAR(static_cast<double>(key.start), 0.3 * static_cast<double>(text),
                    0.05 * static_cast<double>(text));
        EXPECT_GT(key.end, key.start);
        const std::string shown = stage.text(ctx);
        const std::string words(
            std::string_view(*stage.snapshot.documents.open[0]->text).substr(key.start + 1, 12));
        for (const std::string &part :
             {std::string("Query, tokens 1,3"), std::string("Key, tokens 6"),
              std::string("Sum of the shares: 0.0"), words})
            EXPECT_NE(shown.find(part), std::string::npos) << part << "\n" << shown;
        ctx->MouseClick(0);
        ctx->Yield(2);
        const auto jumps = stage.all<command::JumpTo>();
        ASSERT_EQ(jumps.size(), 1u);
        EXPECT_EQ(jumps[0].byte, key.start);
        ctx->MouseMoveToPos({5, 400});
        ctx->SleepNoSkip(0.3F, 1.0F / 60);
        EXPECT_TRUE(stage.all<command::MarkDocument>().back().marks.empty());
    });
}

TEST(AttentionPanel, ExportsWhereThePathSays) {
    Stage stage;
    std::string suggested;
    stage.panel.choose_save_path = [&](std::function<void(std::string)> chosen, const char *name) {
        suggested = name;
        chosen("/tmp/" + std::string(name));
    };
    Harness harness(stage.client());
    harness.run("export", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->ItemClick("//Attention/**/Export");
        ctx->ItemClick("//$FOCUSED/Picture (PNG)...");
        ctx->Yield(2);
        EXPECT_EQ(suggested, "attention-layer4-head2.png");
        auto exports = stage.all<command::ExportMap>();
        ASSERT_EQ(exports.size(), 1u);
        EXPECT_EQ(exports[0].path, "/tmp/attention-layer4-head2.png");
        ctx->ItemClick("//Attention/**/Export");
        ctx->ItemClick("//$FOCUSED/Copy the numbers as text");
        ctx->Yield(2);
        EXPECT_NE(std::string(ImGui::GetClipboardText()).find("Layer 4, head 2"),
                  std::string::npos);
        EXPECT_EQ(stage.all<command::ExportMap>().size(), 1u);
    });
}

TEST(AttentionPanel, ShowsATokenAndPlaysThroughTheAnswer) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("play", [&](ImGuiTestContext *ctx) {
        ctx->Yield(2);
        ctx->ItemClick("//Attention/**/Token");
        ctx->Yield(2);
        ctx->ItemInputValue("//Attention/**/##token", 100);
        ctx->Yield(2);
        auto strips = stage.all<command::ShowStrip>();
        ASSERT_FALSE(strips.empty());
        EXPECT_EQ(strips.back().query, 100u);
        ctx->ItemClick("//Attention/**/Later");
        ctx->ItemClick("//Attention/**/Earlier");
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::ShowStrip>().size(), strips.size() + 2);
        // The strongest keys: the first token and the middle one; the latter is of the document.
        ctx->ItemClick("//Attention/**/50##top50");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1u);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte,
                  stage.snapshot.attention.timeline->document_bytes[49]);
        stage.pushed.clear();
        ctx->ItemClick("//Attention/**/Play");
        EXPECT_TRUE(stage.panel.isPlaying());
        ctx->SleepNoSkip(5, 1.0F / 30);
        EXPECT_FALSE(stage.panel.isPlaying());
        strips = stage.all<command::ShowStrip>();
        ASSERT_EQ(strips.size(), 7u); // of the seven words, in order
        const uint64_t first = stage.snapshot.attention.timeline->parts.back().first;
        for (size_t i = 0; i < strips.size(); ++i)
            EXPECT_EQ(strips[i].query, first + i);
    });
}

TEST(AttentionPanel, ShowsWhereTheWordsComeFrom) {
    Stage stage;
    const auto trace = stage.snapshot.attention.trace;
    Harness harness(stage.client());
    harness.run("trace", [&](ImGuiTestContext *ctx) {
        ctx->Yield(3);
        ctx->ItemClick("//Attention/**/Sources");
        ctx->ItemClick("//Attention/**/31 %##span0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1u);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, trace->spans[0].start);
        stage.pushed.clear();
        ctx->ItemClick("//Attention/**/Mark all in the document");
        bool all = false;
        for (const auto &mark : stage.all<command::MarkDocument>())
            all |= mark.marks.size() == 1 && mark.marks[0].start == trace->spans[0].start;
        EXPECT_TRUE(all);
    });
}

/// Pictures for eyes, with LONGSCOPE_TEST_PICTURES=FOLDER.
TEST(AttentionPanel, Pictures) {
    for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light})
        for (const float scale : {1.0F, 2.0F})
            for (const float width : {900.0F, 520.0F}) {
                Stage stage(width, 740);
                stage.snapshot.attention.trace = nullptr;
                auto client = stage.client();
                client.started = [kind] { applyTheme(kind, 1); };
                Harness harness(
                    client,
                    {.width = static_cast<int>(width), .height = 740, .framebuffer_scale = scale});
                const std::string name =
                    std::format("attention_{}_{}_{}x", kind == ThemeKind::dark ? "dark" : "light",
                                width, scale);
                harness.run("pictures", [&](ImGuiTestContext *ctx) {
                    auto keep = [&](const char *what) {
                        ctx->Yield(8);
                        keepPicture(harness.picture(ctx), name + "_" + what);
                    };
                    if (width < 600) {
                        keep("overview");
                        ctx->ItemClick("//Attention/**/Map");
                    }
                    ctx->Yield(2);
                    ctx->MouseMoveToPos(within(rectOf(ctx, kMap), 0.3F, 0.6F));
                    keep("map");
                    ctx->ItemClick("//Attention/**/Token");
                    keep("token");
                    ctx->ItemClick("//Attention/**/Table");
                    keep("table");
                    stage.snapshot.attention.trace = sample::makeSnapshot().attention.trace;
                    keep("trace"); // a new one comes to the front
                    stage.snapshot.attention = {};
                    keep("empty");
                });
            }
}

} // namespace
} // namespace longscope::tests
