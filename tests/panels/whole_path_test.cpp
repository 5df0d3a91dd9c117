// The whole path of a person: start, paste a large text, open the sample, summarize, ask, look at a
// head, zoom, change the pattern, watch memory, stop, quit, start again and find everything. In a
// real window with real keys and mouse, with the real engine and the default model. Each step is
// checked in what the desk knows and, where words say it, in what is drawn.
#include "tests/panels/harness/eyes.h"
#include "tests/panels/harness/real_window.h"
#include "tests/support/default_model.h"

#include "app/view/window_client.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::tests {
namespace {

using ui::Snapshot;
using Clock = std::chrono::steady_clock;

constexpr size_t kPastedBytes = 10'000'000;
constexpr const char *kQuestion = "Which pier has cracks?";

std::string pastedText() {
    std::string text = "Notes of a long winter\n\n";
    for (size_t line = 1; text.size() < kPastedBytes; ++line)
        text += std::format("Day {}: the ice reached the {} pier and nobody left the house.{}",
                            line, line % 3 ? "north" : "south", line % 5 ? " " : "\n\n");
    text.resize(kPastedBytes);
    return text;
}

/// A data folder that goes when the test ends.
struct OwnFolder {
    OwnFolder()
        : path(std::filesystem::temp_directory_path() /
               std::format("longscope-path-{}", getpid())) {
        std::filesystem::remove_all(path);
    }
    ~OwnFolder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

/// One run of the program: the desk and the panels over a data folder, in a real window.
struct Program {
    explicit Program(const OwnFolder &folder)
        : client(options(folder)), eyes(client.frames()), desk(client.desk()) {}

    static app::DeskOptions options(const OwnFolder &folder) {
        const char *validation = std::getenv("LONGSCOPE_VALIDATION");
        app::DeskOptions wanted;
        wanted.engine.model_path = testing::findDefaultModel();
        wanted.engine.validation = validation && std::string_view(validation) == "1";
        wanted.data_folder = folder.path.string();
        wanted.sample_document = std::string(LONGSCOPE_TEST_DATA) + "/harbour.md";
        return wanted;
    }
    std::shared_ptr<const Snapshot> now() const { return desk.snapshot(); }
    /// A step that did not happen ends the path.
    void wait(const std::function<bool(const Snapshot &)> &condition, int seconds = 90) const {
        if (desk.waitFor(condition, std::chrono::seconds(seconds)))
            return;
        std::string what = "what was waited for did not happen.";
        for (const ui::TaskView &task : now()->tasks)
            what += " Task: " + task.title + ".";
        for (const ui::Notice &notice : now()->notices)
            what += " Notice: " + notice.text;
        throw std::runtime_error(what);
    }

    app::WindowClient client;
    Eyes eyes;
    app::Desk &desk;
};

bool isFinished(const Snapshot &snapshot, size_t messages) {
    return snapshot.chat.messages.size() == messages && !snapshot.chat.messages.back()->growing &&
           !snapshot.busy();
}

/// What the person does; each public function is a step.
class Path {
  public:
    Path(Program &program, Hands &hands) : program_(program), eyes_(program.eyes), hands_(hands) {}

    void pastes() {
        EXPECT_TRUE(eyes_.sees("Nothing leaves this computer."));
        EXPECT_EQ(program_.now()->model, nullptr);
        const std::string text = pastedText();
        eyes_.onFrame([&] { ImGui::SetClipboardText(text.c_str()); });
        click("Welcome", "Paste a document");
        program_.wait([](const Snapshot &now) { return now.documents.shown() != nullptr; });
        EXPECT_TRUE(*program_.now()->documents.shown()->text == text);
        EXPECT_TRUE(eyes_.sees("Notes of a long winter"));
        EXPECT_FALSE(eyes_.findWindow("Welcome"));
        said("pasted 10 MB");
    }

    void opensTheSample() {
        runs("open the sample");
        program_.wait([](const Snapshot &now) { return now.documents.open.size() == 2; });
        const auto sample = program_.now()->documents.shown();
        EXPECT_TRUE(sample->path.ends_with("harbour.md"));
        EXPECT_TRUE(eyes_.sees(sample->outline.back().title)); // among the sections
        said("opened the sample");
    }

    void summarizes() {
        hands_.key("ctrl+2");
        click("Chat", "##how");
        fill("Chat", "words, when written", "40");
        fill("Chat", "key sentences", "3");
        click("Chat", "Summarize now");
        program_.wait([](const Snapshot &now) { return isFinished(now, 2); });
        EXPECT_TRUE(eyes_.sees(program_.now()->model->name)); // in the status line
        const ui::Message &summary = *program_.now()->chat.messages.back();
        EXPECT_EQ(summary.kind, ui::MessageKind::summary);
        size_t quoted = 0;
        for (const ui::CheckedSentence &sentence : summary.sentences)
            quoted += sentence.quoted;
        EXPECT_EQ(quoted, 3U);
        EXPECT_FALSE(summary.note.empty());
        EXPECT_TRUE(eyes_.sees(summary.sentences[0].sources.at(0).place));
        EXPECT_TRUE(eyes_.sees("Quotes only, because "));
        said("summarized");
    }

    void asks() {
        click("Chat", "Prompt");
        fill("Chat", "Reply/##value", "24");
        EXPECT_TRUE(eyes_.sees("{ 24 tokens }"));
        hands_.key("Escape");
        program_.wait([](const Snapshot &now) { return now.chat.sampling.reply_tokens == 24; });
        if (!program_.now()->chat.with_document)
            click("Chat", "###with");
        program_.wait([](const Snapshot &now) { return now.chat.with_document; });
        click("Chat", "##draft");
        hands_.type(kQuestion);
        hands_.key("Return");
        program_.wait([](const Snapshot &now) { return isFinished(now, 4); });
        const auto &messages = program_.now()->chat.messages;
        EXPECT_EQ(messages[2]->text, kQuestion);
        EXPECT_EQ(messages[3]->kind, ui::MessageKind::answer);
        EXPECT_GT(messages[3]->written_tokens, 0U);
        EXPECT_FALSE(messages[3]->text.empty());
        EXPECT_TRUE(eyes_.sees(kQuestion));
        said("asked");
    }

    void looksAtAHead() {
        hands_.key("ctrl+3");
        const Spot grid = find("Attention", "##heads");
        const auto model = program_.now()->model;
        hands_.click(grid.x(2.5F / static_cast<float>(model->heads)),
                     grid.y(5.5F / static_cast<float>(model->layers)));
        program_.wait([](const Snapshot &now) {
            return now.attention.map && now.attention.map->wanted.layer == 5 && !now.busy();
        });
        EXPECT_EQ(program_.now()->attention.map->wanted.heads, std::vector<uint32_t>{2});
        EXPECT_TRUE(eyes_.sees("Layer 5, head 2."));
        said("looked at a head");
    }

    void zooms() {
        const Spot map = find("Attention", "##map");
        hands_.drag(map.x(0.1F), map.y(0.5F), map.x(0.4F), map.y(0.8F));
        program_.wait([](const Snapshot &now) {
            return now.attention.map->wanted.end_query > 0 && !now.busy();
        });
        const ui::MapWanted part = program_.now()->attention.map->wanted;
        const auto tokens = static_cast<double>(program_.now()->attention.timeline->tokens());
        EXPECT_NEAR(static_cast<double>(part.first_key), 0.1 * tokens, 0.02 * tokens);
        EXPECT_NEAR(static_cast<double>(part.end_query), 0.8 * tokens, 0.02 * tokens);
        EXPECT_TRUE(eyes_.sees("1 token a cell"));
        said("zoomed");
    }

    void changesThePattern() {
        hands_.key("ctrl+6");
        click("Patterns", "##Pattern as text");
        hands_.key("ctrl+a");
        hands_.type("window:64");
        EXPECT_TRUE(eyes_.sees("to be read again"));
        click("Patterns", "Apply");
        program_.wait([](const Snapshot &now) {
            return now.patterns.applied.attention == "window:64" && !now.busy();
        });
        EXPECT_TRUE(eyes_.sees("Texts are read with window:64 from now on."));
        EXPECT_EQ(program_.now()->attention.timeline, nullptr); // nothing is read now
        said("changed the pattern");
    }

    /// A reading that is stopped, then one to its end; the numbers of the panel move.
    void watchesMemoryAndStops() {
        hands_.key("ctrl+4");
        EXPECT_TRUE(eyes_.sees("On the device: "));
        const std::string before = usedTokens();
        double ms = stopsAReading();
        for (int i = 0; i < 4 && ms > 200; ++i) { // the machine of a test may be busy for a moment
            forgetsWhatWasRead();
            ms = stopsAReading();
        }
        EXPECT_LT(ms, 200);
        runs("read the document");
        program_.wait([](const Snapshot &now) {
            return now.attention.timeline && now.attention.timeline->tokens() > 300 && !now.busy();
        });
        const uint64_t used = program_.now()->memory.used_tokens;
        EXPECT_GT(used, 300U);
        EXPECT_TRUE(eyes_.sees(std::format("{} are used.", used)));
        EXPECT_NE(usedTokens(), before);
        EXPECT_TRUE(program_.now()->memory.samples);
        said("watched memory");
    }

    /// Moves the border between the document and the rest, changes the theme, and quits at once.
    Spot choosesAndQuits() {
        runs("light");
        program_.wait(
            [](const Snapshot &now) { return now.preferences.theme == ui::ThemeChoice::light; });
        const Spot document = findWindow("Document");
        const int edge = static_cast<int>(document.max.x) + 1;
        hands_.drag(edge, document.y(), edge - 120, document.y());
        if (!waitUntil([&] { return findWindow("Document").max.x < document.max.x - 100; }))
            throw std::runtime_error("the border did not move");
        const Spot moved = findWindow("Document");
        hands_.key("ctrl+q");
        said("quits");
        return moved;
    }

    // --- in the second run ---

    void finds(const Snapshot &before, const Spot &document) {
        const auto now = program_.now();
        EXPECT_EQ(now->documents.current, before.documents.current);
        ASSERT_EQ(now->documents.open.size(), 2U);
        for (size_t i = 0; i < 2; ++i) {
            EXPECT_EQ(now->documents.open[i]->title, before.documents.open[i]->title);
            EXPECT_TRUE(*now->documents.open[i]->text == *before.documents.open[i]->text);
        }
        ASSERT_EQ(now->chat.messages.size(), before.chat.messages.size());
        for (size_t i = 0; i < now->chat.messages.size(); ++i) {
            const ui::Message &found = *now->chat.messages[i], &left = *before.chat.messages[i];
            EXPECT_EQ(found.text, left.text);
            EXPECT_EQ(found.note, left.note);
            EXPECT_EQ(found.written_tokens, left.written_tokens);
            EXPECT_EQ(found.sentences.size(), left.sentences.size());
        }
        EXPECT_EQ(now->chat.sampling, before.chat.sampling);
        EXPECT_TRUE(now->chat.with_document);
        EXPECT_EQ(now->preferences.theme, ui::ThemeChoice::light);

        // What is drawn: the panels where they were, memory in front, the document beside it.
        EXPECT_TRUE(eyes_.sees("On the device: "));
        EXPECT_TRUE(eyes_.sees(now->documents.shown()->outline.back().title));
        EXPECT_FALSE(eyes_.findWindow("Welcome"));
        EXPECT_NEAR(findWindow("Document").max.x, document.max.x, 2);
        hands_.key("ctrl+2");
        EXPECT_TRUE(eyes_.sees(kQuestion));
        EXPECT_TRUE(eyes_.sees("Quotes only, because "));
        said("found everything");
    }

  private:
    Spot find(const std::string &window, const std::string &item) {
        if (auto spot = eyes_.find(window, item))
            return *spot;
        throw std::runtime_error("\"" + item + "\" is not to be seen in \"" + window +
                                 "\"; these words are:\n" + eyes_.words());
    }
    Spot findWindow(const std::string &window) {
        if (auto spot = eyes_.findWindow(window))
            return *spot;
        throw std::runtime_error("there is no window " + window);
    }
    void click(const std::string &window, const std::string &item) {
        const Spot spot = find(window, item);
        hands_.click(spot.x(), spot.y());
    }
    /// Ctrl+click makes a field of a slider.
    void fill(const std::string &window, const std::string &item, const std::string &value) {
        const Spot spot = find(window, item);
        runCommand({"xdotool", "keydown", "ctrl"});
        hands_.click(spot.x(), spot.y());
        runCommand({"xdotool", "keyup", "ctrl"});
        hands_.key("ctrl+a");
        hands_.type(value);
        hands_.key("Return");
    }
    /// An action of the command palette, by its words.
    void runs(const std::string &action) {
        hands_.key("ctrl+shift+p");
        find("", "##search");
        hands_.type(action);
        hands_.key("Return");
    }
    /// From the sentence of the memory panel.
    std::string usedTokens() {
        const std::string words = eyes_.words();
        const size_t at = words.find("The window has ");
        return at == words.npos ? "" : words.substr(at, words.find(" used.", at) - at);
    }
    /// From the key that asks for it to the end of the task, in ms.
    double stopsAReading() {
        runs("read the document");
        program_.wait(
            [](const Snapshot &now) { return now.busy() && now.tasks.front().progress.done > 0; });
        const auto pressed = Clock::now();
        hands_.key("ctrl+period");
        program_.wait([](const Snapshot &now) { return !now.busy(); });
        const double ms = std::chrono::duration<double, std::milli>(Clock::now() - pressed).count();
        std::printf("stopped %.0f ms after the key\n", ms);
        return ms;
    }
    void forgetsWhatWasRead() {
        for (const char *pattern : {"window:80", "window:64"}) {
            program_.desk.push(ui::command::ApplySettings{{.attention = pattern}});
            program_.wait([&](const Snapshot &now) {
                return now.patterns.applied.attention == pattern && !now.busy();
            });
        }
    }
    void said(const char *what) const {
        std::printf("%6.1f s: %s\n", std::chrono::duration<double>(Clock::now() - began_).count(),
                    what);
        std::fflush(stdout);
    }

    Program &program_;
    Eyes &eyes_;
    Hands &hands_;
    Clock::time_point began_ = Clock::now();
};

TEST(WholePath, EverythingIsFoundAgain) {
    VirtualDisplay display;
    LONGSCOPE_NEEDS_DISPLAY(display);
    ASSERT_NE(testing::findDefaultModel(), "") << testing::kNoDefaultModel;
    const size_t messages_before = window::validationMessages().size();
    const window::WindowOptions window{.title = "Longscope path", .width = 1440, .height = 900};
    const OwnFolder folder;
    std::shared_ptr<const Snapshot> before;
    Spot document;
    {
        Program program(folder);
        withWindow(window, program.eyes.client(), [&](Hands &hands) {
            Path path(program, hands);
            path.pastes();
            path.opensTheSample();
            path.summarizes();
            path.asks();
            path.looksAtAHead();
            path.zooms();
            path.changesThePattern();
            path.watchesMemoryAndStops();
            before = program.now();
            document = path.choosesAndQuits();
        });
    }
    Program program(folder);
    withWindow(window, program.eyes.client(),
               [&](Hands &hands) { Path(program, hands).finds(*before, document); });
    const auto messages = window::validationMessages();
    for (size_t i = messages_before; i < messages.size(); ++i)
        ADD_FAILURE() << "Vulkan validation: " << messages[i];
}

} // namespace
} // namespace longscope::tests
