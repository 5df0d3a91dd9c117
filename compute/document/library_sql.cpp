#include "compute/document/library_sql.h"

#include "compute/core/clock.h"
#include "compute/core/text.h"

#include <sqlite3.h>

#include <filesystem>
#include <format>
#include <thread>

namespace longscope::document {
namespace {

constexpr int kWaitForOthers_ms = 5000; ///< another window may write

} // namespace

bool SqlError::isDamage() const {
    int primary = code_ & 0xFF;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

bool SqlError::isOfSchema() const {
    return (code_ & 0xFF) == SQLITE_ERROR;
}

bool SqlError::isBusy() const {
    return (code_ & 0xFF) == SQLITE_BUSY;
}

Database::Database(const std::string &path) : path_(path) {
    int code = sqlite3_open_v2(path.c_str(), &handle_,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                               nullptr);
    if (code == SQLITE_OK && sqlite3_db_readonly(handle_, "main") == 1)
        code = SQLITE_READONLY;
    if (code != SQLITE_OK) {
        std::string why = sqlite3_errstr(code);
        sqlite3_close(handle_);
        throw SqlError(code, "cannot open the library " + path + ": " + why);
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kWaitForOthers_ms);
}

Database::~Database() {
    sqlite3_close(handle_);
}

void Database::failWith(int code) const {
    std::string why = sqlite3_errmsg(handle_);
    std::error_code unknown;
    if ((code & 0xFF) == SQLITE_FULL)
        if (auto disk = std::filesystem::space(path_, unknown); !unknown)
            why += std::format(" ({} are free)", formatBytes(disk.available));
    throw SqlError(code, "cannot use the library " + path_ + ": " + why);
}

void Database::execute(const char *sql) {
    if (int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
        failWith(code);
}

// Of several that make the file at once, SQLite sends all but one away without waiting.
void Database::useWriteAheadLog() {
    for (auto start = Clock::now();;) {
        try {
            execute("PRAGMA journal_mode = WAL");
            return;
        } catch (const SqlError &error) {
            if (!error.isBusy() || secondsSince(start) > kWaitForOthers_ms / 1e3)
                throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

uint64_t Database::lastId() const {
    return static_cast<uint64_t>(sqlite3_last_insert_rowid(handle_));
}

Statement::Statement(Database &database, std::string_view sql) : database_(database) {
    check(sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle_,
                             nullptr));
}

Statement::~Statement() {
    sqlite3_finalize(handle_);
}

void Statement::check(int code) {
    if (code != SQLITE_OK)
        database_.failWith(code);
}

// An empty view may have no address, which SQLite would take for NULL.
Statement &Statement::operator<<(std::string_view text) {
    check(sqlite3_bind_text64(handle_, ++bound_, text.data() ? text.data() : "", text.size(),
                              SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement &Statement::operator<<(uint64_t number) {
    check(sqlite3_bind_int64(handle_, ++bound_, static_cast<sqlite3_int64>(number)));
    return *this;
}

Statement &Statement::blob(std::string_view bytes) {
    check(sqlite3_bind_blob64(handle_, ++bound_, bytes.data() ? bytes.data() : "", bytes.size(),
                              SQLITE_STATIC));
    return *this;
}

bool Statement::step() {
    int code = sqlite3_step(handle_);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        database_.failWith(code);
    return code == SQLITE_ROW;
}

void Statement::run() {
    while (step()) {
    }
}

void Statement::again() {
    sqlite3_reset(handle_); // its error, if any, was thrown by step()
    bound_ = 0;
}

uint64_t Statement::number(int column) {
    return static_cast<uint64_t>(sqlite3_column_int64(handle_, column));
}

double Statement::real(int column) {
    return sqlite3_column_double(handle_, column);
}

std::string Statement::text(int column) {
    const void *bytes = sqlite3_column_blob(handle_, column);
    auto size = static_cast<size_t>(sqlite3_column_bytes(handle_, column));
    return bytes ? std::string(static_cast<const char *>(bytes), size) : std::string();
}

WithoutWaiting::WithoutWaiting(Database &database) : database_(database) {
    database.execute("PRAGMA synchronous = NORMAL");
}

WithoutWaiting::~WithoutWaiting() {
    sqlite3_exec(database_.handle(), "PRAGMA synchronous = FULL", nullptr, nullptr, nullptr);
}

// Immediate, so that a second window waits at the beginning and never fails in the middle.
Transaction::Transaction(Database &database) : database_(database) {
    database.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
    if (open_)
        sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
    database_.execute("COMMIT");
    open_ = false;
}

} // namespace longscope::document
