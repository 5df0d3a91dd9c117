// Probabilities of layer 0 computed one by one: q and k from the embeddings with the scalar twins,
// softmax in double over what a pattern shows. And the small model that they are compared on.
#pragma once

#include "compute/engine/attention_map.h"
#include "compute/reference/kernels.h"
#include "tests/support/engines.h"
#include "tests/support/gguf_writer.h"

#include <cmath>
#include <filesystem>
#include <format>
#include <numeric>
#include <set>
#include <unistd.h>

namespace longscope::testing {

constexpr uint64_t kTokens = 700; ///< no multiple of any tile

/// A random llama model of three layers, loaded once for each kernel family.
inline engine::Engine &tinyEngine(const std::string &kernels) {
    return engineFor("a llama of three layers", kernels,
                     [] { return makeTinyLlama({.layers = 3}); });
}

inline std::vector<model::Token> someIds(const engine::Engine &engine, uint64_t count = kTokens) {
    std::vector<model::Token> ids;
    uint32_t state = 99;
    for (uint64_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        ids.push_back(static_cast<model::Token>((state >> 8) % engine.config().vocab));
    }
    return ids;
}

/// A cache without rounding.
inline engine::SessionOptions exactOptions(const std::string &pattern = "full",
                                           uint32_t chunk_tokens = 0) {
    engine::SessionOptions options{
        .context_tokens = 1024, .k = attention::CacheType::f32, .v = attention::CacheType::f32};
    options.patterns = attention::LayerPatterns(std::vector<std::string>{pattern});
    options.chunk_tokens = chunk_tokens;
    return options;
}

/// The tokens from `first` on, as they are written.
inline void readOneByOne(engine::Session &session, std::span<const model::Token> ids,
                         uint64_t first) {
    for (uint64_t count = first + 1; count <= ids.size(); ++count)
        session.read(ids.first(count));
}

/// A picture of single queries and keys, mean over the heads.
inline engine::MapRequest rowsOf(uint32_t layer, attention::Interval queries) {
    return {.layer = layer,
            .heads = {},
            .first_query = queries.first,
            .end_query = queries.end,
            .end_key = queries.end,
            .size = engine::kLargestMap};
}

/// Scores of layer 0, and what a pattern makes of them.
class AttentionTwin {
  public:
    AttentionTwin(const engine::Engine &engine, std::span<const model::Token> ids)
        : heads_(engine.config().heads), tokens_(ids.size()) {
        const model::Config &config = engine.config();
        auto x = reference::embed(*engine.file().findTensor("token_embd.weight"), ids, 1);
        auto weight = reference::dequantize(*engine.file().findTensor("blk.0.attn_norm.weight"));
        x = reference::rmsNorm(x, weight, config.norm_eps);
        attention::RopeSettings settings;
        settings.dims = config.rope().dims;
        settings.base = config.rope().base;
        std::vector<float> rotation(tokens_ * config.rope().dims);
        attention::fillRotation(attention::makeRope(settings), 0, tokens_, rotation);
        auto rotated = [&](const char *name, uint32_t heads) {
            auto w = reference::dequantize(*engine.file().findTensor(name));
            return reference::rope(reference::matmul(x, w, config.model_dim), rotation,
                                   {heads, config.head_dim, config.rope().dims,
                                    config.rope_layout == model::RopeLayout::neox});
        };
        auto q = rotated("blk.0.attn_q.weight", config.heads);
        auto k = rotated("blk.0.attn_k.weight", config.kv_heads);
        uint64_t dim = config.head_dim;
        scores_.resize(heads_ * tokens_ * tokens_);
        for (uint64_t head = 0; head < heads_; ++head)
            for (uint64_t i = 0; i < tokens_; ++i)
                for (uint64_t j = 0; j < tokens_; ++j) {
                    const float *query = &q[(i * heads_ + head) * dim];
                    const float *key =
                        &k[(j * config.kv_heads + head * config.kv_heads / heads_) * dim];
                    scores_[(head * tokens_ + i) * tokens_ + j] =
                        std::inner_product(query, query + dim, key, 0.0) /
                        std::sqrt(static_cast<double>(dim));
                }
    }

    /// p(head, query, key), 0 where the pattern does not look.
    void look(const attention::Pattern &pattern) {
        probabilities_.assign(scores_.size(), 0);
        for (uint32_t head = 0; head < heads_; ++head)
            for (uint64_t i = 0; i < tokens_; ++i)
                lookAt(head, i, [&](uint64_t j) {
                    return pattern.sees(pattern.headKind(head, heads_), i, j);
                });
    }
    /// The same of one query; `sees` says of a key whether it is looked at.
    template <class Sees> void lookAt(uint32_t head, uint64_t query, const Sees &sees) {
        probabilities_.resize(scores_.size());
        uint64_t row = (head * tokens_ + query) * tokens_;
        double sum = 0;
        for (uint64_t j = 0; j <= query; ++j) {
            probabilities_[row + j] = sees(j) ? std::exp(scores_[row + j]) : 0;
            sum += probabilities_[row + j];
        }
        for (uint64_t j = 0; j <= query; ++j)
            probabilities_[row + j] /= sum;
    }
    /// Scaled; of later keys, too.
    double score(uint64_t head, uint64_t query, uint64_t key) const {
        return scores_[(head * tokens_ + query) * tokens_ + key];
    }
    double p(uint64_t head, uint64_t query, uint64_t key) const {
        return probabilities_[(head * tokens_ + query) * tokens_ + key];
    }
    uint32_t heads() const { return heads_; }

  private:
    uint32_t heads_;
    uint64_t tokens_;
    std::vector<double> scores_, probabilities_; ///< [heads, tokens, tokens]
};

} // namespace longscope::testing
