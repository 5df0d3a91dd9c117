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
#include "compute/model/config.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/strategies/strategies.h"

#include <format>
#include <utility>

namespace longscope::app {
namespace {

using document::Document;
using reading::Strategy;

reading::SummaryOptions summaryOptions(const Options &options) {
    reading::SummaryOptions wanted;
    wanted.strategy = *reading::findStrategy(options.strategy);
    wanted.wording = {.words = options.words,
                      .style = options.style == "bullets" ? reading::Style::bullets
                                                          : reading::Style::prose,
                      .language = options.language,
                      .instruction = options.instruction};
    wanted.key_sentences = options.key_sentences;
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
        if (!options_.json && inLine() && sentences_ > 0)
            printOut("\n");
        if (!summary.sentences.empty() || summary.stopped)
            return;
        printWarning(document_->path + (summary.strategy == Strategy::extract
                                            ? ": the document has no sentence that could be quoted"
                                            : ": no sentence that the model wrote could be kept"));
    }
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
    SummaryReport report_;
};

/// Why the document is quoted although the user left it open; "" when a model may write. The file
/// says how large the model is: nothing is loaded.
std::string whyQuotes(const Options &options) {
    model::Gguf file = model::Gguf::open(modelPath(options));
    model::Config config = model::readConfig(file);
    return reading::isSmall(config.parameters)
               ? reading::smallModelReason(config.name, config.parameters)
               : "";
}

void quote(const Document &document, const Options &options, const std::string &reason,
           Shown &shown) {
    shown.begin(document, "Key sentences, quoted from the document");
    reading::Summary summary = reading::quoteKeySentences(document, options.key_sentences, reason);
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
          model_(worker_, settingsText(options)), results_(options),
          wanted_(summaryOptions(options)) {
        wanted_.window_tokens = windowOf(worker_, options);
    }

    /// False when it was stopped.
    bool write(const Document &document) {
        try {
            return writeOne(document);
        } catch (const Error &error) {
            line_.clear();
            if (error.kind() == ErrorKind::stopped) // while the calls were planned
                return false;
            if (error.kind() != ErrorKind::usage)
                throw;
            throw Error(ErrorKind::model, std::format("{}: {}", document.path, error.what()));
        }
    }

  private:
    bool writeOne(const Document &document) {
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
        note(document, plan, summary);
        return !summary.stopped;
    }

    std::string writtenBy(const reading::Plan &plan) const {
        return std::format("Written by {}{}", facts_.title(),
                           plan.small_model ? ", a very small model, so check it" : "");
    }

    void note(const Document &document, const reading::Plan &plan,
              const reading::Summary &summary) const {
        if (summary.cut)
            printNote(std::format("longscope: {}: the window is full, the last call was cut",
                                  document.path));
        if (options_.quiet)
            return;
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
                         : options.strategy == "auto"  ? whyQuotes(options)
                                                       : "";
    if (!reason.empty()) {
        if (options.strategy == "auto" && !options.quiet)
            printNote(std::format("longscope: quotes only, because {} (--strategy whole or "
                                  "map-reduce lets it write)",
                                  reason));
        for (const Document &document : documents)
            quote(document, options, reason, shown);
        shown.finish(secondsSince(start));
        return 0;
    }
    Writer writer(options, shown, stop);
    start = Clock::now(); // loading is told apart
    bool whole = true;
    for (size_t i = 0; i < documents.size() && whole; ++i)
        whole = writer.write(documents[i]);
    shown.finish(secondsSince(start));
    return whole ? 0 : 130;
}

} // namespace longscope::app
