#include "app/perplexity_report.h"

#include "app/json_output.h"
#include "app/output.h"
#include "compute/core/text.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

constexpr size_t kPrintedRanges = 16; ///< of positions, in the text form

nlohmann::json positionsJson(const std::vector<Likelihoods> &at) {
    nlohmann::json positions = nlohmann::json::array();
    for (size_t position = 0; position < at.size(); ++position)
        positions.push_back({{"position", position},
                             {"nll", at[position].mean()},
                             {"perplexity", at[position].perplexity()}});
    return positions;
}

void printPositions(const std::vector<Likelihoods> &at) {
    size_t step = std::max<size_t>(1, (at.size() + kPrintedRanges - 1) / kPrintedRanges);
    printOut("positions        perplexity\n");
    for (size_t first = 0; first < at.size(); first += step) {
        size_t last = std::min(first + step, at.size()) - 1;
        Likelihoods range;
        for (size_t position = first; position <= last; ++position) {
            range.sum += at[position].sum;
            range.count += at[position].count;
        }
        printOut(std::format("{:>6} - {:<6}  {:.4f}\n", first, last, range.perplexity()));
    }
}

nlohmann::json resultJson(const PerplexityResult &result, const PerplexityProtocol &protocol) {
    nlohmann::json answer = {{"perplexity", result.second_half.perplexity()},
                             {"error", result.second_half.error()},
                             {"windows", protocol.windows},
                             {"context", protocol.context},
                             {"tokens", protocol.windows * protocol.context},
                             {"scored_tokens", result.second_half.count},
                             {"setting", result.setting},
                             {"density", result.density},
                             {"computed", result.computed},
                             {"seconds", result.seconds},
                             {"cache_bytes", result.cache_bytes}};
    if (result.recall)
        answer["recall"] = *result.recall;
    if (result.against_full.count)
        answer["kl"] = result.against_full.mean();
    if (!result.at.empty())
        answer["positions"] = positionsJson(result.at);
    return answer;
}

void printTable(const std::vector<PerplexityResult> &results) {
    size_t width = 7;
    for (const PerplexityResult &result : results)
        width = std::max(width, result.setting.size());
    printOut(std::format("{:<{}}  {:>10}  {:>7}  {:>8}  {:>8}  {:>7}  {:>7}  {:>8}  {:>8}  {:>9}\n",
                         "setting", width, "perplexity", "±", "change", "KL", "recall", "density",
                         "computed", "seconds", "KV"));
    double full = results.front().second_half.perplexity();
    for (const PerplexityResult &r : results) {
        double own = r.second_half.perplexity();
        printOut(std::format("{:<{}}  {:>10.4f}  {:>7.4f}  {:>+7.2f}%  {:>8.5f}  {:>6.2f}%  "
                             "{:>6.2f}%  {:>7.2f}%  {:>8.2f}  {:>9}\n",
                             r.setting, width, own, r.second_half.error(), 100 * (own / full - 1),
                             r.against_full.mean(), 100 * r.recall.value_or(1), 100 * r.density,
                             100 * r.computed, r.seconds, formatBytes(r.cache_bytes)));
    }
    printOut(
        "KL: mean over the scored positions of KL(full || setting), nats; recall: share of full "
        "attention's probability that is kept (first window); density: pairs of "
        "query and key that count, computed: that were gone through, both of full causal\n");
}

} // namespace

void printPerplexity(const Options &options, const PerplexityProtocol &protocol,
                     const std::vector<PerplexityResult> &results) {
    if (options.json) {
        if (results.size() == 1)
            return printJson(resultJson(results.front(), protocol));
        nlohmann::json all = nlohmann::json::array();
        for (const PerplexityResult &result : results)
            all.push_back(resultJson(result, protocol));
        return printJson({{"settings", all}});
    }
    if (results.size() == 1) {
        const Likelihoods &result = results.front().second_half;
        printOut(std::format("PPL = {:.4f} ± {:.4f}\n", result.perplexity(), result.error()));
    } else {
        printTable(results);
    }
    for (const PerplexityResult &result : results)
        if (!result.at.empty()) {
            if (results.size() > 1)
                printOut("\n" + result.setting + "\n");
            printPositions(result.at);
        }
}

} // namespace longscope::app
