#include "compute/reading/summarize.h"

#include "compute/core/error.h"
#include "compute/reading/strategies/strategies.h"

#include <utility>

namespace longscope::reading {
namespace {

Plan quotes(std::string reason) {
    Plan plan;
    plan.reason = std::move(reason);
    return plan;
}

Plan planWith(Planner &planner, Strategy strategy) {
    switch (strategy) {
    case Strategy::whole:
        return planWhole(planner);
    case Strategy::map_reduce:
        return planMapReduce(planner);
    case Strategy::refine:
        return planRefine(planner);
    case Strategy::tree:
        return planTree(planner);
    case Strategy::automatic:
    case Strategy::extract:
        break;
    }
    return {};
}

} // namespace

Plan planSummary(const document::Document &document, TextModel *model,
                 const SummaryOptions &options, std::stop_token stop) {
    if (options.strategy == Strategy::extract)
        return quotes("it was asked for");
    if (!model && options.strategy == Strategy::automatic)
        return quotes("there is no model");
    if (!model)
        fail(ErrorKind::usage, "no model is loaded");
    TextModelFacts facts = model->facts();
    if (options.strategy == Strategy::automatic && isSmall(facts.parameters))
        return quotes(smallModelReason(facts.name, facts.parameters)); // nothing to be counted
    Planner planner(document, *model, options, std::move(stop));
    Choice choice{options.strategy, "it was asked for"};
    if (choice.strategy == Strategy::automatic)
        choice = chooseStrategy(planner);
    Plan plan = planWith(planner, choice.strategy);
    plan.strategy = choice.strategy;
    plan.reason = std::move(choice.reason);
    return plan;
}

Summary summarize(const document::Document &document, const SummaryOptions &options,
                  const Run &run) {
    Plan plan = planSummary(document, &run.model, options, run.stop);
    if (plan.strategy == Strategy::extract)
        return quoteKeySentences(document, options.key_sentences, plan.reason);
    return runPlan(document, plan, options, run,
                   speedsOf(run.model, run.store, run.stop, plan.together));
}

} // namespace longscope::reading
