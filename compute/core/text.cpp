#include "compute/core/text.h"

#include "compute/core/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace longscope {

// Unicode 15, table 3-7.
size_t utf8Length(std::string_view s, size_t at) {
    auto byte = [&](size_t i) {
        return i < s.size() ? static_cast<unsigned char>(s[i]) : static_cast<unsigned char>(0);
    };
    auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
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
