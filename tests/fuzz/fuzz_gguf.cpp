// Any bytes as a GGUF file: parsed or refused with an Error, and what was parsed can be read.
#include "compute/core/error.h"
#include "compute/model/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/gguf_writer.h"

#include <cstdlib>

namespace {

using namespace longscope;

/// Errors are the right answer; everything else (crash, std::bad_alloc, hang) is a finding.
template <class Task> void refusable(Task &&task) {
    try {
        task();
    } catch (const Error &) {
    }
}

void readMetadata(const model::Gguf &file) {
    for (const auto &[key, value] : file.metadata()) {
        if (file.find(key) != &value)
            std::abort(); // keys are unique
        refusable([&] { file.findString(key); });
        refusable([&] { file.findBool(key); });
        refusable([&] { file.findNumber(key); });
        refusable([&] { file.findCount(key); });
        refusable([&] { file.findStrings(key); });
        refusable([&] { file.findIntegers(key); });
        refusable([&] { file.findNumbers(key); });
    }
}

void readTensors(const model::Gguf &file, std::span<const std::byte> bytes) {
    for (const model::Tensor &tensor : file.tensors()) {
        if (tensor.bytes.data() < bytes.data() ||
            tensor.bytes.data() + tensor.bytes.size() > bytes.data() + bytes.size() ||
            tensor.bytes.size() != tensor.rows() * model::rowBytes(tensor.type, tensor.columns()))
            std::abort();
        std::vector<float> row(tensor.columns()); // bounded by the input, which has the bytes
        model::dequantizeRow(tensor.type, tensor.bytes.data(), row);
        file.forget(tensor.bytes);
    }
}

std::vector<uint8_t> toInput(const testing::GgufWriter &writer) {
    std::vector<uint8_t> out;
    for (std::byte b : writer.build())
        out.push_back(static_cast<uint8_t>(b));
    return out;
}

testing::GgufWriter makeEveryKind() {
    testing::GgufWriter writer;
    writer.set("u8", uint8_t{1}).set("i8", int8_t{-1}).set("u16", uint16_t{2});
    writer.set("i16", int16_t{-2}).set("u32", uint32_t{3}).set("i32", int32_t{-3});
    writer.set("f32", 0.5f).set("bool", true).set("text", "text");
    writer.set("u64", uint64_t{4}).set("i64", int64_t{-4}).set("f64", 0.25);
    writer.set("texts", std::vector<std::string>{"a", "bc", ""});
    writer.set("counts", std::vector<uint32_t>{1, 2}).set("flags", std::vector<bool>{true, false});
    writer.set("numbers", std::vector<float>{1, 2}).set("wholes", std::vector<int8_t>{-1, 2});
    for (uint32_t type = 0; type < 64; ++type) {
        const model::QuantTraits *traits = model::findQuantTraits(type);
        if (!traits || !traits->supported)
            continue;
        writer.tensor(traits->name, traits->type, {traits->block_elements, 2},
                      testing::randomWeights(traits->type, 2 * traits->block_elements, 1, type));
    }
    return writer;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    refusable([&] {
        auto bytes = std::as_bytes(std::span(data, size));
        model::Gguf file = model::Gguf::parse(bytes, "input");
        readMetadata(file);
        readTensors(file, bytes);
        refusable([&] { model::readConfig(file); });
    });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    testing::TinyLlamaOptions small = {
        .layers = 1, .model_dim = 32, .heads = 4, .kv_heads = 2, .head_dim = 8, .ffn_dim = 32};
    testing::TinyLlamaOptions full = small;
    full.type = model::QuantType::q4_0;
    full.biases = full.scales = full.rope_freqs = full.tied_head = true;
    testing::GgufWriter aligned = makeEveryKind(), old = makeEveryKind();
    aligned.alignment = 64;
    old.version = 2;
    // Without the long arrays more changes meet the keys that readConfig reads.
    testing::GgufWriter bare = testing::makeTinyLlama(full);
    bare.remove("tokenizer.ggml.tokens").remove("tokenizer.ggml.token_type");
    bare.set("llama.attention.head_count_kv", std::vector<uint32_t>{2});
    bare.set("llama.rope.scaling.type", "yarn").set("llama.rope.scaling.factor", 2.0f);
    return {toInput(makeEveryKind()),
            toInput(aligned),
            toInput(old),
            toInput(bare),
            toInput(testing::makeTinyLlama(small)),
            toInput(testing::makeTinyLlama(full))};
}
