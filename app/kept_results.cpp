#include "app/kept_results.h"

#include "app/library_access.h"

namespace longscope::app {

KeptResults::KeptResults(const Options &options) : library_(tryLibrary(options)) {}

document::ResultStore &KeptResults::general() {
    if (library_)
        return *library_;
    return memory_;
}

std::unique_ptr<document::ResultStore> KeptResults::of(const document::Document &document) {
    if (!library_)
        return std::make_unique<document::ResultsInMemory>();
    return std::make_unique<document::DocumentResults>(*library_, library_->addDocument(document));
}

} // namespace longscope::app
