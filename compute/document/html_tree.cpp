#include "compute/document/html_tree.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <limits>

namespace longscope::document {
namespace {

void destroyOutput(GumboOutput *output) {
    gumbo_destroy_output(&kGumboDefaultOptions, output);
}

size_t visibleBytes(const char *text) {
    size_t count = 0;
    for (; *text; ++text)
        count += static_cast<unsigned char>(*text) > ' ';
    return count;
}

std::string_view attributeOf(const GumboNode &node, const char *name) {
    const GumboAttribute *found = gumbo_get_attribute(&node.v.element.attributes, name);
    return found ? found->value : std::string_view();
}

HtmlNode describe(const GumboNode &node, size_t parent, bool in_link) {
    HtmlNode out;
    out.parent = parent;
    if (node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE) {
        out.tag = node.v.element.tag;
        out.hints = attributeOf(node, "class");
        out.title = attributeOf(node, "title");
        out.links = out.tag == GUMBO_TAG_A;
        out.tables = out.tag == GUMBO_TAG_TABLE;
        out.headings = isHtmlHeading(out.tag);
        out.cells = out.tag == GUMBO_TAG_TD || out.tag == GUMBO_TAG_TH;
        return out;
    }
    bool text = node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE ||
                node.type == GUMBO_NODE_CDATA;
    out.text = text ? node.v.text.text : "";
    out.text_bytes = visibleBytes(out.text);
    out.link_bytes = in_link ? out.text_bytes : 0;
    return out;
}

const GumboVector *childrenOf(const GumboNode &node) {
    bool element = node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE;
    return element ? &node.v.element.children : nullptr;
}

const GumboNode *childWithTag(const GumboNode &node, GumboTag tag) {
    const GumboVector &children = node.v.element.children;
    for (unsigned i = 0; i < children.length; ++i) {
        const auto *child = static_cast<const GumboNode *>(children.data[i]);
        if (child->type == GUMBO_NODE_ELEMENT && child->v.element.tag == tag)
            return child;
    }
    return nullptr;
}

std::string titleOf(const GumboNode &root) {
    const GumboNode *head = childWithTag(root, GUMBO_TAG_HEAD);
    const GumboNode *title = head ? childWithTag(*head, GUMBO_TAG_TITLE) : nullptr;
    if (!title || title->v.element.children.length == 0)
        return {};
    const auto *text = static_cast<const GumboNode *>(title->v.element.children.data[0]);
    return text->type == GUMBO_NODE_TEXT ? repairUtf8(text->v.text.text) : std::string();
}

std::vector<HtmlNode> flatten(const GumboNode &body) {
    struct Step {
        const GumboNode *node;
        size_t index;
        unsigned next; ///< child
        bool in_link;
    };
    std::vector<HtmlNode> nodes = {describe(body, 0, false)};
    std::vector<Step> steps = {{&body, 0, 0, false}};
    while (!steps.empty()) {
        Step &step = steps.back();
        const GumboVector *children = childrenOf(*step.node);
        if (!children || step.next >= children->length) {
            nodes[step.index].end = nodes.size();
            steps.pop_back();
            continue;
        }
        const auto *child = static_cast<const GumboNode *>(children->data[step.next++]);
        size_t index = nodes.size();
        nodes.push_back(describe(*child, step.index, step.in_link));
        steps.push_back({child, index, 0, step.in_link || nodes.back().tag == GUMBO_TAG_A});
    }
    for (size_t i = nodes.size(); i-- > 1;) {
        nodes[i].wide_rows += nodes[i].tag == GUMBO_TAG_TR && nodes[i].cells > 1;
        HtmlNode &parent = nodes[nodes[i].parent];
        parent.text_bytes += nodes[i].text_bytes;
        parent.link_bytes += nodes[i].link_bytes;
        parent.links += nodes[i].links;
        parent.tables += nodes[i].tables;
        parent.headings += nodes[i].headings;
        parent.wide_rows += nodes[i].wide_rows;
        parent.cells += nodes[i].cells;
    }
    return nodes;
}

} // namespace

bool isHtmlHeading(GumboTag tag) {
    return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6;
}

HtmlTree::HtmlTree(const TidyPage &page) : output(nullptr, destroyOutput) {
    if (page.html.size() > std::numeric_limits<unsigned>::max() / 2)
        fail(ErrorKind::file, "HTML of {}; at most 2.1 GB can be read",
             formatBytes(page.html.size()));
    GumboOptions options = kGumboDefaultOptions;
    options.max_errors = 0;
    output.reset(gumbo_parse_with_options(&options, page.html.data(), page.html.size()));
    const GumboNode *body = childWithTag(*output->root, GUMBO_TAG_BODY);
    title = titleOf(*output->root);
    nodes = body ? flatten(*body) : std::vector<HtmlNode>(1);
    nodes[0].end = nodes.size();
}

} // namespace longscope::document
