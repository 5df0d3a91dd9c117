// SQLite for library*.cpp alone: a connection and statements whose errors are exceptions.
#pragma once

#include "compute/core/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace longscope::document {

/// An error of the file, with SQLite's own code.
class SqlError : public Error {
  public:
    SqlError(int code, const std::string &message) : Error(ErrorKind::file, message), code_(code) {}
    /// The file is no database, or a broken one; not "the disk is full" or "it is in use".
    bool isDamage() const;
    /// A table or column that a statement names is not there.
    bool isOfSchema() const;
    bool isBusy() const;               ///< others have it locked
    static constexpr int kDamage = 11; ///< SQLITE_CORRUPT

  private:
    int code_;
};

class Database {
  public:
    /// Makes the file when there is none.
    explicit Database(const std::string &path);
    ~Database();
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;

    void execute(const char *sql); ///< one or several statements, results dropped
    void useWriteAheadLog();       ///< waits for others, as long as every call does
    uint64_t lastId() const;
    const std::string &path() const { return path_; }
    [[noreturn]] void failWith(int code) const;
    sqlite3 *handle() const { return handle_; }

  private:
    std::string path_;
    sqlite3 *handle_ = nullptr;
};

/// One statement from its text to its last row. Values are bound in the order of the `?`.
class Statement {
  public:
    Statement(Database &database, std::string_view sql);
    ~Statement();
    Statement(const Statement &) = delete;
    Statement &operator=(const Statement &) = delete;

    /// Texts must live until the statement was stepped.
    Statement &operator<<(std::string_view text);
    Statement &operator<<(uint64_t number);
    Statement &blob(std::string_view bytes);
    bool step();  ///< true: there is a row
    void run();   ///< to its end
    void again(); ///< from the beginning, with new values
    uint64_t number(int column);
    double real(int column);
    std::string text(int column); ///< blobs too

  private:
    void check(int code);

    Database &database_;
    sqlite3_stmt *handle_ = nullptr;
    int bound_ = 0;
};

/// While it lives, commits do not wait for the disk: they survive the end of the program, but
/// perhaps not of the power. For what changes often and is worth little, like a slider.
class WithoutWaiting {
  public:
    explicit WithoutWaiting(Database &database);
    ~WithoutWaiting();
    WithoutWaiting(const WithoutWaiting &) = delete;
    WithoutWaiting &operator=(const WithoutWaiting &) = delete;

  private:
    Database &database_;
};

/// All or nothing: without commit() everything since is taken back.
class Transaction {
  public:
    explicit Transaction(Database &database);
    ~Transaction();
    Transaction(const Transaction &) = delete;
    Transaction &operator=(const Transaction &) = delete;
    void commit();

  private:
    Database &database_;
    bool open_ = true;
};

} // namespace longscope::document
