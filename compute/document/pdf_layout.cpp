#include "compute/document/pdf_layout.h"
#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/document/pdf_paragraphs.h"
#include "compute/document/text_flow.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>

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
std::vector<PdfParagraph> paragraphsOf(PdfPages &file, TextFlow &flow) {
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
    return joinParagraphs(pages);
}

/// Sizes of headings, the largest first; its place is the level.
std::vector<int> headingSizes(const std::vector<PdfParagraph> &paragraphs) {
    std::set<int, std::greater<>> sizes;
    for (const PdfParagraph &paragraph : paragraphs)
        if (paragraph.heading)
            sizes.insert(paragraph.size_rank);
    return {sizes.begin(), sizes.end()};
}

class Writer {
  public:
    Writer(TextFlow &flow, const PdfPages &file) : flow_(flow), file_(file) {}
    void write(const std::vector<PdfParagraph> &paragraphs);

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

void Writer::write(const std::vector<PdfParagraph> &paragraphs) {
    std::vector<int> sizes = headingSizes(paragraphs);
    bool in_table = false;
    for (const PdfParagraph &paragraph : paragraphs) {
        flow_.begin(in_table && paragraph.row ? 1 : 2);
        in_table = paragraph.row;
        text(paragraph);
        auto level = std::ranges::find(sizes, paragraph.size_rank) - sizes.begin() + 1;
        if (paragraph.heading)
            flow_.endHeading(static_cast<unsigned>(level));
        else
            flow_.endParagraph(paragraph.prose);
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
    std::vector<PdfParagraph> paragraphs = paragraphsOf(file, flow);
    Writer(flow, file).write(paragraphs);
    return flow.finish();
}

} // namespace longscope::document
