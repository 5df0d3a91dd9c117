#include "app/desk/looking.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/attention_map.h"
#include "compute/engine/attention_metrics.h"
#include "compute/engine/layer_decay.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/reading_progress.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

namespace longscope::app {
namespace {

using attention::Interval;
constexpr uint32_t kMostCells = 512; ///< of a side, as the window draws them
constexpr uint32_t kStripCells = engine::kLargestMap;
constexpr uint32_t kGroups = 64; ///< of channels that have no heads
constexpr engine::MetricWidths kWidths;

/// Sees nothing: for trying out whether a query can be shown.
struct Blind : engine::Observer {
    bool wants(uint32_t, const engine::Chunk &) const override { return false; }
    void recorded(gpu::Recorder &, const engine::Pass &, uint32_t, const engine::Chunk &,
                  const engine::Flush &) override {}
};

/// Passes everything on to another observer and tells how far the looking is.
class Watched : public engine::Observer {
  public:
    Watched(engine::Observer &inner, uint32_t last_layer, Interval queries,
            const ProgressSink &progress)
        : inner_(inner), last_layer_(last_layer),
          progress_(progress, 0, queries.end - queries.first), first_(queries.first) {}
    bool wants(uint32_t layer, const engine::Chunk &chunk) const override {
        return inner_.wants(layer, chunk);
    }
    void recorded(gpu::Recorder &recorder, const engine::Pass &pass, uint32_t layer,
                  const engine::Chunk &chunk, const engine::Flush &flush) override {
        inner_.recorded(recorder, pass, layer, chunk, flush);
        if (layer == last_layer_)
            progress_.reached(chunk.position + chunk.rows - first_);
    }
    bool wantsMixed(uint32_t layer, const engine::Chunk &chunk) const override {
        return inner_.wantsMixed(layer, chunk);
    }
    void mixed(gpu::Recorder &recorder, const engine::Pass &pass, uint32_t layer,
               const engine::Chunk &chunk, const engine::Flush &flush) override {
        inner_.mixed(recorder, pass, layer, chunk, flush);
        if (layer == last_layer_)
            progress_.reached(chunk.position + chunk.rows - first_);
    }
    void finished(gpu::Recorder &recorder, const engine::Pass &pass, const engine::Chunk &chunk,
                  const engine::Flush &flush) override {
        inner_.finished(recorder, pass, chunk, flush);
    }

  private:
    engine::Observer &inner_;
    uint32_t last_layer_;
    engine::ReadingProgress progress_;
    uint64_t first_;
};

bool canShow(engine::Session &session, uint64_t query) {
    try {
        Blind blind;
        return session.lookAgain(query, query + 1, 1, blind);
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::usage)
            throw;
        return false;
    }
}

/// 0, 0: everything.
Interval cut(uint64_t first, uint64_t end, Interval all) {
    if (first == 0 && end == 0)
        return all;
    Interval range{std::max(first, all.first), std::min(end, all.end)};
    if (range.first >= range.end)
        fail(ErrorKind::usage, "tokens {} to {} are not among those that can be shown, {} to {}",
             first, end, all.first, all.end);
    return range;
}

[[noreturn]] void failStopped() {
    fail(ErrorKind::stopped, "stopped");
}

std::shared_ptr<const ui::HeadTable> headTable(const engine::MetricsCollector &metrics,
                                               uint64_t tokens, double seconds) {
    auto table = std::make_shared<ui::HeadTable>();
    table->tokens = tokens;
    table->layers = metrics.layers();
    table->heads = metrics.heads();
    table->sinks = kWidths.sinks;
    table->recent = kWidths.recent;
    for (uint32_t layer = 0; layer < table->layers; ++layer) {
        table->layer_heads.push_back(metrics.headsOf(layer));
        for (uint32_t head = 0; head < table->heads; ++head) {
            engine::HeadMetrics figures = metrics.of(layer, head);
            table->figures.push_back({.entropy = static_cast<float>(figures.entropy),
                                      .distance = static_cast<float>(figures.distance),
                                      .sink_share = static_cast<float>(figures.sink_share),
                                      .recent_share = static_cast<float>(figures.recent_share)});
        }
    }
    table->seconds = seconds;
    return table;
}

/// Channels go together by their heads, or where there are none as kGroups groups.
uint32_t groupOf(const engine::RecurrentShape &shape) {
    if (shape.decays() == shape.heads)
        return 1;
    return shape.heads > 1 ? shape.head_dim : (shape.decays() + kGroups - 1) / kGroups;
}

/// Null where nothing decays.
std::shared_ptr<const ui::DecayTable> decayTable(const engine::DecayCollector &decays,
                                                 const model::Config &config, uint64_t tokens,
                                                 double seconds) {
    if (!engine::recurs(config) || engine::mixerShape(config).decays() == 0)
        return nullptr;
    auto table = std::make_shared<ui::DecayTable>();
    table->tokens = tokens;
    table->group = groupOf(engine::mixerShape(config));
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        std::vector<double> means = decays.meanLog(layer);
        table->mean_log.emplace_back(means.begin(), means.end());
    }
    table->seconds = seconds;
    return table;
}

} // namespace

engine::Session &readSession(engine::Session *session) {
    if (!session || session->tokens().empty())
        fail(ErrorKind::usage, "nothing is read now: read the document or ask something first");
    engine::checkPlaces(session->options());
    return *session;
}

uint64_t firstShownQuery(engine::Session &session) {
    Interval forgotten = session.forgotten();
    if (forgotten.first >= forgotten.end || canShow(session, 0))
        return 0;
    uint64_t hidden = 0, shown = session.tokens().size() - 1;
    Blind blind;
    session.lookAgain(shown, shown + 1, 1, blind); // its error is the reason
    while (shown - hidden > 1) {
        uint64_t middle = hidden + (shown - hidden) / 2;
        (canShow(session, middle) ? shown : hidden) = middle;
    }
    return shown;
}

Measured measureLayers(engine::Session &session, bool heads, const ProgressSink &progress,
                       std::stop_token stop) {
    auto start = Clock::now();
    const engine::Engine &engine = session.engine();
    const model::Config &config = engine.config();
    Interval queries{firstShownQuery(session), session.tokens().size()};
    engine::DecayCollector decays(engine.device(), config);
    std::optional<engine::MetricsCollector> metrics;
    engine::Observers all;
    all.add(decays);
    if (heads && config.heads > 0)
        all.add(metrics.emplace(engine.device(), config, kWidths));
    Measured measured{.heads = {},
                      .decay = {},
                      .tokens = queries.end - queries.first,
                      .hidden = queries.first,
                      .note = {}};
    uint32_t layers = config.layers; // those behind the last one that is looked at are left out
    while (layers > 0 && !all.wants(layers - 1, {}) && !all.wantsMixed(layers - 1, {}))
        --layers;
    if (layers == 0)
        return measured;
    Watched watched(all, layers - 1, queries, progress);
    if (!session.lookAgain(queries.first, queries.end, layers, watched, stop))
        failStopped();
    if (metrics) {
        measured.heads = headTable(*metrics, measured.tokens, secondsSince(start));
        measured.note = session.lookingNote(queries, layers);
    }
    measured.decay = decayTable(decays, config, measured.tokens, secondsSince(start));
    return measured;
}

DrawnMap drawMap(engine::Session &session, const ui::MapWanted &wanted,
                 const ProgressSink &progress, std::stop_token stop) {
    auto start = Clock::now();
    const engine::Engine &engine = session.engine();
    const uint64_t tokens = session.tokens().size();
    bool all = wanted.first_query == 0 && wanted.end_query == 0;
    Interval queries =
        cut(wanted.first_query, wanted.end_query, {all ? firstShownQuery(session) : 0, tokens});
    Interval keys = cut(wanted.first_key, wanted.end_key, {0, tokens});
    engine::MapRequest request{.layer = wanted.layer,
                               .heads = wanted.heads,
                               .first_query = queries.first,
                               .end_query = queries.end,
                               .first_key = keys.first,
                               .end_key = keys.end,
                               .size = std::clamp(wanted.size, 1u, kMostCells)};
    engine::MapCollector collector(engine.device(), engine.config(), request);
    Watched watched(collector, request.layer, queries, progress);
    if (!session.lookAgain(queries.first, queries.end, request.layer + 1, watched, stop))
        failStopped();
    engine::AttentionPicture picture = collector.picture();
    auto map = std::make_shared<ui::Map>();
    map->wanted = wanted;
    map->first_query = picture.first_query;
    map->end_query = picture.end_query;
    map->query_step = picture.query_step;
    map->first_key = picture.first_key;
    map->end_key = picture.end_key;
    map->key_step = picture.key_step;
    map->rows = picture.rows;
    map->columns = picture.columns;
    map->sum = std::move(picture.sum);
    map->maximum = std::move(picture.maximum);
    map->pattern = session.options().patterns.of(request.layer).spec();
    map->seconds = secondsSince(start);
    return {map, session.lookingNote(queries, request.layer + 1)};
}

std::shared_ptr<const ui::Attention::Strip>
drawStrip(engine::Session &session, const ui::command::ShowStrip &wanted, std::stop_token stop) {
    const engine::Engine &engine = session.engine();
    const uint64_t tokens = session.tokens().size();
    if (wanted.query >= tokens)
        fail(ErrorKind::usage, "token {} is not among the {} that were read", wanted.query, tokens);
    // A picture has so many columns at most: several side by side, made in one pass.
    std::deque<engine::MapCollector> pieces;
    engine::Observers all;
    for (uint64_t first = 0; first <= wanted.query; first += kStripCells) {
        uint64_t end = std::min<uint64_t>(first + kStripCells, wanted.query + 1);
        pieces.emplace_back(engine.device(), engine.config(),
                            engine::MapRequest{.layer = wanted.layer,
                                               .heads = wanted.heads,
                                               .first_query = wanted.query,
                                               .end_query = wanted.query + 1,
                                               .first_key = first,
                                               .end_key = end,
                                               .size = kStripCells});
        all.add(pieces.back());
    }
    if (!session.lookAgain(wanted.query, wanted.query + 1, wanted.layer + 1, all, stop))
        failStopped();
    auto strip = std::make_shared<ui::Attention::Strip>();
    strip->query = wanted.query;
    strip->layer = wanted.layer;
    strip->note = session.lookingNote({wanted.query, wanted.query + 1}, wanted.layer + 1);
    for (const engine::MapCollector &piece : pieces) {
        engine::AttentionPicture picture = piece.picture();
        strip->shares.insert(strip->shares.end(), picture.sum.begin(), picture.sum.end());
    }
    strip->shares.resize(tokens); // later ones are not seen
    return strip;
}

} // namespace longscope::app
