#include "compute/document/epub_chapter.h"

#include "compute/document/encoding.h"
#include "compute/document/html_text.h"

#include <algorithm>
#include <format>

namespace longscope::document {

HtmlLosses addChapter(TextFlow &flow, std::string_view bytes, std::string_view file,
                      std::string_view toc_title) {
    DecodedText text = decodeText(bytes, file, declaredCharset(bytes));
    for (const std::string &warning : text.warnings)
        flow.warn(std::format("{}: {}", file, warning));
    TidyPage page = tidyHtml(text.text, HtmlPart::all);
    HtmlTree tree(page);
    bool own_heading = std::ranges::any_of(tree.nodes, [](const HtmlNode &node) {
        return isHtmlHeading(node.tag) && node.text_bytes > 0;
    });
    flow.begin(2);
    if (!own_heading && !toc_title.empty()) {
        flow.addCollapsed(toc_title);
        flow.endHeading(1);
    }
    addHtml(flow, tree, HtmlPart::all);
    return page.losses;
}

} // namespace longscope::document
