// DOCX (ECMA-376): the body's paragraphs, tables and text boxes, then the notes. Left out: what
// tracked changes deleted, hidden text, comments, headers and footers.
#include "compute/document/archive.h"
#include "compute/document/docx_styles.h"
#include "compute/document/formats.h"
#include "compute/document/office_text.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::document {
namespace {

struct Part {
    std::string xml;
    pugi::xml_document document;
};

/// Parts that another one names, by the last word of their type: "styles", "footnotes".
std::map<std::string, std::string> relationsOf(Archive &archive, const std::string &part) {
    size_t slash = part.rfind('/') + 1; // npos + 1 == 0
    std::string name = part.substr(0, slash) + "_rels/" + part.substr(slash) + ".rels";
    std::map<std::string, std::string> out;
    std::optional<std::string> xml = archive.find(name);
    if (!xml)
        return out;
    pugi::xml_document document;
    parseXml(*xml, archive.path(), name, document);
    for (const pugi::xml_node &relation : document.document_element().children()) {
        std::string_view type = attributeOf(relation, "Type");
        if (attributeOf(relation, "TargetMode") != "External")
            out.emplace(type.substr(type.rfind('/') + 1),
                        resolveLink(part, attributeOf(relation, "Target")));
    }
    return out;
}

/// Parts of a run that are characters, by their element; "" for those that are none.
std::string_view characterOf(std::string_view element) {
    constexpr std::pair<std::string_view, std::string_view> kCharacters[] = {
        {"tab", "\t"}, {"ptab", "\t"}, {"cr", "\n"}, {"noBreakHyphen", "\u2011"}};
    for (auto [name, character] : kCharacters)
        if (name == element)
            return character;
    return "";
}

/// Elements whose text is not the document's. What `Fallback` shows is in `Choice`, too.
bool isLeftOut(std::string_view name) {
    constexpr std::string_view kNames[] = {"pPr",       "rPr",     "tblPr", "tcPr",     "trPr",
                                           "sectPr",    "sdtPr",   "del",   "moveFrom", "Fallback",
                                           "instrText", "delText", "rt",    "fldData"};
    return std::ranges::find(kNames, name) != std::end(kNames);
}

bool isHidden(const pugi::xml_node &run) {
    pugi::xml_node vanish = childOf(childOf(run, "rPr"), "vanish");
    std::string_view value = attributeOf(vanish, "val");
    return vanish && value != "0" && value != "false";
}

bool isCell(const pugi::xml_node &node) {
    return localName(node) == "tc" || localName(node) == "sdt";
}

class DocxReader {
  public:
    DocxReader(std::string_view bytes, std::string_view path)
        : archive_(bytes, path), flow_("DOCX", path) {}
    Document read();

  private:
    void load(Part &part, const std::string &name);
    void readTitle(const std::string &name);
    void readBlocks(const pugi::xml_node &root);
    void readNotes(const pugi::xml_node &root, std::string_view kind);
    Walk enter(const pugi::xml_node &node);
    void leave(const pugi::xml_node &node);
    void beginParagraph(const pugi::xml_node &node);
    void endParagraph();
    void addCharacters(std::string_view characters);
    void addReference(const pugi::xml_node &node, std::string_view kind);
    void breakPage();
    void tellWarnings();

    Archive archive_;
    TextFlow flow_;
    TableLines table_{flow_};
    PageCounter pages_{flow_};
    std::optional<DocxStyles> styles_;
    std::deque<pugi::xml_node> boxes_; ///< text boxes of the open paragraph or table
    std::vector<std::string> notes_;   ///< "footnote 2" in the order of their marks
    DocxProperties properties_;        ///< of the open paragraph
    std::string mark_;                 ///< before the text of the next heading or note
    size_t paragraphs_ = 0;            ///< how deep inside
    size_t page_start_ = 0, deleted_ = 0, hidden_ = 0;
};

void DocxReader::load(Part &part, const std::string &name) {
    if (std::optional<std::string> xml = archive_.find(name)) {
        part.xml = std::move(*xml);
        parseXml(part.xml, archive_.path(), name, part.document);
    }
}

void DocxReader::readTitle(const std::string &name) {
    Part part;
    load(part, name);
    flow_.title(textBelow(childOf(part.document.document_element(), "title")));
}

void DocxReader::beginParagraph(const pugi::xml_node &node) {
    if (paragraphs_++ > 0)
        return;
    if (flow_.inRow()) {
        flow_.gap();
        properties_ = {};
        return;
    }
    properties_ = styles_->propertiesOf(node);
    std::string mark = styles_->nextMark(properties_);
    bool heading = properties_.title || properties_.outline.value_or(9) < 9;
    flow_.begin(!heading && !mark.empty() ? 1 : 2);
    if (properties_.page_before.value_or(false))
        breakPage();
    if (heading && !mark.starts_with('-')) {
        mark_ = mark;
    } else if (!mark.empty()) {
        flow_.addMark(mark, properties_.list_level.value_or(0));
    } else if (!mark_.empty()) {
        flow_.addMark(std::exchange(mark_, ""));
    }
}

void DocxReader::endParagraph() {
    if (--paragraphs_ > 0 || flow_.inRow())
        return;
    if (!flow_.blank() && (properties_.title || properties_.outline.value_or(9) < 9))
        flow_.endHeading(properties_.title ? 1 : *properties_.outline + 1);
    else
        flow_.endParagraph(properties_.prose);
    mark_.clear();
}

void DocxReader::addCharacters(std::string_view characters) {
    if (characters.empty())
        return;
    if (!mark_.empty())
        flow_.add(std::exchange(mark_, ""));
    flow_.add(characters);
}

void DocxReader::addReference(const pugi::xml_node &node, std::string_view kind) {
    notes_.push_back(std::format("{} {}", kind, attributeOf(node, "id")));
    addCharacters(std::format("[{}]", notes_.size()));
}

/// A break that the author set is followed by one that the layout found: both are one.
void DocxReader::breakPage() {
    size_t written = flow_.document().text.size();
    if (written == page_start_)
        return;
    page_start_ = written;
    pages_.breakPage();
}

Walk DocxReader::enter(const pugi::xml_node &node) {
    std::string_view name = localName(node);
    deleted_ += name == "del" && node.first_child();
    if (isLeftOut(name))
        return Walk::past;
    if (name == "p") {
        beginParagraph(node);
    } else if (name == "r" && isHidden(node)) {
        ++hidden_;
        return Walk::past;
    } else if (name == "t") { // text of a formula too
        addCharacters(textBelow(node));
        return Walk::past;
    } else if (name == "txbxContent") {
        boxes_.push_back(node);
        return Walk::past;
    } else if (name == "tbl") {
        table_.begin();
    } else if (name == "tr") {
        table_.beginRow(static_cast<size_t>(std::ranges::count_if(node.children(), isCell)));
    } else if (name == "tc") {
        table_.beginCell();
    } else if (name == "br") {
        if (attributeOf(node, "type") == "page")
            breakPage();
        else
            addCharacters("\n");
    } else if (name == "lastRenderedPageBreak") {
        pages_.laidOut();
        breakPage();
    } else if (name == "footnoteReference" || name == "endnoteReference") {
        addReference(node, name.substr(0, name.find('R')));
    } else if (localName(node.parent()) == "r") {
        addCharacters(characterOf(name));
    }
    return Walk::into;
}

void DocxReader::leave(const pugi::xml_node &node) {
    std::string_view name = localName(node);
    if (name == "p") {
        endParagraph();
    } else if (name == "tr") {
        table_.endRow();
    } else if (name == "tbl") {
        table_.end();
    }
}

void DocxReader::readBlocks(const pugi::xml_node &root) {
    walkBlocks(
        root, boxes_, [&](const pugi::xml_node &node) { return enter(node); },
        [&](const pugi::xml_node &node) { leave(node); });
}

void DocxReader::readNotes(const pugi::xml_node &root, std::string_view kind) {
    std::map<std::string, pugi::xml_node> by_name;
    for (const pugi::xml_node &note : root.children())
        by_name.emplace(std::format("{} {}", kind, attributeOf(note, "id")), note);
    for (size_t i = 0; i < notes_.size(); ++i) {
        auto found = by_name.find(notes_[i]);
        if (found == by_name.end())
            continue;
        mark_ = std::format("[{}] ", i + 1);
        readBlocks(found->second);
        by_name.erase(found); // marks inside of notes may go round in circles
    }
}

void DocxReader::tellWarnings() {
    auto warn = [&](size_t count, const char *one, const char *many) {
        if (count > 0)
            flow_.warn(std::format("{} {}", count, count == 1 ? one : many));
    };
    warn(deleted_, "tracked deletion was left out", "tracked deletions were left out");
    warn(hidden_, "hidden stretch of text was left out", "hidden stretches of text were left out");
}

Document DocxReader::read() {
    std::map<std::string, std::string> package = relationsOf(archive_, "");
    std::string main = package.contains("officeDocument") ? package["officeDocument"]
                                                          : std::string("word/document.xml");
    std::map<std::string, std::string> parts = relationsOf(archive_, main);
    Part body, styles, numbering, footnotes, endnotes;
    body.xml = archive_.require(main);
    parseXml(body.xml, archive_.path(), main, body.document);
    load(styles, parts["styles"]);
    load(numbering, parts["numbering"]);
    styles_.emplace(styles.document.document_element(), numbering.document.document_element());
    pugi::xml_node root = childOf(body.document.document_element(), "body");
    readBlocks(root);
    load(footnotes, parts["footnotes"]);
    readNotes(footnotes.document.document_element(), "footnote");
    load(endnotes, parts["endnotes"]);
    readNotes(endnotes.document.document_element(), "endnote");
    readTitle(package["core-properties"]);
    tellWarnings();
    return pages_.finish();
}

} // namespace

Document readDocx(std::string_view bytes, std::string_view path) {
    return DocxReader(bytes, path).read();
}

} // namespace longscope::document
