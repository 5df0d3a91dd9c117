#include "app/kept_results.h"

namespace longscope::app {

KeptResults openResults(const Options &) {
    return {.store = std::make_unique<document::ResultsInMemory>(), .lasting = false};
}

} // namespace longscope::app
