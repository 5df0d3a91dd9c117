#include "compute/document/gitignore.h"

#include <algorithm>
#include <span>

namespace longscope::document {
namespace {

constexpr size_t kMostPatterns = 10'000;  // in one file; what follows is passed over
constexpr size_t kLongestPattern = 4'096; // bytes

/// "[a-z]", "[!0-9]" at `at`: whether it has `c`; `at` moves behind it. A '[' without an end is
/// itself.
bool matchesSet(std::string_view pattern, size_t &at, char c) {
    size_t first = at + 1;
    bool inverted = first < pattern.size() && (pattern[first] == '!' || pattern[first] == '^');
    first += inverted;
    size_t close = pattern.find(']', first + 1); // "[]a]" has a bracket in it
    if (close == pattern.npos) {
        ++at;
        return c == '[';
    }
    at = close + 1;
    bool found = false;
    auto byte = [](char x) { return static_cast<unsigned char>(x); };
    for (size_t i = first; i < close; ++i) {
        if (pattern[i] == '\\' && i + 1 < close)
            ++i;
        if (i + 2 < close && pattern[i + 1] == '-') {
            found = found || (byte(pattern[i]) <= byte(c) && byte(c) <= byte(pattern[i + 2]));
            i += 2;
        } else {
            found = found || pattern[i] == c;
        }
    }
    return found != inverted;
}

/// One character of the pattern at `at`, which is no '*'.
bool matchesOne(std::string_view pattern, size_t &at, char c) {
    switch (pattern[at]) {
    case '?':
        ++at;
        return true;
    case '[':
        return matchesSet(pattern, at, c);
    case '\\':
        at += at + 1 < pattern.size();
        break;
    default:
        break;
    }
    return pattern[at++] == c;
}

/// Going back to the last star alone is enough: an earlier one has nothing to gain.
bool matchesParts(std::span<const std::string> pattern, std::span<const std::string_view> path) {
    size_t p = 0, n = 0, star = pattern.size(), tried = 0;
    while (n < path.size()) {
        if (p < pattern.size() && pattern[p] == "**") {
            star = p++;
            tried = n;
        } else if (p < pattern.size() && matchesPart(pattern[p], path[n])) {
            ++p;
            ++n;
        } else if (star < pattern.size()) {
            p = star + 1;
            n = ++tried;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == "**" && p + 1 < pattern.size())
        ++p;
    return p == pattern.size();
}

std::vector<std::string_view> partsOf(std::string_view path) {
    std::vector<std::string_view> parts;
    for (size_t start = 0; start < path.size();) {
        size_t end = std::min(path.find('/', start), path.size());
        if (end > start)
            parts.push_back(path.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

} // namespace

bool matchesPart(std::string_view pattern, std::string_view name) {
    size_t p = 0, n = 0, star = pattern.npos, tried = 0;
    while (n < name.size()) {
        size_t next = p;
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            tried = n;
        } else if (p < pattern.size() && matchesOne(pattern, next, name[n])) {
            p = next;
            ++n;
        } else if (star != pattern.npos) {
            p = star + 1;
            n = ++tried;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

bool IgnoreFile::readPattern(std::string_view line, Pattern &pattern) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ "))
        line.remove_suffix(1);
    if (line.empty() || line[0] == '#' || line.size() > kLongestPattern)
        return false;
    if (line[0] == '!') {
        pattern.wanted = true;
        line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
        pattern.directories = true;
        line.remove_suffix(1);
    }
    // Without a '/' before its end it fits in every folder below.
    if (!line.contains('/'))
        pattern.parts.push_back("**");
    for (std::string_view part : partsOf(line))
        pattern.parts.emplace_back(part);
    return !line.empty() && !pattern.parts.empty(); // "//" names nothing
}

IgnoreFile::IgnoreFile(std::string_view text, std::string folder) : folder_(std::move(folder)) {
    for (size_t start = 0; start < text.size() && patterns_.size() < kMostPatterns;) {
        size_t end = std::min(text.find('\n', start), text.size());
        Pattern pattern;
        if (readPattern(text.substr(start, end - start), pattern))
            patterns_.push_back(std::move(pattern));
        start = end + 1;
    }
}

IgnoreFile::Answer IgnoreFile::ask(std::string_view path, bool directory) const {
    if (!path.starts_with(folder_))
        return Answer::nothing;
    std::vector<std::string_view> parts = partsOf(path.substr(folder_.size()));
    for (size_t i = patterns_.size(); i-- > 0;) {
        const Pattern &pattern = patterns_[i];
        if ((directory || !pattern.directories) && matchesParts(pattern.parts, parts))
            return pattern.wanted ? Answer::wanted : Answer::ignored;
    }
    return Answer::nothing;
}

bool isIgnored(const std::vector<IgnoreFile> &files, std::string_view path, bool directory) {
    for (size_t i = files.size(); i-- > 0;) {
        IgnoreFile::Answer answer = files[i].ask(path, directory);
        if (answer != IgnoreFile::Answer::nothing)
            return answer == IgnoreFile::Answer::ignored;
    }
    return false;
}

} // namespace longscope::document
