// ZIP archives made by tests and fuzzers, good and hostile.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace longscope::testing {

using Entries = std::vector<std::pair<std::string, std::string>>;

/// A ZIP archive; with a password its entries are encrypted; `stored` ones are not compressed.
inline std::string makeZip(const Entries &entries, const char *password = nullptr,
                           bool stored = false) {
    size_t room = 1 << 16, used = 0;
    for (const auto &[name, content] : entries)
        room += 2 * content.size() + 4 * name.size() + 1024;
    std::string out(room, '\0');
    ::archive *writer = archive_write_new();
    archive_write_set_format_zip(writer);
    if (stored)
        archive_write_set_options(writer, "zip:compression=store");
    if (password) {
        archive_write_set_options(writer, "zip:encryption=zipcrypt");
        archive_write_set_passphrase(writer, password);
    }
    if (archive_write_open_memory(writer, out.data(), out.size(), &used) != ARCHIVE_OK)
        std::abort();
    for (const auto &[name, content] : entries) {
        archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname_utf8(entry, name.c_str());
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        if (archive_write_header(writer, entry) != ARCHIVE_OK)
            std::abort();
        archive_write_data(writer, content.data(), content.size());
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    out.resize(used);
    return out;
}

} // namespace longscope::testing
