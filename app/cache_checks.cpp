#include "app/cache_checks.h"

#include "app/cache_values.h"

#include <algorithm>

namespace longscope::app {
namespace {

constexpr uint32_t kPageKeys = 16;

class RowChecks {
  public:
    explicit RowChecks(ReadCache &read) : at_(read) {}

    void run(Collector &rope, CacheCollectors &to) {
        comparePages(to);
        compareCache(at_.layer().k, at_.keys, rope, "keys ");
        compareCache(at_.layer().v, at_.values, rope, "values ");
        compareMoves(to.move);
    }

  private:
    void compareCache(const gpu::Buffer &buffer, const std::vector<float> &want, Collector &rope,
                      const char *what) const {
        rope.compare(what + at_.name, at_.stored(buffer), want, [&](size_t i) {
            return allowedInCache(at_.type, std::span(want).subspan(i / 32 * 32, 32),
                                  static_cast<double>(want[i]));
        });
    }

    gpu::Groups groupsOf(uint64_t invocations, uint32_t y) const {
        return {static_cast<uint32_t>((invocations + at_.bench.tiling.shared_local - 1) /
                                      at_.bench.tiling.shared_local),
                y};
    }
    const gpu::Pipeline &shared(const gpu::Kernel &kernel) const {
        return gpu::findPipeline(at_.bench.device, kernel, at_.specialization(),
                                 {.local_size = at_.bench.tiling.shared_local});
    }

    /// Smallest and largest keys of each page, and the bounds of the scores of the last query.
    void comparePages(CacheCollectors &to) {
        const uint32_t pages = (kTokens + kPageKeys - 1) / kPageKeys,
                       heads = at_.bench.config.heads;
        std::vector<float> keys = at_.stored(at_.layer().k), bounds, scores;
        for (uint32_t kv_head = 0; kv_head < at_.kv_heads; ++kv_head)
            for (uint32_t page = 0; page < pages; ++page)
                addPage(keys, kv_head, page, bounds);
        for (uint32_t head = 0; head < heads; ++head)
            for (uint32_t page = 0; page < pages; ++page) {
                uint32_t kv_head = head / (heads / at_.kv_heads);
                const float *low = &bounds[(size_t{kv_head} * pages + page) * 2 * at_.dim];
                const float *q =
                    &at_.queries[size_t{kChunkEnd} * at_.q_columns + size_t{head} * at_.dim];
                double sum = 0;
                for (uint32_t i = 0; i < at_.dim; ++i)
                    sum += static_cast<double>(std::max(q[i] * low[i], q[i] * low[at_.dim + i]));
                scores.push_back(static_cast<float>(sum) * at_.scale());
            }
        gpu::Buffer made(at_.bench.device, "selftest", bounds.size() * 4, gpu::Memory::device);
        gpu::Buffer result(at_.bench.device, "selftest", scores.size() * 4, gpu::Memory::device);
        at_.bench.poison(made);
        at_.bench.poison(result);
        params::PageBounds bound{.k = at_.layer().k_planes,
                                 .pages = made.address(),
                                 .first_page = 0,
                                 .count = pages,
                                 .page_keys = kPageKeys,
                                 .page_capacity = pages,
                                 .keys = kTokens,
                                 .kv_heads = at_.kv_heads,
                                 .capacity = kTokens,
                                 .unused = 0};
        at_.recorder.dispatch(shared(engine::kPageBounds), bound, {&at_.layer().k}, {&made},
                              groupsOf(uint64_t{pages} * at_.dim / 4, at_.kv_heads));
        params::PageScores score{.q = at_.bench.scratch.q.address(),
                                 .pages = made.address(),
                                 .scores = result.address(),
                                 .count = pages,
                                 .page_capacity = pages,
                                 .heads = heads,
                                 .kv_heads = at_.kv_heads,
                                 .scale = at_.scale(),
                                 .unused = 0};
        at_.recorder.dispatch(shared(engine::kPageScores), score,
                              {&at_.bench.scratch.q.buffer, &made}, {&result},
                              groupsOf(pages, heads));
        at_.recorder.run();
        to.bounds.compare("cache " + at_.name, at_.bench.download(made, bounds.size()), bounds,
                          exactly());
        to.pages.compare("cache " + at_.name, at_.bench.download(result, scores.size()), scores,
                         relativeTo(scores, 4e-5));
    }

    void addPage(const std::vector<float> &keys, uint32_t kv_head, uint32_t page,
                 std::vector<float> &bounds) const {
        std::vector<float> low(at_.dim, 1e30f), high(at_.dim, -1e30f);
        for (uint32_t key = page * kPageKeys; key < std::min((page + 1) * kPageKeys, kTokens);
             ++key)
            for (uint32_t i = 0; i < at_.dim; ++i) {
                float value = keys[(size_t{kv_head} * kTokens + key) * at_.dim + i];
                low[i] = std::min(low[i], value);
                high[i] = std::max(high[i], value);
            }
        bounds.insert(bounds.end(), low.begin(), low.end());
        bounds.insert(bounds.end(), high.begin(), high.end());
    }

    /// Rows of each head to other places, one to its own.
    void compareMoves(Collector &collector) {
        std::vector<uint32_t> moves;
        for (uint32_t head = 0; head < at_.kv_heads; ++head)
            moves.insert(moves.end(), {kTokens - 1 - head, 0, 5, 5, kTokens - 4, 2 + head});
        auto moved = [&](std::vector<float> values) {
            const std::vector<float> old = values;
            for (size_t i = 0; i < moves.size(); i += 2) {
                size_t first = i / 6 * kTokens;
                std::copy_n(&old[(first + moves[i]) * at_.dim], at_.dim,
                            &values[(first + moves[i + 1]) * at_.dim]);
            }
            return values;
        };
        std::vector<float> k = moved(at_.stored(at_.layer().k)),
                           v = moved(at_.stored(at_.layer().v));
        gpu::Buffer list(at_.bench.device, "selftest", moves.size() * 4, gpu::Memory::device);
        gpu::uploadBytes(at_.bench.device, list, 0, std::as_bytes(std::span(moves)));
        params::CacheMove params{.k = at_.layer().k_planes,
                                 .v = at_.layer().v_planes,
                                 .moves = list.address(),
                                 .count = 3,
                                 .kv_heads = at_.kv_heads,
                                 .capacity = kTokens,
                                 .unused = 0};
        at_.recorder.dispatch(shared(engine::kCacheMove), params,
                              {&list, &at_.layer().k, &at_.layer().v},
                              {&at_.layer().k, &at_.layer().v}, {3, at_.kv_heads});
        at_.recorder.run();
        collector.compare("keys " + at_.name, at_.stored(at_.layer().k), k, exactly());
        collector.compare("values " + at_.name, at_.stored(at_.layer().v), v, exactly());
    }

    ReadCache &at_;
};

} // namespace

void checkRows(ReadCache &read, Collector &rope, CacheCollectors &to) {
    RowChecks(read).run(rope, to);
}

} // namespace longscope::app
