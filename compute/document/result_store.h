// Where long work keeps what it has finished, so that a stopped run goes on and a changed section
// redoes only what hangs on it. The library is one; the one in memory is for texts that shall leave
// no trace, and for tests.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace longscope::document {

/// Any thread may call it.
class ResultStore {
  public:
    virtual ~ResultStore() = default;
    /// What was kept under this name, byte for byte. `kind` is of the work ("summary step",
    /// "sentence vectors"); `key` says all that the result depends on, or is a hash of it.
    virtual std::optional<std::string> find(std::string_view kind, std::string_view key) const = 0;
    /// On the disk when it returns. What was kept there before is replaced.
    virtual void keep(std::string_view kind, std::string_view key, std::string_view bytes) = 0;
    /// The same of many, whole or not at all: no kill leaves only some of them.
    struct Item {
        std::string key, bytes;
    };
    virtual void keepAll(std::string_view kind, std::span<const Item> items) = 0;
};

class ResultsInMemory final : public ResultStore {
  public:
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override {
        std::scoped_lock lock(mutex_);
        auto found = results_.find({std::string(kind), std::string(key)});
        return found == results_.end() ? std::nullopt : std::optional(found->second);
    }
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override {
        std::scoped_lock lock(mutex_);
        results_[{std::string(kind), std::string(key)}] = bytes;
    }
    void keepAll(std::string_view kind, std::span<const Item> items) override {
        for (const Item &item : items)
            keep(kind, item.key, item.bytes);
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::string> results_;
};

} // namespace longscope::document
