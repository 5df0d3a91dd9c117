// The readers of single formats, for `import.cpp`. Each gets clean text (valid UTF-8, LF line ends,
// no control characters) and gives text and outline; path and title are the caller's work.
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
/// Adds the trimmed span as a heading and as a paragraph that is no prose.
void addHeading(Document &document, size_t start, size_t end, unsigned level);

} // namespace longscope::document
