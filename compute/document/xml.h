// XML from an untrusted file, through pugixml, which knows no DTD: entities of a file's own stay
// the characters they are written with, and nothing outside the text is ever opened.
#pragma once

#include <pugixml.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace longscope::document {

/// Parses in place; `xml` must outlive `document`. Throws Error(file) "x.docx: word/document.xml is
/// broken XML at byte 12: ...", and when it is larger than memory should hold.
void parseXml(std::string &xml, std::string_view file, std::string_view entry,
              pugi::xml_document &document);

/// The name without its prefix: "p" of <w:p>.
std::string_view localName(const char *name);
inline std::string_view localName(const pugi::xml_node &node) {
    return localName(node.name());
}
/// The first child element, or attribute, with this local name; null ones when there is none.
pugi::xml_node childOf(const pugi::xml_node &node, std::string_view local_name);
std::string_view attributeOf(const pugi::xml_node &node, std::string_view local_name);

/// Whether to go on into an element's children.
enum class Walk { into, past };

/// All nodes below `root` in the order of the text, however deep, without recursion. `enter` gets
/// elements and texts, `leave` the elements that were entered with Walk::into.
void walkXml(const pugi::xml_node &root, const std::function<Walk(const pugi::xml_node &)> &enter,
             const std::function<void(const pugi::xml_node &)> &leave);

/// All text below a node, as it is written.
std::string textBelow(const pugi::xml_node &root);

} // namespace longscope::document
