// What the document panel says above the text: how long it is, and whether it fits.
#pragma once

#include "ui/snapshot.h"

#include <imgui.h>

#include <string>

namespace longscope::ui {

enum class FitKind { unknown, fits, tight, too_long };
struct Fit {
    FitKind kind = FitKind::unknown;
    std::string sentence;
};

/// "Fits: 3,200 of 8,192 tokens", against the window of the next prompt.
Fit windowFit(uint64_t tokens, const ContextUse &use);
/// Against the memory that is forecast for a window of so many tokens; unknown without a forecast.
Fit memoryFit(uint64_t tokens, const Memory &memory);
/// The bytes of everything at so many tokens, along the curve of the forecast and its end.
uint64_t forecastBytes(uint64_t tokens, const MemoryForecast &forecast);

/// A thin bar: how much of the window the document takes.
void drawFitBar(uint64_t tokens, uint64_t window, FitKind kind);
ImVec4 fitColour(FitKind kind);

} // namespace longscope::ui
