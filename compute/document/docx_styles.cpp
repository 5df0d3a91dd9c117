#include "compute/document/docx_styles.h"
#include "compute/document/characters.h"
#include "compute/document/office_text.h"

namespace longscope::document {
namespace {

constexpr int kMostBases = 32; // a style that builds on itself ends here

std::string valueOf(const pugi::xml_node &node, std::string_view child) {
    return std::string(attributeOf(childOf(node, child), "val"));
}

DocxProperties readProperties(const pugi::xml_node &properties) {
    DocxProperties out;
    out.outline = parseCount(valueOf(properties, "outlineLvl"));
    if (pugi::xml_node page = childOf(properties, "pageBreakBefore")) {
        std::string_view value = attributeOf(page, "val");
        out.page_before = value != "0" && value != "false";
    }
    if (pugi::xml_node list = childOf(properties, "numPr")) {
        if (std::string id = valueOf(list, "numId"); !id.empty())
            out.list = id;
        out.list_level = parseCount(valueOf(list, "ilvl"));
    }
    return out;
}

/// Word's built-in names, the same in every language of its user ("heading 1", "toc 2", "Title").
void addNamed(DocxProperties &out, std::string_view style_name) {
    std::string name = lowerCase(style_name);
    if (name.starts_with("heading ") && !out.outline) {
        if (auto level = parseCount(std::string_view(name).substr(8)); level && *level >= 1)
            out.outline = *level - 1;
    }
    bool contents = name.starts_with("toc ") && parseCount(std::string_view(name).substr(4));
    out.prose = !contents && name != "source code" && name != "html preformatted";
    out.title = name == "title";
}

} // namespace

DocxStyles::DocxStyles(const pugi::xml_node &styles, const pugi::xml_node &numbering) {
    readStyles(styles);
    readNumbering(numbering);
}

void DocxStyles::readStyles(const pugi::xml_node &root) {
    for (const pugi::xml_node &node : root.children()) {
        if (localName(node) != "style" || attributeOf(node, "type") != "paragraph")
            continue;
        Style style{readProperties(childOf(node, "pPr")), valueOf(node, "basedOn")};
        addNamed(style.own, valueOf(node, "name"));
        std::string id(attributeOf(node, "styleId"));
        std::string_view is_default = attributeOf(node, "default");
        if (is_default == "1" || is_default == "true")
            default_style_ = id;
        styles_.emplace(std::move(id), std::move(style));
    }
}

void DocxStyles::readNumbering(const pugi::xml_node &root) {
    for (const pugi::xml_node &node : root.children()) {
        if (localName(node) == "num") {
            list_patterns_[std::string(attributeOf(node, "numId"))] =
                valueOf(node, "abstractNumId");
        } else if (localName(node) == "abstractNum") {
            ListLevels &levels = patterns_[std::string(attributeOf(node, "abstractNumId"))];
            for (const pugi::xml_node &child : node.children()) {
                auto index = parseCount(attributeOf(child, "ilvl"));
                if (localName(child) != "lvl" || !index || *index >= kListLevels)
                    continue;
                ListLevel &level = levels[*index];
                level.form = numberForm(valueOf(child, "numFmt"));
                level.start = parseCount(valueOf(child, "start")).value_or(1);
                level.text = valueOf(child, "lvlText");
            }
        }
    }
}

void DocxStyles::inherit(DocxProperties &properties, std::string style) const {
    for (int hop = 0; hop < kMostBases && !style.empty(); ++hop) {
        auto found = styles_.find(style);
        if (found == styles_.end())
            return;
        const DocxProperties &own = found->second.own;
        if (!properties.outline)
            properties.outline = own.outline;
        if (!properties.list)
            properties.list = own.list;
        if (!properties.list_level)
            properties.list_level = own.list_level;
        if (!properties.page_before)
            properties.page_before = own.page_before;
        properties.prose = properties.prose && own.prose;
        properties.title = properties.title || (own.title && hop == 0);
        style = found->second.base;
    }
}

DocxProperties DocxStyles::propertiesOf(const pugi::xml_node &paragraph) const {
    pugi::xml_node node = childOf(paragraph, "pPr");
    DocxProperties out = readProperties(node);
    std::string style = valueOf(node, "pStyle");
    inherit(out, style.empty() ? default_style_ : style);
    return out;
}

std::string DocxStyles::nextMark(const DocxProperties &properties) {
    if (!properties.list)
        return "";
    auto pattern = list_patterns_.find(*properties.list);
    if (pattern == list_patterns_.end())
        return "";
    auto levels = patterns_.find(pattern->second);
    if (levels == patterns_.end())
        return "";
    size_t level = properties.list_level.value_or(0);
    return counters_[*properties.list].next(levels->second, level);
}

} // namespace longscope::document
