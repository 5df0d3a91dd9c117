#include "app/desk/survey_reader.h"

#include "compute/core/error.h"
#include "compute/document/places.h"
#include "compute/reading/ask.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::app {
namespace {

constexpr size_t kClosestPlaces = 3; ///< shown when nothing was found
constexpr size_t kSectionBytes = 90; ///< first words of one that decided

ui::SurveyPlace placeOf(const document::Document &document, const reading::Source &source) {
    return {.start = source.start,
            .end = source.end,
            .place = document::placeOf(document, source.start),
            .text = {},
            .share = source.score};
}

} // namespace

SurveyReader::SurveyReader(Core &core, Library &library, const ReadingFacts &facts,
                           const ui::Survey &survey)
    : library_(library), facts_(facts), question_(survey.question),
      has_labels_(!survey.labels.empty()), by_vectors_(survey.by_vectors) {
    if (facts_.model)
        model_.emplace(core, facts_);
    if (model_ && by_vectors_)
        embedder_.emplace(core.worker());
    if (!has_labels_)
        return;
    if (!model_)
        fail(ErrorKind::usage, "a model says which label fits, and none is loaded");
    scorer_.emplace(model_->engineModel());
    classifier_.emplace(*scorer_,
                        reading::ClassifyOptions{.labels = survey.labels, .question = question_});
}

ui::SurveyRow SurveyReader::read(const document::Document &document, uint64_t id,
                                 const ProgressSink &progress, std::stop_token stop) {
    ui::SurveyRow row{.document = id, .title = document::oneLine(document.title)};
    has_read_ = hasRead() || has_labels_;
    sent_ = {};
    if (model_)
        model_->sent.clear();
    if (has_labels_)
        classify(document, row, model_->withMemory(progress), stop);
    else
        answer(document, row, progress, stop);
    row.state = ui::SurveyRow::State::done;
    if (has_labels_)
        sent_ = sentPieces(document, id, classifier_->request(document.text).messages, 0, 0, "");
    else if (model_ && !model_->sent.empty())
        sent_ = sentPieces(document, id, model_->sent, 0, 0, model_->task.text);
    return row;
}

void SurveyReader::answer(const document::Document &document, ui::SurveyRow &row,
                          const ProgressSink &progress, const std::stop_token &stop) {
    reading::Asker asker(document, {}, model_ ? &*model_ : nullptr);
    if (embedder_) {
        document::DocumentResults store(library_, row.document);
        asker.useVectors(*embedder_, store, progress, stop);
    }
    reading::Answer answer = asker.ask(question_, {}, progress, stop);
    if (answer.stopped || stop.stop_requested())
        fail(ErrorKind::stopped, "stopped");
    row.text = answer.text;
    row.found = answer.found;
    row.quoted = !answer.written;
    if (!answer.found) {
        for (const reading::Source &source : answer.sources)
            if (row.places.size() < kClosestPlaces)
                row.places.push_back(placeOf(document, source));
        return;
    }
    const reading::Source *best = reading::bestSource(answer);
    for (const reading::SourcedSentence &sentence : answer.sentences) {
        if (!sentence.supported || sentence.sources.empty())
            continue;
        const reading::Source &source = sentence.sources.front();
        auto at = &source == best ? row.places.begin() : row.places.end();
        row.places.insert(at, placeOf(document, source));
    }
}

void SurveyReader::classify(const document::Document &document, ui::SurveyRow &row,
                            const ProgressSink &progress, const std::stop_token &stop) {
    reading::Classification result = classifier_->classify(document, progress, stop);
    row.found = true;
    row.probabilities = result.probabilities;
    row.sections = result.sections.size();
    if (result.whole)
        return;
    for (size_t i : reading::decidingSections(result)) {
        const reading::ClassifiedSection &section = result.sections[i];
        std::string_view text = document.span(section.start, section.end);
        row.places.push_back({.start = section.start,
                              .end = section.end,
                              .place = document::placeOf(document, section.start),
                              .text = document::firstWords(text, kSectionBytes),
                              .share = section.probabilities[result.winner]});
    }
}

std::string SurveyReader::note() const {
    if (has_labels_)
        return facts_.is_small ? std::format("{} is very small: take its probabilities as a hint.",
                                             facts_.modelName())
                               : std::format("By {}.", facts_.modelName());
    std::string how =
        !facts_.model ? "Quoted, because there is no model."
        : facts_.is_small
            ? std::format("Quoted, because {} is too small to be believed.", facts_.modelName())
            : std::format("In the words of {}.", facts_.modelName());
    if (embedder_)
        how += " Places were looked for by words and by vectors.";
    else if (by_vectors_)
        how += " Places were looked for by words alone: vectors need a model.";
    return how;
}

} // namespace longscope::app
