#include "app/bench_report.h"

#include "app/json_output.h"

#include <format>

namespace longscope::app {
namespace {

const char *nameOf(const BenchCase &what) {
    return what.prompt ? "prompt" : "generation";
}

double perSecond(double amount, double ms) {
    return ms > 0 ? amount / (ms * 1e6) : 0;
}

double nsPerPair(const AttentionCost &cost) {
    return cost.visible_pairs > 0 ? cost.ms * 1e6 / cost.visible_pairs : 0;
}

std::string profileTable(const BenchCase &what, const std::string &setting,
                         const std::vector<KernelTime> &kernels) {
    double all = 0;
    for (const KernelTime &kernel : kernels)
        all += kernel.ms;
    std::string text = std::format("\nDevice time of {} {} at depth {}, {}: {:.2f} ms\n\n",
                                   nameOf(what), what.tokens, what.depth, setting, all);
    if (all == 0)
        return text + "The device keeps no timestamps.\n";
    text += "| kernel | dispatches | ms | share | GB/s | GFLOP/s |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for (const KernelTime &kernel : kernels)
        text += std::format("| {} | {} | {:.2f} | {:.1f} % | {:.2f} | {:.1f} |\n", kernel.kernel,
                            kernel.dispatches, kernel.ms, 100 * kernel.ms / all,
                            perSecond(kernel.bytes, kernel.ms), perSecond(kernel.flops, kernel.ms));
    return text;
}

} // namespace

BenchReport::BenchReport(const engine::Engine &engine, const Options &options,
                         const engine::Peaks &peaks)
    : kernels_(engine.kernelFamily()), peaks_(peaks) {
    const gpu::DeviceFacts &facts = engine.device().facts();
    device_ = facts.name;
    driver_ = facts.driver + (facts.driver_info.empty() ? "" : " " + facts.driver_info);
    const model::Config &config = engine.config();
    model_ = config.name.empty() ? engine.file().path() : config.name;
    cache_ = attention::cacheTypeName(options.k);
    if (options.v != options.k)
        cache_ += "," + std::string(attention::cacheTypeName(options.v));
}

std::string BenchReport::markdown() const {
    double peak_gflops = peaks_.flops_per_second / 1e9, peak_gb = peaks_.bytes_per_second / 1e9;
    std::string text =
        std::format("Model: {}\nDevice: {}\nDriver: {}\nKernels: {}, cache {}\n"
                    "Peaks probed now: {:.1f} GFLOP/s of multiply-adds, {:.1f} GB/s of reads\n\n",
                    model_, device_, driver_, kernels_, cache_, peak_gflops, peak_gb);
    text += "| test | tokens | depth | attention | tokens/s | min | max | GB/s | GFLOP/s | share "
            "of peak |\n"
            "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |\n";
    for (const BenchResult &result : results_) {
        bool by_arithmetic = result.gflops / peak_gflops > result.gb_per_second / peak_gb;
        double share = by_arithmetic ? result.gflops / peak_gflops : result.gb_per_second / peak_gb;
        text +=
            std::format("| {} | {} | {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.1f} | "
                        "{:.0f} % of the {} |\n",
                        nameOf(result.what), result.what.tokens, result.what.depth, result.setting,
                        result.median, result.least, result.most, result.gb_per_second,
                        result.gflops, 100 * share, by_arithmetic ? "arithmetic" : "bandwidth");
    }
    if (!attention_.empty())
        text += attentionTable();
    for (const Profile &profile : profiles_)
        text += profileTable(profile.what, profile.setting, profile.kernels);
    return text;
}

std::optional<double> BenchReport::againstFull(const AttentionCost &cost) const {
    for (const AttentionCost &full : attention_)
        if (full.setting == "full" && full.what == cost.what && full.ms > 0)
            return nsPerPair(cost) / nsPerPair(full);
    return std::nullopt;
}

std::string BenchReport::attentionTable() const {
    std::string text =
        "\nAttention alone, all layers and heads:\n\n"
        "| test | tokens | depth | attention | pairs by formula | pairs seen | pairs computed | "
        "ms | ns/pair | against full |\n"
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (const AttentionCost &cost : attention_) {
        std::optional<double> ratio = againstFull(cost);
        text += std::format("| {} | {} | {} | {} | {:.0f} | {:.0f} | {:.0f} | {:.2f} | {:.3f} | "
                            "{} |\n",
                            nameOf(cost.what), cost.what.tokens, cost.what.depth, cost.setting,
                            cost.formula_pairs, cost.visible_pairs, cost.computed_pairs, cost.ms,
                            nsPerPair(cost), ratio ? std::format("{:.2f}", *ratio) : "");
    }
    return text;
}

std::string BenchReport::csv() const {
    std::string text = "test,tokens,depth,attention,kv,median_tokens_per_second,min,max,"
                       "gb_per_second,gflops\n";
    for (const BenchResult &result : results_)
        text += std::format("{},{},{},\"{}\",\"{}\",{:.3f},{:.3f},{:.3f},{:.3f},{:.2f}\n",
                            nameOf(result.what), result.what.tokens, result.what.depth,
                            result.setting, cache_, result.median, result.least, result.most,
                            result.gb_per_second, result.gflops);
    return text;
}

nlohmann::json BenchReport::json() const {
    using nlohmann::json;
    json results = json::array();
    for (const BenchResult &result : results_)
        results.push_back({{"test", nameOf(result.what)},
                           {"tokens", result.what.tokens},
                           {"depth", result.what.depth},
                           {"attention", result.setting},
                           {"kv", cache_},
                           {"median_tokens_per_second", result.median},
                           {"min", result.least},
                           {"max", result.most},
                           {"gb_per_second", result.gb_per_second},
                           {"gflops", result.gflops}});
    json report = {{"device", device_},
                   {"driver", driver_},
                   {"model", model_},
                   {"kernels", kernels_},
                   {"results", results},
                   {"peaks",
                    {{"gflops", peaks_.flops_per_second / 1e9},
                     {"gb_per_second", peaks_.bytes_per_second / 1e9}}}};
    for (const AttentionCost &cost : attention_) {
        report["attention"].push_back({{"test", nameOf(cost.what)},
                                       {"tokens", cost.what.tokens},
                                       {"depth", cost.what.depth},
                                       {"attention", cost.setting},
                                       {"pairs_by_formula", cost.formula_pairs},
                                       {"pairs_seen", cost.visible_pairs},
                                       {"pairs_computed", cost.computed_pairs},
                                       {"ms", cost.ms},
                                       {"ns_per_pair", nsPerPair(cost)}});
        if (std::optional<double> ratio = againstFull(cost))
            report["attention"].back()["against_full"] = *ratio;
    }
    for (const Profile &profile : profiles_) {
        json kernels = json::array();
        for (const KernelTime &kernel : profile.kernels)
            kernels.push_back({{"kernel", kernel.kernel},
                               {"dispatches", kernel.dispatches},
                               {"ms", kernel.ms},
                               {"gb_per_second", perSecond(kernel.bytes, kernel.ms)},
                               {"gflops", perSecond(kernel.flops, kernel.ms)}});
        report["profile"].push_back({{"test", nameOf(profile.what)},
                                     {"tokens", profile.what.tokens},
                                     {"depth", profile.what.depth},
                                     {"attention", profile.setting},
                                     {"kernels", kernels}});
    }
    return report;
}

void BenchReport::print(const std::string &format) const {
    if (format == "json")
        printJson(json());
    else
        printOut(format == "csv" ? csv() : markdown());
}

} // namespace longscope::app
