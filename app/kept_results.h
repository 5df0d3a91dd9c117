// Where commands keep what they have finished, so that the same command goes on after a stop: in
// the user's library, or, when that cannot be used, in memory.
#pragma once

#include "app/options.h"
#include "compute/document/library.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <span>
#include <string>

namespace longscope::app {

/// What came of a command.
struct CommandRun {
    std::string kind, strategy;
    nlohmann::json settings = {}; ///< beside those of every command that a model reads for
    nlohmann::json result = {};
    bool finished = false;
};

class KeptResults {
  public:
    /// Without a library a warning says so.
    explicit KeptResults(const Options &options); ///< which stay

    bool isLasting() const { return library_ != nullptr; } ///< there for the next command, too
    /// Of no document.
    document::ResultStore &general();
    /// Of one, which goes into the library; they are forgotten together.
    std::unique_ptr<document::ResultStore> of(const document::Document &document);
    /// Keeps it beside the documents, which go into the library; it takes the place of what the
    /// same settings gave before.
    void record(std::span<const document::Document> documents, CommandRun run);

  private:
    const Options &options_;
    std::unique_ptr<document::Library> library_;
    document::ResultsInMemory memory_;
};

} // namespace longscope::app
