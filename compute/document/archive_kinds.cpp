// Tells what a ZIP archive holds, and reads the kinds that are documents.
#include "compute/core/error.h"
#include "compute/document/archive.h"
#include "compute/document/formats.h"

namespace longscope::document {
namespace {

struct Named {
    std::string_view mark, name;
};
constexpr Named kOtherKinds[] = {
    {"opendocument.spreadsheet", "a spreadsheet (ODS)"},
    {"opendocument.presentation", "a presentation (ODP)"},
    {"opendocument.graphics", "a drawing (ODG)"},
    {"spreadsheetml", "a spreadsheet (XLSX)"},
    {"presentationml", "a presentation (PPTX)"},
};

struct Kind {
    ArchiveKind kind = ArchiveKind::other;
    std::string_view other_name = "a ZIP archive";
};

Kind kindOf(Archive &archive) {
    std::string words = archive.find("mimetype").value_or("");
    if (words.starts_with("application/epub+zip"))
        return {ArchiveKind::epub};
    if (words.starts_with("application/vnd.oasis.opendocument.text"))
        return {ArchiveKind::odt};
    if (words.empty())
        words = archive.find("[Content_Types].xml").value_or("");
    // Spreadsheets with a text inside name both: the main part comes with ".main+xml".
    if (words.contains("wordprocessingml.document.main+xml") ||
        words.contains("wordprocessingml.template.main+xml") ||
        words.contains("ms-word.document.macroEnabled.main+xml"))
        return {ArchiveKind::docx};
    if (archive.has("META-INF/container.xml")) // an EPUB that was packed again by hand
        return {ArchiveKind::epub};
    for (const Named &other : kOtherKinds)
        if (words.contains(other.mark))
            return {ArchiveKind::other, other.name};
    return {};
}

} // namespace

ArchiveKind archiveKind(std::string_view bytes, std::string_view path) {
    Archive archive(bytes, path);
    return kindOf(archive).kind;
}

Document readArchive(std::string_view bytes, std::string_view path) {
    Archive archive(bytes, path);
    Kind kind = kindOf(archive);
    switch (kind.kind) {
    case ArchiveKind::docx:
        return readDocx(bytes, path);
    case ArchiveKind::odt:
        return readOdt(bytes, path);
    case ArchiveKind::epub:
        return readEpub(bytes, path);
    case ArchiveKind::other:
        break;
    }
    fail(ErrorKind::file, "{} is {} of {} entries; of archives only DOCX, ODT and EPUB can be read",
         path, kind.other_name, archive.names().size());
}

} // namespace longscope::document
