// `longscope library`: which documents are kept, what is known of them, and search in all of them.
#include "app/commands/commands.h"
#include "app/kept_readings.h"
#include "app/library_access.h"
#include "app/library_report.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/places.h"

#include <charconv>
#include <filesystem>
#include <format>
#include <map>

namespace longscope::app {
namespace {

using document::Document;
using document::DocumentFacts;
using document::Library;
using nlohmann::json;

uint64_t idFrom(const std::string &text) {
    uint64_t id = 0;
    auto read = std::from_chars(text.data(), text.data() + text.size(), id);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        fail(ErrorKind::usage,
             "\"{}\" is not the number of a document; `longscope library list` "
             "shows them",
             text);
    return id;
}

DocumentFacts factsOf(const Library &library, uint64_t id) {
    if (auto facts = library.documentFacts(id))
        return *facts;
    fail(ErrorKind::file, "there is no document {} among the {} of the library {}", id,
         library.documents().size(), library.path());
}

int list(const Library &library, const Options &options) {
    std::vector<DocumentFacts> documents = library.documents();
    if (options.json)
        printJson(listJson(library, documents));
    else
        printOut(listText(library, documents));
    return 0;
}

int add(Library &library, const Options &options, const std::stop_token &stop) {
    json added = json::array();
    for (const std::string &file : options.files) {
        if (stop.stop_requested())
            return 130;
        Document document = document::importFile(file);
        for (const std::string &warning : document.warnings)
            printWarning(file + ": " + warning);
        if (file != "-")
            document.path = std::filesystem::absolute(file).lexically_normal().string();
        uint64_t id = library.addDocument(document);
        library.letStay(id, true);
        DocumentFacts facts = factsOf(library, id);
        if (options.json)
            added.push_back(factsJson(facts));
        else
            printOut(std::format("{}  {} ({})\n", id, facts.title, formatBytes(facts.text_bytes)));
    }
    if (options.json)
        printJson({{"documents", added}});
    return 0;
}

int remove(Library &library, const Options &options) {
    std::vector<DocumentFacts> wanted; // nothing is removed when one of them is not there
    for (const std::string &file : options.files)
        wanted.push_back(factsOf(library, idFrom(file)));
    json removed = json::array();
    for (const DocumentFacts &facts : wanted) {
        library.removeDocument(facts.id);
        if (options.json)
            removed.push_back(factsJson(facts));
        else
            printOut(std::format("removed {}  {}\n", facts.id, facts.title));
    }
    if (options.json)
        printJson({{"removed", removed}});
    return 0;
}

int show(const Library &library, const Options &options) {
    DocumentFacts facts = factsOf(library, idFrom(options.files.front()));
    DocumentReport report(library, facts);
    if (options.json)
        printJson(report.toJson());
    else
        printOut(report.toText());
    return 0;
}

int search(const Library &library, const Options &options) {
    std::string words;
    for (const std::string &word : options.files)
        words += (words.empty() ? "" : " ") + word;
    json hits = json::array();
    std::map<uint64_t, Document> documents;
    for (const document::SearchHit &hit : library.search(words)) {
        auto [at, is_new] = documents.try_emplace(hit.document);
        if (is_new)
            at->second = library.document(hit.document).value_or(Document());
        if (options.json)
            hits.push_back(hitJson(hit, at->second));
        else
            printOut(hitText(hit, at->second));
    }
    if (options.json)
        printJson({{"words", words}, {"hits", hits}});
    else if (documents.empty())
        printNote(std::format("no paragraph of the {} documents has the words \"{}\"",
                              library.documents().size(), words));
    return 0;
}

int purge(Library &library, const Options &options) {
    uint64_t forgotten = library.forgetAllResults();
    uint64_t freed = library.compact();
    if (options.json)
        printJson({{"result_bytes", forgotten},
                   {"freed_bytes", freed},
                   {"library_bytes", library.fileBytes()}});
    else
        printOut(std::format("kept results forgotten: {}; freed on the disk: {}; the library now "
                             "has {}\n",
                             formatBytes(forgotten), formatBytes(freed),
                             formatBytes(library.fileBytes())));
    return 0;
}

} // namespace

int runLibrary(const Options &options, std::stop_token stop) {
    if (options.action == "readings") {
        runReadings(options, options.files);
        return 0;
    }
    std::unique_ptr<Library> library = openLibrary(options);
    if (options.action == "list")
        return list(*library, options);
    if (options.action == "add")
        return add(*library, options, stop);
    if (options.action == "remove")
        return remove(*library, options);
    if (options.action == "show")
        return show(*library, options);
    if (options.action == "search")
        return search(*library, options);
    return purge(*library, options);
}

} // namespace longscope::app
