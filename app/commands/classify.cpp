// `longscope classify`: which of the given labels fits each document, and the sections that
// decided.
#include "compute/reading/classify.h"
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_readings.h"
#include "app/kept_results.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/places.h"
#include "compute/reading/engine_scorer.h"

#include <algorithm>
#include <format>
#include <numeric>

namespace longscope::app {
namespace {

using nlohmann::json;

constexpr size_t kQuoteBytes = 70;

reading::ClassifyBy wayOf(const std::string &strategy) {
    if (strategy == "whole")
        return reading::ClassifyBy::whole;
    return strategy == "sections" ? reading::ClassifyBy::sections : reading::ClassifyBy::fitting;
}

void printResult(const document::Document &document, const reading::Classification &result,
                 const std::vector<std::string> &labels, size_t documents) {
    if (documents > 1)
        printOut(std::format("== {} ==\n", document.path));
    std::vector<size_t> order(labels.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater(),
                             [&](size_t label) { return result.probabilities[label]; });
    for (size_t label : order)
        printOut(std::format("{:6.1f} %  {}\n", 100 * result.probabilities[label], labels[label]));
    if (result.whole)
        return;
    printOut(std::format("Decided by, of {} sections:\n", result.sections.size()));
    for (size_t i : reading::decidingSections(result)) {
        const reading::ClassifiedSection &section = result.sections[i];
        std::string_view text = document.span(section.start, section.end);
        printOut(std::format("- {:.1f} % {}: \"{}\"  [{}]\n",
                             100 * section.probabilities[result.winner], labels[result.winner],
                             document::firstWords(text, kQuoteBytes),
                             document::placeOf(document, section.start)));
    }
}

json asJson(const document::Document &document, const reading::Classification &result,
            const std::vector<std::string> &labels) {
    json probabilities = json::array(), sections = json::array();
    for (size_t i = 0; i < labels.size(); ++i)
        probabilities.push_back({{"label", labels[i]}, {"probability", result.probabilities[i]}});
    for (const reading::ClassifiedSection &section : result.sections)
        sections.push_back({{"start", section.start},
                            {"end", section.end},
                            {"probabilities", section.probabilities},
                            {"lead", section.lead}});
    return {{"file", document.path},
            {"labels", probabilities},
            {"winner", labels[result.winner]},
            {"strategy", result.whole ? "whole" : "sections"},
            {"sections", sections},
            {"deciding", reading::decidingSections(result)},
            {"calls", result.calls},
            {"prompt_tokens", result.prompt_tokens}};
}

} // namespace

int runClassify(const Options &options, std::stop_token stop) {
    auto start = Clock::now();
    std::vector<document::Document> documents = importFiles(options.files);
    reading::ClassifyOptions wanted;
    wanted.labels = options.labels;
    wanted.by = wayOf(options.strategy);
    wanted.question = options.question;
    reading::checkLabels(wanted.labels);
    ProgressLine line(options.quiet);
    engine::Worker worker(keptReadings(options));
    engine::ModelFacts facts = loadModel(worker, options, line, stop);
    reading::EngineModel model = readingModel(worker, options);
    reading::EngineScorer scorer(model);
    reading::Classifier classifier(scorer, wanted);
    KeptResults results(options);
    json files = json::array();
    std::exception_ptr failed = forEach(documents, [&](const document::Document &document) {
        reading::Classification result = classifier.classify(document, line.sink(), stop);
        line.clear();
        files.push_back(asJson(document, result, options.labels));
        results.record({&document, 1},
                       {.kind = "classification",
                        .strategy = files.back()["strategy"],
                        .settings = {{"labels", options.labels}, {"question", options.question}},
                        .result = files.back(),
                        .finished = true});
        if (!options.json)
            printResult(document, result, options.labels, documents.size());
        return true;
    });
    line.clear();
    if (failed && files.empty())
        std::rethrow_exception(failed);
    if (options.json) {
        json answer = documents.size() == 1 ? files[0] : json{{"files", files}};
        answer["seconds"] = secondsSince(start);
        printJson(answer);
    }
    if (failed)
        std::rethrow_exception(failed);
    noteSmallModel(facts, options, "take its probabilities as a hint");
    return 0;
}

} // namespace longscope::app
