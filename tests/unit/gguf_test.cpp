// Reads good files and refuses every kind of broken one with an Error, never with a crash.
#include "compute/model/gguf.h"

#include "compute/core/error.h"
#include "tests/support/gguf_writer.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace longscope::model {
namespace {

using testing::GgufWriter;

std::vector<std::byte> someBytes(size_t count) {
    std::vector<std::byte> out(count);
    for (size_t i = 0; i < count; ++i)
        out[i] = static_cast<std::byte>(i + 1);
    return out;
}

/// A value of each kind, an array of each, four tensors.
GgufWriter makeSmallFile() {
    GgufWriter writer;
    writer.set("k.u8", uint8_t{200}).set("k.i8", int8_t{-5}).set("k.u16", uint16_t{65535});
    writer.set("k.i16", int16_t{-300}).set("k.u32", 4000000000u).set("k.i32", -2000000000);
    writer.set("k.f32", 1e-5f).set("k.bool", true).set("k.string", "text \xC3\xA9");
    writer.set("k.u64", ~uint64_t{0}).set("k.i64", int64_t{-7}).set("k.f64", 0.1);
    writer.set("k.strings", std::vector<std::string>{"a", "", "\xFF\x01"});
    writer.set("k.ints", std::vector<int16_t>{-1, 2, 300});
    writer.set("k.counts", std::vector<uint8_t>{1, 255});
    writer.set("k.floats", std::vector<float>{0.5f, -2});
    writer.set("k.bools", std::vector<bool>{true, false}).set("k.none", std::vector<uint32_t>{});
    writer.tensor("a.weight", QuantType::q4_1, {32, 2}, someBytes(40));
    writer.tensor("b.weight", QuantType::f32, {3}, someBytes(12));
    writer.tensor("c.weight", QuantType::f16, {2, 3, 2, 1}, someBytes(24));
    writer.tensor("d.scale", QuantType::f32, {}, someBytes(4));
    return writer;
}

/// The message with which bytes are refused; fails the test when they are not.
std::string refusal(const std::vector<std::byte> &bytes, ErrorKind kind = ErrorKind::file) {
    try {
        Gguf::parse(bytes, "test.gguf");
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_NE(std::string(error.what()).find("test.gguf"), std::string::npos);
        return error.what();
    }
    ADD_FAILURE() << "was not refused";
    return "";
}

void expectRefusal(const std::vector<std::byte> &bytes, std::string_view part,
                   ErrorKind kind = ErrorKind::file) {
    std::string message = refusal(bytes, kind);
    EXPECT_NE(message.find(part), std::string::npos) << message << "\nhas no: " << part;
}

void put(std::vector<std::byte> &bytes, size_t at, auto value) {
    std::memcpy(&bytes[at], &value, sizeof(value));
}

TEST(Gguf, ReadsEveryKindOfValue) {
    auto bytes = makeSmallFile().build();
    Gguf file = Gguf::parse(bytes, "test.gguf");
    EXPECT_EQ(file.version(), 3u);
    EXPECT_EQ(file.fileBytes(), bytes.size());
    EXPECT_EQ(file.findCount("k.u8"), 200u);
    EXPECT_EQ(file.findNumber("k.i8"), -5);
    EXPECT_EQ(file.findCount("k.u16"), 65535u);
    EXPECT_EQ(file.findNumber("k.i16"), -300);
    EXPECT_EQ(file.findCount("k.u32"), 4000000000u);
    EXPECT_EQ(file.findNumber("k.i32"), -2e9);
    EXPECT_EQ(file.findNumber("k.f32"), double{1e-5f});
    EXPECT_EQ(file.findBool("k.bool"), true);
    EXPECT_EQ(file.findString("k.string"), "text \xC3\xA9");
    EXPECT_EQ(file.findCount("k.u64"), ~uint64_t{0});
    EXPECT_EQ(std::get<int64_t>(*file.find("k.i64")), -7);
    EXPECT_EQ(file.findNumber("k.f64"), 0.1);
    EXPECT_EQ(*file.findStrings("k.strings"), (std::vector<std::string>{"a", "", "\xFF\x01"}));
    EXPECT_EQ(file.findIntegers("k.ints"), (std::vector<int64_t>{-1, 2, 300}));
    EXPECT_EQ(file.findIntegers("k.counts"), (std::vector<int64_t>{1, 255}));
    EXPECT_EQ(file.findNumbers("k.floats"), (std::vector<double>{0.5, -2}));
    EXPECT_EQ(file.findNumbers("k.counts"), (std::vector<double>{1, 255}));
    EXPECT_EQ(file.findIntegers("k.bools"), (std::vector<int64_t>{1, 0}));
    EXPECT_TRUE(file.findStrings("k.none")->empty());
    EXPECT_EQ(file.find("absent"), nullptr);
    EXPECT_EQ(file.findStrings("absent"), nullptr);
    EXPECT_EQ(file.findCount("absent"), std::nullopt);
    EXPECT_EQ(file.metadata().front().first, "k.u8");
    EXPECT_EQ(file.metadata().size(), 18u);
}

TEST(Gguf, RefusesValuesOfAnotherType) {
    auto bytes = makeSmallFile().build();
    Gguf file = Gguf::parse(bytes, "test.gguf");
    EXPECT_THROW(file.findCount("k.i8"), Error);
    EXPECT_THROW(file.findCount("k.f32"), Error);
    EXPECT_THROW(file.findCount("k.string"), Error);
    EXPECT_THROW(file.findNumber("k.bool"), Error);
    EXPECT_THROW(file.findNumber("k.ints"), Error);
    EXPECT_THROW(file.findString("k.u8"), Error);
    EXPECT_THROW(file.findBool("k.u8"), Error);
    EXPECT_THROW(file.findStrings("k.ints"), Error);
    EXPECT_THROW(file.findStrings("k.string"), Error);
    EXPECT_THROW(file.findIntegers("k.floats"), Error);
    EXPECT_THROW(file.findNumbers("k.strings"), Error);
    try {
        file.findCount("k.string");
    } catch (const Error &error) {
        EXPECT_STREQ(error.what(), "test.gguf: key k.string is the string 'text \xC3\xA9', "
                                   "expected a whole number, 0 or more");
    }
}

TEST(Gguf, ReadsTensors) {
    for (uint64_t alignment : {1, 8, 32, 4096}) {
        GgufWriter writer = makeSmallFile();
        writer.alignment = alignment;
        auto bytes = writer.build();
        Gguf file = Gguf::parse(bytes, "test.gguf");
        ASSERT_EQ(file.tensors().size(), 4u);
        const Tensor *a = file.findTensor("a.weight"), *c = file.findTensor("c.weight");
        ASSERT_TRUE(a && c);
        EXPECT_EQ(a->type, QuantType::q4_1);
        EXPECT_EQ(a->columns(), 32u);
        EXPECT_EQ(a->rows(), 2u);
        ASSERT_EQ(a->bytes.size(), 40u);
        EXPECT_EQ(a->bytes[39], std::byte{40});
        EXPECT_EQ(c->rows(), 6u);
        EXPECT_EQ(c->elements(), 12u);
        EXPECT_EQ(c->bytes[0], std::byte{1});
        EXPECT_EQ(file.findTensor("d.scale")->elements(), 1u);
        EXPECT_EQ(file.findTensor("e.weight"), nullptr);
    }
}

TEST(Gguf, ReadsVersion2AndFilesWithoutTensors) {
    GgufWriter writer;
    writer.version = 2;
    writer.set("general.architecture", "llama");
    auto bytes = writer.build();
    Gguf file = Gguf::parse(bytes, "test.gguf");
    EXPECT_EQ(file.version(), 2u);
    EXPECT_TRUE(file.tensors().empty());
    bytes.resize(bytes.size() - bytes.size() % 32); // without the padding before no data
    EXPECT_NO_THROW(Gguf::parse(GgufWriter().build(), "test.gguf"));
}

TEST(Gguf, RejectsTruncated) {
    auto bytes = makeSmallFile().build();
    // The last tensor takes 4 bytes; behind it is padding.
    size_t needed = bytes.size() - 28;
    for (size_t size = 0; size < needed; ++size) {
        std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
        refusal(cut);
    }
    bytes.resize(needed);
    EXPECT_NO_THROW(Gguf::parse(bytes, "test.gguf"));
}

TEST(Gguf, SurvivesBitFlips) {
    const auto bytes = makeSmallFile().build();
    size_t refused = 0;
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        try {
            Gguf file = Gguf::parse(flipped, "test.gguf");
            for (const Tensor &tensor : file.tensors()) {
                std::vector<float> row(tensor.columns());
                dequantizeRow(tensor.type, tensor.bytes.data(), row);
            }
        } catch (const Error &) {
            ++refused;
        }
    }
    EXPECT_GT(refused, bytes.size()); // most of the header means something
}

TEST(Gguf, RejectsOtherFiles) {
    auto bytes = makeSmallFile().build();
    expectRefusal({}, "is empty");
    auto other = bytes;
    other[0] = std::byte{'X'};
    expectRefusal(other, "is no GGUF file: it begins with the bytes 58475546");
    other = bytes;
    put(other, 4, uint32_t{1});
    expectRefusal(other, "is GGUF version 1; versions 2 and 3 are read");
    put(other, 4, uint32_t{4});
    expectRefusal(other, "is GGUF version 4");
    put(other, 4, uint32_t{0x03000000});
    expectRefusal(other, "is a big-endian GGUF file (version 3)");
}

TEST(Gguf, RejectsHugeCount) {
    auto bytes = makeSmallFile().build();
    for (uint64_t count : {uint64_t{1000000000}, ~uint64_t{0}, uint64_t{1} << 60}) {
        auto huge = bytes;
        put(huge, 8, count);
        expectRefusal(huge, "tensors at byte 8");
        huge = bytes;
        put(huge, 16, count);
        expectRefusal(huge, "keys at byte 16");
    }
}

/// The bytes after a key: type, then the parts.
std::vector<std::byte> rawValue(uint32_t type, auto... parts) {
    std::vector<std::byte> out(sizeof(type));
    std::memcpy(out.data(), &type, sizeof(type));
    [[maybe_unused]] auto append = [&](auto part) {
        auto bytes = std::as_bytes(std::span(&part, 1));
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    (append(parts), ...);
    return out;
}

TEST(Gguf, RejectsHugeStringsAndArrays) {
    constexpr uint32_t kU8 = 0, kU64 = 10, kString = 8, kArray = 9;
    auto refuse = [](std::vector<std::byte> raw, std::string_view part) {
        expectRefusal(GgufWriter().setRaw("key", std::move(raw)).build(), part);
    };
    for (uint64_t count : {uint64_t{1} << 40, ~uint64_t{0}, uint64_t{1} << 61}) {
        refuse(rawValue(kString, count), "is truncated: key");
        refuse(rawValue(kArray, kU8, count), "array elements");
        refuse(rawValue(kArray, kU64, count), "array elements");
        refuse(rawValue(kArray, kString, count), "strings");
        refuse(rawValue(kArray, uint32_t{7}, count), "booleans");
    }
    refuse(rawValue(kArray, kArray, uint64_t{1}), "array of arrays");
    refuse(rawValue(kArray, uint32_t{13}, uint64_t{0}), "unknown type 13");
    refuse(rawValue(99), "unknown type 99");
    refuse(rawValue(7, uint8_t{2}), "boolean of value 2");
}

TEST(Gguf, RejectsBadShapes) {
    auto refuse = [](std::vector<uint64_t> shape, std::string_view part,
                     QuantType type = QuantType::f32) {
        GgufWriter writer = makeSmallFile();
        writer.tensors()[1].shape = std::move(shape);
        writer.tensors()[1].type = static_cast<uint32_t>(type);
        expectRefusal(writer.build(), part);
    };
    refuse({1, 1, 1, 1, 1}, "5 dimensions");
    refuse({0}, "dimension of 0");
    refuse({3, 0}, "dimension of 0");
    refuse({uint64_t{1} << 32, uint64_t{1} << 32}, "more elements than 64 bits");
    refuse({uint64_t{1} << 62, 3}, "more bytes than 64 bits");
    refuse({uint64_t{1} << 40}, "is truncated: tensor b.weight needs 4398046511104 bytes");
    refuse({33}, "rows of 33, no multiple of the 32 of a Q8_0 block", QuantType::q8_0);
    refuse({128, 2}, "no multiple of the 256 of a Q4_K block", QuantType::q4_k);
}

TEST(Gguf, RejectsBadOffsets) {
    auto refuse = [](uint64_t offset, std::string_view part) {
        GgufWriter writer = makeSmallFile();
        writer.tensors()[1].offset = offset;
        expectRefusal(writer.build(), part);
    };
    refuse(65, "begins at byte 65, not aligned to 32");
    refuse(32, "tensors a.weight and b.weight overlap");
    refuse(0, "overlap");
    refuse(1 << 20, "is truncated: tensor b.weight");
    refuse(~uint64_t{31}, "is truncated: tensor b.weight");
}

TEST(Gguf, RejectsBadAlignment) {
    for (uint32_t alignment : {0u, 3u, 48u, 1u << 31})
        expectRefusal(makeSmallFile().set("general.alignment", alignment).build(),
                      "general.alignment is " + std::to_string(alignment));
    expectRefusal(makeSmallFile().set("general.alignment", "32").build(),
                  "expected an unsigned number");
}

TEST(Gguf, RejectsDuplicates) {
    GgufWriter writer = makeSmallFile();
    writer.tensors()[2].name = "a.weight";
    expectRefusal(writer.build(), "tensor a.weight occurs twice");
    auto bytes = makeSmallFile().build();
    std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    bytes[text.find("k.i8") + 2] = std::byte{'u'};
    expectRefusal(bytes, "key k.u8 occurs twice");
}

TEST(Gguf, RefusesTypesWithASuggestion) {
    GgufWriter writer = makeSmallFile();
    auto refuse = [&](uint32_t type, std::string known) {
        writer.tensors()[0].type = type;
        expectRefusal(writer.build(),
                      "tensor a.weight is " + known +
                          ", which this program cannot read as weights; fetch another file of the "
                          "same model, such as Q4_K_M or Q8_0",
                      ErrorKind::model);
    };
    refuse(9, "Q8_1 (type 9)");
    refuse(24, "I8 (type 24)");
    refuse(31, "Q4_0_4_4 (type 31)");
    refuse(77, "of the unknown type 77");
}

TEST(Gguf, MessagesShowNoControlCharacters) {
    GgufWriter writer = makeSmallFile();
    writer.tensors()[0].name = "\x1B[31m\xFF" + std::string(500, 'x');
    writer.tensors()[0].type = 77;
    std::string message = refusal(writer.build(), ErrorKind::model);
    EXPECT_EQ(message.find('\x1B'), std::string::npos);
    EXPECT_LT(message.size(), 300u);
}

/// A folder of its own that goes away with the test.
class GgufFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        folder_ = std::filesystem::temp_directory_path() /
                  ("longscope_gguf_" + std::to_string(::getpid()));
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string path(std::string_view name) const { return folder_ / name; }
    std::string shard(int number, int count = 3) const {
        return path(std::format("m-{:05}-of-{:05}.gguf", number, count));
    }
    /// Three shards with a tensor each; split.no may be wrong on purpose.
    void saveShards(int off_by = 0, int32_t total = 3) const {
        for (int i = 1; i <= 3; ++i) {
            GgufWriter writer;
            if (i == 1)
                writer.set("general.name", "three");
            writer.set("split.no", static_cast<uint16_t>(i - 1 + off_by));
            writer.set("split.count", uint16_t{3}).set("split.tensors.count", total);
            writer.tensor(std::format("t{}.weight", i), QuantType::f32, {4}, someBytes(16));
            writer.save(shard(i));
        }
    }
    std::string openRefusal(const std::string &file) const {
        try {
            Gguf::open(file);
        } catch (const Error &error) {
            EXPECT_EQ(error.kind(), ErrorKind::file);
            return error.what();
        }
        ADD_FAILURE() << file << " was not refused";
        return "";
    }
    void expectOpenRefusal(const std::string &file, std::string_view part) const {
        std::string message = openRefusal(file);
        EXPECT_NE(message.find(part), std::string::npos) << message << "\nhas no: " << part;
    }

    std::filesystem::path folder_;
};

TEST_F(GgufFiles, OpensAFileAndForgetsPages) {
    GgufWriter writer = makeSmallFile();
    writer.tensor("big", QuantType::f32, {16384}, someBytes(65536));
    writer.save(path("one.gguf"));
    Gguf file = Gguf::open(path("one.gguf"));
    EXPECT_EQ(file.path(), path("one.gguf"));
    const Tensor *big = file.findTensor("big");
    std::vector<std::byte> before(big->bytes.begin(), big->bytes.end());
    file.forget(big->bytes);
    EXPECT_TRUE(std::ranges::equal(before, big->bytes)); // they come back from the file
    file.forget(before);                                 // not ours: left alone
    EXPECT_TRUE(std::ranges::equal(before, big->bytes));
    Gguf moved = std::move(file);
    EXPECT_EQ(moved.findTensor("big")->bytes.data(), big->bytes.data());
}

TEST_F(GgufFiles, RefusesWhatIsNoFile) {
    expectOpenRefusal(path("missing.gguf"), "cannot open");
    expectOpenRefusal(folder_.string(), "is a directory");
    expectOpenRefusal("/dev/null", "is no regular file");
    std::ofstream(path("empty.gguf")).flush();
    expectOpenRefusal(path("empty.gguf"), "is empty");
}

TEST_F(GgufFiles, JoinsShardsFromAnyOfThem) {
    saveShards();
    for (int i = 1; i <= 3; ++i) {
        Gguf file = Gguf::open(shard(i));
        EXPECT_EQ(file.path(), shard(i));
        EXPECT_EQ(file.tensors().size(), 3u);
        EXPECT_EQ(file.findString("general.name"), "three");
        EXPECT_EQ(file.findTensor("t3.weight")->bytes[15], std::byte{16});
        EXPECT_GT(file.fileBytes(), 3 * 64u);
    }
}

TEST_F(GgufFiles, RefusesShardsThatDoNotFit) {
    saveShards(1);
    expectOpenRefusal(shard(2), "split.no is 1, expected 0 by the name of the file");
    saveShards(0, 4);
    expectOpenRefusal(shard(1), "split.tensors.count is 4, the 3 shards hold 3 tensors");
    saveShards();
    std::filesystem::copy_file(shard(1), path("renamed.gguf"));
    expectOpenRefusal(path("renamed.gguf"), "is one of 3 shards, but its name");
    std::filesystem::remove(shard(3));
    expectOpenRefusal(shard(1), "m-00003-of-00003.gguf");
    makeSmallFile().save(shard(1, 2));
    expectOpenRefusal(shard(1, 2), "split.count is missing or no count, expected 2");
    makeSmallFile().save(shard(1, 1));
    EXPECT_NO_THROW(Gguf::open(shard(1, 1))); // a single one needs no keys
}

} // namespace
} // namespace longscope::model
