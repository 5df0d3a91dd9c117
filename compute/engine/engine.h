// The loaded model: its file, numbers, tokenizer, and its weights on one device. Immutable once
// loaded; sessions (session.h) are timelines over it. One thread (worker.h) uses both.
#pragma once

#include "compute/core/progress.h"
#include "compute/gpu/device.h"
#include "compute/model/chat_template.h"
#include "compute/model/config.h"
#include "compute/model/tokenizer.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::engine {

struct EngineOptions {
    std::string model_path;
    std::string device;           ///< as chooseDevice
    std::string kernels = "auto"; ///< auto, lanes, subgroup
    struct Adapter {
        std::string path;
        float scale = 1;
    };
    std::vector<Adapter> adapters{}; ///< LoRA files, in the order in which they are put on
    /// Most bytes of the device for weights; 0 = what is free beside a session of some size. The
    /// layers that do not fit stay in host memory and are streamed.
    uint64_t device_weight_bytes = 0;
    bool validation = false;
};

class Engine {
  public:
    /// Opens, checks and uploads. Throws Error; a model that does not fit although all its layers
    /// are streamed is refused with both numbers before anything is allocated.
    explicit Engine(const EngineOptions &options, const ProgressSink &progress = {},
                    std::stop_token stop = {});
    ~Engine();
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    const model::Gguf &file() const;
    const model::Config &config() const;
    /// Throws Error(model) when the file has no usable tokenizer (the forward pass needs none).
    const model::Tokenizer &tokenizer() const;
    /// The same, for those who count tokens on other threads; null when there is none.
    std::shared_ptr<const model::Tokenizer> sharedTokenizer() const;
    const model::ChatTemplate &chatTemplate() const;
    gpu::Device &device() const;
    const std::string &kernelFamily() const; ///< "lanes" or "subgroup"
    double loadSeconds() const;
    uint64_t weightBytes() const;     ///< on the device
    uint64_t hostWeightBytes() const; ///< of the layers that are streamed
    uint32_t streamedLayers() const;  ///< the last ones; 0: all weights are on the device

    struct Impl; ///< weights and pipelines; for compute/engine alone
    Impl &impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::engine
