// Packed numbers (library_pack.h), spans as steps from the one before:
//
//     version | headings: count, (level, start step, title) | paragraphs: count,
//     (start step, length, heading, kind) | warnings: count, (text) |
//     pages: count, (start step, label)
//
// Earlier forms have 1 for prose as the kind and 0 for all else; form 1 has no pages.
#include "compute/document/library_outline.h"

#include "compute/document/library_pack.h"
#include "compute/document/places.h"

namespace longscope::document {
namespace {

constexpr uint64_t kForm = 3, kFormWithoutPages = 1;

enum Kind : uint64_t { kOther, kProse, kTitle };

Kind kindOf(const Paragraph &paragraph) {
    return paragraph.prose ? kProse : paragraph.title ? kTitle : kOther;
}

/// For forms that do not say it: a line that begins a section and says no more than its title.
bool isTitleByLength(const Document &document, const Paragraph &paragraph) {
    return !paragraph.prose && beginsSection(document, paragraph) &&
           paragraph.end - paragraph.start <= document.headings[paragraph.heading - 1].title.size();
}

/// The sum of the steps so far, never beyond the text.
size_t steppedTo(Unpacker &from, size_t at, size_t text_bytes) {
    uint64_t step = from.number();
    from.ok = from.ok && step <= text_bytes - at;
    return from.ok ? at + step : at;
}

void unpackHeadings(Unpacker &from, size_t text_bytes, Document &document) {
    size_t start = 0;
    for (uint64_t left = from.count(); left > 0 && from.ok; --left) {
        auto level = static_cast<unsigned>(from.number());
        start = steppedTo(from, start, text_bytes);
        document.headings.push_back({from.text(), level, start});
    }
}

void unpackParagraphs(Unpacker &from, uint64_t form, size_t text_bytes, Document &document) {
    size_t end = 0;
    for (uint64_t left = from.count(); left > 0 && from.ok; --left) {
        Paragraph paragraph;
        paragraph.start = steppedTo(from, end, text_bytes);
        paragraph.end = end = steppedTo(from, paragraph.start, text_bytes);
        paragraph.heading = from.number();
        uint64_t kind = from.number();
        from.ok = from.ok && kind <= kTitle && paragraph.heading <= document.headings.size();
        paragraph.prose = kind == kProse;
        paragraph.title =
            form == kForm ? kind == kTitle : from.ok && isTitleByLength(document, paragraph);
        document.paragraphs.push_back(paragraph);
    }
}

void unpackPages(Unpacker &from, size_t text_bytes, Document &document) {
    size_t start = 0;
    for (uint64_t left = from.count(); left > 0 && from.ok; --left) {
        start = steppedTo(from, start, text_bytes);
        document.pages.push_back({start, from.text()});
    }
}

} // namespace

std::string packOutline(const Document &document) {
    Packer out;
    out.number(kForm);
    out.number(document.headings.size());
    size_t last = 0;
    for (const Heading &heading : document.headings) {
        out.number(heading.level);
        out.number(heading.start - last);
        out.text(heading.title);
        last = heading.start;
    }
    out.number(document.paragraphs.size());
    last = 0;
    for (const Paragraph &paragraph : document.paragraphs) {
        out.number(paragraph.start - last);
        out.number(paragraph.end - paragraph.start);
        out.number(paragraph.heading);
        out.number(kindOf(paragraph));
        last = paragraph.end;
    }
    out.number(document.warnings.size());
    for (const std::string &warning : document.warnings)
        out.text(warning);
    out.number(document.pages.size());
    last = 0;
    for (const Page &page : document.pages) {
        out.number(page.start - last);
        out.text(page.label);
        last = page.start;
    }
    return out.take();
}

bool unpackOutline(std::string_view bytes, size_t text_bytes, Document &document) {
    Unpacker from(bytes);
    uint64_t form = from.number();
    from.ok = from.ok && form >= kFormWithoutPages && form <= kForm;
    unpackHeadings(from, text_bytes, document);
    unpackParagraphs(from, form, text_bytes, document);
    for (uint64_t left = from.count(); left > 0 && from.ok; --left)
        document.warnings.push_back(from.text());
    if (form != kFormWithoutPages)
        unpackPages(from, text_bytes, document);
    if (from.ok && from.atEnd())
        return true;
    document.headings.clear();
    document.paragraphs.clear();
    document.warnings.clear();
    document.pages.clear();
    return false;
}

} // namespace longscope::document
