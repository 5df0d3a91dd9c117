// What the readers of DOCX and ODT share: blocks with what hangs at them, tables, counted pages.
#pragma once

#include "compute/document/text_flow.h"
#include "compute/document/xml.h"

#include <deque>
#include <functional>
#include <optional>
#include <string_view>

namespace longscope::document {

/// All below `root` block by block, as walkXml. What `enter` puts into `later` is read after the
/// block that holds it: a text box stands behind its paragraph.
void walkBlocks(const pugi::xml_node &root, std::deque<pugi::xml_node> &later,
                const std::function<Walk(const pugi::xml_node &)> &enter,
                const std::function<void(const pugi::xml_node &)> &leave);

/// A row is a line; one with a single cell is what stands in it, and a table in a cell is words of
/// that cell.
class TableLines {
  public:
    explicit TableLines(TextFlow &flow) : flow_(flow) {}
    void begin();
    void end() { --depth_; }
    void beginRow(size_t cells);
    void beginCell();
    void endRow();

  private:
    TextFlow &flow_;
    size_t depth_ = 0;
};

/// Numbers the pages from the breaks in the text.
class PageCounter {
  public:
    explicit PageCounter(TextFlow &flow) : flow_(flow) { flow_.page("1"); }
    void breakPage();
    /// A break that a layout found stands in the file: so do the others, and the count is right.
    void laidOut() { laid_out_ = true; }
    /// The flow's document; without pages where the file does not say how many there are.
    Document finish();

  private:
    TextFlow &flow_;
    size_t pages_ = 1;
    bool laid_out_ = false;
};

/// "12", else nothing.
std::optional<unsigned> parseCount(std::string_view digits);

} // namespace longscope::document
