// Choosing keys from the data: the selection rules of MInference, XAttention, FlexPrefill, top-k
// blocks, H2O, SnapKV, TOVA and Quest, over scores that a kernel computed (AttentionScores,
// PageScores in shaders/params.h). Pure arithmetic. Definitions: methods.md 2.11 to 2.16.
#pragma once

#include "compute/attention/pattern.h"

namespace longscope::attention {

/// What the choice for one chunk of queries needs to be told: raw scores of the chunk.
struct ChunkScores {
    uint64_t position = 0; ///< of the chunk's row 0
    uint32_t rows = 0;     ///< of the chunk
    uint32_t heads = 0;
    // scores[head, a, b] as AttentionScores gives them, for the rows that `wantedScores` named
    uint32_t first_row = 0, row_groups = 0, key_groups = 0, group = 1;
    std::span<const float> scores;
    float scale = 1; ///< that was applied: the scale of the model's own softmax
};

/// Which scores a dynamic pattern wants for a chunk: rows first_row .. of the chunk, in groups that
/// begin at a multiple of `group`; whole groups only, so that no row or key beyond the chunk is
/// read. `row_groups` 0: none, the chunk is read in full, because the pattern would leave nothing
/// out or because there are so few keys that it gains nothing:
///   vertical-slash:V,S    up to V + S keys (V at least 30, S at least 50)
///   xattention:T,,BLOCK   up to 2 blocks (the first and the query's own are always read), or T >=
///   1 flexprefill:G,BUDGET  up to max(256, BUDGET) keys, or G >= 1 topk:K,BLOCK          up to
///   max(2, K) blocks
struct WantedScores {
    uint32_t first_row = 0, row_groups = 0, key_groups = 0, group = 1;
};
WantedScores wantedScores(const Pattern &pattern, uint64_t position, uint32_t rows);

/// The keys of a chunk's queries, chosen for each head (kind = head).
class Choice : public KeySource {
  public:
    uint32_t headKinds() const override { return static_cast<uint32_t>(heads_.size()); }
    uint32_t headKind(uint32_t head, uint32_t) const override { return head; }
    void appendKeys(unsigned pass, uint32_t kind, uint64_t query,
                    std::vector<Interval> &keys) const override;
    std::span<const uint32_t> columns(uint32_t kind) const override;

    struct Head {
        // Either blocks: blocks_of[I - first_block] = sorted key blocks of query block I ...
        uint32_t block_tokens = 0;
        uint64_t first_block = 0;
        std::vector<std::vector<uint32_t>> blocks_of;
        // ... or lines: columns (sorted) and bands of offsets i - j (sorted, disjoint)
        std::vector<uint32_t> columns;
        std::vector<Interval> offsets;
        bool is_full = false; ///< everything causal
    };
    explicit Choice(std::vector<Head> heads) : heads_(std::move(heads)) {}
    const std::vector<Head> &heads() const { return heads_; }

  private:
    std::vector<Head> heads_;
};

/// Applies the pattern's rule to all queries of the chunk. Every query sees itself; without scores
/// (row_groups 0) every query sees everything.
///   vertical-slash (MInference, Jiang 2024): from the last 64 rows of the chunk, the V columns and
///     the S offsets i - j with the largest sums of attention; the first 30 columns and the nearest
///     30 offsets are always among them. Up to 15 offsets between two of them are taken too: that
///     makes less work
///   xattention (Xu 2025): sums of attention over blocks, estimated from antidiagonals; for each
///     query block the first block, its own, and the best ones until T of the whole is reached
///   flexprefill (Lai 2025): from the last 128 rows, block columns and block diagonals that hold G
///     of the attention (BUDGET tokens at least). Where scores of averaged blocks tell the same as
///     the attention itself (root of the Jensen-Shannon divergence below 0.1), BUDGET tokens of
///     both and the blocks that hold G of that estimate; only the last rows are scored, so all
///     query blocks of the chunk take their estimate
///   topk (our own): the K best key blocks of each query block, the first and its own; estimated as
///     xattention does, with antidiagonals of 16
Choice chooseKeys(const Pattern &pattern, const ChunkScores &scores);

/// The attention of the scored rows (group 1), summed over the rows: by column j and by offset i -
/// j.
struct LineSums {
    std::vector<float> columns, offsets; ///< [key_groups]
    /// Mean score of each block of keys, causality aside: (mean of q) . (mean of k). Empty when
    /// block_tokens is 0.
    std::vector<float> block_means;
};
LineSums sumLines(const ChunkScores &scores, uint32_t head, uint32_t block_tokens = 0);

/// The attention between groups, summed over blocks: sums[I - first_block][J], J <= I. A query
/// block without a scored group has an empty row.
struct BlockSums {
    uint64_t first_block = 0;
    std::vector<std::vector<float>> sums;
};
BlockSums sumBlocks(const ChunkScores &scores, uint32_t head, uint32_t block_tokens);

// ---- eviction and selection: one layer, all heads --------------------------------------------

enum class EvictionKind { none, h2o, snapkv, tova, quest };
/// "none", "h2o:K", "snapkv:K[,WINDOW[,KERNEL]]", "tova:K", "quest:K[,PAGE]"; K tokens are kept (or
/// read).
struct Eviction {
    EvictionKind kind = EvictionKind::none;
    uint64_t keep = 0;
    uint32_t window = 32, pool = 5; ///< snapkv: observed queries, smoothing kernel (odd)
    uint32_t page = 16;             ///< quest
    std::string spec = "none";

    /// Tokens go while a text is read, after every chunk.
    bool whileReading() const { return kind == EvictionKind::h2o || kind == EvictionKind::tova; }
};
/// Throws Error(usage) that names the part and what was expected.
Eviction parseEviction(std::string_view spec);

/// probabilities[head, row, key] (causal softmax of raw scores [heads, rows, keys]; key >
/// first_query
/// + row is not visible; -inf safe).
std::vector<float> softmaxRows(std::span<const float> scores, uint32_t heads, uint32_t rows,
                               uint64_t keys, uint64_t first_query);

/// SnapKV: the slots to keep for each kv head (sorted, `keep` of them, the last `window` always).
/// probabilities [heads, window, keys] of the last `window` queries. Scores are summed over the
/// heads of a kv head before pooling.
std::vector<std::vector<uint32_t>> chooseSnapKv(const Eviction &eviction,
                                                std::span<const float> probabilities,
                                                uint32_t heads, uint32_t kv_heads, uint64_t keys);

/// The slots of each kv head after `kept` (sorted, as many for every kv head) came to the first
/// places: (from, to) pairs [kv_heads, count, 2] as CacheMove wants them; no `to` is a `from`.
std::vector<uint32_t> makeMoves(std::span<const std::vector<uint32_t>> kept, uint32_t &count);
/// What is known of a kv head's slots, by slot, goes where these moves bring them; `kept` stay.
template <class Value>
void followMoves(std::span<const uint32_t> moves, uint32_t count, size_t kv_head, size_t kept,
                 std::vector<Value> &values) {
    std::span<const uint32_t> own = moves.subspan(2 * kv_head * count, 2 * size_t{count});
    for (size_t i = 0; i < own.size(); i += 2)
        values[own[i + 1]] = values[own[i]];
    values.resize(kept);
}

/// H2O and TOVA: what was seen of each slot so far, and who goes. One object a layer.
class Evictor {
  public:
    Evictor(const Eviction &eviction, uint32_t heads, uint32_t kv_heads);
    /// Adds probabilities [heads, rows, slots] of further queries (H2O sums them; TOVA keeps the
    /// last row, mean over all heads). New slots begin at 0.
    void observe(std::span<const float> probabilities, uint32_t rows, uint64_t slots);
    /// Positions in each kv head's slots, by slot. `appended` says which position the newest has.
    void append(uint64_t position);
    const std::vector<std::vector<uint64_t>> &positions() const { return positions_; }
    /// What was seen of each slot; with the positions all that must be kept to go on later.
    const std::vector<std::vector<double>> &sums() const { return sums_; }
    /// Goes on from positions and sums [kv_head][slot] that were kept.
    void restore(std::vector<std::vector<uint64_t>> positions,
                 std::vector<std::vector<double>> sums) {
        positions_ = std::move(positions);
        sums_ = std::move(sums);
    }
    /// Moves that bring every kv head to at most `keep` slots: (from, to) pairs [kv_heads, count,
    /// 2] as CacheMove wants them; positions and sums follow. H2O (Zhang 2023): the newest half of
    /// `keep` (rounded up) stays, of the others those with the largest sums. TOVA (Oren 2024):
    /// those that the last query looked at most, and the newest.
    std::vector<uint32_t> shrink(uint32_t &count);

  private:
    std::vector<uint32_t> keptOf(uint32_t kv_head) const;

    Eviction eviction_;
    uint32_t heads_, kv_heads_;
    std::vector<std::vector<uint64_t>> positions_; ///< [kv_head][slot]
    std::vector<std::vector<double>> sums_;        ///< [kv_head][slot]
};

/// The `count` pages with the largest bounds, the last page always; sorted. Bounds [heads][pages]
/// of the heads of one kv head: the largest over the heads counts.
std::vector<uint32_t> bestPages(std::span<const float> bounds, uint32_t heads, uint64_t pages,
                                uint64_t count);

/// Quest (Tang 2024): the pages to read, as bestPages: `keep` tokens, at least 3 pages (or all).
std::vector<uint32_t> chooseQuestPages(const Eviction &eviction, std::span<const float> bounds,
                                       uint32_t count_heads, uint64_t pages);

} // namespace longscope::attention
