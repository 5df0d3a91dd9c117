// Words for the full text index, and queries for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// As it is given to the index: scripts without spaces get one (of no width) around each
/// character, so that a part of a run is found, too.
std::string indexForm(std::string_view text);
/// Takes those spaces out again.
std::string withoutMarks(std::string_view indexed);

/// Words to look for; signs alone find nothing and are left out.
std::vector<std::string> wordsOf(std::string_view text);

/// A word as FTS5's query language has it, whatever it is made of.
std::string queryOf(const std::string &word, bool beginning);

} // namespace longscope::document
