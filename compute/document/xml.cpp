#include "compute/document/xml.h"
#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>

namespace longscope::document {
namespace {

// An element or attribute takes 40 to 70 bytes in pugixml: at most about a gigabyte for both.
constexpr size_t kMostNodes = 12'000'000;

} // namespace

void parseXml(std::string &xml, std::string_view file, std::string_view entry,
              pugi::xml_document &document) {
    // Counts closing tags too; each node has one of these.
    size_t marks = static_cast<size_t>(
        std::ranges::count_if(xml, [](char c) { return c == '<' || c == '='; }));
    if (marks > kMostNodes)
        fail(ErrorKind::file, "{}: {} has {} marks of XML, and at most {} are read", file, entry,
             marks, kMostNodes);
    pugi::xml_parse_result result = document.load_buffer_inplace(
        xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata);
    if (!result)
        fail(ErrorKind::file, "{}: {} is broken XML at byte {} of {}: {}", file, entry,
             result.offset, xml.size(), result.description());
}

std::string_view localName(const char *name) {
    std::string_view whole = name;
    size_t colon = whole.find(':');
    return colon == std::string_view::npos ? whole : whole.substr(colon + 1);
}

pugi::xml_node childOf(const pugi::xml_node &node, std::string_view local_name) {
    for (pugi::xml_node child : node.children())
        if (child.type() == pugi::node_element && localName(child) == local_name)
            return child;
    return {};
}

std::string_view attributeOf(const pugi::xml_node &node, std::string_view local_name) {
    for (pugi::xml_attribute attribute : node.attributes())
        if (localName(attribute.name()) == local_name)
            return attribute.value();
    return {};
}

void walkXml(const pugi::xml_node &root, const std::function<Walk(const pugi::xml_node &)> &enter,
             const std::function<void(const pugi::xml_node &)> &leave) {
    pugi::xml_node node = root.first_child();
    while (node) {
        if (enter(node) == Walk::into && node.type() == pugi::node_element) {
            if (node.first_child()) {
                node = node.first_child();
                continue;
            }
            leave(node);
        }
        while (!node.next_sibling()) {
            node = node.parent();
            if (!node || node == root)
                return;
            leave(node);
        }
        node = node.next_sibling();
    }
}

std::string textBelow(const pugi::xml_node &root) {
    std::string out;
    walkXml(
        root,
        [&](const pugi::xml_node &node) {
            if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata)
                out += node.value();
            return Walk::into;
        },
        [](const pugi::xml_node &) {});
    return out;
}

} // namespace longscope::document
