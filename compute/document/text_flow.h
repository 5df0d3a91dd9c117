// Builds a Document from blocks and words in the order of reading, for formats whose text is not
// the file's own: cleans it, sets blank lines, and keeps the outline in step.
#pragma once

#include "compute/document/document.h"

#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

class TextFlow {
  public:
    TextFlow(std::string_view format, std::string_view path);

    /// A block begins: an open one ends as prose, and the next text stands at least `line_ends`
    /// line ends below it (2: a blank line between). Inside of a row only a gap.
    void begin(size_t line_ends = 2);
    /// Text as it is written, made valid UTF-8 without control characters.
    void add(std::string_view words);
    /// The same with each run of white space as one space, and none at both ends of a line.
    void addCollapsed(std::string_view words);
    /// One space, unless white space or the beginning of a line or cell stands before it.
    void gap();
    /// A row of a table: until endRow all stands in one line, a paragraph that is no prose.
    void beginRow();
    /// " | " before all cells but the first.
    void cell();
    void endRow(); ///< ends as prose what was no row
    bool inRow() const { return in_row_; }
    /// "2. ", "- " before the block's text, but not in its paragraph; not without text after it.
    /// Two spaces a level; a second mark stands beside the first.
    void addMark(std::string_view mark, size_t level = 0);
    bool marked() const { return !mark_.empty(); } ///< a mark waits for text
    void endParagraph(bool prose);
    /// 1 = top. The title is the block's text where none is given.
    void endHeading(unsigned level, std::string_view title = {});
    /// A section begins with the open block, or the next one that has text, which does not say its
    /// title.
    void section(unsigned level, std::string_view title);
    /// The next text begins a page.
    void page(std::string label);

    /// Whether the open block has no visible text yet.
    bool blank() const;
    /// Text since the block began.
    std::string_view open() const { return std::string_view(document_.text).substr(start_); }
    void warn(std::string sentence) { document_.warnings.push_back(std::move(sentence)); }
    void title(std::string_view words);
    const Document &document() const { return document_; }

    /// Ends the text with one line end. The title is the given one, else the first heading, else
    /// "".
    Document finish();

  private:
    void settle(); ///< writes what waits for text: line ends, a space, page beginnings, a mark
    void beginSections();

    Document document_;
    size_t start_ = 0;     ///< of the open block
    size_t line_ends_ = 0; ///< asked for before the next text
    bool space_ = false;   ///< likewise
    bool in_row_ = false;
    size_t cells_ = 0; ///< of the row
    std::vector<std::string> pages_;
    std::vector<Heading> sections_; ///< that wait for text
    std::string mark_;
};

} // namespace longscope::document
