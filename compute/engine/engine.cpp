#include "compute/engine/engine.h"

#include "compute/core/error.h"
#include "compute/engine/impl.h"
#include "compute/engine/plan.h"

#include <chrono>
#include <future>

namespace longscope::engine {
namespace {

/// The vocabulary takes about as long as the device's start, so both happen at once.
struct Vocabulary {
    std::unique_ptr<model::Tokenizer> tokenizer;
    std::string error;
};

Vocabulary readVocabulary(const model::Gguf &file) {
    try {
        return {std::make_unique<model::Tokenizer>(file), ""};
    } catch (const Error &error) {
        return {nullptr, error.what()};
    }
}

} // namespace

Engine::Engine(const EngineOptions &options, const ProgressSink &progress, std::stop_token stop) {
    auto start = std::chrono::steady_clock::now();
    model::Gguf file = model::Gguf::open(options.model_path);
    model::Config config = model::readConfig(file);
    impl_ = std::make_unique<Impl>(Impl{.file = std::move(file),
                                        .config = std::move(config),
                                        .tokenizer = nullptr,
                                        .tokenizer_error = "",
                                        .chat_template = std::nullopt,
                                        .device = nullptr,
                                        .tiling = {},
                                        .family = "",
                                        .adapters = {},
                                        .weight_plan = {},
                                        .weights = {}});
    for (const EngineOptions::Adapter &adapter : options.adapters) {
        impl_->adapters.push_back(model::Lora::open(adapter.path, adapter.scale, impl_->file));
        impl_->config.adapter_rank =
            std::max(impl_->config.adapter_rank, impl_->adapters.back().rank());
    }
    auto vocabulary =
        std::async(std::launch::async, [this] { return readVocabulary(impl_->file); });

    impl_->device = std::make_unique<gpu::Device>(
        gpu::DeviceOptions{.wanted = options.device, .validation = options.validation});
    KernelFamily family = chooseFamily(impl_->device->facts(), options.kernels);
    impl_->family = familyName(family);
    impl_->tiling = chooseTiling(impl_->device->facts(), family);
    const gpu::DeviceFacts &facts = impl_->device->facts();
    uint64_t room = weightRoom(impl_->config, impl_->tiling, facts.free_memory_bytes,
                               options.device_weight_bytes);
    impl_->weight_plan =
        planWeights(impl_->file, impl_->config, impl_->tiling, impl_->adapters, room);
    checkWeights(facts, impl_->weight_plan, room, options.model_path);
    impl_->weights = uploadWeights(*impl_->device, impl_->file, impl_->config, impl_->tiling,
                                   impl_->adapters, impl_->weight_plan, progress, std::move(stop));

    Vocabulary read = vocabulary.get();
    impl_->tokenizer = std::move(read.tokenizer);
    impl_->tokenizer_error = std::move(read.error);
    if (impl_->tokenizer)
        impl_->chat_template.emplace(impl_->file, *impl_->tokenizer);
    std::chrono::duration<double> since = std::chrono::steady_clock::now() - start;
    impl_->load_seconds = since.count();
}

Engine::~Engine() = default;

const model::Gguf &Engine::file() const {
    return impl_->file;
}
const model::Config &Engine::config() const {
    return impl_->config;
}
gpu::Device &Engine::device() const {
    return *impl_->device;
}
const std::string &Engine::kernelFamily() const {
    return impl_->family;
}
double Engine::loadSeconds() const {
    return impl_->load_seconds;
}

std::shared_ptr<const model::Tokenizer> Engine::sharedTokenizer() const {
    return impl_->tokenizer;
}

const model::Tokenizer &Engine::tokenizer() const {
    if (!impl_->tokenizer)
        fail(ErrorKind::model, "{}", impl_->tokenizer_error);
    return *impl_->tokenizer;
}

const model::ChatTemplate &Engine::chatTemplate() const {
    tokenizer();
    return *impl_->chat_template;
}

uint64_t Engine::weightBytes() const {
    for (const gpu::BookedPart &part : impl_->device->booked())
        if (part.name == "weights")
            return part.bytes;
    return 0;
}

uint64_t Engine::hostWeightBytes() const {
    return impl_->weight_plan.host_bytes;
}

uint32_t Engine::streamedLayers() const {
    return impl_->weight_plan.streamed_layers;
}

} // namespace longscope::engine
