// Under what a model's reply is kept: a hash of all that it depends on.
#pragma once

#include "compute/reading/text_model.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

/// Of model, prompt and everything in the options, and of how its text becomes sentences
/// (`most_words`, see sentence_stream.h; 0: it does not): 128 bits against mistakes, not against
/// malice.
std::string stepKey(std::string_view fingerprint, const TextRequest &request,
                    unsigned most_words = 0);
/// 64 bits of the messages, for a seed that no other prompt has.
uint64_t seedOf(const std::vector<model::Message> &messages, uint64_t seed);

} // namespace longscope::reading
