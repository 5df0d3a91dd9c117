// What source_code.cpp must know of a language: its comments, and which lines declare something.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace longscope::document {

enum class Declarations {
    none,   ///< data, configuration
    words,  ///< lines that begin with `def`, `fn`, `class`
    braces, ///< these, and "type name(...) {"
    latex,  ///< \section{...}
};

struct Language {
    std::string_view name;
    std::string_view extensions; ///< and whole names, in lower case, parted by spaces
    Declarations declarations = Declarations::none;
    std::string_view line_comment;                ///< "" = none
    std::string_view comment_open, comment_close; ///< at the beginning of a line
};

/// Null for what is no name of source code.
const Language *findLanguage(std::string_view path);

struct Declaration {
    std::string title; ///< "class Reader"
    unsigned level = 1;
};
/// Whether the line [start, end) of `text` declares a function, class or section; by simple rules,
/// and looking at most 500 bytes ahead.
std::optional<Declaration> findDeclaration(const Language &language, std::string_view text,
                                           size_t start, size_t end);

} // namespace longscope::document
