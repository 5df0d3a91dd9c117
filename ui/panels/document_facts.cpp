#include "ui/panels/document_facts.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/segment_bar.h"

#include <algorithm>
#include <cmath>

namespace longscope::ui {

Fit windowFit(uint64_t tokens, const ContextUse &use) {
    if (use.window == 0)
        return {};
    if (tokens > use.window) {
        const std::string more = tokensText(tokens - use.window), window = numberText(use.window);
        return {FitKind::too_long, say("Needs {} more than the window of {}.", more, window)};
    }
    if (use.isEndless())
        return {FitKind::fits, tr("Fits: any length does.")};
    const std::string used = numberText(tokens), window = tokensText(use.window);
    if (tokens + use.system + use.reply > use.window) {
        const std::string left = numberText(use.window - tokens);
        return {FitKind::tight, say("Fits: {} of {}, but leaves only {} for question and reply.",
                                    used, window, left)};
    }
    return {FitKind::fits, say("Fits: {} of {}.", used, window)};
}

uint64_t forecastBytes(uint64_t tokens, const MemoryForecast &forecast) {
    const auto &points = forecast.points;
    if (points.empty())
        return 0;
    if (points.size() == 1 || tokens <= points.front().tokens)
        return points.front().total();
    const auto after = std::ranges::lower_bound(points, tokens, {}, &MemoryPoint::tokens);
    const auto &right = after == points.end() ? points.back() : *after;
    const auto &left = *(std::ranges::find(points, right.tokens, &MemoryPoint::tokens) - 1);
    const double step = static_cast<double>(right.tokens) - static_cast<double>(left.tokens);
    const double along = (static_cast<double>(tokens) - static_cast<double>(left.tokens)) / step;
    const auto low = static_cast<double>(left.total()), high = static_cast<double>(right.total());
    return static_cast<uint64_t>(std::llround(std::max(0.0, std::lerp(low, high, along))));
}

Fit memoryFit(uint64_t tokens, const Memory &memory) {
    if (!memory.forecast || memory.forecast->points.empty() || memory.budget_bytes == 0)
        return {};
    const uint64_t bytes = forecastBytes(tokens, *memory.forecast);
    const std::string budget = byteText(static_cast<double>(memory.budget_bytes));
    if (bytes > memory.budget_bytes) {
        const std::string more = byteText(static_cast<double>(bytes - memory.budget_bytes));
        return {FitKind::too_long,
                say("Memory: needs {} more than the {} there are.", more, budget)};
    }
    const std::string needed = byteText(static_cast<double>(bytes));
    const bool tight = bytes > memory.budget_bytes / 10 * 9;
    return {tight ? FitKind::tight : FitKind::fits, say("Memory: {} of {}.", needed, budget)};
}

ImVec4 fitColour(FitKind kind) {
    switch (kind) {
    case FitKind::unknown:
        return mutedText();
    case FitKind::fits:
        return good();
    case FitKind::tight:
        return warning();
    case FitKind::too_long:
        return error();
    }
    return mutedText();
}

void drawFitBar(uint64_t tokens, uint64_t window, FitKind kind) {
    const Segment document[] = {{tr("Document"), tokens, fitColour(kind)}};
    segmentBar("##fit", document, window, 0.3F, [](const Segment &segment) {
        return segment.name + ": " + tokensText(segment.value);
    });
}

} // namespace longscope::ui
