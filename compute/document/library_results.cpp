// Results of long work, kept by kind and key.
#include "compute/document/library_impl.h"

namespace longscope::document {
namespace {

/// How old the note of the last use may become: a read seldom costs a write.
constexpr uint64_t kUseIsNoted_ms = 3'600'000;

/// What was read stays right when this cannot be written, on a full disk for example.
void noteUse(Database &database, uint64_t id) {
    try {
        WithoutWaiting relaxed(database);
        (Statement(database, "UPDATE results SET used_ms = ? WHERE id = ?") << nowMs() << id).run();
    } catch (const SqlError &) {
    }
}

void writeResult(Database &database, uint64_t document, std::string_view kind, std::string_view key,
                 std::string_view bytes) {
    Statement write(database, "INSERT INTO results(kind, key, document, used_ms, bytes) "
                              "VALUES (?, ?, ?, ?, ?) ON CONFLICT(kind, key) DO UPDATE SET "
                              "document = excluded.document, used_ms = excluded.used_ms, "
                              "bytes = excluded.bytes");
    write << kind << key << document << nowMs();
    write.blob(bytes).run();
}

} // namespace

std::optional<std::string> Library::find(std::string_view kind, std::string_view key) const {
    std::scoped_lock lock(impl_->mutex);
    std::string bytes;
    uint64_t id = 0, used_ms = 0;
    {
        Statement find(*impl_->database,
                       "SELECT id, used_ms, bytes FROM results WHERE kind = ? AND key = ?");
        find << kind << key;
        if (!find.step())
            return std::nullopt;
        id = find.number(0);
        used_ms = find.number(1);
        bytes = find.text(2);
    }
    if (nowMs() > used_ms + kUseIsNoted_ms)
        noteUse(*impl_->database, id);
    return bytes;
}

void Library::keep(std::string_view kind, std::string_view key, std::string_view bytes) {
    keepFor(0, kind, key, bytes);
}

void Library::keepFor(uint64_t document, std::string_view kind, std::string_view key,
                      std::string_view bytes) {
    std::scoped_lock lock(impl_->mutex);
    writeResult(*impl_->database, document, kind, key, bytes);
}

void Library::keepAll(std::string_view kind, std::span<const Item> items) {
    keepAllFor(0, kind, items);
}

void Library::keepAllFor(uint64_t document, std::string_view kind, std::span<const Item> items) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    for (const Item &item : items)
        writeResult(*impl_->database, document, kind, item.key, item.bytes);
    transaction.commit();
}

std::vector<ResultFacts> Library::results(uint64_t document) const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database, "SELECT kind, key, length(bytes), used_ms FROM results "
                                     "WHERE document = ? ORDER BY kind, id");
    rows << document;
    std::vector<ResultFacts> all;
    while (rows.step())
        all.push_back({.kind = rows.text(0),
                       .key = rows.text(1),
                       .bytes = rows.number(2),
                       .used_unix_s = secondsOf(rows.number(3))});
    return all;
}

uint64_t Library::forgetResults(uint64_t document) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    uint64_t bytes = 0;
    {
        Statement sum(*impl_->database, "SELECT sum(length(bytes)) FROM results "
                                        "WHERE document = ?");
        bytes = (sum << document).step() ? sum.number(0) : 0; // NULL is 0
    }
    (Statement(*impl_->database, "DELETE FROM results WHERE document = ?") << document).run();
    transaction.commit();
    return bytes;
}

uint64_t Library::forgetOldResults(uint64_t most_bytes) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    uint64_t freed = 0;
    Statement old(*impl_->database,
                  "DELETE FROM results WHERE id IN (SELECT id FROM (SELECT id, sum(length(bytes)) "
                  "OVER (ORDER BY used_ms DESC, id DESC) AS newer FROM results) WHERE newer > ?) "
                  "RETURNING length(bytes)");
    old << most_bytes;
    while (old.step())
        freed += old.number(0);
    transaction.commit();
    return freed;
}

uint64_t Library::forgetAllResults() {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    uint64_t bytes = 0;
    {
        Statement sum(*impl_->database, "SELECT sum(length(bytes)) FROM results");
        bytes = sum.step() ? sum.number(0) : 0;
    }
    impl_->database->execute("DELETE FROM results");
    transaction.commit();
    return bytes;
}

} // namespace longscope::document
