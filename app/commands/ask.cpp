// `longscope ask`: an answer with its places; the same question over several documents is a table.
// A model that is too small to be believed is not even loaded: the document is quoted.
#include "app/answer_report.h"
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_readings.h"
#include "app/kept_results.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/summarize.h"

#include <format>
#include <optional>

namespace longscope::app {
namespace {

using document::Document;
using reading::Answer;

void checkQuestions(const std::vector<std::string> &questions) {
    for (const std::string &question : questions) {
        size_t start = 0, end = question.size();
        document::trim(question, start, end);
        if (start == end)
            fail(ErrorKind::usage, "--question: there is nothing asked");
    }
}

/// The models of one run, loaded where needed.
class Models {
  public:
    Models(const Options &options, ProgressLine &line, const std::stop_token &stop)
        : quoted_(options.write ? "" : whyQuoted(options)) {
        bool embeds_itself = options.vectors && options.embed_model.empty();
        if (quoted_.empty() || embeds_itself)
            loadModel(worker_.emplace(keptReadings(options)), options, line, stop);
        if (quoted_.empty())
            writer_.emplace(readingModel(*worker_, options));
        if (!options.embed_model.empty()) {
            Options other = options;
            other.model = options.embed_model;
            other.adapters.clear();
            loadModel(embed_worker_.emplace(), other, line, stop);
            embedder_.emplace(*embed_worker_);
        } else if (embeds_itself) {
            embedder_.emplace(*worker_);
        }
        line.clear();
    }
    reading::TextModel *writer() { return writer_ ? &*writer_ : nullptr; }
    reading::Embedder *embedder() { return embedder_ ? &*embedder_ : nullptr; }
    const std::string &whyQuotedText() const { return quoted_; }

  private:
    std::string quoted_;
    std::optional<engine::Worker> worker_, embed_worker_;
    std::optional<reading::EngineModel> writer_;
    std::optional<reading::EngineEmbedder> embedder_;
};

reading::AskOptions askOptions(const Options &options, Models &models) {
    reading::AskOptions ask;
    if (options.strategy != "auto")
        ask.strategy = options.strategy == "whole" ? reading::AskStrategy::whole
                                                   : reading::AskStrategy::retrieve;
    if (options.write)
        ask.write = true;
    ask.places = options.places;
    ask.most_tokens = options.max_tokens.value_or(ask.most_tokens);
    ask.sampling = sampling(options, ask.sampling);
    ask.without_model = models.whyQuotedText();
    return ask;
}

/// The answers of one document to all questions; fewer after a stop.
std::vector<Answer> askOne(const Document &document, const Options &options, Models &models,
                           document::ResultStore &store, ProgressLine &line,
                           const std::stop_token &stop) {
    reading::Asker asker(document, askOptions(options, models), models.writer());
    if (models.embedder())
        asker.useVectors(*models.embedder(), store, line.sink(), stop);
    std::vector<Answer> answers;
    for (const std::string &question : options.questions) {
        answers.push_back(asker.ask(question, {}, line.sink(), stop));
        if (answers.back().stopped)
            break;
    }
    line.clear();
    return answers;
}

void print(const std::vector<Document> &documents, const std::vector<std::vector<Answer>> &all,
           bool with_question) {
    for (size_t q = 0; q < all.front().size(); ++q) {
        if (with_question)
            printOut(std::format("{}== {} ==\n", q ? "\n" : "", all.front()[q].question));
        if (documents.size() == 1) {
            printAnswer(documents[0], all[0][q]);
            continue;
        }
        std::vector<Answer> answers;
        for (const std::vector<Answer> &own : all)
            if (q < own.size())
                answers.push_back(own[q]);
        printAnswerTable(documents, answers);
    }
}

nlohmann::json toJson(const std::vector<Document> &documents,
                      const std::vector<std::vector<Answer>> &all, bool several) {
    nlohmann::json list = nlohmann::json::array();
    for (size_t q = 0; q < all.front().size(); ++q) {
        std::vector<Answer> answers;
        for (const std::vector<Answer> &own : all)
            if (q < own.size())
                answers.push_back(own[q]);
        list.push_back(answerJson(documents, answers));
    }
    return several ? nlohmann::json{{"answers", list}} : list.front();
}

} // namespace

int runAsk(const Options &options, std::stop_token stop) {
    auto start = Clock::now();
    checkQuestions(options.questions);
    std::vector<Document> documents = importFiles(options.files);
    ProgressLine line(options.quiet);
    Models models(options, line, stop);
    KeptResults results(options);
    std::vector<std::vector<Answer>> all;
    std::exception_ptr failed = forEach(documents, [&](const Document &document) {
        std::unique_ptr<document::ResultStore> store = results.of(document);
        all.push_back(askOne(document, options, models, *store, line, stop));
        return !stop.stop_requested();
    });
    line.clear();
    if (failed && all.empty())
        std::rethrow_exception(failed);
    nlohmann::json report = toJson(documents, all, options.questions.size() > 1);
    report["seconds"] = secondsSince(start);
    results.record({documents.data(), all.size()},
                   {.kind = "answer",
                    .strategy = options.strategy,
                    .settings = {{"questions", options.questions},
                                 {"write", options.write},
                                 {"places", options.places},
                                 {"vectors", options.vectors},
                                 {"embedding_model", options.embed_model}},
                    .result = report,
                    .finished = !failed && !stop.stop_requested()});
    if (options.json) {
        printJson(report);
    } else {
        print(documents, all, options.questions.size() > 1);
    }
    if (failed)
        std::rethrow_exception(failed);
    return stop.stop_requested() ? statusOf(ErrorKind::stopped) : 0;
}

} // namespace longscope::app
