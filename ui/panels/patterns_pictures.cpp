#include "ui/panels/patterns_pictures.h"

#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "ui/panels/patterns_spec.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <implot.h>

#include <algorithm>
#include <cmath>
#include <format>
#include <numbers>

namespace longscope::ui {
namespace {

constexpr uint32_t kSide = 64;
constexpr uint32_t kMostKinds = 3; // of heads that are drawn side by side

/// The largest distance that positions may stand for: far zones squeeze it.
double largestDistance(const attention::RopeScheme &scheme, uint64_t window) {
    if (window < 2)
        return 0;
    if (window <= scheme.nearKeys())
        return static_cast<double>(window - 1);
    return scheme.farQuery(window - 1) - scheme.farKey(0);
}

std::vector<double> turnsOf(const attention::Rope &rope) {
    std::vector<double> lengths;
    for (double frequency : rope.inv_freq)
        lengths.push_back(2 * std::numbers::pi / std::max(frequency, 1e-12));
    return lengths;
}

void drawCurve(const char *label, const std::vector<double> &xs, const std::vector<double> &ys,
               size_t colour, bool with_dots) {
    ImPlotSpec spec;
    spec.LineColor = seriesColour(colour);
    spec.LineWeight = 0.12F * ImGui::GetFontSize();
    if (with_dots) {
        spec.Marker = ImPlotMarker_Circle;
        spec.MarkerSize = 0.14F * ImGui::GetFontSize();
    }
    ImPlot::PlotLine(label, xs.data(), ys.data(), static_cast<int>(xs.size()), spec);
}

void drawLevel(const char *label, double tokens, ImVec4 colour) {
    ImPlotSpec spec;
    spec.LineColor = colour;
    spec.LineWeight = 0.08F * ImGui::GetFontSize();
    spec.Flags = static_cast<ImPlotItemFlags>(ImPlotInfLinesFlags_Horizontal);
    ImPlot::PlotInfLines(label, &tokens, 1, spec);
}

} // namespace

uint64_t windowShown(const Snapshot &snapshot, const AttentionSettings &settings) {
    if (settings.window_tokens > 0)
        return settings.window_tokens;
    uint64_t needed = snapshot.chat.use.needed();
    uint64_t trained = snapshot.patterns.trained_tokens;
    return std::max<uint64_t>({needed, trained, 64});
}

void MaskPictures::count(const std::string &spec, uint64_t window_tokens) {
    spec_ = spec;
    window_tokens_ = window_tokens;
    kinds_.clear();
    note_.clear();
    if (spec.starts_with("blocks:")) {
        note_ = tr("The mask stands in a file; it is not drawn here.");
        return;
    }
    try {
        attention::Pattern pattern(spec);
        shown_tokens_ = tokensToShow(pattern, window_tokens);
        for (uint32_t kind = 0; kind < std::min(pattern.headKinds(), kMostKinds); ++kind)
            kinds_.push_back(countMask(pattern, kind, shown_tokens_, kSide));
        shown_tokens_ = kinds_.front().dot_tokens * kSide;
        if (pattern.isDynamic())
            note_ = tr("Keys are chosen from the text while it is read. This is the most that may "
                       "be seen.");
        else if (pattern.headKinds() > 1)
            note_ = std::format("{} kinds of heads, from the first heads to the last.",
                                pattern.headKinds());
    } catch (const Error &) {
        note_ = tr("The rule cannot be drawn until it is written in full.");
    }
}

void MaskPictures::draw(const std::string &spec, uint64_t window_tokens) {
    if (spec != spec_ || window_tokens != window_tokens_)
        count(spec, window_tokens);
    if (!kinds_.empty()) {
        float room = ImGui::GetContentRegionAvail().x, gap = ImGui::GetStyle().ItemSpacing.x;
        auto pictures = static_cast<float>(kinds_.size());
        float side = std::min((room - gap * (pictures - 1)) / pictures,
                              (kinds_.size() == 1 ? 16.0F : 12.0F) * ImGui::GetFontSize());
        for (size_t i = 0; i < kinds_.size(); ++i) {
            if (i > 0)
                ImGui::SameLine();
            maskPicture(std::format("##mask {}", i).c_str(), kinds_[i], std::max(side, 16.0F));
        }
        uint64_t dot = kinds_.front().dot_tokens;
        mutedLine(std::format("Queries down, keys right: the first {}{}.",
                              tokensText(shown_tokens_),
                              dot > 1 ? std::format(", a dot is {}", tokensText(dot)) : ""));
    }
    if (!note_.empty())
        mutedLine(note_);
}

void WavelengthPlot::make(const Patterns &patterns, const std::string &rope,
                          uint64_t window_tokens) {
    spec_ = rope;
    window_tokens_ = window_tokens;
    trained_tokens_ = patterns.trained_tokens;
    dims_ = patterns.rope.dims;
    pairs_.clear();
    scheme_.clear();
    model_.clear();
    note_.clear();
    short_pairs_ = unseen_pairs_ = 0;
    try {
        attention::RopeScheme scheme = attention::parseRope(rope);
        model_ = turnsOf(attention::makeRope(patterns.rope, attention::RopeScheme{},
                                             trained_tokens_, trained_tokens_));
        scheme_ =
            turnsOf(attention::makeRope(patterns.rope, scheme, trained_tokens_, window_tokens));
        auto trained = static_cast<double>(trained_tokens_);
        double distance = largestDistance(scheme, window_tokens);
        for (size_t i = 0; i < scheme_.size(); ++i) {
            pairs_.push_back(static_cast<double>(i));
            bool is_short = model_[i] > trained;
            short_pairs_ += is_short;
            // A tenth of a percent: rounding of the frequencies is no new angle.
            unseen_pairs_ += is_short && distance / scheme_[i] > 1.001 * trained / model_[i];
        }
    } catch (const Error &error) {
        note_ = std::string(error.what());
    }
}

void WavelengthPlot::say(const Patterns &patterns) const {
    std::string text = std::format(
        "{} of {} pairs of dimensions make less than one turn within the {} of training.",
        short_pairs_, pairs_.size(), tokensText(patterns.trained_tokens));
    mutedLine(text);
    if (unseen_pairs_ > 0) {
        colouredText(warning(), std::format("At {} {} of them reach angles that training never "
                                            "showed.",
                                            tokensText(window_tokens_), unseen_pairs_));
    } else {
        mutedLine(std::format("At {} every pair stays within angles that training showed.",
                              tokensText(window_tokens_)));
    }
}

void WavelengthPlot::draw(const Patterns &patterns, const std::string &rope,
                          uint64_t window_tokens) {
    if (patterns.rope.dims == 0)
        return;
    if (rope != spec_ || window_tokens != window_tokens_ || dims_ != patterns.rope.dims ||
        trained_tokens_ != patterns.trained_tokens)
        make(patterns, rope, window_tokens);
    if (!note_.empty()) {
        mutedLine(note_);
        return;
    }
    ImVec2 size = {-1, 14 * ImGui::GetFontSize()};
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0);
    if (ImPlot::BeginPlot("##wavelengths", size, ImPlotFlags_NoMenus | ImPlotFlags_NoMouseText)) {
        ImPlot::SetupAxes(tr("Pair of dimensions"), tr("Tokens of a turn"), ImPlotAxisFlags_AutoFit,
                          ImPlotAxisFlags_AutoFit);
        ImPlot::SetupAxisScale(ImAxis_Y1, ImPlotScale_Log10);
        ImPlot::SetupLegend(ImPlotLocation_South,
                            ImPlotLegendFlags_Outside | ImPlotLegendFlags_Horizontal);
        drawCurve(tr("Model's file"), pairs_, model_, 7, false);
        drawCurve(tr("Chosen"), pairs_, scheme_, 0, true);
        drawLevel(tr("Trained"), static_cast<double>(trained_tokens_), good());
        drawLevel(tr("Wanted"), static_cast<double>(window_tokens_), warning());
        ImPlot::EndPlot();
    }
    ImGui::PopStyleVar();
    say(patterns);
}

} // namespace longscope::ui
