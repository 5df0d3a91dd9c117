// Documents: kept under their text, written in slices.
#include "compute/document/formats.h"
#include "compute/document/library_index.h"
#include "compute/document/library_outline.h"
#include "compute/document/library_pack.h"
#include "compute/document/library_schema.h"

#include <algorithm>

namespace longscope::document {
namespace {

constexpr uint64_t kPartsInASlice = 4; ///< others wait while so much is written

constexpr std::string_view kFacts =
    "SELECT id, path, title, format, added_ms, text_bytes, stays, "
    "(SELECT count(*) FROM results WHERE document = documents.id), "
    "(SELECT coalesce(sum(length(bytes)), 0) FROM results WHERE document = documents.id) "
    "FROM documents WHERE state = 1 ";

DocumentFacts factsOf(Statement &row) {
    return {.id = row.number(0),
            .path = row.text(1),
            .title = row.text(2),
            .format = row.text(3),
            .added_unix_s = secondsOf(row.number(4)),
            .text_bytes = row.number(5),
            .stays = row.number(6) != 0,
            .results = row.number(7),
            .result_bytes = row.number(8)};
}

/// FNV-1a; texts with the same one are compared.
uint64_t hashOf(std::string_view text) {
    uint64_t hash = 0xCBF29CE484222325;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return hash;
}

/// Whether the bytes that are there are those at the text's beginning.
bool beginsWithParts(Database &database, uint64_t id, std::string_view text) {
    Statement parts(database, "SELECT bytes FROM text_parts WHERE id >= ? AND id < ? ORDER BY id");
    parts << rowOf(id, 0) << rowOf(id + 1, 0);
    for (size_t at = 0; parts.step();) {
        std::string part = parts.text(0);
        if (text.substr(std::min(at, text.size()), part.size()) != part)
            return false;
        at += part.size();
    }
    return true;
}

/// One with this text, or that is getting it (from another program, or from one that was killed).
uint64_t findSame(Database &database, uint64_t hash, std::string_view text) {
    Statement rows(database, "SELECT id, state, text_bytes FROM documents "
                             "WHERE hash = ? AND state < 2 ORDER BY state DESC");
    rows << hash;
    while (rows.step()) {
        bool there = rows.number(1) == static_cast<uint64_t>(DocumentState::there);
        uint64_t bytes = rows.number(2);
        if ((there ? bytes == text.size() : bytes <= text.size()) &&
            beginsWithParts(database, rows.number(0), text))
            return rows.number(0);
    }
    return 0;
}

uint64_t findOrBegin(Library::Impl &library, const Document &document) {
    uint64_t hash = hashOf(document.text);
    std::scoped_lock lock(library.mutex);
    WithoutWaiting relaxed(*library.database);
    Transaction transaction(*library.database);
    uint64_t id = findSame(*library.database, hash, document.text);
    if (!id) {
        (Statement(*library.database, "INSERT INTO documents(hash, path, title, state, added_ms) "
                                      "VALUES (?, ?, ?, 0, ?)")
         << hash << document.path << document.title << nowMs())
            .run();
        id = library.database->lastId();
    }
    transaction.commit();
    return id;
}

/// The next parts; true when all are there, false also when the row is gone.
bool writeParts(Library::Impl &library, uint64_t id, std::string_view text) {
    std::scoped_lock lock(library.mutex);
    WithoutWaiting relaxed(*library.database);
    Transaction transaction(*library.database);
    Statement find(*library.database, "SELECT text_bytes FROM documents WHERE id = ?");
    find << id;
    if (!find.step())
        return true;
    uint64_t at = find.number(0);
    for (uint64_t i = 0; i < kPartsInASlice && at < text.size(); ++i) {
        std::string_view part = text.substr(at, kPartBytes);
        Statement write(*library.database, "INSERT INTO text_parts(id, bytes) VALUES (?, ?)");
        (write << rowOf(id, at / kPartBytes)).blob(part).run();
        at += part.size();
    }
    (Statement(*library.database, "UPDATE documents SET text_bytes = ? WHERE id = ?") << at << id)
        .run();
    transaction.commit();
    return at >= text.size();
}

/// From here on it is seen, and on the disk. False: it was removed meanwhile.
bool writeFacts(Library::Impl &library, uint64_t id, const Document &document) {
    std::string outline = packOutline(document);
    std::scoped_lock lock(library.mutex);
    Transaction transaction(*library.database);
    {
        Statement find(*library.database, "SELECT id FROM documents WHERE id = ? AND state < 2");
        if (!(find << id).step())
            return false;
    }
    (Statement(*library.database, "UPDATE documents SET path = ?, title = ?, format = ?, "
                                  "added_ms = ?, state = 1 WHERE id = ?")
     << document.path << document.title << document.format << nowMs() << id)
        .run();
    // Counts are kept by section: with other sections they are to be made again.
    Statement recount(*library.database,
                      "DELETE FROM token_counts WHERE document = ?1 AND NOT EXISTS "
                      "(SELECT 1 FROM outlines WHERE document = ?1 AND bytes = ?2)");
    (recount << id).blob(outline).run();
    Statement write(*library.database,
                    "INSERT INTO outlines(document, bytes) VALUES (?, ?) "
                    "ON CONFLICT(document) DO UPDATE SET bytes = excluded.bytes");
    (write << id).blob(outline).run();
    transaction.commit();
    return true;
}

bool isThere(Database &database, uint64_t id) {
    Statement find(database, "SELECT id FROM documents WHERE id = ? AND state = 1");
    return (find << id).step();
}

/// The rows that hang on it and its own; nothing of it is in the index any more.
void deleteRows(Database &database, uint64_t id) {
    (Statement(database, "DELETE FROM text_parts WHERE id >= ? AND id < ?")
     << rowOf(id, 0) << rowOf(id + 1, 0))
        .run();
    for (const char *table : {"outlines", "pieces", "token_counts", "results"})
        (Statement(database, std::string("DELETE FROM ") + table + " WHERE document = ?") << id)
            .run();
    (Statement(database, "DELETE FROM documents WHERE id = ?") << id).run();
}

std::vector<uint64_t> idsWhere(Library::Impl &library, std::string_view condition) {
    std::scoped_lock lock(library.mutex);
    Statement rows(*library.database, "SELECT id FROM documents WHERE " + std::string(condition));
    std::vector<uint64_t> ids;
    while (rows.step())
        ids.push_back(rows.number(0));
    return ids;
}

} // namespace

// ---- reading -----------------------------------------------------------------------------------

std::string readText(Database &database, uint64_t id) {
    Statement parts(database, "SELECT bytes FROM text_parts WHERE id >= ? AND id < ? ORDER BY id");
    parts << rowOf(id, 0) << rowOf(id + 1, 0);
    std::string text;
    while (parts.step())
        text += parts.text(0);
    return text;
}

std::string readSpan(Database &database, uint64_t id, size_t start, size_t end) {
    Statement part(database, "SELECT substr(bytes, ?, ?) FROM text_parts WHERE id = ?");
    std::string text;
    while (start < end) {
        uint64_t in_part = start % kPartBytes;
        uint64_t bytes = std::min<uint64_t>(end - start, kPartBytes - in_part);
        part << in_part + 1 << bytes << rowOf(id, start / kPartBytes);
        if (!part.step())
            break;
        text += part.text(0);
        part.again();
        start += bytes;
    }
    return text;
}

std::optional<Document> readDocument(Database &database, uint64_t id, DocumentState state) {
    Statement find(database, "SELECT path, title, format, coalesce(bytes, x'') FROM documents "
                             "LEFT JOIN outlines ON document = id WHERE id = ? AND state = ?");
    find << id << static_cast<uint64_t>(state);
    if (!find.step())
        return std::nullopt;
    Document document;
    document.text = readText(database, id);
    if (!unpackOutline(find.text(3), document.text.size(), document))
        document = readPlainText(document.text); // of an unknown form: the text is what counts
    document.path = find.text(0);
    document.title = find.text(1);
    document.format = find.text(2);
    return document;
}

std::optional<Document> Library::document(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    return readDocument(*impl_->database, id, DocumentState::there);
}

std::optional<DocumentFacts> Library::documentFacts(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database, std::string(kFacts) + "AND id = ?");
    return (find << id).step() ? std::optional(factsOf(find)) : std::nullopt;
}

std::vector<DocumentFacts> Library::documents() const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database, std::string(kFacts) + "ORDER BY added_ms DESC, id DESC");
    std::vector<DocumentFacts> all;
    while (rows.step())
        all.push_back(factsOf(rows));
    return all;
}

std::string Library::text(uint64_t id, size_t start, size_t end) const {
    std::scoped_lock lock(impl_->mutex);
    return readSpan(*impl_->database, id, start, end);
}

std::vector<Section> Library::sections(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database, "SELECT bytes, text_bytes FROM outlines JOIN documents "
                                     "ON document = id WHERE id = ? AND state = 1");
    if (!(find << id).step())
        return {};
    Document outline;
    uint64_t text_bytes = find.number(1);
    unpackOutline(find.text(0), text_bytes, outline);
    return sectionsOf(outline.headings, text_bytes);
}

// ---- adding ------------------------------------------------------------------------------------

uint64_t Library::addDocument(const Document &document) {
    for (;;) {
        uint64_t id = findOrBegin(*impl_, document);
        while (!writeParts(*impl_, id, document.text)) {
        }
        if (!writeFacts(*impl_, id, document))
            continue;
        withIndex(*impl_, [&] { fillIndex(*impl_, id, document); });
        return id;
    }
}

void Library::setTokenCounts(uint64_t id, const TokenCounts &counts) {
    Packer sections;
    for (uint64_t tokens : counts.sections)
        sections.number(tokens);
    std::string packed = sections.take();
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    if (!isThere(*impl_->database, id))
        return;
    Statement write(*impl_->database,
                    "INSERT OR REPLACE INTO token_counts(document, tokenizer, tokens, sections) "
                    "VALUES (?, ?, ?, ?)");
    (write << id << counts.tokenizer << counts.tokens).blob(packed).run();
    transaction.commit();
}

std::vector<TokenCounts> Library::tokenCounts(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database,
                   "SELECT tokenizer, tokens, sections FROM token_counts WHERE document = ?");
    rows << id;
    std::vector<TokenCounts> all;
    while (rows.step()) {
        all.push_back({.tokenizer = rows.text(0), .tokens = rows.number(1), .sections = {}});
        std::string packed = rows.text(2);
        for (Unpacker from(packed); from.ok && !from.atEnd();)
            all.back().sections.push_back(from.number());
    }
    return all;
}

void Library::letStay(uint64_t id, bool stays) {
    std::scoped_lock lock(impl_->mutex);
    (Statement(*impl_->database, "UPDATE documents SET stays = ? WHERE id = ?")
     << uint64_t{stays} << id)
        .run();
}

// ---- removing ----------------------------------------------------------------------------------

bool Library::removeDocument(uint64_t id) {
    {
        std::scoped_lock lock(impl_->mutex);
        if (!isThere(*impl_->database, id))
            return false;
        (Statement(*impl_->database, "UPDATE documents SET state = 2 WHERE id = ?") << id).run();
    }
    impl_->finishRemoval(id);
    return true;
}

void Library::purgeDocuments(std::span<const uint64_t> kept) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    std::vector<uint64_t> unused;
    {
        Statement find(*impl_->database,
                       "SELECT id FROM documents WHERE state = 1 AND stays = 0 AND "
                       "id NOT IN (SELECT document FROM messages) AND "
                       "id NOT IN (SELECT document FROM run_documents) AND "
                       "id NOT IN (SELECT document FROM results)");
        while (find.step())
            if (std::ranges::find(kept, find.number(0)) == kept.end())
                unused.push_back(find.number(0));
    }
    for (uint64_t id : unused)
        (Statement(*impl_->database, "UPDATE documents SET state = 2 WHERE id = ?") << id).run();
    transaction.commit();
}

void Library::Impl::finishRemoval(uint64_t id) {
    std::string text;
    {
        std::scoped_lock lock(mutex);
        text = readText(*database, id);
    }
    withIndex(*this, [&] { emptyIndex(*this, id, text); });
    std::scoped_lock lock(mutex);
    Transaction transaction(*database);
    deleteRows(*database, id);
    transaction.commit();
}

void Library::Impl::finishWork() {
    for (uint64_t id : idsWhere(*this, "state = 2"))
        finishRemoval(id);
    for (uint64_t id : idsWhere(*this, "state = 1 AND index_done = 0")) {
        std::optional<Document> document;
        {
            std::scoped_lock lock(mutex);
            document = readDocument(*database, id, DocumentState::there);
        }
        if (document)
            withIndex(*this, [&] { fillIndex(*this, id, *document); });
    }
}

uint64_t Library::compact() {
    constexpr uint64_t kADay_ms = 86'400'000;
    uint64_t before = fileBytes();
    {
        std::scoped_lock lock(impl_->mutex);
        (Statement(*impl_->database, "UPDATE documents SET state = 2 WHERE state = 0 AND "
                                     "added_ms < ?")
         << nowMs() - kADay_ms)
            .run();
    }
    impl_->finishWork();
    {
        std::scoped_lock lock(impl_->mutex);
        impl_->database->execute( // removed words leave the index when it is joined
            "INSERT INTO paragraph_words(paragraph_words) VALUES ('optimize'); VACUUM; "
            "PRAGMA wal_checkpoint(TRUNCATE)");
    }
    uint64_t after = fileBytes();
    return before > after ? before - after : 0;
}

} // namespace longscope::document
