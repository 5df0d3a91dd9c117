// A page's tree to text with an outline; which parts count is html_content.cpp's work.
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"
#include "compute/document/html_tree.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::document {
namespace {

constexpr size_t kDeepestIndent = 8; // levels of lists that are shown by spaces
constexpr size_t kLongestCell = 300; // bytes on average; longer ones are columns of a page

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

class Writer {
  public:
    explicit Writer(const HtmlTree &tree) : nodes_(tree.nodes) {}
    Document write();

  private:
    struct List {
        bool ordered = false;
        unsigned next = 1;
    };

    void enter(const HtmlNode &node);
    void leave(const HtmlNode &node);
    void addText(std::string_view text);
    void addWords(std::string_view text);
    void begin(size_t breaks);
    void beginItem();
    void endParagraph(bool prose);
    bool isLayout(const HtmlNode &table) const;

    const std::vector<HtmlNode> &nodes_;
    Document document_;
    std::vector<List> lists_;
    std::vector<bool> tables_; ///< open ones; true: of data
    size_t start_ = 0;         ///< of the paragraph that is being written
    size_t cells_ = 0;         ///< of the row so far
    size_t code_ = 0;          ///< open PRE elements: the text has its own lines
    bool space_ = false;       ///< white space waits for the next word
    bool after_mark_ = false;  ///< a list mark stands before the cursor
    bool in_row_ = false;      ///< of a table of data: all is one line
};

/// What stands before ends as a paragraph, and gets `breaks` line ends.
void Writer::begin(size_t breaks) {
    space_ = false;
    if (in_row_) {
        space_ = true;
        return;
    }
    if (after_mark_)
        return;
    endParagraph(true);
    std::string &text = document_.text;
    size_t had = 0;
    while (had < 2 && had < text.size() && text[text.size() - 1 - had] == '\n')
        ++had;
    if (!text.empty() && had < breaks)
        text.append(breaks - had, '\n');
    start_ = text.size();
}

void Writer::endParagraph(bool prose) {
    addParagraph(document_, start_, document_.text.size(), prose && code_ == 0);
    start_ = document_.text.size();
    after_mark_ = space_ = false;
}

void Writer::beginItem() {
    if (std::exchange(after_mark_, false)) // an item without text of its own
        document_.text += '\n';
    begin(1);
    if (in_row_)
        return;
    List *list = lists_.empty() ? nullptr : &lists_.back();
    if (list)
        document_.text.append(2 * (std::min(lists_.size(), kDeepestIndent) - 1), ' ');
    document_.text += list && list->ordered ? std::format("{}. ", list->next++) : "- ";
    start_ = document_.text.size();
    after_mark_ = true;
}

/// With one space for white space.
void Writer::addWords(std::string_view text) {
    constexpr std::string_view kSpaces = " \t\n\r\f";
    for (size_t at = 0; at < text.size();) {
        if (kSpaces.contains(text[at])) {
            space_ = true;
            at = std::min(text.find_first_not_of(kSpaces, at), text.size());
            continue;
        }
        size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
        std::string &out = document_.text;
        if (space_ && out.size() > start_ && out.back() != '\n')
            out += ' ';
        space_ = after_mark_ = false;
        out.append(text, at, end - at);
        at = end;
    }
}

void Writer::addText(std::string_view text) {
    size_t removed = 0;
    std::string clean = cleanControls(repairUtf8(text), removed);
    for (size_t at = clean.find("\u00AD"); at != clean.npos; at = clean.find("\u00AD", at))
        clean.erase(at, 2); // where a browser may break a word
    if (code_ == 0 || in_row_)
        return addWords(clean);
    after_mark_ = false;
    document_.text += clean;
}

/// Whether a table only places the parts of a page.
bool Writer::isLayout(const HtmlNode &table) const {
    return table.hinted(html_hint::kLayout) || table.tables > 1 || table.headings > 0 ||
           table.cells <= 1 || table.text_bytes / table.cells > kLongestCell;
}

void Writer::enter(const HtmlNode &node) {
    switch (node.tag) {
    case GUMBO_TAG_BR:
        if (in_row_)
            space_ = true;
        else if (document_.text.size() > start_ && document_.text.ends_with('\n') && code_ == 0)
            begin(2); // two of them part paragraphs on old pages
        else
            document_.text += '\n';
        break;
    case GUMBO_TAG_UL:
    case GUMBO_TAG_MENU:
    case GUMBO_TAG_OL:
        begin(lists_.empty() ? 2 : 1);
        lists_.push_back({node.tag == GUMBO_TAG_OL});
        break;
    case GUMBO_TAG_LI:
        beginItem();
        break;
    case GUMBO_TAG_TABLE:
        begin(2);
        tables_.push_back(!isLayout(node));
        break;
    case GUMBO_TAG_TR:
        begin(1);
        in_row_ = in_row_ || (!tables_.empty() && tables_.back());
        cells_ = 0;
        break;
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
        if (!in_row_)
            return begin(1);
        if (cells_++ > 0)
            document_.text += " | ";
        space_ = false;
        break;
    case GUMBO_TAG_PRE:
        begin(2);
        ++code_;
        break;
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
    case GUMBO_TAG_CAPTION:
    case GUMBO_TAG_ADDRESS:
    case GUMBO_TAG_SUMMARY:
    case GUMBO_TAG_CENTER:
        begin(1);
        break;
    case GUMBO_TAG_A:
        if (node.hinted(html_hint::kNote))
            addText("[");
        break;
    case GUMBO_TAG_TBODY:
    case GUMBO_TAG_THEAD:
    case GUMBO_TAG_TFOOT:
        break;
    default:
        begin(2);
        break;
    }
}

void Writer::leave(const HtmlNode &node) {
    switch (node.tag) {
    case GUMBO_TAG_A:
        if (node.hinted(html_hint::kNote))
            addText("]");
        break;
    case GUMBO_TAG_BR:
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
    case GUMBO_TAG_TBODY:
    case GUMBO_TAG_THEAD:
    case GUMBO_TAG_TFOOT:
        break;
    case GUMBO_TAG_UL:
    case GUMBO_TAG_MENU:
    case GUMBO_TAG_OL:
        begin(lists_.size() == 1 ? 2 : 1);
        lists_.pop_back();
        break;
    case GUMBO_TAG_TABLE:
        tables_.pop_back();
        begin(2);
        break;
    case GUMBO_TAG_TR: // a row a paragraph, so that a place in a long table is a line of it
        if (std::exchange(in_row_, false))
            endParagraph(false);
        break;
    case GUMBO_TAG_PRE:
        if (!in_row_)
            endParagraph(false);
        --code_;
        begin(2);
        break;
    case GUMBO_TAG_LI:
        if (std::exchange(after_mark_, false)) // an empty one
            document_.text += '\n';
        begin(1);
        break;
    case GUMBO_TAG_H1:
    case GUMBO_TAG_H2:
    case GUMBO_TAG_H3:
    case GUMBO_TAG_H4:
    case GUMBO_TAG_H5:
    case GUMBO_TAG_H6:
        if (in_row_)
            break;
        addHeading(document_, start_, document_.text.size(), node.tag - GUMBO_TAG_H1 + 1u);
        start_ = document_.text.size();
        after_mark_ = false;
        begin(2);
        break;
    default:
        begin(1);
        break;
    }
}

Document Writer::write() {
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
    endParagraph(true);
    return std::move(document_);
}

} // namespace

std::string_view declaredCharset(std::string_view bytes) {
    std::string_view head = bytes.substr(0, 4096);
    if (head.starts_with("<?xml"))
        if (auto name = attributeOf(head.substr(0, head.find('>')), "encoding"); !name.empty())
            return name;
    for (size_t at = head.find('<'); at != head.npos; at = head.find('<', at + 1)) {
        std::string_view tag = head.substr(at, head.find('>', at) - at);
        if (htmlLower(tag.substr(0, 5)) != "<meta")
            continue;
        for (std::string_view name : {"charset", "CHARSET", "Charset"})
            if (std::string_view value = attributeOf(tag, name); !value.empty())
                return value;
    }
    return {};
}

Document readHtml(std::string_view text, HtmlPart part) {
    TidyPage page = tidyHtml(text);
    HtmlTree tree(page);
    dropHidden(tree);
    size_t shown = tree.nodes[0].text_bytes;
    if (part == HtmlPart::content)
        dropBoilerplate(tree);
    size_t left = shown - tree.nodes[0].text_bytes;
    Document document = Writer(tree).write();
    size_t start = 0, end = tree.title.size();
    trim(tree.title, start, end);
    document.title = tree.title.substr(start, end - start);
    std::ranges::replace(document.title, '\n', ' ');
    if (left > 0)
        document.warnings.push_back(std::format(
            "navigation, banners and the like were left out: {} of {} bytes of text", left, shown));
    if (page.hidden_bytes > 0)
        document.warnings.push_back(std::format(
            "{} bytes of text were left out: they are in a button or picture that never ends",
            page.hidden_bytes));
    if (page.dropped_tags > 0)
        document.warnings.push_back(
            std::format("{} tags nested deeper than {} were read as their text", page.dropped_tags,
                        kDeepestTags));
    return document;
}

} // namespace longscope::document
