// Writes GGUF files into memory for tests and fuzzing: any metadata, any tensors, and a complete
// small llama model with random weights.
#pragma once

#include "compute/model/quant.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace longscope::testing {

class GgufWriter {
  public:
    uint32_t version = 3;
    uint64_t alignment = 32; ///< of tensor data; written as general.alignment when not 32

    /// Sets a key: a number or bool of exactly the type of `value`, a string, or a vector of one
    /// of these. A key that exists is replaced in its place.
    template <class T> GgufWriter &set(std::string_view key, const T &value) {
        std::vector<std::byte> bytes;
        if constexpr (requires { typename T::value_type; } &&
                      !std::is_convertible_v<T, std::string_view>) {
            putU32(bytes, 9);
            putU32(bytes, typeId<typename T::value_type>());
            putU64(bytes, value.size());
            for (const auto &element : value)
                putValue(bytes, element);
        } else {
            putU32(bytes, typeId<T>());
            putValue(bytes, value);
        }
        return setRaw(key, std::move(bytes));
    }
    /// The bytes that follow the key, type included: for files that are wrong on purpose.
    GgufWriter &setRaw(std::string_view key, std::vector<std::byte> bytes);
    GgufWriter &remove(std::string_view key);

    /// Adds or replaces a tensor; `shape` in ggml order, `data` as the file shall hold it.
    GgufWriter &tensor(std::string_view name, model::QuantType type, std::vector<uint64_t> shape,
                       std::vector<std::byte> data);
    GgufWriter &tensorF32(std::string_view name, std::vector<uint64_t> shape,
                          std::span<const float> data);
    GgufWriter &removeTensor(std::string_view name);
    /// One entry of the table, written as it is: tests make claims here that the data do not keep.
    struct TensorInfo {
        std::string name;
        uint32_t type = 0;
        std::vector<uint64_t> shape;
        std::vector<std::byte> data;
        uint64_t offset = kAutomatic; ///< from the start of the data; automatic: behind the last
    };
    static constexpr uint64_t kAutomatic = ~uint64_t{0};
    std::vector<TensorInfo> &tensors() { return tensors_; }

    std::vector<std::byte> build() const;
    /// Writes build() to a file; throws std::runtime_error when that fails.
    void save(const std::string &path) const;

  private:
    template <class T> static constexpr uint32_t typeId() {
        if constexpr (std::is_same_v<T, bool>)
            return 7;
        else if constexpr (std::is_convertible_v<T, std::string_view>)
            return 8;
        else if constexpr (std::is_floating_point_v<T>)
            return sizeof(T) == 4 ? 6 : 12;
        else if constexpr (std::is_unsigned_v<T>)
            return sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 2 : sizeof(T) == 4 ? 4 : 10;
        else
            return sizeof(T) == 1 ? 1 : sizeof(T) == 2 ? 3 : sizeof(T) == 4 ? 5 : 11;
    }
    template <class T> static void putValue(std::vector<std::byte> &out, const T &value) {
        if constexpr (std::is_convertible_v<T, std::string_view>) {
            putText(out, value);
        } else {
            auto bytes = std::as_bytes(std::span(&value, 1));
            out.insert(out.end(), bytes.begin(), bytes.end());
        }
    }
    static void putU32(std::vector<std::byte> &out, uint32_t value) { putValue(out, value); }
    static void putU64(std::vector<std::byte> &out, uint64_t value) { putValue(out, value); }
    static void putText(std::vector<std::byte> &out, std::string_view text);

    std::vector<std::pair<std::string, std::vector<std::byte>>> keys_;
    std::vector<TensorInfo> tensors_;
};

struct TinyLlamaOptions {
    uint64_t seed = 1;
    uint32_t layers = 2;
    uint32_t model_dim = 256, heads = 4, kv_heads = 2, head_dim = 64, ffn_dim = 512;
    uint32_t vocab = 0; ///< 0 = as many as the byte vocabulary has (271); more are unused tokens
    uint32_t context_tokens = 4096;
    model::QuantType type = model::QuantType::f32; ///< of all matrices and the embeddings
    bool biases = false;                           ///< on every matrix of a layer
    bool scales = false;                           ///< `.scale` tensors of one number near 1
    bool rope_freqs = false;                       ///< random divisors of 1 to 4
    bool tied_head = false;                        ///< no output.weight
    float rope_base = 10000;
};

/// A complete random llama model, the same for the same options: norm weights near 1, weights
/// scaled so that activations and logits stay near unit size. model_dim, heads * head_dim and
/// ffn_dim must be multiples of the type's block (std::invalid_argument otherwise). Its vocabulary
/// is byte-level (`gpt2`): ids 0..255 are single bytes, then merged pieces, <|endoftext|>,
/// <|im_start|>, <|im_end|> (the end of a turn), with a ChatML template.
GgufWriter makeTinyLlama(const TinyLlamaOptions &options = {});

/// The same model with all weights as F32.
GgufWriter dequantised(GgufWriter writer);

/// Sets the keys of makeTinyLlama's vocabulary, with at least `wanted` tokens; returns how many.
uint32_t addByteVocabulary(GgufWriter &writer, uint32_t wanted = 0);

/// `count` numbers evenly spread between two, the same with every standard library.
std::vector<float> randomFloats(size_t count, float low, float high, uint64_t seed);
/// A seed of its own for each name.
uint64_t seedOfName(std::string_view name, uint64_t seed);

/// `elements` random weights of standard deviation near `deviation` in the layout of `type`: codes
/// and small scales are random bits, the float scales fit. Shared with kernel tests.
std::vector<std::byte> randomWeights(model::QuantType type, uint64_t elements, float deviation,
                                     uint64_t seed);

} // namespace longscope::testing
