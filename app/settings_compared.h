// The settings of attention and positions that one command compares: every --attention with every
// --rope.
#pragma once

#include "app/options.h"

#include <string>
#include <vector>

namespace longscope::app {

struct Setting {
    std::string attention = "full", rope = "model";
    engine::SessionOptions session; ///< without the window
    std::string text() const { return rope == "model" ? attention : attention + " " + rope; }
};

/// At least one: as the program reads when nothing was said.
std::vector<Setting> settingsOf(const Options &options);

} // namespace longscope::app
