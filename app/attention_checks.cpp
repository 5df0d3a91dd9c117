#include "app/attention_checks.h"

#include "app/cache_checks.h"
#include "app/read_cache.h"
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
constexpr uint32_t kSinks = 4, kRecent = 16; ///< of the metrics
constexpr uint32_t kCellKeys = 5;

/// The results of all caches.
struct Collectors {
    explicit Collectors(bool lanes)
        : prefill(lanes ? engine::kAttentionPrefillLanes : engine::kAttentionPrefillSubgroup),
          decode(lanes ? engine::kAttentionDecodeLanes : engine::kAttentionDecodeSubgroup),
          map(lanes ? engine::kAttentionMapLanes : engine::kAttentionMapSubgroup),
          scores(lanes ? engine::kAttentionScoresLanes : engine::kAttentionScoresSubgroup) {}
    Collector rope{engine::kRope}, prefill, decode, map, scores;
    CacheCollectors cache;

    std::vector<KernelCheck> all() const {
        KernelCheck merge = decode.result(); // one is not seen without the other
        merge.kernel = engine::kAttentionMerge.name;
        return {rope.result(),       prefill.result(), decode.result(),     merge,
                map.result(),        scores.result(),  cache.move.result(), cache.bounds.result(),
                cache.pages.result()};
    }
};

/// What attends, on one cache: two chunks and a single token.
class AttentionChecks {
  public:
    explicit AttentionChecks(ReadCache &read) : at_(read) {}

    void run(Collectors &to) {
        at_.read(0, kBefore);
        at_.read(kBefore, kCheckedRows);
        to.rope.compare("queries " + at_.name,
                        at_.bench.download(at_.bench.scratch.q, kCheckedRows, at_.q_columns),
                        chunkQueries(), [](size_t) { return 4e-6; });
        compareAttended(kBefore, kCheckedRows, to.prefill);
        compareMaps(to.map);
        compareScores(1, to.scores);
        compareScores(4, to.scores);
        at_.read(kChunkEnd, 1);
        compareAttended(kChunkEnd, 1, to.decode);
    }

  private:
    std::vector<float> chunkQueries() const {
        return {&at_.queries[size_t{kBefore} * at_.q_columns],
                &at_.queries[size_t{kChunkEnd} * at_.q_columns]};
    }

    std::vector<float> slopes() const {
        std::vector<float> slopes;
        for (uint32_t head = 0; at_.isRuled() && head < at_.config.heads; ++head)
            slopes.push_back(static_cast<float>(at_.slopeOf(head)));
        return slopes;
    }

    void compareAttended(uint32_t first, uint32_t count, Collector &collector) {
        std::vector<float> own(&at_.queries[size_t{first} * at_.q_columns],
                               &at_.queries[size_t{first} * at_.q_columns] +
                                   size_t{count} * at_.q_columns);
        std::vector<float> want =
            reference::attention(own, at_.stored(at_.layer().k), at_.stored(at_.layer().v),
                                 {.rows = count,
                                  .position = first,
                                  .heads = at_.bench.config.heads,
                                  .kv_heads = at_.kv_heads,
                                  .head_dim = at_.dim,
                                  .capacity = kTokens,
                                  .scale = at_.scale(),
                                  .softcap = at_.config.softcap,
                                  .slopes = slopes(),
                                  .sinks = at_.sinks})
                .out;
        collector.compare("cache " + at_.name,
                          at_.bench.download(at_.bench.scratch.attended, count, at_.q_columns),
                          want, [](size_t) { return 4e-5; });
    }

    /// Metrics, and cells of all heads, of the chunk that was just attended.
    void compareMaps(Collector &map) {
        uint32_t heads = at_.bench.config.heads, cells = (kTokens + kCellKeys - 1) / kCellKeys;
        size_t rows = size_t{kCheckedRows} * heads;
        std::vector<float> metrics(rows * MAP_METRIC_COUNT, 0), sums(rows * cells * 2, 0);
        std::vector<float> keys = at_.stored(at_.layer().k);
        for (uint32_t row = 0; row < kCheckedRows; ++row)
            for (uint32_t head = 0; head < heads; ++head)
                addRow(keys, head, row, &metrics[(size_t{row} * heads + head) * MAP_METRIC_COUNT],
                       &sums[(size_t{row} * heads + head) * cells * 2]);
        auto pass = [&](std::vector<float> &want, engine::MapTarget target, const char *what) {
            gpu::Buffer buffer(at_.bench.device, "selftest", want.size() * 4, gpu::Memory::device);
            at_.bench.poison(buffer);
            target.buffer = &buffer;
            at_.attending.mapPass(at_.recorder, at_.bench.scratch, at_.cache, 0, at_.flush(),
                                  target);
            at_.flush()();
            map.compare(what + at_.name, at_.bench.download(buffer, want.size()), want,
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
        if (at_.isRuled())
            sum = std::exp(static_cast<double>(at_.sinks[head]));
        for (uint32_t key = 0; key <= query; ++key)
            sum += p.emplace_back(std::exp(at_.score(keys, head, row, key)));
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

    /// Scores of whole groups of rows and keys, antidiagonals.
    void compareScores(uint32_t group, Collector &collector) {
        const model::Config &config = at_.bench.config;
        uint32_t first_row = 3, row_groups = (kCheckedRows - first_row) / group;
        uint32_t key_groups = kChunkEnd / group;
        std::vector<float> want, keys = at_.stored(at_.layer().k);
        for (uint32_t head = 0; head < config.heads; ++head)
            for (uint32_t a = 0; a < row_groups; ++a)
                for (uint32_t b = 0; b < key_groups; ++b) {
                    double sum = 0;
                    for (uint32_t t = 0; t < group; ++t)
                        sum += at_.score(keys, head, first_row + a * group + group - 1 - t,
                                         b * group + t);
                    want.push_back(static_cast<float>(sum));
                }
        gpu::Buffer result(at_.bench.device, "selftest", want.size() * 4, gpu::Memory::device);
        at_.bench.poison(result);
        engine::AttentionTile tile =
            engine::chooseScoreTile(at_.bench.tiling, config.heads, config.kv_heads, at_.dim);
        gpu::Buffer facts = headFacts();
        gpu::Specialization constants = at_.specialization();
        constants.push_back({SPEC_FLAGS, at_.isRuled() ? ATTENTION_CAP | ATTENTION_SLOPES : 0});
        constants.insert(constants.end(), {{SPEC_TILE_A, tile.heads}, {SPEC_TILE_B, tile.keys}});
        params::AttentionScores params{.q = at_.bench.scratch.q.address(),
                                       .k = at_.layer().k_planes,
                                       .rotation = 0,
                                       .scores = result.address(),
                                       .head_facts = facts.address(),
                                       .first_row = first_row,
                                       .row_groups = row_groups,
                                       .key_groups = key_groups,
                                       .group = group,
                                       .heads = config.heads,
                                       .kv_heads = at_.kv_heads,
                                       .capacity = kTokens,
                                       .rope_dims = config.rope().dims,
                                       .scale = at_.scale(),
                                       .position = kBefore};
        const gpu::Kernel &kernel =
            at_.bench.hasLanes() ? engine::kAttentionScoresLanes : engine::kAttentionScoresSubgroup;
        at_.recorder.dispatch(
            gpu::findPipeline(
                at_.bench.device, kernel, constants,
                {.local_size = tile.local, .subgroup_size = at_.bench.hasLanes() ? 8u : 0u}),
            params, {&at_.bench.scratch.q.buffer, &at_.layer().k}, {&result},
            {(row_groups + tile.queries - 1) / tile.queries, config.heads / tile.heads, 2});
        at_.recorder.run();
        collector.compare(std::format("groups of {}, {}", group, at_.name),
                          at_.bench.download(result, want.size()), want,
                          [&](size_t) { return 8e-6 * group; });
    }

    /// As shaders/params.h has them.
    gpu::Buffer headFacts() const {
        std::vector<float> facts;
        for (uint32_t head = 0; head < at_.config.heads; ++head)
            for (double fact :
                 {at_.slopeOf(head), 0.0, static_cast<double>(at_.config.softcap), 0.0})
                facts.push_back(static_cast<float>(fact * std::numbers::log2e));
        gpu::Buffer buffer(at_.bench.device, "selftest", facts.size() * 4, gpu::Memory::device);
        gpu::uploadBytes(at_.bench.device, buffer, 0, std::as_bytes(std::span(facts)));
        return buffer;
    }

    ReadCache &at_;
};

void checkCache(Workbench &bench, CacheType type, bool ruled, Collectors &to) {
    ReadCache read(bench, type, ruled);
    AttentionChecks(read).run(to);
    checkRows(read, to.rope, to.cache);
}

} // namespace

std::vector<KernelCheck> checkAttention(Workbench &bench) {
    Collectors collectors(bench.hasLanes());
    for (CacheType type : kCacheTypes)
        checkCache(bench, type, false, collectors);
    checkCache(bench, CacheType::f16, true, collectors);
    return collectors.all();
}

} // namespace longscope::app
