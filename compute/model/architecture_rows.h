// The table of families; for architecture.cpp alone.
#pragma once

#include "compute/model/architecture.h"

#include <span>

namespace longscope::model {

std::span<const Architecture> architectureRows();

} // namespace longscope::model
