#include "tests/support/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <format>
#include <fstream>
#include <random>
#include <stdexcept>

namespace longscope::testing {

using model::QuantType;

void GgufWriter::putText(std::vector<std::byte> &out, std::string_view text) {
    putU64(out, text.size());
    auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

GgufWriter &GgufWriter::setRaw(std::string_view key, std::vector<std::byte> bytes) {
    auto found = std::ranges::find(keys_, key, &decltype(keys_)::value_type::first);
    if (found != keys_.end())
        found->second = std::move(bytes);
    else
        keys_.emplace_back(key, std::move(bytes));
    return *this;
}

GgufWriter &GgufWriter::remove(std::string_view key) {
    std::erase_if(keys_, [&](const auto &entry) { return entry.first == key; });
    return *this;
}

GgufWriter &GgufWriter::tensor(std::string_view name, QuantType type, std::vector<uint64_t> shape,
                               std::vector<std::byte> data) {
    TensorInfo info{std::string(name), static_cast<uint32_t>(type), std::move(shape),
                    std::move(data)};
    auto found = std::ranges::find(tensors_, name, &TensorInfo::name);
    if (found != tensors_.end())
        *found = std::move(info);
    else
        tensors_.push_back(std::move(info));
    return *this;
}

GgufWriter &GgufWriter::tensorF32(std::string_view name, std::vector<uint64_t> shape,
                                  std::span<const float> data) {
    auto bytes = std::as_bytes(data);
    return tensor(name, QuantType::f32, std::move(shape), {bytes.begin(), bytes.end()});
}

GgufWriter &GgufWriter::removeTensor(std::string_view name) {
    std::erase_if(tensors_, [&](const TensorInfo &info) { return info.name == name; });
    return *this;
}

std::vector<std::byte> GgufWriter::build() const {
    std::vector<std::byte> out, data;
    auto pad = [this](std::vector<std::byte> &bytes) {
        bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    };
    putU32(out, 0x46554747);
    putU32(out, version);
    putU64(out, tensors_.size());
    putU64(out, keys_.size() + (alignment != 32));
    for (const auto &[key, bytes] : keys_) {
        putText(out, key);
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    if (alignment != 32) {
        putText(out, "general.alignment");
        putU32(out, 4);
        putU32(out, static_cast<uint32_t>(alignment));
    }
    for (const TensorInfo &info : tensors_) {
        putText(out, info.name);
        putU32(out, static_cast<uint32_t>(info.shape.size()));
        for (uint64_t size : info.shape)
            putU64(out, size);
        putU32(out, info.type);
        putU64(out, info.offset == kAutomatic ? data.size() : info.offset);
        data.insert(data.end(), info.data.begin(), info.data.end());
        pad(data);
    }
    pad(out);
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

void GgufWriter::save(const std::string &path) const {
    std::vector<std::byte> bytes = build();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char *>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    if (!out.flush())
        throw std::runtime_error("cannot write " + path);
}

namespace {

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers with every standard library.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t bits() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    float uniform(float low, float high) {
        return low + (high - low) * static_cast<float>(bits() >> 40) * 0x1p-24f;
    }

  private:
    uint64_t state_;
};

void putU16(std::byte *at, uint16_t value) {
    std::memcpy(at, &value, sizeof(value));
}

/// Where a block keeps d and its minimum, and the minimum that centres the weights when d is 1.
struct ScalePlace {
    size_t d = 0;
    int minimum = -1; ///< -1 = none
    float centre = 0;
};

/// IQ1_M alone has d in pieces: four bits on top of each of the last four words.
void spreadHalf(std::byte *block, uint16_t half) {
    for (size_t word = 0; word < 4; ++word) {
        std::byte &top = block[49 + 2 * word];
        top = (top & std::byte{15}) | static_cast<std::byte>((half >> (4 * word) & 15) << 4);
    }
}

/// The scale bytes of NVFP4 (4 exponent and 3 mantissa bits) for a positive value.
uint8_t toE4m3(float value) {
    int exponent = std::max(-6, std::ilogb(value)); // below 2^-6: steps of 2^-9
    auto steps = static_cast<int>(std::lround(std::ldexp(value, 3 - exponent)));
    return static_cast<uint8_t>(std::clamp((exponent + 6) * 8 + steps, 1, 0x7E));
}

ScalePlace scalePlace(QuantType type) {
    switch (type) {
    case QuantType::q4_1:
        return {0, 2, -7.5f}; // the mean code
    case QuantType::q5_1:
        return {0, 2, -15.5f};
    case QuantType::q2_k:
        return {80, 82, 1.5f};
    case QuantType::q3_k:
        return {108};
    case QuantType::q4_k:
        return {0, 2, 7.5f};
    case QuantType::q5_k:
        return {0, 2, 15.5f};
    case QuantType::q6_k:
        return {208};
    case QuantType::tq1_0:
        return {52};
    case QuantType::tq2_0:
        return {64};
    default:
        return {0};
    }
}

float rootMeanSquare(QuantType type, const std::byte *block, uint32_t elements) {
    std::vector<float> values(elements);
    model::dequantizeRow(type, block, values);
    double sum = 0;
    for (float v : values)
        sum += double{v} * v;
    return static_cast<float>(std::sqrt(sum / elements));
}

void randomBlock(QuantType type, std::span<std::byte> block, float deviation, Random &random) {
    const model::QuantTraits &traits = model::traitsOf(type);
    for (std::byte &b : block)
        b = static_cast<std::byte>(random.bits());
    deviation *= random.uniform(0.8f, 1.25f);
    if (type == QuantType::mxfp4) {
        block[0] = std::byte{128};
        float scale = deviation / rootMeanSquare(type, block.data(), traits.block_elements);
        block[0] = static_cast<std::byte>(128 + std::lround(std::log2(scale)));
        return;
    }
    auto setScale = [&, place = scalePlace(type)](float d) {
        if (type == QuantType::nvfp4)
            std::fill_n(block.begin(), 4, std::byte{toE4m3(d)});
        else if (type == QuantType::iq1_m)
            spreadHalf(block.data(), model::floatToHalf(d));
        else
            putU16(&block[place.d], model::floatToHalf(d));
        if (place.minimum >= 0)
            putU16(&block[static_cast<size_t>(place.minimum)],
                   model::floatToHalf(d * place.centre));
    };
    setScale(1);
    setScale(deviation / rootMeanSquare(type, block.data(), traits.block_elements));
}

uint16_t toBfloat16(float value) {
    uint32_t bits = std::bit_cast<uint32_t>(value);
    return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

std::string encodeUtf8(uint32_t code) {
    if (code < 0x80)
        return {static_cast<char>(code)};
    return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
}

/// GPT-2's visible stand-in for a byte: itself when printable, else 256 + a running number.
std::vector<std::string> byteTokens() {
    std::vector<std::string> out;
    uint32_t next = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
        bool visible = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        out.push_back(encodeUtf8(visible ? byte : next++));
    }
    return out;
}

void setVocabulary(GgufWriter &writer, const std::vector<std::string> &tokens, size_t pieces) {
    std::vector<int32_t> types(tokens.size(), 1); // normal
    for (size_t i = pieces; i < tokens.size(); ++i)
        types[i] = i < pieces + 3 ? 3 : 5; // control, unused
    auto id = [&](size_t i) { return static_cast<uint32_t>(pieces + i); };
    writer.set("tokenizer.ggml.model", "gpt2").set("tokenizer.ggml.pre", "gpt-2");
    writer.set("tokenizer.ggml.tokens", tokens).set("tokenizer.ggml.token_type", types);
    writer.set("tokenizer.ggml.bos_token_id", id(0)).set("tokenizer.ggml.eos_token_id", id(2));
    writer.set("tokenizer.ggml.add_bos_token", false);
    writer.set("tokenizer.chat_template",
               "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
               "message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
               "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
}

/// Adds the tensors of a model, each from its own seed, so that an option changes no other tensor.
class TensorMaker {
  public:
    TensorMaker(GgufWriter &writer, const TinyLlamaOptions &options)
        : writer_(writer), options_(options) {}

    void norm(const std::string &name, uint64_t size) {
        writer_.tensorF32(name, {size}, randomFloats(size, 0.8f, 1.2f, seedOf(name)));
    }

    /// [columns, rows], outputs of about `gain` for inputs of unit size.
    void matrix(const std::string &stem, uint64_t columns, uint64_t rows, float gain) {
        std::string name = stem + ".weight";
        if (columns % model::traitsOf(options_.type).block_elements != 0)
            throw std::invalid_argument(std::format("{} has {} columns", name, columns));
        float deviation = gain / std::sqrt(static_cast<float>(columns));
        writer_.tensor(name, options_.type, {columns, rows},
                       randomWeights(options_.type, columns * rows, deviation, seedOf(name)));
    }

    void layerMatrix(const std::string &stem, uint64_t columns, uint64_t rows, float gain) {
        matrix(stem, columns, rows, gain);
        if (options_.biases)
            writer_.tensorF32(stem + ".bias", {rows},
                              randomFloats(rows, -0.3f, 0.3f, seedOf(stem + ".bias")));
        if (options_.scales)
            writer_.tensorF32(stem + ".scale", {1},
                              randomFloats(1, 0.7f, 1.4f, seedOf(stem + ".scale")));
    }

    uint64_t seedOf(std::string_view name) const { return seedOfName(name, options_.seed); }

  private:
    GgufWriter &writer_;
    const TinyLlamaOptions &options_;
};

void addLayer(TensorMaker &maker, const std::string &prefix, const TinyLlamaOptions &options) {
    uint64_t dim = options.model_dim, ffn = options.ffn_dim;
    uint64_t q = uint64_t{options.heads} * options.head_dim;
    uint64_t kv = uint64_t{options.kv_heads} * options.head_dim;
    maker.norm(prefix + "attn_norm.weight", dim);
    maker.layerMatrix(prefix + "attn_q", dim, q, 1);
    maker.layerMatrix(prefix + "attn_k", dim, kv, 1);
    maker.layerMatrix(prefix + "attn_v", dim, kv, 1);
    maker.layerMatrix(prefix + "attn_output", q, dim, 1);
    maker.norm(prefix + "ffn_norm.weight", dim);
    maker.layerMatrix(prefix + "ffn_gate", dim, ffn, 1);
    maker.layerMatrix(prefix + "ffn_up", dim, ffn, 1);
    maker.layerMatrix(prefix + "ffn_down", ffn, dim, 1);
}

void addKeys(GgufWriter &writer, const TinyLlamaOptions &options) {
    writer.set("general.architecture", "llama").set("general.name", "tiny random llama");
    writer.set("llama.block_count", options.layers);
    writer.set("llama.context_length", options.context_tokens);
    writer.set("llama.embedding_length", options.model_dim);
    writer.set("llama.feed_forward_length", options.ffn_dim);
    writer.set("llama.attention.head_count", options.heads);
    writer.set("llama.attention.head_count_kv", options.kv_heads);
    writer.set("llama.attention.key_length", options.head_dim);
    writer.set("llama.attention.value_length", options.head_dim);
    writer.set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    writer.set("llama.rope.dimension_count", options.head_dim);
    writer.set("llama.rope.freq_base", options.rope_base);
}

} // namespace

uint32_t addByteVocabulary(GgufWriter &writer, uint32_t wanted) {
    // Ġ stands for a space.
    const std::vector<std::string> merges = {"Ġ t", "h e", "Ġ a", "i n", "Ġt he", "e r",
                                             "o n", "Ġ s", "a t", "n d", "Ġa nd", "Ġ Ġ"};
    std::vector<std::string> tokens = byteTokens();
    for (std::string merged : merges) {
        merged.erase(merged.find(' '), 1);
        tokens.push_back(merged);
    }
    size_t pieces = tokens.size();
    tokens.insert(tokens.end(), {"<|endoftext|>", "<|im_start|>", "<|im_end|>"});
    if (wanted != 0 && wanted < tokens.size())
        throw std::invalid_argument(std::format("vocab {} is below {}", wanted, tokens.size()));
    while (tokens.size() < wanted)
        tokens.push_back(std::format("<unused{}>", tokens.size()));
    setVocabulary(writer, tokens, pieces);
    writer.set("tokenizer.ggml.merges", merges);
    return static_cast<uint32_t>(tokens.size());
}

std::vector<float> randomFloats(size_t count, float low, float high, uint64_t seed) {
    Random random(seed);
    std::vector<float> out(count);
    std::ranges::generate(out, [&] { return random.uniform(low, high); });
    return out;
}

uint64_t seedOfName(std::string_view name, uint64_t seed) {
    for (char c : name)
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3; // FNV-1a
    return seed;
}

std::vector<std::byte> randomWeights(QuantType type, uint64_t elements, float deviation,
                                     uint64_t seed) {
    const model::QuantTraits &traits = model::traitsOf(type);
    std::vector<std::byte> out(model::rowBytes(type, elements));
    Random random(seed);
    if (traits.block_elements > 1) {
        for (size_t at = 0; at < out.size(); at += traits.block_bytes)
            randomBlock(type, std::span(out).subspan(at, traits.block_bytes), deviation, random);
        return out;
    }
    float limit = deviation * std::sqrt(3.0f); // of a uniform distribution
    for (size_t i = 0; i < elements; ++i) {
        float value = random.uniform(-limit, limit);
        if (type == QuantType::f32)
            std::memcpy(&out[4 * i], &value, 4);
        else
            putU16(&out[2 * i],
                   type == QuantType::f16 ? model::floatToHalf(value) : toBfloat16(value));
    }
    return out;
}

GgufWriter makeTinyLlama(const TinyLlamaOptions &options) {
    GgufWriter writer;
    addKeys(writer, options);
    uint32_t vocab = addByteVocabulary(writer, options.vocab);
    TensorMaker maker(writer, options);
    // A head of gain 2 makes logits of about 2; embeddings that are no head have unit size.
    constexpr float kHeadGain = 2;
    float unit = std::sqrt(static_cast<float>(options.model_dim));
    maker.matrix("token_embd", options.model_dim, vocab, options.tied_head ? kHeadGain : unit);
    maker.norm("output_norm.weight", options.model_dim);
    if (!options.tied_head)
        maker.matrix("output", options.model_dim, vocab, kHeadGain);
    if (options.rope_freqs) {
        size_t pairs = options.head_dim / 2;
        writer.tensorF32("rope_freqs.weight", {pairs},
                         randomFloats(pairs, 1, 4, maker.seedOf("rope_freqs")));
    }
    for (uint32_t layer = 0; layer < options.layers; ++layer)
        addLayer(maker, std::format("blk.{}.", layer), options);
    return writer;
}

GgufWriter dequantised(GgufWriter writer) {
    for (auto &tensor : writer.tensors()) {
        auto type = static_cast<QuantType>(tensor.type);
        if (type == QuantType::f32)
            continue;
        uint64_t elements = 1;
        for (uint64_t extent : tensor.shape)
            elements *= extent;
        std::vector<float> values(elements);
        model::dequantizeRow(type, tensor.data.data(), values);
        auto bytes = std::as_bytes(std::span(values));
        tensor.type = static_cast<uint32_t>(QuantType::f32);
        tensor.data.assign(bytes.begin(), bytes.end());
    }
    return writer;
}

} // namespace longscope::testing
