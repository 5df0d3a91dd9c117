// The tables of the library, version after version.
#pragma once

#include "compute/document/library_sql.h"

#include <cstdint>
#include <string_view>

namespace longscope::document {

/// Texts are kept in parts of this many bytes, so that a page of a long one is read without the
/// rest, and a long one is written in slices.
constexpr uint64_t kPartBytes = 262144;

/// Rows of a document in `text_parts` and `paragraph_words` have the ids
/// [rowOf(document, 0), rowOf(document + 1, 0)).
constexpr uint64_t rowOf(uint64_t document, uint64_t number) {
    return document << 32 | number;
}

/// How words are told apart and folded, in every table that is searched since version 2.
constexpr std::string_view kTokenizer = "unicode61 remove_diacritics 2";

/// Throws Error(file) with both numbers for a file of a newer version.
void checkVersion(Database &database);
/// Steps up from the file's version, each whole or not at all.
void migrate(Database &database);
/// Reads all of the file; throws a SqlError of damage when something is wrong with it that is not
/// merely an index of words, which is made again when it is met.
void checkWhole(Database &database);
/// Throws a SqlError of damage when a table or column is missing.
void checkShape(Database &database);

} // namespace longscope::document
