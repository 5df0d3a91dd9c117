#include "compute/document/html_text.h"

#include <charconv>
#include <format>

namespace longscope::document {
namespace {

constexpr size_t kLongestCell = 300; // bytes on average; longer ones are columns of a page

class Writer {
  public:
    Writer(TextFlow &flow, const std::vector<HtmlNode> &nodes, HtmlPart part)
        : flow_(flow), nodes_(nodes), division_ends_(part == HtmlPart::all ? 2 : 1) {}
    void write();

  private:
    struct List {
        bool ordered = false;
        unsigned next = 1;
    };

    void enter(const HtmlNode &node);
    void leave(const HtmlNode &node);
    void addText(std::string_view text);
    void begin(size_t line_ends);
    void beginList(const HtmlNode &node);
    void beginItem();
    void breakLine();
    size_t lineEndsAround(GumboTag tag) const;

    TextFlow &flow_;
    const std::vector<HtmlNode> &nodes_;
    size_t division_ends_;
    std::vector<List> lists_;
    std::vector<bool> tables_; ///< open ones; true: of data
    size_t code_ = 0;          ///< open PRE elements
    size_t headings_ = 0;      ///< open whole ones
};

/// Whether a table only places the parts of a page.
bool isLayout(const HtmlNode &table) {
    return table.hinted(html_hint::kLayout) || table.tables > 1 || table.headings > 0 ||
           table.wide_rows == 0 || table.cells <= 1 || // without what was dropped
           table.text_bytes / table.cells > kLongestCell;
}

/// Whether all inside is the heading, and not the rest of a page that forgot its end.
bool isWholeHeading(const HtmlNode &node) {
    constexpr size_t kLongestHeading = 500;
    return isHtmlHeading(node.tag) && node.text_bytes <= kLongestHeading && node.headings == 1;
}

/// A block; an item's first one stands beside its mark.
void Writer::begin(size_t line_ends) {
    if (flow_.marked())
        return;
    if (headings_ > 0)
        return flow_.gap();
    if (code_ > 0)
        flow_.endParagraph(false);
    flow_.begin(line_ends);
}

void Writer::beginList(const HtmlNode &node) {
    begin(lists_.empty() ? 2 : 1);
    List list{.ordered = node.tag == GUMBO_TAG_OL};
    std::from_chars(node.title.data(), node.title.data() + node.title.size(), list.next);
    lists_.push_back(list);
}

void Writer::beginItem() {
    begin(1);
    if (headings_ > 0)
        return;
    bool ordered = !lists_.empty() && lists_.back().ordered;
    flow_.addMark(ordered ? std::format("{}. ", lists_.back().next++) : "- ",
                  lists_.empty() ? 0 : lists_.size() - 1);
}

void Writer::breakLine() {
    if (flow_.inRow() || headings_ > 0)
        flow_.gap();
    else if (code_ > 0)
        flow_.add("\n");
    else if (flow_.open().ends_with('\n'))
        begin(2); // two of them part paragraphs on old pages
    else if (!flow_.open().empty())
        flow_.add("\n");
}

void Writer::addText(std::string_view text) {
    if (code_ > 0 && !flow_.inRow())
        flow_.add(text); // it has its own lines
    else
        flow_.addCollapsed(text);
}

/// Before and after a block; 0 for what is none.
size_t Writer::lineEndsAround(GumboTag tag) const {
    switch (tag) {
    case GUMBO_TAG_A:
    case GUMBO_TAG_TBODY:
    case GUMBO_TAG_THEAD:
    case GUMBO_TAG_TFOOT:
        return 0;
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
    case GUMBO_TAG_CAPTION:
    case GUMBO_TAG_ADDRESS:
    case GUMBO_TAG_SUMMARY:
        return 1;
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_CENTER:
        return division_ends_;
    default:
        return 2;
    }
}

void Writer::enter(const HtmlNode &node) {
    switch (node.tag) {
    case GUMBO_TAG_BR:
        return breakLine();
    case GUMBO_TAG_WBR:
        return node.hinted(html_hint::kPage) ? flow_.page(std::string(node.title)) : void();
    case GUMBO_TAG_UL:
    case GUMBO_TAG_MENU:
    case GUMBO_TAG_OL:
        return beginList(node);
    case GUMBO_TAG_LI:
        return beginItem();
    case GUMBO_TAG_TABLE:
        tables_.push_back(!isLayout(node));
        return begin(2);
    case GUMBO_TAG_TR:
        begin(1);
        return !tables_.empty() && tables_.back() ? flow_.beginRow() : void();
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
        return flow_.inRow() ? flow_.cell() : begin(1);
    default:
        if (size_t line_ends = lineEndsAround(node.tag))
            begin(line_ends);
        code_ += node.tag == GUMBO_TAG_PRE;
        headings_ += isWholeHeading(node);
    }
}

void Writer::leave(const HtmlNode &node) {
    switch (node.tag) {
    case GUMBO_TAG_BR:
    case GUMBO_TAG_WBR:
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
        return;
    case GUMBO_TAG_UL:
    case GUMBO_TAG_MENU:
    case GUMBO_TAG_OL:
        lists_.pop_back();
        return begin(lists_.empty() ? 2 : 1);
    case GUMBO_TAG_LI:
        return headings_ > 0 ? flow_.gap() : flow_.begin(1); // the mark of an empty one goes
    case GUMBO_TAG_TABLE:
        tables_.pop_back();
        return begin(2);
    case GUMBO_TAG_TR: // a row a paragraph, so that a place in a long table is a line of it
        return flow_.inRow() ? flow_.endRow() : void();
    case GUMBO_TAG_PRE:
        if (headings_ == 0)
            flow_.endParagraph(false);
        --code_;
        return begin(2);
    default:
        break;
    }
    if (isHtmlHeading(node.tag)) {
        flow_.endHeading(node.tag - GUMBO_TAG_H1 + 1u);
        headings_ -= isWholeHeading(node);
        begin(2);
    } else if (size_t line_ends = lineEndsAround(node.tag)) {
        begin(lists_.empty() ? line_ends : 1); // what items hold stays together
    }
}

void Writer::write() {
    std::vector<size_t> open;
    for (size_t i = 1; i <= nodes_.size();) {
        while (!open.empty() && nodes_[open.back()].end <= i) {
            leave(nodes_[open.back()]);
            open.pop_back();
        }
        if (i == nodes_.size())
            break;
        const HtmlNode &node = nodes_[i];
        if (node.dropped) {
            i = node.end;
            continue;
        }
        if (node.text) {
            addText(node.text);
        } else {
            enter(node);
            open.push_back(i);
        }
        ++i;
    }
}

} // namespace

void addHtml(TextFlow &flow, const HtmlTree &tree, HtmlPart part) {
    flow.begin(2);
    Writer(flow, tree.nodes, part).write();
    flow.begin(2);
}

void tellLosses(TextFlow &flow, const HtmlLosses &losses) {
    if (losses.hidden_bytes > 0)
        flow.warn(std::format("{} bytes of text were left out: they are in a button, picture or "
                              "the like that never ends",
                              losses.hidden_bytes));
    if (losses.dropped_tags > 0)
        flow.warn(std::format("{} tags nested deeper than {} were read as their text",
                              losses.dropped_tags, kDeepestTags));
}

} // namespace longscope::document
