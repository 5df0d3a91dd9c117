// Engines that several tests share (loading is the slow part), and how results are compared.
#pragma once

#include "compute/engine/engine.h"

#include <span>
#include <string>

namespace longscope::testing {

/// A file of tests/data.
std::string dataFile(const std::string &name);

/// Loaded once a process for each path and kernel family, with the validation layer when the
/// environment asks for it.
engine::Engine &engineFor(const std::string &path, const std::string &kernels);

/// Normalised mean square error: sum (got - want)^2 / sum want^2; 1e300 when the sizes differ.
double nmse(std::span<const float> got, std::span<const float> want);

} // namespace longscope::testing
