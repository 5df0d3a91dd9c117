// The library in the window: what is kept, search in all of it, and the readings beside it. Reading
// the file is a task beside the engine.
#include "app/desk/parts.h"
#include "compute/core/text.h"
#include "compute/document/places.h"

#include <format>
#include <map>
#include <utility>

namespace longscope::app {
namespace {

using document::Document;
using document::DocumentFacts;

constexpr size_t kBeginningBytes = 512; ///< of a text, in which its first line ends

/// Bytes of the readings by their title.
std::map<std::string, uint64_t> bytesByTitle(const ui::LibraryList &list) {
    std::map<std::string, uint64_t> bytes;
    for (const ui::KeptReadingEntry &reading : list.readings)
        if (reading.problem.empty())
            bytes[reading.title] += reading.bytes;
    return bytes;
}

void listReadings(const reading::KeptReadings &kept, ui::LibraryList &list) {
    list.most_reading_bytes = kept.mostBytes();
    for (reading::KeptReading &reading : kept.list())
        list.readings.push_back({.id = std::move(reading.id),
                                 .title = std::move(reading.title),
                                 .model = std::move(reading.model),
                                 .tokens = reading.tokens,
                                 .bytes = reading.bytes,
                                 .last_used_unix_s = reading.last_used_unix_s,
                                 .pinned = reading.pinned,
                                 .problem = std::move(reading.problem)});
}

ui::LibraryEntry entryOf(const Library &library, const DocumentFacts &facts,
                         const std::string &tokenizer) {
    ui::LibraryEntry entry{.id = facts.id,
                           .title = facts.title,
                           .path = facts.path,
                           .format = facts.format,
                           .added_unix_s = facts.added_unix_s,
                           .text_bytes = facts.text_bytes,
                           .result_bytes = facts.result_bytes,
                           .stays = facts.stays};
    for (const document::TokenCounts &counts : library.tokenCounts(facts.id))
        if (counts.tokenizer == tokenizer)
            entry.tokens = counts.tokens;
    return entry;
}

std::shared_ptr<const ui::LibrarySearch> searchIn(const Library &library, const std::string &words,
                                                  const std::stop_token &stop) {
    auto found = std::make_shared<ui::LibrarySearch>();
    found->words = words;
    std::map<uint64_t, Document> documents;
    for (document::SearchHit &hit : library.search(words)) {
        if (stop.stop_requested())
            break;
        auto [at, is_new] = documents.try_emplace(hit.document);
        if (is_new)
            at->second = library.document(hit.document).value_or(Document());
        found->hits.push_back({.document = hit.document,
                               .start = hit.start,
                               .end = hit.end,
                               .title = document::oneLine(at->second.title),
                               .place = document::placeOf(at->second, hit.start),
                               .snippet = std::move(hit.snippet)});
    }
    return found;
}

} // namespace

LibraryPart::LibraryPart(Core &core, Library &library, DocumentsPart &documents,
                         std::shared_ptr<reading::KeptReadings> kept)
    : core_(core), library_(library), documents_(documents), kept_(std::move(kept)) {}

void LibraryPart::handle(const command::ListLibrary &) {
    list();
}

void LibraryPart::listAgain() {
    if (core_.draft.library.list)
        list();
}

void LibraryPart::list() {
    std::string tokenizer = core_.model ? tokenizerName(*core_.model) : "";
    core_.startNewest(
        "library", Lane::aside, "Look into the library", [this, tokenizer](TaskRun &run) {
            auto list = std::make_shared<ui::LibraryList>();
            if (kept_)
                listReadings(*kept_, *list);
            auto bytes = bytesByTitle(*list);
            for (const DocumentFacts &facts : library_.documents()) {
                if (run.stop().stop_requested())
                    return;
                ui::LibraryEntry entry = entryOf(library_, facts, tokenizer);
                auto own =
                    bytes.find(reading::titleOf(library_.text(facts.id, 0, kBeginningBytes)));
                entry.reading_bytes = own == bytes.end() ? 0 : own->second;
                list->documents.push_back(std::move(entry));
            }
            list->file_bytes = library_.fileBytes();
            run.change([this, list] { core_.draft.library.list = list; });
        });
}

void LibraryPart::handle(const command::SearchLibrary &wanted) {
    if (wanted.words.find_first_not_of(" \t\r\n") == std::string::npos) {
        core_.draft.library.search = nullptr;
        return;
    }
    core_.startNewest("library search", Lane::aside, "Search in the library",
                      [this, words = repairUtf8(wanted.words)](TaskRun &run) {
                          auto found = searchIn(library_, words, run.stop());
                          if (!run.stop().stop_requested())
                              run.change([this, found] { core_.draft.library.search = found; });
                      });
}

void LibraryPart::handle(const command::LetDocumentStay &wanted) {
    library_.letStay(wanted.document, wanted.stays);
    list();
}

void LibraryPart::handle(const command::RemoveDocument &wanted) {
    auto facts = library_.documentFacts(wanted.document);
    if (!facts)
        return;
    documents_.drop(wanted.document);
    core_.start(Lane::aside, "Remove " + facts->title, [this, facts](TaskRun &run) {
        library_.removeDocument(facts->id);
        run.change([this, facts] {
            core_.notice(ui::NoticeKind::info,
                         std::format("Removed {} from the library: {} of text, {} of kept results.",
                                     facts->title, formatBytes(facts->text_bytes),
                                     formatBytes(facts->result_bytes)));
            core_.draft.library.search = nullptr; // it may point into it
            list();
        });
    });
}

// ---- readings ----------------------------------------------------------------------------------

void LibraryPart::handle(const command::PinReading &wanted) {
    if (kept_)
        kept_->pin(wanted.reading, wanted.pinned);
    list();
}

void LibraryPart::handle(const command::RemoveReading &wanted) {
    if (kept_)
        kept_->remove(wanted.reading);
    list();
}

void LibraryPart::handle(const command::PurgeReadings &) {
    if (!kept_)
        return;
    uint64_t bytes = kept_->purge(false);
    core_.notice(ui::NoticeKind::info,
                 std::format("{} of kept readings were removed.", formatBytes(bytes)));
    list();
}

} // namespace longscope::app
