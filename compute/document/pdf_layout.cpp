#include "compute/document/pdf_layout.h"
#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/document/pdf_outline.h"
#include "compute/document/pdf_paragraphs.h"
#include "compute/document/pdf_titles.h"
#include "compute/document/text_flow.h"

#include <algorithm>
#include <format>
#include <optional>

namespace longscope::document {
namespace {

/// Names that programs give to files, not people to texts.
bool isRealTitle(std::string_view title) {
    std::string lower = lowerCase(title);
    for (std::string_view end : {".doc", ".docx", ".dvi", ".tex", ".indd", ".qxd", ".pdf", ".odt"})
        if (lower.ends_with(end))
            return false;
    return !lower.starts_with("microsoft word") && !lower.starts_with("untitled");
}

/// Reading order and paragraphs of all pages; warns of what is left out.
std::vector<PdfParagraph> paragraphsOf(PdfPages &file, const std::vector<PdfEntry> &entries,
                                       TextFlow &flow) {
    std::vector<std::vector<PdfLine>> pages;
    for (PdfPage &page : file.pages) {
        pages.push_back(piecesOf(page));
        page.words = {};
    }
    size_t dropped = dropRunningLines(pages);
    if (dropped > 0)
        flow.warn(std::format("{} running {} left out: heads, feet and page numbers", dropped,
                              dropped == 1 ? "line was" : "lines were"));
    size_t column = 0;
    for (std::vector<PdfLine> &page : pages)
        page = inReadingOrder(std::move(page), column);
    markTitles(pages, entries);
    return joinParagraphs(pages);
}

/// The entries with a place to look for: what is given as the foot of a page is none.
std::vector<PdfEntry> entriesOf(const PdfPages &file) {
    std::vector<PdfEntry> entries = file.outline.entries;
    std::erase_if(entries, [&](const PdfEntry &entry) {
        return entry.page && isPageNumber(entry.title, *entry.page, file.pages[*entry.page].label);
    });
    for (PdfEntry &entry : entries)
        if (entry.page && entry.top && *entry.top >= file.pages[*entry.page].height - 1)
            entry.top = std::nullopt;
    settlePages(entries);
    return entries;
}

void warnOfOutline(const PdfOutline &outline, size_t left_out, TextFlow &flow) {
    if (outline.unread)
        flow.warn("this build cannot read a PDF's own outline: headings come from the look of "
                  "lines alone");
    if (left_out > 0)
        flow.warn(std::format("{} of {} entries of the file's own outline lead to no place in it "
                              "and are left out",
                              left_out, outline.entries.size()));
    if (outline.more)
        flow.warn(std::format("the file's own outline has more than {} entries; those behind them "
                              "are no headings here",
                              kMostEntries));
    if (outline.deeper)
        flow.warn(std::format("the file's own outline has more than {} levels; those below are no "
                              "headings here",
                              kMostLevels));
}

class Writer {
  public:
    Writer(TextFlow &flow, const PdfPages &file) : flow_(flow), file_(file) {}
    void write(const std::vector<PdfParagraph> &paragraphs,
               const std::vector<PdfHeading> &headings);

  private:
    void pagesUpTo(size_t page);
    void text(const PdfParagraph &paragraph);

    TextFlow &flow_;
    const PdfPages &file_;
    size_t next_page_ = 0;
};

void Writer::pagesUpTo(size_t page) {
    for (; next_page_ <= page; ++next_page_) {
        const std::string &label = file_.pages[next_page_].label;
        flow_.page(label.empty() ? std::to_string(next_page_ + 1) : label);
    }
}

void Writer::text(const PdfParagraph &paragraph) {
    size_t done = 0;
    pagesUpTo(paragraph.page);
    for (auto [at, page] : paragraph.page_breaks) {
        flow_.add(std::string_view(paragraph.text).substr(done, at - done));
        pagesUpTo(page);
        done = at;
    }
    flow_.add(std::string_view(paragraph.text).substr(done));
}

void Writer::write(const std::vector<PdfParagraph> &paragraphs,
                   const std::vector<PdfHeading> &headings) {
    bool in_table = false;
    auto heading = headings.begin();
    for (size_t p = 0; p < paragraphs.size(); ++p) {
        const PdfParagraph &paragraph = paragraphs[p];
        flow_.begin(in_table && paragraph.row ? 1 : 2);
        in_table = paragraph.row;
        text(paragraph);
        for (; heading != headings.end() && heading->paragraph == p && !heading->line; ++heading)
            flow_.section(heading->level, heading->title);
        if (heading != headings.end() && heading->paragraph == p) {
            flow_.endHeading(heading->level, heading->title);
            ++heading;
        } else {
            flow_.endParagraph(paragraph.prose);
        }
    }
    pagesUpTo(file_.pages.size() - 1);
}

} // namespace

Document layOutPdf(PdfPages file, std::string_view path) {
    size_t pages = file.pages.size(), with_text = 0;
    for (const PdfPage &page : file.pages)
        with_text += !page.words.empty();
    if (with_text == 0)
        fail(ErrorKind::file,
             "{} has {} {} and no text layer: it is made of pictures (OCR is not part of this "
             "program)",
             path, pages, pages == 1 ? "page" : "pages");
    TextFlow flow("PDF", path);
    if (isRealTitle(file.title))
        flow.title(file.title);
    if (with_text < pages)
        flow.warn(std::format("{} of {} pages have no text: they are blank or pictures",
                              pages - with_text, pages));
    std::vector<PdfEntry> entries = entriesOf(file);
    std::vector<PdfParagraph> paragraphs = paragraphsOf(file, entries, flow);
    PdfHeadings found = findHeadings(paragraphs, entries);
    warnOfOutline(file.outline, found.left_out, flow);
    Writer(flow, file).write(paragraphs, found.headings);
    return flow.finish();
}

} // namespace longscope::document
