// Where commands keep what they have finished, so that the same command goes on after a stop: in the
// user's library, or, when that cannot be used, in memory.
#pragma once

#include "app/options.h"
#include "compute/document/library.h"

#include <memory>

namespace longscope::app {

class KeptResults {
  public:
    /// Without a library a warning says so.
    explicit KeptResults(const Options &options);

    bool isLasting() const { return library_ != nullptr; } ///< there for the next command, too
    /// Of no document.
    document::ResultStore &general();
    /// Of one, which goes into the library; they are forgotten together.
    std::unique_ptr<document::ResultStore> of(const document::Document &document);

  private:
    std::unique_ptr<document::Library> library_;
    document::ResultsInMemory memory_;
};

} // namespace longscope::app
