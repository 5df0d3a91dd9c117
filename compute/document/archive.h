// A ZIP archive in memory whose sender is not trusted: it is listed, and single entries are read,
// within limits. Nothing is written to a disk, and archives inside it stay closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace longscope::document {

struct ArchiveLimits {
    size_t entries = 20'000;
    uint64_t unpacked_bytes = 512'000'000; ///< of all that is read
    uint64_t free_bytes = 4'000'000;       ///< up to here a high ratio is no bomb: blank pictures
    uint64_t ratio = 200;                  ///< unpacked to packed; office XML has 5 to 30
};

class Archive {
  public:
    /// Throws Error(file): no archive, a truncated one, too many entries, a name that climbs out.
    /// `bytes` must outlive it; `path` is for messages.
    Archive(std::string_view bytes, std::string_view path, const ArchiveLimits &limits = {});

    const std::set<std::string> &names() const { return names_; } ///< of files, not of folders
    bool has(const std::string &name) const { return names_.contains(name); }

    /// Contents by name, of those that exist, in one pass. Throws Error(file): one is encrypted,
    /// broken, or beyond the limits; all calls together count.
    std::map<std::string, std::string> read(const std::set<std::string> &wanted);
    std::optional<std::string> find(const std::string &name);
    /// Throws Error(file) when it is missing: "x.docx has no entry word/document.xml".
    std::string require(const std::string &name);

    const std::string &path() const { return path_; }

  private:
    std::string_view bytes_;
    std::string path_;
    ArchiveLimits limits_;
    std::set<std::string> names_;
    uint64_t unpacked_bytes_ = 0;
};

/// "OEBPS/text/ch 1.xhtml" of the link "text/ch%201.xhtml#note" in the file "OEBPS/book.opf"; ""
/// when it leads out of the archive.
std::string resolveLink(std::string_view from_file, std::string_view link);

} // namespace longscope::document
