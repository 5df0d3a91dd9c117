#include "compute/document/archive.h"
#include "compute/core/error.h"
#include "compute/core/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <vector>

namespace longscope::document {
namespace {

/// libarchive converts names to the thread's locale; only a UTF-8 one keeps them whole.
class Utf8Locale {
  public:
    Utf8Locale() {
        static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        if (utf8)
            before_ = uselocale(utf8);
    }
    ~Utf8Locale() {
        if (before_)
            uselocale(before_);
    }
    Utf8Locale(const Utf8Locale &) = delete;
    Utf8Locale &operator=(const Utf8Locale &) = delete;

  private:
    locale_t before_ = nullptr;
};

struct Close {
    void operator()(::archive *reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<::archive, Close>;

[[noreturn]] void failWith(::archive *reader, std::string_view path) {
    const char *reason = archive_error_string(reader);
    fail(ErrorKind::file, "{} is a broken archive: {}", path,
         repairUtf8(reason ? reason : "libarchive gives no reason"));
}

bool climbs(std::string_view name) {
    if (name.starts_with('/') || name.find('\\') != std::string_view::npos)
        return true;
    for (size_t at = 0; at <= name.size();) {
        size_t end = std::min(name.find('/', at), name.size());
        if (name.substr(at, end - at) == "..")
            return true;
        at = end + 1;
    }
    return false;
}

/// The rest of the current entry. `check` gets the bytes read so far after each block.
std::string readEntry(::archive *reader, std::string_view path,
                      const std::function<void(uint64_t)> &check) {
    std::string out;
    std::vector<char> block(65536);
    for (;;) {
        la_ssize_t got = archive_read_data(reader, block.data(), block.size());
        if (got < 0)
            failWith(reader, path);
        if (got == 0)
            return out;
        out.append(block.data(), static_cast<size_t>(got));
        check(out.size());
    }
}

/// Calls `visit` with each entry until it gives false.
void walk(std::string_view bytes, std::string_view path,
          const std::function<bool(::archive *, archive_entry *)> &visit) {
    Utf8Locale locale;
    Reader reader(archive_read_new());
    if (!reader)
        fail(ErrorKind::memory, "no memory to open the archive {}", path);
    // Only the reader that goes by the central directory: what other programs see is what we see.
    if (archive_read_support_format_zip_seekable(reader.get()) != ARCHIVE_OK ||
        archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
        failWith(reader.get(), path);
    for (;;) {
        archive_entry *entry = nullptr;
        int code = archive_read_next_header(reader.get(), &entry);
        if (code == ARCHIVE_EOF)
            return;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            failWith(reader.get(), path);
        if (!visit(reader.get(), entry))
            return;
    }
}

std::string nameOf(archive_entry *entry) {
    const char *name = archive_entry_pathname(entry);
    return repairUtf8(name ? name : "");
}

} // namespace

Archive::Archive(std::string_view bytes, std::string_view path, const ArchiveLimits &limits)
    : bytes_(bytes), path_(path), limits_(limits) {
    size_t entries = 0;
    walk(bytes_, path_, [&](::archive *, archive_entry *entry) {
        if (++entries > limits_.entries)
            fail(ErrorKind::file, "{} is an archive of more than {} entries", path_,
                 limits_.entries);
        std::string name = nameOf(entry);
        if (climbs(name))
            fail(ErrorKind::file, "{} has an entry that leads out of the archive: {}", path_, name);
        if (!name.empty() && !name.ends_with('/') && archive_entry_filetype(entry) == AE_IFREG)
            names_.insert(std::move(name));
        return true;
    });
}

std::map<std::string, std::string> Archive::read(const std::set<std::string> &wanted) {
    std::map<std::string, std::string> out;
    auto there = static_cast<size_t>(
        std::ranges::count_if(wanted, [&](const std::string &name) { return has(name); }));
    if (there == 0)
        return out;
    walk(bytes_, path_, [&](::archive *reader, archive_entry *entry) {
        std::string name = nameOf(entry);
        if (!wanted.contains(name) || !names_.contains(name) || out.contains(name))
            return true;
        if (archive_entry_is_encrypted(entry))
            fail(ErrorKind::file, "{} is protected: its entry {} is encrypted", path_, name);
        std::string content = readEntry(reader, path_, [&](uint64_t entry_bytes) {
            uint64_t total = unpacked_bytes_ + entry_bytes;
            if (total > limits_.unpacked_bytes)
                fail(ErrorKind::file, "{} of {} unpacks to more than {}", path_,
                     formatBytes(bytes_.size()), formatBytes(limits_.unpacked_bytes));
            if (total > limits_.free_bytes && total / limits_.ratio > bytes_.size())
                fail(ErrorKind::file,
                     "{} of {} unpacks to more than {} times its size: it is made to fill memory",
                     path_, formatBytes(bytes_.size()), limits_.ratio);
        });
        unpacked_bytes_ += content.size();
        out.emplace(std::move(name), std::move(content));
        return out.size() < there;
    });
    return out;
}

std::optional<std::string> Archive::find(const std::string &name) {
    auto found = read({name});
    return found.empty() ? std::nullopt : std::optional(std::move(found.begin()->second));
}

std::string Archive::require(const std::string &name) {
    auto found = find(name);
    if (!found)
        fail(ErrorKind::file, "{} has no entry {} among its {}", path_, name, names_.size());
    return std::move(*found);
}

namespace {

std::string decodePercents(std::string_view link) {
    std::string out;
    for (size_t at = 0; at < link.size(); ++at) {
        unsigned code = 0;
        const char *digits = link.data() + at + 1;
        if (link[at] == '%' && at + 2 < link.size() &&
            std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
            out += static_cast<char>(static_cast<unsigned char>(code));
            at += 2;
        } else {
            out += link[at];
        }
    }
    return out;
}

} // namespace

std::string resolveLink(std::string_view from_file, std::string_view link) {
    link = link.substr(0, link.find('#'));
    std::string path = decodePercents(link);
    if (path.starts_with('/'))
        path.erase(0, 1);
    else
        path.insert(0, from_file.substr(0, from_file.rfind('/') + 1));
    std::vector<std::string_view> parts;
    std::string_view left = path;
    while (!left.empty()) {
        size_t end = std::min(left.find('/'), left.size());
        std::string_view part = left.substr(0, end);
        left.remove_prefix(std::min(end + 1, left.size()));
        if (part == "..") {
            if (parts.empty())
                return "";
            parts.pop_back();
        } else if (part != "." && !part.empty()) {
            parts.push_back(part);
        }
    }
    std::string out;
    for (std::string_view part : parts)
        out.append(out.empty() ? "" : "/").append(part);
    return out;
}

} // namespace longscope::document
