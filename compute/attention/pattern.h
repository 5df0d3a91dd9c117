// Which keys a query sees: a rule, given by a short text ("sinks:4+508"). The rule is said three
// times, on purpose: as a predicate (what is meant), as intervals (what the schedule visits) and as
// a closed form of the number of pairs (what it costs); tests hold them against each other.
// Definitions and sources: methods.md, section 2. All patterns are causal.
#pragma once

#include "compute/attention/number_ranges.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::attention {

/// Units first .. end - 1; a unit u of a pass with step s and remainder r is the key r + s * u.
struct Interval {
    uint64_t first = 0, end = 0;
    bool operator==(const Interval &) const = default;
};

/// Gives the keys of queries to the schedule. A pattern does, and so does a choice made from data.
class KeySource {
  public:
    virtual ~KeySource() = default;
    /// Passes that see disjoint sets of keys; usually 1.
    virtual unsigned passes() const { return 1; }
    /// Distance of neighbouring keys and of the queries that share a tile; 1 except for dilated and
    /// strided patterns.
    virtual uint32_t step(unsigned /*pass*/) const { return 1; }
    /// How many kinds of heads there are; head h of H is of the kind headKind(h, H).
    virtual uint32_t headKinds() const { return 1; }
    virtual uint32_t headKind(uint32_t /*head*/, uint32_t /*heads*/) const { return 0; }
    /// Appends the keys that `query` sees in a pass: sorted and disjoint, in units of the pass with
    /// remainder query % step(pass).
    virtual void appendKeys(unsigned pass, uint32_t kind, uint64_t query,
                            std::vector<Interval> &keys) const = 0;
    /// Further keys that all queries after them see (pass 0 only, step 1): sorted positions; those
    /// that appendKeys gives too count once.
    virtual std::span<const uint32_t> columns(uint32_t /*kind*/) const { return {}; }
};

/// What a layer must remember: the first `sinks` positions and the last `window` before and with
/// the query. Absent: everything.
struct Retention {
    uint64_t sinks = 0, window = 0;
    bool operator==(const Retention &) const = default;
};

enum class PatternKind {
    full,
    window,     ///< window:W            i - j < W
    dilated,    ///< dilated:WxD         W keys, D apart (Longformer 3.1)
    longformer, ///< longformer:W+G      window W, the first G tokens see all and are seen by all
    bigbird,    ///< bigbird:B,W,G,R[,S] blocks of B: W window, G first, R random (seed S)
    strided,    ///< strided:L[,code]    {i-L..i} and i - j a multiple of L; code: {i-L+1..i}
    fixed,      ///< fixed:L,C           own block of L and the last C of every block
    chunked,    ///< chunked:C           own chunk
    shifted, ///< shifted:G           groups of G, for the second half of the heads shifted by G/2
    sinks,   ///< sinks:S+W           first S and last W; positions as StreamingLLM gives them
    a_shape, ///< a-shape:S+W         the same keys, positions as they are
    rolling, ///< rolling:S+M         first S and up to M more; when full, the older half goes
    blocks,  ///< blocks:FILE         a mask of blocks (BlockMask)
    mixed,   ///< mixed:SPEC#HEADS|...|SPEC  some heads so ("window:64#0-3|full"), the rest so
    vertical_slash, ///< vertical-slash:V,S  chosen from data, as are the next three
    xattention,     ///< xattention:T[,STRIDE[,BLOCK]]
    flexprefill,    ///< flexprefill:G[,MIN_BUDGET]
    top_blocks,     ///< topk:K[,BLOCK]  the K best blocks by pooled scores
};

/// mask[I][J]: queries of block I see keys of block J (and never later ones than themselves).
/// Queries beyond the mask see what its last row sees, and their own block.
struct BlockMask {
    uint32_t block_tokens = 0;
    std::vector<std::vector<bool>> rows;
};
/// "block N" and then lines of 0 and 1 (or . and #), each up to its own block or further. Throws
/// Error(usage) with line and column.
BlockMask parseBlockMask(std::string_view text);

class Pattern : public KeySource {
  public:
    Pattern() = default; ///< full
    /// Throws Error(usage) that names the part and what was expected. `blocks:` needs the mask.
    explicit Pattern(std::string_view spec, std::shared_ptr<const BlockMask> mask = nullptr);

    PatternKind kind() const { return kind_; }
    const std::string &spec() const { return spec_; }
    /// The keys are chosen from the data while a prompt is read (and nothing is skipped in decode).
    bool isDynamic() const;
    /// Parameters in the order of the spec, with what it leaves out, e.g. {4, 508}. For the code
    /// that chooses.
    std::span<const double> numbers() const { return numbers_; }
    std::optional<Retention> retention() const;
    /// The mask that it goes by, or one of a mixed pattern's parts; null without.
    const BlockMask *mask() const { return mask_.get(); }
    /// Throws Error(usage) when it names a head that the layer does not have.
    void checkHeads(uint32_t layer, uint32_t heads) const;
    /// The positions of a query towards its sinks are those that a cache without the forgotten
    /// tokens would give it.
    bool relabelsSinks() const {
        return kind_ == PatternKind::sinks || kind_ == PatternKind::rolling;
    }
    /// StreamingLLM (methods.md 2.6): at most sinks + window - 1; context shift (6.9): less what
    /// was dropped.
    uint64_t sinkQuery(uint64_t query) const;

    /// The definition. Dynamic patterns: causal (what may be seen at most).
    bool sees(uint32_t kind, uint64_t query, uint64_t key) const;
    /// Pairs (query, key) of n tokens, and keys of query t, summed over a layer's heads: each kind
    /// counts as often as heads are of it.
    double headPairs(uint64_t n, uint32_t heads) const;
    double headKeys(uint64_t t, uint32_t heads) const;

    unsigned passes() const override;
    uint32_t step(unsigned pass) const override;
    uint32_t headKinds() const override;
    uint32_t headKind(uint32_t head, uint32_t heads) const override;
    void appendKeys(unsigned pass, uint32_t kind, uint64_t query,
                    std::vector<Interval> &keys) const override;

  private:
    void parseMixed(std::string_view spec, std::string_view parts,
                    const std::shared_ptr<const BlockMask> &mask);
    uint64_t number(size_t i) const { return static_cast<uint64_t>(numbers_[i]); }
    uint64_t stridedWindow() const;                    ///< keys of pass 0
    uint64_t stridedFar(uint64_t unit) const;          ///< keys of pass 1, of a query of this unit
    double kindPairs(uint32_t kind, uint64_t n) const; ///< of one head
    double maskPairs(uint64_t n) const;
    uint64_t dropped(uint64_t query) const; ///< rolling: tokens after the first S

    PatternKind kind_ = PatternKind::full;
    std::string spec_ = "full";
    std::vector<double> numbers_;
    std::shared_ptr<const BlockMask> mask_;
    struct HeadPart {
        std::shared_ptr<const Pattern> pattern;
        NumberRanges heads; ///< empty: the rest
    };
    std::vector<HeadPart> head_parts_; ///< mixed: the last one is the rest
};

/// Queries that should be in flight so that tiles of 8 are full: 0 for patterns without gaps.
uint32_t chunkFor(const Pattern &pattern);

/// Patterns of all layers from specs like "window:256@0-3,8"; the last that names a layer counts,
/// layers that nobody names are full. A layer with a pattern of the model's own keeps it unless a
/// spec names the layer itself. Throws Error(usage), also for a layer that does not exist.
class LayerPatterns {
  public:
    LayerPatterns() = default; ///< full everywhere
    explicit LayerPatterns(std::span<const std::string> specs,
                           std::shared_ptr<const BlockMask> mask = nullptr);
    /// Throws Error(usage) when a spec names a layer from `layers` on.
    void checkLayers(uint32_t layers) const;
    const Pattern &of(uint32_t layer) const;
    /// Patterns of the model's own, by layer; null where it has none. Layers that share one attend
    /// alike.
    void setNative(std::vector<std::shared_ptr<const Pattern>> native) {
        native_ = std::move(native);
    }
    bool hasNative() const { return !native_.empty(); }
    /// Whether a layer reads by the model's own pattern.
    bool isNative(uint32_t layer) const;
    bool anyDynamic() const;
    /// The specs again, separated by spaces; "full" when there are none.
    std::string text() const;

  private:
    struct Part {
        std::shared_ptr<const Pattern> pattern;
        NumberRanges layers; ///< empty = all
        std::string text;
    };
    std::vector<Part> parts_;
    std::vector<std::shared_ptr<const Pattern>> native_; ///< of the first layers
};

} // namespace longscope::attention
