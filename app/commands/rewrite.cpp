// `longscope rewrite`: a document translated or rewritten part by part; what a part lost of terms,
// names and numbers is told.
#include "compute/reading/rewrite.h"
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_results.h"
#include "app/long_result.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"
#include "compute/core/text.h"
#include "compute/document/places.h"
#include "compute/reading/engine_model.h"

#include <format>
#include <optional>

namespace longscope::app {
namespace {

using nlohmann::json;
using reading::RewrittenPart;

void addList(std::string &to, const char *what, const std::vector<std::string> &items) {
    if (items.empty())
        return;
    to += (to.empty() ? "" : "; ") + std::string(what) + " ";
    for (size_t i = 0; i < items.size(); ++i)
        to += (i > 0 ? ", " : "") + items[i];
}

void tellProblems(const document::Document &document, const RewrittenPart &part) {
    std::string problems;
    addList(problems, "missing terms:", part.missing_terms);
    addList(problems, "missing names:", part.missing_names);
    addList(problems, "missing numbers:", part.missing_numbers);
    addList(problems, "numbers that the text has not:", part.added_numbers);
    if (part.cut)
        problems += std::string(problems.empty() ? "" : "; ") + "it ends too early";
    if (!problems.empty())
        printWarning(std::format("{}: {}", document::placeOf(document, part.start), problems));
}

json asJson(const RewrittenPart &part) {
    constexpr const char *kKinds[] = {"heading", "text", "kept"};
    return {{"kind", kKinds[static_cast<int>(part.kind)]},
            {"start", part.start},
            {"end", part.end},
            {"text", part.text},
            {"missing_terms", part.missing_terms},
            {"missing_names", part.missing_names},
            {"missing_numbers", part.missing_numbers},
            {"added_numbers", part.added_numbers},
            {"cut", part.cut},
            {"inside_sentence", part.inside_sentence}};
}

} // namespace

int runRewrite(const Options &options, std::stop_token stop) {
    auto start = Clock::now();
    document::Document document = std::move(importFiles(options.files).front());
    reading::RewriteOptions wanted{.instruction = options.instruction,
                                   .language = options.language};
    if (!options.terms.empty())
        wanted.terms = reading::readTerms(readWholeFile(options.terms), options.terms);
    wanted.sampling = sampling(options, wanted.sampling);
    std::optional<OutputFile> file;
    if (!options.out.empty())
        file.emplace(options.out); // before the work: a folder that is missing is told now
    ProgressLine line(options.quiet);
    engine::Worker worker;
    engine::ModelFacts facts = loadModel(worker, options, line, stop);
    noteSmallModel(facts, options, "its texts lose and invent facts: compare with the source");
    reading::EngineModel model = readingModel(worker, options);
    KeptResults results(options);
    std::unique_ptr<document::ResultStore> store = results.of(document);
    auto on_part = [&](const RewrittenPart &part) {
        line.clear();
        tellProblems(document, part);
    };
    reading::Rewriting result = asModelError([&] {
        return reading::rewriteDocument(model, document, wanted, *store, on_part, line.sink(),
                                        stop);
    });
    line.clear();
    if (size_t inside = result.insideSentences(); inside > 0)
        printWarning(std::format("{}: {} of {} parts begin or end inside a sentence that is longer "
                                 "than a part.",
                                 document.path, inside, result.parts.size()));
    json parts = json::array();
    for (const RewrittenPart &part : result.parts)
        parts.push_back(asJson(part));
    return giveResult(options, file, result, "parts", parts, start);
}

} // namespace longscope::app
