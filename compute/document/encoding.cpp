#include "compute/document/encoding.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <iconv.h>
#include <uchardet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

namespace longscope::document {
namespace {

struct Mark {
    std::string_view bytes, encoding;
};
// Longest first: UTF-32LE begins as UTF-16LE does.
constexpr Mark kByteOrderMarks[] = {
    {std::string_view("\xFF\xFE\0\0", 4), "UTF-32LE"},
    {std::string_view("\0\0\xFE\xFF", 4), "UTF-32BE"},
    {"\xEF\xBB\xBF", "UTF-8"},
    {"\xFF\xFE", "UTF-16LE"},
    {"\xFE\xFF", "UTF-16BE"},
};

struct Label {
    std::string_view name, encoding;
};
// What files and uchardet call an encoding, and the C library's name of the one that is meant: the
// supersets that programs write in truth (WHATWG Encoding, section 4.2). Others are never opened.
constexpr Label kLabels[] = {
    {"utf-8", "UTF-8"},
    {"utf8", "UTF-8"},
    {"us-ascii", "WINDOWS-1252"},
    {"ascii", "WINDOWS-1252"},
    {"iso-8859-1", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
    {"windows-1252", "WINDOWS-1252"},
    {"cp1252", "WINDOWS-1252"},
    {"windows-1250", "WINDOWS-1250"},
    {"windows-1251", "WINDOWS-1251"},
    {"windows-1253", "WINDOWS-1253"},
    {"windows-1254", "WINDOWS-1254"},
    {"windows-1255", "WINDOWS-1255"},
    {"windows-1256", "WINDOWS-1256"},
    {"windows-1257", "WINDOWS-1257"},
    {"windows-1258", "WINDOWS-1258"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-9", "WINDOWS-1254"},
    {"iso-8859-10", "ISO-8859-10"},
    {"iso-8859-11", "TIS-620"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-15", "ISO-8859-15"},
    {"iso-8859-16", "ISO-8859-16"},
    {"tis-620", "TIS-620"},
    {"windows-874", "TIS-620"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"ibm852", "IBM852"},
    {"ibm855", "IBM855"},
    {"ibm865", "IBM865"},
    {"ibm866", "IBM866"},
    {"ibm437", "IBM437"},
    {"ibm850", "IBM850"},
    {"macintosh", "MACINTOSH"},
    {"mac-cyrillic", "MAC-CYRILLIC"},
    {"mac-centraleurope", "MAC-CENTRALEUROPE"},
    {"viscii", "VISCII"},
    {"shift_jis", "CP932"},
    {"sjis", "CP932"},
    {"windows-31j", "CP932"},
    {"cp932", "CP932"},
    {"euc-jp", "EUC-JP"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"iso-2022-kr", "ISO-2022-KR"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"cp936", "GB18030"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"cp950", "CP950"},
    {"euc-tw", "EUC-TW"},
    {"euc-kr", "CP949"},
    {"uhc", "CP949"},
    {"cp949", "CP949"},
    {"johab", "JOHAB"},
    {"cp1361", "JOHAB"},
    {"utf-16", "UTF-16LE"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
    {"utf-32le", "UTF-32LE"},
    {"utf-32be", "UTF-32BE"},
};
constexpr std::string_view kWestern = "WINDOWS-1252";

std::string_view findEncoding(std::string_view label) {
    if (label.size() > 32)
        return {};
    std::string lower = lowerCase(repairUtf8(label));
    const Label *found = std::ranges::find(kLabels, std::string_view(lower), &Label::name);
    return found != std::end(kLabels) ? found->encoding : std::string_view();
}

/// Bytes of the smallest unit, to step over a broken one.
size_t unitBytes(std::string_view encoding) {
    return encoding.starts_with("UTF-16") ? 2 : encoding.starts_with("UTF-32") ? 4 : 1;
}

struct Converter {
    explicit Converter(std::string_view encoding)
        : handle(iconv_open("UTF-8", std::string(encoding).c_str())) {}
    ~Converter() {
        if (known())
            iconv_close(handle);
    }
    Converter(const Converter &) = delete;
    Converter &operator=(const Converter &) = delete;
    // The C library's mark of a refusal is this number as a pointer.
    bool known() const { return reinterpret_cast<intptr_t>(handle) != -1; }

    iconv_t handle;
};

/// Shares of zero bytes at even and at odd places tell UTF-16 without a mark; each character of it
/// below U+0100 has one.
std::string_view findWideEncoding(std::string_view bytes) {
    std::string_view sample = bytes.substr(0, 4096);
    std::array<size_t, 4> zeros{};
    for (size_t at = 0; at < sample.size(); ++at)
        zeros[at % 4] += sample[at] == '\0';
    size_t quarter = sample.size() / 4;
    auto most = [&](size_t i) { return zeros[i] * 10 >= quarter * 4; };
    auto none = [&](size_t i) { return zeros[i] * 50 <= quarter; };
    if (quarter < 2)
        return {};
    if (none(0) && none(2) && (most(1) || most(3)))
        return "UTF-16LE";
    if (none(1) && none(3) && (most(0) || most(2)))
        return "UTF-16BE";
    if (none(0) && most(2) && most(3) && bytes.size() % 4 == 0)
        return "UTF-32LE";
    if (none(3) && most(0) && most(1) && bytes.size() % 4 == 0)
        return "UTF-32BE";
    return {};
}

struct Validity {
    size_t valid = 0, broken = 0; ///< multi-byte characters; bytes that begin none
};

Validity checkUtf8(std::string_view bytes) {
    Validity count;
    for (size_t at = 0; at < bytes.size();) {
        size_t length = utf8Length(bytes, at);
        count.valid += length > 1;
        count.broken += length == 0;
        at += std::max<size_t>(length, 1);
    }
    return count;
}

/// uchardet's answer for the lines that are not ASCII alone, "" where it has none.
std::string_view guessEncoding(std::string_view bytes) {
    constexpr size_t kEnoughBytes = 1 << 18;
    std::unique_ptr<std::remove_pointer_t<uchardet_t>, decltype(&uchardet_delete)> detector(
        uchardet_new(), uchardet_delete);
    size_t fed = 0;
    auto telling = [](char c) { return static_cast<signed char>(c) < 0 || c == '\x1B'; };
    for (size_t at = 0; at < bytes.size() && fed < kEnoughBytes;) {
        auto first = std::find_if(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end(), telling);
        if (first == bytes.end())
            break;
        size_t found = static_cast<size_t>(first - bytes.begin());
        size_t start = bytes.rfind('\n', found);
        start = std::max(start == bytes.npos ? 0 : start + 1, at);
        start = std::max(start, found - std::min<size_t>(found, 4096)); // lines may be endless
        size_t end = std::min({bytes.find('\n', found), bytes.size() - 1, found + 4096}) + 1;
        uchardet_handle_data(detector.get(), bytes.data() + start, end - start);
        fed += end - start;
        at = end;
    }
    uchardet_data_end(detector.get());
    return findEncoding(uchardet_get_charset(detector.get()));
}

struct Choice {
    std::string_view encoding;
    bool assumed = false; ///< neither marked nor declared, nor valid UTF-8
};

Choice chooseEncoding(std::string_view bytes, std::string_view declared) {
    bool has_zeros = bytes.contains('\0');
    std::string_view wide = has_zeros ? findWideEncoding(bytes) : std::string_view();
    if (!wide.empty())
        return {wide, true};
    std::string_view named = findEncoding(declared);
    if (unitBytes(named) > 1) // it was readable so far, so it is not that
        named = {};
    bool escapes = bytes.contains("\x1B$"); // ISO-2022 is made of ASCII bytes
    Validity utf8 = checkUtf8(bytes);
    if (utf8.broken == 0 && !escapes)
        return {"UTF-8"};
    if (!named.empty() && named != "UTF-8")
        return {named};
    if (utf8.broken > 0 && utf8.valid >= 4 * utf8.broken) // a damaged one
        return {"UTF-8"};
    if (std::string_view guessed = guessEncoding(bytes); !guessed.empty() && guessed != "UTF-8")
        return {guessed, true};
    return {utf8.broken == 0 || named == "UTF-8" ? "UTF-8" : kWestern, utf8.broken > 0};
}

void refuseBinary(std::string_view bytes, std::string_view path, std::string_view encoding) {
    if (unitBytes(encoding) > 1)
        return;
    auto zeros = static_cast<size_t>(std::ranges::count(bytes, '\0'));
    if (zeros > 0)
        fail(ErrorKind::file,
             "{} is a binary file, not text: {} of its {} bytes are zero, the first at byte {}",
             path, zeros, bytes.size(), bytes.find('\0'));
    auto control = [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 && !std::string_view("\t\n\v\f\r\x1B").contains(c);
    };
    auto controls = static_cast<size_t>(std::ranges::count_if(bytes, control));
    if (controls > 16 && controls > bytes.size() / 10)
        fail(ErrorKind::file,
             "{} is a binary file, not text: {} of its {} bytes are control characters", path,
             controls, bytes.size());
}

void warn(std::vector<std::string> &warnings, size_t count, const char *one, const char *many) {
    if (count > 0)
        warnings.push_back(std::format("{} {}", count, count == 1 ? one : many));
}

} // namespace

std::string convertToUtf8(std::string_view bytes, std::string_view encoding, size_t &replaced) {
    Converter converter(encoding);
    if (!converter.known())
        return convertToUtf8(bytes, kWestern, replaced);
    std::string out, buffer(std::clamp<size_t>(2 * bytes.size(), 64, 1 << 16), '\0');
    char *in = const_cast<char *>(bytes.data()); // iconv reads it only
    size_t left = bytes.size();
    bool end = false; // everything is read: what is kept back is asked for
    for (;;) {
        char *to = buffer.data();
        size_t room = buffer.size();
        size_t result =
            iconv(converter.handle, end ? nullptr : &in, end ? nullptr : &left, &to, &room);
        int reason = result == static_cast<size_t>(-1) ? errno : 0;
        out.append(buffer.data(), buffer.size() - room);
        if (reason == E2BIG)
            continue;
        if (end)
            break;
        if (left == 0 || reason == 0) {
            end = true;
            continue;
        }
        size_t skipped = reason == EINVAL ? left : std::min(left, unitBytes(encoding));
        appendUtf8(out, 0xFFFD);
        ++replaced;
        in += skipped;
        left -= skipped;
    }
    return repairUtf8(out); // some converters let characters through that UTF-8 does not have
}

std::string cleanControls(std::string_view text, size_t &removed) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size(); ++at) {
        unsigned char byte = static_cast<unsigned char>(text[at]);
        if (byte == '\r') {
            out += '\n';
            at += at + 1 < text.size() && text[at + 1] == '\n';
        } else if (byte == '\f' || byte == '\v') {
            out += '\n';
        } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
            ++removed;
        } else {
            out += text[at];
        }
    }
    return out;
}

DecodedText decodeText(std::string_view bytes, std::string_view path, std::string_view declared) {
    std::optional<Choice> choice;
    for (const Mark &mark : kByteOrderMarks)
        if (!choice && bytes.starts_with(mark.bytes)) {
            choice = Choice{mark.encoding};
            bytes.remove_prefix(mark.bytes.size());
        }
    if (!choice)
        choice = chooseEncoding(bytes, declared);
    refuseBinary(bytes, path, choice->encoding);
    DecodedText decoded;
    size_t replaced = 0, removed = 0;
    bool utf8 = choice->encoding == "UTF-8";
    std::string text =
        utf8 ? repairUtf8(bytes, &replaced) : convertToUtf8(bytes, choice->encoding, replaced);
    decoded.text = cleanControls(text, removed);
    // Numbers of a binary file have zeros as regular as UTF-16 and UTF-32 do, but make no text.
    if (choice->assumed && (replaced + removed) * 50 > bytes.size() / unitBytes(choice->encoding))
        refuseBinary(bytes, path, {});
    if (choice->assumed)
        decoded.warnings.push_back(
            std::format("the encoding is not named in the file; {} was assumed from its bytes",
                        choice->encoding));
    if (utf8)
        warn(decoded.warnings, replaced, "invalid UTF-8 sequence was replaced by U+FFFD",
             "invalid UTF-8 sequences were replaced by U+FFFD");
    else if (replaced > 0)
        decoded.warnings.push_back(std::format("{} invalid {} {} replaced by U+FFFD", replaced,
                                               choice->encoding,
                                               replaced == 1 ? "sequence was" : "sequences were"));
    warn(decoded.warnings, removed, "control character was left out",
         "control characters were left out");
    return decoded;
}

} // namespace longscope::document
