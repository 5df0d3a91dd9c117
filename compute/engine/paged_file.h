// A file of a header and a payload in which no wrong byte goes unnoticed. Knows nothing of what
// stands in it. Layout, little-endian:
//     magic[8], u32 version, u32 header bytes, u32 CRC of all this and of the header
//     header, payload
//     u32 CRC of each page of the payload (1 MiB, the last one shorter), u32 CRC of these CRCs
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::engine {

/// Writes beside `path` and renames in commit(): a crash or a full disk leaves the old file as it
/// was, and without commit() nothing is left. Only the user may read the file.
class PagedWriter {
  public:
    /// Throws Error(file), also when `path` is something else than such a file (or an empty one).
    PagedWriter(const std::string &path, std::string_view header);
    ~PagedWriter();
    PagedWriter(const PagedWriter &) = delete;
    PagedWriter &operator=(const PagedWriter &) = delete;

    /// The payload goes on. Throws Error(file) with path, bytes written and reason.
    void write(std::span<const std::byte> bytes);
    /// Bytes of the file.
    uint64_t commit();

  private:
    void writeAll(const void *bytes, size_t count);
    void endPage();
    void close();
    [[noreturn]] void failWith(int error, const char *doing) const;

    std::string path_, temporary_;
    int file_ = -1;
    uint64_t written_bytes_ = 0;
    std::vector<std::byte> page_;
    std::vector<uint32_t> checksums_;
};

/// Throws Error(file) with path and reason: missing, not such a file, of another version, damaged.
class PagedReader {
  public:
    /// Opens and checks everything up to the end of the header.
    explicit PagedReader(const std::string &path);
    ~PagedReader();
    PagedReader(const PagedReader &) = delete;
    PagedReader &operator=(const PagedReader &) = delete;

    const std::string &path() const { return path_; }
    const std::string &header() const { return header_; }
    uint64_t fileBytes() const { return file_bytes_; }
    /// Checks the size of the file and every page. Throws Error(file).
    void check(uint64_t payload_bytes) const;
    /// Bytes of the payload; they must have been checked.
    void read(uint64_t offset_bytes, std::span<std::byte> bytes) const;

  private:
    void readAt(uint64_t offset_bytes, void *bytes, size_t count) const;
    void checkPages(std::span<const uint32_t> checksums, uint64_t first_page, uint64_t step,
                    uint64_t payload_bytes) const;

    std::string path_;
    int file_ = -1;
    uint64_t file_bytes_ = 0;
    std::string header_;
};

} // namespace longscope::engine
