// Files that grow by blocks: what was added is there after a crash, and no wrong byte passes.
#include "compute/engine/growing_file.h"
#include "tests/support/session_files.h"

#include <sys/stat.h>

#include <algorithm>

namespace longscope::engine {
namespace {

using For = GrowingFile::For;
using GrowingFileTest = SessionFileTest;

std::vector<std::byte> block(size_t count, int seed) {
    std::vector<std::byte> bytes(count);
    for (size_t i = 0; i < count; ++i)
        bytes[i] = static_cast<std::byte>(i * 7 + static_cast<size_t>(seed));
    return bytes;
}

std::string makeFile(const std::string &path, const std::string &header, int seed) {
    GrowingFile file = GrowingFile::make(path, header);
    for (int i = 0; i < 3; ++i)
        file.append(block(100 + static_cast<size_t>(i), seed + i));
    return bytesOf(path);
}

/// Good blocks from the beginning on.
size_t goodBlocks(const std::string &path) {
    GrowingFile file(path, For::reading);
    std::vector<std::byte> bytes;
    size_t good = 0;
    while (good < file.blocks() && file.read(good, bytes))
        ++good;
    return good;
}

TEST_F(GrowingFileTest, AppearsWithItsFirstBlockForItsOwnerAlone) {
    {
        GrowingFile never = GrowingFile::make(path(), "header");
        EXPECT_FALSE(std::filesystem::exists(path()));
    }
    EXPECT_EQ(files(), 0u);
    GrowingFile file = GrowingFile::make(path(), "header");
    file.append(block(10, 1));
    struct stat facts {};
    ASSERT_EQ(::stat(path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    EXPECT_EQ(files(), 1u);
    GrowingFile again(path(), For::reading); // while it is being written
    EXPECT_EQ(again.header(), "header");
    ASSERT_EQ(again.blocks(), 1u);
    std::vector<std::byte> bytes;
    EXPECT_TRUE(again.read(0, bytes));
    EXPECT_EQ(bytes, block(10, 1));
    std::string text = errorOf(ErrorKind::file, [&] { GrowingFile(path(), For::writing); });
    EXPECT_TRUE(holds(text, "another process")) << text;
}

TEST_F(GrowingFileTest, CutAtAnyByteLosesTheLastBlockAtMost) {
    std::string whole = makeFile(path(), "a header", 1);
    size_t starts[] = {whole.size() - 3 * 16 - 303, whole.size() - 2 * 16 - 203,
                       whole.size() - 16 - 102, whole.size()};
    for (size_t count = starts[0]; count <= whole.size(); ++count) {
        writeBytes(path(), whole.substr(0, count));
        size_t finished = 0;
        while (finished < 3 && starts[finished + 1] <= count)
            ++finished;
        ASSERT_EQ(goodBlocks(path()), finished) << count << " of " << whole.size() << " bytes";
    }
    writeBytes(path(), whole.substr(0, whole.size() - 1));
    {
        GrowingFile file(path(), For::writing);
        file.append(block(50, 9)); // in the place of half a block
    }
    EXPECT_EQ(goodBlocks(path()), 3u);
}

TEST_F(GrowingFileTest, RejectsTruncatedAndDamagedHeaders) {
    std::string whole = makeFile(path(), "a header", 1);
    size_t start = whole.size() - 3 * 16 - 303;
    for (size_t count = 0; count < start; ++count) {
        writeBytes(path("bad"), whole.substr(0, count));
        errorOf(ErrorKind::file, [&] { GrowingFile(path("bad"), For::reading); });
    }
    for (size_t at = 0; at < start; ++at) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x40);
        writeBytes(path("bad"), bad);
        bool is_mark = at >= 20 && at < 24;
        if (is_mark)
            EXPECT_EQ(goodBlocks(path("bad")), 3u);
        else
            errorOf(ErrorKind::file, [&] { GrowingFile(path("bad"), For::reading); });
    }
    errorOf(ErrorKind::file, [&] { GrowingFile(path("missing"), For::reading); });
    errorOf(ErrorKind::file, [&] { GrowingFile("/dev/null", For::reading); });
}

TEST_F(GrowingFileTest, EveryWrongByteOfABlockIsSeen) {
    std::string whole = makeFile(path(), "a header", 1);
    for (size_t at = whole.size() - 3 * 16 - 303; at < whole.size(); ++at) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        writeBytes(path("bad"), bad);
        size_t in = at < whole.size() - 2 * 16 - 203 ? 0 : at < whole.size() - 16 - 102 ? 1 : 2;
        size_t first = whole.size() - std::array{size_t{351}, size_t{235}, size_t{118}}[in];
        bool unused = at >= first + 12 && at < first + 16;
        ASSERT_EQ(goodBlocks(path("bad")), unused ? 3u : in) << "byte " << at;
    }
}

/// A loss of power may leave the file its length and zeros in place of what was written last, or in
/// between: no such block passes, nor one behind it.
TEST_F(GrowingFileTest, ZerosAreNoBlocks) {
    std::string whole = makeFile(path(), "a header", 1);
    size_t first = whole.size() - 3 * 16 - 303;
    const size_t ends[] = {whole.size() - 2 * 16 - 203, whole.size() - 16 - 102, whole.size()};
    for (size_t at = first; at < whole.size(); ++at)
        for (size_t count : {size_t{8}, size_t{64}, whole.size()}) {
            std::string bad = whole;
            bad.replace(at, count, std::min(count, whole.size() - at), '\0');
            size_t differs =
                static_cast<size_t>(std::ranges::mismatch(bad, whole).in1 - bad.begin());
            size_t good = static_cast<size_t>(std::ranges::upper_bound(ends, differs) - ends);
            writeBytes(path("bad"), bad);
            ASSERT_EQ(goodBlocks(path("bad")), good) << count << " zeros from byte " << at;
        }
}

TEST_F(GrowingFileTest, RejectsHugeCount) {
    std::string whole = makeFile(path(), "a header", 1);
    size_t at = whole.size() - 16 - 102; // the size of the last block
    for (size_t i = 0; i < 8; ++i)
        whole[at + i] = '\xff';
    writeBytes(path(), whole);
    EXPECT_EQ(goodBlocks(path()), 2u);
}

/// Blocks of two files with the same header: those of another history do not follow.
TEST_F(GrowingFileTest, BlocksOfAnotherFileDoNotFit) {
    std::string one = makeFile(path("one"), "same", 1), two = makeFile(path("two"), "same", 2);
    ASSERT_EQ(one.size(), two.size());
    size_t last = 16 + 102;
    writeBytes(path("mixed"), one.substr(0, one.size() - last) + two.substr(two.size() - last));
    EXPECT_EQ(goodBlocks(path("mixed")), 2u);
}

TEST_F(GrowingFileTest, CutsCopiesAndMarks) {
    makeFile(path(), "same", 1);
    {
        GrowingFile file(path(), For::writing);
        file.cut(1);
        EXPECT_EQ(file.blocks(), 1u);
        file.append(block(70, 5));
    }
    EXPECT_EQ(goodBlocks(path()), 2u);
    GrowingFile from(path(), For::reading), to = GrowingFile::make(path("copy"), "same");
    to.appendBlocks(from, 2);
    EXPECT_EQ(bytesOf(path("copy")), bytesOf(path()));
    EXPECT_FALSE(GrowingFile::marked(path()));
    GrowingFile::setMark(path(), true);
    EXPECT_TRUE(GrowingFile::marked(path()));
    EXPECT_EQ(goodBlocks(path()), 2u);
    GrowingFile::setMark(path(), false);
    EXPECT_FALSE(GrowingFile::marked(path()));
    writeBytes(path("text"), "a text that is no reading at all");
    errorOf(ErrorKind::file, [&] { GrowingFile::setMark(path("text"), true); });
    EXPECT_EQ(bytesOf(path("text")), "a text that is no reading at all");
}

TEST_F(GrowingFileTest, AFullDiskLeavesWhatWasThere) {
    GrowingFile file = GrowingFile::make(path(), "header");
    file.append(block(1000, 1));
    std::string before = bytesOf(path());
    {
        FileLimit limit(1500);
        std::string text = errorOf(ErrorKind::file, [&] { file.append(block(1000, 2)); });
        EXPECT_TRUE(holds(text, "1.0 kB and cannot take 1.0 kB") && holds(text, "large")) << text;
    }
    EXPECT_EQ(bytesOf(path()), before);
    file.append(block(1000, 2)); // there is room again
    EXPECT_EQ(goodBlocks(path()), 2u);
}

} // namespace
} // namespace longscope::engine
