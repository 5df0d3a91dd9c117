#include "compute/document/characters.h"

#include "compute/core/text.h"

#include <clocale>
#include <cwctype>
#include <locale.h>

namespace longscope::document {
namespace {

/// Null when the system has no C.UTF-8: then only ASCII has letters of two cases, and every other
/// character counts as a letter without case.
locale_t unicodeLocale() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

bool asciiUpper(char32_t code) {
    return code >= U'A' && code <= U'Z';
}
bool asciiLower(char32_t code) {
    return code >= U'a' && code <= U'z';
}

} // namespace

Character characterAt(std::string_view text, size_t at) {
    if (at >= text.size())
        return {};
    auto byte = [&](size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i])
                               : static_cast<unsigned char>(0);
    };
    auto tail = [&](size_t i) { return static_cast<char32_t>(byte(at + i) & 0x3F); };
    char32_t first = byte(at);
    if (first < 0x80)
        return {first, 1};
    if (first >= 0xC2 && first < 0xE0 && at + 1 < text.size())
        return {(first & 0x1F) << 6 | tail(1), 2};
    if (first >= 0xE0 && first < 0xF0 && at + 2 < text.size())
        return {(first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3};
    if (first >= 0xF0 && first < 0xF5 && at + 3 < text.size())
        return {(first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
    return {0xFFFD, 1};
}

Character characterBefore(std::string_view text, size_t at) {
    if (at == 0)
        return {};
    return characterAt(text, characterStart(text, at - 1));
}

bool isLetter(char32_t code) {
    if (code < 0x80)
        return asciiUpper(code) || asciiLower(code);
    if (code >= 0x300 && code < 0x370) // combining marks belong to the letter before them
        return true;
    locale_t locale = unicodeLocale();
    return locale ? iswalpha_l(static_cast<wint_t>(code), locale) != 0 : code > 0xBF;
}

bool isUpper(char32_t code) {
    if (code < 0x80)
        return asciiUpper(code);
    locale_t locale = unicodeLocale();
    return locale && iswupper_l(static_cast<wint_t>(code), locale) != 0;
}

bool isLower(char32_t code) {
    if (code < 0x80)
        return asciiLower(code);
    locale_t locale = unicodeLocale();
    return locale && iswlower_l(static_cast<wint_t>(code), locale) != 0;
}

bool isSpace(char32_t code) {
    return code == U' ' || (code >= U'\t' && code <= U'\r') || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200B) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000 || code == 0xFEFF;
}

char32_t toLower(char32_t code) {
    if (code < 0x80)
        return asciiUpper(code) ? code + 32 : code;
    locale_t locale = unicodeLocale();
    return locale ? static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), locale)) : code;
}

bool isIdeographic(char32_t code) {
    return (code >= 0x2E80 && code <= 0x9FFF && !(code >= 0x3000 && code <= 0x303F)) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0xFF66 && code <= 0xFF9F) ||
           (code >= 0x20000 && code <= 0x3FFFF);
}

std::string lowerCase(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        appendUtf8(out, toLower(c.code));
        at += c.length;
    }
    return out;
}

void trim(std::string_view text, size_t &start, size_t &end) {
    while (start < end) {
        Character c = characterAt(text, start);
        if (!isSpace(c.code))
            break;
        start += c.length;
    }
    while (end > start) {
        Character c = characterBefore(text, end);
        if (!isSpace(c.code))
            break;
        end -= c.length;
    }
}

std::string_view trimmed(std::string_view text) {
    size_t start = 0, end = text.size();
    trim(text, start, end);
    return text.substr(start, end - start);
}

} // namespace longscope::document
