// `longscope summarize`: key sentences with their places, and the model's own summary with what is
// not in the document marked. The quotes come first where the model is too small to be believed.
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_readings.h"
#include "app/summary_report.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"

#include <chrono>
#include <format>

namespace longscope::app {
namespace {

std::vector<document::Document> importFiles(const std::vector<std::string> &paths) {
    std::vector<document::Document> documents;
    for (const std::string &path : paths) {
        documents.push_back(document::importFile(path));
        for (const std::string &warning : documents.back().warnings)
            printWarning(path + ": " + warning);
    }
    return documents;
}

void printTitle(const document::Document &document, size_t documents) {
    if (documents > 1)
        printOut(std::format("== {} ==\n", document.path));
}

int extract(const Options &options, const std::vector<document::Document> &documents) {
    auto start = Clock::now();
    SummaryReport report("extract");
    for (const document::Document &document : documents) {
        auto key = reading::chooseKeySentences(document, options.key_sentences);
        report.addKey(document, key);
        report.addRead(document, nullptr);
        if (options.json)
            continue;
        printTitle(document, documents.size());
        printKeySentences(document, key);
    }
    if (options.json)
        printJson(report.toJson(secondsSince(start)));
    return 0;
}

/// Shows one summary while it comes. Nothing is printed before the reading has begun, because a
/// document that does not fit the window is refused as a whole.
class SummaryPrinter {
  public:
    SummaryPrinter(const document::Document &document, std::vector<reading::KeySentence> key,
                   const engine::ModelFacts &model, ProgressLine &line)
        : document_(document), key_(std::move(key)), model_(model), line_(line),
          quotes_first_(model.parameters < reading::kBelievedParameters) {}

    void begin() {
        if (std::exchange(begun_, true))
            return;
        line_.clear();
        if (quotes_first_ && !key_.empty()) {
            printKeySentences(document_, key_);
            printOut("\n");
        }
        printOut(std::format("Written by {}{}:\n",
                             model_.name.empty() ? model_.architecture : model_.name,
                             quotes_first_ ? ", a very small model, so check it" : ""));
    }
    void sentence(const reading::WrittenSentence &written) {
        begin();
        line_.clear();
        printWritten(written);
    }
    void end() {
        begin();
        if (!quotes_first_ && !key_.empty()) {
            printOut("\n");
            printKeySentences(document_, key_);
        }
    }

  private:
    const document::Document &document_;
    std::vector<reading::KeySentence> key_;
    const engine::ModelFacts &model_;
    ProgressLine &line_;
    bool quotes_first_, begun_ = false;
};

reading::Summary summarizeOne(engine::Worker &worker, const document::Document &document,
                              const Options &options, SummaryPrinter &printer, ProgressLine &line,
                              const std::stop_token &stop) {
    reading::SummaryOptions wanted;
    wanted.key_sentences = options.key_sentences;
    wanted.words = options.words;
    wanted.sampling = sampling(options, wanted.sampling);
    auto on_sentence = [&](const reading::WrittenSentence &sentence) {
        if (!options.json)
            printer.sentence(sentence);
    };
    auto on_progress = [&](const Progress &progress) {
        if (progress.label.empty())
            return;
        if (!options.json)
            printer.begin();
        line.show(progress);
    };
    try {
        reading::Summary summary =
            reading::summarizeWhole(worker, document, wanted, on_sentence, on_progress, stop);
        line.clear();
        return summary;
    } catch (const Error &error) {
        line.clear();
        if (error.kind() != ErrorKind::usage)
            throw;
        throw Error(ErrorKind::model, std::format("{}: {}; its key sentences alone can be had with "
                                                  "--strategy extract",
                                                  document.path, error.what()));
    }
}

int summarize(const Options &options, const std::vector<document::Document> &documents,
              const std::stop_token &stop) {
    auto start = Clock::now();
    ProgressLine line(options.quiet);
    engine::Worker worker(keptReadings(options));
    engine::ModelFacts model = loadModel(worker, options, line, stop);
    bool quote = options.strategy != "whole";
    SummaryReport report("whole");
    for (const document::Document &document : documents) {
        std::vector<reading::KeySentence> key;
        if (quote)
            key = reading::chooseKeySentences(document, options.key_sentences);
        if (!options.json)
            printTitle(document, documents.size());
        SummaryPrinter printer(document, key, model, line);
        reading::Summary summary = summarizeOne(worker, document, options, printer, line, stop);
        bool quotes_first = model.parameters < reading::kBelievedParameters;
        if (quotes_first)
            report.addKey(document, key);
        report.addWritten(document, summary.written);
        if (!quotes_first)
            report.addKey(document, key);
        report.addRead(document, &summary.task);
        if (summary.stopped)
            break;
        if (!options.json)
            printer.end();
        if (summary.written.empty())
            printWarning("the model wrote no whole sentence");
        if (summary.task.finish == engine::Finish::window_full)
            noteFinish(summary.task);
    }
    if (options.json)
        printJson(report.toJson(secondsSince(start)));
    return stop.stop_requested() ? 130 : 0;
}

} // namespace

int runSummarize(const Options &options, std::stop_token stop) {
    std::vector<document::Document> documents = importFiles(options.files);
    if (options.strategy == "extract")
        return extract(options, documents);
    return summarize(options, documents, stop);
}

} // namespace longscope::app
