// What the engine holds; for compute/engine alone.
#pragma once

#include "compute/engine/engine.h"
#include "compute/engine/weights.h"

#include <memory>
#include <optional>
#include <string>

namespace longscope::engine {

struct Engine::Impl {
    model::Gguf file;
    model::Config config;
    std::shared_ptr<const model::Tokenizer> tokenizer; ///< may outlive the engine
    std::string tokenizer_error;                       ///< why there is none
    std::optional<model::ChatTemplate> chat_template;
    std::unique_ptr<gpu::Device> device;
    Tiling tiling;
    std::string family;
    Adapters adapters;
    WeightPlan weight_plan;
    Weights weights;
    double load_seconds = 0;
};

} // namespace longscope::engine
