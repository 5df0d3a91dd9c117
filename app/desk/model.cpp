// Loading and unloading, with the facts that the window shows of the model, of files that are not
// loaded yet, and of the devices.
#include "app/desk/parts.h"
#include "app/file_facts.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/recurrent_memory.h"
#include "compute/engine/tiling.h"
#include "compute/reading/summarize.h"

#include <algorithm>
#include <filesystem>
#include <format>

namespace longscope::app {
namespace {

using ui::Fact;

std::string fileName(const std::string &path) {
    return std::filesystem::path(path).filename().string();
}

void addFact(std::vector<Fact> &facts, const model::Gguf &file, const char *name, const char *key) {
    if (const model::Value *value = file.find(key))
        facts.emplace_back(name, listText(*value));
}

std::vector<Fact> factsOf(const model::Gguf &file, const model::Config &config) {
    FileSummary summary(file);
    std::vector<Fact> facts;
    addFact(facts, file, "Name", "general.name");
    facts.emplace_back("Architecture", std::string(config.architecture->name));
    facts.emplace_back("Parameters",
                       std::format("{:.1f} million", static_cast<double>(config.parameters) / 1e6));
    std::string types;
    for (const auto &[name, group] : summary.types)
        types += std::format("{}{} ({} tensor{})", types.empty() ? "" : ", ", name, group.tensors,
                             group.tensors == 1 ? "" : "s");
    facts.emplace_back("Weights",
                       std::format("{}, {:.2f} bits per weight: {}", formatBytes(file.fileBytes()),
                                   summary.all.bitsPerWeight(), types));
    facts.emplace_back("Trained window", groupedText(config.context_tokens) + " tokens");
    facts.emplace_back("Shape",
                       std::format("{} layers, {} query heads, {} KV heads of {}, width {}",
                                   config.layers, config.heads, config.kv_heads, config.head_dim,
                                   config.model_dim));
    if (std::string text = engine::describeRecurrence(config); !text.empty())
        facts.emplace_back("Recurrence", text);
    facts.emplace_back("Vocabulary", groupedText(config.vocab) + " tokens");
    addFact(facts, file, "Tokenizer", "tokenizer.ggml.model");
    addFact(facts, file, "Licence", "general.license");
    addFact(facts, file, "Author", "general.author");
    addFact(facts, file, "Language", "general.languages");
    return facts;
}

std::vector<ui::TensorRow> tensorsOf(const model::Gguf &file) {
    std::vector<ui::TensorRow> rows;
    for (const model::Tensor &tensor : file.tensors())
        rows.push_back({.name = tensor.name,
                        .type = std::string(model::traitsOf(tensor.type).name),
                        .shape = shapeText(tensor.shape),
                        .bytes = tensor.bytes.size()});
    return rows;
}

std::vector<ui::LayerKind> kindsOf(const model::Config &config) {
    std::vector<ui::LayerKind> kinds;
    for (const model::LayerConfig &layer : config.layer)
        kinds.push_back({.heads = layer.heads,
                         .recurrence = layer.recurs()
                                           ? std::string(engine::recurrenceName(layer.recurrence))
                                           : std::string()});
    return kinds;
}

std::optional<ui::RecurrentLayers> recurrentLayersOf(const model::Config &config) {
    if (!engine::recurs(config))
        return std::nullopt;
    const engine::RecurrentShape shape = engine::mixerShape(config);
    const bool shifts = shape.mixer == engine::Mixer::rwkv6; // the last input, of two branches
    return ui::RecurrentLayers{
        .layers =
            static_cast<uint32_t>(std::ranges::count_if(config.layer, &model::LayerConfig::recurs)),
        .state_bytes = shape.bytes(),
        .copies = engine::kStateCopies,
        .heads = shape.stateFloats() > 0 ? shape.heads : 0,
        .head_dim = shape.head_dim,
        .keys = shape.keys,
        .history_tokens = shifts ? 1 : shape.taps - 1,
        .history_channels =
            static_cast<uint32_t>(shape.historyFloats() / (shifts ? 1 : shape.taps - 1)),
        .by_channel = shape.decays() > shape.heads};
}

std::shared_ptr<const ui::Model> describe(const engine::Engine &engine,
                                          const engine::ModelFacts &facts) {
    const model::Gguf &file = engine.file();
    const model::Config &config = engine.config();
    auto shown = std::make_shared<ui::Model>();
    shown->path = facts.path;
    shown->name = facts.name.empty() ? fileName(facts.path) : facts.name;
    shown->architecture = facts.architecture;
    shown->device = facts.device;
    shown->kernel_family = facts.kernel_family;
    shown->parameters = facts.parameters;
    shown->weight_bytes = facts.weight_bytes;
    shown->file_bytes = file.fileBytes();
    shown->trained_tokens = facts.context_tokens;
    shown->vocab = facts.vocab;
    shown->layers = config.layers;
    shown->heads = config.heads;
    shown->kv_heads = config.kv_heads;
    shown->head_dim = config.head_dim;
    shown->kinds = kindsOf(config);
    shown->recurrent = recurrentLayersOf(config);
    shown->bits_per_weight = FileSummary(file).all.bitsPerWeight();
    shown->load_seconds = facts.load_seconds;
    shown->facts = factsOf(file, config);
    for (const auto &[key, value] : file.metadata())
        shown->metadata.emplace_back(key, valueText(value));
    shown->tensors = tensorsOf(file);
    if (engine.sharedTokenizer())
        shown->chat_template = engine.chatTemplate().source();
    shown->is_small = facts.parameters < reading::kBelievedParameters;
    return shown;
}

ui::DeviceRow deviceRow(const gpu::DeviceFacts &facts, bool is_best, const std::string &used) {
    return {.index = facts.index,
            .name = facts.name,
            .driver = facts.driver + " " + facts.driver_info,
            .type = typeName(facts.type),
            .memory_bytes = facts.device_memory_bytes,
            .free_bytes = facts.free_memory_bytes,
            .limits = {{"Vulkan", versionText(facts.api_version)},
                       {"Subgroup size", std::to_string(facts.subgroup_size)},
                       {"Shared memory", formatBytes(facts.shared_memory_bytes)},
                       {"Largest workgroup", std::to_string(facts.max_workgroup_invocations)},
                       {"Largest buffer", formatBytes(facts.max_buffer_bytes)},
                       {"Largest allocation", formatBytes(facts.max_allocation_bytes)},
                       {"Storage range", formatBytes(facts.max_storage_range_bytes)},
                       {"Unified memory", facts.unified_memory ? "yes" : "no"},
                       {"GPU timestamps", facts.timestamp_period_ns > 0 ? "yes" : "no"}},
            .refusals = facts.refusals,
            .is_used = !used.empty() && facts.name == used,
            .is_best = is_best};
}

std::shared_ptr<const ui::LoadForecast> forecastOf(const std::string &path,
                                                   const std::string &wanted_device) {
    auto forecast = std::make_shared<ui::LoadForecast>();
    forecast->path = path;
    forecast->name = fileName(path);
    try {
        model::Gguf file = model::Gguf::open(path);
        model::Config config = model::readConfig(file);
        forecast->facts = factsOf(file, config);
        gpu::DeviceFacts device = gpu::chooseDevice(gpu::listDevices(), wanted_device);
        forecast->facts.emplace_back("Device", device.name);
        forecast->free_bytes = device.free_memory_bytes;
        engine::Tiling tiling = engine::chooseTiling(device, engine::chooseFamily(device, "auto"));
        uint64_t room = engine::weightRoom(config, tiling, device.free_memory_bytes, 0);
        engine::ModelPlan plan = engine::planModel(file, config, tiling, room);
        forecast->weight_bytes = plan.weights.device_bytes;
        for (uint64_t window = 2048; window < config.context_tokens; window *= 2)
            forecast->windows.emplace_back(window, 0);
        forecast->windows.emplace_back(config.context_tokens, 0);
        for (auto &[window, bytes] : forecast->windows)
            bytes = engine::planSession(plan, {.context_tokens = window}).totalBytes();
        if (plan.weights.streamed_layers > 0)
            forecast->facts.emplace_back("Streamed from host memory",
                                         std::format("{} of {} layers, {}",
                                                     plan.weights.streamed_layers, config.layers,
                                                     formatBytes(plan.weights.host_bytes)));
        engine::checkWeights(device, plan.weights, room, fileName(path));
    } catch (const Error &error) {
        forecast->problem = error.what();
    }
    return forecast;
}

} // namespace

ModelPart::ModelPart(Core &core, std::function<void()> on_model)
    : core_(core), on_model_(std::move(on_model)) {}

void ModelPart::ensure() {
    if (!core_.model && !loading_)
        handle(command::LoadModel{});
}

void ModelPart::handle(const command::ForecastModel &wanted) {
    core_.startNewest("forecast model", Lane::aside, "Look at " + fileName(wanted.path),
                      [this, wanted](TaskRun &run) {
                          auto forecast = forecastOf(wanted.path, wanted.device);
                          run.change([this, forecast] { core_.draft.load_forecast = forecast; });
                      });
}

void ModelPart::handle(const command::LoadModel &wanted) {
    if (!wanted.path.empty())
        core_.engine.model_path = wanted.path;
    if (!wanted.device.empty())
        core_.engine.device = wanted.device;
    core_.draft.load_forecast = nullptr;
    loading_ = true;
    auto options = core_.engine;
    auto body = [this, options](TaskRun &run) {
        // Pictures of an unloaded model would mislead.
        run.change([this] { forgetModel(); });
        // The session is as the worker was told last: settings may be on their way before this
        // task.
        run.follow(engine::LoadModel{.engine = options, .session = {}}, {}, true);
        auto model = std::make_shared<LoadedModel>();
        std::shared_ptr<const ui::Model> shown;
        model->facts = *core_.worker().snapshot()->model;
        run.inquire("looking", [&](engine::Engine &engine, engine::Session *, const ProgressSink &,
                                   const std::stop_token &) {
            model->tokenizer = engine.sharedTokenizer();
            model->plan = engine::planModel(engine);
            model->device = engine.device().facts();
            shown = describe(engine, model->facts);
        });
        run.change([this, model, shown] {
            core_.model = model;
            core_.draft.model = shown;
            if (std::string text = engine::describeStreaming(model->facts); !text.empty())
                core_.notice(ui::NoticeKind::warning, text + ".");
            for (ui::DeviceRow &row : core_.draft.machine.devices)
                row.is_used = row.name == shown->device;
            on_model_();
        });
    };
    core_.start(Lane::engine, "Load " + fileName(options.model_path), std::move(body),
                [this] { loading_ = false; });
}

void ModelPart::forgetModel() {
    core_.model = nullptr;
    core_.draft.model = nullptr;
    on_model_();
}

void ModelPart::handle(const command::UnloadModel &) {
    core_.start(Lane::engine, "Unload the model", [this](TaskRun &run) {
        run.follow(engine::Unload{});
        run.change([this] { forgetModel(); });
    });
}

void ModelPart::handle(const command::RefreshDevices &) {
    core_.startNewest("devices", Lane::aside, "Look for devices", [this](TaskRun &run) {
        auto found = gpu::listDevices();
        run.change([this, found] {
            std::string used = core_.draft.model ? core_.draft.model->device : "";
            core_.draft.machine.devices.clear();
            for (const gpu::DeviceFacts &facts : found)
                core_.draft.machine.devices.push_back(
                    deviceRow(facts, &facts == &found.front() && facts.refusals.empty(), used));
        });
    });
}

} // namespace longscope::app
