// `longscope summarize`: what will be done and how long it takes, the sentences as they come with
// their places, and the same as JSON. Quotes need no model and no device.
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_readings.h"
#include "app/kept_results.h"
#include "app/reading_window.h"
#include "app/summary_report.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/strategies/strategies.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::app {
namespace {

using document::Document;
using reading::Strategy;

constexpr unsigned kWordsOfKeySentence = 15;

unsigned keySentences(const Options &options) {
    return options.key_sentences > 0 ? options.key_sentences
                                     : std::max(options.words / kWordsOfKeySentence, 1u);
}

reading::SummaryOptions summaryOptions(const Options &options) {
    reading::SummaryOptions wanted;
    wanted.strategy = *reading::findStrategy(options.strategy);
    wanted.wording = {.words = options.words,
                      .style = options.style == "bullets" ? reading::Style::bullets
                                                          : reading::Style::prose,
                      .language = options.language,
                      .instruction = options.instruction};
    wanted.key_sentences = keySentences(options);
    wanted.sampling = sampling(options, wanted.sampling);
    return wanted;
}

/// Shows the summaries of the documents one after another.
class Shown {
  public:
    Shown(const Options &options, size_t documents) : options_(options), documents_(documents) {}

    /// `by`: "Written by Llama", "Key sentences, quoted from the document"; printed with the first
    /// sentence, because a document may be refused before.
    void begin(const Document &document, std::string by) {
        document_ = &document;
        by_ = std::move(by);
        sentences_ = 0;
    }
    void sentence(const reading::SourcedSentence &sentence) {
        if (options_.json)
            return;
        if (sentences_++ == 0) {
            if (documents_ > 1)
                printOut(std::format("== {} ==\n", document_->path));
            printOut(by_ + ":\n");
        }
        printSentence(*document_, sentence, inLine());
    }
    void end(const reading::Summary &summary) {
        report_.add(*document_, summary);
        has_some_ = true;
        if (!options_.json && inLine() && sentences_ > 0)
            printOut("\n");
        if (!summary.sentences.empty() || summary.stopped)
            return;
        printWarning(document_->path + (summary.strategy == Strategy::extract
                                            ? ": the document has no sentence that could be quoted"
                                            : ": no sentence that the model wrote could be kept"));
    }
    /// A document has been done.
    bool hasSome() const { return has_some_; }
    void finish(double seconds) const {
        if (options_.json)
            printJson(report_.toJson(seconds));
    }

  private:
    bool inLine() const { return options_.style == "prose"; }

    const Options &options_;
    size_t documents_;
    const Document *document_ = nullptr;
    std::string by_;
    size_t sentences_ = 0;
    bool has_some_ = false;
    SummaryReport report_;
};

void quote(const Document &document, const Options &options, const std::string &reason,
           Shown &shown) {
    shown.begin(document, "Key sentences, quoted from the document");
    reading::Summary summary = reading::quoteKeySentences(document, keySentences(options), reason);
    for (const reading::SourcedSentence &sentence : summary.sentences)
        shown.sentence(sentence);
    shown.end(summary);
}

/// Summaries by a loaded model.
class Writer {
  public:
    Writer(const Options &options, Shown &shown, const std::stop_token &stop)
        : options_(options), shown_(shown), stop_(stop), line_(options.quiet),
          worker_(keptReadings(options)), facts_(loadModel(worker_, options, line_, stop)),
          model_(readingModel(worker_, options)), results_(options),
          wanted_(summaryOptions(options)) {}

    /// False when it was stopped.
    bool write(const Document &document) {
        reading::Plan plan = reading::planSummary(document, &model_, wanted_, stop_);
        for (const std::string &warning : plan.warnings)
            printWarning(warning);
        if (plan.strategy == Strategy::extract) {
            quote(document, options_, plan.reason, shown_);
            return true;
        }
        reading::Speeds speeds =
            reading::speedsOf(model_, results_.general(), stop_, plan.together);
        if (stop_.stop_requested())
            return false;
        if (!options_.quiet && plan.calls() > 1)
            printNote("longscope: " + describePlan(plan, reading::forecastSeconds(plan, speeds)));
        shown_.begin(document, writtenBy(plan));
        std::unique_ptr<document::ResultStore> store = results_.of(document);
        reading::Run run{.model = model_, .store = *store, .stop = stop_};
        run.on_sentence = [this](const reading::SourcedSentence &sentence) {
            line_.clear();
            shown_.sentence(sentence);
        };
        run.progress = line_.sink();
        reading::Summary summary =
            reading::runPlan(document, plan, wanted_, run, std::move(speeds));
        line_.clear();
        shown_.end(summary);
        record(document, plan, summary);
        note(document, plan, summary);
        return !summary.stopped;
    }
    void clearLine() { line_.clear(); }

  private:
    std::string writtenBy(const reading::Plan &plan) const {
        return std::format("Written by {}{}", facts_.title(),
                           plan.small_model ? ", a very small model, so check it" : "");
    }

    void record(const Document &document, const reading::Plan &plan,
                const reading::Summary &summary) {
        SummaryReport report;
        report.add(document, summary);
        results_.record({&document, 1},
                        {.kind = "summary",
                         .strategy = std::string(reading::strategyName(plan.strategy)),
                         .settings = {{"words", options_.words},
                                      {"style", options_.style},
                                      {"language", options_.language},
                                      {"instruction", options_.instruction}},
                         .result = report.toJson(summary.seconds),
                         .finished = !summary.stopped});
    }

    void note(const Document &document, const reading::Plan &plan,
              const reading::Summary &summary) const {
        if (summary.cut)
            printNote(std::format("longscope: {}: the window is full, the last call was cut",
                                  document.path));
        if (options_.quiet)
            return;
        if (!summary.stopped)
            printNote("longscope: " + coverageText(document, summary));
        if (summary.dropped_unsupported > 0)
            printNote(std::format("longscope: left out because their words are not in what they "
                                  "were written of: {} sentences or passages",
                                  summary.dropped_unsupported));
        if (summary.stopped && plan.calls() > 1)
            printNote(
                std::format("longscope: stopped after {} of about {} calls{}", summary.calls(),
                            plan.expectedCalls(),
                            results_.isLasting() ? "; the same command goes on from there" : ""));
    }

    const Options &options_;
    Shown &shown_;
    std::stop_token stop_;
    ProgressLine line_;
    engine::Worker worker_;
    engine::ModelFacts facts_;
    reading::EngineModel model_;
    KeptResults results_;
    reading::SummaryOptions wanted_;
};

} // namespace

int runSummarize(const Options &options, std::stop_token stop) {
    std::vector<Document> documents = importFiles(options.files);
    auto start = Clock::now();
    Shown shown(options, documents.size());
    std::string reason = options.strategy == "extract" ? "it was asked for"
                         : options.strategy == "auto"  ? whyQuoted(options)
                                                       : "";
    if (!reason.empty()) {
        if (options.strategy == "auto" && !options.quiet)
            printNote(std::format("longscope: quotes only, because {} (--strategy whole or "
                                  "map-reduce lets it write)",
                                  reason));
        if (!options.language.empty() || !options.instruction.empty())
            printWarning("quotes stay as they are: --language and --instruction are for a model "
                         "that writes");
        for (const Document &document : documents)
            quote(document, options, reason, shown);
        shown.finish(secondsSince(start));
        return 0;
    }
    Writer writer(options, shown, stop);
    start = Clock::now(); // loading is told apart
    bool whole = true;
    std::exception_ptr failed = forEach(
        documents, [&](const Document &document) { return whole = writer.write(document); });
    writer.clearLine();
    if (!failed || shown.hasSome())
        shown.finish(secondsSince(start));
    if (failed)
        std::rethrow_exception(failed);
    return whole ? 0 : statusOf(ErrorKind::stopped);
}

} // namespace longscope::app
