// Maps GGUF files, joins shards and answers questions on metadata; gguf_reader.cpp parses.
#include "compute/model/gguf.h"

#include "compute/core/error.h"
#include "compute/model/gguf_reader.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace longscope::model {
namespace {

/// A whole file, mapped read-only.
class Mapping {
  public:
    explicit Mapping(const std::string &path) {
        // Not blocking: a pipe is opened at once and then refused.
        int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file < 0)
            fail(ErrorKind::file, "cannot open {}: {}", path, std::strerror(errno));
        std::string problem = map(file);
        ::close(file);
        if (!problem.empty())
            fail(ErrorKind::file, "{} {}", path, problem);
    }
    Mapping(Mapping &&other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping &operator=(Mapping &&) = delete;
    ~Mapping() {
        if (data_)
            ::munmap(data_, size_);
    }

    std::span<const std::byte> bytes() const {
        return {static_cast<const std::byte *>(data_), size_};
    }

  private:
    /// "" or why the file cannot be mapped.
    std::string map(int file) {
        struct stat info = {};
        if (::fstat(file, &info) != 0)
            return std::format("cannot be examined: {}", std::strerror(errno));
        if (S_ISDIR(info.st_mode))
            return "is a directory, expected a GGUF file";
        if (!S_ISREG(info.st_mode))
            return "is no regular file, expected a GGUF file";
        size_ = static_cast<size_t>(info.st_size);
        if (size_ == 0)
            return "is empty, expected a GGUF file";
        void *data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED)
            return std::format("cannot be mapped ({} bytes): {}", size_, std::strerror(errno));
        data_ = data;
        return "";
    }

    void *data_ = nullptr;
    size_t size_ = 0;
};

/// `STEM-00002-of-00003.gguf`
struct ShardName {
    std::string stem;
    uint32_t number = 1, count = 1; ///< number from 1
    std::string path(uint32_t i) const {
        return std::format("{}-{:05}-of-{:05}.gguf", stem, i, count);
    }
};

std::optional<ShardName> findShardName(const std::string &path) {
    constexpr std::string_view kPattern = "-00000-of-00000.gguf";
    if (path.size() <= kPattern.size())
        return std::nullopt;
    std::string_view tail = std::string_view(path).substr(path.size() - kPattern.size());
    for (size_t i = 0; i < kPattern.size(); ++i) {
        bool digit = tail[i] >= '0' && tail[i] <= '9';
        if (kPattern[i] == '0' ? !digit : tail[i] != kPattern[i])
            return std::nullopt;
    }
    ShardName name;
    name.stem = path.substr(0, path.size() - kPattern.size());
    std::from_chars(tail.data() + 1, tail.data() + 6, name.number);
    std::from_chars(tail.data() + 10, tail.data() + 15, name.count);
    if (name.number < 1 || name.number > name.count)
        return std::nullopt;
    return name;
}

std::optional<uint64_t> findHeaderCount(const GgufHeader &header, std::string_view key) {
    for (const auto &[name, value] : header.metadata) {
        if (name != key)
            continue;
        if (const auto *count = std::get_if<uint64_t>(&value))
            return *count;
        if (const auto *count = std::get_if<int64_t>(&value); count && *count >= 0)
            return static_cast<uint64_t>(*count);
        return std::nullopt;
    }
    return std::nullopt;
}

void checkShard(const GgufHeader &header, const ShardName &shard, const std::string &path) {
    auto check = [&](std::string_view key, uint64_t wanted) {
        std::optional<uint64_t> found = findHeaderCount(header, key);
        if (found != wanted)
            fail(ErrorKind::file, "{}: {} is {}, expected {} by the name of the file", path, key,
                 found ? std::to_string(*found) : "missing or no count", wanted);
    };
    check("split.count", shard.count);
    check("split.no", shard.number - 1);
}

bool contains(std::span<const std::byte> outer, std::span<const std::byte> inner) {
    return std::less_equal<>()(outer.data(), inner.data()) &&
           std::less_equal<>()(inner.data() + inner.size(), outer.data() + outer.size());
}

constexpr double kTwoTo64 = 18446744073709551616.0;

/// nullopt when the value is no whole number >= 0 that 64 bits hold.
std::optional<uint64_t> asCount(const Value &value) {
    if (const auto *number = std::get_if<uint64_t>(&value))
        return *number;
    if (const auto *number = std::get_if<int64_t>(&value); number && *number >= 0)
        return static_cast<uint64_t>(*number);
    if (const auto *number = std::get_if<double>(&value);
        number && *number >= 0 && *number < kTwoTo64 && *number == std::trunc(*number))
        return static_cast<uint64_t>(*number);
    return std::nullopt;
}

} // namespace

uint64_t Tensor::rows() const {
    uint64_t rows = 1;
    for (size_t i = 1; i < shape.size(); ++i)
        rows *= shape[i];
    return rows;
}

uint64_t Tensor::elements() const {
    return columns() * rows();
}

std::vector<float> dequantized(const Tensor &tensor) {
    std::vector<float> values(tensor.elements()); // rows are whole blocks and follow one another
    dequantizeRow(tensor.type, tensor.bytes.data(), values);
    return values;
}

struct Gguf::Impl {
    std::string path;
    std::vector<Mapping> mappings;
    uint64_t file_bytes = 0;
    GgufHeader header; ///< of the first shard, with the tensors of all
    std::unordered_map<std::string_view, size_t> keys, tensors;

    void append(std::vector<Tensor> &&more) {
        auto &all = header.tensors;
        all.insert(all.end(), std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
    }

    /// The maps view the names, so they are made when the vectors have stopped growing.
    void index() {
        for (size_t i = 0; i < header.metadata.size(); ++i)
            keys.emplace(header.metadata[i].first, i);
        for (size_t i = 0; i < header.tensors.size(); ++i) {
            if (!tensors.emplace(header.tensors[i].name, i).second)
                fail(ErrorKind::file, "{}: tensor {} occurs twice", path,
                     printable(header.tensors[i].name));
        }
    }

    void refuseLoneShard() const {
        uint64_t count = findHeaderCount(header, "split.count").value_or(0);
        if (count > 1)
            fail(ErrorKind::file,
                 "{} is one of {} shards, but its name does not end in -0000i-of-{:05}.gguf, so "
                 "the others cannot be found",
                 path, count, count);
    }

    void openShards(const ShardName &shard) {
        for (uint32_t i = 1; i <= shard.count; ++i) {
            std::string shard_path = shard.path(i);
            mappings.emplace_back(shard_path);
            GgufHeader next = parseGguf(mappings.back().bytes(), shard_path);
            checkShard(next, {shard.stem, i, shard.count}, shard_path);
            file_bytes += mappings.back().bytes().size();
            if (i == 1)
                header = std::move(next);
            else
                append(std::move(next.tensors));
        }
        auto wanted = findHeaderCount(header, "split.tensors.count");
        if (wanted && *wanted != header.tensors.size())
            fail(ErrorKind::file, "{}: split.tensors.count is {}, the {} shards hold {} tensors",
                 path, *wanted, shard.count, header.tensors.size());
    }
};

Gguf::Gguf() : impl_(std::make_unique<Impl>()) {}
Gguf::Gguf(Gguf &&) noexcept = default;
Gguf &Gguf::operator=(Gguf &&) noexcept = default;
Gguf::~Gguf() = default;

Gguf Gguf::open(const std::string &path) {
    Gguf file;
    Impl &impl = *file.impl_;
    impl.path = path;
    std::optional<ShardName> shard = findShardName(path);
    if (shard && shard->count > 1) {
        impl.openShards(*shard);
    } else {
        impl.mappings.emplace_back(path);
        impl.file_bytes = impl.mappings.back().bytes().size();
        impl.header = parseGguf(impl.mappings.back().bytes(), path);
        impl.refuseLoneShard();
    }
    impl.index();
    return file;
}

Gguf Gguf::parse(std::span<const std::byte> bytes, std::string_view name) {
    Gguf file;
    Impl &impl = *file.impl_;
    impl.path = name;
    impl.file_bytes = bytes.size();
    impl.header = parseGguf(bytes, name);
    impl.refuseLoneShard();
    impl.index();
    return file;
}

const std::string &Gguf::path() const {
    return impl_->path;
}
uint32_t Gguf::version() const {
    return impl_->header.version;
}
uint64_t Gguf::fileBytes() const {
    return impl_->file_bytes;
}
const std::vector<Tensor> &Gguf::tensors() const {
    return impl_->header.tensors;
}

const std::vector<std::pair<std::string, Value>> &Gguf::metadata() const {
    return impl_->header.metadata;
}

const Tensor *Gguf::findTensor(std::string_view name) const {
    auto found = impl_->tensors.find(name);
    return found == impl_->tensors.end() ? nullptr : &impl_->header.tensors[found->second];
}

const Value *Gguf::find(std::string_view key) const {
    auto found = impl_->keys.find(key);
    return found == impl_->keys.end() ? nullptr : &impl_->header.metadata[found->second].second;
}

namespace {

[[noreturn]] void refuseValue(const Gguf &file, std::string_view key, std::string_view wanted,
                              const Value &found) {
    fail(ErrorKind::file, "{}: key {} is {}, expected {}", file.path(), printable(key),
         describeValue(found), wanted);
}

/// The array under `key`, nullptr when absent.
const Array *findArray(const Gguf &file, std::string_view key, std::string_view wanted) {
    const Value *value = file.find(key);
    if (!value)
        return nullptr;
    if (const auto *array = std::get_if<Array>(value))
        return array;
    refuseValue(file, key, wanted, *value);
}

bool isEmpty(const Array &array) {
    return std::visit([](const auto &items) { return items.empty(); }, array);
}

} // namespace

std::optional<std::string> Gguf::findString(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
        return std::nullopt;
    if (const auto *text = std::get_if<std::string>(value))
        return *text;
    refuseValue(*this, key, "a string", *value);
}

std::optional<bool> Gguf::findBool(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
        return std::nullopt;
    if (const auto *flag = std::get_if<bool>(value))
        return *flag;
    refuseValue(*this, key, "a boolean", *value);
}

std::optional<double> Gguf::findNumber(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
        return std::nullopt;
    if (const auto *number = std::get_if<double>(value))
        return *number;
    if (const auto *number = std::get_if<uint64_t>(value))
        return static_cast<double>(*number);
    if (const auto *number = std::get_if<int64_t>(value))
        return static_cast<double>(*number);
    refuseValue(*this, key, "a number", *value);
}

std::optional<uint64_t> Gguf::findCount(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
        return std::nullopt;
    if (std::optional<uint64_t> count = asCount(*value))
        return count;
    refuseValue(*this, key, "a whole number, 0 or more", *value);
}

const std::vector<std::string> *Gguf::findStrings(std::string_view key) const {
    // An empty array has no telling type: tools write any.
    static const std::vector<std::string> kNone;
    const Array *array = findArray(*this, key, "an array of strings");
    if (!array)
        return nullptr;
    if (const auto *strings = std::get_if<std::vector<std::string>>(array))
        return strings;
    if (isEmpty(*array))
        return &kNone;
    refuseValue(*this, key, "an array of strings", *find(key));
}

std::optional<std::vector<int64_t>> Gguf::findIntegers(std::string_view key) const {
    constexpr std::string_view kWanted = "an array of whole numbers";
    const Array *array = findArray(*this, key, kWanted);
    if (!array)
        return std::nullopt;
    if (const auto *integers = std::get_if<std::vector<int64_t>>(array))
        return *integers;
    const auto *counts = std::get_if<std::vector<uint64_t>>(array);
    constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
    if (counts && std::ranges::all_of(*counts, [](uint64_t n) { return n <= kMax; }))
        return std::vector<int64_t>(counts->begin(), counts->end());
    if (isEmpty(*array))
        return std::vector<int64_t>();
    refuseValue(*this, key, kWanted, *find(key));
}

std::optional<std::vector<double>> Gguf::findNumbers(std::string_view key) const {
    const Array *array = findArray(*this, key, "an array of numbers");
    if (!array)
        return std::nullopt;
    if (const auto *numbers = std::get_if<std::vector<double>>(array))
        return *numbers;
    std::vector<double> out;
    if (const auto *integers = std::get_if<std::vector<int64_t>>(array)) {
        for (int64_t n : *integers)
            out.push_back(static_cast<double>(n));
    } else if (const auto *counts = std::get_if<std::vector<uint64_t>>(array)) {
        for (uint64_t n : *counts)
            out.push_back(static_cast<double>(n));
    } else if (!isEmpty(*array)) {
        refuseValue(*this, key, "an array of numbers", *find(key));
    }
    return out;
}

void Gguf::forget(std::span<const std::byte> bytes) const {
    // Only pages that lie wholly inside, and only of a file that we mapped: elsewhere the advice
    // would erase memory.
    bool ours = std::ranges::any_of(
        impl_->mappings, [&](const Mapping &mapping) { return contains(mapping.bytes(), bytes); });
    if (!ours || bytes.empty())
        return;
    auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    auto begin = reinterpret_cast<uintptr_t>(bytes.data());
    auto first = (begin + page - 1) / page * page, last = (begin + bytes.size()) / page * page;
    if (first < last)
        ::madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
}

} // namespace longscope::model
