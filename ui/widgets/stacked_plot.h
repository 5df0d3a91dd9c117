// Areas on top of one another against a number, with measured points, lines across and down, and
// linear or logarithmic axes. What the numbers are, and how they are written, is the caller's.
#pragma once

#include <imgui.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace longscope::ui {

struct StackedSeries {
    std::string name;
    std::vector<double> values; ///< one for each x
    ImVec4 colour;
};

struct StackedLine {
    double at = 0;
    std::string label;
    ImVec4 colour;
};

struct StackedPlotLook {
    ImVec2 size;
    std::string x_title;
    std::span<const double> xs; ///< rising
    std::span<const StackedSeries> series;
    bool stacked = true;         ///< or each a line of its own
    std::string total_name = {}; ///< the line above all areas
    std::span<const double> mark_xs = {}, mark_ys = {};
    std::string mark_name = {};
    std::vector<StackedLine> across = {}, down = {}; ///< at a y, at an x
    bool log_x = false, log_y = false;
    bool binary_x = false; ///< ticks at multiples of powers of two
    std::string (*x_text)(double) = nullptr;
    std::string (*y_text)(double) = nullptr;
};

/// The x under the mouse. A line across that lies far above the picture is told in its corner
/// instead, so that the areas stay readable.
std::optional<double> stackedPlot(const char *id, const StackedPlotLook &look);

/// Between two of the points; 0 outside.
double valueAt(std::span<const double> xs, std::span<const double> ys, double x);

} // namespace longscope::ui
