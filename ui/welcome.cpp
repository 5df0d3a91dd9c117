#include "ui/welcome.h"

#include "ui/strings.h"
#include "ui/theme.h"

#include <imgui.h>

namespace longscope::ui {
namespace {

bool choice(const char *label, const char *what) {
    float em = ImGui::GetFontSize();
    bool pressed = ImGui::Button(tr(label), {15 * em, 2.2f * em});
    ImGui::SameLine();
    ImGui::BeginGroup();
    ImGui::Dummy({0, 0.25f * em});
    ImGui::PushTextWrapPos(0);
    ImGui::TextColored(mutedText(), "%s", tr(what));
    ImGui::PopTextWrapPos();
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
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
    ImGui::SetNextWindowSize({44 * em, 0}, ImGuiCond_Appearing);
    bool open = true, chosen = false;
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
        if (choice("Summarize the sample", "A short report is read and summarized, with the place of "
                                           "every sentence.")) {
            commands.push(command::OpenSample{});
            commands.push(command::Summarize{});
            chosen = true;
        }
        if (choice("Open a document...", "Text or Markdown; or drop a file anywhere in the window.")) {
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
        ImGui::PushTextWrapPos(0);
        if (snapshot.model)
            ImGui::TextColored(mutedText(), tr("Ready: %s on %s."), snapshot.model->name.c_str(),
                               snapshot.model->device.c_str());
        else
            ImGui::TextColored(mutedText(), "%s",
                               tr("The default model is small (135 million parameters): it shows how "
                                  "reading works, and its own sentences need a check. Larger models "
                                  "write better."));
        ImGui::PopTextWrapPos();
    }
    ImGui::End();
    return chosen || !open;
}

} // namespace longscope::ui
