// What must be the same where the keys and values of a session are to be used again, in words that
// can be compared and shown. What changes only the speed (device, kernels, chunks) is not among it.
#pragma once

#include "compute/engine/session.h"

#include <string>
#include <utility>
#include <vector>

namespace longscope::engine {

/// Name of the model and a hash of its metadata, its table of tensors and some bytes of each: the
/// same for a copy of the file, another one after any change that matters.
std::string modelFingerprint(const model::Gguf &file, const std::string &name);

/// (what it is, its value), always as many in the same order for the same model.
std::vector<std::pair<std::string, std::string>> sessionFacts(const Session &session);

/// A hash of these facts, 16 digits.
std::string sessionFingerprint(const Session &session);

} // namespace longscope::engine
