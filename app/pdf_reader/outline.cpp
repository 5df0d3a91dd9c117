// Poppler's C++ interface tells the titles of an outline, but not where they lead (up to version 25
// at least), and reads the whole tree before it answers, which a hostile one has no end of. So this
// file, and it alone, uses poppler's inner headers (package libpoppler-private-dev). They promise
// nothing from version to version: this much of them compiles with 22.12 to 25.03.
#include "app/pdf_reader/outline.h"
#include "compute/core/text.h"

#include <Link.h>
#include <Outline.h>
#include <PDFDoc.h>
#include <Page.h>
#include <Stream.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::pdf_reader {
namespace {

using namespace longscope::document;
using Items = std::vector<OutlineItem *>;

/// A text or, before version 23, a pointer to its first character with a length beside it.
template <class Item> std::u32string charactersOf(const Item &item) {
    if constexpr (requires { item.getTitleLength(); })
        return {item.getTitle(), item.getTitle() + item.getTitleLength()};
    else
        return {item.getTitle().begin(), item.getTitle().end()};
}

/// UTF-8 without what is no character, cut to the longest length.
std::string titleOf(const OutlineItem &item) {
    std::string title;
    for (char32_t code : charactersOf(item)) {
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            code = 0xFFFD;
        if (title.size() > kLongestTitle - 8)
            return title + "…";
        appendUtf8(title, code);
    }
    return title;
}

/// How far below the upper edge of the page, as it is shown, a place of its own system is. That
/// system counts from the lower left corner of the page before it was turned.
std::optional<float> topOf(const LinkDest &place, const Page &page) {
    LinkDestKind kind = place.getKind();
    bool rectangle = kind == destFitR;
    bool has_left = rectangle || (kind == destXYZ && place.getChangeLeft());
    bool has_top = rectangle || ((kind == destXYZ || kind == destFitH || kind == destFitBH) &&
                                 place.getChangeTop());
    const PDFRectangle &box = *page.getCropBox();
    int turned = page.getRotate(); // clockwise, in degrees
    bool sideways = turned == 90 || turned == 270;
    if (sideways ? !has_left : !has_top)
        return std::nullopt;
    double top = turned == 90    ? place.getLeft() - box.x1
                 : turned == 180 ? place.getTop() - box.y1
                 : turned == 270 ? box.x2 - place.getLeft()
                                 : box.y2 - place.getTop();
    return static_cast<float>(top);
}

class Reader {
  public:
    explicit Reader(PDFDoc &file) : file_(file) {}

    PdfOutline read() {
        if (Outline *outline = file_.getOutline())
            read(outline->getItems(), 1);
        return std::move(out_);
    }

  private:
    void read(const Items *items, unsigned level);
    void setPlace(PdfEntry &entry, const OutlineItem &item);

    PDFDoc &file_;
    PdfOutline out_;
};

/// Poppler reads the items of a level when they are asked for, and no item twice in one level or
/// below itself; but many levels may share a branch.
void Reader::read(const Items *items, unsigned level) {
    if (!items)
        return;
    for (OutlineItem *item : *items) {
        if (out_.entries.size() == kMostEntries) {
            out_.more = true;
            return;
        }
        PdfEntry entry;
        entry.title = titleOf(*item);
        entry.level = level;
        setPlace(entry, *item);
        out_.entries.push_back(std::move(entry));
        if (level < kMostLevels)
            read(item->getKids(), level + 1);
        else // asked once: the answer takes as long as the level is
            out_.deeper = out_.deeper || item->getKids();
        if (out_.more)
            return;
    }
}

void Reader::setPlace(PdfEntry &entry, const OutlineItem &item) {
    const auto *link = dynamic_cast<const LinkGoTo *>(item.getAction());
    if (!link)
        return; // a title alone, or a web page, another file, a script
    std::unique_ptr<LinkDest> named;
    const LinkDest *place = link->getDest();
    if (!place && link->getNamedDest()) {
        named = file_.findDest(link->getNamedDest());
        place = named.get();
    }
    if (!place || !place->isOk())
        return;
    int number = place->isPageRef() ? file_.findPage(place->getPageRef()) : place->getPageNum();
    if (number < 1 || number > file_.getNumPages())
        return;
    entry.page = static_cast<size_t>(number) - 1;
    if (const Page *page = file_.getPage(number))
        entry.top = topOf(*place, *page);
}

} // namespace

PdfOutline readOutline(std::string_view bytes) {
    // The document takes the stream, and the stream leaves the bytes alone.
    PDFDoc file(
        new MemStream(bytes.data(), 0, static_cast<Goffset>(bytes.size()), Object(objNull)));
    return file.isOk() ? Reader(file).read() : PdfOutline{};
}

} // namespace longscope::pdf_reader
