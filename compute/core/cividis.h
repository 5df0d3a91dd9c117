// Colours that grey and colour-blind eyes can order.
#pragma once

#include <array>
#include <cstdint>

namespace longscope {

/// Cividis (Nuñez, Anderton, Renslow 2018): red, green, blue at 0 <= level <= 1; outside is
/// clamped. Lightness rises with the level, also without red-green vision.
std::array<uint8_t, 3> cividis(double level);

} // namespace longscope
