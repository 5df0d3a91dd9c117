// Saves a picture of attention: the numbers as .png, .npy or .csv, and beside them what they are.
#pragma once

#include "ui/state/attention.h"
#include "ui/state/settings.h"

#include <memory>
#include <string>

namespace longscope::app {

struct MapOrigin {
    std::shared_ptr<const ui::Map> map;
    std::string model, device;
    ui::AttentionSettings settings; ///< under which it was read
};

/// Gives the path of the file with the facts. Throws Error(usage) for another ending, Error(file).
std::string saveMap(const MapOrigin &origin, const std::string &path);

} // namespace longscope::app
