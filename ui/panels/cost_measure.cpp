// What the cost panel measures: a guess against one reading, and sweeps over patterns and lengths.
#include "ui/panels/cost.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

/// What runs now, with a button to stop it.
void drawRunning(const Snapshot &snapshot, CommandQueue &commands) {
    if (!snapshot.busy())
        return;
    const TaskView &task = snapshot.tasks.front();
    float share = task.progress.total > 0 ? static_cast<float>(task.progress.done) /
                                                static_cast<float>(task.progress.total)
                                          : -1.0F;
    std::string text = task.title;
    if (task.progress.remaining_s > 0)
        text += ", " + secondsText(task.progress.remaining_s) + " to go";
    ImGui::ProgressBar(share < 0 ? -static_cast<float>(ImGui::GetTime()) : share,
                       {-6 * ImGui::GetFontSize(), 0}, text.c_str());
    ImGui::SameLine();
    ImGui::BeginDisabled(task.stopping);
    if (ImGui::Button(tr("Stop"), {-1, 0}))
        commands.push(command::StopTask{task.id});
    ImGui::EndDisabled();
}

void cell(const std::string &text) {
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(text.c_str());
}

void answerRow(const char *label, double value, double guess, CostOf what) {
    ImGui::TableNextRow();
    cell(tr(label));
    ImGui::TableNextColumn();
    pushBold();
    ImGui::TextUnformatted(valueText(value, what).c_str());
    ImGui::PopFont();
    cell(std::isfinite(guess) && value > 0 ? timesText(guess / value) : "");
}

} // namespace

void CostPanel::drawAnswer(const Cost &cost) {
    const CostDot *dot = answer(cost);
    if (!dot)
        return;
    const double measured = guess_.what == CostOf::time ? dot->seconds : dot->pairs;
    double formula = NAN;
    if (auto way = readSpec(guess_.spec))
        formula = valueOf(costOf(cost, *way, guess_.tokens), guess_.what);
    constexpr ImGuiTableFlags kFlags =
        ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_SizingStretchSame;
    if (ImGui::BeginTable("##answer", 3, kFlags)) {
        ImGui::TableSetupColumn("");
        ImGui::TableSetupColumn(tr(guess_.what == CostOf::time ? "Time" : "Pairs"));
        ImGui::TableSetupColumn(tr("Your guess against it"));
        ImGui::TableHeadersRow();
        answerRow("Your guess", guess_.value, NAN, guess_.what);
        answerRow("Formula", formula, guess_.value, guess_.what);
        answerRow("Measured", measured, guess_.value, guess_.what);
        ImGui::EndTable();
    }
    const double ratio = guess_.value / measured;
    if (ratio > 0.8 && ratio < 1.25)
        ImGui::TextColored(good(), "%s", tr("Close: within a quarter of what was measured."));
    else
        mutedLine(ratio > 1 ? std::format("You guessed {} too much.", timesText(ratio))
                            : std::format("It took {} your guess.", timesText(1 / ratio)));
}

void CostPanel::drawPredict(const Snapshot &snapshot, CommandQueue &commands) {
    const Cost &cost = snapshot.cost;
    if (!guess_.locked && what_ != CostOf::time && what_ != CostOf::pairs) {
        what_ = CostOf::time;
        refit_ = true;
    }
    if (guess_.value <= 0)
        guess_.value = std::sqrt(lowest_ * highest_);
    const CostOf what = guessed();
    const uint64_t tokens = guess_.locked ? guess_.tokens : tokens_;
    mutedLine(
        std::format("How {} does reading {} with {} take? Drag the point in the picture or the "
                    "slider, lock your guess, then measure.",
                    what == CostOf::time ? "long" : "many pairs", tokensText(tokens),
                    wayText(guess_.locked ? guess_.spec : spec_)));
    ImGui::BeginDisabled(guess_.locked);
    const double least = lowest_ * 1e-2, most = highest_ * 1e2;
    ImGui::SetNextItemWidth(14 * ImGui::GetFontSize());
    ImGui::SliderScalar("##guess", ImGuiDataType_Double, &guess_.value, &least, &most,
                        valueText(guess_.value, what).c_str(),
                        ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_NoRoundToFormat |
                            ImGuiSliderFlags_NoInput);
    ImGui::SameLine();
    const bool is_too_long = trained_ > 0 && tokens_ > trained_;
    const bool can_run = readSpec(spec_) && spec_ != kLinearAttention && !is_too_long;
    ImGui::BeginDisabled(!can_run);
    if (ImGui::Button(tr("Lock my guess"))) {
        guess_.locked = true;
        guess_.spec = spec_;
        guess_.tokens = tokens_;
        guess_.what = what;
    }
    ImGui::EndDisabled();
    ImGui::EndDisabled();
    if (!can_run && !guess_.locked)
        ImGui::TextColored(warning(), "%s",
                           spec_ == kLinearAttention
                               ? tr("This model cannot run linear attention; choose another.")
                           : is_too_long ? tr("Choose a length within the trained window.")
                                         : tr("Choose a pattern that can be read."));
    if (guess_.locked) {
        ImGui::SameLine();
        ImGui::BeginDisabled(guess_.asked);
        if (ImGui::Button(tr("Run"))) {
            guess_.asked = true;
            commands.push(command::Sweep{{guess_.spec}, {guess_.tokens}});
        }
        ImGui::EndDisabled();
        ImGui::SameLine();
        if (ImGui::Button(tr("Guess again")))
            guess_ = {};
    }
    if (guess_.asked && !answer(cost))
        drawRunning(snapshot, commands);
    drawAnswer(cost);
}

void CostPanel::drawSweepPlan(const Snapshot &snapshot, CommandQueue &commands) {
    std::vector<std::string> specs = taughtSpecs();
    auto own = readSpec(spec_);
    if (own && own->pattern && std::ranges::find(specs, spec_) == specs.end())
        specs.push_back(spec_);
    if (swept_.empty())
        swept_ = {true, true}; // something to begin with
    swept_.resize(specs.size(), false);
    const float em = ImGui::GetFontSize();
    std::vector<std::string> chosen;
    for (size_t i = 0; i < specs.size(); ++i) {
        if (i > 0) {
            ImGui::SameLine();
            if (ImGui::GetContentRegionAvail().x < ImGui::CalcTextSize(specs[i].c_str()).x + 3 * em)
                ImGui::NewLine();
        }
        bool is_chosen = swept_[i];
        ImGui::Checkbox(specs[i].c_str(), &is_chosen);
        swept_[i] = is_chosen;
        if (is_chosen)
            chosen.push_back(specs[i]);
    }
    const uint64_t most = std::max<uint64_t>(trained_, 512);
    constexpr uint64_t kLeast = 128;
    if (longest_ == 0)
        longest_ = std::min<uint64_t>(most, 2048);
    ImGui::SetNextItemWidth(10 * em);
    ImGui::SliderScalar(tr("Longest"), ImGuiDataType_U64, &longest_, &kLeast, &most, "%llu tokens",
                        ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_AlwaysClamp);
    ImGui::SameLine();
    ImGui::SetNextItemWidth(7 * em);
    ImGui::SliderInt(tr("Lengths"), &lengths_, 1, 6, "%d", ImGuiSliderFlags_AlwaysClamp);
    std::vector<uint64_t> lengths;
    for (int i = lengths_ - 1; i >= 0; --i)
        lengths.push_back(std::max<uint64_t>(longest_ >> i, 16));
    std::string text;
    double seconds = 0;
    for (uint64_t tokens : lengths) {
        text += (text.empty() ? "" : ", ") + countText(static_cast<double>(tokens));
        for (const std::string &spec : chosen)
            seconds += costOf(snapshot.cost, *readSpec(spec), tokens).seconds.value_or(0);
    }
    mutedLine(std::format(
        "Reads {} tokens with each. {}", text,
        chosen.empty() ? "Choose at least one pattern."
        : seconds > 0
            ? "Takes about " + secondsText(seconds) +
                  (speedKind(snapshot.cost) == SpeedKind::peak ? " at best, likely more." : ".")
            : "How long it takes is not known yet; the short lengths "
              "come first."));
    ImGui::BeginDisabled(chosen.empty() || snapshot.busy());
    if (ImGui::Button(tr("Run sweep")))
        commands.push(command::Sweep{chosen, lengths});
    ImGui::EndDisabled();
    ImGui::SameLine();
    ImGui::BeginDisabled(snapshot.cost.dots.empty());
    if (ImGui::Button(tr("Clear measured dots")))
        commands.push(command::ClearSweep{});
    ImGui::EndDisabled();
}

void CostPanel::drawMeasured(const Cost &cost) {
    if (cost.dots.empty())
        return;
    constexpr ImGuiTableFlags kFlags =
        ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp;
    if (!ImGui::BeginTable("##measured", 6, kFlags))
        return;
    for (const char *title : {"Pattern", "Tokens", "Pairs", "Measured", "Formula", "Off by"})
        ImGui::TableSetupColumn(tr(title));
    ImGui::TableHeadersRow();
    for (const CostDot &dot : cost.dots) {
        ImGui::TableNextRow();
        cell(dot.attention);
        cell(countText(static_cast<double>(dot.tokens)));
        cell(countText(dot.pairs));
        cell(secondsText(dot.seconds));
        auto way = readSpec(dot.attention);
        double formula = way ? costOf(cost, *way, dot.tokens).seconds.value_or(NAN) : NAN;
        cell(std::isfinite(formula) ? secondsText(formula) : "");
        ImGui::TableNextColumn();
        if (std::isfinite(formula) && dot.seconds > 0) {
            double off = formula / dot.seconds - 1;
            ImGui::TextColored(std::abs(off) > 0.25 ? warning() : mutedText(), "%s%s",
                               off > 0.001 ? "+" : "", percentText(off).c_str());
        }
    }
    ImGui::EndTable();
}

void CostPanel::drawSweep(const Snapshot &snapshot, CommandQueue &commands) {
    drawSweepPlan(snapshot, commands);
    drawRunning(snapshot, commands);
    drawMeasured(snapshot.cost);
}

} // namespace longscope::ui
