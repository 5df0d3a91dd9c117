#include "compute/document/source_languages.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>

namespace longscope::document {
namespace {

constexpr size_t kLookAhead = 500;    // bytes, to the brace or semicolon after a signature
constexpr size_t kDeepestIndent = 8;  // columns; what is deeper is inside of something
constexpr size_t kLongestTitle = 120; // bytes

using enum Declarations;
constexpr Language kLanguages[] = {
    {"C", "c h", braces, "//", "/*", "*/"},
    {"C++", "cpp cc cxx hpp hh hxx inl ipp", braces, "//", "/*", "*/"},
    {"CUDA", "cu cuh", braces, "//", "/*", "*/"},
    {"GLSL", "glsl comp vert frag geom tesc tese hlsl wgsl", braces, "//", "/*", "*/"},
    {"Objective-C", "m mm", braces, "//", "/*", "*/"},
    {"C#", "cs", braces, "//", "/*", "*/"},
    {"Java", "java", braces, "//", "/*", "*/"},
    {"JavaScript", "js mjs cjs jsx", braces, "//", "/*", "*/"},
    {"TypeScript", "ts mts cts tsx", braces, "//", "/*", "*/"},
    {"Go", "go", words, "//", "/*", "*/"},
    {"Rust", "rs", words, "//", "/*", "*/"},
    {"Swift", "swift", words, "//", "/*", "*/"},
    {"Kotlin", "kt kts", words, "//", "/*", "*/"},
    {"Scala", "scala", words, "//", "/*", "*/"},
    {"Dart", "dart", braces, "//", "/*", "*/"},
    {"Zig", "zig", words, "//", "", ""},
    {"PHP", "php", words, "//", "/*", "*/"},
    {"Groovy", "groovy gradle", braces, "//", "/*", "*/"},
    {"Protocol Buffers", "proto", words, "//", "/*", "*/"},
    {"CSS", "css scss less", none, "//", "/*", "*/"},
    {"Python", "py pyi pyw", words, "#", "\"\"\"", "\"\"\""},
    {"Ruby", "rb rake gemfile rakefile", words, "#", "=begin", "=end"},
    {"Perl", "pl pm", words, "#", "", ""},
    {"Julia", "jl", words, "#", "", ""},
    {"Elixir", "ex exs", words, "#", "", ""},
    {"R", "r", words, "#", "", ""},
    {"shell", "sh bash zsh ksh fish bats", braces, "#", "", ""},
    {"PowerShell", "ps1 psm1", words, "#", "<#", "#>"},
    {"CMake", "cmake cmakelists.txt", words, "#", "", ""},
    {"Make", "mk makefile gnumakefile", none, "#", "", ""},
    {"Docker", "dockerfile containerfile", none, "#", "", ""},
    {"Nix", "nix", none, "#", "", ""},
    {"Lua", "lua", words, "--", "--[[", "]]"},
    {"SQL", "sql", words, "--", "/*", "*/"},
    {"Haskell", "hs", words, "--", "{-", "-}"},
    {"Fortran", "f90 f95 f03 f for", words, "!", "", ""},
    {"Lisp", "lisp el clj scm rkt", none, ";", "", ""},
    {"assembler", "asm s", none, ";", "", ""},
    {"LaTeX", "tex sty cls", latex, "%", "", ""},
    {"YAML", "yaml yml", none, "#", "", ""},
    {"TOML", "toml", none, "#", "", ""},
    {"settings", "ini cfg conf properties env gitignore gitattributes editorconfig", none, "#", "",
     ""},
    {"JSON", "json jsonl ndjson geojson ipynb", none, "", "", ""},
    {"XML", "xml xsd xsl xslt svg", none, "", "<!--", "-->"},
    {"CSV", "csv tsv", none, "", "", ""},
    {"a patch", "diff patch", none, "", "", ""},
};

// Before the word that tells what is declared.
constexpr auto kModifiers = std::to_array<std::string_view>({
    "abstract", "async",     "const",   "constexpr",  "data",    "declare", "default",   "export",
    "extern",   "final",     "inline",  "internal",   "local",   "open",    "override",  "partial",
    "private",  "protected", "pub",     "pub(crate)", "public",  "pure",    "recursive", "sealed",
    "static",   "suspend",   "typedef", "unsafe",     "virtual",
});
constexpr auto kDeclaring = std::to_array<std::string_view>({
    "class",   "struct",  "enum",     "interface",    "trait",  "impl",  "union",
    "fn",      "func",    "function", "fun",          "def",    "defp",  "defmodule",
    "sub",     "object",  "protocol", "extension",    "record", "type",  "module",
    "mod",     "message", "service",  "CREATE",       "create", "macro", "subroutine",
    "program", "mixin",   "actor",    "macro_rules!",
});
// Never the name or type of a function.
constexpr auto kStatements = std::to_array<std::string_view>({
    "if",   "for",       "while", "switch", "return",  "else",          "do",    "case",   "catch",
    "try",  "using",     "new",   "throw",  "typedef", "static_assert", "await", "yield",  "delete",
    "goto", "namespace", "elif",  "until",  "foreach", "lock",          "with",  "assert", "import",
    "from", "let",       "var",
});

template <size_t n>
bool holds(const std::array<std::string_view, n> &words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

std::string_view firstWord(std::string_view line) {
    return line.substr(0, line.find_first_of(" \t({<:;="));
}

bool beginsWithDeclaringWord(std::string_view line) {
    for (int i = 0; i < 5; ++i) {
        std::string_view word = line.substr(0, line.find_first_of(" \t"));
        if (holds(kDeclaring, word))
            return word.size() < line.size();
        if (holds(kDeclaring, firstWord(line))) // "function(NAME" of CMake
            return line.size() > word.size() || line.contains('(');
        if (!holds(kModifiers, word) && !word.starts_with("extern"))
            return false;
        line.remove_prefix(word.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    }
    return false;
}

bool isName(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':' || c == '~' || static_cast<signed char>(c) < 0;
}

/// "Type name(...) {": `rest` is the text from the line on.
bool isDefinition(std::string_view line, std::string_view rest, bool indented) {
    size_t paren = line.find('(');
    if (paren == line.npos || paren == 0 || !isName(line[0]))
        return false;
    std::string_view before = line.substr(0, paren);
    if (holds(kStatements, firstWord(line)) || before.find_first_of("=.;\"'{+|!?") != before.npos)
        return false;
    bool two_words = before.find_first_of(" \t*&", 1) != before.npos &&
                     before.find_last_not_of(" \t") + 1 == before.size();
    if (indented && !two_words)
        return false;
    size_t depth = 0;
    for (size_t at = paren; at < rest.size() && at < kLookAhead; ++at) {
        char c = rest[at];
        depth += c == '(';
        if (c == ')' && depth > 0)
            --depth;
        if (depth == 0 && (c == ';' || c == '='))
            return false;
        if (depth == 0 && c == '{')
            return true;
        // A call on its own line, as in a script.
        if (depth == 0 && c == '\n' && at + 1 < rest.size() && rest[at + 1] == '\n')
            return false;
    }
    return false;
}

std::optional<Declaration> findLatexSection(std::string_view line) {
    constexpr std::string_view kSections[] = {"\\part", "\\chapter", "\\section", "\\subsection",
                                              "\\subsubsection"};
    for (unsigned i = 0; i < std::size(kSections); ++i) {
        if (!line.starts_with(kSections[i]))
            continue;
        size_t open = line.find('{'), close = line.rfind('}');
        size_t name = kSections[i].size();
        if (open == line.npos || close == line.npos || close <= open + 1 ||
            (line[name] != '{' && line[name] != '*' && line[name] != '['))
            continue;
        return Declaration{std::string(line.substr(open + 1, close - open - 1)), i + 1};
    }
    return {};
}

std::string titleOf(std::string_view line) {
    size_t end = std::min(line.find_last_not_of(" \t{:") + 1, line.size());
    if (end > kLongestTitle)
        end = characterStart(line, kLongestTitle);
    return std::string(line.substr(0, end));
}

} // namespace

const Language *findLanguage(std::string_view path) {
    std::filesystem::path file(path);
    std::string name = file.filename().string(), extension = file.extension().string();
    if (extension.empty() && name.starts_with('.')) // ".gitignore"
        extension = name;
    std::string wanted = lowerCase(repairUtf8(extension.empty() ? "" : extension.substr(1)));
    std::string whole = lowerCase(repairUtf8(name));
    auto lists = [](const Language &language, std::string_view word) {
        return !word.empty() && !word.contains(' ') &&
               std::format(" {} ", language.extensions).contains(std::format(" {} ", word));
    };
    for (const Language &language : kLanguages)
        if ((whole.contains('.') || wanted.empty()) && whole.size() > 3 && lists(language, whole))
            return &language;
    for (const Language &language : kLanguages)
        if (lists(language, wanted))
            return &language;
    return nullptr;
}

std::optional<Declaration> findDeclaration(const Language &language, std::string_view text,
                                           size_t start, size_t end) {
    std::string_view line = text.substr(start, std::min(end - start, kLookAhead));
    size_t indent = 0, at = 0;
    for (; at < line.size() && (line[at] == ' ' || line[at] == '\t'); ++at)
        indent += line[at] == '\t' ? 4 : 1;
    line.remove_prefix(at);
    if (line.empty() || indent > kDeepestIndent || language.declarations == none)
        return {};
    if (language.declarations == latex)
        return findLatexSection(line);
    // Declared here, defined elsewhere: not for what lets a semicolon out.
    bool forward = line.ends_with(';') && !line.contains('{');
    bool found = beginsWithDeclaringWord(line) && !forward;
    if (!found && language.name == "R")
        found = line.contains("<- function(");
    if (!found && language.declarations == braces)
        found = isDefinition(line, text.substr(start + at), indent > 0);
    if (!found)
        return {};
    return Declaration{titleOf(line), indent == 0 ? 1u : indent <= 4 ? 2u : 3u};
}

} // namespace longscope::document
