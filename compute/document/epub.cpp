// EPUB 2 and 3: the chapters in the order of the book's spine, with headings from its table of
// contents where a chapter has none of its own (IDPF, EPUB Packages 3.3).
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/archive.h"
#include "compute/document/epub_chapter.h"
#include "compute/document/formats.h"
#include "compute/document/html_text.h"
#include "compute/document/xml.h"

#include <format>
#include <vector>

namespace longscope::document {
namespace {

constexpr size_t kMostChapterBytes = 16'000'000; // a long novel in one file has two

struct Item {
    std::string file;
    bool is_text = false, is_nav = false, is_ncx = false;
};

class EpubReader {
  public:
    EpubReader(std::string_view bytes, std::string_view path)
        : archive_(bytes, path), flow_("EPUB", path) {}
    Document read();

  private:
    void refuseProtected();
    std::string packageFile();
    void readManifest(const pugi::xml_node &package);
    void readTitle(const pugi::xml_node &package);
    void readSpine(const pugi::xml_node &package);
    void readContents();
    void readChapter(const std::string &file, std::string_view bytes);
    void addTocTitle(std::string_view from_file, std::string_view link, std::string title);

    Archive archive_;
    TextFlow flow_;
    std::string package_file_;
    std::map<std::string, Item> items_;             ///< by id
    std::vector<std::string> spine_;                ///< files in the order of reading
    std::map<std::string, std::string> toc_titles_; ///< of files
    HtmlLosses losses_;
};

/// Scrambled fonts are no protection of the text.
void EpubReader::refuseProtected() {
    const std::string name = "META-INF/encryption.xml";
    std::optional<std::string> xml = archive_.find(name);
    if (!xml)
        return;
    pugi::xml_document document;
    parseXml(*xml, archive_.path(), name, document);
    size_t locked = 0;
    for (const pugi::xml_node &data : document.document_element().children()) {
        std::string_view method = attributeOf(childOf(data, "EncryptionMethod"), "Algorithm");
        locked += localName(data) == "EncryptedData" &&
                  method != "http://www.idpf.org/2008/embedding" &&
                  method != "http://ns.adobe.com/pdf/enc#RC";
    }
    if (locked > 0)
        fail(ErrorKind::file, "{} is protected by its seller (DRM): {} of its files are encrypted",
             archive_.path(), locked);
}

std::string EpubReader::packageFile() {
    const std::string name = "META-INF/container.xml";
    std::string xml = archive_.require(name);
    pugi::xml_document document;
    parseXml(xml, archive_.path(), name, document);
    pugi::xml_node files = childOf(document.document_element(), "rootfiles");
    std::string_view file = attributeOf(childOf(files, "rootfile"), "full-path");
    if (file.empty())
        fail(ErrorKind::file, "{}: {} names no package file", archive_.path(), name);
    return resolveLink("", file);
}

void EpubReader::readManifest(const pugi::xml_node &package) {
    for (const pugi::xml_node &node : childOf(package, "manifest").children()) {
        std::string_view type = attributeOf(node, "media-type");
        Item item;
        item.file = resolveLink(package_file_, attributeOf(node, "href"));
        item.is_text = type == "application/xhtml+xml" || type == "text/html" ||
                       type == "text/x-oeb1-document";
        item.is_ncx = type == "application/x-dtbncx+xml";
        item.is_nav = std::format(" {} ", attributeOf(node, "properties")).contains(" nav ");
        items_.emplace(attributeOf(node, "id"), std::move(item));
    }
}

void EpubReader::readTitle(const pugi::xml_node &package) {
    pugi::xml_node metadata = childOf(package, "metadata");
    if (pugi::xml_node old_style = childOf(metadata, "dc-metadata"))
        metadata = old_style;
    std::string title = textBelow(childOf(metadata, "title"));
    std::string author = textBelow(childOf(metadata, "creator"));
    flow_.title(author.empty() || title.empty() ? title : author + ": " + title);
}

/// Contents pages made for readers without a table of their own are left out.
void EpubReader::readSpine(const pugi::xml_node &package) {
    std::string contents_page;
    for (const pugi::xml_node &node : childOf(package, "guide").children())
        if (attributeOf(node, "type") == "toc")
            contents_page = resolveLink(package_file_, attributeOf(node, "href"));
    std::set<std::string> seen;
    for (const pugi::xml_node &node : childOf(package, "spine").children()) {
        auto item = items_.find(std::string(attributeOf(node, "idref")));
        if (localName(node) != "itemref" || item == items_.end())
            continue;
        const Item &found = item->second;
        bool chapter = found.is_text && !found.is_nav && found.file != contents_page;
        if (chapter && seen.insert(found.file).second)
            spine_.push_back(found.file);
    }
}

void EpubReader::addTocTitle(std::string_view from_file, std::string_view link, std::string title) {
    toc_titles_.emplace(resolveLink(from_file, link), std::move(title)); // the first of a file
}

/// Each file once, whatever number of items names it.
void EpubReader::readContents() {
    std::set<std::string> wanted;
    for (const auto &[id, item] : items_)
        if (item.is_ncx || item.is_nav)
            wanted.insert(item.file);
    std::map<std::string, std::string> files = archive_.read(wanted);
    auto read = [&](const std::string &file, auto &&visit) {
        auto found = files.extract(file);
        if (!found)
            return;
        pugi::xml_document document;
        try {
            parseXml(found.mapped(), archive_.path(), file, document);
        } catch (const Error &error) { // the text is still there
            flow_.warn(std::format("the table of contents was not read: {}", error.what()));
            return;
        }
        walkXml(document, visit, [](const pugi::xml_node &) {});
    };
    for (const auto &[id, item] : items_) {
        if (item.is_ncx)
            read(item.file, [&](const pugi::xml_node &node) {
                if (localName(node) == "navPoint")
                    addTocTitle(item.file, attributeOf(childOf(node, "content"), "src"),
                                childOf(childOf(node, "navLabel"), "text").child_value());
                return Walk::into;
            });
        else if (item.is_nav)
            read(item.file, [&](const pugi::xml_node &node) {
                bool other = localName(node) == "nav" && attributeOf(node, "type") != "toc";
                bool link = localName(node) == "a";
                if (link)
                    addTocTitle(item.file, attributeOf(node, "href"), textBelow(node));
                return other || link ? Walk::past : Walk::into;
            });
    }
}

void EpubReader::readChapter(const std::string &file, std::string_view bytes) {
    try {
        HtmlLosses losses = addChapter(flow_, bytes, file, toc_titles_[file]);
        losses_.hidden_bytes += losses.hidden_bytes;
        losses_.dropped_tags += losses.dropped_tags;
    } catch (const Error &error) { // the others are still there
        flow_.warn(std::format("a chapter was not read: {}", error.what()));
    }
}

Document EpubReader::read() {
    refuseProtected();
    package_file_ = packageFile();
    std::string xml = archive_.require(package_file_);
    pugi::xml_document document;
    parseXml(xml, archive_.path(), package_file_, document);
    pugi::xml_node package = document.document_element();
    readManifest(package);
    readTitle(package);
    readSpine(package);
    readContents();
    std::map<std::string, std::string> chapters =
        archive_.read(std::set<std::string>(spine_.begin(), spine_.end()));
    size_t missing = 0;
    for (const std::string &file : spine_) {
        auto chapter = chapters.find(file);
        if (chapter == chapters.end()) {
            ++missing;
            continue;
        }
        if (chapter->second.size() > kMostChapterBytes)
            fail(ErrorKind::file, "{}: the chapter {} has {}; at most {} are read", archive_.path(),
                 file, formatBytes(chapter->second.size()), formatBytes(kMostChapterBytes));
        readChapter(file, chapter->second);
        chapters.erase(chapter);
    }
    tellLosses(flow_, losses_);
    if (missing > 0)
        flow_.warn(
            std::format("{} of {} chapters are missing in the file", missing, spine_.size()));
    return flow_.finish();
}

} // namespace

Document readEpub(std::string_view bytes, std::string_view path) {
    return EpubReader(bytes, path).read();
}

} // namespace longscope::document
