// Any bytes as text of any encoding: by mark, declared, guessed; then as plain text and Markdown.
#include "tests/fuzz/fuzz_document.h"

#include "compute/core/text.h"
#include "compute/document/encoding.h"

using namespace longscope;

namespace {

constexpr const char *kEncodings[] = {
    "",       "utf-8",     "windows-1251", "shift_jis", "gb18030", "big5",        "euc-kr",
    "koi8-r", "euc-jp",    "iso-2022-jp",  "euc-tw",    "johab",   "iso-2022-kr", "tis-620",
    "viscii", "macintosh", "windows-1258", "utf-16",    "ibm866",  "iso-8859-16", "nonsense",
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    std::string_view bytes(reinterpret_cast<const char *>(data) + 1, size - 1);
    try {
        document::DecodedText decoded =
            document::decodeText(bytes, "x", kEncodings[data[0] % std::size(kEncodings)]);
        size_t broken = 0;
        repairUtf8(decoded.text, &broken);
        if (broken > 0)
            std::abort();
    } catch (const Error &) {
    }
    importAnyBytes(data + 1, size - 1, data[0] % 2 ? "x.txt" : "x.md");
    importAnyBytes(data + 1, size - 1, "-");
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    std::vector<std::vector<uint8_t>> corpus;
    using namespace std::string_view_literals;
    for (
        std::string_view text :
        {"The Harbour\n\nIt was built in 1903.\n\n1. Costs\n=====\n- a\n- b\n"sv,
         "# Top\n\n| a | b |\n|---|---|\n| 1 | *2* |\n\n```\ncode\n```\n> q &amp; <b>x</b>\n"sv,
         "\xFF\xFEH\0i\0=\xD8\x00\xDE"sv, "\xFE\xFF\0H\0i"sv, "\xFF\xFE\0\0H\0\0\0"sv,
         "H\0i\0 \0y\0o\0u\0.\0.\0"sv,
         "\xC3\xE0\xE2\xE0\xED\xFC \xE1\xFB\xEB\xE0 \xEF\xEE\xF1\xF2\xF0\xEE\xE5\xED\xE0."sv,
         "\x8D\x60\x82\xCD\x95S\x94N\x91O\x82\xC9\x8C\x9A\x82\xC4\x82\xE7\x82\xEA\x82\xDC\x82\xB5\x82\xBD"sv,
         "\xD5\xE2\xB8\xF6\xB8\xDB\xBF\xDA\xBD\xA8\xD3\xDA\xD2\xBB\xB0\xD9\xC4\xEA\xC7\xB0\xA1\xA3"sv,
         "\x1B$B9A\x1B(B is it."sv, "\x1B$)C\x0E!!\x0F"sv})
        for (int which : {0, 3, 8, 13}) {
            corpus.push_back({static_cast<uint8_t>(which)});
            corpus.back().insert(corpus.back().end(), text.begin(), text.end());
        }
    return corpus;
}
