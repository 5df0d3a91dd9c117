// What library.cpp and library_conversations.cpp share.
#pragma once

#include "compute/document/library.h"
#include "compute/document/library_sql.h"

#include <mutex>

namespace longscope::document {

struct Library::Impl {
    explicit Impl(const std::string &path);
    void open(); ///< throws SqlError

    std::string path, warning;
    mutable std::mutex mutex; ///< one call at a time
    std::unique_ptr<Database> database;
};

/// Milliseconds since 1970.
uint64_t nowMs();

} // namespace longscope::document
