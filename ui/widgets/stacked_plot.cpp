#include "ui/widgets/stacked_plot.h"

#include "ui/theme.h"

#include <implot.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace longscope::ui {
namespace {

constexpr double kFarAbove = 2.5; ///< times the areas: a line there would press them flat

struct Range {
    double low = 0, high = 1;
};

/// The sums of the series up to each: [series + 1][xs], the first ones 0.
std::vector<std::vector<double>> stack(const StackedPlotLook &look) {
    std::vector<std::vector<double>> sums(1, std::vector<double>(look.xs.size(), 0.0));
    for (const StackedSeries &series : look.series) {
        std::vector<double> next = sums.back();
        for (size_t i = 0; i < std::min(next.size(), series.values.size()); ++i)
            next[i] += series.values[i];
        sums.push_back(std::move(next));
    }
    return sums;
}

double largest(std::span<const double> values) {
    return values.empty() ? 0 : *std::ranges::max_element(values);
}

Range rangeX(const StackedPlotLook &look) {
    Range range;
    range.high = std::max({largest(look.xs), largest(look.mark_xs), 1e-9});
    if (!look.log_x)
        return range;
    range.low = range.high;
    for (const double x : look.xs)
        if (x > 0)
            range.low = std::min(range.low, x);
    if (range.low >= range.high)
        range.low = range.high / 10;
    return range;
}

Range rangeY(const StackedPlotLook &look, const std::vector<std::vector<double>> &sums) {
    Range range;
    double most = largest(look.mark_ys), least = 0;
    if (look.stacked)
        most = std::max(most, largest(sums.back()));
    for (const StackedSeries &series : look.series) {
        most = std::max(most, look.stacked ? 0 : largest(series.values));
        for (const double value : series.values)
            if (value > 0 && (least == 0 || value < least))
                least = value;
    }
    range.high = std::max(most, 1.0);
    for (const StackedLine &line : look.across)
        if (look.log_y || line.at < kFarAbove * range.high)
            range.high = std::max(range.high, line.at);
    range.high *= look.log_y ? 1.6 : 1.08;
    if (look.log_y)
        range.low = std::clamp(0.7 * least, range.high * 1e-6, range.high / 10);
    return range;
}

int formatWith(double value, char *text, int size, void *data) {
    const auto &write = *static_cast<std::string (*const *)(double)>(data);
    const std::string written = write ? write(value) : std::to_string(value);
    const size_t bytes = std::min(written.size(), static_cast<size_t>(size) - 1);
    std::memcpy(text, written.data(), bytes);
    text[bytes] = '\0';
    return static_cast<int>(bytes);
}

/// Powers of two read better than powers of ten where numbers are counts of tokens.
std::vector<double> binaryTicks(const StackedPlotLook &look, const Range &range) {
    std::vector<double> ticks;
    const double most = std::max(1.0F, look.size.x / (5 * ImGui::GetFontSize()));
    if (look.log_x) {
        const double powers = std::log2(range.high / range.low);
        const double step = std::exp2(std::max(1.0, std::ceil(powers / most)));
        for (double x = std::exp2(std::ceil(std::log2(range.low))); x <= range.high * 1.001;
             x *= step)
            ticks.push_back(x);
        return ticks;
    }
    const double step = std::exp2(std::ceil(std::log2(std::max(1.0, range.high / most))));
    for (double x = 0; x <= range.high * 1.001; x += step)
        ticks.push_back(x);
    return ticks;
}

/// Between two powers of ten there must be numbers, too, when the axis has few powers.
std::vector<double> logTicks(const Range &range) {
    std::vector<double> ticks;
    const bool few = range.high / range.low < 3000;
    for (double power = std::pow(10, std::floor(std::log10(range.low))); power <= range.high;
         power *= 10)
        for (const double factor : {1.0, 2.0, 5.0})
            if ((few || factor == 1) && power * factor >= range.low && power * factor <= range.high)
                ticks.push_back(power * factor);
    return ticks;
}

void setupTicks(ImAxis axis, const std::vector<double> &ticks, std::string (*text)(double)) {
    std::vector<std::string> labels;
    std::vector<const char *> texts;
    for (const double tick : ticks)
        labels.push_back(text ? text(tick) : std::to_string(tick));
    for (const std::string &label : labels)
        texts.push_back(label.c_str());
    if (!ticks.empty())
        ImPlot::SetupAxisTicks(axis, ticks.data(), static_cast<int>(ticks.size()), texts.data());
}

void setup(const StackedPlotLook &look, const Range &x, const Range &y) {
    constexpr ImPlotAxisFlags fixed = ImPlotAxisFlags_NoHighlight | ImPlotAxisFlags_NoMenus;
    ImPlot::SetupAxes(look.x_title.c_str(), nullptr, fixed, fixed);
    ImPlot::SetupAxesLimits(x.low, x.high, y.low, y.high, ImPlotCond_Always);
    // The formatter gets the address of the function pointer, which lives as long as the look.
    auto *x_text = const_cast<void *>(static_cast<const void *>(&look.x_text));
    auto *y_text = const_cast<void *>(static_cast<const void *>(&look.y_text));
    ImPlot::SetupAxisFormat(ImAxis_X1, formatWith, x_text);
    ImPlot::SetupAxisFormat(ImAxis_Y1, formatWith, y_text);
    if (look.log_x)
        ImPlot::SetupAxisScale(ImAxis_X1, ImPlotScale_Log10);
    if (look.binary_x)
        setupTicks(ImAxis_X1, binaryTicks(look, x), look.x_text);
    if (look.log_y) {
        ImPlot::SetupAxisScale(ImAxis_Y1, ImPlotScale_Log10);
        setupTicks(ImAxis_Y1, logTicks(y), look.y_text);
    }
    ImPlot::SetupFinish();
}

std::vector<double> atLeast(std::span<const double> values, double least) {
    std::vector<double> clamped(values.begin(), values.end());
    for (double &value : clamped)
        value = std::max(value, least);
    return clamped;
}

void plotAreas(const StackedPlotLook &look, const std::vector<std::vector<double>> &sums,
               std::span<const double> xs, double least) {
    const float em = ImGui::GetFontSize();
    const auto count = static_cast<int>(xs.size());
    for (size_t i = 0; i < look.series.size(); ++i) {
        const StackedSeries &series = look.series[i];
        ImPlotSpec spec;
        spec.LineColor = spec.FillColor = series.colour;
        spec.LineWeight = 0.13F * em;
        if (look.stacked) {
            spec.FillAlpha = 0.75F;
            const std::vector<double> below = atLeast(sums[i], least),
                                      above = atLeast(sums[i + 1], least);
            ImPlot::PlotShaded(series.name.c_str(), xs.data(), below.data(), above.data(), count,
                               spec);
        } else {
            const std::vector<double> values = atLeast(series.values, least);
            ImPlot::PlotLine(series.name.c_str(), xs.data(), values.data(),
                             std::min(count, static_cast<int>(values.size())), spec);
        }
    }
    if (!look.stacked || look.total_name.empty())
        return;
    ImPlotSpec spec;
    spec.LineColor = ImGui::GetStyleColorVec4(ImGuiCol_Text);
    spec.LineWeight = 0.1F * em;
    const std::vector<double> total = atLeast(sums.back(), least);
    ImPlot::PlotLine(look.total_name.c_str(), xs.data(), total.data(), count, spec);
}

void plotMarks(const StackedPlotLook &look) {
    if (look.mark_xs.empty())
        return;
    ImPlotSpec spec;
    spec.Marker = ImPlotMarker_Circle;
    spec.MarkerSize = 0.3F * ImGui::GetFontSize();
    spec.MarkerFillColor = ImGui::GetStyleColorVec4(ImGuiCol_Text);
    spec.MarkerLineColor = spec.LineColor = panelGround();
    ImPlot::PlotScatter(look.mark_name.c_str(), look.mark_xs.data(), look.mark_ys.data(),
                        static_cast<int>(std::min(look.mark_xs.size(), look.mark_ys.size())), spec);
}

void labelAt(ImVec2 at, const std::string &text, ImVec4 colour) {
    const ImVec2 size = ImGui::CalcTextSize(text.c_str());
    ImDrawList &list = *ImPlot::GetPlotDrawList();
    ImVec4 ground = panelGround();
    ground.w = 0.8F;
    list.AddRectFilled({at.x - 2, at.y}, {at.x + size.x + 2, at.y + size.y},
                       ImGui::GetColorU32(ground));
    list.AddText(at, ImGui::GetColorU32(colour), text.c_str());
}

/// Own lines with their labels beside them: in the legend they would only take room.
void drawLines(const StackedPlotLook &look, const Range &x, const Range &y) {
    const float em = ImGui::GetFontSize();
    const ImVec2 corner = ImPlot::GetPlotPos(), size = ImPlot::GetPlotSize();
    ImPlot::PushPlotClipRect();
    ImDrawList &list = *ImPlot::GetPlotDrawList();
    float next_label = corner.y + 0.3F * em;
    for (const StackedLine &line : look.across) {
        const float width = ImGui::CalcTextSize(line.label.c_str()).x;
        if (line.at > y.high || line.at < y.low) {
            labelAt({corner.x + size.x - width - 0.5F * em, next_label}, line.label, line.colour);
            next_label += 1.3F * em;
            continue;
        }
        const float at = ImPlot::PlotToPixels(x.high, line.at).y;
        list.AddLine({corner.x, at}, {corner.x + size.x, at}, ImGui::GetColorU32(line.colour),
                     0.12F * em);
        const bool above = at - corner.y > 1.4F * em;
        labelAt({corner.x + size.x - width - 0.5F * em, at + (above ? -1.25F : 0.2F) * em},
                line.label, line.colour);
    }
    float below = corner.y + 3.2F * em;
    for (const StackedLine &line : look.down) {
        if (line.at < x.low || line.at > x.high)
            continue;
        const float at = ImPlot::PlotToPixels(line.at, y.high).x;
        const float width = ImGui::CalcTextSize(line.label.c_str()).x;
        list.AddLine({at, corner.y}, {at, corner.y + size.y}, ImGui::GetColorU32(line.colour),
                     0.1F * em);
        const bool to_left = at + width + 0.5F * em > corner.x + size.x;
        labelAt({to_left ? at - width - 0.3F * em : at + 0.3F * em, below}, line.label,
                line.colour);
        below += 1.4F * em;
    }
    ImPlot::PopPlotClipRect();
}

/// Below the plot, in lines that wrap: the plot's own legend is cut off in a narrow panel.
void drawLegend(const StackedPlotLook &look) {
    const float em = ImGui::GetFontSize();
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    bool first = true;
    auto entry = [&](const std::string &name, ImVec4 colour, char shape) {
        const float width = 1.1F * em + ImGui::CalcTextSize(name.c_str()).x;
        if (!first && ImGui::GetItemRectMax().x + em + width < right)
            ImGui::SameLine(0, em);
        first = false;
        const ImVec2 at = ImGui::GetCursorScreenPos();
        const ImU32 paint = ImGui::GetColorU32(colour);
        ImDrawList &list = *ImGui::GetWindowDrawList();
        const float middle = at.y + 0.6F * em;
        if (shape == 'o')
            list.AddCircleFilled({at.x + 0.4F * em, middle}, 0.3F * em, paint);
        else if (shape == '-')
            list.AddLine({at.x, middle}, {at.x + 0.8F * em, middle}, paint, 0.13F * em);
        else
            list.AddRectFilled({at.x, middle - 0.35F * em}, {at.x + 0.8F * em, middle + 0.35F * em},
                               paint);
        ImGui::Dummy({0.8F * em, em});
        ImGui::SameLine(0, 0.3F * em);
        ImGui::TextUnformatted(name.c_str());
    };
    const ImVec4 text = ImGui::GetStyleColorVec4(ImGuiCol_Text);
    for (const StackedSeries &series : look.series)
        entry(series.name, series.colour, look.stacked ? '#' : '-');
    if (look.stacked && !look.total_name.empty())
        entry(look.total_name, text, '-');
    if (!look.mark_xs.empty())
        entry(look.mark_name, text, 'o');
    ImGui::Dummy({0, 0.3F * em});
}

} // namespace

double valueAt(std::span<const double> xs, std::span<const double> ys, double x) {
    const size_t count = std::min(xs.size(), ys.size());
    if (count == 0 || x < xs.front() || x > xs[count - 1])
        return 0;
    const auto past = std::ranges::upper_bound(xs.first(count), x);
    const auto right = std::min<size_t>(static_cast<size_t>(past - xs.begin()), count - 1);
    const size_t left = right > 0 ? right - 1 : 0;
    if (xs[right] <= xs[left])
        return ys[right];
    const double share = std::clamp((x - xs[left]) / (xs[right] - xs[left]), 0.0, 1.0);
    return ys[left] + share * (ys[right] - ys[left]);
}

std::optional<double> stackedPlot(const char *id, const StackedPlotLook &look) {
    constexpr ImPlotFlags flags = ImPlotFlags_NoTitle | ImPlotFlags_NoMenus | ImPlotFlags_NoLegend |
                                  ImPlotFlags_NoBoxSelect | ImPlotFlags_NoMouseText;
    const float em = ImGui::GetFontSize();
    ImPlot::PushStyleVar(ImPlotStyleVar_PlotPadding, ImVec2(em, 0.7F * em)); // half a label's width
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0); // the plot itself has one
    const bool shown = ImPlot::BeginPlot(id, look.size, flags);
    ImPlot::PopStyleVar();
    if (!shown) {
        ImGui::PopStyleVar();
        return std::nullopt;
    }
    const auto sums = stack(look);
    const Range x = rangeX(look), y = rangeY(look, sums);
    setup(look, x, y);
    const std::vector<double> xs = atLeast(look.xs, x.low);
    plotAreas(look, sums, xs, y.low);
    plotMarks(look);
    drawLines(look, x, y);
    std::optional<double> hovered;
    if (ImPlot::IsPlotHovered()) {
        hovered = std::clamp(ImPlot::GetPlotMousePos().x, x.low, x.high);
        const ImVec2 corner = ImPlot::GetPlotPos(), size = ImPlot::GetPlotSize();
        const float at = ImGui::GetIO().MousePos.x;
        ImPlot::GetPlotDrawList()->AddLine({at, corner.y}, {at, corner.y + size.y},
                                           ImGui::GetColorU32(ghost()));
    }
    ImPlot::EndPlot();
    ImGui::PopStyleVar();
    drawLegend(look);
    return hovered;
}

} // namespace longscope::ui
