#include "app/desk/forecast.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using engine::CacheType;

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                     CacheType::q8_0, CacheType::q4_0};
constexpr const char *kCompared[] = {"full", "window:1024", "sinks:4+1020"};
constexpr uint64_t kPoints = 24;

void checkStop(const std::stop_token &stop) {
    if (stop.stop_requested())
        fail(ErrorKind::stopped, "stopped");
}

engine::Room roomOf(const LoadedModel &model) {
    const gpu::DeviceFacts &device = model.device;
    return {.free_bytes = budgetOf(model),
            .largest_buffer_bytes = std::min(device.max_buffer_bytes, device.max_allocation_bytes)};
}

engine::SessionPlan planAt(const LoadedModel &model, engine::SessionOptions options,
                           uint64_t tokens) {
    options.context_tokens = tokens;
    return engine::planSession(model.plan, options);
}

ui::MemoryPoint pointAt(const LoadedModel &model, const engine::SessionOptions &options,
                        uint64_t tokens) {
    ui::MemoryPoint point{.tokens = tokens, .parts = {}};
    for (const engine::SessionPlan::Part &part : planAt(model, options, tokens).parts())
        point.parts.push_back({part.name, part.bytes});
    point.parts = orderedParts(std::move(point.parts));
    return point;
}

ui::MemoryForecast::Longest longestOf(const LoadedModel &model,
                                      const engine::SessionOptions &options,
                                      const std::string &pattern, const std::stop_token &stop) {
    ui::MemoryForecast::Longest longest{.pattern = pattern, .tokens = {}};
    engine::LongestContext search(model.plan, options, roomOf(model));
    for (CacheType type : kCacheTypes) {
        checkStop(stop);
        longest.tokens.push_back(search.find(type, type));
    }
    return longest;
}

double secondsToRead(const PriceWanted &wanted, uint64_t tokens) {
    const engine::ModelPlan &plan = wanted.model->plan;
    auto count = static_cast<double>(tokens);
    if (wanted.linear_flops_per_second > 0) {
        double flops = engine::tokenFlops(plan.config);
        return count * flops / wanted.linear_flops_per_second +
               engine::headPairs(plan, wanted.options, tokens).mean * wanted.pair_seconds;
    }
    return wanted.tokens_per_second > 0 ? count / wanted.tokens_per_second : 0;
}

bool isCoarse(CacheType type) {
    return type == CacheType::q4_0;
}

/// What is refused: "" when nothing is.
std::string problemOf(const PriceWanted &wanted, const ui::Price &price) {
    const model::Config &config = wanted.model->plan.config;
    try {
        engine::checkOptions(config, wanted.options);
    } catch (const Error &error) {
        return withoutDashes(error.what());
    }
    if (std::string far = engine::outOfReach(config, wanted.options);
        !far.empty() && !wanted.options.rope)
        return withoutDashes(far);
    if (uint64_t budget = budgetOf(*wanted.model); price.total_bytes > budget)
        return std::format("a window of {} tokens needs {}, the device has {} for us",
                           price.window_tokens, formatBytes(price.total_bytes),
                           formatBytes(budget));
    return "";
}

std::string warningOf(const PriceWanted &wanted) {
    std::string far = engine::outOfReach(wanted.model->plan.config, wanted.options);
    if (!far.empty() && wanted.options.rope)
        return withoutDashes(far);
    if (isCoarse(wanted.options.k) || isCoarse(wanted.options.v))
        return "4 bits for keys or values are coarse: compare the answers with those of q8_0";
    return "";
}

} // namespace

std::vector<ui::MemoryPart> orderedParts(std::vector<ui::MemoryPart> parts) {
    auto rank = [](const ui::MemoryPart &part) {
        constexpr const char *known[] = {"weights", "kv cache", "recurrent state", "scratch",
                                         "maps"};
        return std::ranges::find(known, part.name) - std::begin(known);
    };
    std::ranges::sort(parts, [&](const ui::MemoryPart &a, const ui::MemoryPart &b) {
        return rank(a) != rank(b) ? rank(a) < rank(b) : a.name < b.name;
    });
    return parts;
}

uint64_t budgetOf(const LoadedModel &model) {
    return model.device.free_memory_bytes;
}

void forecastMemory(const ForecastWanted &wanted,
                    const std::function<void(const ui::MemoryForecast &)> &on_forecast,
                    std::stop_token stop) {
    const LoadedModel &model = *wanted.model;
    engine::checkOptions(model.plan.config, wanted.options);
    ui::MemoryForecast forecast;
    forecast.setting = wanted.setting;
    for (uint64_t i = 1; i <= kPoints; ++i) {
        checkStop(stop);
        uint64_t tokens = std::max<uint64_t>(wanted.most_tokens * i / kPoints, 1);
        if (forecast.points.empty() || tokens > forecast.points.back().tokens)
            forecast.points.push_back(pointAt(model, wanted.options, tokens));
    }
    uint64_t window = wanted.window_tokens ? wanted.window_tokens : wanted.next_tokens;
    engine::SessionPlan plan = planAt(model, wanted.options, window);
    forecast.layer_bytes = plan.layer_bytes;
    forecast.layer_tokens = plan.layer_tokens;
    forecast.layer_state_bytes = plan.layer_state_bytes;
    engine::SessionOptions options = wanted.options;
    options.context_tokens = wanted.most_tokens;
    forecast.reach = engine::reachOf(model.plan.config, options);
    on_forecast(forecast);
    forecast.longest.push_back(longestOf(model, wanted.options, wanted.attention, stop));
    on_forecast(forecast);
    for (const std::string compared : kCompared) {
        if (compared == wanted.attention)
            continue;
        options = wanted.options;
        options.patterns = attention::LayerPatterns(std::span(&compared, 1));
        options.eviction = {};
        forecast.longest.push_back(longestOf(model, options, compared, stop));
        on_forecast(forecast);
    }
}

std::string memoryWarning(const ForecastWanted &wanted) {
    const LoadedModel &model = *wanted.model;
    uint64_t needed = planAt(model, wanted.options, wanted.next_tokens).totalBytes();
    uint64_t budget = budgetOf(model);
    if (needed <= budget)
        return "";
    engine::LongestContext search(model.plan, wanted.options, roomOf(model));
    uint64_t fits = search.find(wanted.options.k, wanted.options.v);
    return std::format("A window of {} tokens will not fit: it needs {}, the device has {} for us. "
                       "The longest that fits with these settings has {} tokens.",
                       wanted.next_tokens, formatBytes(needed), formatBytes(budget), fits);
}

ui::Price priceOf(const PriceWanted &wanted) {
    const engine::ModelPlan &plan = wanted.model->plan;
    ui::Price price;
    price.settings = wanted.settings;
    price.window_tokens = wanted.options.context_tokens;
    engine::SessionPlan session = engine::planSession(plan, wanted.options);
    price.cache_bytes = session.cache_bytes;
    price.total_bytes = session.totalBytes();
    price.flops = session.reading.flops;
    engine::SessionOptions full = wanted.options;
    full.patterns = {};
    full.eviction = {};
    price.pairs = engine::headPairs(plan, wanted.options, price.window_tokens).all_layers;
    price.full_pairs = engine::headPairs(plan, full, price.window_tokens).all_layers;
    price.read_again_tokens = wanted.read_again_tokens;
    price.read_again_seconds = secondsToRead(wanted, wanted.read_again_tokens);
    price.problem = problemOf(wanted, price);
    price.warning = warningOf(wanted);
    return price;
}

std::string withoutDashes(std::string text) {
    constexpr std::string_view kDashes = "--";
    for (size_t at = text.find(kDashes); at != text.npos; at = text.find(kDashes, at))
        text.erase(at, kDashes.size());
    return text;
}

} // namespace longscope::app
