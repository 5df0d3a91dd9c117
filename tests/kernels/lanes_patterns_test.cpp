// Scores for choosing keys and the second pass (metrics and cells) of the `lanes` family against
// the scalar twin.
#include "compute/engine/kernels.h"
#include "tests/support/attention_case.h"

namespace longscope::engine {
namespace {

using attention::CacheType;
using attention::Schedule;
using test::AttentionCase;
using test::AttentionData;

gpu::Specialization constantsOf(const AttentionCase &c, uint32_t heads, uint32_t keys,
                                uint32_t flags) {
    if (c.rope_dims > 0)
        flags |= ATTENTION_RAW_KEYS | (c.neox ? ATTENTION_NEOX : 0);
    flags |= c.ruleFlags();
    return {{SPEC_LOCAL_SIZE, 8},
            {SPEC_HEAD_DIM, c.width()},
            {SPEC_CACHE_K, static_cast<uint32_t>(c.k_type)},
            {SPEC_FLAGS, flags},
            {SPEC_TILE_A, heads},
            {SPEC_TILE_B, keys}};
}

void dispatch(const gpu::Kernel &kernel, const gpu::Specialization &constants, const auto &params,
              const gpu::Buffer &result, gpu::Groups groups) {
    gpu::Device &device = gpu::testDevice();
    const gpu::PipelineOptions options{.local_size = 8, .subgroup_size = 8};
    const gpu::Pipeline *pipeline = &gpu::findPipeline(device, kernel, constants, options);
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, params, {}, {&result}, groups);
    recorder.run();
}

constexpr double kTolerance = 2e-5; // as in lanes_attention_test.cpp

// ---- scores ------------------------------------------------------------------------------------

struct ScoresCase {
    uint32_t first_row = 0, row_groups = 1, key_groups = 1, group = 1;
    uint32_t tile_heads = 1, tile_keys = 4, ranges = 1;
};

void checkScores(AttentionCase c, const ScoresCase &s) {
    SCOPED_TRACE(testing::Message()
                 << c.text() << " rows " << s.first_row << " + " << s.row_groups << ", keys "
                 << s.key_groups << ", groups of " << s.group << ", tile " << s.tile_heads << "x"
                 << s.tile_keys << ", " << s.ranges << " ranges");
    std::set<uint64_t> slots; // the others hold NaN
    for (uint32_t slot = 0; slot < s.key_groups * s.group; ++slot)
        slots.insert(slot);
    AttentionData data(c, slots);
    const size_t count = uint64_t{c.heads} * s.row_groups * s.key_groups;
    gpu::Buffer scores = test::poisoned(count + 8);
    params::AttentionScores params{.q = data.q_buffer.address(),
                                   .k = data.k.planes(),
                                   .rotation = data.rotation_buffer.address(),
                                   .scores = scores.address(),
                                   .head_facts = data.head_facts_buffer.address(),
                                   .first_row = s.first_row,
                                   .row_groups = s.row_groups,
                                   .key_groups = s.key_groups,
                                   .group = s.group,
                                   .heads = c.heads,
                                   .kv_heads = c.kv_heads,
                                   .capacity = c.slots,
                                   .rope_dims = c.rotated(),
                                   .scale = c.scale(),
                                   .position = c.position};
    dispatch(kAttentionScoresLanes, constantsOf(c, s.tile_heads, s.tile_keys, 0), params, scores,
             {test::groupsFor(s.row_groups, 8), c.heads / s.tile_heads, s.ranges});
    auto got = test::download<float>(scores, count + 8);
    size_t at = 0;
    for (uint32_t head = 0; head < c.heads; ++head)
        for (uint32_t a = 0; a < s.row_groups; ++a)
            for (uint32_t b = 0; b < s.key_groups; ++b) {
                double want = 0;
                for (uint32_t t = 0; t < s.group; ++t) {
                    uint32_t slot = b * s.group + t;
                    want +=
                        data.score(head, s.first_row + (a + 1) * s.group - 1 - t, {slot, slot, 0});
                }
                ASSERT_NEAR(got[at++], want, kTolerance * s.group)
                    << "head " << head << " row group " << a << " key group " << b;
            }
    for (; at < got.size(); ++at)
        ASSERT_TRUE(test::isPoison(got[at])) << "written beyond the scores";
}

TEST(LanesAttentionScores, PlainAndAntidiagonal) {
    AttentionCase c{.rows = 40, .slots = 90, .heads = 6, .kv_heads = 2};
    checkScores(c, {.first_row = 3, .row_groups = 37, .key_groups = 83, .tile_heads = 3});
    checkScores(c, {.row_groups = 8, .key_groups = 8, .tile_heads = 3});
    checkScores(c, {.row_groups = 1, .key_groups = 1});
    checkScores(c, {.first_row = 4, .row_groups = 9, .key_groups = 22, .group = 4});
    checkScores(c,
                {.row_groups = 2, .key_groups = 5, .group = 16, .tile_heads = 3, .tile_keys = 3});
}

TEST(LanesAttentionScores, RangesOfKeyGroups) {
    AttentionCase c{.rows = 9, .slots = 60, .heads = 2, .kv_heads = 1};
    for (uint32_t ranges : {2u, 3u, 7u})
        for (uint32_t key_groups : {1u, 14u, 51u})
            checkScores(c, {.row_groups = 9, .key_groups = key_groups, .ranges = ranges});
}

TEST(LanesAttentionScores, CacheTypesAndRawKeys) {
    for (CacheType type : test::kCacheTypes)
        for (uint32_t rope_dims : {0u, 40u})
            checkScores({8, 30, 2, 1, 80, type, type, rope_dims, type != CacheType::f16},
                        {.row_groups = 2, .key_groups = 7, .group = 4});
}

// ---- the second pass
// -----------------------------------------------------------------------------

struct MapCase {
    uint32_t position = 0; ///< of row 0
    uint32_t tile_heads = 1, tile_keys = 4;
    uint32_t first_key = 0, cell_keys = 1, cells = 1, first_head = 0, cell_heads = 1; ///< cells
    uint32_t sinks = 4, recent = 16;                                                  ///< metrics
};

/// One tile a head group; state is that of the schedule's own attention.
class Map {
  public:
    Map(const AttentionCase &c, const Schedule &schedule, const MapCase &m)
        : c_(at(c, m.position)), m_(m), schedule_(schedule), data_(c_, test::slotsOf(schedule)) {}

    void run(uint32_t flags) {
        std::vector<float> state(2 * uint64_t{c_.rows} * c_.heads);
        bool cells = flags == MAP_CELLS;
        first_head_ = cells ? m_.first_head : 0;
        heads_ = cells ? m_.cell_heads : c_.heads;
        for (auto &[at, keys] : seen()) {
            auto [head, row] = at;
            auto result = data_.attend(head, row, keys);
            float *own = &state[2 * (uint64_t{row} * c_.heads + head)];
            own[0] = static_cast<float>(result.m * std::numbers::log2e);
            own[1] = static_cast<float>(result.l);
        }
        for (const attention::ScheduleRun &run : schedule_.runs) {
            flags |= run.zone ? ATTENTION_FAR : 0;
            flags |= run.list != attention::kNone ? ATTENTION_LISTS : 0;
        }
        width_ = cells ? 2 * m_.cells : MAP_METRIC_COUNT;
        const size_t count = uint64_t{c_.rows} * heads_ * width_;
        gpu::Buffer words = test::uploadSchedule(schedule_), states = test::upload(state);
        gpu::Buffer target = test::poisoned(count + 8);
        params::AttentionMap params{.q = data_.q_buffer.address(),
                                    .q_far = data_.q_far_buffer.address(),
                                    .k = data_.k.planes(),
                                    .state = states.address(),
                                    .rotation = data_.rotation_buffer.address(),
                                    .rotation_far = data_.rotation_far_buffer.address(),
                                    .schedule = words.address(),
                                    .target = target.address(),
                                    .head_facts = data_.head_facts_buffer.address(),
                                    .position = m_.position,
                                    .heads = c_.heads,
                                    .kv_heads = c_.kv_heads,
                                    .capacity = c_.slots,
                                    .rope_dims = c_.rotated(),
                                    .scale = c_.scale(),
                                    .first_head = m_.first_head,
                                    .first_key = m_.first_key,
                                    .cell_keys = m_.cell_keys,
                                    .cells = m_.cells,
                                    .sinks = m_.sinks,
                                    .recent = m_.recent};
        dispatch(kAttentionMapLanes, constantsOf(c_, m_.tile_heads, m_.tile_keys, flags), params,
                 target, {schedule_.mostTiles(), heads_ / m_.tile_heads});
        got_ = test::download<float>(target, count + 8);
        for (size_t i = count; i < got_.size(); ++i)
            ASSERT_TRUE(test::isPoison(got_[i])) << "written beyond the target";
    }

    void checkMetrics() {
        run(MAP_METRICS);
        for (auto &[at, keys] : seen()) {
            auto [head, row] = at;
            double want[MAP_METRIC_COUNT] = {};
            forProbabilities(head, row, keys, [&](const test::SeenKey &key, double p) {
                double distance = double(m_.position + row) - key.position;
                want[0] += p;
                want[1] -= p * std::log(p);
                want[2] += p * distance;
                want[3] += key.position < m_.sinks ? p : 0;
                want[4] += distance < m_.recent ? p : 0;
            });
            for (uint32_t i = 0; i < MAP_METRIC_COUNT; ++i)
                ASSERT_NEAR(at_(row, head)[i], want[i], 5 * kTolerance * (1 + std::abs(want[i])))
                    << "metric " << i << " of row " << row << " head " << head;
        }
    }

    void checkCells() {
        run(MAP_CELLS);
        for (auto &[at, keys] : seen()) {
            auto [head, row] = at;
            std::vector<double> want(width_);
            forProbabilities(head, row, keys, [&](const test::SeenKey &key, double p) {
                uint32_t cell = (key.position - m_.first_key) / m_.cell_keys;
                if (key.position < m_.first_key || cell >= m_.cells)
                    return;
                want[2 * cell] += p;
                want[2 * cell + 1] = std::max(want[2 * cell + 1], p);
            });
            for (uint32_t i = 0; i < width_; ++i)
                ASSERT_NEAR(at_(row, head)[i], want[i], kTolerance)
                    << "cell " << i / 2 << (i % 2 ? " maximum" : " sum") << " of row " << row
                    << " head " << head;
        }
    }

  private:
    static AttentionCase at(AttentionCase c, uint32_t position) {
        c.position = position;
        return c;
    }
    /// What the heads that are looked at see; the schedule has groups for all heads.
    test::SeenKeys seen() const {
        test::SeenKeys seen = test::seenKeys(schedule_, c_.heads);
        std::erase_if(seen, [&](const auto &of) {
            uint32_t head = of.first.first;
            return head < first_head_ || head >= first_head_ + heads_;
        });
        return seen;
    }
    const float *at_(uint32_t row, uint32_t head) const {
        return &got_[(uint64_t{row} * heads_ + head - first_head_) * width_];
    }
    void forProbabilities(uint32_t head, uint32_t row, std::span<const test::SeenKey> keys,
                          const auto &use) const {
        auto result = data_.attend(head, row, keys);
        for (const test::SeenKey &key : keys)
            use(key, std::exp(data_.score(head, row, key) - result.m) / result.l);
    }

    AttentionCase c_;
    MapCase m_;
    const Schedule &schedule_;
    AttentionData data_;
    uint32_t first_head_ = 0, heads_ = 0, width_ = 0;
    std::vector<float> got_;
};

Schedule randomOf(const AttentionCase &c, test::RandomScheduleOptions options, uint32_t seed) {
    test::Random random(seed);
    return test::randomSchedule(c.rows, c.slots, options, random);
}

TEST(LanesAttentionMap, MetricsOfEveryKind) {
    for (uint32_t seed = 0; seed < 8; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        bool lists = seed % 2 == 1, zones = seed % 4 > 1;
        AttentionCase c{.rows = 1 + 4 * seed, .slots = 70, .heads = 3, .kv_heads = 1};
        Schedule each = randomOf(c, {.groups = 3, .lists = lists, .zones = zones}, seed);
        Map(c, each, {.position = 40}).checkMetrics();
        Schedule all = randomOf(c, {.groups = 1, .lists = lists, .zones = zones}, seed);
        Map(c, all, {.position = 40, .tile_heads = 3, .tile_keys = 3}).checkMetrics();
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionMap, CellsOfEverySize) {
    AttentionCase c{.rows = 19, .slots = 70, .heads = 4, .kv_heads = 2};
    Schedule causal = test::causalSchedule(c.rows, 50, c.heads);
    for (uint32_t cell_keys : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 13u, 100u})
        for (uint32_t first_key : {0u, 6u, 69u}) {
            SCOPED_TRACE(testing::Message() << cell_keys << " keys a cell from " << first_key);
            uint32_t cells =
                (70 - first_key) / cell_keys / 2 + 1; // the picture ends before the keys
            Map(c, causal, {.first_key = first_key, .cell_keys = cell_keys, .cells = cells})
                .checkCells();
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionMap, CellsThatManyRunsTouch) {
    for (uint32_t seed = 0; seed < 12; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        AttentionCase c{.rows = 17, .slots = 60, .heads = 6, .kv_heads = 3, .head_dim = 32};
        const uint32_t tile_heads = seed % 3 == 0 ? 2 : 1;
        Schedule schedule = randomOf(
            c, {.groups = c.heads / tile_heads, .lists = seed % 2 == 1, .zones = seed % 4 > 1},
            seed);
        Map(c, schedule,
            {.tile_heads = tile_heads,
             .tile_keys = 3 + seed % 6,
             .first_key = seed,
             .cell_keys = 1 + seed,
             .cells = 9,
             .first_head = 2,
             .cell_heads = seed < 6 ? 2u : 4u})
            .checkCells();
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionMap, CacheTypesAndRawKeys) {
    for (CacheType type : test::kCacheTypes)
        for (bool neox : {false, true}) {
            AttentionCase c{9, 40, 2, 1, 64, type, type, 48, neox};
            Schedule schedule = randomOf(c, {.groups = 2, .lists = neox, .zones = true}, 5);
            Map(c, schedule, {}).checkMetrics();
            Map(c, schedule, {.cell_keys = 5, .cells = 8, .cell_heads = 2}).checkCells();
            if (HasFatalFailure())
                return;
        }
}

// ---- soft caps, ALiBi, sinks -------------------------------------------------------------------

TEST(LanesAttentionScores, RulesOfScores) {
    for (uint32_t group : {1u, 4u}) {
        AttentionCase c{.rows = 20, .slots = 50, .heads = 4, .kv_heads = 2, .peak = 3, .cap = 2.5f};
        c.position = 30;
        checkScores(c, {.first_row = 1, .row_groups = 4, .key_groups = 11, .group = group});
        c.slopes = true;
        checkScores(c, {.row_groups = 4, .key_groups = 11, .group = group, .tile_heads = 2});
    }
}

TEST(LanesAttentionMap, RulesOfScores) {
    for (int rule = 0; rule < 4; ++rule) {
        SCOPED_TRACE(testing::Message() << "rule " << rule);
        AttentionCase c{.rows = 17, .slots = 60, .heads = 4, .kv_heads = 2, .peak = 2};
        c.cap = rule % 3 == 0 ? 2.5f : 0;
        c.slopes = rule == 1 || rule == 3;
        c.sinks = rule > 1;
        Schedule schedule = randomOf(c, {.groups = 4, .lists = rule > 1, .zones = rule > 1}, 5);
        Map(c, schedule, {.position = 40}).checkMetrics();
        Map(c, schedule, {.position = 40, .cell_keys = 5, .cells = 9, .cell_heads = 4})
            .checkCells();
    }
}

} // namespace
} // namespace longscope::engine
