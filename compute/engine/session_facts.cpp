#include "compute/engine/session_facts.h"

#include "compute/core/text.h"
#include "compute/engine/session_impl.h"

#include <algorithm>
#include <format>
#include <map>

namespace longscope::engine {
namespace {

using attention::Pattern;

/// FNV-1a: against mistakes, not against malice.
class Hash {
  public:
    void add(std::span<const std::byte> bytes) {
        for (std::byte byte : bytes)
            value_ = (value_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
    }
    template <class Number>
    requires std::is_arithmetic_v<Number>
    void add(Number number) { add(std::as_bytes(std::span(&number, 1))); }
    void add(const std::string &text) {
        add(text.size());
        add(std::as_bytes(std::span(text)));
    }
    template <class Element> void add(const std::vector<Element> &elements) {
        add(elements.size());
        for (const Element &element : elements)
            add(element);
    }
    template <class... Kinds> void add(const std::variant<Kinds...> &value) {
        add(value.index());
        std::visit([this](const auto &held) { add(held); }, value);
    }
    std::string text() const { return std::format("{:016x}", value_); }

  private:
    uint64_t value_ = 0xcbf29ce484222325;
};

constexpr uint64_t kSampleBytes = 64; ///< of the beginning, the middle and the end of a tensor

void addSamples(Hash &hash, std::span<const std::byte> bytes) {
    uint64_t count = std::min<uint64_t>(kSampleBytes, bytes.size());
    for (uint64_t at : {uint64_t{0}, (bytes.size() - count) / 2, bytes.size() - count})
        hash.add(bytes.subspan(at, count));
}

/// The text that chose the pattern, and what a mask says that it names: files change.
std::string describePattern(const Pattern &pattern) {
    const attention::BlockMask *mask = pattern.mask();
    if (!mask)
        return pattern.spec();
    Hash hash;
    hash.add(mask->block_tokens);
    hash.add(mask->rows);
    return std::format("{} ({})", pattern.spec(), hash.text());
}

std::string describeRotation(const attention::Rope &rope) {
    Hash hash;
    hash.add(rope.inv_freq);
    hash.add(rope.magnitude);
    return hash.text();
}

} // namespace

std::string modelFingerprint(const model::Gguf &file, const std::string &name) {
    Hash hash;
    for (const auto &[key, value] : file.metadata()) {
        hash.add(key);
        hash.add(value);
    }
    for (const model::Tensor &tensor : file.tensors()) {
        hash.add(tensor.name);
        hash.add(static_cast<uint32_t>(tensor.type));
        hash.add(tensor.shape);
        addSamples(hash, tensor.bytes);
    }
    return std::format("{} ({})", name.empty() ? "unnamed" : name, hash.text());
}

std::vector<std::pair<std::string, std::string>> sessionFacts(const Session &session) {
    const Session::Impl &self = session.impl();
    const SessionOptions &options = self.options;
    const model::Config &config = self.engine.config();
    const attention::RopeScheme &rope = options.ropeScheme();
    std::vector<std::pair<std::string, std::string>> facts{
        {"the model", modelFingerprint(self.engine.file(), config.name)},
        {"the type of keys", std::string(attention::cacheTypeName(options.k))},
        {"the type of values", std::string(attention::cacheTypeName(options.v))},
        {"the scheme of positions", rope.spec},
        {"the rotation of keys", rope.needsRawKeys() ? "done when they are read"
                                                     : describeRotation(self.attention->keyRope())},
        {"the eviction", options.eviction.spec}};
    std::map<const Pattern *, std::string> known; // layers share patterns
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        if (!config.layer[layer].attends())
            continue;
        const Pattern &pattern = options.patterns.of(layer);
        auto [found, is_new] = known.try_emplace(&pattern);
        if (is_new)
            found->second = describePattern(pattern);
        facts.emplace_back(std::format("the attention of layer {}", layer), found->second);
    }
    std::string adapters;
    for (const model::Lora &adapter : self.engine.impl().adapters)
        adapters +=
            std::format("{} times {}; ", adapter.scale(), modelFingerprint(adapter.file(), ""));
    facts.emplace_back("the adapters", adapters.empty() ? "none" : adapters);
    for (auto &[what, value] : facts)
        value = repairUtf8(value); // names come from files
    return facts;
}

std::string sessionFingerprint(const Session &session) {
    Hash hash;
    for (const auto &[what, value] : sessionFacts(session)) {
        hash.add(what);
        hash.add(value);
    }
    return hash.text();
}

} // namespace longscope::engine
