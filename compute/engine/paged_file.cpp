#include "compute/engine/paged_file.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <utility>

namespace longscope::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as memory has it");

constexpr std::string_view kMagic = "LSESSION";
constexpr uint32_t kVersion = 1;
constexpr uint64_t kPageBytes = 1 << 20;
constexpr uint32_t kMostHeaderBytes = 1 << 20;

struct Start {
    std::array<char, 8> magic{};
    uint32_t version = kVersion;
    uint32_t header_bytes = 0;
};
constexpr uint64_t kHeaderOffset = sizeof(Start) + sizeof(uint32_t);

uint32_t checksum(const void *bytes, size_t count, uint32_t before = 0) {
    return static_cast<uint32_t>(::crc32_z(before, static_cast<const Bytef *>(bytes), count));
}

uint32_t startChecksum(const Start &start, std::string_view header) {
    return checksum(header.data(), header.size(), checksum(&start, sizeof start));
}

uint64_t pagesOf(uint64_t payload_bytes) {
    return (payload_bytes + kPageBytes - 1) / kPageBytes;
}

/// What a link points to, so that the link stays one.
std::string behindLinks(const std::string &path) {
    std::error_code missing;
    std::filesystem::path real = std::filesystem::canonical(path, missing);
    return missing ? path : real.string();
}

/// The name was perhaps meant for something else: a model, a device, a text.
void refuseOther(const std::string &path) {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0)
        return;
    if (!S_ISREG(facts.st_mode))
        fail(ErrorKind::file, "{} is not a file: the session is not written there", path);
    if (facts.st_size == 0)
        return;
    std::array<char, 8> magic{};
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : ::read(file, magic.data(), magic.size());
    if (file >= 0)
        ::close(file);
    if (count != static_cast<ssize_t>(magic.size()) ||
        std::string_view(magic.data(), magic.size()) != kMagic)
        fail(ErrorKind::file, "{} exists and is not a session: it is not overwritten", path);
}

} // namespace

PagedWriter::PagedWriter(const std::string &path, std::string_view header)
    : path_(behindLinks(path)) {
    refuseOther(path_);
    if (header.size() > kMostHeaderBytes)
        fail(ErrorKind::file, "the header of {} would have {} bytes, {} are the most", path,
             header.size(), kMostHeaderBytes);
    temporary_ = path_ + ".XXXXXX";
    file_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (file_ < 0) {
        temporary_.clear();
        failWith(errno, "cannot be made");
    }
    page_.reserve(kPageBytes);
    Start start;
    std::ranges::copy(kMagic, start.magic.begin());
    start.header_bytes = static_cast<uint32_t>(header.size());
    uint32_t sum = startChecksum(start, header);
    try {
        writeAll(&start, sizeof start);
        writeAll(&sum, sizeof sum);
        writeAll(header.data(), header.size());
    } catch (...) { // there is no destructor of an object that was never made
        close();
        throw;
    }
}

PagedWriter::~PagedWriter() {
    close();
}

void PagedWriter::close() {
    if (file_ >= 0)
        ::close(file_);
    file_ = -1;
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
    temporary_.clear();
}

void PagedWriter::failWith(int error, const char *doing) const {
    fail(ErrorKind::file, "the session file {} {} after {}: {}{}", path_, doing,
         formatBytes(written_bytes_), std::strerror(error),
         std::filesystem::exists(path_) ? " (the old file is as it was)" : "");
}

void PagedWriter::writeAll(const void *bytes, size_t count) {
    auto *from = static_cast<const char *>(bytes);
    while (count > 0) {
        ssize_t done = ::write(file_, from, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            failWith(errno, "cannot be written");
        from += done;
        count -= static_cast<size_t>(done);
        written_bytes_ += static_cast<uint64_t>(done);
    }
}

void PagedWriter::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        size_t count = std::min<size_t>(bytes.size(), kPageBytes - page_.size());
        page_.insert(page_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
        bytes = bytes.subspan(count);
        if (page_.size() == kPageBytes)
            endPage();
    }
}

void PagedWriter::endPage() {
    checksums_.push_back(checksum(page_.data(), page_.size()));
    writeAll(page_.data(), page_.size());
    page_.clear();
}

uint64_t PagedWriter::commit() {
    if (!page_.empty())
        endPage();
    size_t table_bytes = checksums_.size() * sizeof(uint32_t);
    checksums_.push_back(checksum(checksums_.data(), table_bytes));
    writeAll(checksums_.data(), table_bytes + sizeof(uint32_t));
    if (::fsync(file_) != 0)
        failWith(errno, "cannot be written");
    int file = std::exchange(file_, -1);
    if (::close(file) != 0)
        failWith(errno, "cannot be written");
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
        failWith(errno, "cannot be put in its place");
    temporary_.clear();
    std::string folder = std::filesystem::path(path_).parent_path().string();
    int directory = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (directory >= 0) { // the name survives a crash too; where that cannot be had, so be it
        ::fsync(directory);
        ::close(directory);
    }
    return written_bytes_;
}

PagedReader::PagedReader(const std::string &path) : path_(path) {
    file_ =
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not be waited for
    if (file_ < 0)
        fail(ErrorKind::file, "the session file {} cannot be opened: {}", path,
             std::strerror(errno));
    try {
        struct stat facts{};
        if (::fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode))
            fail(ErrorKind::file, "{} is not a file", path);
        file_bytes_ = static_cast<uint64_t>(facts.st_size);
        Start start;
        uint32_t sum = 0;
        std::array<char, kMagic.size()> &magic = start.magic;
        if (file_bytes_ >= magic.size())
            readAt(0, magic.data(), magic.size());
        if (std::string_view(magic.data(), magic.size()) != kMagic)
            fail(ErrorKind::file, "{} is not a session file ({} bytes, which do not begin with {})",
                 path, file_bytes_, kMagic);
        if (file_bytes_ < kHeaderOffset)
            fail(ErrorKind::file, "the session file {} is cut off: {} bytes", path, file_bytes_);
        readAt(0, &start, sizeof start);
        readAt(sizeof start, &sum, sizeof sum);
        if (start.version != kVersion)
            fail(ErrorKind::file, "the session file {} has version {}, this program knows {}", path,
                 start.version, kVersion);
        if (start.header_bytes > std::min<uint64_t>(kMostHeaderBytes, file_bytes_ - kHeaderOffset))
            fail(ErrorKind::file,
                 "the session file {} is damaged: a header of {} bytes in a file of {}", path,
                 start.header_bytes, file_bytes_);
        header_.resize(start.header_bytes);
        readAt(kHeaderOffset, header_.data(), header_.size());
        if (startChecksum(start, header_) != sum)
            fail(ErrorKind::file,
                 "the session file {} is damaged: the checksum of its header is "
                 "wrong",
                 path);
    } catch (...) {
        ::close(file_);
        throw;
    }
}

PagedReader::~PagedReader() {
    ::close(file_);
}

void PagedReader::readAt(uint64_t offset_bytes, void *bytes, size_t count) const {
    auto *to = static_cast<char *>(bytes);
    while (count > 0) {
        ssize_t done = ::pread(file_, to, count, static_cast<off_t>(offset_bytes));
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            fail(ErrorKind::file, "the session file {} cannot be read at byte {}: {}", path_,
                 offset_bytes, done < 0 ? std::strerror(errno) : "it ends there");
        to += done;
        offset_bytes += static_cast<uint64_t>(done);
        count -= static_cast<size_t>(done);
    }
}

void PagedReader::read(uint64_t offset_bytes, std::span<std::byte> bytes) const {
    readAt(kHeaderOffset + header_.size() + offset_bytes, bytes.data(), bytes.size());
}

void PagedReader::check(uint64_t payload_bytes) const {
    uint64_t wanted = kHeaderOffset + header_.size() + payload_bytes +
                      (pagesOf(payload_bytes) + 1) * sizeof(uint32_t);
    if (file_bytes_ != wanted)
        fail(ErrorKind::file, "the session file {} {}: it has {} bytes, {} by what it says", path_,
             file_bytes_ < wanted ? "is cut off" : "is too long", file_bytes_, wanted);
    std::vector<uint32_t> checksums(pagesOf(payload_bytes) + 1);
    read(payload_bytes, std::as_writable_bytes(std::span(checksums)));
    if (checksum(checksums.data(), (checksums.size() - 1) * sizeof(uint32_t)) != checksums.back())
        fail(ErrorKind::file,
             "the session file {} is damaged: the list of checksums at its end is "
             "wrong",
             path_);
    checksums.pop_back();
    // Checksums are half of the time that a session takes to come back: two halves at once.
    auto odd_pages =
        std::async(std::launch::async, [&] { checkPages(checksums, 1, 2, payload_bytes); });
    checkPages(checksums, 0, 2, payload_bytes);
    odd_pages.get();
}

void PagedReader::checkPages(std::span<const uint32_t> checksums, uint64_t first_page,
                             uint64_t step, uint64_t payload_bytes) const {
    std::vector<std::byte> page(std::min(kPageBytes, payload_bytes));
    for (uint64_t number = first_page; number < checksums.size(); number += step) {
        uint64_t offset = number * kPageBytes;
        page.resize(std::min(kPageBytes, payload_bytes - offset));
        read(offset, page);
        if (checksum(page.data(), page.size()) != checksums[number])
            fail(ErrorKind::file,
                 "the session file {} is damaged: page {} of {} (bytes {} to {} of "
                 "what was read) does not fit its checksum",
                 path_, number + 1, checksums.size(), offset, offset + page.size());
    }
}

} // namespace longscope::engine
