// Opening, versions, damage; documents and values. Conversations: library_conversations.cpp.
#include "compute/document/formats.h"
#include "compute/document/library_impl.h"
#include "compute/document/library_outline.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <format>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;

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
)"};
constexpr uint64_t kVersion = std::size(kMigrations);

/// Fail when a table or column is missing, without reading rows.
constexpr const char *kShape[] = {
    "SELECT id, hash, path, title, text, outline FROM documents LIMIT 0",
    "SELECT id, title, settings, changed_ms, removed FROM conversations LIMIT 0",
    "SELECT id, conversation, parent, role, text, details, document FROM messages LIMIT 0",
    "SELECT name, text FROM small_texts LIMIT 0",
    "SELECT rowid FROM message_words LIMIT 0",
    "SELECT rowid FROM title_words LIMIT 0",
};

uint64_t pragma(Database &database, std::string_view name) {
    Statement statement(database, std::format("PRAGMA {}", name));
    return statement.step() ? statement.number(0) : 0;
}

constexpr int kDamaged = 11; // SQLITE_CORRUPT

void checkWhole(Database &database) {
    Statement check(database, "PRAGMA quick_check(1)");
    std::string found = check.step() ? check.text(0) : "no answer";
    if (found != "ok")
        throw SqlError(kDamaged, found);
}

void migrate(Database &database) {
    for (uint64_t version = pragma(database, "user_version"); version < kVersion; ++version) {
        Transaction transaction(database);
        database.execute(kMigrations[version]);
        database.execute(std::format("PRAGMA user_version = {}", version + 1).c_str());
        transaction.commit();
    }
}

void checkShape(Database &database) {
    for (const char *query : kShape)
        try {
            Statement(database, query).run();
        } catch (const SqlError &error) {
            throw SqlError(kDamaged, error.what());
        }
}

/// Renames the file and its log; the new path.
std::string setAside(const std::string &path) {
    std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char time[32];
    std::strftime(time, sizeof time, "%Y%m%d-%H%M%S", &local);
    std::string aside = std::format("{}.damaged-{}", path, time);
    for (unsigned i = 2; fs::exists(aside); ++i)
        aside = std::format("{}.damaged-{}-{}", path, time, i);
    for (const char *ending : {"", "-wal"}) {
        std::error_code code;
        fs::rename(path + ending, aside + ending, code);
        if (code && *ending == '\0')
            fail(ErrorKind::file, "the library {} is damaged and cannot be renamed: {}", path,
                 code.message());
    }
    fs::remove(path + "-shm");
    return aside;
}

/// FNV-1a; texts with the same one are compared.
uint64_t hashOf(std::string_view text) {
    uint64_t hash = 0xCBF29CE484222325;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return hash;
}

} // namespace

uint64_t nowMs() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

Library::Impl::Impl(const std::string &file) : path(file) {
    std::error_code code;
    if (fs::path folder = fs::path(path).parent_path(); !folder.empty())
        fs::create_directories(folder, code);
    if (code)
        fail(ErrorKind::file, "cannot make the folder of {}: {}", path, code.message());
    try {
        open();
    } catch (const SqlError &error) {
        database.reset();
        if (!error.isDamage())
            throw;
        warning = std::format("The library was damaged, so a new one was begun; the old one is "
                              "kept as {}",
                              setAside(path));
        open();
    }
}

// FULL: a commit is on the disk when it returns, also when the power goes.
void Library::Impl::open() {
    database = std::make_unique<Database>(path);
    uint64_t version = pragma(*database, "user_version");
    if (version > kVersion)
        fail(ErrorKind::file,
             "the library {} is of version {}, this program knows versions up to {}: a newer "
             "Longscope made it",
             path, version, kVersion);
    checkWhole(*database);
    database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    migrate(*database);
    checkShape(*database);
}

Library::Library(const std::string &path) : impl_(std::make_unique<Impl>(path)) {}
Library::~Library() = default;

const std::string &Library::path() const {
    return impl_->path;
}

const std::string &Library::warning() const {
    return impl_->warning;
}

// ---- documents ---------------------------------------------------------------------------------

uint64_t Library::addDocument(const Document &document) {
    uint64_t hash = hashOf(document.text);
    std::string outline = packOutline(document);
    std::scoped_lock lock(impl_->mutex);
    Database &database = *impl_->database;
    Transaction transaction(database);
    uint64_t id = 0;
    {
        Statement same(database, "SELECT id FROM documents WHERE hash = ? AND text = ?");
        same << hash;
        id = same.blob(document.text).step() ? same.number(0) : 0;
    }
    Statement write(database,
                    id ? "UPDATE documents SET path = ?, title = ?, outline = ? WHERE id = ?"
                       : "INSERT INTO documents(path, title, outline, hash, text) "
                         "VALUES (?, ?, ?, ?, ?)");
    write << document.path << document.title;
    write.blob(outline) << (id ? id : hash);
    if (!id)
        write.blob(document.text);
    write.run();
    if (!id)
        id = database.lastId();
    transaction.commit();
    return id;
}

std::optional<Document> Library::document(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database,
                   "SELECT path, title, text, outline FROM documents WHERE id = ?");
    find << id;
    if (!find.step())
        return std::nullopt;
    Document document;
    document.path = find.text(0);
    document.title = find.text(1);
    document.text = find.text(2);
    if (unpackOutline(find.text(3), document))
        return document;
    Document plain = readPlainText(document.text); // of an unknown form: the text is what counts
    plain.path = document.path;
    plain.title = document.title;
    return plain;
}

void Library::removeDocument(uint64_t id) {
    std::scoped_lock lock(impl_->mutex);
    (Statement(*impl_->database, "DELETE FROM documents WHERE id = ?") << id).run();
}

void Library::purgeDocuments(std::span<const uint64_t> kept) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    std::vector<uint64_t> unused;
    Statement find(*impl_->database, "SELECT id FROM documents WHERE id NOT IN "
                                     "(SELECT document FROM messages)");
    while (find.step())
        if (std::ranges::find(kept, find.number(0)) == kept.end())
            unused.push_back(find.number(0));
    for (uint64_t id : unused)
        (Statement(*impl_->database, "DELETE FROM documents WHERE id = ?") << id).run();
    transaction.commit();
}

// ---- values ------------------------------------------------------------------------------------

std::optional<std::string> Library::value(std::string_view name) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database, "SELECT text FROM small_texts WHERE name = ?");
    find << name;
    return find.step() ? std::optional(find.text(0)) : std::nullopt;
}

void Library::setValue(std::string_view name, std::string_view text) {
    std::scoped_lock lock(impl_->mutex);
    WithoutWaiting relaxed(*impl_->database);
    Statement write(*impl_->database, "INSERT INTO small_texts(name, text) VALUES (?, ?) "
                                      "ON CONFLICT(name) DO UPDATE SET text = excluded.text");
    (write << name << text).run();
}

} // namespace longscope::document
