// What a text says that matters, marked by hand as patterns: how much of it a summary has is the
// measure that no recipe can satisfy by quoting just anything.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

class KeyPoints {
  public:
    /// One Perl-compatible pattern a line, not case sensitive; empty lines and those that begin
    /// with "#" are notes. Throws Error(file) with `name`, line and reason for a pattern that is
    /// none, and when there is no pattern at all.
    KeyPoints(std::string_view text, const std::string &name);
    ~KeyPoints();
    KeyPoints(KeyPoints &&) noexcept;
    KeyPoints &operator=(KeyPoints &&) noexcept;

    size_t size() const;
    /// How many of the points some sentence has. Line breaks in sentences count as spaces. Throws
    /// Error(file) for a pattern that takes too long.
    size_t foundIn(std::span<const std::string> sentences) const;
    /// The same, point by point.
    std::vector<bool> eachFoundIn(std::span<const std::string> sentences) const;

  private:
    class Pattern;
    std::vector<Pattern> patterns_;
};

} // namespace longscope::reading
