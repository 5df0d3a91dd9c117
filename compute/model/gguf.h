// Reads GGUF v2 and v3: metadata and tensor table, memory-mapped, split shards joined. Every count,
// length, offset and product is checked against the file before it is used; weights are not
// copied. Knows no architecture.
#pragma once

#include "compute/model/quant.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace longscope::model {

struct Tensor {
    std::string name;
    QuantType type;
    std::vector<uint64_t> shape; ///< ggml order: shape[0] is the contiguous dimension (columns)
    std::span<const std::byte> bytes; ///< mapped, exactly its size
    uint64_t columns() const { return shape.empty() ? 1 : shape[0]; }
    uint64_t rows() const; ///< product of the other dimensions
    uint64_t elements() const;
};

/// All its elements, in order.
std::vector<float> dequantized(const Tensor &tensor);

/// A metadata array; numbers are widened, element order kept.
using Array = std::variant<std::vector<int64_t>, std::vector<uint64_t>, std::vector<double>,
                           std::vector<std::string>>; // bool: uint64_t 0 or 1
using Value = std::variant<int64_t, uint64_t, double, bool, std::string, Array>;

class Gguf {
  public:
    /// Opens a file; for `NAME-0000i-of-0000n.gguf` all n shards. Throws Error(file) with path,
    /// what was wanted, what was found (truncated, counts, offsets, overlap, types); Error(model)
    /// for a tensor of a type that is not supported, with its name, type and a suggestion.
    static Gguf open(const std::string &path);
    /// From memory, for tests and fuzzing; the bytes must outlive the object.
    static Gguf parse(std::span<const std::byte> bytes, std::string_view name);
    Gguf(Gguf &&) noexcept;
    Gguf &operator=(Gguf &&) noexcept;
    ~Gguf();

    const std::string &path() const;
    uint32_t version() const;
    uint64_t fileBytes() const;                                         ///< all shards
    const std::vector<std::pair<std::string, Value>> &metadata() const; ///< file order
    const std::vector<Tensor> &tensors() const;
    const Tensor *findTensor(std::string_view name) const;

    const Value *find(std::string_view key) const;
    /// nullopt when absent; throws Error(file) naming key, type wanted and found.
    std::optional<std::string> findString(std::string_view key) const;
    std::optional<bool> findBool(std::string_view key) const;
    std::optional<double> findNumber(std::string_view key) const;
    /// Non-negative integers; negative values and fractions are an Error(file).
    std::optional<uint64_t> findCount(std::string_view key) const;
    const std::vector<std::string> *findStrings(std::string_view key) const;
    std::optional<std::vector<int64_t>> findIntegers(std::string_view key) const;
    std::optional<std::vector<double>> findNumbers(std::string_view key) const;

    /// Tells the system that the mapped bytes will not be read again soon (after an upload).
    void forget(std::span<const std::byte> bytes) const;

  private:
    Gguf();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::model
