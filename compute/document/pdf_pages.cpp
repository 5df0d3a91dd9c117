#include "compute/document/pdf_pages.h"
#include "compute/core/error.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace longscope::document {
namespace {

constexpr std::string_view kMagic = "LSPDF2\n";
enum Flags : uint8_t { kSpaceAfter = 1, kUpright = 2, kBold = 4 };
enum OutlineFlags : uint8_t { kMore = 1, kDeeper = 2, kUnread = 4 };
enum EntryFlags : uint8_t { kHasPage = 1, kHasTop = 2 };
constexpr float kFarthest = 1e6f; // points; PDF itself ends at 14 400

template <class T> void put(std::string &out, T value) {
    out.append(reinterpret_cast<const char *>(&value), sizeof(value));
}
void put(std::string &out, std::string_view text) {
    put(out, static_cast<uint32_t>(text.size()));
    out += text;
}

class Parser {
  public:
    Parser(std::string_view stream, std::string_view path) : left_(stream), path_(path) {}
    PdfPages parse();

  private:
    [[noreturn]] void failAt(std::string_view wanted) const {
        fail(ErrorKind::file, "the PDF reader's answer on {} breaks off: {} wanted, {} bytes left",
             path_, wanted, left_.size());
    }
    std::string_view take(size_t bytes, std::string_view wanted) {
        if (bytes > left_.size())
            failAt(wanted);
        std::string_view out = left_.substr(0, bytes);
        left_.remove_prefix(bytes);
        return out;
    }
    template <class T> T number(std::string_view wanted) {
        T value;
        std::memcpy(&value, take(sizeof(T), wanted).data(), sizeof(T));
        return value;
    }
    /// Finite and within the range of any page.
    float place(std::string_view wanted) {
        float value = number<float>(wanted);
        return std::isfinite(value) ? std::fmin(std::fmax(value, -kFarthest), kFarthest) : 0;
    }
    std::string text(std::string_view wanted) {
        return std::string(take(number<uint32_t>(wanted), wanted));
    }
    PdfPage page();
    PdfWord word();
    PdfOutline outline(size_t pages);
    PdfEntry entry();

    std::string_view left_, path_;
};

PdfWord Parser::word() {
    PdfWord word;
    for (float *value : {&word.left, &word.top, &word.right, &word.bottom, &word.font_size})
        *value = place("a word's place");
    if (word.right < word.left)
        std::swap(word.left, word.right);
    if (word.bottom < word.top)
        std::swap(word.top, word.bottom);
    uint8_t flags = number<uint8_t>("a word's flags");
    word.space_after = flags & kSpaceAfter;
    word.upright = flags & kUpright;
    word.bold = flags & kBold;
    word.text = text("a word");
    return word;
}

PdfPage Parser::page() {
    PdfPage page;
    page.width = place("a page's width");
    page.height = place("a page's height");
    page.label = text("a page's label");
    uint32_t words = number<uint32_t>("the number of words");
    for (uint32_t i = 0; i < words; ++i) // memory grows with the bytes that are there
        page.words.push_back(word());
    return page;
}

PdfEntry Parser::entry() {
    PdfEntry entry;
    uint8_t flags = number<uint8_t>("an entry's flags");
    entry.level = std::clamp(number<uint32_t>("an entry's level"), 1u, kMostLevels);
    uint32_t page = number<uint32_t>("an entry's page");
    float top = place("an entry's place");
    if (flags & kHasPage)
        entry.page = page;
    if (flags & kHasTop)
        entry.top = top;
    entry.title = text("an entry's title");
    return entry;
}

PdfOutline Parser::outline(size_t pages) {
    PdfOutline outline;
    uint8_t flags = number<uint8_t>("the outline's flags");
    outline.more = flags & kMore;
    outline.deeper = flags & kDeeper;
    outline.unread = flags & kUnread;
    uint32_t entries = number<uint32_t>("the number of entries");
    if (entries > kMostEntries)
        fail(ErrorKind::file,
             "the PDF reader's answer on {} has {} entries of an outline, at most {} "
             "were asked for",
             path_, entries, kMostEntries);
    for (uint32_t i = 0; i < entries; ++i) {
        PdfEntry next = entry();
        if (next.page && *next.page >= pages)
            next.page = std::nullopt;
        outline.entries.push_back(std::move(next));
    }
    return outline;
}

PdfPages Parser::parse() {
    PdfPages out;
    if (take(kMagic.size(), "its head") != kMagic)
        fail(ErrorKind::file, "the PDF reader's answer on {} does not begin as one", path_);
    out.title = text("the title");
    for (;;) {
        char kind = number<char>("a page or the end");
        if (kind == 'O') {
            out.outline = outline(out.pages.size());
            kind = number<char>("the end");
            if (kind != 'E')
                failAt("the end");
        }
        if (kind == 'E' && left_.empty())
            return out;
        if (kind != 'P')
            failAt("a page");
        out.pages.push_back(page());
    }
}

} // namespace

void appendHead(std::string &out, std::string_view title) {
    out += kMagic;
    put(out, title);
}

void appendPage(std::string &out, const PdfPage &page) {
    out += 'P';
    put(out, page.width);
    put(out, page.height);
    put(out, std::string_view(page.label));
    put(out, static_cast<uint32_t>(page.words.size()));
    for (const PdfWord &word : page.words) {
        for (float value : {word.left, word.top, word.right, word.bottom, word.font_size})
            put(out, value);
        put(out, static_cast<uint8_t>((word.space_after ? kSpaceAfter : 0) |
                                      (word.upright ? kUpright : 0) | (word.bold ? kBold : 0)));
        put(out, std::string_view(word.text));
    }
}

void appendOutline(std::string &out, const PdfOutline &outline) {
    out += 'O';
    put(out, static_cast<uint8_t>((outline.more ? kMore : 0) | (outline.deeper ? kDeeper : 0) |
                                  (outline.unread ? kUnread : 0)));
    put(out, static_cast<uint32_t>(outline.entries.size()));
    for (const PdfEntry &entry : outline.entries) {
        put(out, static_cast<uint8_t>((entry.page ? kHasPage : 0) | (entry.top ? kHasTop : 0)));
        put(out, static_cast<uint32_t>(entry.level));
        put(out, static_cast<uint32_t>(entry.page.value_or(0)));
        put(out, entry.top.value_or(0));
        put(out, std::string_view(entry.title));
    }
}

void appendEnd(std::string &out) {
    out += 'E';
}

PdfPages parsePdfPages(std::string_view stream, std::string_view path) {
    return Parser(stream, path).parse();
}

} // namespace longscope::document
