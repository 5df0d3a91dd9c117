// What the paragraphs of a DOCX are by their styles: headings, list items, lines of a table of
// contents (ECMA-376 part 1, 17.7 styles and 17.9 numbering).
#pragma once

#include "compute/document/list_numbers.h"
#include "compute/document/xml.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace longscope::document {

/// What a paragraph or a style says of itself; nothing said is taken from the style it builds on.
struct DocxProperties {
    std::optional<unsigned> outline; ///< 0 = top, 9 = body text
    std::optional<std::string> list; ///< "0": in none
    std::optional<unsigned> list_level;
    std::optional<bool> page_before; ///< begins a page
    bool prose = true;               ///< no line of a table of contents, no code
    bool title = false;
};

class DocxStyles {
  public:
    /// `styles` and `numbering` are the roots of their parts; null ones are none.
    DocxStyles(const pugi::xml_node &styles, const pugi::xml_node &numbering);

    /// Of a w:p with its style's.
    DocxProperties propertiesOf(const pugi::xml_node &paragraph) const;
    /// The mark before the next paragraph with these; counts it. "" outside of lists.
    std::string nextMark(const DocxProperties &properties);

  private:
    struct Style {
        DocxProperties own;
        std::string base;
    };
    void readStyles(const pugi::xml_node &root);
    void readNumbering(const pugi::xml_node &root);
    void inherit(DocxProperties &properties, std::string style) const;

    std::map<std::string, Style> styles_;
    std::string default_style_;
    std::map<std::string, std::string> list_patterns_; ///< w:num to w:abstractNum
    std::map<std::string, ListLevels> patterns_;
    std::map<std::string, ListCounter> counters_; ///< by w:num
};

} // namespace longscope::document
