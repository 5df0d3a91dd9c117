#include "ui/panels/cost.h"

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

/// A large number with its name above and a remark below.
void bigNumber(const char *label, const std::string &value, const std::string &remark) {
    ImGui::TableNextColumn();
    ImGui::TextColored(mutedText(), "%s", label);
    ImGui::PushFont(fonts().bold, 1.4F * fontBase());
    ImGui::TextUnformatted(value.c_str());
    ImGui::PopFont();
    ImGui::TextColored(mutedText(), "%s", remark.c_str());
}

std::string againstFull(double own, double full) {
    if (!(full > 0) || !std::isfinite(own))
        return "";
    return std::abs(own / full - 1) < 1e-3 ? tr("as full attention")
                                           : timesText(own / full) + " full";
}

} // namespace

CostOf CostPanel::guessed() const {
    if (guess_.locked)
        return guess_.what;
    return what_ == CostOf::pairs ? CostOf::pairs : CostOf::time;
}

const CostDot *CostPanel::answer(const Cost &cost) const {
    if (!guess_.asked)
        return nullptr;
    for (const CostDot &dot : cost.dots)
        if (dot.attention == guess_.spec && dot.tokens == guess_.tokens)
            return &dot;
    return nullptr;
}

bool CostPanel::isGuessing(const Cost &cost) const {
    return tab_ == Tab::predict && !answer(cost);
}

void CostPanel::drawToolbar() {
    struct Row {
        CostOf what;
        const char *label;
    };
    static constexpr Row kRows[] = {{CostOf::time, "Time"},
                                    {CostOf::flops, "Work (FLOPs)"},
                                    {CostOf::bytes, "Memory (keys and values)"},
                                    {CostOf::pairs, "Pairs"}};
    for (const Row &row : kRows) {
        if (ImGui::RadioButton(tr(row.label), what_ == row.what)) {
            what_ = row.what;
            refit_ = true;
            if (!guess_.locked)
                guess_.value = 0; // of another unit
        }
        float next = ImGui::CalcTextSize(tr(row.label)).x + 8 * ImGui::GetFontSize();
        ImGui::SameLine();
        if (ImGui::GetContentRegionAvail().x < next)
            ImGui::NewLine();
    }
    refit_ |= ImGui::Checkbox(tr("Logarithmic axes"), &logarithmic_);
}

void CostPanel::drawChoice(const Snapshot &snapshot) {
    const float em = ImGui::GetFontSize();
    constexpr uint64_t kLeast = 16;
    const uint64_t most = std::max<uint64_t>(4 * trained_, 32768);
    ImGui::SetNextItemWidth(14 * em);
    ImGui::SliderScalar(tr("Tokens"), ImGuiDataType_U64, &tokens_, &kLeast, &most, "%llu",
                        ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_AlwaysClamp);
    if (ImGui::GetContentRegionAvail().x > 44 * em)
        ImGui::SameLine();
    ImGui::SetNextItemWidth(14 * em);
    ImGui::InputText("##spec", &spec_);
    ImGui::SameLine(0, 0);
    if (ImGui::BeginCombo(tr("Pattern"), nullptr,
                          ImGuiComboFlags_NoPreview | ImGuiComboFlags_PopupAlignLeft)) {
        std::vector<std::string> specs = taughtSpecs();
        specs.emplace_back(kLinearAttention);
        const std::string &applied = snapshot.patterns.applied.attention;
        if (std::ranges::find(specs, applied) == specs.end() && readSpec(applied))
            specs.push_back(applied);
        for (const std::string &spec : specs)
            if (ImGui::Selectable(spec.c_str(), spec == spec_))
                spec_ = spec;
        ImGui::EndCombo();
    }
    spec_problem_.clear();
    readSpec(spec_, &spec_problem_);
    if (spec_problem_.empty())
        return;
    colouredText(error(), spec_problem_);
}

void CostPanel::drawNumbers(const Cost &cost) {
    std::optional<WayOfReading> way = readSpec(spec_);
    if (!way)
        return;
    CostFigures own = costOf(cost, *way, tokens_), full = costOf(cost, *readSpec("full"), tokens_);
    if (cost.heads() == 0)
        full = {}; // there is nothing to compare with
    auto text = [](const CostFigures &figures, CostOf what) {
        return valueText(valueOf(figures, what), what);
    };
    const bool fits = ImGui::GetContentRegionAvail().x > 40 * ImGui::GetFontSize();
    if (ImGui::BeginTable("##numbers", fits ? 4 : 2, ImGuiTableFlags_SizingStretchSame)) {
        bigNumber(tr("Time"), text(own, CostOf::time),
                  againstFull(own.seconds.value_or(NAN), full.seconds.value_or(0)));
        bigNumber(tr("Work"), text(own, CostOf::flops), againstFull(own.flops, full.flops));
        bigNumber(tr("Memory"), text(own, CostOf::bytes), againstFull(own.bytes, full.bytes));
        bigNumber(tr("Pairs"), text(own, CostOf::pairs), againstFull(own.pairs, full.pairs));
        ImGui::EndTable();
    }
    mutedLine(std::format(
        "Reading {}{}. {} {}", tokensText(tokens_),
        cost.heads() > 0 ? " with " + wayText(spec_) : std::string(),
        cost.heads() == 0 ? "Memory is of states."
        : cost.stateBytes() > 0
            ? "Pairs are of one head of one layer that attends; memory is of keys and values in 16 "
              "bits, and of states."
            : "Pairs are of one head of one layer; memory is of keys and values in 16 bits.",
        speedKind(cost) == SpeedKind::measured
            ? "Time is by the speeds that readings on this device reached."
        : speedKind(cost) == SpeedKind::peak
            ? "Time is at best: by the peak speed of this device."
            : "The time is not known before a sweep or a measured guess."));
}

/// How many layers attend, where not all of them do.
void CostPanel::drawKinds(const Snapshot &snapshot) const {
    const Cost &cost = snapshot.cost;
    uint32_t attending = 0, recurring = 0;
    for (const CostLayers &kind : cost.kinds) {
        attending += kind.shape.heads > 0 ? kind.count : 0;
        recurring += kind.state_bytes > 0 ? kind.count : 0;
    }
    if (recurring == 0)
        return;
    const std::string states = byteText(static_cast<double>(cost.stateBytes()));
    mutedLine(attending == 0
                  ? say("No layer of this model attends: patterns change nothing. The states of "
                        "its {} recurrent layers take {}, however long the text is.",
                        recurring, states)
                  : say("{} of {} layers attend; the states of the {} that recur take {}, however "
                        "long the text is.",
                        attending, cost.layers(), recurring, states));
}

void CostPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    const Cost &cost = snapshot.cost;
    if (cost.kinds.empty()) {
        ImGui::TextWrapped("%s", tr("Load a model to see what reading with it costs."));
        return;
    }
    if (trained_ != snapshot.patterns.trained_tokens) {
        trained_ = snapshot.patterns.trained_tokens;
        longest_ = 0;
        refit_ = true;
    }
    drawToolbar();
    drawKinds(snapshot);
    drawPlot(snapshot);
    ImGui::Separator();
    drawChoice(snapshot);
    if (!ImGui::BeginTabBar("##tabs"))
        return;
    if (ImGui::BeginTabItem(tr("Numbers"))) {
        tab_ = Tab::numbers;
        drawNumbers(cost);
        ImGui::EndTabItem();
    }
    if (ImGui::BeginTabItem(tr("Predict first"))) {
        tab_ = Tab::predict;
        drawPredict(snapshot, commands);
        ImGui::EndTabItem();
    }
    if (ImGui::BeginTabItem(tr("Sweep"))) {
        tab_ = Tab::sweep;
        drawSweep(snapshot, commands);
        ImGui::EndTabItem();
    }
    ImGui::EndTabBar();
}

} // namespace longscope::ui
