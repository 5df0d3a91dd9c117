// Attention in figures: what every head of every layer does, in one pass over a document, and how
// much of what an answer looks at lies in which part of it. Pictures: attention_map.h.
#pragma once

#include "compute/engine/second_pass.h"
#include "compute/engine/session.h"

#include <functional>
#include <optional>

namespace longscope::engine {

/// Means over the queries that were seen.
struct HeadMetrics {
    double entropy = 0;           ///< of a query's probabilities, in nats
    double distance = 0;          ///< in tokens, weighted by probability
    double sink_share = 0;        ///< probability of the first tokens (MetricWidths::sinks)
    double recent_share = 0;      ///< of the last ones, the query included (MetricWidths::recent)
    std::optional<double> recall; ///< probability that the other patterns' keys have
};

/// Give it to Session::read with an empty timeline. A reading that was stopped leaves figures that
/// are good for nothing.
class MetricsCollector : public Observer {
  public:
    /// `other`: patterns whose recall is wanted (methods.md 0.4); it means something when the
    /// session's own attention is full. Layers that keep the model's own window lose nothing.
    /// Throws Error(usage) for patterns that choose from the data, and for layers and heads that do
    /// not exist.
    MetricsCollector(gpu::Device &device, const model::Config &config,
                     const MetricWidths &widths = {},
                     const attention::LayerPatterns *other = nullptr);

    bool wants(uint32_t layer, const Chunk &) const override { return headsOf(layer) > 0; }
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override;

    uint32_t layers() const { return static_cast<uint32_t>(queries_.size()); }
    uint32_t heads() const { return heads_; } ///< the most of a layer
    uint32_t headsOf(uint32_t layer) const { return layer_heads_[layer]; }
    HeadMetrics of(uint32_t layer, uint32_t head) const;
    double seconds() const { return seconds_; } ///< beyond what the reading takes

  private:
    static constexpr uint32_t kSums = 5; ///< of a head: the members of HeadMetrics in their order

    SecondPass second_;
    MetricWidths widths_;
    std::optional<attention::LayerPatterns> other_;
    uint32_t heads_;
    std::vector<uint32_t> layer_heads_;
    std::vector<double> sums_;      ///< [layers, heads, kSums]
    std::vector<uint64_t> queries_; ///< of each layer
    double seconds_ = 0;
};

/// How much of the probability of full attention a setting keeps, mean over queries, heads and
/// layers (methods.md 0.4).
class RecallCollector : public Observer {
  public:
    /// Of patterns that do not look at the data: give it to a session with full attention. Of those
    /// that do: to the session itself, whose own queries and keys count then. Layers that keep the
    /// model's own window lose nothing.
    RecallCollector(gpu::Device &device, const model::Config &config,
                    const attention::LayerPatterns &patterns);
    bool wants(uint32_t layer, const Chunk &) const override;
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override;
    double recall() const;

  private:
    SecondPass second_;
    const attention::LayerPatterns patterns_;
    const attention::Pattern full_;
    std::vector<uint32_t> layer_heads_;
    double sum_ = 0;     ///< over queries and heads of the layers that were looked at
    uint64_t lines_ = 0; ///< how many these are
    uint64_t heads_ = 0, looked_at_ = 0; ///< of all layers, and of those that are looked at
};

/// Several observers of one reading.
class Observers : public Observer {
  public:
    void add(Observer &observer) { all_.push_back(&observer); }
    double seconds() const { return seconds_; } ///< that looking took
    bool wants(uint32_t layer, const Chunk &chunk) const override;
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override;
    bool wantsMixed(uint32_t layer, const Chunk &chunk) const override;
    void mixed(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
               const Flush &flush) override;
    void finished(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                  const Flush &flush) override;

  private:
    /// Lets each look, and times it.
    void look(const Flush &flush, const std::function<void(Observer &)> &work);

    std::vector<Observer *> all_;
    double seconds_ = 0;
};

/// Tokens (of an answer, say) and parts of what they saw.
struct SpanRequest {
    std::vector<uint32_t> layers = {}, heads = {}; ///< empty: all that attend; all of each
    uint64_t first_query = 0, end_query = 0;
    std::vector<attention::Interval> spans; ///< of keys; they may overlap
};

/// For each span the share of the probability that it gets, mean over the queries, heads and
/// layers: spans that make up everything add up to 1. Recomputed from the kept keys; memory follows
/// the keys that the spans reach over. Throws as lookAt.
std::vector<double> sharesOfSpans(Session &session, const SpanRequest &request,
                                  std::stop_token stop = {});

} // namespace longscope::engine
