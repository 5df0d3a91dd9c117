// A file of a header and of blocks that are added while it is used, so that whoever is killed has
// lost the last block at most. Knows nothing of what stands in them. Little-endian:
//     magic[8], u32 version, u32 header bytes, u32 CRC of all this and of the header, u32 mark
//     header
//     blocks, each: u64 bytes, u32 CRC, u32 0, bytes
// A block's CRC begins from the CRC before it: a block of another file, or of an earlier life of
// this one, does not fit. The mark is the user's, and may change at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::engine {

class GrowingFile {
  public:
    enum class For { reading, writing };
    /// One that exists. For writing it is locked; throws Error(file) with the reason: missing, not
    /// such a file, another version, a damaged header, in use by another process.
    GrowingFile(const std::string &path, For use);
    /// A new one, which has its name (of which there is no file yet) only from the first block on;
    /// nothing stays of one that never had a block. Only the user may read it. Locked.
    static GrowingFile make(const std::string &path, std::string_view header);
    GrowingFile(GrowingFile &&) noexcept;
    GrowingFile &operator=(GrowingFile &&) = delete;
    ~GrowingFile();

    const std::string &path() const { return path_; }
    const std::string &header() const { return header_; }
    uint64_t fileBytes() const { return blocks_.empty() ? start_bytes_ : blocks_.back().end(); }
    /// Blocks by what the file says of their sizes; what stands in them was not looked at.
    size_t blocks() const { return blocks_.size(); }
    uint64_t blockBytes(size_t block) const { return blocks_[block].bytes; }
    /// The whole block; false when it does not fit its CRC, or is no longer there.
    bool read(size_t block, std::vector<std::byte> &bytes) const;
    /// A part of a block, unchecked; false when it is not there.
    bool peek(size_t block, uint64_t offset_bytes, std::span<std::byte> bytes) const;

    /// On the disk as far as the system is concerned. It is not waited for (fsync): what a loss of
    /// power leaves, zeros or a half, does not fit its CRC, and is read anew as what was never
    /// kept. When it cannot be written the file is as before: throws Error(file) with path, bytes
    /// and reason.
    void append(std::span<const std::byte> bytes);
    /// Forgets the blocks from `count` on.
    void cut(size_t count);
    /// The first `count` blocks of a file with the same header.
    void appendBlocks(const GrowingFile &from, size_t count);

    static bool marked(const std::string &path); ///< throws as reading does
    static void setMark(const std::string &path, bool marked);

  private:
    struct Block {
        uint64_t offset = 0, bytes = 0; ///< of its contents
        uint32_t crc = 0;
        uint64_t end() const { return offset + bytes; }
    };
    GrowingFile() = default;
    void open(For use);
    void findBlocks(uint64_t file_bytes);
    void appear();
    uint32_t crcBefore(size_t block) const { return block ? blocks_[block - 1].crc : start_crc_; }

    std::string path_, temporary_; ///< temporary: where it is until it has its name
    int file_ = -1;
    std::string header_;
    uint64_t start_bytes_ = 0; ///< all before the first block
    uint32_t start_crc_ = 0;
    std::vector<Block> blocks_;
};

} // namespace longscope::engine
