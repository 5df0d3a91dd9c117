// Any bytes as a .gitignore and paths that are asked of it, against a plain matcher for short ones.
#include "tests/fuzz/fuzz.h"

#include "compute/document/gitignore.h"

#include <cstdlib>
#include <string>
#include <string_view>

using namespace longscope::document;

namespace {

/// For patterns of letters, '?' and '*' alone: by trying everything.
bool matchesSlowly(std::string_view pattern, std::string_view name) {
    if (pattern.empty())
        return name.empty();
    if (pattern[0] == '*')
        return matchesSlowly(pattern.substr(1), name) ||
               (!name.empty() && matchesSlowly(pattern, name.substr(1)));
    return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
           matchesSlowly(pattern.substr(1), name.substr(1));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view bytes(reinterpret_cast<const char *>(data), size);
    size_t cut = bytes.find('\0');
    std::string_view patterns = bytes.substr(0, cut);
    std::string_view paths = cut == bytes.npos ? bytes : bytes.substr(cut + 1);
    IgnoreFile top(patterns, ""), nested(patterns, "a/");
    for (size_t start = 0; start < paths.size();) {
        size_t end = std::min(paths.find('\n', start), paths.size());
        std::string_view path = paths.substr(start, end - start);
        top.ask(path, false);
        nested.ask(path, true);
        isIgnored({top, nested}, path, false);
        start = end + 1;
    }
    std::string_view pattern = patterns.substr(0, std::min<size_t>(patterns.find('\n'), 10));
    std::string_view name = paths.substr(0, std::min<size_t>(paths.find('\n'), 10));
    if (pattern.find_first_of("[\\") == pattern.npos &&
        matchesPart(pattern, name) != matchesSlowly(pattern, name))
        std::abort();
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    std::vector<std::vector<uint8_t>> corpus;
    using namespace std::string_view_literals;
    for (std::string_view text :
         {"*.o\n/root\nout/\n!keep.o\na/**/b\n**/logs\nx/**\n\0x.o\nroot\na/out\na/1/2/b\n"sv,
          "q?[0-9][!a-c]\n\\#x\n[]a]\n[z-a]\n***\n \n\0q19d\n#x\n]\n"sv, "a*b?c*\0aXbYcZ"sv,
          "*a*a*b\0aaaaaaaa"sv})
        corpus.emplace_back(text.begin(), text.end());
    return corpus;
}
