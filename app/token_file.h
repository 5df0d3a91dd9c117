// Files of token ids: one JSON array of numbers.
#pragma once

#include "compute/model/tokenizer.h"

#include <string>
#include <vector>

namespace longscope::app {

/// Throws Error(file) when the file is no array of whole numbers.
std::vector<model::Token> readTokenFile(const std::string &path);

} // namespace longscope::app
