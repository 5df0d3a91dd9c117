// A thin bar of coloured segments against a limit, and its legend.
#pragma once

#include <imgui.h>

#include <cstdint>
#include <span>
#include <string>

namespace longscope::ui {

struct Segment {
    std::string name;
    uint64_t value = 0;
    ImVec4 colour;
};

/// As wide as the window, `height` in font sizes. What the segments leave of `limit` stays empty;
/// when they are more than it, all of them are drawn and a line shows where it lies. `describe`
/// makes the text on hover.
void segmentBar(const char *id, std::span<const Segment> segments, uint64_t limit, float height,
                std::string (*describe)(const Segment &));

/// Colour, name and value of each segment that is not empty, in lines that wrap.
void segmentLegend(std::span<const Segment> segments, std::string (*describe)(const Segment &));

} // namespace longscope::ui
