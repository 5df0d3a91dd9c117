// One Vulkan device for all tests of a binary, with the validation layer on. A validation message
// raised while a test runs fails that test; no device at all fails every test that asks for one.
#pragma once

#include "compute/gpu/device.h"

namespace longscope::gpu {

/// Made at the first call and kept until the binary ends. LONGSCOPE_TEST_DEVICE chooses another
/// device than the best, as `--device` does. Throws Error(device) when there is none.
Device &testDevice();

} // namespace longscope::gpu
