#include "compute/document/library_schema.h"

#include <format>
#include <iterator>

namespace longscope::document {
namespace {

/// Step i makes version i + 1 out of version i. Never change one that was released: add another.
constexpr const char *kMigrations[] = {
    R"(
CREATE TABLE documents(
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash INTEGER NOT NULL,
    path TEXT NOT NULL, title TEXT NOT NULL, text BLOB NOT NULL, outline BLOB NOT NULL);
CREATE INDEX documents_by_hash ON documents(hash);
CREATE TABLE conversations(
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, settings TEXT NOT NULL,
    changed_ms INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE messages(
    id INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL, parent INTEGER NOT NULL,
    role TEXT NOT NULL, text TEXT NOT NULL, details TEXT NOT NULL, document INTEGER NOT NULL);
CREATE INDEX messages_by_conversation ON messages(conversation);
CREATE INDEX messages_by_parent ON messages(parent);
CREATE TABLE small_texts(name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;

CREATE VIRTUAL TABLE message_words USING fts5(text, content='messages', content_rowid='id');
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO message_words(rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO message_words(message_words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF text ON messages BEGIN
    INSERT INTO message_words(message_words, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO message_words(rowid, text) VALUES (new.id, new.text);
END;
CREATE VIRTUAL TABLE title_words USING fts5(title, content='conversations', content_rowid='id');
CREATE TRIGGER title_added AFTER INSERT ON conversations BEGIN
    INSERT INTO title_words(rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER title_removed AFTER DELETE ON conversations BEGIN
    INSERT INTO title_words(title_words, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE TRIGGER title_changed AFTER UPDATE OF title ON conversations BEGIN
    INSERT INTO title_words(title_words, rowid, title) VALUES ('delete', old.id, old.title);
    INSERT INTO title_words(rowid, title) VALUES (new.id, new.title);
END;
)",
    // Texts leave the rows of facts, so that a list reads no text and a text is written in slices.
    // `state` is DocumentState. `pieces` has the spans that paragraph_words has, or shall have, in
    // its order, `indexed` how many it has; it keeps no copy of the text: to take a piece out, its
    // text is given again.
    R"(
CREATE TABLE text_parts(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
INSERT INTO text_parts(id, bytes)
    WITH RECURSIVE part(document, number, total) AS (
        SELECT id, 0, length(text) FROM documents
        UNION ALL
        SELECT document, number + 1, total FROM part WHERE (number + 1) * 262144 < total)
    SELECT (document << 32) + number, CAST(substr(text, number * 262144 + 1, 262144) AS BLOB)
    FROM part JOIN documents ON documents.id = document;
CREATE TABLE outlines(document INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
INSERT INTO outlines(document, bytes) SELECT id, outline FROM documents;
CREATE TABLE pieces(document INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
ALTER TABLE documents ADD COLUMN format TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN added_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN text_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN state INTEGER NOT NULL DEFAULT 1;
ALTER TABLE documents ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN index_done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN stays INTEGER NOT NULL DEFAULT 0;
UPDATE documents SET text_bytes = length(text);
ALTER TABLE documents DROP COLUMN text;
ALTER TABLE documents DROP COLUMN outline;
CREATE VIRTUAL TABLE paragraph_words USING fts5(
    text, content='', tokenize='unicode61 remove_diacritics 2');

CREATE TABLE token_counts(
    document INTEGER NOT NULL, tokenizer TEXT NOT NULL, tokens INTEGER NOT NULL,
    sections BLOB NOT NULL, PRIMARY KEY(document, tokenizer)) WITHOUT ROWID;
CREATE TABLE results(
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, document INTEGER NOT NULL,
    used_ms INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE UNIQUE INDEX results_by_name ON results(kind, key);
CREATE INDEX results_by_document ON results(document);
CREATE TABLE runs(
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, strategy TEXT NOT NULL,
    finished INTEGER NOT NULL, began_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    settings TEXT NOT NULL, result TEXT NOT NULL);
CREATE TABLE run_documents(
    run INTEGER NOT NULL, place INTEGER NOT NULL, document INTEGER NOT NULL,
    PRIMARY KEY(run, place)) WITHOUT ROWID;
CREATE INDEX runs_by_document ON run_documents(document);
)"};
constexpr uint64_t kVersion = std::size(kMigrations);
static_assert(kPartBytes == 262144, "as the second migration says");

/// Fail when a table or column is missing, without reading rows.
constexpr const char *kShape[] = {
    "SELECT id, hash, path, title, format, added_ms, text_bytes, state, indexed, index_done, stays "
    "FROM documents LIMIT 0",
    "SELECT id, bytes FROM text_parts LIMIT 0",
    "SELECT document, bytes FROM outlines LIMIT 0",
    "SELECT document, bytes FROM pieces LIMIT 0",
    "SELECT rowid FROM paragraph_words LIMIT 0",
    "SELECT document, tokenizer, tokens, sections FROM token_counts LIMIT 0",
    "SELECT id, kind, key, document, used_ms, bytes FROM results LIMIT 0",
    "SELECT id, kind, strategy, finished, began_ms, changed_ms, settings, result FROM runs LIMIT 0",
    "SELECT run, place, document FROM run_documents LIMIT 0",
    "SELECT id, title, settings, changed_ms, removed FROM conversations LIMIT 0",
    "SELECT id, conversation, parent, role, text, details, document FROM messages LIMIT 0",
    "SELECT name, text FROM small_texts LIMIT 0",
    "SELECT rowid FROM message_words LIMIT 0",
    "SELECT rowid FROM title_words LIMIT 0",
};

uint64_t versionOf(Database &database) {
    Statement version(database, "PRAGMA user_version");
    return version.step() ? version.number(0) : 0;
}

} // namespace

void checkVersion(Database &database) {
    if (uint64_t version = versionOf(database); version > kVersion)
        fail(ErrorKind::file,
             "the library {} is of version {}, this program knows versions up to {}: a newer "
             "Longscope made it",
             database.path(), version, kVersion);
}

// The version is read again inside the transaction: two programs may open an old file at once.
void migrate(Database &database) {
    while (versionOf(database) < kVersion) {
        Transaction transaction(database);
        if (uint64_t version = versionOf(database); version < kVersion) {
            database.execute(kMigrations[version]);
            database.execute(std::format("PRAGMA user_version = {}", version + 1).c_str());
        }
        transaction.commit();
    }
}

// Since 3.44 SQLite looks into the indexes of words, too.
void checkWhole(Database &database) {
    Statement check(database, "PRAGMA quick_check(20)");
    while (check.step())
        if (std::string found = check.text(0); found != "ok" && !found.contains("FTS5"))
            throw SqlError(SqlError::kDamage, found);
}

void checkShape(Database &database) {
    for (const char *query : kShape)
        try {
            Statement(database, query).run();
        } catch (const SqlError &error) {
            if (error.isOfSchema())
                throw SqlError(SqlError::kDamage, error.what());
            throw;
        }
}

} // namespace longscope::document
