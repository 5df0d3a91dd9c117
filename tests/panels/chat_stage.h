// The chat panel on a stage: over a made-up snapshot that a test may change.
#pragma once

#include "tests/panels/harness/harness.h"
#include "tests/panels/sample_snapshot.h"

#include "ui/panels/chat.h"
#include "ui/theme.h"

#include <chrono>

namespace longscope::tests {

using namespace ui;

inline std::shared_ptr<Message> makeMessage(uint64_t id, Role role, std::string text) {
    auto message = std::make_shared<Message>();
    message->id = id;
    message->role = role;
    message->text = std::move(text);
    return message;
}

inline std::shared_ptr<Message> makeSummary(const Document &document) {
    auto summary = makeMessage(51, Role::assistant,
                               "The harbour keeps coal for thirty days. The council paid for new "
                               "cranes. The town grew rich.");
    summary->kind = MessageKind::summary;
    summary->document = document.id;
    summary->document_title = document.title;
    summary->sentences = {
        {"The harbour keeps coal for thirty days.", true, true, {{10, 60, 0.9F, "Supply 1"}}},
        {"The council paid for new cranes.", false, true, {{100, 160, 0.7F, "Money 2"}}},
        {"The town grew rich.", false, false, {}}};
    return summary;
}

/// The panel in a window, over a snapshot that the test may change; what was pushed is kept.
struct Stage {
    void draw() {
        ImGui::SetNextWindowPos({0, 0});
        ImGui::SetNextWindowSize(size);
        ImGui::Begin(panel.name());
        CommandQueue commands;
        const auto begin = std::chrono::steady_clock::now();
        panel.draw(snapshot, commands);
        const auto took = std::chrono::steady_clock::now() - begin;
        milliseconds.push_back(std::chrono::duration<double, std::milli>(took).count());
        for (Command &command : commands.take())
            pushed.push_back(std::move(command));
        ImGui::End();
    }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const Command &command : pushed)
            if (const T *one = std::get_if<T>(&command))
                found.push_back(*one);
        return found;
    }
    window::FrameClient client() {
        return {.draw = [this] { draw(); }, .started = [] { applyTheme(ThemeKind::dark, 1); }};
    }
    void work() {
        TaskView task;
        task.id = 5, task.title = "Answer over harbour.md", task.running = true, task.rate = 245;
        task.progress = {"reading", "tokens", 1280, 9300, 5, 130};
        snapshot.tasks = {task};
    }

    ImVec2 size{640, 740};
    ChatPanel panel;
    Snapshot snapshot = sample::makeSnapshot();
    std::vector<Command> pushed;
    std::vector<double> milliseconds;
};

/// (KeyCharsAppendEnter of the engine presses Shift+Enter, which is a new line here.)
inline void typeAndEnter(ImGuiTestContext *ctx, const char *text) {
    ctx->KeyChars(text);
    ctx->KeyPress(ImGuiKey_Enter);
}

} // namespace longscope::tests
