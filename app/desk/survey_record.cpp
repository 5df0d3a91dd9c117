#include "app/desk/survey_record.h"

#include "app/desk/message_details.h"

#include <algorithm>

namespace longscope::app {
namespace {

using Json = nlohmann::json;
using State = ui::SurveyRow::State;

constexpr const char *kQuestion = "question to several", *kLabels = "labels";

Json placesToJson(const std::vector<ui::SurveyPlace> &places) {
    Json all = Json::array();
    for (const ui::SurveyPlace &place : places)
        all.push_back({{"start", place.start},
                       {"end", place.end},
                       {"place", place.place},
                       {"text", place.text},
                       {"share", place.share}});
    return all;
}

Json rowToJson(const ui::SurveyRow &row) {
    return {{"document", row.document},
            {"title", row.title},
            {"state", static_cast<int>(row.state)},
            {"text", row.text},
            {"found", row.found},
            {"quoted", row.quoted},
            {"probabilities", row.probabilities},
            {"sections", row.sections},
            {"places", placesToJson(row.places)}};
}

ui::SurveyRow readRow(const Json &json, size_t labels) {
    int state = memberOf(json, "state", 0);
    ui::SurveyRow row{.document = memberOf(json, "document", uint64_t{0}),
                      .title = memberOf(json, "title", std::string()),
                      .text = memberOf(json, "text", std::string()),
                      .found = memberOf(json, "found", false),
                      .quoted = memberOf(json, "quoted", true),
                      .probabilities = memberOf(json, "probabilities", std::vector<double>()),
                      .sections = memberOf(json, "sections", size_t{0}),
                      .places = {}};
    if (state == static_cast<int>(State::done) && row.probabilities.size() == labels)
        row.state = State::done;
    else if (state == static_cast<int>(State::failed))
        row.state = State::failed;
    for (const Json &place : objectsOf(json, "places"))
        row.places.push_back({.start = memberOf(place, "start", size_t{0}),
                              .end = memberOf(place, "end", size_t{0}),
                              .place = memberOf(place, "place", std::string()),
                              .text = memberOf(place, "text", std::string()),
                              .share = memberOf(place, "share", 0.0)});
    return row;
}

} // namespace

document::StoredRun runOf(const ui::Survey &survey) {
    document::StoredRun run{.id = survey.id, .kind = survey.labels.empty() ? kQuestion : kLabels};
    Json rows = Json::array();
    for (const ui::SurveyRow &row : survey.rows) {
        run.documents.push_back(row.document);
        rows.push_back(rowToJson(row));
    }
    run.settings = dumpJson({{"question", survey.question},
                             {"labels", survey.labels},
                             {"by_vectors", survey.by_vectors}});
    run.result = dumpJson({{"note", survey.note}, {"rows", std::move(rows)}});
    run.finished = survey.count(State::done) == survey.rows.size();
    return run;
}

std::optional<ui::Survey> surveyOf(const document::StoredRun &run) {
    if (run.kind != kQuestion && run.kind != kLabels)
        return std::nullopt;
    Json settings = parseJson(run.settings), result = parseJson(run.result);
    ui::Survey survey{.id = run.id,
                      .question = memberOf(settings, "question", std::string()),
                      .labels = memberOf(settings, "labels", std::vector<std::string>()),
                      .by_vectors = memberOf(settings, "by_vectors", false),
                      .rows = {},
                      .note = memberOf(result, "note", std::string())};
    for (const Json &row : objectsOf(result, "rows"))
        survey.rows.push_back(readRow(row, survey.labels.size()));
    return survey;
}

} // namespace longscope::app
