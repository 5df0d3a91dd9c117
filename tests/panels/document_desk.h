// The document panel with a made-up desk, and a person's hands, for its tests.
#pragma once

#include "tests/panels/harness/harness.h"
#include "tests/panels/sample_snapshot.h"

#include "ui/panels/document.h"

#include <cmath>
#include <ctime>
#include <format>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace longscope::ui::document_test {

/// Of our own work, so that other programs of this machine do not count.
inline double threadMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// The panel alone, with a desk that does what little it needs.
struct Desk {
    Snapshot snapshot = sample::makeSnapshot();
    DocumentPanel panel;
    std::vector<Command> commands; ///< all so far
    std::vector<double> frame_ms;
    ImVec2 size{900, 640};
    bool follows = true; ///< commands change the snapshot

    Desk() {
        panel.open_file = [] {};
    }

    void draw() {
        ImGui::SetNextWindowPos({10, 10}, ImGuiCond_Always);
        ImGui::SetNextWindowSize(size, ImGuiCond_Always);
        CommandQueue queue;
        const double since = threadMilliseconds();
        ImGui::Begin(panel.name());
        panel.draw(snapshot, queue);
        ImGui::End();
        frame_ms.push_back(threadMilliseconds() - since);
        for (Command &command : queue.take()) {
            if (follows)
                apply(command);
            commands.push_back(std::move(command));
        }
    }

    void apply(const Command &command) {
        Documents &documents = snapshot.documents;
        if (const auto *paste = std::get_if<command::PasteDocument>(&command)) {
            documents.open.push_back(sample::makeDocument(100 + documents.open.size(),
                                                          "Pasted text", paste->text, false));
            documents.current = documents.open.back()->id;
        } else if (const auto *show = std::get_if<command::ShowDocument>(&command)) {
            documents.current = show->document;
        } else if (const auto *close = std::get_if<command::CloseDocument>(&command)) {
            std::erase_if(documents.open,
                          [&](const auto &open) { return open->id == close->document; });
            documents.current = documents.open.empty() ? 0 : documents.open.front()->id;
        } else if (const auto *set = std::get_if<command::SetPreferences>(&command)) {
            snapshot.preferences = set->preferences;
        } else if (const auto *mark = std::get_if<command::MarkDocument>(&command)) {
            documents.marked = mark->document;
            documents.marks = std::make_shared<std::vector<Mark>>(mark->marks);
        }
    }

    template <class Wanted> const Wanted *last() const {
        return commands.empty() ? nullptr : std::get_if<Wanted>(&commands.back());
    }
    const std::string &text() const { return *snapshot.documents.shown()->text; }
    const TextView &view() const { return *panel.textView(); }
};

inline std::string bigText(size_t bytes) {
    std::string text;
    for (unsigned part = 1; text.size() < bytes; ++part)
        text += std::format("# Part {}\n\n", part) + sample::harbourText(1, 40).substr(80);
    return text;
}

inline void focusText(ImGuiTestContext *ctx) {
    ctx->SetRef("//Document");
    ctx->ItemClick("**/##text");
}
/// A place in the text, by the row from the top and the fraction of the width.
inline ImVec2 spot(ImGuiTestContext *ctx, float row, float x) {
    const ImGuiTestItemInfo item = ctx->ItemInfo("**/##text");
    const float height = std::round(ImGui::GetFontSize() * 1.4F);
    return {item.RectFull.Min.x + x, item.RectFull.Min.y + (row + 0.5F) * height};
}

inline std::shared_ptr<const std::vector<Mark>> someMarks(const std::string &text) {
    auto marks = std::make_shared<std::vector<Mark>>();
    const auto add = [&](std::string_view words, MarkKind kind, float weight, std::string note) {
        const size_t start = text.find(words);
        marks->push_back({start, start + words.size(), kind, weight, std::move(note)});
    };
    const size_t late = text.rfind("Nobody had");
    marks->push_back({late, late + 30, MarkKind::survivor, 1, "kept in 3 layers"});
    add("The harbour keeps coal for thirty days", MarkKind::source, 1,
        "Source of the first sentence");
    add("eleven ships", MarkKind::attention, 0.8F, "12 % of the attention");
    add("which of the two cranes was mended first", MarkKind::attention, 0.3F,
        "3 % of the attention");
    return marks;
}

} // namespace longscope::ui::document_test
