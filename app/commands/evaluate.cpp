// `longscope evaluate`: how good the program's summaries are with this model, in the figures of a
// table: support, repetition, parts and key points, over a folder of texts whose key points were
// marked by hand. A mode is worth offering with a model when its row here says so.
#include "app/commands/commands.h"
#include "app/evaluation_report.h"
#include "app/follow.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/sentences.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/summarize.h"

#include <algorithm>
#include <filesystem>
#include <format>
#include <functional>
#include <optional>

namespace longscope::app {
namespace {

namespace fs = std::filesystem;
using document::Document;
using Sentences = std::vector<std::string>;

struct MarkedText {
    Document document;
    reading::KeyPoints points;
};

/// The text that belongs to NAME.points: the file NAME with any other ending.
fs::path textBeside(const fs::path &points) {
    std::vector<fs::path> found;
    for (const fs::directory_entry &entry : fs::directory_iterator(points.parent_path()))
        if (entry.path().stem() == points.stem() && entry.path() != points)
            found.push_back(entry.path());
    if (found.size() != 1)
        fail(ErrorKind::file, "{} needs one text of the same name beside it, there are {}",
             points.string(), found.size());
    return found.front();
}

std::vector<MarkedText> readFolder(const std::string &folder) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder, error))
        if (entry.path().extension() == ".points")
            paths.push_back(entry.path());
    if (error)
        fail(ErrorKind::file, "{} cannot be read as a folder: {}", folder, error.message());
    if (paths.empty())
        fail(ErrorKind::file, "{} has no file NAME.points beside a text", folder);
    std::ranges::sort(paths);
    std::vector<MarkedText> texts;
    for (const fs::path &path : paths)
        texts.push_back({document::importFile(textBeside(path).string()),
                         {readWholeFile(path.string()), path.string()}});
    return texts;
}

/// One row of the table: a way to a summary.
struct Recipe {
    std::string name;
    bool samples = false; ///< another seed gives another summary
    std::function<Sentences(const Document &, uint64_t seed)> summarize;
};

Sentences quote(const Document &document, std::span<const document::Sentence> sentences) {
    Sentences out;
    for (const document::Sentence &sentence : sentences)
        out.emplace_back(document.span(sentence.start, sentence.end));
    return out;
}

Recipe keySentences(unsigned count) {
    return {std::format("key sentences, k = {}", count), false,
            [count](const Document &document, uint64_t) {
                std::vector<document::Sentence> sentences;
                for (const reading::KeySentence &key : reading::chooseKeySentences(document, count))
                    sentences.push_back(key.sentence);
                return quote(document, sentences);
            }};
}

/// What any recipe should be better than.
Recipe firstSentences(size_t count) {
    return {std::format("first {} sentences", count), false,
            [count](const Document &document, uint64_t) {
                std::vector<document::Sentence> all = document::splitSentences(document);
                all.resize(std::min(all.size(), count));
                return quote(document, all);
            }};
}

Recipe writtenBy(reading::TextModel &model, const char *name, reading::SummaryOptions wanted,
                 ProgressLine &line, std::stop_token stop) {
    bool samples = wanted.sampling.temperature > 0;
    return {name, samples, [=, &model, &line](const Document &document, uint64_t seed) {
                reading::SummaryOptions options = wanted;
                options.sampling.seed = seed;
                document::ResultsInMemory store; // each run is made anew
                reading::Run run{.model = model, .store = store, .stop = stop};
                run.progress = line.sink();
                Sentences out;
                for (const reading::SourcedSentence &sentence :
                     reading::summarize(document, options, run).sentences)
                    out.push_back(sentence.text);
                return out;
            }};
}

/// The means over the runs of one text.
reading::Measures measure(const Recipe &recipe, const MarkedText &text, unsigned runs,
                          const std::stop_token &stop) {
    reading::Evaluator evaluator(text.document, text.points);
    std::vector<reading::Measures> all;
    for (uint64_t seed = 1; seed <= (recipe.samples ? runs : 1); ++seed) {
        auto start = Clock::now();
        Sentences sentences = recipe.summarize(text.document, seed);
        double seconds = secondsSince(start);
        if (stop.stop_requested())
            fail(ErrorKind::stopped, "stopped at \"{}\" of {}", recipe.name, text.document.path);
        all.push_back(evaluator.measure(sentences));
        all.back().seconds = seconds;
    }
    return reading::meanOf(all);
}

} // namespace

int runEvaluate(const Options &options, std::stop_token stop) {
    std::vector<MarkedText> texts = readFolder(options.files.front());
    ProgressLine line(options.quiet);
    std::optional<engine::Worker> worker;
    std::optional<reading::EngineModel> model;
    EvaluationReport report(options.runs);
    std::vector<Recipe> recipes = {firstSentences(5), keySentences(5), keySentences(8)};
    if (options.strategy != "extract") {
        worker.emplace();
        engine::ModelFacts facts = loadModel(*worker, options, line, stop);
        report.setModel(facts.title());
        model.emplace(readingModel(*worker, options));
        reading::SummaryOptions whole;
        whole.strategy = reading::Strategy::whole;
        whole.wording.words = options.words;
        reading::SummaryOptions greedy = whole, parts;
        greedy.sampling = {.temperature = 0, .repeat_penalty = 1};
        whole.sampling = sampling(options, whole.sampling);
        parts = whole;
        parts.strategy = reading::Strategy::map_reduce;
        recipes.push_back(writtenBy(*model, "whole text, greedy", greedy, line, stop));
        recipes.push_back(writtenBy(*model, "whole text, as summarize does", whole, line, stop));
        recipes.push_back(writtenBy(*model, "map-reduce, as summarize does", parts, line, stop));
    }
    for (const MarkedText &text : texts)
        report.addText(text.document.path, text.points.size());
    for (const Recipe &recipe : recipes) {
        std::vector<reading::Measures> measures;
        for (const MarkedText &text : texts)
            measures.push_back(measure(recipe, text, options.runs, stop));
        line.clear();
        report.addRow(recipe.name, std::move(measures));
    }
    report.print(options.json);
    return 0;
}

} // namespace longscope::app
