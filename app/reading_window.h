// What commands that work on documents share: importing files with their warnings, the window that
// the options leave, the model that reads, what is said of small ones, where a result goes, and
// what an error leaves.
#pragma once

#include "app/options.h"
#include "app/output.h"
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/engine/worker.h"
#include "compute/reading/engine_model.h"

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

/// Tells each document's warnings on standard error.
std::vector<document::Document> importFiles(const std::vector<std::string> &paths);

/// Tokens that prompt and reply may have together: --context, else what the loaded model reaches
/// with the positions that the options choose.
uint64_t windowOf(engine::Worker &worker, const Options &options);

/// The loaded model with that window and the settings that its replies depend on.
reading::EngineModel readingModel(engine::Worker &worker, const Options &options);

/// Why a document is only quoted when the user leaves that open; "" when a model may write. The
/// model's file says how large it is: nothing is loaded.
std::string whyQuoted(const Options &options);

/// On standard error, for a model below a billion parameters: "… : CONSEQUENCE".
void noteSmallModel(const engine::ModelFacts &facts, const Options &options,
                    std::string_view consequence);

/// To the file of --out, or to standard output without one.
void writeResult(std::optional<OutputFile> &file, const std::string &text);

/// The work's result; "usage" of a window or a text becomes "model": the command line was right.
/// `of`: the file that the message begins with, or "".
template <class Work> auto asModelError(Work work, const std::string &of = "") {
    try {
        return work();
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::usage)
            throw;
        throw Error(ErrorKind::model, (of.empty() ? "" : of + ": ") + error.what());
    }
}

/// Works on each document until `work` says false. An error ends it, too, and is given back, so
/// that what is known of the documents before is shown before it is thrown.
template <class Work>
std::exception_ptr forEach(const std::vector<document::Document> &documents, Work work) {
    try {
        for (const document::Document &document : documents)
            if (!asModelError([&] { return work(document); }, document.path))
                break;
    } catch (const Error &) {
        return std::current_exception();
    }
    return nullptr;
}

} // namespace longscope::app
