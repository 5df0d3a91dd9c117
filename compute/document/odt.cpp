// ODT (OpenDocument 1.3 part 3): headings, paragraphs, lists, tables, then the notes. Left out:
// what tracked changes deleted, comments, headers and footers.
#include "compute/core/error.h"
#include "compute/document/archive.h"
#include "compute/document/formats.h"
#include "compute/document/list_numbers.h"
#include "compute/document/office_text.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>
#include <utility>

namespace longscope::document {
namespace {

constexpr unsigned kMostSpaces = 100; // of one text:s, which may ask for any number

bool isLeftOut(std::string_view name) {
    constexpr std::string_view kNames[] = {
        "tracked-changes", "annotation", "sequence-decls", "variable-decls", "user-field-decls",
        "forms",           "title",      "desc",           "ruby-text",      "index-title-template",
        "event-listeners", "object",     "binary-data",    "note-citation"};
    return std::ranges::find(kNames, name) != std::end(kNames);
}

class OdtReader {
  public:
    OdtReader(std::string_view bytes, std::string_view path)
        : archive_(bytes, path), flow_("ODT", path) {}
    Document read();

  private:
    void refuseEncrypted();
    void readStyles(const pugi::xml_node &root);
    void readBlocks(const pugi::xml_node &root);
    Walk enter(const pugi::xml_node &node);
    void leave(const pugi::xml_node &node);
    Walk enterInline(const pugi::xml_node &node, std::string_view name);
    void beginParagraph(const pugi::xml_node &node, bool heading);
    void endParagraph(const pugi::xml_node &node);
    void setMark();

    struct List {
        std::string_view style;   ///< of an outer list where it has none of its own
        bool item_begins = false; ///< its mark is not written yet
    };

    Archive archive_;
    TextFlow flow_;
    TableLines table_{flow_};
    PageCounter pages_{flow_};
    std::map<std::string, ListLevels, std::less<>> list_styles_;
    std::map<std::string, ListCounter> counters_; ///< by the outermost list of the text
    std::set<std::string> breaking_styles_;       ///< paragraphs of these begin a page
    std::set<std::string> title_styles_{"Title"}, code_styles_;
    std::vector<List> lists_;
    size_t outer_lists_ = 0;
    std::deque<pugi::xml_node> later_; ///< text boxes and notes that wait for the paragraph's end
    std::vector<pugi::xml_node> notes_;
    std::string note_mark_;
    size_t paragraphs_ = 0, indexes_ = 0; ///< how deep inside
};

/// The key is in no file of ours: LibreOffice's "save with password".
void OdtReader::refuseEncrypted() {
    std::optional<std::string> manifest = archive_.find("META-INF/manifest.xml");
    if (manifest && manifest->find("encryption-data") != std::string::npos)
        fail(ErrorKind::file, "{} is protected by a password, which this program cannot ask for",
             archive_.path());
}

void OdtReader::readStyles(const pugi::xml_node &root) {
    auto style = [&](const pugi::xml_node &node) {
        std::string name(attributeOf(node, "name"));
        pugi::xml_node paragraph = childOf(node, "paragraph-properties");
        if (localName(node) == "style" && (attributeOf(paragraph, "break-before") == "page" ||
                                           !attributeOf(node, "master-page-name").empty()))
            breaking_styles_.insert(name);
        std::string_view parent = attributeOf(node, "parent-style-name");
        if (name == "Title" || parent == "Title")
            title_styles_.insert(name);
        if (name.starts_with("Preformatted") || parent.starts_with("Preformatted"))
            code_styles_.insert(name);
        if (localName(node) != "list-style")
            return;
        ListLevels &levels = list_styles_[name];
        for (const pugi::xml_node &child : node.children()) {
            auto number = parseCount(attributeOf(child, "level"));
            if (!number || *number == 0 || *number > kListLevels ||
                localName(child) != "list-level-style-number")
                continue;
            ListLevel &level = levels[*number - 1];
            level.form = numberForm(attributeOf(child, "num-format"));
            level.start = parseCount(attributeOf(child, "start-value")).value_or(1);
            level.text.clear();
            // Level 10 has no digit in a pattern: its own counter alone.
            unsigned shown = parseCount(attributeOf(child, "display-levels")).value_or(1);
            unsigned last = std::min<unsigned>(*number, 9);
            for (unsigned i = shown < last ? last - shown + 1 : 1; i <= last; ++i)
                level.text += std::format("{}%{}", level.text.empty() ? "" : ".", i);
            level.text.insert(0, attributeOf(child, "num-prefix"));
            level.text += attributeOf(child, "num-suffix");
        }
    };
    for (std::string_view group : {"styles", "automatic-styles"})
        for (const pugi::xml_node &node : childOf(root, group).children())
            style(node);
}

/// The list mark of the item whose first paragraph begins.
void OdtReader::setMark() {
    if (lists_.empty() || !lists_.back().item_begins)
        return;
    lists_.back().item_begins = false;
    static const ListLevels kBullets;
    auto found = list_styles_.find(lists_.back().style);
    const ListLevels &levels = found == list_styles_.end() ? kBullets : found->second;
    std::string mark = counters_[std::to_string(outer_lists_)].next(levels, lists_.size() - 1);
    if (!mark.empty())
        flow_.addMark(mark, lists_.size() - 1);
}

void OdtReader::beginParagraph(const pugi::xml_node &node, bool heading) {
    if (paragraphs_++ > 0)
        return;
    if (flow_.inRow())
        return flow_.gap();
    flow_.begin(lists_.empty() || heading ? 2 : 1);
    if (breaking_styles_.contains(std::string(attributeOf(node, "style-name"))) &&
        !flow_.document().text.empty())
        pages_.breakPage();
    if (!note_mark_.empty())
        flow_.addMark(std::exchange(note_mark_, ""));
    if (!heading)
        setMark();
}

void OdtReader::endParagraph(const pugi::xml_node &node) {
    if (--paragraphs_ > 0 || flow_.inRow())
        return;
    std::string style(attributeOf(node, "style-name"));
    if (!flow_.blank() && (localName(node) == "h" || title_styles_.contains(style)))
        flow_.endHeading(parseCount(attributeOf(node, "outline-level")).value_or(1));
    else
        flow_.endParagraph(indexes_ == 0 && !code_styles_.contains(style));
}

/// What stands inside of paragraphs.
Walk OdtReader::enterInline(const pugi::xml_node &node, std::string_view name) {
    if (name == "s") {
        unsigned spaces = parseCount(attributeOf(node, "c")).value_or(1);
        flow_.add(std::string(std::min(spaces, kMostSpaces), ' '));
    } else if (name == "tab") {
        flow_.add("\t");
    } else if (name == "line-break") {
        flow_.add("\n");
    } else if (name == "note") {
        notes_.push_back(childOf(node, "note-body"));
        flow_.add(std::format("[{}]", notes_.size()));
        return Walk::past;
    } else if (name == "text-box" && paragraphs_ > 0) {
        later_.push_back(node);
        return Walk::past;
    }
    return Walk::into;
}

Walk OdtReader::enter(const pugi::xml_node &node) {
    if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
        if (paragraphs_ > 0)
            flow_.addCollapsed(node.value());
        return Walk::past;
    }
    std::string_view name = localName(node);
    if (isLeftOut(name))
        return Walk::past;
    if (name == "p" || name == "h") {
        beginParagraph(node, name == "h");
    } else if (name == "list") {
        flow_.begin(lists_.empty() ? 2 : 1);
        bool goes_on = attributeOf(node, "continue-numbering") == "true";
        outer_lists_ += lists_.empty() && !goes_on;
        std::string_view style = attributeOf(node, "style-name");
        if (style.empty() && !lists_.empty())
            style = lists_.back().style;
        lists_.push_back({style});
    } else if (name == "list-item" && !lists_.empty()) {
        lists_.back().item_begins = true;
    } else if (name == "table") {
        table_.begin();
    } else if (name == "table-row") {
        table_.beginRow(static_cast<size_t>(
            std::ranges::count(node.children(), "table-cell",
                               [](const pugi::xml_node &cell) { return localName(cell); })));
    } else if (name == "table-cell") {
        table_.beginCell();
    } else if (name == "index-body") {
        ++indexes_;
    } else if (name == "soft-page-break") {
        pages_.laidOut();
        pages_.breakPage();
    } else {
        return enterInline(node, name);
    }
    return Walk::into;
}

void OdtReader::leave(const pugi::xml_node &node) {
    std::string_view name = localName(node);
    if (name == "p" || name == "h") {
        endParagraph(node);
    } else if (name == "list" && !lists_.empty()) {
        lists_.pop_back();
    } else if (name == "table") {
        table_.end();
    } else if (name == "table-row") {
        table_.endRow();
    } else if (name == "index-body") {
        --indexes_;
    }
}

void OdtReader::readBlocks(const pugi::xml_node &root) {
    walkBlocks(
        root, later_, [&](const pugi::xml_node &node) { return enter(node); },
        [&](const pugi::xml_node &node) { leave(node); });
}

Document OdtReader::read() {
    refuseEncrypted();
    std::string xml = archive_.require("content.xml");
    pugi::xml_document content;
    parseXml(xml, archive_.path(), "content.xml", content);
    if (std::optional<std::string> styles_xml = archive_.find("styles.xml")) {
        pugi::xml_document styles;
        parseXml(*styles_xml, archive_.path(), "styles.xml", styles);
        readStyles(styles.document_element());
    }
    readStyles(content.document_element());
    pugi::xml_node body = childOf(childOf(content.document_element(), "body"), "text");
    if (!body)
        fail(ErrorKind::file,
             "{} is an OpenDocument file without a text: content.xml has no "
             "office:text",
             archive_.path());
    readBlocks(body);
    for (size_t i = 0; i < notes_.size(); ++i) { // notes in notes are appended while this runs
        note_mark_ = std::format("[{}] ", i + 1);
        readBlocks(notes_[i]);
    }
    if (std::optional<std::string> meta_xml = archive_.find("meta.xml")) {
        pugi::xml_document meta;
        parseXml(*meta_xml, archive_.path(), "meta.xml", meta);
        flow_.title(textBelow(childOf(childOf(meta.document_element(), "meta"), "title")));
    }
    return pages_.finish();
}

} // namespace

Document readOdt(std::string_view bytes, std::string_view path) {
    return OdtReader(bytes, path).read();
}

} // namespace longscope::document
