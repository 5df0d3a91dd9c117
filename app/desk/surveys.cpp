// The same asked of several documents: results come document by document, are kept as they come,
// and a survey that was stopped goes on with those that have none.
#include "app/desk/parts.h"
#include "app/desk/survey_reader.h"
#include "app/desk/survey_record.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/places.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::app {
namespace {

using State = ui::SurveyRow::State;

constexpr std::chrono::seconds kBetweenStores{1}; ///< a crash loses at most this of one that grows
constexpr double kReckonFrom = 0.02;              ///< of all the work, before it is forecast
constexpr size_t kNameBytes = 60;

std::string cleaned(std::string_view text) {
    return repairUtf8(document::trimmed(text));
}

/// "\"Who paid for it?\"", "the labels sport, law"
std::string nameOf(const ui::Survey &survey) {
    if (survey.labels.empty())
        return std::format("\"{}\"", document::firstWords(survey.question, kNameBytes));
    std::string labels;
    for (const std::string &label : survey.labels)
        labels += (labels.empty() ? "" : ", ") + label;
    return "the labels " + document::firstWords(labels, kNameBytes);
}

std::string countText(size_t documents) {
    return documents == 1 ? "1 document" : std::format("{} documents", documents);
}

/// Progress on one document as progress on all of them; what is left goes by their bytes.
class SurveyProgress {
  public:
    SurveyProgress(TaskRun &run, std::vector<uint64_t> bytes)
        : run_(run), bytes_(std::move(bytes)) {
        for (uint64_t one : bytes_)
            all_ += static_cast<double>(one);
    }

    ProgressSink next() {
        if (at_ > 0)
            before_ += static_cast<double>(bytes_[at_ - 1]);
        ++at_;
        within_ = 0;
        show({});
        return [this](const Progress &now) { show(now); };
    }

  private:
    void show(const Progress &now) {
        if (now.total > 0) // several phases: it does not go back
            within_ =
                std::max(within_, static_cast<double>(now.done) / static_cast<double>(now.total));
        double share =
            all_ > 0 ? (before_ + within_ * static_cast<double>(bytes_[at_ - 1])) / all_ : 0;
        double seconds = secondsSince(start_);
        Progress shown = now;
        shown.label = std::format("document {} of {}", at_, bytes_.size());
        if (!now.label.empty())
            shown.label += ", " + now.label;
        shown.seconds = seconds;
        shown.remaining_s = share > kReckonFrom ? seconds * (1 - share) / share : -1;
        run_.progress(shown);
    }

    TaskRun &run_;
    std::vector<uint64_t> bytes_;
    Clock::time_point start_ = Clock::now();
    double all_ = 0, before_ = 0, within_ = 0;
    size_t at_ = 0; ///< the document that is read, from 1
};

} // namespace

SurveysPart::SurveysPart(Core &core, Library &library, ModelPart &model, AttentionPart &attention)
    : core_(core), library_(library), model_(model), attention_(attention) {
    auto &surveys = core_.draft.library.surveys;
    for (const document::StoredRun &run : library_.runs())
        if (auto survey = surveyOf(run))
            surveys.push_back(std::make_shared<const ui::Survey>(std::move(*survey)));
    std::ranges::sort(surveys, std::greater{}, [](const auto &survey) { return survey->id; });
}

// ---- commands ----------------------------------------------------------------------------------

void SurveysPart::handle(const command::StartSurvey &start) {
    ui::Survey survey;
    survey.question = cleaned(start.question);
    for (const std::string &label : start.labels)
        survey.labels.push_back(cleaned(label));
    survey.by_vectors = start.by_vectors && survey.labels.empty();
    if (!survey.labels.empty())
        reading::checkLabels(survey.labels);
    else if (survey.question.empty())
        fail(ErrorKind::usage, "nothing is asked: the question is empty");
    for (uint64_t id : start.documents)
        if (auto facts = library_.documentFacts(id))
            survey.rows.push_back({.document = id, .title = document::oneLine(facts->title)});
    if (start.documents.empty())
        fail(ErrorKind::usage, "no document is chosen");
    if (survey.rows.empty())
        fail(ErrorKind::usage, "none of the {} chosen documents is in the library",
             start.documents.size());
    uint64_t id = add(std::move(survey));
    run(id);
}

void SurveysPart::handle(const command::GoOnSurvey &go_on) {
    auto survey = find(go_on.survey);
    if (survey && !survey->growing)
        run(survey->id);
}

void SurveysPart::handle(const command::RemoveSurvey &remove) {
    auto survey = find(remove.survey);
    if (!survey)
        return;
    if (survey->growing)
        core_.stopTask(survey->task);
    std::erase(core_.draft.library.surveys, survey);
    library_.removeRun(survey->id);
    core_.undoable("Removed what came of " + nameOf(*survey) + ".", [this, survey] {
        ui::Survey again = *survey;
        again.growing = false;
        add(std::move(again));
    });
}

// ---- running -----------------------------------------------------------------------------------

void SurveysPart::run(uint64_t id) {
    model_.ensure();
    auto survey = find(id);
    size_t left = survey->rows.size() - survey->count(State::done);
    std::string title =
        std::format("{} {}", survey->labels.empty() ? "Ask" : "Label", countText(left));
    uint64_t task = core_.start(
        Lane::engine, std::move(title), [this, id](TaskRun &run) { read(run, id); },
        [this, id] { change(id, [](ui::Survey &ended) { ended.growing = false; }); });
    change(id, [task](ui::Survey &begun) {
        begun.growing = true;
        begun.task = task;
        for (ui::SurveyRow &row : begun.rows)
            if (row.state == State::failed)
                row.state = State::waiting;
    });
}

/// On the task's thread.
void SurveysPart::read(TaskRun &run, uint64_t id) {
    auto [survey, facts] =
        askDesk(run, [this, id] { return std::pair(find(id), readingFacts(core_)); });
    if (!survey)
        return; // it was removed
    auto note = [&](const std::string &text) {
        run.change([this, id, text] { change(id, [&](ui::Survey &own) { own.note = text; }); });
    };
    try {
        SurveyReader reader(core_, library_, facts, *survey);
        note(reader.note());
        readRows(run, *survey, reader);
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::stopped)
            note(error.what());
        throw;
    }
}

void SurveysPart::readRows(TaskRun &run, const ui::Survey &survey, SurveyReader &reader) {
    std::vector<size_t> left;
    std::vector<uint64_t> bytes;
    for (size_t i = 0; i < survey.rows.size(); ++i) {
        if (survey.rows[i].state == State::done)
            continue;
        auto facts = library_.documentFacts(survey.rows[i].document);
        left.push_back(i);
        bytes.push_back(facts ? facts->text_bytes : 0);
    }
    SurveyProgress progress(run, std::move(bytes));
    for (size_t i : left) {
        if (run.stop().stop_requested())
            break;
        ui::SurveyRow row = survey.rows[i];
        try {
            row = readRow(row, reader, progress.next(), run.stop());
        } catch (const Error &error) {
            if (error.kind() == ErrorKind::stopped)
                break;
            row.state = State::failed; // the others may do
            row.text = error.what();
        }
        run.change([this, id = survey.id, i, row] {
            change(
                id, [&](ui::Survey &own) { own.rows[i] = row; }, Store::soon);
        });
    }
    if (reader.hasRead())
        attention_.timelineChanged(run, reader.sent());
}

ui::SurveyRow SurveysPart::readRow(const ui::SurveyRow &row, SurveyReader &reader,
                                   const ProgressSink &progress, const std::stop_token &stop) {
    auto document = library_.document(row.document);
    if (!document)
        fail(ErrorKind::file, "it is no longer in the library");
    ui::SurveyRow read = reader.read(*document, row.document, progress, stop);
    read.title = row.title;
    return read;
}

// ---- the list ----------------------------------------------------------------------------------

std::shared_ptr<const ui::Survey> SurveysPart::find(uint64_t id) const {
    auto &surveys = core_.draft.library.surveys;
    auto found = std::ranges::find(surveys, id, [](const auto &survey) { return survey->id; });
    return found == surveys.end() ? nullptr : *found;
}

uint64_t SurveysPart::add(ui::Survey survey) {
    survey.id = library_.addRun(runOf(survey));
    auto &surveys = core_.draft.library.surveys;
    surveys.insert(surveys.begin(), std::make_shared<const ui::Survey>(survey));
    return survey.id;
}

void SurveysPart::change(uint64_t id, const std::function<void(ui::Survey &)> &edit, Store store) {
    for (auto &survey : core_.draft.library.surveys) {
        if (survey->id != id)
            continue;
        auto changed = std::make_shared<ui::Survey>(*survey);
        edit(*changed);
        survey = changed;
        if (store == Store::soon && Clock::now() - stored_at_ < kBetweenStores)
            return;
        stored_at_ = Clock::now();
        library_.updateRun(runOf(*changed));
        return;
    }
}

} // namespace longscope::app
