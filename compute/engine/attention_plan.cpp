// What `Attention` will book under "scratch" beside the activations: rotations of keys, schedules,
// scores, pages. Schedules are made as for a session's chunks; where the data decide, a choice that
// is spread evenly stands for theirs.
#include "compute/attention/plan.h"
#include "compute/engine/attention_impl.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::KeySource;
using attention::Pattern;
using attention::PatternKind;

constexpr uint64_t kSampledTokens = 16384; ///< beyond, schedules grow in proportion
constexpr uint64_t kSampledChoice = 4096;  ///< the same where keys are chosen for every head

/// As buffers grow: to what is needed and a part more.
class GrowingBuffer {
  public:
    GrowingBuffer(uint64_t times, uint64_t over) : times_(times), over_(over) {}
    void need(uint64_t bytes) {
        if (bytes > bytes_)
            bytes_ = bytes * times_ / over_;
    }
    uint64_t bytes() const { return bytes_; }

  private:
    uint64_t times_, over_, bytes_ = 0;
};

class ScratchPlanner {
  public:
    ScratchPlanner(const model::Config &config, const WidthPlan &widths, const Tiling &tiling,
                   const SessionOptions &options)
        : config_(config), widths_(widths), tiling_(tiling), options_(options) {}

    AttentionScratch plan() {
        AttentionScratch planned;
        planned.key_rotations = keyRotations();
        planned.head_facts = headFactsBytes(config_);
        planChunks();
        planned.schedules = schedules_.bytes();
        planned.scores = scores_.bytes();
        planned.evicting = evicting();
        uint64_t page_layer = options_.eviction.kind == EvictionKind::quest ? pageLayer() : 0;
        planned.largest_bytes =
            std::max({planned.key_rotations, planned.schedules, planned.scores, page_layer});
        return planned;
    }

  private:
    uint64_t keyRotations() const {
        const attention::RopeScheme &scheme = options_.ropeScheme();
        if (!scheme.needsRawKeys())
            return 0;
        uint64_t tables = scheme.nearKeys() != UINT64_MAX ? 2 : 1;
        return tables * options_.context_tokens * config_.rope().dims * sizeof(float);
    }

    /// The first chunk, some in between, and the last whole one: what grows, grows in between.
    void planChunks() {
        uint64_t chunk = tiling_.chunk_tokens;
        uint64_t last = options_.context_tokens - chunk;
        for (uint64_t position = 0; position < last && position < kSampledTokens;)
            planChunk(std::exchange(position, position * 5 / 4 / chunk * chunk + chunk));
        planChunk(last);
    }

    void planChunk(uint64_t position) {
        uint64_t words = 0, chosen = 0;
        // Layers share schedules.
        std::set<std::tuple<const Pattern *, uint64_t, uint64_t, uint32_t, uint32_t, uint32_t>>
            known;
        for (uint32_t layer = 0; layer < config_.layers; ++layer) {
            const Pattern &pattern = options_.patterns.of(layer);
            const model::LayerConfig &shape = config_.layer[layer];
            if (!shape.attends() ||
                !known
                     .emplace(&pattern,
                              planLayer(config_, options_, layer, tiling_.chunk_tokens).capacity,
                              zonesOf(config_, options_, layer).near_keys, shape.heads,
                              shape.kv_heads, widths_.layer[layer].head_dim)
                     .second)
                continue;
            if (pattern.isDynamic() && tiling_.chunk_tokens > 1) {
                chosen = std::max(chosen, chosenWords(layer, position));
                attention::WantedScores wanted =
                    attention::wantedScores(pattern, position, tiling_.chunk_tokens);
                needScores(shape.heads, wanted.row_groups, wanted.key_groups);
                continue;
            }
            words = ceilDiv(words, 16) * 16 + wordsAt(pattern, layer, position, kSampledTokens);
            schedules_.need(words * sizeof(uint32_t));
        }
        if (chosen > 0)
            schedules_.need((ceilDiv(words, 16) * 16 + chosen) * sizeof(uint32_t));
        planEvictionScores(position);
    }

    void needScores(uint64_t heads, uint64_t rows, uint64_t keys) {
        scores_.need(heads * rows * keys * sizeof(float));
    }

    void planEvictionScores(uint64_t position) {
        const attention::Eviction &eviction = options_.eviction;
        uint64_t rows = tiling_.chunk_tokens, end = position + rows;
        uint64_t kept = std::min(position, eviction.keep) + rows;
        if (eviction.kind == EvictionKind::h2o)
            needScores(config_.heads, std::min<uint64_t>(rows, kObservedRows), kept);
        if (eviction.kind == EvictionKind::tova)
            needScores(config_.heads, 1, kept);
        bool prompt_ends = end == options_.context_tokens;
        if (eviction.kind == EvictionKind::snapkv && prompt_ends && end > eviction.keep)
            needScores(config_.heads, std::min<uint64_t>(eviction.window, rows), end);
    }

    /// Words of the schedules of all passes, for a whole chunk.
    uint64_t words(const KeySource &keys, uint32_t layer, uint64_t position) const {
        AttentionTile tile = tileFor(keys, layer);
        return words(keys, layer, position, tile, kindsOf(keys, config_.layer[layer].heads, tile));
    }

    uint64_t words(const KeySource &keys, uint32_t layer, uint64_t position,
                   const AttentionTile &tile, const std::vector<uint32_t> &kinds) const {
        attention::ScheduleInput input;
        input.position = position;
        input.rows = tiling_.chunk_tokens;
        input.tile_rows = tile.queries;
        input.key_step = tile.keys;
        input.kinds = kinds;
        input.slots = planLayer(config_, options_, layer, tiling_.chunk_tokens).slots;
        input.zones = zonesOf(config_, options_, layer);
        uint64_t sum = 0;
        for (input.pass = 0; input.pass < keys.passes(); ++input.pass)
            sum = ceilDiv(sum, 16) * 16 + makeSchedule(keys, input).words();
        return sum;
    }

    AttentionTile tileFor(const KeySource &keys, uint32_t layer) const {
        return prefillTileFor(keys, tiling_, config_.layer[layer], widths_.layer[layer].head_dim);
    }

    /// Exact up to `most` tokens; beyond, on from there in a straight line.
    uint64_t wordsAt(const KeySource &keys, uint32_t layer, uint64_t position,
                     uint64_t most) const {
        uint64_t whole = most / tiling_.chunk_tokens * tiling_.chunk_tokens;
        if (position <= std::max(whole, most))
            return words(keys, layer, position);
        uint64_t half = whole / 2 / tiling_.chunk_tokens * tiling_.chunk_tokens;
        uint64_t near = words(keys, layer, half), far = words(keys, layer, whole);
        if (far <= near || whole == half)
            return far;
        double rise = static_cast<double>(far - near) / static_cast<double>(whole - half);
        return far + static_cast<uint64_t>(rise * static_cast<double>(position - whole));
    }

    // ---- choices -------------------------------------------------------------------------------

    /// Every head chooses for itself.
    uint64_t chosenWords(uint32_t layer, uint64_t position) {
        const Pattern &pattern = options_.patterns.of(layer);
        const AttentionTile tile = choosePrefillTile(tiling_, 1, 1, widths_.layer[layer].head_dim);
        uint32_t heads = config_.layer[layer].heads;
        uint64_t chunk = tiling_.chunk_tokens;
        auto wordsOf = [&](const attention::Choice::Head &head, uint64_t at) {
            return heads * words(attention::Choice({head}), layer, at, tile, {0});
        };
        if (attention::wantedScores(pattern, position, tiling_.chunk_tokens).row_groups == 0)
            return wordsOf({.blocks_of = {}, .columns = {}, .offsets = {}, .is_full = true},
                           position);
        // A share of the keys makes schedules that grow with them, a number of keys does not.
        bool is_share =
            pattern.kind() == PatternKind::xattention || pattern.kind() == PatternKind::flexprefill;
        uint64_t sample = std::max(is_share ? kSampledChoice : 4 * chosenKeys(pattern), chunk);
        sample = is_share ? sample : std::min(sample, position);
        auto [made, is_new] = sampled_.try_emplace({&pattern, sample, heads, tile.queries});
        if (is_new)
            made->second = wordsOf(evenChoice(pattern, sample), sample);
        double share =
            is_share ? static_cast<double>(position + chunk) / static_cast<double>(sample + chunk)
                     : 1;
        return static_cast<uint64_t>(share * static_cast<double>(made->second));
    }

    static uint64_t numberOf(const Pattern &pattern, size_t i) {
        return static_cast<uint64_t>(pattern.numbers()[i]);
    }

    /// By number.
    static uint64_t chosenKeys(const Pattern &pattern) {
        uint64_t first = numberOf(pattern, 0), second = numberOf(pattern, 1);
        return pattern.kind() == PatternKind::top_blocks ? first * second : first + second;
    }

    attention::Choice::Head evenChoice(const Pattern &pattern, uint64_t position) const {
        uint64_t end = position + tiling_.chunk_tokens;
        attention::Choice::Head head{.blocks_of = {}, .columns = {}, .offsets = {}};
        if (pattern.kind() == PatternKind::vertical_slash) {
            uint64_t columns = std::min(numberOf(pattern, 0), end);
            uint64_t offsets = std::min(numberOf(pattern, 1), end);
            for (uint64_t i = 0; i < columns; ++i)
                head.columns.push_back(static_cast<uint32_t>(i * end / columns));
            for (uint64_t i = 0; i < offsets; ++i)
                if (uint64_t at = i * end / offsets;
                    head.offsets.empty() || at > head.offsets.back().end)
                    head.offsets.push_back({at, at + 1});
                else
                    head.offsets.back().end = at + 1;
            return head;
        }
        bool top = pattern.kind() == PatternKind::top_blocks;
        uint64_t block = top ? numberOf(pattern, 1) : 128;
        head.block_tokens = static_cast<uint32_t>(block);
        head.first_block = position / block;
        for (uint64_t query = head.first_block; query <= (end - 1) / block; ++query)
            head.blocks_of.push_back(evenBlocks(query, top ? numberOf(pattern, 0) : query / 4 + 2));
        return head;
    }

    /// `count` of the blocks 0 .. own, both of them among these.
    static std::vector<uint32_t> evenBlocks(uint64_t own, uint64_t count) {
        std::vector<uint32_t> blocks;
        count = std::min(std::max<uint64_t>(count, 2), own + 1);
        for (uint64_t i = 0; i < count; ++i)
            blocks.push_back(static_cast<uint32_t>(count > 1 ? i * own / (count - 1) : own));
        return blocks;
    }

    // ---- eviction ------------------------------------------------------------------------------

    uint64_t pages() const { return ceilDiv(options_.context_tokens, options_.eviction.page); }
    uint64_t pageLayer() const {
        return pages() * config_.kv_heads * 2 * widths_.head_dim * sizeof(float);
    }

    /// Pages and their scores, or lists of moves.
    uint64_t evicting() const {
        const attention::Eviction &eviction = options_.eviction;
        uint64_t pair_bytes = uint64_t{config_.kv_heads} * 2 * sizeof(uint32_t);
        switch (eviction.kind) {
        case EvictionKind::quest: {
            uint64_t layers =
                config_.layers - std::min(config_.layers, attention::kQuestDenseLayers);
            return layers * pageLayer() + pages() * config_.heads * sizeof(float);
        }
        case EvictionKind::h2o:
        case EvictionKind::tova:
            return 2 * pair_bytes * std::min<uint64_t>(tiling_.chunk_tokens, eviction.keep);
        case EvictionKind::snapkv:
            return 2 * pair_bytes * std::min(eviction.keep, options_.context_tokens);
        case EvictionKind::none:
            break;
        }
        return 0;
    }

    const model::Config &config_;
    const WidthPlan &widths_;
    const Tiling &tiling_;
    const SessionOptions &options_;
    GrowingBuffer schedules_{3, 2}, scores_{5, 4};
    /// Words of even choices.
    std::map<std::tuple<const Pattern *, uint64_t, uint32_t, uint32_t>, uint64_t> sampled_;
};

} // namespace

AttentionScratch planAttentionScratch(const model::Config &config, const WidthPlan &widths,
                                      const Tiling &tiling, const SessionOptions &options) {
    return ScratchPlanner(config, widths, tiling, options).plan();
}

} // namespace longscope::engine
