// One cache of a type with a text in it, read as a session would, for the checks of the kernels
// that read and change it: what went in, and what the twins need to say what must come out.
#pragma once

#include "app/workbench.h"
#include "compute/engine/attention.h"

#include <string>
#include <vector>

namespace longscope::app {

constexpr uint32_t kBefore = 20; ///< tokens in the cache before the chunk
constexpr uint32_t kTokens = kBefore + kCheckedRows + 1;
constexpr uint32_t kChunkEnd = kTokens - 1;

class ReadCache {
  public:
    /// `ruled`: with a soft cap, ALiBi and sinks. Nothing is read yet.
    ReadCache(Workbench &bench, attention::CacheType type, bool ruled);

    /// Rotates, stores and attends rows first .. first + count.
    void read(uint32_t first, uint32_t count);
    /// Keys or values as the device has rounded them, [kv_heads, tokens, head_dim].
    std::vector<float> stored(const gpu::Buffer &buffer) const;

    engine::CacheLayer &layer() { return cache.layers.front(); }
    engine::Flush flush();
    bool isRuled() const { return config.softcap != 0; }
    float scale() const;
    double slopeOf(uint32_t head) const;
    /// q . k times the scale, of a row of the chunk, and what the model does to it.
    double score(const std::vector<float> &stored_keys, uint32_t head, uint32_t row,
                 uint32_t key) const;
    gpu::Specialization specialization() const;

    Workbench &bench;
    const model::Config config;
    const attention::CacheType type;
    const std::string name;
    const uint32_t dim, kv_heads, q_columns;
    gpu::Recorder recorder;
    std::vector<float> queries;      ///< rotated, [tokens, heads, head_dim]
    std::vector<float> keys, values; ///< rotated and plain, [kv_heads, tokens, head_dim]
    std::vector<float> sinks;        ///< [heads] or empty
    engine::KvCache cache;
    engine::Attention attending;

  private:
    engine::SessionOptions options() const;
    void drawRows();

    std::vector<float> qkv_; ///< [tokens, stride]
};

} // namespace longscope::app
