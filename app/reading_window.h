// What commands that work on documents share: importing files with their warnings, the window that
// the options leave, what is said of small models, and where a result goes.
#pragma once

#include "app/options.h"
#include "app/output.h"
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/engine/worker.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

/// Tells each document's warnings on standard error.
std::vector<document::Document> importFiles(const std::vector<std::string> &paths);

/// Tokens that prompt and reply may have together: --context, else what the loaded model reaches
/// with the positions that the options choose.
uint64_t windowOf(engine::Worker &worker, const Options &options);

/// On standard error, for a model below a billion parameters: "… : CONSEQUENCE".
void noteSmallModel(const engine::ModelFacts &facts, const Options &options,
                    std::string_view consequence);

/// To the file of --out, or to standard output without one.
void writeResult(std::optional<OutputFile> &file, const std::string &text);

/// The work's result; "usage" of a window or a text becomes "model": the command line was right.
template <class Work> auto asModelError(Work work) {
    try {
        return work();
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::usage)
            throw;
        throw Error(ErrorKind::model, error.what());
    }
}

} // namespace longscope::app
