// Files of token ids: one JSON array of numbers.
#pragma once

#include "compute/model/tokenizer.h"

#include <string>
#include <vector>

namespace longscope::app {

/// Throws Error(file) when the file is no array of whole numbers.
std::vector<model::Token> readTokenFile(const std::string &path);

/// Any tokens do where only the work counts: the same ones each time.
std::vector<model::Token> someTokens(uint64_t count, uint32_t vocab);

} // namespace longscope::app
