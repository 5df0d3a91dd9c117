#include "compute/engine/attention_metrics.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/attention_map.h"
#include "shaders/params.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

namespace longscope::engine {
namespace {

using attention::Interval;
/// Sums the probability of every key over the queries, heads and layers.
class KeyCollector : public Observer {
  public:
    KeyCollector(gpu::Device &device, const SpanRequest &request, Interval keys)
        : second_(device), request_(request), keys_(keys), sums_(keys.end - keys.first) {}

    bool wants(uint32_t layer, const Chunk &) const override {
        return std::ranges::contains(request_.layers, layer);
    }
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override {
        std::vector<uint32_t> heads = allOrNamed(request_.heads, pass.config.layer[layer].heads);
        second_.cells({recorder, pass, layer, chunk, flush}, {heads, keys_.first, keys_.end, 1},
                      [&](uint32_t, uint64_t first_column, std::span<const Cell> cells) {
                          for (size_t i = 0; i < cells.size(); ++i)
                              sums_[first_column + i] += cells[i].sum;
                      });
    }
    /// Of all keys before `key`.
    std::vector<double> sumsUpTo() const {
        std::vector<double> sums(sums_.size() + 1);
        std::inclusive_scan(sums_.begin(), sums_.end(), sums.begin() + 1);
        return sums;
    }

  private:
    SecondPass second_;
    const SpanRequest &request_;
    Interval keys_;
    std::vector<double> sums_;
};

/// What hides keys of a layer that full attention sees there; null where nothing does.
const attention::Pattern *hiding(const attention::LayerPatterns &patterns, uint32_t layer) {
    const attention::Pattern &pattern = patterns.of(layer);
    bool hides = !patterns.isNative(layer) && pattern.kind() != attention::PatternKind::full;
    return hides ? &pattern : nullptr;
}

std::vector<uint32_t> headsOfLayers(const model::Config &config) {
    std::vector<uint32_t> heads;
    for (const model::LayerConfig &layer : config.layer)
        heads.push_back(layer.heads);
    return heads;
}

} // namespace

// ---- what the heads do -------------------------------------------------------------------------

MetricsCollector::MetricsCollector(gpu::Device &device, const model::Config &config,
                                   const MetricWidths &widths,
                                   const attention::LayerPatterns *other)
    : second_(device), widths_(widths), heads_(config.heads), layer_heads_(headsOfLayers(config)),
      sums_(uint64_t{config.layers} * config.heads * kSums), queries_(config.layers) {
    if (!other)
        return;
    if (other->anyDynamic())
        fail(ErrorKind::usage,
             "the recall of {} cannot be told beforehand: it chooses its keys from the data",
             other->text());
    other->checkLayers(config.layers);
    other_ = withNativeWindows(config, {.patterns = *other}).patterns;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (layer_heads_[layer] > 0)
            other_->of(layer).checkHeads(layer, layer_heads_[layer]);
}

void MetricsCollector::recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                                const Chunk &chunk, const Flush &flush) {
    flush(); // the reading's own work, not to be counted here
    auto start = Clock::now();
    const Look look{recorder, pass, layer, chunk, flush};
    auto add = [&](const std::vector<float> &metrics, uint32_t first, uint32_t count, uint32_t to) {
        uint64_t heads = layer_heads_[layer];
        for (uint64_t line = 0; line < chunk.rows * heads; ++line)
            for (uint32_t i = 0; i < count; ++i)
                sums_[(uint64_t{layer} * heads_ + line % heads) * kSums + to + i] +=
                    metrics[line * MAP_METRIC_COUNT + first + i];
    };
    add(second_.metrics(look, widths_), 1, 4, 0);
    if (const attention::Pattern *hides = other_ ? hiding(*other_, layer) : nullptr)
        add(second_.metrics(look, widths_, hides), 0, 1, 4);
    else // the sum of every query's probabilities
        for (uint32_t head = 0; head < layer_heads_[layer]; ++head)
            sums_[(uint64_t{layer} * heads_ + head) * kSums + 4] += chunk.rows;
    queries_[layer] += chunk.rows;
    seconds_ += secondsSince(start);
}

HeadMetrics MetricsCollector::of(uint32_t layer, uint32_t head) const {
    const double *sums = &sums_[(uint64_t{layer} * heads_ + head) * kSums];
    auto n = static_cast<double>(std::max<uint64_t>(queries_[layer], 1));
    HeadMetrics metrics{.entropy = sums[0] / n,
                        .distance = sums[1] / n,
                        .sink_share = sums[2] / n,
                        .recent_share = sums[3] / n,
                        .recall = {}};
    if (other_)
        metrics.recall = sums[4] / n;
    return metrics;
}

// ---- what a setting keeps ----------------------------------------------------------------------

RecallCollector::RecallCollector(gpu::Device &device, const model::Config &config,
                                 const attention::LayerPatterns &patterns)
    : second_(device), patterns_(withNativeWindows(config, {.patterns = patterns}).patterns),
      layer_heads_(headsOfLayers(config)) {
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        heads_ += layer_heads_[layer];
        looked_at_ += wants(layer, {}) ? layer_heads_[layer] : 0;
    }
}

bool RecallCollector::wants(uint32_t layer, const Chunk &) const {
    return layer_heads_[layer] > 0 && hiding(patterns_, layer);
}

void RecallCollector::recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                               const Chunk &chunk, const Flush &flush) {
    const attention::Pattern &pattern = patterns_.of(layer);
    // Under the largest score and the sum of the chosen keys, all keys sum up to 1 / recall.
    bool inverse = pattern.isDynamic();
    std::vector<float> metrics =
        second_.metrics({recorder, pass, layer, chunk, flush}, {}, inverse ? &full_ : &pattern);
    uint64_t lines = uint64_t{chunk.rows} * layer_heads_[layer];
    for (uint64_t line = 0; line < lines; ++line) {
        auto seen = static_cast<double>(metrics[line * MAP_METRIC_COUNT]);
        sum_ += inverse ? 1 / std::max(seen, 1.0) : seen;
    }
    lines_ += lines;
}

double RecallCollector::recall() const {
    if (lines_ == 0)
        return 1;
    double mean = sum_ / static_cast<double>(lines_);
    double share = static_cast<double>(looked_at_) / static_cast<double>(heads_);
    return 1 - share + share * mean;
}

bool Observers::wants(uint32_t layer, const Chunk &chunk) const {
    return std::ranges::any_of(all_, [&](Observer *own) { return own->wants(layer, chunk); });
}

void Observers::look(const Flush &flush, const std::function<void(Observer &)> &work) {
    flush(); // the reading's own work
    auto start = Clock::now();
    for (Observer *own : all_)
        work(*own);
    flush();
    seconds_ += secondsSince(start);
}

void Observers::recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                         const Chunk &chunk, const Flush &flush) {
    look(flush, [&](Observer &own) {
        if (own.wants(layer, chunk))
            own.recorded(recorder, pass, layer, chunk, flush);
    });
}

bool Observers::wantsMixed(uint32_t layer, const Chunk &chunk) const {
    return std::ranges::any_of(all_, [&](Observer *own) { return own->wantsMixed(layer, chunk); });
}

void Observers::mixed(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                      const Flush &flush) {
    look(flush, [&](Observer &own) {
        if (own.wantsMixed(layer, chunk))
            own.mixed(recorder, pass, layer, chunk, flush);
    });
}

void Observers::finished(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                         const Flush &flush) {
    for (Observer *own : all_)
        own->finished(recorder, pass, chunk, flush);
}

// ---- what an answer looks at -------------------------------------------------------------------

std::vector<double> sharesOfSpans(Session &session, const SpanRequest &request,
                                  std::stop_token stop) {
    const Engine &engine = session.engine();
    SpanRequest wanted = request;
    const model::Config &config = engine.config();
    bool all_layers = wanted.layers.empty();
    wanted.layers = allOrNamed(std::move(wanted.layers), config.layers);
    if (all_layers)
        std::erase_if(wanted.layers,
                      [&](uint32_t layer) { return !config.layer[layer].attends(); });
    if (wanted.spans.empty() || wanted.layers.empty())
        return std::vector<double>(wanted.spans.size());
    Interval keys = wanted.spans.front();
    for (const Interval &span : wanted.spans) {
        for (uint32_t layer : wanted.layers)
            checkMap(config,
                     {.layer = layer,
                      .heads = wanted.heads,
                      .first_query = wanted.first_query,
                      .end_query = wanted.end_query,
                      .first_key = span.first,
                      .end_key = span.end},
                     session.tokens().size());
        keys = {std::min(keys.first, span.first), std::max(keys.end, span.end)};
    }
    KeyCollector collector(engine.device(), wanted, keys);
    if (!session.lookAgain(wanted.first_query, wanted.end_query, wanted.layers.back() + 1,
                           collector, stop))
        fail(ErrorKind::stopped, "stopped while looking where the answer came from");

    std::vector<double> before = collector.sumsUpTo(), shares;
    uint64_t heads = 0;
    for (uint32_t layer : wanted.layers)
        heads += allOrNamed(wanted.heads, config.layer[layer].heads).size();
    auto all = static_cast<double>((wanted.end_query - wanted.first_query) * heads);
    for (const Interval &span : wanted.spans)
        shares.push_back((before[span.end - keys.first] - before[span.first - keys.first]) / all);
    return shares;
}

} // namespace longscope::engine
