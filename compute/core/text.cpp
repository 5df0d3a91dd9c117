#include "compute/core/text.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace longscope {
namespace {

char lowerOf(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

// Unicode 15, table 3-7.
size_t utf8Length(std::string_view s, size_t at) {
    auto byte = [&](size_t i) {
        return i < s.size() ? static_cast<unsigned char>(s[i]) : static_cast<unsigned char>(0);
    };
    auto continues = [&](size_t i) { return isInsideCharacter(s, i); };
    unsigned char first = byte(at), second = byte(at + 1);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return continues(at + 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        bool ok = continues(at + 1) && continues(at + 2);
        ok = ok && !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second > 0x9F);
        return ok ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        bool ok = continues(at + 1) && continues(at + 2) && continues(at + 3);
        ok = ok && !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second > 0x8F);
        return ok ? 4 : 0;
    }
    return 0;
}

bool isInsideCharacter(std::string_view text, size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

size_t characterStart(std::string_view text, size_t at) {
    constexpr size_t kLongestCharacter = 4; // bytes
    size_t start = at;
    while (start > 0 && isInsideCharacter(text, start))
        if (at - --start >= kLongestCharacter)
            return at;
    return start;
}

std::string repairUtf8(std::string_view bytes, size_t *replaced) {
    std::string out;
    out.reserve(bytes.size());
    size_t count = 0;
    for (size_t at = 0; at < bytes.size();) {
        if (size_t length = utf8Length(bytes, at)) {
            out.append(bytes, at, length);
            at += length;
        } else {
            out += "\xEF\xBF\xBD";
            ++at;
            ++count;
        }
    }
    if (replaced)
        *replaced = count;
    return out;
}

std::string asciiLower(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), lowerOf);
    return lower;
}

bool containsIgnoringCase(std::string_view text, std::string_view part) {
    return part.empty() || !std::ranges::search(text, part, {}, lowerOf, lowerOf).empty();
}

std::string_view trimSpaces(std::string_view text) {
    constexpr std::string_view kSpaces = " \t\n\v\f\r";
    size_t start = std::min(text.find_first_not_of(kSpaces), text.size());
    return text.substr(start, text.find_last_not_of(kSpaces) + 1 - start);
}

size_t numberMarkLength(std::string_view line, size_t most_digits) {
    size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    std::string_view after = line.substr(digits, 2);
    return digits > 0 && digits <= most_digits && (after == ". " || after == ") ") ? digits + 2 : 0;
}

void appendUtf8(std::string &out, char32_t code) {
    auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

std::string formatBytes(uint64_t bytes) {
    const char *units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < std::size(units)) {
        value /= 1000;
        ++unit;
    }
    return unit == 0 ? std::format("{} B", bytes) : std::format("{:.1f} {}", value, units[unit]);
}

std::string numberRanges(const std::vector<uint32_t> &numbers) {
    std::string list;
    for (size_t i = 0; i < numbers.size();) {
        size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1)
            ++last;
        list += std::format("{}{}", list.empty() ? "" : ", ", numbers[i]);
        if (last > i)
            list += std::format("{}{}", last == i + 1 ? ", " : " to ", numbers[last]);
        i = last + 1;
    }
    return list;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == text.npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

std::string readWholeFile(const std::string &path) {
    if (path == "-")
        return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    std::error_code code;
    if (std::filesystem::is_directory(path, code))
        fail(ErrorKind::file, "{} is a directory, not a file", path);
    std::ifstream in(path, std::ios::binary);
    if (!in)
        fail(ErrorKind::file, "cannot open {}: {}", path, std::strerror(errno));
    std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (in.bad())
        fail(ErrorKind::file, "cannot read {}: {}", path, std::strerror(errno));
    return bytes;
}

} // namespace longscope
