// Web pages: what is around the content goes (html_content.cpp), the rest becomes text.
#include "compute/core/text.h"
#include "compute/document/formats.h"
#include "compute/document/html_text.h"

#include <format>

namespace longscope::document {
namespace {

std::string_view attributeOf(std::string_view tag, std::string_view name) {
    size_t at = tag.find(name);
    if (at == tag.npos)
        return {};
    tag.remove_prefix(at + name.size());
    size_t start = tag.find_first_not_of(" \t\r\n=\"'");
    if (start == tag.npos)
        return {};
    return tag.substr(start, tag.find_first_of(" \t\r\n\"';/>?", start) - start);
}

} // namespace

std::string_view declaredCharset(std::string_view bytes) {
    std::string_view head = bytes.substr(0, 4096);
    if (head.starts_with("<?xml"))
        if (auto name = attributeOf(head.substr(0, head.find('>')), "encoding"); !name.empty())
            return name;
    for (size_t at = head.find('<'); at != head.npos; at = head.find('<', at + 1)) {
        std::string_view tag = head.substr(at, head.find('>', at) - at);
        if (asciiLower(tag.substr(0, 5)) != "<meta")
            continue;
        for (std::string_view name : {"charset", "CHARSET", "Charset"})
            if (std::string_view value = attributeOf(tag, name); !value.empty())
                return value;
    }
    return {};
}

Document readHtml(std::string_view text, HtmlPart part) {
    TextFlow flow("HTML", "");
    TidyPage page = tidyHtml(text, part);
    HtmlTree tree(page);
    if (part == HtmlPart::content) {
        dropHidden(tree);
        size_t shown = tree.nodes[0].text_bytes;
        dropBoilerplate(tree);
        if (size_t left = shown - tree.nodes[0].text_bytes)
            flow.warn(std::format(
                "navigation, banners and the like were left out: {} of {} bytes of text", left,
                shown));
    }
    flow.title(tree.title);
    addHtml(flow, tree, part);
    tellLosses(flow, page.losses);
    return flow.finish();
}

} // namespace longscope::document
