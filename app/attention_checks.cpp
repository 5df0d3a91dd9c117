#include "app/attention_checks.h"

#include "app/cache_values.h"
#include "compute/attention/rope.h"
#include "compute/attention/slopes.h"
#include "compute/engine/attention.h"
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace longscope::app {
namespace {

using attention::CacheType;

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                     CacheType::q8_0, CacheType::q4_0};
constexpr uint32_t kBefore = 20; ///< tokens in the cache before the chunk
constexpr uint32_t kTokens = kBefore + kCheckedRows + 1;
constexpr uint32_t kChunkEnd = kTokens - 1;
constexpr uint32_t kSinks = 4, kRecent = 16; ///< of the metrics
constexpr uint32_t kCellKeys = 5;
constexpr uint32_t kPageKeys = 16;

/// The results of all caches.
struct Collectors {
    explicit Collectors(bool lanes)
        : prefill(lanes ? engine::kAttentionPrefillLanes : engine::kAttentionPrefillSubgroup),
          decode(lanes ? engine::kAttentionDecodeLanes : engine::kAttentionDecodeSubgroup),
          map(lanes ? engine::kAttentionMapLanes : engine::kAttentionMapSubgroup),
          scores(lanes ? engine::kAttentionScoresLanes : engine::kAttentionScoresSubgroup) {}
    Collector rope{engine::kRope}, prefill, decode, map, scores;
    Collector move{engine::kCacheMove}, bounds{engine::kPageBounds}, pages{engine::kPageScores};

    std::vector<KernelCheck> all() const {
        KernelCheck merge = decode.result(); // one is not seen without the other
        merge.kernel = engine::kAttentionMerge.name;
        return {rope.result(),   prefill.result(), decode.result(), merge,         map.result(),
                scores.result(), move.result(),    bounds.result(), pages.result()};
    }
};

/// The same model with all that some do to their scores.
model::Config withRules(model::Config config) {
    config.softcap = 3;
    config.alibi_bias = 8;
    return config;
}

/// One cache of a type, read as a session would: two chunks and a single token. `ruled`: with a
/// soft cap, ALiBi and sinks.
class CacheChecks {
  public:
    CacheChecks(Workbench &bench, CacheType type, bool ruled)
        : bench_(bench), config_(ruled ? withRules(bench.config) : bench.config), type_(type),
          name_(std::string(attention::cacheTypeName(type)) + (ruled ? ", ruled" : "")),
          dim_(bench.config.head_dim), kv_heads_(bench.config.kv_heads),
          q_columns_(bench.config.heads * dim_), recorder_(bench.device),
          cache_(engine::makeCache(bench.device, config_, options(), kCheckedRows)),
          sinks_(ruled ? randomFloats(config_.heads, bench.random) : std::vector<float>()),
          attention_(bench.device, bench.tiling, config_, bench.weights.widths, options(),
                     ruled ? engine::Sinks{sinks_} : engine::Sinks()) {
        bench_.poison(layer().k);
        bench_.poison(layer().v);
        drawRows();
    }

    void run(Collectors &to) {
        read(0, kBefore);
        read(kBefore, kCheckedRows);
        to.rope.compare("queries " + name_,
                        bench_.download(bench_.scratch.q, kCheckedRows, q_columns_), chunkQueries(),
                        [](size_t) { return 4e-6; });
        compareAttended(kBefore, kCheckedRows, to.prefill);
        compareMaps(to.map);
        compareScores(1, to.scores);
        compareScores(4, to.scores);
        read(kChunkEnd, 1);
        compareAttended(kChunkEnd, 1, to.decode);
        comparePages(to);
        compareCache(layer().k, k_, to.rope, "keys ");
        compareCache(layer().v, v_, to.rope, "values ");
        compareMoves(to.move);
    }

  private:
    engine::SessionOptions options() const {
        return {.context_tokens = kTokens, .k = type_, .v = type_};
    }
    engine::CacheLayer &layer() { return cache_.layers.front(); }
    engine::Flush flush() {
        return [this] {
            if (!recorder_.empty())
                recorder_.run();
        };
    }

    /// Random [q | k | v] of every token, and what rotation makes of them.
    void drawRows() {
        const engine::WidthPlan &widths = bench_.weights.widths;
        qkv_ = randomFloats(size_t{kTokens} * widths.qkv, bench_.random);
        attention::RopeSettings settings;
        settings.dims = bench_.config.rope().dims;
        std::vector<float> table(size_t{kTokens} * settings.dims);
        attention::fillRotation(attention::makeRope(settings), 0, kTokens, table);
        reference::RopeShape shape{bench_.config.heads, dim_, settings.dims, false};
        q_ = reference::rope(columnsOf(qkv_, widths.qkv, 0, q_columns_), table, shape);
        shape.heads = kv_heads_;
        uint32_t kv_columns = kv_heads_ * dim_;
        std::vector<float> k = columnsOf(qkv_, widths.qkv, widths.layer[0].k_offset, kv_columns);
        k_ = cacheOrder(reference::rope(k, table, shape), kv_heads_, dim_);
        v_ = cacheOrder(columnsOf(qkv_, widths.qkv, widths.layer[0].v_offset, kv_columns),
                        kv_heads_, dim_);
    }

    std::vector<float> chunkQueries() const {
        return {&q_[size_t{kBefore} * q_columns_], &q_[size_t{kChunkEnd} * q_columns_]};
    }

    /// Rotates, stores and attends rows first .. first + count.
    void read(uint32_t first, uint32_t count) {
        engine::Scratch &scratch = bench_.scratch;
        const float *rows = &qkv_[size_t{first} * bench_.weights.widths.qkv];
        bench_.upload(scratch.qkv, {rows, rows + size_t{count} * bench_.weights.widths.qkv}, count,
                      bench_.weights.widths.qkv);
        bench_.poison(scratch.q.buffer);
        bench_.poison(scratch.attended.buffer);
        bench_.poison(scratch.state);
        bench_.poison(scratch.partial);
        attention_.begin({first, count, kTokens}, scratch);
        attention_.rotate(recorder_, scratch, cache_, 0);
        attention_.attend(recorder_, scratch, cache_, 0, flush(), count > 1);
        attention_.end();
        flush()();
    }

    /// Keys or values as the device has rounded them, [kv_heads, tokens, head_dim].
    std::vector<float> readCache(const gpu::Buffer &buffer) const {
        std::vector<uint8_t> bytes(buffer.bytes());
        gpu::downloadBytes(bench_.device, buffer, 0, std::as_writable_bytes(std::span(bytes)));
        uint64_t rows = uint64_t{kv_heads_} * kTokens,
                 row_bytes = attention::dataBytes(type_, dim_);
        std::vector<float> values;
        for (uint64_t row = 0; row < rows; ++row)
            for (uint32_t i = 0; i < dim_; ++i)
                values.push_back(elementOf(
                    type_, &bytes[row * row_bytes],
                    &bytes[0] + rows * row_bytes + row * attention::scaleBytes(type_, dim_), i));
        return values;
    }

    void compareCache(const gpu::Buffer &buffer, const std::vector<float> &want, Collector &rope,
                      const char *what) const {
        rope.compare(what + name_, readCache(buffer), want, [&](size_t i) {
            return allowedInCache(type_, std::span(want).subspan(i / 32 * 32, 32),
                                  static_cast<double>(want[i]));
        });
    }

    bool isRuled() const { return config_.softcap != 0; }
    double slopeOf(uint32_t head) const {
        return attention::alibiSlope(static_cast<double>(config_.alibi_bias), head, config_.heads);
    }
    std::vector<float> slopes() const {
        std::vector<float> slopes;
        for (uint32_t head = 0; isRuled() && head < config_.heads; ++head)
            slopes.push_back(static_cast<float>(slopeOf(head)));
        return slopes;
    }

    void compareAttended(uint32_t first, uint32_t count, Collector &collector) {
        std::vector<float> own(&q_[size_t{first} * q_columns_],
                               &q_[size_t{first} * q_columns_] + size_t{count} * q_columns_);
        std::vector<float> want =
            reference::attention(own, readCache(layer().k), readCache(layer().v),
                                 {.rows = count,
                                  .position = first,
                                  .heads = bench_.config.heads,
                                  .kv_heads = kv_heads_,
                                  .head_dim = dim_,
                                  .capacity = kTokens,
                                  .scale = scale(),
                                  .softcap = config_.softcap,
                                  .slopes = slopes(),
                                  .sinks = sinks_})
                .out;
        collector.compare("cache " + name_,
                          bench_.download(bench_.scratch.attended, count, q_columns_), want,
                          [](size_t) { return 4e-5; });
    }

    float scale() const { return 1 / std::sqrt(static_cast<float>(dim_)); }

    /// q . k times the scale, of a row of the chunk, and what the model does to it.
    double score(const std::vector<float> &keys, uint32_t head, uint32_t row, uint32_t key) const {
        const float *q = &q_[(size_t{kBefore} + row) * q_columns_ + size_t{head} * dim_];
        uint32_t kv_head = head / (bench_.config.heads / kv_heads_);
        const float *k = &keys[(size_t{kv_head} * kTokens + key) * dim_];
        double sum = 0;
        for (uint32_t i = 0; i < dim_; ++i)
            sum += static_cast<double>(q[i]) * static_cast<double>(k[i]);
        sum *= static_cast<double>(scale());
        if (!isRuled())
            return sum;
        auto cap = static_cast<double>(config_.softcap);
        double distance = static_cast<double>(kBefore + row) - key;
        return cap * std::tanh(sum / cap) - slopeOf(head) * distance;
    }

    /// Metrics, and cells of all heads, of the chunk that was just attended.
    void compareMaps(Collector &map) {
        uint32_t heads = bench_.config.heads, cells = (kTokens + kCellKeys - 1) / kCellKeys;
        size_t rows = size_t{kCheckedRows} * heads;
        std::vector<float> metrics(rows * MAP_METRIC_COUNT, 0), sums(rows * cells * 2, 0);
        std::vector<float> keys = readCache(layer().k);
        for (uint32_t row = 0; row < kCheckedRows; ++row)
            for (uint32_t head = 0; head < heads; ++head)
                addRow(keys, head, row, &metrics[(size_t{row} * heads + head) * MAP_METRIC_COUNT],
                       &sums[(size_t{row} * heads + head) * cells * 2]);
        auto pass = [&](std::vector<float> &want, engine::MapTarget target, const char *what) {
            gpu::Buffer buffer(bench_.device, "selftest", want.size() * 4, gpu::Memory::device);
            bench_.poison(buffer);
            target.buffer = &buffer;
            attention_.mapPass(recorder_, bench_.scratch, cache_, 0, flush(), target);
            flush()();
            map.compare(what + name_, bench_.download(buffer, want.size()), want,
                        relativeTo(want, 4e-5));
        };
        pass(metrics, {.sinks = kSinks, .recent = kRecent}, "metrics ");
        pass(sums, {.heads = heads, .cell_keys = kCellKeys, .cells = cells}, "cells ");
    }

    void addRow(const std::vector<float> &keys, uint32_t head, uint32_t row, float *metrics,
                float *cells) const {
        uint32_t query = kBefore + row;
        std::vector<double> p;
        double sum = 0, values[5] = {};
        if (isRuled())
            sum = std::exp(static_cast<double>(sinks_[head]));
        for (uint32_t key = 0; key <= query; ++key)
            sum += p.emplace_back(std::exp(score(keys, head, row, key)));
        for (uint32_t key = 0; key <= query; ++key) {
            double own = p[key] / sum;
            values[0] += own;
            values[1] -= own * std::log(own);
            values[2] += own * (query - key);
            values[3] += key < kSinks ? own : 0;
            values[4] += query - key < kRecent ? own : 0;
            float *cell = cells + size_t{key} / kCellKeys * 2;
            cell[0] += static_cast<float>(own);
            cell[1] = std::max(cell[1], static_cast<float>(own));
        }
        std::ranges::transform(values, metrics, [](double v) { return static_cast<float>(v); });
    }

    gpu::Specialization specialization() const {
        return {{SPEC_HEAD_DIM, bench_.weights.widths.head_dim},
                {SPEC_CACHE_K, static_cast<uint32_t>(type_)},
                {SPEC_CACHE_V, static_cast<uint32_t>(type_)}};
    }

    /// Scores of whole groups of rows and keys, antidiagonals.
    void compareScores(uint32_t group, Collector &collector) {
        const model::Config &config = bench_.config;
        uint32_t first_row = 3, row_groups = (kCheckedRows - first_row) / group;
        uint32_t key_groups = kChunkEnd / group;
        std::vector<float> want, keys = readCache(layer().k);
        for (uint32_t head = 0; head < config.heads; ++head)
            for (uint32_t a = 0; a < row_groups; ++a)
                for (uint32_t b = 0; b < key_groups; ++b) {
                    double sum = 0;
                    for (uint32_t t = 0; t < group; ++t)
                        sum +=
                            score(keys, head, first_row + a * group + group - 1 - t, b * group + t);
                    want.push_back(static_cast<float>(sum));
                }
        gpu::Buffer result(bench_.device, "selftest", want.size() * 4, gpu::Memory::device);
        bench_.poison(result);
        engine::AttentionTile tile =
            engine::choosePrefillTile(bench_.tiling, config.heads, config.kv_heads, dim_);
        gpu::Buffer facts = headFacts();
        gpu::Specialization constants = specialization();
        constants.push_back({SPEC_FLAGS, isRuled() ? ATTENTION_CAP | ATTENTION_SLOPES : 0});
        constants.insert(constants.end(), {{SPEC_TILE_A, tile.heads}, {SPEC_TILE_B, tile.keys}});
        params::AttentionScores params{.q = bench_.scratch.q.address(),
                                       .k = layer().k_planes,
                                       .rotation = 0,
                                       .scores = result.address(),
                                       .head_facts = facts.address(),
                                       .first_row = first_row,
                                       .row_groups = row_groups,
                                       .key_groups = key_groups,
                                       .group = group,
                                       .heads = config.heads,
                                       .kv_heads = kv_heads_,
                                       .capacity = kTokens,
                                       .rope_dims = config.rope().dims,
                                       .scale = scale(),
                                       .position = kBefore};
        const gpu::Kernel &kernel =
            bench_.hasLanes() ? engine::kAttentionScoresLanes : engine::kAttentionScoresSubgroup;
        recorder_.dispatch(
            gpu::findPipeline(
                bench_.device, kernel, constants,
                {.local_size = tile.local, .subgroup_size = bench_.hasLanes() ? 8u : 0u}),
            params, {&bench_.scratch.q.buffer, &layer().k}, {&result},
            {(row_groups + tile.queries - 1) / tile.queries, config.heads / tile.heads, 2});
        recorder_.run();
        collector.compare(std::format("groups of {}, {}", group, name_),
                          bench_.download(result, want.size()), want,
                          [&](size_t) { return 8e-6 * group; });
    }

    /// As shaders/params.h has them.
    gpu::Buffer headFacts() const {
        std::vector<float> facts;
        for (uint32_t head = 0; head < config_.heads; ++head)
            for (double fact : {slopeOf(head), 0.0, static_cast<double>(config_.softcap), 0.0})
                facts.push_back(static_cast<float>(fact * std::numbers::log2e));
        gpu::Buffer buffer(bench_.device, "selftest", facts.size() * 4, gpu::Memory::device);
        gpu::uploadBytes(bench_.device, buffer, 0, std::as_bytes(std::span(facts)));
        return buffer;
    }

    gpu::Groups groupsOf(uint64_t invocations, uint32_t y) const {
        return {static_cast<uint32_t>((invocations + bench_.tiling.shared_local - 1) /
                                      bench_.tiling.shared_local),
                y};
    }
    const gpu::Pipeline &shared(const gpu::Kernel &kernel) const {
        return gpu::findPipeline(bench_.device, kernel, specialization(),
                                 {.local_size = bench_.tiling.shared_local});
    }

    /// Smallest and largest keys of each page, and the bounds of the scores of the last query.
    void comparePages(Collectors &to) {
        const uint32_t pages = (kTokens + kPageKeys - 1) / kPageKeys, heads = bench_.config.heads;
        std::vector<float> keys = readCache(layer().k), bounds, scores;
        for (uint32_t kv_head = 0; kv_head < kv_heads_; ++kv_head)
            for (uint32_t page = 0; page < pages; ++page)
                addPage(keys, kv_head, page, bounds);
        for (uint32_t head = 0; head < heads; ++head)
            for (uint32_t page = 0; page < pages; ++page) {
                uint32_t kv_head = head / (heads / kv_heads_);
                const float *low = &bounds[(size_t{kv_head} * pages + page) * 2 * dim_];
                const float *q = &q_[size_t{kChunkEnd} * q_columns_ + size_t{head} * dim_];
                double sum = 0;
                for (uint32_t i = 0; i < dim_; ++i)
                    sum += static_cast<double>(std::max(q[i] * low[i], q[i] * low[dim_ + i]));
                scores.push_back(static_cast<float>(sum) * scale());
            }
        gpu::Buffer made(bench_.device, "selftest", bounds.size() * 4, gpu::Memory::device);
        gpu::Buffer result(bench_.device, "selftest", scores.size() * 4, gpu::Memory::device);
        bench_.poison(made);
        bench_.poison(result);
        params::PageBounds bound{.k = layer().k_planes,
                                 .pages = made.address(),
                                 .first_page = 0,
                                 .count = pages,
                                 .page_keys = kPageKeys,
                                 .page_capacity = pages,
                                 .keys = kTokens,
                                 .kv_heads = kv_heads_,
                                 .capacity = kTokens,
                                 .unused = 0};
        recorder_.dispatch(shared(engine::kPageBounds), bound, {&layer().k}, {&made},
                           groupsOf(uint64_t{pages} * dim_ / 4, kv_heads_));
        params::PageScores score{.q = bench_.scratch.q.address(),
                                 .pages = made.address(),
                                 .scores = result.address(),
                                 .count = pages,
                                 .page_capacity = pages,
                                 .heads = heads,
                                 .kv_heads = kv_heads_,
                                 .scale = scale(),
                                 .unused = 0};
        recorder_.dispatch(shared(engine::kPageScores), score, {&bench_.scratch.q.buffer, &made},
                           {&result}, groupsOf(pages, heads));
        recorder_.run();
        to.bounds.compare("cache " + name_, bench_.download(made, bounds.size()), bounds,
                          exactly());
        to.pages.compare("cache " + name_, bench_.download(result, scores.size()), scores,
                         relativeTo(scores, 4e-5));
    }

    void addPage(const std::vector<float> &keys, uint32_t kv_head, uint32_t page,
                 std::vector<float> &bounds) const {
        std::vector<float> low(dim_, 1e30f), high(dim_, -1e30f);
        for (uint32_t key = page * kPageKeys; key < std::min((page + 1) * kPageKeys, kTokens);
             ++key)
            for (uint32_t i = 0; i < dim_; ++i) {
                float value = keys[(size_t{kv_head} * kTokens + key) * dim_ + i];
                low[i] = std::min(low[i], value);
                high[i] = std::max(high[i], value);
            }
        bounds.insert(bounds.end(), low.begin(), low.end());
        bounds.insert(bounds.end(), high.begin(), high.end());
    }

    /// Rows of each head to other places, one to its own.
    void compareMoves(Collector &collector) {
        std::vector<uint32_t> moves;
        for (uint32_t head = 0; head < kv_heads_; ++head)
            moves.insert(moves.end(), {kTokens - 1 - head, 0, 5, 5, kTokens - 4, 2 + head});
        auto moved = [&](std::vector<float> values) {
            const std::vector<float> old = values;
            for (size_t i = 0; i < moves.size(); i += 2) {
                size_t first = i / 6 * kTokens;
                std::copy_n(&old[(first + moves[i]) * dim_], dim_,
                            &values[(first + moves[i + 1]) * dim_]);
            }
            return values;
        };
        std::vector<float> k = moved(readCache(layer().k)), v = moved(readCache(layer().v));
        gpu::Buffer list(bench_.device, "selftest", moves.size() * 4, gpu::Memory::device);
        gpu::uploadBytes(bench_.device, list, 0, std::as_bytes(std::span(moves)));
        params::CacheMove params{.k = layer().k_planes,
                                 .v = layer().v_planes,
                                 .moves = list.address(),
                                 .count = 3,
                                 .kv_heads = kv_heads_,
                                 .capacity = kTokens,
                                 .unused = 0};
        recorder_.dispatch(shared(engine::kCacheMove), params, {&list, &layer().k, &layer().v},
                           {&layer().k, &layer().v}, {3, kv_heads_});
        recorder_.run();
        collector.compare("keys " + name_, readCache(layer().k), k, exactly());
        collector.compare("values " + name_, readCache(layer().v), v, exactly());
    }

    Workbench &bench_;
    const model::Config config_;
    CacheType type_;
    std::string name_;
    uint32_t dim_, kv_heads_, q_columns_;
    gpu::Recorder recorder_;
    engine::KvCache cache_;
    std::vector<float> sinks_; ///< [heads] or empty
    engine::Attention attention_;
    std::vector<float> qkv_;   ///< [tokens, stride]
    std::vector<float> q_;     ///< rotated, [tokens, heads, head_dim]
    std::vector<float> k_, v_; ///< rotated and plain, [kv_heads, tokens, head_dim]
};

} // namespace

std::vector<KernelCheck> checkAttention(Workbench &bench) {
    Collectors collectors(bench.hasLanes());
    for (CacheType type : kCacheTypes)
        CacheChecks(bench, type, false).run(collectors);
    CacheChecks(bench, CacheType::f16, true).run(collectors);
    return collectors.all();
}

} // namespace longscope::app
