// The keys of one architecture, `<name>.<key>`. Careless tools write every key they know, with 0
// for "not set": presence is not use, and 0 counts as absent.
#pragma once

#include "compute/model/gguf.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

class Keys {
  public:
    Keys(const Gguf &file, std::string_view architecture) : file_(file), prefix_(architecture) {}

    const Gguf &file() const { return file_; }
    std::string full(std::string_view key) const;
    bool has(std::string_view key) const { return file_.find(full(key)) != nullptr; }

    /// 0 when absent.
    uint64_t count(std::string_view key, uint64_t max) const;
    uint32_t count(std::string_view key) const;
    /// Throws Error(model) when absent or 0.
    uint32_t require(std::string_view key) const;
    /// `fallback` when absent or 0; finite and not negative.
    double number(std::string_view key, double fallback) const;
    /// As the file says, 0 included; nothing when absent. Finite.
    std::optional<double> stored(std::string_view key) const;
    bool flag(std::string_view key, bool fallback) const;
    /// A number for all layers, or an array of one for each; empty when absent. An array may be
    /// longer than `layers` where draft layers follow.
    std::vector<uint32_t> countsOfLayers(std::string_view key, uint32_t layers) const;
    /// The numbers of an array or the number itself; nothing when absent.
    std::optional<std::vector<int64_t>> integers(std::string_view key) const;

    [[noreturn]] void refuseMissing(std::string_view key) const;

  private:
    const Gguf &file_;
    std::string prefix_;
};

} // namespace longscope::model
