// Shared by the files of TextView: where its parts lie in this frame.
#pragma once

#include "ui/widgets/text_view.h"

#include <imgui_internal.h>

namespace longscope::ui {

struct TextView::Geometry {
    ImRect child;  ///< all of it
    ImRect text;   ///< where rows are drawn
    ImRect ribbon; ///< ticks of marks and hits
    ImRect scroll_bar;
    float row_height = 1;
};

} // namespace longscope::ui
