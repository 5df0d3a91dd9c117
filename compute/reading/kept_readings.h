// A folder of readings: what a model made of a text (its keys and values) is kept while it is read,
// so that the same text is never read twice. A prompt gets back the longest beginning that was read
// before in the same way (model, adapters, positions, cache types, patterns). Those used least
// recently go when the folder is full. Several processes may use it at once: a reading is written
// by one of them and read by all.
#pragma once

#include "compute/engine/keeper.h"
#include "compute/engine/kv_pages.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace longscope::reading {

struct KeptReadingsOptions {
    std::string folder;
    uint64_t least_tokens = 512; ///< shorter prompts are read faster than kept
    /// 0: 8 GB, or a fifth of what the disk has free for it when that is less.
    uint64_t most_bytes = 0;
};

struct KeptReading {
    std::string id; ///< name of its file, without the folder and the ending
    std::string title, model;
    uint64_t tokens = 0, bytes = 0;
    int64_t last_used_unix_s = 0;
    bool pinned = false; ///< stays when others go
    std::string problem; ///< why it is of no use, ""; then title, model and tokens are not known
};

class KeptReadings final : public engine::Keeper {
  public:
    /// Makes the folder, for its owner alone. Throws Error(file) when that cannot be.
    explicit KeptReadings(KeptReadingsOptions options);
    ~KeptReadings() override;

    // ---- of the worker -------------------------------------------------------------------------
    uint64_t begin(engine::Session &session, std::span<const engine::Token> prompt,
                   const ProgressSink &progress, const std::stop_token &stop) override;
    void grown(const engine::Session &session) override;
    void end(const engine::Session &session) override;

    /// Who is told, in one sentence, what could not be kept and why; on the worker's thread.
    void onWarning(std::function<void(const std::string &)> told);

    // ---- of everybody, on any thread: files alone ----------------------------------------------
    const std::string &folder() const { return options_.folder; }
    uint64_t mostBytes() const { return options_.most_bytes; }
    std::vector<KeptReading> list() const; ///< last used first
    /// Throw Error(usage) when there is no such reading.
    void pin(const std::string &id, bool pinned);
    void remove(const std::string &id);
    /// All that are not pinned, or all; how many bytes that were.
    uint64_t purge(bool pinned_too);

  private:
    /// The kept reading that begins most like a prompt.
    struct Match {
        std::string path;
        uint64_t common = 0;     ///< tokens
        uint64_t restorable = 0; ///< of these
        uint64_t total = 0;
        bool is_damaged = false; ///< behind the common tokens
    };
    std::string newPath() const;
    std::string pathOf(const std::string &id) const;
    Match findBest(std::span<const engine::Token> prompt) const;
    uint64_t bringBack(engine::Session &session, Match &match, const ProgressSink &progress,
                       const std::stop_token &stop);
    void prepare(const Match &match, std::span<const engine::Token> prompt);
    bool goOn(const Match &match, std::span<const engine::Token> prompt);
    bool startFrom(const Match &match);
    void append(const engine::Session &session, bool ends);
    void makeRoom(uint64_t bytes);
    void giveUp(const std::string &why);

    KeptReadingsOptions options_;
    // --- of the reading at hand, on the worker's thread ---
    std::string fingerprint_;
    std::string title_;
    std::optional<engine::KvPages> pages_; ///< what grows
    bool wanted_ = false; ///< it should be kept; `pages_` comes with its first page
    std::mutex mutex_;
    std::function<void(const std::string &)> told_;
};

/// What a text is called, from its beginning: its first line, behind "Text:" where prompts have it.
std::string titleOf(std::string_view text);

} // namespace longscope::reading
