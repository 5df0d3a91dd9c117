#include "ui/panels/chat_options.h"

#include "ui/strings.h"
#include "ui/theme.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <array>
#include <cfloat>

namespace longscope::ui {
namespace {

constexpr const char *kPopup = "Prompt and sampling";

struct SystemPreset {
    const char *name, *text;
};
constexpr std::array<SystemPreset, 4> kSystemPresets = {{
    {"Default", "You are a helpful assistant. Answer clearly and to the point."},
    {"Faithful reader",
     "You answer from the given text alone. Quote its words where you can, and name the part that "
     "they are from. When the text does not say it, answer: the text does not say."},
    {"Teacher",
     "You are a patient teacher. Explain step by step, in simple words, with one example for each "
     "idea. End with a short question that checks whether it was understood."},
    {"Brief", "Answer in at most three short sentences. No introduction, no repetition."},
}};

Sampling with(float temperature, uint32_t top_k, float top_p, float min_p, float penalty) {
    Sampling sampling;
    sampling.temperature = temperature;
    sampling.top_k = top_k;
    sampling.top_p = top_p;
    sampling.min_p = min_p;
    sampling.repeat_penalty = penalty;
    return sampling;
}

struct SamplingPreset {
    const char *name, *does;
    Sampling values;
};
const std::array<SamplingPreset, 3> &samplingPresets() {
    static const std::array<SamplingPreset, 3> presets = {{
        {"Precise", "Nearly always the most probable token: facts, extraction.",
         with(0.2F, 40, 0.9F, 0.1F, 1)},
        {"Balanced", "The values that a new conversation has.", Sampling{}},
        {"Creative", "Less probable tokens too: ideas, stories.",
         with(1.1F, 100, 0.98F, 0.02F, 1.05F)},
    }};
    return presets;
}

/// Seed and length of the reply are not a matter of taste: presets leave them.
bool sameTaste(const Sampling &a, Sampling b) {
    b.seed = a.seed;
    b.reply_tokens = a.reply_tokens;
    return a == b;
}

/// A row of the table: name, control, and a button that brings the usual value back.
template <class T, class Draw>
void row(const char *name, const char *help, T &value, const T &usual, Draw draw) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(tr(name));
    ImGui::SetItemTooltip("%s", tr(help));
    ImGui::TableNextColumn();
    ImGui::PushID(name);
    ImGui::SetNextItemWidth(-FLT_MIN);
    draw(value);
    ImGui::TableNextColumn();
    ImGui::BeginDisabled(value == usual);
    if (ImGui::Button(tr("Reset")))
        value = usual;
    ImGui::EndDisabled();
    ImGui::PopID();
}

auto slider(float least, float most, const char *format = "%.2f") {
    return [=](float &value) {
        ImGui::SliderFloat("##value", &value, least, most, format, ImGuiSliderFlags_AlwaysClamp);
    };
}

template <class T> auto logarithmic(ImGuiDataType type, T least, T most, const char *format) {
    return [=](T &value) {
        ImGui::SliderScalar("##value", type, &value, &least, &most, format,
                            ImGuiSliderFlags_AlwaysClamp | ImGuiSliderFlags_Logarithmic);
    };
}

} // namespace

void ChatOptions::open() {
    ImGui::OpenPopup(kPopup);
}

void ChatOptions::draw(const Snapshot &snapshot, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowSizeConstraints({30 * em, 0}, {30 * em, FLT_MAX});
    const bool open = ImGui::BeginPopup(kPopup);
    if (open) {
        if (!shown_) {
            system_ = system_sent_ = snapshot.chat.system_prompt;
            sampling_ = sampling_sent_ = snapshot.chat.sampling;
        }
        drawSystemPrompt();
        drawSampling(snapshot);
        ImGui::EndPopup();
    }
    if (shown_ && (!open || !ImGui::IsAnyItemActive()))
        sendChanges(commands);
    shown_ = open;
}

void ChatOptions::sendChanges(CommandQueue &commands) {
    if (system_ != system_sent_)
        commands.push(command::SetSystemPrompt{system_sent_ = system_});
    if (sampling_ != sampling_sent_)
        commands.push(command::SetSampling{sampling_sent_ = sampling_});
}

void ChatOptions::drawSystemPrompt() {
    pushBold();
    ImGui::TextUnformatted(tr("System prompt"));
    ImGui::PopFont();
    const char *chosen = tr("Own words");
    for (const SystemPreset &preset : kSystemPresets)
        if (system_ == preset.text)
            chosen = tr(preset.name);
    if (system_.empty())
        chosen = tr("None");
    ImGui::SetNextItemWidth(-FLT_MIN);
    if (ImGui::BeginCombo("##preset", chosen)) {
        for (const SystemPreset &preset : kSystemPresets) {
            if (ImGui::Selectable(tr(preset.name), system_ == preset.text))
                system_ = preset.text;
            ImGui::SetItemTooltip("%s", preset.text);
        }
        if (ImGui::Selectable(tr("None"), system_.empty()))
            system_.clear();
        ImGui::EndCombo();
    }
    ImGui::InputTextMultiline(
        "##system", &system_,
        {-FLT_MIN, 5 * ImGui::GetTextLineHeight() + 2 * ImGui::GetStyle().FramePadding.y},
        ImGuiInputTextFlags_WordWrap);
}

void ChatOptions::drawSampling(const Snapshot &snapshot) {
    ImGui::Spacing();
    pushBold();
    ImGui::TextUnformatted(tr("Sampling"));
    ImGui::PopFont();
    for (const SamplingPreset &preset : samplingPresets()) {
        if (&preset != &samplingPresets().front())
            ImGui::SameLine();
        if (ImGui::RadioButton(tr(preset.name), sameTaste(sampling_, preset.values))) {
            const Sampling before = sampling_;
            sampling_ = preset.values;
            sampling_.seed = before.seed;
            sampling_.reply_tokens = before.reply_tokens;
        }
        ImGui::SetItemTooltip("%s", tr(preset.does));
    }
    if (!ImGui::BeginTable("##sampling", 3))
        return;
    ImGui::TableSetupColumn("##name", ImGuiTableColumnFlags_WidthFixed);
    ImGui::TableSetupColumn("##value", ImGuiTableColumnFlags_WidthStretch);
    ImGui::TableSetupColumn("##reset", ImGuiTableColumnFlags_WidthFixed);
    const Sampling usual;
    row("Temperature", "How much chance decides. 0: always the most probable token.",
        sampling_.temperature, usual.temperature, slider(0, 2));
    row("Top-k", "Only this many of the most probable tokens can be chosen. 0: all.",
        sampling_.top_k, usual.top_k, [](uint32_t &value) {
            constexpr uint32_t kLeast = 0, kMost = 200;
            ImGui::SliderScalar("##value", ImGuiDataType_U32, &value, &kLeast, &kMost,
                                value == 0 ? "all" : "%u", ImGuiSliderFlags_AlwaysClamp);
        });
    row("Top-p", "Only the most probable tokens that together have this share. 1: all.",
        sampling_.top_p, usual.top_p, slider(0.05F, 1));
    row("Min-p", "Only tokens with at least this part of the best one's probability. 0: all.",
        sampling_.min_p, usual.min_p, slider(0, 0.5F));
    row("Repeat penalty", "Above 1, tokens that were there already become less probable.",
        sampling_.repeat_penalty, usual.repeat_penalty, slider(1, 1.5F));
    row("Seed (0: random)", "The same seed gives the same answer again. 0: another one each time.",
        sampling_.seed, usual.seed,
        [](uint64_t &value) { ImGui::InputScalar("##value", ImGuiDataType_U64, &value); });
    row("Reply", "The most tokens that an answer may have; they are reserved in the window.",
        sampling_.reply_tokens, usual.reply_tokens,
        logarithmic<uint64_t>(ImGuiDataType_U64, 16, 8192, "%llu tokens"));
    ImGui::EndTable();
    if (!snapshot.chat.template_used.empty()) {
        pushSmall();
        ImGui::TextColored(mutedText(), "%s: %s", tr("Chat template"),
                           snapshot.chat.template_used.c_str());
        ImGui::PopFont();
    }
}

} // namespace longscope::ui
