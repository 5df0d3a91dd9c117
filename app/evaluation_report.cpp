#include "app/evaluation_report.h"

#include "app/json_output.h"
#include "app/output.h"

#include <filesystem>
#include <format>

namespace longscope::app {
namespace {

using nlohmann::json;
using reading::Measures;

json jsonOf(const Measures &m) {
    return {{"loose", m.loose},         {"strict", m.strict},  {"sourced", m.sourced},
            {"repeated", m.repeated},   {"parts", m.parts},    {"key_points", m.key_points},
            {"sentences", m.sentences}, {"seconds", m.seconds}};
}

} // namespace

void EvaluationReport::print(bool as_json) const {
    if (!as_json) {
        printTable();
        printKeyPoints();
        return;
    }
    json texts = json::array(), recipes = json::array();
    for (const Text &text : texts_)
        texts.push_back({{"file", text.path}, {"points", text.points}});
    for (const Row &row : rows_) {
        json recipe = jsonOf(reading::meanOf(row.measures));
        recipe["name"] = row.recipe;
        for (const Measures &measures : row.measures)
            recipe["texts"].push_back(jsonOf(measures));
        recipes.push_back(std::move(recipe));
    }
    printJson({{"model", model_.empty() ? json(nullptr) : json(model_)},
               {"runs", runs_},
               {"texts", std::move(texts)},
               {"recipes", std::move(recipes)}});
}

void EvaluationReport::printTable() const {
    size_t points = 0;
    for (const Text &text : texts_)
        points += text.points;
    printOut(std::format("Means over {} texts with {} key points{}{}.\n\n", texts_.size(), points,
                         model_.empty() ? "" : "; model: " + model_,
                         runs_ > 1 ? std::format("; {} runs where a recipe samples", runs_) : ""));
    printOut("| recipe | loose | strict | with source | rep. 4-grams | parts hit | key points | "
             "sentences | s/text |\n|---|---|---|---|---|---|---|---|---|\n");
    for (const Row &row : rows_) {
        Measures m = reading::meanOf(row.measures);
        printOut(
            std::format("| {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.1f} | "
                        "{:.2f} |\n",
                        row.recipe, m.loose, m.strict, m.sourced, m.repeated, m.parts, m.key_points,
                        m.sentences, m.seconds));
    }
}

void EvaluationReport::printKeyPoints() const {
    printOut("\nKey points found, text by text:\n\n| text | points |");
    for (const Row &row : rows_)
        printOut(std::format(" {} |", row.recipe));
    printOut("\n|---|---|");
    for (size_t i = 0; i < rows_.size(); ++i)
        printOut("---|");
    for (size_t t = 0; t < texts_.size(); ++t) {
        printOut(std::format("\n| {} | {} |",
                             std::filesystem::path(texts_[t].path).filename().string(),
                             texts_[t].points));
        for (const Row &row : rows_)
            printOut(std::format(" {:.2f} |", row.measures[t].key_points));
    }
    printOut("\n\nThese figures compare words. None of them says that a sentence is true.\n");
}

} // namespace longscope::app
