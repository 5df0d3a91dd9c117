// What the user chose about the program itself. Kept across restarts by the desk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longscope::ui {

enum class ThemeChoice { dark, light, high_contrast, system };

struct Preferences {
    ThemeChoice theme = ThemeChoice::dark;
    float scale = 1;                         ///< of everything, 0.5 .. 3
    float font_size = 15;                    ///< pixels at scale 1, 10 .. 32
    bool token_marks = false;                ///< boundaries of tokens in the document view
    std::string language = "en";
    std::vector<std::string> recent_models, recent_documents; ///< newest first
    std::string layout;                      ///< of the docked panels, as Dear ImGui writes it
    int32_t window_x = -1, window_y = -1;    ///< -1 = where the system puts it
    uint32_t window_width = 1280, window_height = 800;
    bool was_welcomed = false;               ///< the first-run view was closed
    bool operator==(const Preferences &) const = default;
};

/// Where things lie, for the settings panel.
struct Paths {
    std::string data, library, model, config;
    bool portable = false; ///< beside the program
};

} // namespace longscope::ui
