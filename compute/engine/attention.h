// How the layers of one timeline attend: positions, schedules and the kernels that follow them. It
// owns what a chunk needs for that (rotations, schedules, scores for choosing keys), not the cache
// and not the activations.
#pragma once

#include "compute/attention/schedule.h"
#include "compute/engine/kv_cache.h"
#include "compute/engine/scratch.h"
#include "compute/gpu/recorder.h"

#include <functional>
#include <map>
#include <memory>

namespace longscope::engine {

/// Tokens position .. position + rows - 1 of the timeline; `total` is where the reading ends.
struct Chunk {
    uint64_t position = 0;
    uint32_t rows = 0;
    uint64_t total = 0;
    // Branches (branches.h) lie behind the timeline: what was a position is only a place there.
    const attention::KeySource *keys = nullptr; ///< that the rows see, in place of each pattern's
    std::span<const uint64_t> positions = {};   ///< of the rows; empty: position + row

    uint64_t positionOf(uint32_t row) const {
        return positions.empty() ? position + row : positions[row];
    }
};

/// Submits what was recorded and waits.
using Flush = std::function<void()>;

/// Pairs of a query and a key, summed over layers and heads.
struct AttentionWork {
    uint64_t visible_pairs = 0;  ///< that the patterns ask for
    uint64_t computed_pairs = 0; ///< that the kernels go through
};

/// Where a second pass over the keys writes (AttentionMap in shaders/params.h).
struct MapTarget {
    const gpu::Buffer *buffer = nullptr;
    uint64_t offset_bytes = 0; ///< of pass 0; pass 1 follows after `pass_bytes`
    uint64_t pass_bytes = 0;
    uint32_t first_head = 0, heads = 0;               ///< cells; metrics are of all heads
    uint32_t first_key = 0, cell_keys = 0, cells = 0; ///< cells 0: metrics
    uint32_t sinks = 4, recent = 256;                 ///< metrics
};

/// What is known of a timeline beside its tokens and its cache.
struct AttentionState {
    uint64_t written = 0; ///< end of the positions that were stored at some time
    // eviction
    uint64_t filled = 0; ///< slots in use
    bool has_evicted = false;
    std::vector<attention::Evictor> evictors; ///< of each layer: h2o and tova
};

/// Bytes that an Attention will book under "scratch". Schedules depend on how a reading is cut, and
/// on the data where these choose keys: what whole chunks of a full window take.
struct AttentionScratch {
    uint64_t key_rotations = 0, head_facts = 0, schedules = 0, scores = 0, evicting = 0;
    uint64_t largest_bytes = 0; ///< of one buffer
    uint64_t bytes() const { return key_rotations + head_facts + schedules + scores + evicting; }
};
AttentionScratch planAttentionScratch(const model::Config &config, const WidthPlan &widths,
                                      const Tiling &tiling, const SessionOptions &options);

/// Weights that count behind the rotation (QkNormRules::after_rope): addresses of [head_dim], 0
/// where there are none.
struct HeadNorms {
    uint64_t q = 0, k = 0;
};
/// Learned sinks: [layers][heads], logits; empty where there are none.
using Sinks = std::vector<std::vector<float>>;
/// From attn_sinks.weight of each layer; empty when the architecture has no sinks.
Sinks readSinks(const model::Gguf &file, const model::Config &config);

class Attention {
  public:
    /// Throws Error(usage) for a scheme of positions that this device cannot read keys with.
    Attention(gpu::Device &device, const Tiling &tiling, const model::Config &config,
              const WidthPlan &widths, const SessionOptions &options, const Sinks &sinks = {});
    ~Attention();

    /// Positions and schedules of a chunk; the submits that used those of the chunk before must be
    /// done. `looking_back`: the chunk was read before and is only looked at. `observed`: `attend`
    /// may be asked to keep states.
    void begin(Chunk chunk, const Scratch &scratch, bool looking_back = false,
               bool observed = false);
    /// scratch.qkv: rotated q goes to scratch.q, k and v to the layer's cache (unless looking
    /// back, and unless the layer reads another one's cache). Layers that attend only.
    void rotate(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                uint32_t layer, const HeadNorms &norms = {});
    /// scratch.attended = attention of scratch.q over the layer's cache. Patterns that choose from
    /// the data flush in between. `keep_state`: m and l of every row are kept in scratch.state.
    void attend(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                uint32_t layer, const Flush &flush, bool keep_state = false);
    /// After the last layer of a chunk that was not only looked at.
    void end();
    /// Forgets everything beyond the first `count` tokens; 0 always can.
    void truncate(uint64_t count);
    /// How many of the `tokens` tokens that were read can be kept when the timeline is cut to
    /// `count`.
    uint64_t keepable(uint64_t tokens, uint64_t count) const;
    /// Between chunks. A state that was saved goes on when the cache has its rows again.
    AttentionState saveState() const;
    void restoreState(AttentionState state, uint64_t tokens);
    /// Frequencies of the keys in the cache, unless they are raw: of layers that the scheme
    /// rotates.
    attention::Rope keyRope() const;

    /// The second pass for the chunk and layer that `attend` was just recorded for with
    /// `keep_state`; over the layer's own keys, or over others. May flush before.
    void mapPass(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                 uint32_t layer, const Flush &flush, const MapTarget &target,
                 const attention::KeySource *other = nullptr);
    unsigned passes(uint32_t layer, const attention::KeySource *other = nullptr) const;

    // attention_looking.cpp
    /// The rows from `first` on that may be looked at as one chunk: first .. end - 1.
    uint64_t lookEnd(uint64_t first) const;
    /// See Session.
    std::string lookingNote(attention::Interval queries, uint32_t layers) const;

    const AttentionWork &work() const { return work_; }
    void resetWork() { work_ = {}; }
    // attention_held.cpp
    /// Positions that no layer can see any more from the next token on: first .. end - 1. What
    /// evictions threw away is not among them, as heads differ in it.
    attention::Interval forgotten(uint64_t tokens) const;
    /// [kv_head]: the positions that evictions left in the slots of a layer, by slot. Empty where
    /// nothing was evicted, and where it is not known (see Session::heldShares).
    std::vector<std::vector<uint64_t>> keptPositions(uint32_t layer, uint64_t tokens) const;
    /// See Session.
    std::vector<float> heldShares(uint64_t tokens) const;

  private:
    struct Prepared; ///< schedules on the device, of every pass
    struct Evicting; ///< what streaming eviction and page selection keep
    enum class For { decode, rows, looking };
    /// Layers of one shape and pattern share their schedules.
    struct PreparedKey {
        const void *pattern = nullptr;
        uint64_t capacity = 0, near_keys = 0;
        uint32_t heads = 0, kv_heads = 0, width = 0;
        For what = For::rows;
        auto operator<=>(const PreparedKey &) const = default;
    };
    using KernelPair = std::pair<const gpu::Kernel *, const gpu::Kernel *>; ///< lanes, subgroup

    const gpu::Pipeline &pipeline(const KernelPair &kernels, const AttentionTile &tile,
                                  uint32_t layer, uint32_t flags);
    const gpu::Pipeline &sharedPipeline(const gpu::Kernel &kernel, uint32_t layer, uint32_t flags);
    const model::LayerConfig &layerOf(uint32_t layer) const { return config_.layer[layer]; }
    uint32_t widthOf(uint32_t layer) const { return widths_.layer[layer].head_dim; } ///< of a head
    const CacheLayer &cacheOf(const KvCache &cache, uint32_t layer) const {
        return cache.layers[config_.layer[layer].cache_layer];
    }
    void refuseRawKeys() const;
    void makeHeadFacts(const Sinks &sinks);
    uint64_t headFacts(uint32_t layer) const; ///< address
    bool hasRawKeys(uint32_t layer) const;
    uint32_t rotatedDims(uint32_t layer) const; ///< as shaders/params.h has rope_dims
    uint64_t rotationOf(const Scratch &scratch, uint32_t layer) const;
    uint32_t scoreFlags(uint32_t layer) const;
    void makeRopes();
    void fillRotations(const Scratch &scratch);
    void fillTemperatures(const Scratch &scratch);
    void fillFarRotations(const Scratch &scratch);
    void fillKeyRotations();
    uint64_t firstSlot(uint64_t position) const;
    uint64_t keysVisited(uint32_t layer) const;
    AttentionTile tileFor(const attention::KeySource &keys, uint32_t layer, For what) const;
    attention::ScheduleInput scheduleInput(const attention::KeySource &keys, uint32_t layer,
                                           const AttentionTile &tile) const;
    uint64_t place(const attention::Schedule &schedule);
    Prepared prepare(const attention::KeySource &keys, uint32_t layer, For what);
    const Prepared &preparedFor(uint32_t layer, For what);
    void runPrefill(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                    uint32_t layer, const Prepared &prepared, bool keep_state);
    void runDecode(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                   uint32_t layer, const Prepared &prepared);
    void followChosen(uint32_t layer, std::span<const uint32_t> moves, uint32_t count);
    // attention_looking.cpp
    void noteSingle(uint64_t position);
    void cutSingles(uint64_t count);
    attention::Interval singleOrNext(uint64_t position) const;
    bool readSingly() const;
    // attention_choice.cpp
    void makeEvicting();
    bool selectsPages(uint32_t layer) const;
    std::span<const float> scoresOf(gpu::Recorder &recorder, const Scratch &scratch,
                                    const KvCache &cache, uint32_t layer, const Flush &flush,
                                    const attention::WantedScores &wanted);
    void attendChosen(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                      uint32_t layer, const Flush &flush, bool keep_state);
    void attendPages(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                     uint32_t layer, const Flush &flush, bool keep_state);
    void evict(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
               uint32_t layer, const Flush &flush);
    bool keepsObserved() const; ///< SnapKV: a text ends with this chunk and is too long
    void moveRows(gpu::Recorder &recorder, const KvCache &cache, uint32_t layer,
                  const std::vector<uint32_t> &moves, uint32_t count, const Flush &flush);

    gpu::Device &device_;
    const Tiling tiling_;
    const model::Config &config_;
    const WidthPlan &widths_;
    const SessionOptions options_;
    std::vector<LayerRoom> rooms_;
    std::vector<uint32_t> far_regions_; ///< of each layer: where its rotations towards sinks lie
    RotationPlan rotations_;
    std::vector<attention::Rope> ropes_; ///< as Config::ropes, the first under the scheme
    uint64_t rope_length_ = 0;           ///< tokens that its frequencies are made for
    gpu::Buffer head_facts_;             ///< [layers, most heads, 4]
    bool has_sinks_ = false;
    gpu::Buffer key_rotation_, key_rotation_far_; ///< raw keys: [context, rope_dims / 2, 2]
    uint64_t rotated_keys_ = 0;                   ///< rows of them that are filled
    gpu::Buffer schedules_, scores_, moves_;
    uint64_t schedule_words_ = 0; ///< of schedules_, in use
    uint64_t static_words_ = 0;   ///< of those, what the whole chunk needs
    Chunk chunk_;
    bool looking_back_ = false;
    uint64_t first_slot_ = 0; ///< of the chunk, in the numbering of slots
    uint64_t written_ = 0;    ///< end of the positions that were stored at some time
    std::vector<attention::Interval> singles_; ///< positions that were read one by one, in order
    uint64_t restored_ = 0; ///< tokens that came from a file, which does not say how they were read
    std::map<PreparedKey, std::unique_ptr<Prepared>> prepared_;
    std::unique_ptr<attention::KeySource> chosen_; ///< of the layer attended last
    std::unique_ptr<Prepared> chosen_prepared_;
    /// By kernel, width of a head, tile and flags.
    std::map<std::tuple<const gpu::Kernel *, uint32_t, uint32_t, uint32_t>, const gpu::Pipeline *>
        pipelines_;
    const gpu::Pipeline *move_ = nullptr, *page_bounds_ = nullptr,
                        *page_scores_ = nullptr; ///< evicting
    std::unique_ptr<Evicting> evicting_;
    AttentionWork work_;
};

} // namespace longscope::engine
