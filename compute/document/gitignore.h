// Which files of a folder git would not look at: the patterns of `.gitignore` files (gitignore(5)),
// in polynomial time for any pattern.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// The patterns of one `.gitignore`.
class IgnoreFile {
  public:
    /// `folder` is where the file is, relative to the top with '/' at its end; "" = the top.
    IgnoreFile(std::string_view text, std::string folder);

    enum class Answer { nothing, ignored, wanted };
    /// What the last pattern that fits says of `path`, relative to the top, '/' between its parts.
    /// Paths outside of the file's folder: nothing.
    Answer ask(std::string_view path, bool directory) const;

  private:
    struct Pattern {
        std::vector<std::string> parts; ///< "**" = any number of folders
        bool wanted = false;            ///< began with '!'
        bool directories = false;       ///< ended with '/'
    };
    static bool readPattern(std::string_view line, Pattern &pattern);

    std::string folder_;
    std::vector<Pattern> patterns_;
};

/// Whether the last of `files` (outermost first) that says something says "ignored".
bool isIgnored(const std::vector<IgnoreFile> &files, std::string_view path, bool directory);

/// One part of a path against one of a pattern: '*' '?' '[a-z]' '\x'.
bool matchesPart(std::string_view pattern, std::string_view name);

} // namespace longscope::document
