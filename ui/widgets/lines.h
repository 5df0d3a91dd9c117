// Coloured lines of text, and controls in a row that goes on in the next line when it is full.
#pragma once

#include <imgui.h>

#include <string>

namespace longscope::ui {

void colouredText(ImVec4 colour, const std::string &text); ///< wrapped
void mutedLine(const std::string &text);                   ///< the same, second in importance

/// In the middle of the room there is; wrapped when it is wider.
void centredText(ImVec4 colour, const std::string &text);

float buttonWidth(const char *label);
float checkboxWidth(const char *label);
/// To the right of the last item when `width` more fits there.
void sameLineIfFits(float width);

} // namespace longscope::ui
