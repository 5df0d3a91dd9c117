// The tables below the memory graph, and how their lines are written.
#pragma once

#include "ui/state/memory.h"
#include "ui/state/settings.h"

#include <imgui.h>

#include <functional>
#include <string>

namespace longscope::ui {

using PartColour = std::function<ImVec4(const std::string &part)>;

/// What is booked now.
void drawPartTable(const Memory &memory, const PartColour &colour_of);
/// Windows that fit, by pattern and type of the cache; the applied pair stands out.
void drawLongestTable(const MemoryForecast &forecast, const AttentionSettings &applied);
/// Cache and state of each layer; `kind_of` says what a layer is, and is asked only where some
/// recur.
void drawLayerTable(const MemoryForecast &forecast, const PartColour &colour_of,
                    const std::function<std::string(uint32_t layer)> &kind_of);
/// Whether some layer keeps a state.
bool hasStates(const MemoryForecast &forecast);

/// A small square before a name, in the same line.
void swatch(ImVec4 colour);

} // namespace longscope::ui
