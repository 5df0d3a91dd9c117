// The plot of the cost panel: curves, measured dots, the chosen length and the learner's guess.
#include "ui/panels/cost.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <implot.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <format>

namespace longscope::ui {
namespace {

int writeTokens(double value, char *text, int size, void *) {
    std::string number = countText(value);
    if (value >= 1000 && value < 1e6)
        number = shortNumber(value / 1000) + "k";
    return std::snprintf(text, static_cast<size_t>(size), "%s", value < 0 ? "" : number.c_str());
}

/// Seconds stay seconds, because ticks are round numbers of them.
int writeValue(double value, char *text, int size, void *given) {
    const CostOf what = *static_cast<CostOf *>(given);
    std::string number = value < 0                                ? ""
                         : what == CostOf::time && value >= 99.95 ? countText(value) + " s"
                                                                  : valueText(value, what);
    return std::snprintf(text, static_cast<size_t>(size), "%s", number.c_str());
}

size_t colourOf(const std::vector<CostCurve> &curves, const std::string &spec) {
    auto found = std::ranges::find(curves, spec, [](const CostCurve &c) { return c.way.spec; });
    return static_cast<size_t>(found - curves.begin());
}

const char *titleOf(const Cost &cost, CostOf what) {
    switch (what) {
    case CostOf::time:
        return "Time to read";
    case CostOf::flops:
        return "FLOPs";
    case CostOf::bytes:
        return cost.heads() == 0       ? "Memory of states"
               : cost.stateBytes() > 0 ? "Memory of keys, values and states"
                                       : "Memory of keys and values";
    case CostOf::pairs:
        return "Pairs, one head of one layer";
    }
    return "";
}

} // namespace

void CostPanel::setupAxes(const Cost &cost, const std::vector<CostCurve> &curves) {
    ImPlot::SetupAxes(tr("Tokens of the text"), tr(titleOf(cost, what_)),
                      ImPlotAxisFlags_NoSideSwitch, ImPlotAxisFlags_NoSideSwitch);
    if (logarithmic_) {
        ImPlot::SetupAxisScale(ImAxis_X1, ImPlotScale_Log10);
        ImPlot::SetupAxisScale(ImAxis_Y1, ImPlotScale_Log10);
    }
    ImPlot::SetupAxisFormat(ImAxis_X1, writeTokens);
    ImPlot::SetupAxisFormat(ImAxis_Y1, writeValue, &what_);
    ImPlot::SetupAxisLimitsConstraints(ImAxis_X1, logarithmic_ ? 1 : 0, 2e6);
    const double last = static_cast<double>(std::max<uint64_t>(4 * trained_, 8192));
    const double first = logarithmic_ ? 64 : 0;
    double low = 1e300, high = 0;
    auto include = [&](double tokens, double value) {
        if (tokens < first || tokens > last || !(value > 0))
            return;
        low = std::min(low, value);
        high = std::max(high, value);
    };
    for (const CostCurve &curve : curves)
        for (size_t i = 0; i < curve.tokens.size(); ++i)
            include(curve.tokens[i], curve.values[static_cast<size_t>(what_)][i]);
    for (const CostDot &dot : cost.dots)
        if (what_ == CostOf::time || what_ == CostOf::pairs)
            include(static_cast<double>(dot.tokens),
                    what_ == CostOf::time ? dot.seconds : dot.pairs);
    if (high == 0) // nothing is known yet: room for a guess
        low = 1e-3, high = 1e3;
    lowest_ = low;
    highest_ = high;
    ImPlotCond condition = refit_ ? ImPlotCond_Always : ImPlotCond_Once;
    ImPlot::SetupAxisLimits(ImAxis_X1, first, last, condition);
    if (logarithmic_ && high < 10 * low) // numbers stand at powers of ten alone
        ImPlot::SetupAxisLimits(ImAxis_Y1, std::pow(10, std::floor(std::log10(low))) / 2,
                                std::pow(10, std::ceil(std::log10(high))) * 2, condition);
    else if (logarithmic_)
        ImPlot::SetupAxisLimits(ImAxis_Y1, low / 2, high * 2, condition);
    else
        ImPlot::SetupAxisLimits(ImAxis_Y1, 0, high * 1.05, condition);
    refit_ = false;
}

void CostPanel::drawCurves(const std::vector<CostCurve> &curves) {
    for (size_t i = 0; i < curves.size(); ++i) {
        const CostCurve &curve = curves[i];
        const std::vector<double> &values = curve.values[static_cast<size_t>(what_)];
        if (hidden_[curve.way.spec] || !std::isfinite(values.front()) || values.back() <= 0)
            continue;
        ImPlotSpec spec;
        spec.LineColor = seriesColour(i);
        spec.LineWeight = (curve.way.spec == spec_ ? 0.2F : 0.12F) * ImGui::GetFontSize();
        ImPlot::PlotLine(curve.label.c_str(), curve.tokens.data(), values.data(),
                         static_cast<int>(values.size()), spec);
    }
}

void CostPanel::drawDots(const Cost &cost) {
    if (what_ != CostOf::time && what_ != CostOf::pairs)
        return;
    const std::vector<CostCurve> &curves = curves_.update(cost, spec_);
    for (const CostDot &dot : cost.dots) {
        auto hidden = hidden_.find(dot.attention);
        if (hidden != hidden_.end() && hidden->second)
            continue;
        const bool is_answer = dot.attention == (guess_.locked ? guess_.spec : spec_) &&
                               dot.tokens == (guess_.locked ? guess_.tokens : tokens_);
        if (is_answer && isGuessing(cost))
            continue;
        const double x = static_cast<double>(dot.tokens);
        const double y = what_ == CostOf::time ? dot.seconds : dot.pairs;
        ImPlotSpec spec;
        spec.Marker = ImPlotMarker_Circle;
        spec.MarkerSize = 0.3F * ImGui::GetFontSize();
        spec.MarkerFillColor = seriesColour(colourOf(curves, dot.attention));
        spec.MarkerLineColor = ImGui::GetStyleColorVec4(ImGuiCol_Text);
        spec.LineColor = spec.MarkerLineColor;
        spec.Flags = ImPlotItemFlags_NoLegend;
        ImPlot::PlotScatter("##dot", &x, &y, 1, spec);
        ImVec2 at = ImPlot::PlotToPixels(x, y), mouse = ImGui::GetMousePos();
        if (!ImPlot::IsPlotHovered() ||
            std::hypot(at.x - mouse.x, at.y - mouse.y) > 0.6F * ImGui::GetFontSize())
            continue;
        std::string text = std::format("{}, {}: measured {}", dot.attention, tokensText(dot.tokens),
                                       valueText(y, what_));
        if (auto way = readSpec(dot.attention)) {
            double formula = valueOf(costOf(cost, *way, dot.tokens), what_);
            if (std::isfinite(formula))
                text += std::format("\nformula {}, off by {}", valueText(formula, what_),
                                    percentText(formula / y - 1));
        }
        ImGui::SetTooltip("%s", text.c_str());
    }
}

void CostPanel::drawGuessLine() {
    if (what_ != guessed() || guess_.value <= 0)
        return;
    const double tokens = static_cast<double>(guess_.locked ? guess_.tokens : tokens_);
    double x = tokens;
    ImPlotDragToolFlags flags = guess_.locked ? ImPlotDragToolFlags_NoInputs : 0;
    const float size = 0.45F * ImGui::GetFontSize();
    ImPlot::DragPoint(1, &x, &guess_.value, accent(), size, flags);
    guess_.value = std::max(guess_.value, lowest_ * 1e-3);
    ImPlot::Annotation(tokens, guess_.value, accent(),
                       {ImGui::GetFontSize(), -ImGui::GetFontSize()}, true, "%s %s",
                       tr(guess_.locked ? "your guess" : "drag me:"),
                       valueText(guess_.value, what_).c_str());
}

void CostPanel::drawLegend(const std::vector<CostCurve> &curves) {
    const float em = ImGui::GetFontSize();
    for (size_t i = 0; i < curves.size(); ++i) {
        const CostCurve &curve = curves[i];
        bool shown = !hidden_[curve.way.spec];
        if (i > 0) {
            ImGui::SameLine();
            float needed = ImGui::CalcTextSize(curve.label.c_str()).x + 2.5F * em;
            if (ImGui::GetContentRegionAvail().x < needed)
                ImGui::NewLine();
        }
        ImGui::PushStyleColor(ImGuiCol_CheckMark, seriesColour(i));
        if (ImGui::Checkbox(std::format("{}##curve", curve.label).c_str(), &shown))
            hidden_[curve.way.spec] = !shown;
        ImGui::PopStyleColor();
        if (!curve.formula.empty() && ImGui::BeginItemTooltip()) {
            ImGui::PushTextWrapPos(25 * em);
            ImGui::TextUnformatted(tr(curve.formula.c_str()));
            ImGui::PopTextWrapPos();
            ImGui::EndTooltip();
        }
    }
}

void CostPanel::drawPlot(const Snapshot &snapshot) {
    const Cost &cost = snapshot.cost;
    const std::vector<CostCurve> &curves = curves_.update(cost, spec_);
    const SpeedKind speeds = speedKind(cost);
    const bool guessing = isGuessing(cost);
    if (what_ == CostOf::time && speeds == SpeedKind::none && cost.dots.empty() && !guessing) {
        ImGui::TextWrapped("%s", tr("The time is not known yet: predict one reading, or run a "
                                    "sweep, and the curves are drawn from the speeds that it "
                                    "reached. Work, memory and pairs are known."));
        return;
    }
    const float em = ImGui::GetFontSize();
    const float room = ImGui::GetContentRegionAvail().y;
    const ImVec2 size = {-1, std::clamp(room - 19 * em, 13 * em, 40 * em)};
    const ImPlotFlags flags = ImPlotFlags_NoLegend | ImPlotFlags_NoMenus | ImPlotFlags_NoBoxSelect;
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0);
    if (ImPlot::BeginPlot("##cost", size, flags)) {
        setupAxes(cost, curves);
        if (!guessing)
            drawCurves(curves);
        drawDots(cost);
        double x = static_cast<double>(tokens_);
        // While there is a guess to drag, the line through it must not be in the way.
        const bool is_still = tab_ == Tab::predict;
        if (ImPlot::DragLineX(0, &x, ghost(), 0.08F * em,
                              is_still ? ImPlotDragToolFlags_NoInputs : 0))
            tokens_ = static_cast<uint64_t>(std::clamp(x, 16.0, 1e6));
        if (tab_ == Tab::predict)
            drawGuessLine();
        ImPlot::EndPlot();
    }
    ImGui::PopStyleVar();
    if (guessing)
        ImGui::TextColored(mutedText(), "%s", tr("The curves are hidden until you have guessed."));
    else
        drawLegend(curves);
    if (what_ == CostOf::time && speeds == SpeedKind::peak && !guessing)
        ImGui::TextColored(warning(), "%s",
                           tr("At best: by the peak speed of this device. A sweep measures."));
}

} // namespace longscope::ui
