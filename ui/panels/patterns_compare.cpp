#include "ui/panels/patterns_compare.h"

#include "compute/attention/cache_type.h"
#include "compute/core/text.h"
#include "ui/panels/patterns_spec.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

void editSpecText(const char *label, std::string &text, const std::string &problem) {
    ImGui::SetNextItemWidth(-6 * ImGui::GetFontSize());
    ImGui::InputText(label, &text);
    if (!problem.empty())
        colouredText(error(), problem);
}

void editCacheType(const char *label, std::string &type) {
    ImGui::SetNextItemWidth(5 * ImGui::GetFontSize());
    if (!ImGui::BeginCombo(label, type.c_str()))
        return;
    for (const char *name : {"f32", "f16", "bf16", "q8_0", "q4_0"})
        if (ImGui::Selectable(name, type == name))
            type = name;
    ImGui::EndCombo();
}

/// Wrapped by hand, because the part from `marked` on has a ground of its own.
void drawMarked(const std::string &text, size_t marked) {
    ImFont *font = ImGui::GetFont();
    const float size = ImGui::GetFontSize(), line = ImGui::GetTextLineHeight();
    const float width = ImGui::GetContentRegionAvail().x;
    const ImU32 colour = ImGui::GetColorU32(ImGuiCol_Text);
    ImVec4 ground_colour = accent();
    ground_colour.w = 0.25F;
    const ImU32 ground = ImGui::GetColorU32(ground_colour);
    const char *at = text.data(), *end = text.data() + text.size();
    const char *border = text.data() + std::min(marked, text.size());
    ImDrawList &list = *ImGui::GetWindowDrawList();
    while (at < end) {
        const char *newline = std::find(at, end, '\n');
        const char *stop = font->CalcWordWrapPosition(size, at, newline, width);
        if (stop == at && at < newline)
            stop = at + 1;
        ImVec2 corner = ImGui::GetCursorScreenPos();
        if (stop > border) {
            const char *from = std::max(at, border);
            float left = ImGui::CalcTextSize(at, from).x, right = ImGui::CalcTextSize(at, stop).x;
            list.AddRectFilled({corner.x + left, corner.y}, {corner.x + right, corner.y + line},
                               ground);
        }
        list.AddText(corner, colour, at, stop);
        ImGui::Dummy({width, line});
        at = stop;
        while (at < newline && *at == ' ')
            ++at;
        if (at == newline && at < end)
            ++at;
    }
}

void row(const char *label, const std::string &a, const std::string &b) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    ImGui::TextColored(mutedText(), "%s", label);
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(a.c_str());
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(b.c_str());
}

std::string rateText(uint64_t tokens, double seconds) {
    if (seconds <= 0)
        return "";
    return std::format("{} ({} tokens/s)", secondsText(seconds),
                       shortNumber(static_cast<double>(tokens) / seconds));
}

std::string settingsText(const AttentionSettings &settings) {
    std::string text = settings.attention;
    if (settings.rope != "model")
        text += ", rope " + settings.rope;
    if (settings.k != "f16" || settings.v != "f16")
        text += ", cache " + settings.k + (settings.k == settings.v ? "" : "/" + settings.v);
    if (settings.evict != "none")
        text += ", " + settings.evict;
    return text;
}

void drawFigures(const Comparison &comparison) {
    const ComparedSide &a = comparison.a, &b = comparison.b;
    constexpr ImGuiTableFlags kFlags =
        ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_SizingStretchProp;
    if (!ImGui::BeginTable("##figures", 3, kFlags))
        return;
    ImGui::TableSetupColumn("", ImGuiTableColumnFlags_WidthFixed, 9 * ImGui::GetFontSize());
    ImGui::TableSetupColumn("A");
    ImGui::TableSetupColumn("B");
    ImGui::TableHeadersRow();
    row(tr("Settings"), settingsText(a.settings), settingsText(b.settings));
    row(tr("Read"), tokensText(a.prompt_tokens), tokensText(b.prompt_tokens));
    row(tr("Reading took"), rateText(a.prompt_tokens, a.prompt_seconds),
        rateText(b.prompt_tokens, b.prompt_seconds));
    row(tr("Written"), tokensText(a.written_tokens), tokensText(b.written_tokens));
    row(tr("Writing took"), rateText(a.written_tokens, a.write_seconds),
        rateText(b.written_tokens, b.write_seconds));
    auto versus = [](double own, double other) {
        return other > 0 ? std::format(" ({} of A)", percentText(own / other)) : std::string();
    };
    row(tr("Pairs computed"), countText(a.pairs), countText(b.pairs) + versus(b.pairs, a.pairs));
    auto bytes = [](uint64_t count) { return static_cast<double>(count); };
    row(tr("Cache"), byteText(bytes(a.cache_bytes)),
        byteText(bytes(b.cache_bytes)) + versus(bytes(b.cache_bytes), bytes(a.cache_bytes)));
    if (b.kl)
        row(tr("KL from A"), "0 nats", shortNumber(*b.kl) + " nats");
    ImGui::EndTable();
    if (b.kl)
        mutedLine(explainKl(*b.kl));
}

void drawTexts(const Comparison &comparison) {
    size_t differs = firstDifference(comparison.a.text, comparison.b.text);
    if (!ImGui::BeginTable("##texts", 2,
                           ImGuiTableFlags_BordersInnerV | ImGuiTableFlags_SizingStretchSame))
        return;
    ImGui::TableSetupColumn(tr("Text of A"));
    ImGui::TableSetupColumn(tr("Text of B"));
    ImGui::TableHeadersRow();
    for (const ComparedSide *side : {&comparison.a, &comparison.b}) {
        ImGui::TableNextColumn();
        if (!side->error.empty())
            colouredText(error(), side->error);
        drawMarked(side->text, differs);
    }
    ImGui::EndTable();
    if (comparison.running || comparison.a.text.empty() || comparison.b.text.empty())
        return;
    mutedLine(differs == std::string::npos
                  ? std::string(tr("Both texts are the same."))
                  : std::string(tr("The ground is coloured from the first difference "
                                   "on.")));
}

} // namespace

size_t firstDifference(std::string_view a, std::string_view b) {
    auto [in_a, in_b] = std::ranges::mismatch(a, b);
    if (in_a == a.end() && in_b == b.end())
        return std::string::npos;
    return characterStart(a, static_cast<size_t>(in_a - a.begin()));
}

std::string explainKl(double kl) {
    if (kl <= 0)
        return "KL 0 nats: B gives every next token the same probability as A.";
    return std::format("KL {} nats: on average B gives the tokens that A would choose {} of A's "
                       "probability (the mean is geometric). 0 nats would be the same model.",
                       shortNumber(kl), percentText(std::exp(-kl)));
}

void CompareView::drawSide(const char *name, AttentionSettings &side,
                           const AttentionSettings &draft, const AttentionSettings &applied,
                           uint32_t layers) {
    ImGui::PushID(name);
    ImGui::SeparatorText(name);
    if (ImGui::SmallButton(tr("Take the sliders")))
        side = draft;
    ImGui::SetItemTooltip("%s", tr("What the tab \"Settings\" says now, applied or not."));
    ImGui::SameLine();
    if (ImGui::GetContentRegionAvail().x < 11 * ImGui::GetFontSize())
        ImGui::NewLine();
    if (ImGui::SmallButton(tr("Take what is applied")))
        side = applied;
    editSpecText(tr("Pattern"), side.attention, checkAttention(side.attention, layers));
    editSpecText(tr("Positions"), side.rope, checkRope(side.rope));
    editSpecText(tr("Eviction"), side.evict, checkEviction(side.evict));
    editCacheType("K", side.k);
    ImGui::SameLine();
    editCacheType("V", side.v);
    ImGui::PopID();
}

void CompareView::drawRun(const Snapshot &snapshot, CommandQueue &commands) {
    ImGui::TextColored(mutedText(), "%s",
                       snapshot.documents.shown() ? tr("Question about the open document")
                                                  : tr("Prompt (no document is open)"));
    ImGui::InputTextMultiline("##prompt", &prompt_, {-1, 3.6F * ImGui::GetFontSize()},
                              ImGuiInputTextFlags_WordWrap);
    ImGui::SetNextItemWidth(12 * ImGui::GetFontSize());
    ImGui::SliderInt(tr("Reply"), &reply_tokens_, 8, 512, tr("%d tokens"),
                     ImGuiSliderFlags_Logarithmic);
    bool is_running = snapshot.patterns.comparison && snapshot.patterns.comparison->running;
    bool is_wrong = false;
    for (const AttentionSettings *side : {&a_, &b_})
        is_wrong |= !checkAttention(side->attention, snapshot.cost.layers()).empty() ||
                    !checkRope(side->rope).empty() || !checkEviction(side->evict).empty();
    bool is_blank = prompt_.find_first_not_of(" \t\n") == std::string::npos;
    ImGui::SameLine();
    ImGui::BeginDisabled(is_blank || is_running || is_wrong || !snapshot.model);
    if (ImGui::Button(tr("Run both")))
        commands.push(command::Compare{a_, b_, prompt_, static_cast<uint64_t>(reply_tokens_)});
    ImGui::EndDisabled();
    const char *why = is_running        ? tr("The comparison runs.")
                      : !snapshot.model ? tr("No model is loaded.")
                      : is_wrong        ? tr("One of the settings cannot be read; see above.")
                      : is_blank        ? tr("Write a prompt first.")
                                        : nullptr;
    if (why && ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled))
        ImGui::SetTooltip("%s", why);
    if (is_running) {
        ImGui::SameLine();
        if (ImGui::Button(tr("Stop")))
            commands.push(command::Stop{});
    }
}

void CompareView::draw(const Snapshot &snapshot, const AttentionSettings &draft,
                       CommandQueue &commands) {
    const AttentionSettings &applied = snapshot.patterns.applied;
    if (!started_) {
        b_ = draft;
        a_ = draft == applied ? AttentionSettings{} : applied; // the same twice tells nothing
        prompt_ = tr("What is this text about? Answer in two sentences.");
        started_ = true;
    }
    uint32_t layers = snapshot.cost.layers();
    if (ImGui::BeginTable("##sides", 2, ImGuiTableFlags_SizingStretchSame)) {
        ImGui::TableNextColumn();
        drawSide("A", a_, draft, applied, layers);
        ImGui::TableNextColumn();
        drawSide("B", b_, draft, applied, layers);
        ImGui::EndTable();
    }
    ImGui::Separator();
    drawRun(snapshot, commands);
    if (!snapshot.patterns.comparison)
        return;
    const Comparison &comparison = *snapshot.patterns.comparison;
    ImGui::Separator();
    mutedLine("\"" + comparison.prompt + "\"");
    drawFigures(comparison);
    drawTexts(comparison);
}

} // namespace longscope::ui
