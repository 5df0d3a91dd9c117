// Which reader a file gets: a table with one row a format. A signature at the beginning is believed
// before the name, the name before what the text looks like; everything else is plain text.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"

#include <algorithm>
#include <filesystem>

namespace longscope::document {
namespace {

using Test = bool (*)(std::string_view bytes);

struct Format {
    std::string_view name;
    std::string_view extensions; ///< without stops, parted by spaces
    Test signature;              ///< no file of another format begins like this; or null
    Test looks;                  ///< where the name says nothing; or null
    Document (*read)(std::string_view bytes, std::string_view path);
    bool titled = true; ///< the first heading is the document's title
};

/// A reader of clean text as one of bytes.
template <Document (*read)(std::string, std::string_view)>
Document decoded(std::string_view bytes, std::string_view path) {
    DecodedText text = decodeText(bytes, path);
    Document document = read(std::move(text.text), path);
    document.warnings.insert(document.warnings.begin(), text.warnings.begin(), text.warnings.end());
    return document;
}

Document readPage(std::string_view bytes, std::string_view path) {
    DecodedText text = decodeText(bytes, path, declaredCharset(bytes));
    Document document = readHtml(text.text);
    document.warnings.insert(document.warnings.begin(), text.warnings.begin(), text.warnings.end());
    return document;
}

constexpr std::string_view kZip = "PK\x03\x04";

bool looksLikePage(std::string_view bytes) {
    if (bytes.starts_with("\xEF\xBB\xBF"))
        bytes.remove_prefix(3);
    std::string_view head = bytes.substr(0, 1024);
    head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n"), head.size()));
    std::string lower = asciiLower(head);
    return lower.starts_with("<!doctype html") || lower.starts_with("<html") ||
           (lower.starts_with("<?xml") && lower.contains("<html"));
}

bool looksLikeSubRip(std::string_view bytes) {
    std::string_view head = bytes.substr(0, 64);
    size_t arrow = head.find(" --> ");
    return arrow != head.npos && arrow >= 9 && head.substr(0, arrow).contains(":") &&
           head.find_first_not_of("0123456789:,. \r\n\xEF\xBB\xBF") == arrow + 1;
}

// The next format is one row here, and a reader in formats.h.
constexpr Format kFormats[] = {
    {"PDF", "pdf", [](std::string_view b) { return b.starts_with("%PDF-"); }, nullptr, readPdf,
     false},
    {"archive", "docx docm odt ott epub", [](std::string_view b) { return b.starts_with(kZip); },
     nullptr, readArchive, false},
    {"RTF", "rtf", [](std::string_view b) { return b.starts_with("{\\rtf"); }, nullptr,
     [](std::string_view b, std::string_view) { return readRtf(b); }},
    {"HTML", "html htm xhtml xht shtml", nullptr, looksLikePage, readPage},
    {"WebVTT", "vtt", [](std::string_view b) { return b.starts_with("WEBVTT"); }, nullptr,
     decoded<[](std::string t, std::string_view) { return readSubtitles(t); }>, false},
    {"SubRip", "srt", nullptr, looksLikeSubRip,
     decoded<[](std::string t, std::string_view) { return readSubtitles(t); }>, false},
    {"Markdown", "md markdown mkd mdown", nullptr, nullptr,
     decoded<[](std::string t, std::string_view) { return readMarkdown(t); }>},
    {"source code", "", nullptr, [](std::string_view b) { return b.starts_with("#!"); },
     decoded<[](std::string t, std::string_view p) { return readSourceCode(std::move(t), p); }>,
     false},
    {"plain text", "txt text log", nullptr, nullptr,
     decoded<[](std::string t, std::string_view) { return readPlainText(std::move(t)); }>},
};
constexpr const Format &kSourceCode = *(std::end(kFormats) - 2);
constexpr const Format &kPlainText = *(std::end(kFormats) - 1);

struct Refusal {
    std::string_view bytes, name;
};
// Often tried, and better named than called binary.
constexpr Refusal kRefused[] = {
    {"\xD0\xCF\x11\xE0", "an old Office file (DOC, XLS or PPT)"},
    {"\x89PNG", "a picture (PNG)"},
    {"\xFF\xD8\xFF", "a picture (JPEG)"},
    {"GIF8", "a picture (GIF)"},
    {"\x1F\x8B", "a compressed file (gzip)"},
    {"\177ELF", "a program"},
    {"GGUF", "a model (GGUF)"},
    {"SQLite format 3", "a database (SQLite)"},
};

const Format *formatNamed(std::string_view path) {
    if (!languageOf(path).empty())
        return &kSourceCode;
    std::string extension = std::filesystem::path(path).extension().string();
    if (extension.size() < 2)
        return nullptr;
    std::string wanted = std::format(" {} ", lowerCase(repairUtf8(extension.substr(1))));
    for (const Format &format : kFormats)
        if (std::format(" {} ", format.extensions).contains(wanted))
            return &format;
    return nullptr;
}

const Format &chooseFormat(std::string_view bytes, std::string_view path) {
    for (const Format &format : kFormats)
        if (format.signature && format.signature(bytes))
            return format;
    if (const Format *named = formatNamed(path))
        return *named;
    for (const Format &format : kFormats)
        if (format.looks && format.looks(bytes))
            return format;
    return kPlainText;
}

std::string fileTitle(std::string_view path) {
    std::string stem = std::filesystem::path(path).stem().string();
    return stem.empty() ? std::string(path) : repairUtf8(stem);
}

Document readAs(const Format &format, std::string_view bytes, std::string_view path) {
    if (bytes.empty())
        fail(ErrorKind::file, "{} is empty (0 bytes)", path);
    Document document = format.read(bytes, path);
    if (document.paragraphs.empty())
        fail(ErrorKind::file, "{} holds no text: its {} bytes are white space or marks", path,
             bytes.size());
    document.path = path;
    if (document.format.empty())
        document.format = format.name;
    if (!document.headings.empty() && format.titled)
        document.title = document.headings.front().title;
    if (document.title.empty())
        document.title = fileTitle(path);
    return document;
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
    document.paragraphs.push_back({.start = start,
                                   .end = end,
                                   .heading = document.headings.size(),
                                   .prose = false,
                                   .title = true});
}

Document importBytes(std::string_view bytes, std::string_view path) {
    const Format &format = chooseFormat(bytes, path);
    if (!format.signature || !format.signature(bytes))
        for (const Refusal &refused : kRefused)
            if (bytes.starts_with(refused.bytes))
                fail(ErrorKind::file, "{} is {}, {} bytes; it cannot be read", path, refused.name,
                     bytes.size());
    return readAs(format, bytes, path);
}

Document importText(std::string_view bytes, std::string_view path, bool markdown) {
    return readAs(markdown ? *formatNamed("a.md") : kPlainText, bytes, path);
}

Document importFile(const std::string &path) {
    std::error_code code;
    if (path != "-" && std::filesystem::is_directory(path, code))
        return readFolder(path);
    return importBytes(readWholeFile(path), path == "-" ? "standard input" : path);
}

} // namespace longscope::document
