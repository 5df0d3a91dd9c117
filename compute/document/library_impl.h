// What library*.cpp share.
#pragma once

#include "compute/document/library.h"
#include "compute/document/library_sql.h"

#include <condition_variable>
#include <mutex>

namespace longscope::document {

/// First come, first served: who waits gets in between two slices of an import.
class FairMutex {
  public:
    void lock() {
        std::unique_lock lock(mutex_);
        uint64_t mine = next_++;
        changed_.wait(lock, [&] { return serving_ == mine; });
    }
    void unlock() {
        {
            std::scoped_lock lock(mutex_);
            ++serving_;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t next_ = 0, serving_ = 0;
};

struct Library::Impl {
    explicit Impl(const std::string &path);
    void open(); ///< throws SqlError

    /// Indexes what an import left without, and ends removals. Takes the mutex, slice by slice.
    void finishWork();
    void finishRemoval(uint64_t id);

    std::string path, warning;
    mutable FairMutex mutex; ///< one call at a time
    std::unique_ptr<Database> database;
};

/// Of a row of `documents`.
enum class DocumentState : uint64_t {
    arriving = 0, ///< its text is being written, nobody sees it
    there = 1,
    leaving = 2, ///< its words are being taken out of the index, nobody sees it
};

/// Milliseconds since 1970.
uint64_t nowMs();
inline int64_t secondsOf(uint64_t ms) {
    return static_cast<int64_t>(ms / 1000);
}

} // namespace longscope::document
