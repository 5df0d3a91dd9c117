// Runs: what was asked of documents and what came of it.
#include "compute/document/library_impl.h"

namespace longscope::document {
namespace {

constexpr std::string_view kColumns =
    "id, kind, strategy, finished, began_ms, changed_ms, settings, result";

std::vector<StoredRun> runsOf(Database &database, Statement &rows) {
    std::vector<StoredRun> runs;
    while (rows.step())
        runs.push_back({.id = rows.number(0),
                        .kind = rows.text(1),
                        .documents = {},
                        .strategy = rows.text(2),
                        .settings = rows.text(6),
                        .result = rows.text(7),
                        .finished = rows.number(3) != 0,
                        .began_unix_s = secondsOf(rows.number(4)),
                        .changed_unix_s = secondsOf(rows.number(5))});
    for (StoredRun &run : runs) {
        Statement named(database,
                        "SELECT document FROM run_documents WHERE run = ? ORDER BY place");
        named << run.id;
        while (named.step())
            run.documents.push_back(named.number(0));
    }
    return runs;
}

void writeDocuments(Database &database, uint64_t id, const StoredRun &run) {
    (Statement(database, "DELETE FROM run_documents WHERE run = ?") << id).run();
    for (size_t i = 0; i < run.documents.size(); ++i)
        (Statement(database, "INSERT INTO run_documents(run, place, document) VALUES (?, ?, ?)")
         << id << uint64_t{i} << run.documents[i])
            .run();
}

} // namespace

uint64_t Library::addRun(const StoredRun &run) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    uint64_t now = nowMs();
    (Statement(*impl_->database, "INSERT INTO runs(kind, strategy, finished, began_ms, changed_ms, "
                                 "settings, result) VALUES (?, ?, ?, ?, ?, ?, ?)")
     << run.kind << run.strategy << uint64_t{run.finished} << now << now << run.settings
     << run.result)
        .run();
    uint64_t id = impl_->database->lastId();
    writeDocuments(*impl_->database, id, run);
    transaction.commit();
    return id;
}

void Library::updateRun(const StoredRun &run) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    (Statement(*impl_->database, "UPDATE runs SET strategy = ?, finished = ?, changed_ms = ?, "
                                 "settings = ?, result = ? WHERE id = ?")
     << run.strategy << uint64_t{run.finished} << nowMs() << run.settings << run.result << run.id)
        .run();
    writeDocuments(*impl_->database, run.id, run);
    transaction.commit();
}

void Library::removeRun(uint64_t id) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    (Statement(*impl_->database, "DELETE FROM run_documents WHERE run = ?") << id).run();
    (Statement(*impl_->database, "DELETE FROM runs WHERE id = ?") << id).run();
    transaction.commit();
}

std::optional<StoredRun> Library::run(uint64_t id) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database, "SELECT " + std::string(kColumns) + " FROM runs WHERE id = ?");
    std::vector<StoredRun> found = runsOf(*impl_->database, find << id);
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

std::vector<StoredRun> Library::runs(uint64_t document) const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database,
                   "SELECT " + std::string(kColumns) +
                       " FROM runs WHERE ? = 0 OR id IN (SELECT run FROM run_documents WHERE "
                       "document = ?) ORDER BY changed_ms DESC, id DESC");
    return runsOf(*impl_->database, rows << document << document);
}

} // namespace longscope::document
