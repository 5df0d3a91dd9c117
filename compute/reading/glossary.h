// What must stay the same from one part of a long text to the next: terms with their translation,
// names and numbers. Finds them in a text and says which of them a rewritten part lost.
#pragma once

#include "compute/document/document.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Term {
    std::string source, target;
};

/// Lines "source = target"; empty ones and those that begin with # are passed over. Throws
/// Error(file) with the number of a line that is none of these.
std::vector<Term> readTerms(std::string_view text, std::string_view path);

/// Capitalized words and rows of them inside sentences, seen twice or more, the frequent ones
/// first. Empty for a language that writes its nouns with capitals.
std::vector<std::string> findNames(const document::Document &document);

/// Whether a text has a term: its words in a row, in any case, where a word begins. Endings may
/// differ: of words of six letters or more the last two are not compared.
bool hasTerm(std::string_view text, std::string_view term);

struct NumberChanges {
    std::vector<std::string> missing, added; ///< as digits: "48200" for "48,200" and "48.200"
};

/// Numbers written in digits, in a language with any decimal mark. A number word of the source (in
/// English) may have become digits and back.
NumberChanges compareNumbers(std::string_view source, std::string_view result);

} // namespace longscope::reading
