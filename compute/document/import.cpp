#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"

#include <algorithm>
#include <filesystem>

namespace longscope::document {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Magic {
    std::string_view bytes, name;
};
constexpr Magic kOtherFormats[] = {
    {"%PDF-", "a PDF"},
    {"PK\x03\x04", "a ZIP archive (DOCX, ODT and EPUB are such)"},
    {"{\\rtf", "a rich text (RTF) file"},
    {"\xFF\xFE", "UTF-16 text"},
    {"\xFE\xFF", "UTF-16 text"},
};

void refuseOtherFormats(std::string_view bytes, std::string_view path) {
    for (const Magic &magic : kOtherFormats)
        if (bytes.starts_with(magic.bytes))
            fail(ErrorKind::file, "{} is {}, {} bytes; only UTF-8 text and Markdown can be read",
                 path, magic.name, bytes.size());
    size_t zeros = static_cast<size_t>(std::ranges::count(bytes, '\0'));
    if (zeros > 0)
        fail(ErrorKind::file,
             "{} is a binary file, not text: {} of its {} bytes are zero, the first at byte {}",
             path, zeros, bytes.size(), bytes.find('\0'));
}

/// Line ends become LF; form feeds and vertical tabs too; other control characters, which a
/// terminal would obey, are left out and counted.
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

bool isMarkdownName(const std::string &path) {
    std::string extension = lowerCase(std::filesystem::path(path).extension().string());
    return extension == ".md" || extension == ".markdown";
}

std::string fileTitle(std::string_view path) {
    std::string stem = std::filesystem::path(path).stem().string();
    return stem.empty() ? std::string(path) : repairUtf8(stem);
}

} // namespace

void addParagraph(Document &document, size_t start, size_t end, bool prose) {
    trim(document.text, start, end);
    if (start < end)
        document.paragraphs.push_back({start, end, document.headings.size(), prose});
}

void addHeading(Document &document, size_t start, size_t end, unsigned level) {
    trim(document.text, start, end);
    if (start == end)
        return;
    std::string title(document.span(start, end));
    std::ranges::replace(title, '\n', ' ');
    document.headings.push_back({std::move(title), level, start});
    document.paragraphs.push_back({start, end, document.headings.size(), false});
}

Document importText(std::string_view bytes, std::string_view path, bool markdown) {
    if (bytes.empty())
        fail(ErrorKind::file, "{} is empty (0 bytes)", path);
    refuseOtherFormats(bytes, path);
    size_t total = bytes.size(), replaced = 0, removed = 0;
    if (bytes.starts_with(kByteOrderMark))
        bytes.remove_prefix(kByteOrderMark.size());
    std::string text = cleanControls(repairUtf8(bytes, &replaced), removed);
    Document document = markdown ? readMarkdown(text) : readPlainText(std::move(text));
    if (document.paragraphs.empty())
        fail(ErrorKind::file, "{} holds no text: its {} bytes are white space or marks", path,
             total);
    document.path = path;
    document.title = document.headings.empty() ? fileTitle(path) : document.headings.front().title;
    auto warn = [&](size_t count, const char *one, const char *many) {
        if (count > 0)
            document.warnings.push_back(std::format("{} {}", count, count == 1 ? one : many));
    };
    warn(replaced, "invalid UTF-8 sequence was replaced by U+FFFD",
         "invalid UTF-8 sequences were replaced by U+FFFD");
    warn(removed, "control character was left out", "control characters were left out");
    return document;
}

Document importFile(const std::string &path) {
    return importText(readWholeFile(path), path == "-" ? "standard input" : path,
                      isMarkdownName(path));
}

} // namespace longscope::document
