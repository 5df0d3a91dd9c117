#include "compute/document/epub_chapter.h"
#include "compute/core/error.h"
#include "compute/document/html_tags.h"
#include "compute/document/list_numbers.h"

#include <gumbo.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

namespace longscope::document {
namespace {

struct Destroy {
    void operator()(GumboOutput *output) const {
        gumbo_destroy_output(&kGumboDefaultOptions, output);
    }
};

std::string_view attribute(const GumboNode &node, const char *name) {
    const GumboAttribute *found = gumbo_get_attribute(&node.v.element.attributes, name);
    return found ? found->value : "";
}

const GumboVector *childrenOf(const GumboNode &node) {
    bool element = node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE;
    return element ? &node.v.element.children : nullptr;
}
const GumboNode &childAt(const GumboVector &children, size_t i) {
    return *static_cast<const GumboNode *>(children.data[i]);
}

/// 1 to 6 of <h1> to <h6>, else 0.
unsigned headingLevel(GumboTag tag) {
    return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6
               ? static_cast<unsigned>(tag - GUMBO_TAG_H1) + 1
               : 0;
}

bool isBlock(GumboTag tag) {
    constexpr GumboTag kBlocks[] = {
        GUMBO_TAG_P,       GUMBO_TAG_DIV,        GUMBO_TAG_SECTION,    GUMBO_TAG_ARTICLE,
        GUMBO_TAG_ASIDE,   GUMBO_TAG_HEADER,     GUMBO_TAG_FOOTER,     GUMBO_TAG_BLOCKQUOTE,
        GUMBO_TAG_PRE,     GUMBO_TAG_FIGURE,     GUMBO_TAG_FIGCAPTION, GUMBO_TAG_TABLE,
        GUMBO_TAG_DT,      GUMBO_TAG_DD,         GUMBO_TAG_DL,         GUMBO_TAG_HR,
        GUMBO_TAG_ADDRESS, GUMBO_TAG_MAIN,       GUMBO_TAG_NAV,        GUMBO_TAG_HGROUP,
        GUMBO_TAG_CAPTION, GUMBO_TAG_BODY,       GUMBO_TAG_CENTER,     GUMBO_TAG_DETAILS,
        GUMBO_TAG_SUMMARY, GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_FIELDSET};
    return std::ranges::find(kBlocks, tag) != std::end(kBlocks);
}

/// Words of an attribute: "footnote" in "footnotes footnote".
bool hasWord(std::string_view words, std::string_view word) {
    for (size_t at = 0; at < words.size();) {
        size_t end = std::min(words.find(' ', at), words.size());
        if (words.substr(at, end - at) == word)
            return true;
        at = end + 1;
    }
    return false;
}

/// A printed page begins here (EPUB Structural Semantics, DPUB-ARIA).
bool isPageMark(const GumboNode &node) {
    return hasWord(attribute(node, "epub:type"), "pagebreak") ||
           attribute(node, "role") == "doc-pagebreak";
}
bool isNoteMark(const GumboNode &node) {
    return hasWord(attribute(node, "epub:type"), "noteref") ||
           attribute(node, "role") == "doc-noteref";
}

class Chapter {
  public:
    Chapter(TextFlow &flow) : flow_(flow) {}
    void read(const GumboNode &root, std::string_view toc_title);

  private:
    struct List {
        bool ordered = false;
        unsigned next = 1;
    };

    template <class Enter, class Leave>
    void walk(const GumboNode &root, Enter &&enter, Leave &&leave);
    bool enter(const GumboNode &node); ///< false: not into its children
    void leave(const GumboNode &node);
    void beginRow(const GumboNode &row);
    void beginItem();
    void endBlock();
    bool inRow() const { return tables_ > 0 && cells_in_row_ > 1; }

    TextFlow &flow_;
    std::vector<List> lists_;
    bool after_mark_ = false;          ///< an item's first block stands beside its mark
    size_t tables_ = 0, verbatim_ = 0; ///< how deep inside
    size_t cells_ = 0, cells_in_row_ = 0;
    unsigned heading_ = 0; ///< level of the open one
};

template <class Enter, class Leave>
void Chapter::walk(const GumboNode &root, Enter &&into, Leave &&out_of) {
    const GumboNode *node = &root;
    for (;;) {
        const GumboVector *children = childrenOf(*node);
        if (into(*node) && children) {
            if (children->length > 0) {
                node = &childAt(*children, 0);
                continue;
            }
            out_of(*node);
        }
        for (;;) {
            if (node == &root)
                return;
            const GumboVector &siblings = *childrenOf(*node->parent);
            if (node->index_within_parent + 1 < siblings.length) {
                node = &childAt(siblings, node->index_within_parent + 1);
                break;
            }
            node = node->parent;
            out_of(*node);
        }
    }
}

void Chapter::endBlock() {
    if (inRow())
        return;
    after_mark_ = false;
    flow_.begin(2);
}

void Chapter::beginRow(const GumboNode &row) {
    cells_ = cells_in_row_ = 0;
    const GumboVector &children = *childrenOf(row);
    for (unsigned i = 0; i < children.length; ++i) {
        const GumboNode &child = childAt(children, i);
        bool cell = child.type == GUMBO_NODE_ELEMENT &&
                    (child.v.element.tag == GUMBO_TAG_TD || child.v.element.tag == GUMBO_TAG_TH);
        cells_in_row_ += cell;
    }
    flow_.begin(1);
}

void Chapter::beginItem() {
    if (inRow())
        return flow_.gap();
    flow_.begin(1);
    std::string mark = "- ";
    size_t depth = std::max<size_t>(lists_.size(), 1);
    if (!lists_.empty() && lists_.back().ordered)
        mark = std::to_string(lists_.back().next++) + ". ";
    flow_.addMark(std::string(2 * (std::min(depth, kListLevels) - 1), ' ') + mark);
    after_mark_ = true;
}

bool Chapter::enter(const GumboNode &node) {
    if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE ||
        node.type == GUMBO_NODE_CDATA) {
        std::string_view words = node.v.text.text;
        bool visible = words.find_first_not_of(" \t\r\n\f") != words.npos;
        if (inRow() && !visible && node.parent->v.element.tag == GUMBO_TAG_TR)
            return false;
        after_mark_ = after_mark_ && !visible;
        if (verbatim_ > 0 && !inRow())
            flow_.add(words);
        else
            flow_.addCollapsed(words);
        return false;
    }
    if (!childrenOf(node))
        return false;
    GumboTag tag = node.v.element.tag;
    if (isPageMark(node)) {
        std::string_view label = attribute(node, "title");
        flow_.page(std::string(label.empty() ? attribute(node, "aria-label") : label));
        return false;
    }
    if (attribute(node, "role") == "doc-backlink") // the arrow from a note to its mark
        return false;
    if (unsigned level = headingLevel(tag); level > 0 && !inRow()) {
        flow_.begin(2);
        heading_ = level;
    } else if (tag == GUMBO_TAG_BR) {
        flow_.add(inRow() || heading_ ? " " : "\n");
    } else if (tag == GUMBO_TAG_LI) {
        beginItem();
    } else if (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL) {
        List list{tag == GUMBO_TAG_OL};
        std::string_view start = attribute(node, "start");
        std::from_chars(start.data(), start.data() + start.size(), list.next);
        if (!inRow())
            flow_.begin(lists_.empty() ? 2 : 1);
        lists_.push_back(list);
    } else if (tag == GUMBO_TAG_TR && tables_ == 1) {
        beginRow(node);
    } else if ((tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) && tables_ == 1 && inRow()) {
        if (cells_++ > 0)
            flow_.cell();
    } else if (isBlock(tag) && !after_mark_) {
        if (inRow())
            flow_.gap();
        else
            flow_.begin(2);
    }
    tables_ += tag == GUMBO_TAG_TABLE;
    verbatim_ += tag == GUMBO_TAG_PRE;
    if (isNoteMark(node))
        flow_.add("[");
    return true;
}

void Chapter::leave(const GumboNode &node) {
    GumboTag tag = node.v.element.tag;
    if (isNoteMark(node))
        flow_.add("]");
    tables_ -= tag == GUMBO_TAG_TABLE;
    if (headingLevel(tag) > 0 && heading_ > 0) {
        flow_.endHeading(heading_);
        heading_ = 0;
        flow_.begin(2);
    } else if (tag == GUMBO_TAG_TR && tables_ == 1) {
        flow_.endParagraph(!inRow());
        cells_in_row_ = 0;
    } else if (tag == GUMBO_TAG_PRE) {
        if (--verbatim_ == 0 && !inRow())
            flow_.endParagraph(false);
        endBlock();
    } else if (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL) {
        lists_.pop_back();
        if (!inRow())
            flow_.begin(lists_.empty() ? 2 : 1);
    } else if (isBlock(tag)) {
        endBlock();
    }
}

void Chapter::read(const GumboNode &root, std::string_view toc_title) {
    bool own_heading = false;
    auto look = [&](const GumboNode &node) {
        own_heading = own_heading ||
                      (node.type == GUMBO_NODE_ELEMENT && headingLevel(node.v.element.tag) > 0);
        return true;
    };
    walk(root, look, [](const GumboNode &) {});
    flow_.begin(2);
    if (!own_heading && !toc_title.empty()) {
        flow_.addCollapsed(toc_title);
        flow_.endHeading(1);
        flow_.begin(2);
    }
    walk(
        root, [&](const GumboNode &node) { return enter(node); },
        [&](const GumboNode &node) { leave(node); });
    flow_.begin(2);
}

} // namespace

void addChapter(TextFlow &flow, std::string_view xhtml, std::string_view toc_title) {
    std::string page = balanceTags(xhtml);
    GumboOptions options = kGumboDefaultOptions;
    options.max_errors = 0; // nobody reads them
    std::unique_ptr<GumboOutput, Destroy> output(
        gumbo_parse_with_options(&options, page.data(), page.size()));
    if (!output)
        fail(ErrorKind::memory, "no memory for a chapter of {} bytes", page.size());
    Chapter(flow).read(*output->root, toc_title);
}

} // namespace longscope::document
