// The computer's own memory, as far as the system tells.
#pragma once

#include <cstdint>

namespace longscope {

/// Bytes that can be taken without swapping; UINT64_MAX where the system does not say.
uint64_t availableHostBytes();

} // namespace longscope
