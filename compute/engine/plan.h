// What a session costs before anything is allocated: bytes in the parts under which the engine
// books its buffers, FLOPs, and the bytes that a written token reads. The sums are made by the
// functions that allocate, so that forecast and reality are one table.
#pragma once

#include "compute/attention/plan.h"
#include "compute/engine/attention.h"
#include "compute/engine/attention_map.h"
#include "compute/engine/engine.h"
#include "compute/engine/kv_cache.h"

#include <map>
#include <optional>

namespace longscope::engine {

/// What is the same for all sessions of a model on a device.
struct ModelPlan {
    model::Config config;
    Tiling tiling;
    WeightPlan weights;
    uint64_t read_bytes = 0; ///< of the file's weights that one token needs
};
/// `most_bytes`: of the device for weights, as weightRoom says; the rest is streamed.
ModelPlan planModel(const model::Gguf &file, const model::Config &config, const Tiling &tiling,
                    uint64_t most_bytes = UINT64_MAX);
ModelPlan planModel(const Engine &engine);
/// What a device has for weights: `wanted`, or, where that is 0, what is free beside the cache and
/// scratch of a window of 4096 tokens (or of the model's own, if that is smaller).
uint64_t weightRoom(const model::Config &config, const Tiling &tiling, uint64_t free_bytes,
                    uint64_t wanted);
/// Throws Error(memory) with both numbers when weights do not fit into the device's room, or the
/// streamed ones into host memory.
void checkWeights(const gpu::DeviceFacts &device, const WeightPlan &plan, uint64_t room_bytes,
                  const std::string &path);

/// The model's sizes as the formulas have them: the largest of all layers.
attention::ModelShape shapeOf(const model::Config &config);
/// Of one layer, which may do without attention (heads = 0). Values may be narrower than keys.
attention::ModelShape shapeOf(const model::Config &config, uint32_t layer);
/// Query heads of all layers together.
uint64_t allHeads(const model::Config &config);
/// Of the matrices of all layers, each by its own sizes, and of the convolutions and states of the
/// recurrent ones, for one token. Attention and the head are apart.
double tokenFlops(const model::Config &config);
/// Pairs of a query and a key while the first n tokens are read, mean over heads: a layer's own
/// mean summed over the layers that attend, and the mean over the heads of all (0 where none
/// attends).
struct HeadPairs {
    double all_layers = 0, mean = 0;
};
HeadPairs headPairs(const ModelPlan &model, const SessionOptions &options, uint64_t n);
/// What a piece of work asks for by theory: the operations of the mathematics and the fewest bytes.
struct Work {
    double flops = 0, bytes = 0;
};
/// The tokens first .. end - 1 read in one go, after those before; logits of the last one.
Work readingWork(const ModelPlan &model, const SessionOptions &options, uint64_t first,
                 uint64_t end);
/// One token written at a position.
Work writingWork(const ModelPlan &model, const SessionOptions &options, uint64_t position);

struct SessionPlan {
    uint64_t context_tokens = 0;
    uint64_t weight_bytes = 0, cache_bytes = 0, scratch_bytes = 0;
    uint64_t host_weight_bytes = 0; ///< beside the device; of the streamed layers
    uint32_t streamed_layers = 0;
    uint64_t state_bytes = 0;             ///< of recurrent layers, with copies of earlier tokens
    uint64_t map_bytes = 0;               ///< of a picture of attention, when one is asked for
    std::vector<uint64_t> layer_bytes{};  ///< of the cache
    std::vector<uint64_t> layer_tokens{}; ///< that the cache of a layer has room for
    std::vector<uint64_t> layer_state_bytes{}; ///< of the state itself; 0 where none recurs
    Work reading{}, writing{};                 ///< the whole window; one token at its end

    uint64_t totalBytes() const; ///< on the device
    struct Part {
        const char *name; ///< as the device books it
        uint64_t bytes;
    };
    /// Without those that are 0.
    std::vector<Part> parts() const;
};
/// `options` need a window. Scratch of patterns that choose from the data is an estimate.
SessionPlan planSession(const ModelPlan &model, const SessionOptions &options,
                        const std::optional<MapRequest> &map = std::nullopt);

/// What a device has for a session and its model.
struct Room {
    uint64_t free_bytes = 0, largest_buffer_bytes = 0;
};
/// The largest window that fits a device, whatever the positions reach. Asked for several types of
/// the cache, because most of the work is the same for them.
class LongestContext {
  public:
    LongestContext(const ModelPlan &model, const SessionOptions &options, const Room &room)
        : model_(model), options_(withNativeWindows(model.config, options)), room_(room) {}
    /// 0 when not even one token fits.
    uint64_t find(CacheType k, CacheType v);

  private:
    bool fits(uint64_t tokens);
    AttentionScratch attentionAt(uint64_t tokens);

    const ModelPlan &model_;
    SessionOptions options_;
    Room room_;
    std::map<uint64_t, AttentionScratch> known_; ///< by the window
};

} // namespace longscope::engine
