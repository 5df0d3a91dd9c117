// A bar that says which share of a whole something is, with the number beside it.
#pragma once

#include <imgui.h>

namespace longscope::ui {

/// As wide as there is room, one line of text high. A share above 1 fills it.
void shareBar(double share, ImVec4 colour);

} // namespace longscope::ui
