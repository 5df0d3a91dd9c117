#include "compute/engine/growing_file.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <fcntl.h>
#include <sys/file.h>
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
#include <utility>

namespace longscope::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as memory has it");

constexpr std::string_view kMagic = "LREADING";
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMostHeaderBytes = 1 << 20;

struct Start {
    std::array<char, 8> magic{};
    uint32_t version = kVersion;
    uint32_t header_bytes = 0;
};
constexpr uint64_t kCrcOffset = sizeof(Start), kMarkOffset = kCrcOffset + sizeof(uint32_t);
constexpr uint64_t kHeaderOffset = kMarkOffset + sizeof(uint32_t);

struct BlockStart {
    uint64_t bytes = 0;
    uint32_t crc = 0, unused = 0;
};

uint32_t checksum(const void *bytes, size_t count, uint32_t before = 0) {
    return static_cast<uint32_t>(::crc32_z(before, static_cast<const Bytef *>(bytes), count));
}

uint32_t blockChecksum(uint32_t before, std::span<const std::byte> bytes) {
    uint64_t count = bytes.size();
    return checksum(bytes.data(), bytes.size(), checksum(&count, sizeof count, before));
}

bool readAt(int file, uint64_t offset_bytes, void *bytes, size_t count) {
    auto *to = static_cast<char *>(bytes);
    while (count > 0) {
        ssize_t done = ::pread(file, to, count, static_cast<off_t>(offset_bytes));
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        to += done;
        offset_bytes += static_cast<uint64_t>(done);
        count -= static_cast<size_t>(done);
    }
    return true;
}

/// 0, or why not.
int writeAt(int file, uint64_t offset_bytes, const void *bytes, size_t count) {
    auto *from = static_cast<const char *>(bytes);
    while (count > 0) {
        ssize_t done = ::pwrite(file, from, count, static_cast<off_t>(offset_bytes));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        from += done;
        offset_bytes += static_cast<uint64_t>(done);
        count -= static_cast<size_t>(done);
    }
    return 0;
}

[[noreturn]] void failWith(int error, const std::string &path, std::string_view doing) {
    fail(ErrorKind::file, "the kept reading {} cannot be {}: {}", path, doing,
         std::strerror(error));
}

} // namespace

GrowingFile::GrowingFile(const std::string &path, For use) : path_(path) {
    try {
        open(use);
    } catch (...) { // there is no destructor of an object that was never made
        if (file_ >= 0)
            ::close(file_);
        throw;
    }
}

GrowingFile::GrowingFile(GrowingFile &&other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, "")),
      file_(std::exchange(other.file_, -1)), header_(std::move(other.header_)),
      start_bytes_(other.start_bytes_), start_crc_(other.start_crc_),
      blocks_(std::move(other.blocks_)) {}

GrowingFile::~GrowingFile() {
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
    if (file_ >= 0)
        ::close(file_);
}

GrowingFile GrowingFile::make(const std::string &path, std::string_view header) {
    if (header.size() > kMostHeaderBytes)
        fail(ErrorKind::file, "the header of {} would have {} bytes, {} are the most", path,
             header.size(), kMostHeaderBytes);
    GrowingFile made;
    made.path_ = path;
    made.temporary_ = path + ".XXXXXX";
    made.file_ = ::mkostemp(made.temporary_.data(), O_CLOEXEC); // 0600
    if (made.file_ < 0) {
        made.temporary_.clear();
        failWith(errno, path, "made");
    }
    ::flock(made.file_, LOCK_EX | LOCK_NB); // nobody else knows it
    Start start;
    std::ranges::copy(kMagic, start.magic.begin());
    start.header_bytes = static_cast<uint32_t>(header.size());
    made.header_ = header;
    made.start_crc_ = checksum(header.data(), header.size(), checksum(&start, sizeof start));
    made.start_bytes_ = kHeaderOffset + header.size();
    std::vector<char> bytes(made.start_bytes_, 0);
    std::memcpy(bytes.data(), &start, sizeof start);
    std::memcpy(bytes.data() + kCrcOffset, &made.start_crc_, sizeof made.start_crc_);
    std::memcpy(bytes.data() + kHeaderOffset, header.data(), header.size());
    if (int error = writeAt(made.file_, 0, bytes.data(), bytes.size()))
        failWith(error, path, "made");
    return made;
}

void GrowingFile::open(For use) {
    int flags = (use == For::writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
    file_ = ::open(path_.c_str(), flags); // a pipe must not be waited for
    if (file_ < 0)
        failWith(errno, path_, "opened");
    if (use == For::writing && ::flock(file_, LOCK_EX | LOCK_NB) != 0)
        fail(ErrorKind::file, "the kept reading {} is being written by another process", path_);
    struct stat facts {};
    if (::fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode))
        fail(ErrorKind::file, "{} is not a file", path_);
    auto file_bytes = static_cast<uint64_t>(facts.st_size);
    Start start;
    uint32_t crc = 0;
    if (!readAt(file_, 0, &start, sizeof start) ||
        std::string_view(start.magic.data(), start.magic.size()) != kMagic)
        fail(ErrorKind::file, "{} is not a kept reading ({} bytes, which do not begin with {})",
             path_, file_bytes, kMagic);
    if (start.version != kVersion)
        fail(ErrorKind::file, "the kept reading {} has version {}, this program knows {}", path_,
             start.version, kVersion);
    if (file_bytes < kHeaderOffset ||
        start.header_bytes > std::min<uint64_t>(kMostHeaderBytes, file_bytes - kHeaderOffset))
        fail(ErrorKind::file,
             "the kept reading {} is damaged: a header of {} bytes in a file of {}", path_,
             start.header_bytes, file_bytes);
    header_.resize(start.header_bytes);
    start_bytes_ = kHeaderOffset + header_.size();
    start_crc_ = readAt(file_, kHeaderOffset, header_.data(), header_.size())
                     ? checksum(header_.data(), header_.size(), checksum(&start, sizeof start))
                     : 0;
    if (!readAt(file_, kCrcOffset, &crc, sizeof crc) || crc != start_crc_)
        fail(ErrorKind::file, "the kept reading {} is damaged: the checksum of its header is wrong",
             path_);
    findBlocks(file_bytes);
}

void GrowingFile::findBlocks(uint64_t file_bytes) {
    blocks_.clear();
    BlockStart start;
    for (uint64_t at = start_bytes_; file_bytes - at >= sizeof start; at = blocks_.back().end()) {
        if (!readAt(file_, at, &start, sizeof start) || start.bytes == 0 ||
            start.bytes > file_bytes - at - sizeof start)
            break; // half a block, or none
        blocks_.push_back({at + sizeof start, start.bytes, start.crc});
    }
}

bool GrowingFile::read(size_t block, std::vector<std::byte> &bytes) const {
    bytes.resize(blocks_[block].bytes);
    return readAt(file_, blocks_[block].offset, bytes.data(), bytes.size()) &&
           blockChecksum(crcBefore(block), bytes) == blocks_[block].crc;
}

bool GrowingFile::peek(size_t block, uint64_t offset_bytes, std::span<std::byte> bytes) const {
    const Block &of = blocks_[block];
    return offset_bytes <= of.bytes && bytes.size() <= of.bytes - offset_bytes &&
           readAt(file_, of.offset + offset_bytes, bytes.data(), bytes.size());
}

void GrowingFile::append(std::span<const std::byte> bytes) {
    assert(!bytes.empty());
    uint64_t at = fileBytes();
    BlockStart start{.bytes = bytes.size(), .crc = blockChecksum(crcBefore(blocks()), bytes)};
    int error = writeAt(file_, at, &start, sizeof start);
    if (error == 0)
        error = writeAt(file_, at + sizeof start, bytes.data(), bytes.size());
    if (error != 0) {
        [[maybe_unused]] int cut = ::ftruncate(file_, static_cast<off_t>(at));
        fail(ErrorKind::file, "the kept reading {} has {} and cannot take {} more: {}", path_,
             formatBytes(at), formatBytes(bytes.size()), std::strerror(error));
    }
    blocks_.push_back({at + sizeof start, start.bytes, start.crc});
    appear();
}

void GrowingFile::appear() {
    if (temporary_.empty())
        return;
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
        failWith(errno, path_, "put in its place");
    temporary_.clear();
}

void GrowingFile::cut(size_t count) {
    if (count >= blocks())
        count = blocks(); // half a block may be behind it
    blocks_.resize(count);
    if (::ftruncate(file_, static_cast<off_t>(fileBytes())) != 0)
        failWith(errno, path_, "cut");
}

void GrowingFile::appendBlocks(const GrowingFile &from, size_t count) {
    assert(from.header_ == header_ && blocks_.empty() && count <= from.blocks());
    std::vector<std::byte> bytes;
    for (size_t block = 0; block < count && from.read(block, bytes); ++block)
        append(bytes);
}

bool GrowingFile::marked(const std::string &path) {
    GrowingFile file(path, For::reading);
    uint32_t mark = 0;
    return readAt(file.file_, kMarkOffset, &mark, sizeof mark) && mark != 0;
}

void GrowingFile::setMark(const std::string &path, bool marked) {
    GrowingFile known(path, For::reading); // that it is one
    int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    uint32_t mark = marked ? 1 : 0;
    int error = file < 0 ? errno : writeAt(file, kMarkOffset, &mark, sizeof mark);
    if (file >= 0)
        ::close(file);
    if (error != 0)
        failWith(error, path, "marked");
}

} // namespace longscope::engine
