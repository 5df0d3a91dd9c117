#include "compute/model/gguf_reader.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <unordered_set>

namespace longscope::model {
namespace {

constexpr uint32_t kMagic = 0x46554747; // "GGUF"
constexpr uint64_t kDefaultAlignment = 32, kMaxAlignment = 1 << 24;
constexpr uint32_t kMaxDimensions = 4;
// The least bytes that a key and a tensor take; they bound the counts that a file may claim.
constexpr uint64_t kLeastKeyBytes = 8 + 4 + 1, kLeastTensorBytes = 8 + 4 + 4 + 8;

enum class ValueType : uint32_t {
    u8 = 0,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64,
};

static_assert(std::endian::native == std::endian::little, "GGUF is read without swapping bytes");

/// Reads forward through the bytes; every read is checked against what is left.
class Cursor {
  public:
    Cursor(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

    uint64_t position() const { return at_; }
    uint64_t left() const { return bytes_.size() - at_; }
    std::string_view file() const { return file_; }

    void require(uint64_t wanted, std::string_view what) const {
        if (wanted > left())
            fail(ErrorKind::file,
                 "{} is truncated: {} at byte {} needs {} bytes, {} are left of {}", file_,
                 printable(what), at_, wanted, left(), bytes_.size());
    }

    template <class T> T read(std::string_view what) {
        require(sizeof(T), what);
        T value;
        std::memcpy(&value, bytes_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }

    std::string_view readText(std::string_view what) {
        uint64_t length = read<uint64_t>(what);
        require(length, what);
        std::string_view text(reinterpret_cast<const char *>(bytes_.data()) + at_, length);
        at_ += length;
        return text;
    }

    /// A count of things that take at least `least_bytes` each.
    uint64_t readCount(uint64_t least_bytes, std::string_view what) {
        uint64_t at = at_, count = read<uint64_t>(what);
        checkCount(count, least_bytes, what, at);
        return count;
    }

    void checkCount(uint64_t count, uint64_t least_bytes, std::string_view what,
                    uint64_t at) const {
        if (count > left() / least_bytes)
            fail(ErrorKind::file,
                 "{} claims {} {} at byte {}, but its {} remaining bytes hold at most {}", file_,
                 count, what, at, left(), left() / least_bytes);
    }

  private:
    std::span<const std::byte> bytes_;
    std::string_view file_;
    uint64_t at_ = 0;
};

bool readBool(Cursor &in, std::string_view key) {
    uint8_t value = in.read<uint8_t>(key);
    if (value > 1)
        fail(ErrorKind::file, "{}: key {} is a boolean of value {}, expected 0 or 1", in.file(),
             printable(key), value);
    return value == 1;
}

/// Elements of type T, widened to the Wide of their kind.
template <class T, class Wide>
std::vector<Wide> readNumbers(Cursor &in, uint64_t count, std::string_view key) {
    in.checkCount(count, sizeof(T), "array elements", in.position());
    std::vector<Wide> out;
    out.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
        out.push_back(in.read<T>(key));
    return out;
}

std::vector<std::string> readStrings(Cursor &in, uint64_t count, std::string_view key) {
    in.checkCount(count, sizeof(uint64_t), "strings", in.position());
    std::vector<std::string> out;
    out.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
        out.emplace_back(in.readText(key));
    return out;
}

std::vector<uint64_t> readBools(Cursor &in, uint64_t count, std::string_view key) {
    in.checkCount(count, 1, "booleans", in.position());
    std::vector<uint64_t> out;
    out.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
        out.push_back(readBool(in, key));
    return out;
}

Array readArray(Cursor &in, std::string_view key) {
    uint32_t type = in.read<uint32_t>(key);
    uint64_t count = in.read<uint64_t>(key);
    switch (ValueType{type}) {
    case ValueType::u8:
        return readNumbers<uint8_t, uint64_t>(in, count, key);
    case ValueType::u16:
        return readNumbers<uint16_t, uint64_t>(in, count, key);
    case ValueType::u32:
        return readNumbers<uint32_t, uint64_t>(in, count, key);
    case ValueType::u64:
        return readNumbers<uint64_t, uint64_t>(in, count, key);
    case ValueType::i8:
        return readNumbers<int8_t, int64_t>(in, count, key);
    case ValueType::i16:
        return readNumbers<int16_t, int64_t>(in, count, key);
    case ValueType::i32:
        return readNumbers<int32_t, int64_t>(in, count, key);
    case ValueType::i64:
        return readNumbers<int64_t, int64_t>(in, count, key);
    case ValueType::f32:
        return readNumbers<float, double>(in, count, key);
    case ValueType::f64:
        return readNumbers<double, double>(in, count, key);
    case ValueType::boolean:
        return readBools(in, count, key);
    case ValueType::string:
        return readStrings(in, count, key);
    case ValueType::array:
        fail(ErrorKind::file, "{}: key {} is an array of arrays, which GGUF readers do not take",
             in.file(), printable(key));
    }
    fail(ErrorKind::file, "{}: key {} is an array of the unknown type {}", in.file(),
         printable(key), type);
}

Value readValue(Cursor &in, std::string_view key) {
    uint32_t type = in.read<uint32_t>(key);
    switch (ValueType{type}) {
    case ValueType::u8:
        return uint64_t{in.read<uint8_t>(key)};
    case ValueType::u16:
        return uint64_t{in.read<uint16_t>(key)};
    case ValueType::u32:
        return uint64_t{in.read<uint32_t>(key)};
    case ValueType::u64:
        return in.read<uint64_t>(key);
    case ValueType::i8:
        return int64_t{in.read<int8_t>(key)};
    case ValueType::i16:
        return int64_t{in.read<int16_t>(key)};
    case ValueType::i32:
        return int64_t{in.read<int32_t>(key)};
    case ValueType::i64:
        return in.read<int64_t>(key);
    case ValueType::f32:
        return double{in.read<float>(key)};
    case ValueType::f64:
        return in.read<double>(key);
    case ValueType::boolean:
        return readBool(in, key);
    case ValueType::string:
        return std::string(in.readText(key));
    case ValueType::array:
        return readArray(in, key);
    }
    fail(ErrorKind::file, "{}: key {} has the unknown type {}", in.file(), printable(key), type);
}

uint32_t readVersion(Cursor &in) {
    uint32_t magic = in.read<uint32_t>("the magic number");
    if (magic != kMagic)
        fail(ErrorKind::file, "{} is no GGUF file: it begins with the bytes {:08x}, not 'GGUF'",
             in.file(), std::byteswap(magic));
    uint32_t version = in.read<uint32_t>("the version");
    if (version != 0 && (version & 0xFFFF) == 0)
        fail(ErrorKind::file,
             "{} is a big-endian GGUF file (version {}); only little-endian ones are read",
             in.file(), std::byteswap(version));
    if (version != 2 && version != 3)
        fail(ErrorKind::file, "{} is GGUF version {}; versions 2 and 3 are read{}", in.file(),
             version, version == 1 ? ": convert it or fetch a newer file of this model" : "");
    return version;
}

uint64_t readAlignment(const GgufHeader &header, std::string_view file) {
    for (const auto &[key, value] : header.metadata) {
        if (key != "general.alignment")
            continue;
        const auto *count = std::get_if<uint64_t>(&value);
        if (!count)
            fail(ErrorKind::file, "{}: general.alignment is {}, expected an unsigned number", file,
                 describeValue(value));
        if (!std::has_single_bit(*count) || *count > kMaxAlignment)
            fail(ErrorKind::file, "{}: general.alignment is {}, expected a power of two up to {}",
                 file, *count, kMaxAlignment);
        return *count;
    }
    return kDefaultAlignment;
}

[[noreturn]] void refuseType(Cursor &in, std::string_view tensor, uint32_t type,
                             const QuantTraits *traits) {
    std::string known = traits ? std::format("{} (type {})", traits->name, type)
                               : std::format("of the unknown type {}", type);
    fail(ErrorKind::model,
         "{}: tensor {} is {}, which this program cannot read as weights; fetch another file of "
         "the same model, such as Q4_K_M or Q8_0",
         in.file(), printable(tensor), known);
}

/// Bytes of the tensor; its products are checked for overflow as they grow.
uint64_t tensorBytes(Cursor &in, const Tensor &tensor, const QuantTraits &traits) {
    uint64_t elements = 1, bytes = 0;
    for (uint64_t size : tensor.shape) {
        if (size == 0)
            fail(ErrorKind::file, "{}: tensor {} has a dimension of 0", in.file(),
                 printable(tensor.name));
        if (__builtin_mul_overflow(elements, size, &elements))
            fail(ErrorKind::file, "{}: tensor {} has more elements than 64 bits count", in.file(),
                 printable(tensor.name));
    }
    if (tensor.columns() % traits.block_elements != 0)
        fail(ErrorKind::file, "{}: tensor {} has rows of {}, no multiple of the {} of a {} block",
             in.file(), printable(tensor.name), tensor.columns(), traits.block_elements,
             traits.name);
    uint64_t blocks = elements / traits.block_elements;
    if (__builtin_mul_overflow(blocks, uint64_t{traits.block_bytes}, &bytes))
        fail(ErrorKind::file, "{}: tensor {} has more bytes than 64 bits count", in.file(),
             printable(tensor.name));
    return bytes;
}

struct Placement {
    uint64_t offset = 0; ///< from the start of the data
    uint64_t size_bytes = 0;
    const Tensor *tensor = nullptr;
};

Tensor readTensor(Cursor &in, Placement &place) {
    Tensor tensor;
    tensor.name = in.readText("a tensor name");
    uint32_t dimensions = in.read<uint32_t>("a tensor's dimensions");
    if (dimensions > kMaxDimensions)
        fail(ErrorKind::file, "{}: tensor {} has {} dimensions, at most {} are possible", in.file(),
             printable(tensor.name), dimensions, kMaxDimensions);
    for (uint32_t i = 0; i < dimensions; ++i)
        tensor.shape.push_back(in.read<uint64_t>("a tensor's shape"));
    uint32_t type = in.read<uint32_t>("a tensor's type");
    const QuantTraits *traits = findQuantTraits(type);
    if (!traits || !traits->supported)
        refuseType(in, tensor.name, type, traits);
    tensor.type = traits->type;
    place.offset = in.read<uint64_t>("a tensor's offset");
    place.size_bytes = tensorBytes(in, tensor, *traits);
    return tensor;
}

void checkOverlap(std::vector<Placement> places, std::string_view file) {
    std::ranges::sort(places, {}, &Placement::offset);
    for (size_t i = 1; i < places.size(); ++i) {
        const Placement &before = places[i - 1], &after = places[i];
        if (before.offset + before.size_bytes > after.offset)
            fail(ErrorKind::file,
                 "{}: tensors {} and {} overlap (bytes {} + {} and {} + {} of the data)", file,
                 printable(before.tensor->name), printable(after.tensor->name), before.offset,
                 before.size_bytes, after.offset, after.size_bytes);
    }
}

/// Sets the spans. `data_start` may lie behind the end when no tensor needs it.
void placeTensors(std::span<const std::byte> bytes, uint64_t data_start, uint64_t alignment,
                  std::vector<Placement> &places, GgufHeader &header, std::string_view file) {
    uint64_t data_bytes = data_start < bytes.size() ? bytes.size() - data_start : 0;
    for (size_t i = 0; i < places.size(); ++i) {
        Tensor &tensor = header.tensors[i];
        Placement &place = places[i];
        place.tensor = &tensor;
        if (place.offset % alignment != 0)
            fail(ErrorKind::file, "{}: tensor {} begins at byte {}, not aligned to {}", file,
                 printable(tensor.name), place.offset, alignment);
        if (place.size_bytes > data_bytes || place.offset > data_bytes - place.size_bytes)
            fail(ErrorKind::file,
                 "{} is truncated: tensor {} needs {} bytes at byte {} of the data, which has {}",
                 file, printable(tensor.name), place.size_bytes, place.offset, data_bytes);
        tensor.bytes = bytes.subspan(data_start + place.offset, place.size_bytes);
    }
    checkOverlap(places, file);
}

void readMetadata(Cursor &in, uint64_t keys, GgufHeader &header) {
    std::unordered_set<std::string_view> seen;
    header.metadata.reserve(keys);
    for (uint64_t i = 0; i < keys; ++i) {
        std::string_view key = in.readText("a key");
        if (!seen.insert(key).second)
            fail(ErrorKind::file, "{}: key {} occurs twice", in.file(), printable(key));
        header.metadata.emplace_back(key, readValue(in, key));
    }
}

} // namespace

GgufHeader parseGguf(std::span<const std::byte> bytes, std::string_view name) {
    if (bytes.empty())
        fail(ErrorKind::file, "{} is empty, expected a GGUF file", name);
    Cursor in(bytes, name);
    GgufHeader header;
    header.version = readVersion(in);
    uint64_t tensors = in.readCount(kLeastTensorBytes, "tensors");
    uint64_t keys = in.readCount(kLeastKeyBytes, "keys");
    readMetadata(in, keys, header);
    uint64_t alignment = readAlignment(header, name);

    in.checkCount(tensors, kLeastTensorBytes, "tensors", 8);
    std::vector<Placement> places(tensors);
    header.tensors.reserve(tensors);
    for (uint64_t i = 0; i < tensors; ++i)
        header.tensors.push_back(readTensor(in, places[i]));
    uint64_t data_start = (in.position() + alignment - 1) / alignment * alignment;
    placeTensors(bytes, data_start, alignment, places, header, name);
    return header;
}

std::string describeValue(const Value &value) {
    if (const auto *array = std::get_if<Array>(&value)) {
        size_t count = std::visit([](const auto &items) { return items.size(); }, *array);
        bool strings = std::holds_alternative<std::vector<std::string>>(*array);
        return std::format("an array of {} {}", count, strings ? "strings" : "numbers");
    }
    if (const auto *text = std::get_if<std::string>(&value))
        return std::format("the string '{}'", printable(*text));
    if (const auto *flag = std::get_if<bool>(&value))
        return std::format("the boolean {}", *flag);
    if (const auto *number = std::get_if<double>(&value))
        return std::format("the number {}", *number);
    if (const auto *number = std::get_if<int64_t>(&value))
        return std::format("the number {}", *number);
    return std::format("the number {}", std::get<uint64_t>(value));
}

std::string printable(std::string_view text) {
    constexpr size_t kMaxBytes = 80;
    bool long_text = text.size() > kMaxBytes;
    std::string out = repairUtf8(text.substr(0, kMaxBytes));
    for (char &c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            c = '?';
    }
    return long_text ? out + "..." : out;
}

} // namespace longscope::model
