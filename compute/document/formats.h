// The readers of single formats, for `import.cpp`. Those of text get clean text (valid UTF-8, LF
// line ends, no control characters), the others the file's bytes; each gives text, outline and
// warnings, and a title when the file names one. Path and format are the caller's work.
#pragma once

#include "compute/document/document.h"

#include <string>
#include <string_view>

namespace longscope::document {

/// Keeps the text as it is. Blank lines part paragraphs; so do list marks, and line ends where the
/// lines are too long to be wrapped ones.
Document readPlainText(std::string text);

/// CommonMark with tables, strikethrough and task lists, through md4c. The text is what a reader
/// sees, without marks; headings stand on lines of their own.
Document readMarkdown(std::string_view text);

enum class HtmlPart {
    content, ///< what the page is about: without navigation, banners and the like
    all,     ///< all that is written, as for the chapters of a book
};
/// HTML and XHTML in UTF-8, through gumbo. Headings, list marks, tables (cells parted by " | ",
/// a row a paragraph that is no prose), code, marks of printed pages; linear time, and no depth of
/// tags is too deep.
Document readHtml(std::string_view text, HtmlPart part = HtmlPart::content);
/// The charset that a page or an XML file names in its first 4096 bytes, "" when there is none.
std::string_view declaredCharset(std::string_view bytes);

/// Rich Text Format 1.9 as word processors write it: text, headings by outline level, tables,
/// notes in brackets.
Document readRtf(std::string_view bytes);

/// SubRip and WebVTT: the words of the cues joined to paragraphs; every cue's time is the label of
/// a page, and from ten minutes on every five minutes begin with a heading.
Document readSubtitles(std::string_view text);

/// Source code as it is: declarations are headings (and text, but for LaTeX), comments prose, all
/// else blocks of at most about 2 kB that are no prose. `path` chooses the language's rules.
Document readSourceCode(std::string text, std::string_view path);
/// "C++" for "a/b.cpp", "" for what is no name of source code.
std::string_view languageOf(std::string_view path);

/// A folder as one document: its files by path, each under a heading of level 1.
Document readFolder(const std::string &path);

/// What a ZIP archive holds, by what it says of itself.
enum class ArchiveKind { docx, odt, epub, other };
/// Throws Error(file): no archive, a broken or hostile one.
ArchiveKind archiveKind(std::string_view bytes, std::string_view path);

/// One of the three below; throws Error(file) with what else the archive is. Of all of these the
/// path is set and `title` is what the file's own description says, else its first heading, else
/// "".
Document readArchive(std::string_view bytes, std::string_view path);
Document readDocx(std::string_view bytes, std::string_view path);
Document readOdt(std::string_view bytes, std::string_view path);
Document readEpub(std::string_view bytes, std::string_view path);

/// Through the helper process longscope-pdf, and with `pages`. Throws Error(file) also when the
/// file has no text layer, asks for a password, or makes the helper crash or exceed its limits.
Document readPdf(std::string_view bytes, std::string_view path);

/// Adds the paragraph [start, end) of `document.text`, trimmed, below the last heading; nothing
/// when it is empty.
void addParagraph(Document &document, size_t start, size_t end, bool prose);
/// Adds the trimmed span as a heading and as its title's paragraph, which is no prose.
void addHeading(Document &document, size_t start, size_t end, unsigned level);

} // namespace longscope::document
