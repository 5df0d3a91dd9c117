// Where commands keep what they have finished, so that the same command goes on after a stop.
#pragma once

#include "app/options.h"
#include "compute/document/result_store.h"

#include <memory>

namespace longscope::app {

struct KeptResults {
    std::unique_ptr<document::ResultStore> store; ///< never null
    bool lasting = false;                         ///< what is kept is there for the next command
};

KeptResults openResults(const Options &options);

} // namespace longscope::app
