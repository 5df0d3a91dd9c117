// `longscope plan`: what a window costs before anything is allocated: bytes in the parts under
// which the engine books them, operations, and the longest window that fits. With --measure the
// same is allocated and read, and what was booked stands beside it.
#include "compute/engine/plan.h"
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "app/progress.h"
#include "app/settings_compared.h"
#include "app/token_file.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/session.h"

#include <algorithm>
#include <format>
#include <map>

namespace longscope::app {
namespace {

using engine::CacheType;
using nlohmann::json;

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                     CacheType::q8_0, CacheType::q4_0};

/// "4.1 TFLOP".
std::string formatFlops(double flops) {
    for (auto [size, unit] : {std::pair{1e15, "PFLOP"}, {1e12, "TFLOP"}, {1e9, "GFLOP"}})
        if (flops >= size)
            return std::format("{:.2f} {}", flops / size, unit);
    return std::format("{:.2f} MFLOP", flops / 1e6);
}

/// Of one setting.
struct Planned {
    Setting setting;
    engine::SessionPlan plan;
    std::map<std::string, uint64_t> booked;              ///< empty without --measure
    uint64_t reach = 0;                                  ///< of the positions; UINT64_MAX: any
    std::vector<std::pair<CacheType, uint64_t>> longest; ///< windows, by the type of the cache
    uint64_t longest_context = 0;                        ///< with the types asked for
};

class PlanCommand {
  public:
    PlanCommand(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet) {}

    int run() {
        std::vector<Setting> settings = settingsOf(options_);
        if (options_.measure) {
            engine::Engine engine(engineOptions(options_), line_.sink(), stop_);
            model_ = engine::planModel(engine);
            facts_ = engine.device().facts();
            planAll(settings);
            for (Planned &planned : planned_)
                measure(engine, planned);
            line_.clear();
        } else {
            model::Gguf file = model::Gguf::open(modelPath(options_));
            facts_ = gpu::chooseDevice(gpu::listDevices(), options_.device);
            engine::KernelFamily family = engine::chooseFamily(facts_, options_.kernels);
            model::Config config = model::readConfig(file);
            engine::Tiling tiling = engine::chooseTiling(facts_, family);
            uint64_t room = engine::weightRoom(config, tiling, facts_.free_memory_bytes,
                                               options_.device_weight_bytes);
            model_ = engine::planModel(file, config, tiling, room);
            engine::checkWeights(facts_, model_.weights, room, modelPath(options_));
            planAll(settings);
        }
        options_.json ? printJson(toJson()) : printOut(text());
        return 0;
    }

  private:
    void planAll(const std::vector<Setting> &settings) {
        for (const Setting &setting : settings) {
            if (stop_.stop_requested())
                fail(ErrorKind::stopped, "stopped");
            planned_.push_back(planOf(setting));
        }
    }

    Planned planOf(Setting setting) {
        engine::SessionOptions &session = setting.session;
        if (session.context_tokens == 0)
            session.context_tokens = model_.config.context_tokens;
        engine::checkOptions(model_.config, session);
        if (std::string problem = engine::outOfReach(model_.config, session);
            !problem.empty() && (session.rope || !options_.measure)) // else the session refuses
            printWarning(problem);
        Planned planned{.setting = setting,
                        .plan = engine::planSession(model_, session),
                        .booked = {},
                        .reach = engine::reachOf(model_.config, session),
                        .longest = {}};
        const engine::Room room{.free_bytes = facts_.free_memory_bytes,
                                .largest_buffer_bytes =
                                    std::min(facts_.max_buffer_bytes, facts_.max_allocation_bytes)};
        engine::LongestContext longest(model_, session, room);
        planned.longest_context = longest.find(session.k, session.v);
        for (CacheType type : kCacheTypes)
            planned.longest.push_back({type, longest.find(type, type)});
        return planned;
    }

    /// Reads a whole window: what is allocated then is all there will be.
    void measure(engine::Engine &engine, Planned &planned) {
        engine::Session session(engine, planned.setting.session);
        std::vector<model::Token> tokens =
            someTokens(session.contextTokens(), engine.config().vocab);
        if (session.read(tokens, line_.sink(), stop_).stopped)
            fail(ErrorKind::stopped, "stopped after {} of {} tokens", session.tokens().size(),
                 tokens.size());
        for (const gpu::BookedPart &part : engine.device().booked())
            planned.booked[part.name] = part.bytes;
    }

    // ---- text ----------------------------------------------------------------------------------

    std::string cacheName() const {
        std::string name(attention::cacheTypeName(options_.k));
        if (options_.v != options_.k)
            name += "," + std::string(attention::cacheTypeName(options_.v));
        return name;
    }

    std::string text() const {
        std::string text = std::format(
            "{} on {}, {} free\n", model_.config.name.empty() ? options_.model : model_.config.name,
            facts_.name, formatBytes(facts_.free_memory_bytes));
        for (const Planned &planned : planned_)
            text += textOf(planned);
        text += "\nlongest window that fits the memory\n\n| attention |";
        for (CacheType type : kCacheTypes)
            text += std::format(" {} |", attention::cacheTypeName(type));
        text += " positions reach |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for (const Planned &planned : planned_) {
            text += std::format("| {} |", planned.setting.text());
            for (const auto &[type, tokens] : planned.longest)
                text += std::format(" {} |", tokens);
            text +=
                planned.reach == UINT64_MAX ? " any |\n" : std::format(" {} |\n", planned.reach);
        }
        return text;
    }

    std::string textOf(const Planned &planned) const {
        const engine::SessionPlan &plan = planned.plan;
        bool measured = !planned.booked.empty();
        std::string text = std::format("\nwindow of {} tokens, attention {}, cache {}\n\n",
                                       plan.context_tokens, planned.setting.text(), cacheName());
        if (std::string kept = engine::describeWindows(model_.config, planned.setting.session);
            !kept.empty())
            text += kept + "\n\n";
        if (std::string states = engine::describeRecurrence(model_.config); !states.empty())
            text += states + "\n\n";
        text += measured
                    ? "| part | planned bytes | booked bytes | |\n| --- | ---: | ---: | --- |\n"
                    : "| part | planned bytes | |\n| --- | ---: | --- |\n";
        auto row = [&](std::string_view name, uint64_t bytes, uint64_t booked,
                       const std::string &note) {
            text += std::format("| {} | {} |", name, bytes);
            if (measured)
                text += std::format(" {} |", booked);
            text += std::format(" {}{} |\n", formatBytes(bytes), note);
        };
        uint64_t booked_sum = 0;
        for (const auto &part : plan.parts()) {
            uint64_t booked = bookedBytes(planned, part.name);
            booked_sum += booked;
            row(part.name, part.bytes, booked,
                part.bytes == plan.cache_bytes ? ", " + layersText(plan) : "");
        }
        row("total", plan.totalBytes(), booked_sum, "");
        if (plan.streamed_layers > 0)
            row(engine::kHostWeights, plan.host_weight_bytes,
                bookedBytes(planned, engine::kHostWeights),
                std::format(", the last {} of {} layers: copied to the device for each chunk and "
                            "each written token",
                            plan.streamed_layers, model_.config.layers));
        text += std::format("\nreading {} tokens: {}; a token at the end: {}, {} read\n",
                            plan.context_tokens, formatFlops(plan.reading.flops),
                            formatFlops(plan.writing.flops),
                            formatBytes(static_cast<uint64_t>(plan.writing.bytes)));
        return text;
    }

    /// "layers 0-3: 511 tokens, 4-29: 8192": neighbours that have the same room.
    static std::string layersText(const engine::SessionPlan &plan) {
        std::string text = "room for tokens in layers";
        for (size_t first = 0; first < plan.layer_tokens.size();) {
            size_t last = first;
            while (last + 1 < plan.layer_tokens.size() &&
                   plan.layer_tokens[last + 1] == plan.layer_tokens[first])
                ++last;
            text += std::format("{} {}-{}: {}", first > 0 ? "," : "", first, last,
                                plan.layer_tokens[first]);
            first = last + 1;
        }
        return text;
    }

    static uint64_t bookedBytes(const Planned &planned, const std::string &name) {
        auto found = planned.booked.find(name);
        return found == planned.booked.end() ? 0 : found->second;
    }

    // ---- JSON ----------------------------------------------------------------------------------

    /// The first setting, and all of them when there are several.
    json toJson() const {
        json made = jsonOf(planned_.front());
        made["model"] = model_.config.name;
        made["device"] = facts_.name;
        made["free_bytes"] = facts_.free_memory_bytes;
        if (planned_.size() > 1)
            for (const Planned &planned : planned_)
                made["settings"].push_back(jsonOf(planned));
        return made;
    }

    json jsonOf(const Planned &planned) const {
        const engine::SessionPlan &plan = planned.plan;
        json parts = json::array(), layers = json::array(), longest = json::object();
        for (const auto &part : plan.parts()) {
            json made{{"name", part.name}, {"planned_bytes", part.bytes}};
            if (!planned.booked.empty())
                made["booked_bytes"] = bookedBytes(planned, part.name);
            parts.push_back(std::move(made));
        }
        for (size_t layer = 0; layer < plan.layer_bytes.size(); ++layer) {
            json made{{"tokens", plan.layer_tokens[layer]}, {"bytes", plan.layer_bytes[layer]}};
            if (plan.state_bytes > 0)
                made["state_bytes"] = plan.layer_state_bytes[layer];
            layers.push_back(std::move(made));
        }
        for (const auto &[type, tokens] : planned.longest)
            longest[attention::cacheTypeName(type)] = tokens;
        json made{{"context", plan.context_tokens},
                  {"attention", planned.setting.attention},
                  {"rope", planned.setting.rope},
                  {"kv", cacheName()},
                  {"parts", parts},
                  {"total_bytes", plan.totalBytes()},
                  {"layers", layers},
                  {"flops_prefill", plan.reading.flops},
                  {"flops_per_token", plan.writing.flops},
                  {"bytes_per_token", plan.writing.bytes},
                  {"longest_context", planned.longest_context},
                  {"longest_context_by_cache", longest}};
        if (plan.streamed_layers > 0)
            made["streamed"] = {{"layers", plan.streamed_layers},
                                {"bytes", plan.host_weight_bytes},
                                {"bytes_per_chunk", plan.host_weight_bytes},
                                {"bytes_per_token", plan.host_weight_bytes}};
        if (planned.reach != UINT64_MAX)
            made["reach"] = planned.reach;
        return made;
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    engine::ModelPlan model_;
    gpu::DeviceFacts facts_;
    std::vector<Planned> planned_;
};

} // namespace

int runPlan(const Options &options, std::stop_token stop) {
    return PlanCommand(options, std::move(stop)).run();
}

} // namespace longscope::app
