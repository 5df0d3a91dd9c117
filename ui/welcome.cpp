#include "ui/welcome.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui.h>

#include <algorithm>

namespace longscope::ui {
namespace {

bool choice(const char *label, const char *what) {
    float em = ImGui::GetFontSize();
    bool pressed = ImGui::Button(tr(label), {15 * em, 2.2f * em});
    ImGui::SameLine();
    float room = ImGui::GetContentRegionAvail().x;
    float height = ImGui::CalcTextSize(tr(what), nullptr, false, room).y;
    ImGui::BeginGroup();
    ImGui::Dummy({0, std::max((2.2f * em - height) / 2 - ImGui::GetStyle().ItemSpacing.y, 0.f)});
    mutedLine(tr(what));
    ImGui::EndGroup();
    return pressed;
}

void paragraph(const char *text) {
    ImGui::PushTextWrapPos(0);
    ImGui::TextUnformatted(tr(text));
    ImGui::PopTextWrapPos();
    ImGui::Spacing();
}

} // namespace

bool drawWelcome(const Snapshot &snapshot, CommandQueue &commands, const WelcomeChoices &choices) {
    float em = ImGui::GetFontSize();
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing,
                            {0.5f, 0.5f});
    ImGui::SetNextWindowSize({44 * em, 0}, ImGuiCond_Appearing);
    bool open = true, chosen = false, left = false;
    constexpr ImGuiWindowFlags kFlags = ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking |
                                        ImGuiWindowFlags_NoSavedSettings |
                                        ImGuiWindowFlags_NoResize;
    if (ImGui::Begin("Welcome", &open, kFlags)) {
        pushHeading();
        ImGui::TextUnformatted(tr("Read long documents with a model of your own"));
        ImGui::PopFont();
        ImGui::Spacing();
        paragraph("Longscope opens a language model on this computer, reads a document with it, "
                  "summarizes it and answers questions, and shows where the model looked and what "
                  "that cost. Nothing leaves this computer.");
        if (choice("Summarize the sample",
                   "A short report is read and summarized, with the place of "
                   "every sentence.")) {
            commands.push(command::OpenSample{});
            commands.push(command::Summarize{});
            chosen = true;
        }
        if (choice("Open a document...",
                   "Text, Markdown, HTML, RTF or code; or drop a file anywhere in the window.")) {
            choices.open_document();
            chosen = true;
        }
        if (choice("Paste a document", "What is on the clipboard becomes a document.")) {
            choices.paste();
            chosen = true;
        }
        if (choice("Open a model...", "A GGUF file from anywhere, such as Llama or Mistral.")) {
            choices.open_model();
            chosen = true;
        }
        ImGui::Spacing();
        mutedLine(snapshot.model
                      ? say("Ready: {} on {}.", snapshot.model->name, snapshot.model->device)
                      : tr("The default model is small (135 million parameters): it shows how "
                           "reading works, and its own sentences need a check. Larger models "
                           "write better."));
        left = ImGui::IsWindowFocused() && ImGui::IsKeyPressed(ImGuiKey_Escape, false);
    }
    ImGui::End();
    return chosen || left || !open;
}

} // namespace longscope::ui
