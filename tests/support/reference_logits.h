// Small models of seven families with the logits of a trusted engine (F32 cache): tests/data holds
// NAME.gguf and NAME.f32, logits [100, vocab] of referenceTokens().
#pragma once

#include "compute/core/text.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace longscope::testing {

struct ReferenceModel {
    const char *name;
    double tolerance; ///< of nmse
};
/// Both sides compute in f32; a wrong rotation or head gives more than 1e-2. The trusted engine
/// rounds what goes into and comes out of its GELU to f16.
inline constexpr ReferenceModel kReferenceModels[] = {
    {"llama-dense", 1e-6}, {"gemma3-dense", 1e-5}, {"gpt2-dense", 1e-5},  {"gpt-oss-moe", 1e-6},
    {"phi3-dense", 1e-6},  {"qwen35-dense", 1e-6}, {"mamba2-dense", 1e-6}};

inline std::vector<int32_t> referenceTokens(uint32_t vocab = 128) {
    std::vector<int32_t> ids;
    uint32_t state = 12345;
    for (int i = 0; i < 100; ++i) {
        state = state * 1664525 + 1013904223;
        ids.push_back(static_cast<int32_t>((state >> 8) % vocab));
    }
    return ids;
}

/// `path`: of NAME.f32.
inline std::vector<float> referenceLogits(const std::string &path) {
    std::string bytes = readWholeFile(path);
    std::vector<float> logits(bytes.size() / sizeof(float));
    std::memcpy(logits.data(), bytes.data(), logits.size() * sizeof(float));
    return logits;
}

} // namespace longscope::testing
