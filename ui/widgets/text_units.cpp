#include "ui/widgets/text_units.h"

#include "compute/core/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace longscope::ui {
namespace {

struct CodeRange {
    char32_t first, last;
};

bool inAny(std::span<const CodeRange> ranges, char32_t code) {
    return std::ranges::any_of(
        ranges, [=](CodeRange range) { return code >= range.first && code <= range.last; });
}

constexpr CodeRange kIdeographic[] = {{0x2E80, 0x2FDF}, {0x3040, 0x30FF},  {0x3100, 0x312F},
                                      {0x31A0, 0x31FF}, {0x3400, 0x4DBF},  {0x4E00, 0x9FFF},
                                      {0xF900, 0xFAFF}, {0x20000, 0x3FFFF}};
constexpr CodeRange kWide[] = {{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF},
                               {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE30, 0xFE4F},
                               {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6}, {0x20000, 0x3FFFF}};
constexpr CodeRange kCombining[] = {{0x0300, 0x036F}, {0x0483, 0x0489},  {0x0591, 0x05BD},
                                    {0x064B, 0x065F}, {0x0E34, 0x0E3A},  {0x0E47, 0x0E4E},
                                    {0x1AB0, 0x1AFF}, {0x200C, 0x200D},  {0x20D0, 0x20FF},
                                    {0xFE00, 0xFE0F}, {0x1F3FB, 0x1F3FF}};
/// Punctuation and symbols beyond ASCII. What is not here is taken for a letter.
constexpr CodeRange kNoLetters[] = {
    {0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},      {0xBB, 0xBF},     {0xD7, 0xD7},
    {0xF7, 0xF7},     {0x060C, 0x060C}, {0x061B, 0x061F},  {0x0964, 0x0965}, {0x2000, 0x206F},
    {0x20A0, 0x20CF}, {0x2190, 0x2BFF}, {0x3000, 0x3004},  {0x3008, 0x3020}, {0x3030, 0x3030},
    {0xFE30, 0xFE6F}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},  {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
    {0xFEFF, 0xFEFF}, {0xFFFC, 0xFFFD}, {0x1F000, 0x1FAFF}};

enum class SignClass { blank, word, ideographic, other };
SignClass classOf(char32_t code) {
    if (code == U' ' || code == U'\t' || code == 0xA0 || code == 0x3000)
        return SignClass::blank;
    if (isIdeographic(code))
        return SignClass::ideographic;
    return isWordSign(code) || isCombining(code) ? SignClass::word : SignClass::other;
}

bool isLineEnd(char32_t code) {
    return code == U'\n' || code == U'\r';
}

} // namespace

Sign signAt(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    const unsigned bytes = lead >= 0xF0 && lead < 0xF5   ? 4
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                                                         : 1;
    if (bytes == 1 || at + bytes > text.size())
        return {0xFFFD, 1};
    char32_t code = lead & (0x7FU >> bytes);
    for (unsigned i = 1; i < bytes; ++i) {
        if (!isInsideCharacter(text, at + i))
            return {0xFFFD, 1};
        code = code << 6 | (byte(i) & 0x3F);
    }
    return {code, bytes};
}

size_t signStart(std::string_view text, size_t at) {
    at = std::min(at, text.size());
    for (unsigned back = 0; back < 4 && back <= at; ++back) {
        const size_t start = at - back;
        if (!isInsideCharacter(text, start))
            return start < at && start + signAt(text, start).bytes <= at ? at : start;
    }
    return at;
}

bool isWordSign(char32_t code) {
    if (code < 0x80)
        return (code >= U'0' && code <= U'9') || (code >= U'A' && code <= U'Z') ||
               (code >= U'a' && code <= U'z') || code == U'_';
    return !inAny(kNoLetters, code);
}

bool isWide(char32_t code) {
    return code >= 0x1100 && inAny(kWide, code);
}

bool isCombining(char32_t code) {
    return code >= 0x300 && inAny(kCombining, code);
}

bool isIdeographic(char32_t code) {
    return code >= 0x2E80 && inAny(kIdeographic, code);
}

bool isClosing(char32_t code) {
    constexpr std::u32string_view kClosing = U"、。，．！？：；）」』】》〉〕…ー々";
    return code >= 0x2000 && kClosing.contains(code);
}

char32_t foldCase(char32_t code) {
    if (code < 0x80)
        return code >= U'A' && code <= U'Z' ? code + 32 : code;
    if ((code >= 0xC0 && code <= 0xDE && code != 0xD7) || (code >= 0x391 && code <= 0x3A9) ||
        (code >= 0x410 && code <= 0x42F))
        return code + 32;
    if (code >= 0x400 && code <= 0x40F)
        return code + 80;
    const bool even_is_upper =
        (code >= 0x100 && code <= 0x12F) || (code >= 0x132 && code <= 0x137) ||
        (code >= 0x14A && code <= 0x177) || (code >= 0x460 && code <= 0x481) ||
        (code >= 0x48A && code <= 0x4BF) || (code >= 0x4D0 && code <= 0x52F);
    if (even_is_upper)
        return code | 1;
    const bool odd_is_upper = (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E);
    return odd_is_upper && code % 2 == 1 ? code + 1 : code;
}

char32_t otherCase(char32_t code) {
    if (const char32_t lower = foldCase(code); lower != code)
        return lower;
    for (const char32_t back : {1U, 32U, 80U})
        if (code > back && foldCase(code - back) == code)
            return code - back;
    return code;
}

ByteRange wordAt(std::string_view text, size_t at) {
    at = signStart(text, at);
    if (at == text.size() || isLineEnd(signAt(text, at).code))
        return {at, at};
    const SignClass kind = classOf(signAt(text, at).code);
    const auto continues = [&](size_t byte) {
        const Sign sign = signAt(text, byte);
        return !isLineEnd(sign.code) && classOf(sign.code) == kind;
    };
    size_t start = at, end = at + signAt(text, at).bytes;
    if (kind == SignClass::other)
        return {start, end};
    constexpr size_t kMost = 4096; // of an endless word
    while (start > 0 && at - start < kMost && continues(signStart(text, start - 1)))
        start = signStart(text, start - 1);
    while (end < text.size() && end - at < kMost && continues(end))
        end += signAt(text, end).bytes;
    return {start, end};
}

ByteRange lineAt(std::string_view text, size_t at) {
    at = std::min(at, text.size());
    const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    const size_t end = text.find('\n', at);
    return {before == std::string_view::npos ? 0 : before + 1,
            end == std::string_view::npos ? text.size() : end + 1};
}

bool TextCounter::work(size_t bytes) {
    const size_t stop = bytes < text_.size() - at_ ? at_ + bytes : text_.size();
    while (at_ < stop) {
        const Sign sign = signAt(text_, at_);
        const bool ideograph = isIdeographic(sign.code);
        const bool word =
            isWordSign(sign.code) || (in_word_ && (sign.code == U'\'' || sign.code == 0x2019));
        if (ideograph || (word && !in_word_))
            ++words_;
        in_word_ = word && !ideograph;
        ++characters_;
        at_ += sign.bytes;
    }
    return done();
}

} // namespace longscope::ui
