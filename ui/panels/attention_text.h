// Tokens of a timeline as readable text, and where they stand in the document.
#pragma once

#include "ui/state/attention.h"
#include "ui/strings.h"

#include <optional>
#include <string>
#include <utility>

namespace longscope::ui {

/// The tokens first .. end - 1; at most so many bytes, the middle left out then. Line breaks become
/// spaces, bytes that are no character U+FFFD.
std::string spanText(const Timeline &timeline, uint64_t first, uint64_t end, size_t most_bytes);
/// Without the spaces that it begins with.
std::string trimmed(std::string text);
/// A token with a few words on both sides: "the grey [harbour] of the".
std::string tokenInContext(const Timeline &timeline, uint64_t token);
/// "token 1,234" or "tokens 1,234 to 1,241".
std::string tokenNumbers(uint64_t first, uint64_t end);

const Timeline::Part *findPart(const Timeline &timeline, uint64_t token);
const char *partName(PartKind kind);

/// The bytes of the document that these tokens are; nothing where they are not of it.
std::optional<std::pair<size_t, size_t>> documentBytes(const Timeline &timeline, uint64_t first,
                                                       uint64_t end);

} // namespace longscope::ui
