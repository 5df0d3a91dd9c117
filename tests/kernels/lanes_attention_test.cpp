// Attention of the `lanes` family against the scalar twin: chunks and single queries over schedules
// of every kind, several head shapes, all cache types, NaN in every slot that no run has, poisoned
// results.
#include "compute/engine/kernels.h"
#include "compute/engine/tiling_lanes.h"
#include "tests/support/attention_case.h"

namespace longscope::engine {
namespace {

using attention::CacheType;
using attention::Schedule;
using test::AttentionCase;
using test::AttentionData;

gpu::Specialization constantsOf(const AttentionCase &c, lanes::HeadsKeys tile, uint32_t flags) {
    if (c.rope_dims > 0)
        flags |= ATTENTION_RAW_KEYS | (c.neox ? ATTENTION_NEOX : 0);
    return {{SPEC_LOCAL_SIZE, 8},
            {SPEC_HEAD_DIM, c.width()},
            {SPEC_CACHE_K, static_cast<uint32_t>(c.k_type)},
            {SPEC_CACHE_V, static_cast<uint32_t>(c.v_type)},
            {SPEC_FLAGS, flags},
            {SPEC_TILE_A, tile.heads},
            {SPEC_TILE_B, tile.keys}};
}

void dispatch(const gpu::Kernel &kernel, const gpu::Specialization &constants, const auto &params,
              std::initializer_list<const gpu::Buffer *> writes, gpu::Groups groups) {
    gpu::Device &device = gpu::testDevice();
    const gpu::PipelineOptions options{.local_size = 8, .subgroup_size = 8};
    const gpu::Pipeline *pipeline = &gpu::findPipeline(device, kernel, constants, options);
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, params, {}, writes, groups);
    recorder.run();
}

/// Flags that a schedule needs.
uint32_t flagsOf(const Schedule &schedule) {
    uint32_t flags = 0;
    for (const attention::ScheduleRun &run : schedule.runs) {
        flags |= run.zone ? ATTENTION_FAR : 0;
        flags |= run.list != attention::kNone ? ATTENTION_LISTS : 0;
    }
    return flags;
}

// Scores and weights in float: each score has the error of head_dim products, and exp2 turns it
// into a relative error of the weight; values are of order 1.
constexpr double kTolerance = 2e-5;

/// Results of a chunk on the device; a row and a few columns more than there are, all poisoned.
class Prefill {
  public:
    Prefill(const AttentionData &data, lanes::HeadsKeys tile)
        : data_(data), tile_(tile), stride_(data.c.heads * data.c.head_dim + 4),
          result_(test::poisoned(uint64_t{data.c.rows + 1} * stride_)),
          state_(test::poisoned(2 * uint64_t{data.c.rows + 1} * data.c.heads)) {
        if (tile_.heads == 0)
            tile_ = lanes::prefillTile(data.c.heads / data.c.kv_heads, data.c.width());
    }

    uint32_t groups() const { return data_.c.heads / tile_.heads; }

    void run(const Schedule &schedule, uint32_t flags) {
        const AttentionCase &c = data_.c;
        gpu::Buffer words = test::uploadSchedule(schedule);
        params::AttentionPrefill params{.q = data_.q_buffer.address(),
                                        .q_far = data_.q_far_buffer.address(),
                                        .k = data_.k.planes(),
                                        .v = data_.v.planes(),
                                        .result = result_.address(),
                                        .state = state_.address(),
                                        .rotation = data_.rotation_buffer.address(),
                                        .rotation_far = data_.rotation_far_buffer.address(),
                                        .schedule = words.address(),
                                        .heads = c.heads,
                                        .kv_heads = c.kv_heads,
                                        .head_dim = c.head_dim,
                                        .capacity = c.slots,
                                        .out_stride = stride_,
                                        .rope_dims = c.rope_dims,
                                        .scale = c.scale(),
                                        .unused = 0};
        dispatch(kAttentionPrefillLanes, constantsOf(c, tile_, flags | flagsOf(schedule)), params,
                 {&result_, &state_}, {schedule.mostTiles(), groups()});
    }

    /// Rows that nobody sees to must be as they were.
    void check(const test::SeenKeys &seen, bool with_state) const {
        const AttentionCase &c = data_.c;
        auto got = test::download<float>(result_, uint64_t{c.rows + 1} * stride_);
        auto state = test::download<float>(state_, 2 * uint64_t{c.rows + 1} * c.heads);
        std::vector<bool> written(got.size());
        for (const auto &[at, keys] : seen) {
            auto [head, row] = at;
            AttentionData::Result want = data_.attend(head, row, keys);
            SCOPED_TRACE(testing::Message() << "row " << row << " head " << head << ", sees "
                                            << keys.size() << " keys");
            for (uint32_t i = 0; i < c.head_dim; ++i) {
                uint64_t element = uint64_t{row} * stride_ + head * c.head_dim + i;
                written[element] = true;
                double tolerance = keys.empty() ? 0 : kTolerance * c.peak;
                ASSERT_NEAR(got[element], want.out[i], tolerance) << "dim " << i;
            }
            if (with_state)
                checkState(&state[(uint64_t{row} * c.heads + head) * 2], want);
        }
        for (size_t i = 0; i < got.size(); ++i)
            ASSERT_TRUE(written[i] || test::isPoison(got[i])) << "beyond the result at " << i;
        for (size_t i = 0; i < state.size(); ++i)
            ASSERT_TRUE((with_state && i < uint64_t{c.rows} * c.heads * 2) ||
                        test::isPoison(state[i]))
                << "beyond the state at " << i;
    }

  private:
    void checkState(const float *state, const AttentionData::Result &want) const {
        double peak = static_cast<double>(data_.c.peak);
        ASSERT_TRUE(std::isfinite(state[0]));
        ASSERT_NEAR(state[1], want.l, 2 * peak * kTolerance * want.l);
        if (want.l > 0) {
            ASSERT_NEAR(state[0], want.m * std::numbers::log2e, peak * kTolerance);
        }
    }

    const AttentionData &data_;
    lanes::HeadsKeys tile_;
    uint32_t stride_;
    gpu::Buffer result_, state_;
};

/// One pass with every key, and its state.
void checkPrefill(const AttentionCase &c, const Schedule &schedule, lanes::HeadsKeys tile = {}) {
    SCOPED_TRACE(testing::Message() << "prefill " << c.text());
    AttentionData data(c, test::slotsOf(schedule));
    Prefill prefill(data, tile);
    ASSERT_EQ(schedule.groups.size(), prefill.groups());
    prefill.run(schedule, ATTENTION_STATE);
    prefill.check(test::seenKeys(schedule, c.heads), true);
}

uint32_t prefillGroups(const AttentionCase &c) {
    return c.heads / lanes::prefillTile(c.heads / c.kv_heads, c.width()).heads;
}

void checkRandom(AttentionCase c, test::RandomScheduleOptions options, uint32_t seed = 1) {
    test::Random random(seed);
    options.groups = prefillGroups(c);
    checkPrefill(c, test::randomSchedule(c.rows, c.slots, options, random));
}

void checkCausal(AttentionCase c, uint32_t position) {
    c.slots = position + c.rows + 9;
    checkPrefill(c, test::causalSchedule(c.rows, position, prefillGroups(c)));
}

struct Heads {
    uint32_t heads, kv_heads;
};
constexpr Heads kHeads[] = {{1, 1}, {9, 3}, {4, 1}, {2, 2}};

TEST(LanesAttentionPrefill, CausalEqualsTheReference) {
    AttentionCase c{.rows = 13, .slots = 60, .heads = 4, .kv_heads = 2, .head_dim = 48};
    Schedule schedule = test::causalSchedule(c.rows, 40, prefillGroups(c));
    AttentionData data(c, test::slotsOf(schedule));
    auto want = reference::attention(data.q, data.k.values, data.v.values,
                                     {.rows = c.rows,
                                      .position = 40,
                                      .heads = c.heads,
                                      .kv_heads = c.kv_heads,
                                      .head_dim = c.head_dim,
                                      .capacity = c.slots,
                                      .scale = c.scale()});
    for (const auto &[at, keys] : test::seenKeys(schedule, c.heads)) {
        AttentionData::Result got = data.attend(at.first, at.second, keys);
        uint64_t row = at.second * c.heads + at.first;
        for (uint32_t i = 0; i < c.head_dim; ++i)
            ASSERT_NEAR(got.out[i], want.out[row * c.head_dim + i], 1e-6);
        ASSERT_NEAR(got.l, want.l[row], 1e-9 * got.l);
    }
    checkPrefill(c, schedule);
}

TEST(LanesAttentionPrefill, EveryRowAndPosition) {
    for (uint32_t rows : {1u, 7u, 8u, 9u, 31u})
        for (uint32_t position : {0u, 1u, 63u, 200u}) {
            checkCausal({.rows = rows, .heads = 9, .kv_heads = 3}, position);
            if (HasFatalFailure())
                return;
        }
}

// A driver takes a third of a second for each of these pipelines, so not all pairs of everything.
TEST(LanesAttentionPrefill, EveryHeadDimAndCacheType) {
    size_t turn = 0;
    for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u})
        for (CacheType type : test::kCacheTypes) {
            Heads heads = kHeads[turn++ % std::size(kHeads)];
            checkCausal({9, 0, heads.heads, heads.kv_heads, head_dim, type, type}, 63);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, LargeHeads) {
    for (uint32_t head_dim : {160u, 192u, 256u})
        for (CacheType type : {CacheType::f16, CacheType::q8_0, CacheType::q4_0})
            checkCausal({9, 0, 2, 1, head_dim, type, type}, 31);
}

TEST(LanesAttentionPrefill, CacheTypesOfKeysAndValuesApart) {
    for (size_t k = 0; k < 5; ++k)
        for (size_t apart : {1u, 3u}) {
            CacheType k_type = test::kCacheTypes[k], v_type = test::kCacheTypes[(k + apart) % 5];
            checkCausal({9, 0, 3, 1, 64, k_type, v_type}, 30);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionPrefill, OtherTiles) {
    AttentionCase c{.rows = 9, .slots = 80, .heads = 4, .head_dim = 64};
    for (lanes::HeadsKeys tile : {lanes::HeadsKeys{2, 1}, {4, 3}, {1, 5}})
        checkPrefill(c, test::causalSchedule(c.rows, 63, 4 / tile.heads), tile);
}

TEST(LanesAttentionPrefill, RunsBoundsStepsOfEveryShape) {
    for (uint32_t seed = 0; seed < 12; ++seed) {
        checkRandom({.rows = 1 + 5 * seed, .slots = 70, .heads = 6, .kv_heads = 2}, {}, seed);
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionPrefill, ListsAndZones) {
    for (uint32_t seed = 0; seed < 6; ++seed)
        for (int which : {1, 2, 3}) {
            checkRandom({.rows = 21, .slots = 70, .heads = 4, .kv_heads = 2},
                        {.lists = (which & 1) != 0, .zones = (which & 2) != 0}, seed);
            if (HasFatalFailure())
                return;
        }
}

/// Dims, rotated dims; pairs (j, j + rope_dims/2) want a multiple of 4.
constexpr std::pair<uint32_t, uint32_t> kRotated[] = {{64, 64},  {64, 20},   {80, 80}, {128, 128},
                                                      {96, 48},  {128, 32},  {32, 32}, {40, 12},
                                                      {256, 64}, {100, 100}, {64, 4}};

TEST(LanesAttentionPrefill, RawKeysOfEveryType) {
    size_t turn = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            CacheType type = test::kCacheTypes[turn++ % 5];
            checkRandom({9, 33, 2, 1, head_dim, type, type, rope_dims, neox}, {});
            if (HasFatalFailure())
                return;
        }
    checkRandom({9, 33, 2, 1, 64, CacheType::f16, CacheType::f16, 22},
                {}); // an odd number of pairs
}

TEST(LanesAttentionPrefill, RawKeysWithListsAndZones) {
    for (uint32_t seed = 0; seed < 3; ++seed)
        for (bool neox : {false, true})
            checkRandom({17, 50, 3, 1, 64, CacheType::q8_0, CacheType::q8_0, 64, neox},
                        {.lists = true, .zones = true}, seed);
}

// Continue = one pass, also where the first pass or the second shows a row nothing.
TEST(LanesAttentionPrefill, GoesOnFromAnEarlierPass) {
    for (uint32_t seed = 0; seed < 4; ++seed) {
        AttentionCase c{.rows = 19, .slots = 60, .heads = 3, .kv_heads = 1, .head_dim = 80};
        test::Random random(seed);
        test::RandomScheduleOptions options{.groups = prefillGroups(c), .most_runs = 2};
        Schedule first = test::randomSchedule(c.rows, c.slots, options, random);
        Schedule second = test::randomSchedule(c.rows, c.slots, options, random);
        std::set<uint64_t> slots = test::slotsOf(first);
        slots.merge(test::slotsOf(second));
        AttentionData data(c, slots);
        Prefill prefill(data, {});
        prefill.run(first, ATTENTION_STATE);
        prefill.run(second, ATTENTION_CONTINUE | ATTENTION_STATE);
        test::SeenKeys seen = test::seenKeys(first, c.heads);
        for (auto &[at, keys] : test::seenKeys(second, c.heads))
            seen[at].insert(seen[at].end(), keys.begin(), keys.end());
        prefill.check(seen, true);
        if (HasFatalFailure())
            return;
    }
}

TEST(LanesAttentionPrefill, PeakyScoresAndNoState) {
    AttentionCase c{.rows = 9, .slots = 80, .heads = 3, .kv_heads = 1, .peak = 20};
    Schedule schedule = test::causalSchedule(c.rows, 63, prefillGroups(c));
    AttentionData data(c, test::slotsOf(schedule));
    Prefill prefill(data, {});
    prefill.run(schedule, 0);
    prefill.check(test::seenKeys(schedule, c.heads), false);
}

// Head groups with other numbers of tiles than the grid has: one of them none at all.
TEST(LanesAttentionPrefill, GroupsWithFewTiles) {
    AttentionCase c{.rows = 24, .slots = 40, .heads = 3, .kv_heads = 3, .head_dim = 32};
    test::ScheduleMaker maker;
    for (uint32_t tiles : {3u, 0u, 1u}) {
        maker.addGroup();
        for (uint32_t tile = 0; tile < tiles; ++tile) {
            maker.addTile(8 * tile, 1, 8);
            maker.addRun(3 * tile, 0, 2, 5);
        }
    }
    checkPrefill(c, maker.schedule, {1, 3});
}

// ---- one query ---------------------------------------------------------------------------------

void checkDecode(const AttentionCase &c, const Schedule &schedule, uint32_t splits,
                 uint32_t keys_per_split, uint32_t key_groups = 1) {
    SCOPED_TRACE(testing::Message() << "decode " << c.text() << " splits " << splits << " of "
                                    << keys_per_split << " key groups " << key_groups);
    AttentionData data(c, test::slotsOf(schedule));
    gpu::Buffer words = test::uploadSchedule(schedule);
    lanes::HeadsKeys tile{lanes::decodeHeads(c.heads / c.kv_heads, c.width()), key_groups};
    ASSERT_EQ(schedule.groups.size(), c.heads / tile.heads);
    const uint32_t stride = c.width() + 2;
    gpu::Buffer partial = test::poisoned(uint64_t{splits} * c.heads * stride);
    params::AttentionDecode params{.q = data.q_buffer.address(),
                                   .q_far = data.q_far_buffer.address(),
                                   .k = data.k.planes(),
                                   .v = data.v.planes(),
                                   .partial = partial.address(),
                                   .rotation = data.rotation_buffer.address(),
                                   .rotation_far = data.rotation_far_buffer.address(),
                                   .schedule = words.address(),
                                   .splits = splits,
                                   .keys_per_split = keys_per_split,
                                   .heads = c.heads,
                                   .kv_heads = c.kv_heads,
                                   .capacity = c.slots,
                                   .rope_dims = c.rope_dims,
                                   .scale = c.scale(),
                                   .unused = 0};
    dispatch(kAttentionDecodeLanes, constantsOf(c, tile, flagsOf(schedule)), params, {&partial},
             {splits, c.heads / tile.heads});
    auto got = test::download<float>(partial, uint64_t{splits} * c.heads * stride);
    for (auto &[at, keys] : test::seenKeys(schedule, c.heads))
        for (uint32_t split = 0; split < splits; ++split) {
            SCOPED_TRACE(testing::Message() << "split " << split << " head " << at.first);
            size_t begin = std::min<size_t>(keys.size(), uint64_t{split} * keys_per_split);
            size_t end = std::min<size_t>(keys.size(), begin + keys_per_split);
            auto want = data.attend(at.first, 0, std::span(keys).subspan(begin, end - begin));
            const float *own = &got[(uint64_t{split} * c.heads + at.first) * stride];
            for (uint32_t i = 0; i < c.width(); ++i) {
                double value = i < c.head_dim ? want.out[i] : 0;
                ASSERT_NEAR(own[i], value, begin < end ? kTolerance : 0) << "dim " << i;
            }
            ASSERT_NEAR(own[c.width() + 1], want.l, kTolerance * want.l);
            if (begin < end) {
                ASSERT_NEAR(own[c.width()], want.m * std::numbers::log2e, kTolerance);
            }
        }
}

/// `runs` random runs without bounds; how many keys the largest group has.
Schedule decodeSchedule(const AttentionCase &c, test::RandomScheduleOptions options,
                        uint32_t &most_keys, uint32_t seed = 1) {
    test::Random random(seed);
    options.groups = c.heads / lanes::decodeHeads(c.heads / c.kv_heads, c.width());
    options.bounds = false;
    Schedule schedule = test::randomSchedule(1, c.slots, options, random);
    most_keys = 1;
    for (auto &[at, keys] : test::seenKeys(schedule, c.heads))
        most_keys = std::max(most_keys, static_cast<uint32_t>(keys.size()));
    return schedule;
}

TEST(LanesAttentionDecode, EveryHeadDimAndCacheType) {
    size_t turn = 0;
    for (uint32_t head_dim : {32u, 64u, 80u, 96u, 128u, 160u})
        for (CacheType type : test::kCacheTypes) {
            Heads heads = kHeads[turn++ % std::size(kHeads)];
            AttentionCase c{1, 210, heads.heads, heads.kv_heads, head_dim, type, type};
            uint32_t groups = c.heads / lanes::decodeHeads(c.heads / c.kv_heads, c.width());
            checkDecode(c, test::causalSchedule(1, 200, groups), 4, 51);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionDecode, RangesOfEverySize) {
    AttentionCase c{.rows = 1, .slots = 210, .heads = 9, .kv_heads = 3};
    for (uint32_t position : {0u, 1u, 7u, 8u, 63u, 200u})
        for (uint32_t splits : {1u, 2u, 5u})
            checkDecode(c, test::causalSchedule(1, position, 3), splits,
                        (position + splits) / splits);
    // Ranges beyond the last key are empty: l = 0.
    checkDecode(c, test::causalSchedule(1, 20, 3), 4, 16);
    checkDecode({1, 101, 4, 1, 256}, test::causalSchedule(1, 100, 2), 2, 64);
    checkDecode({1, 101, 9, 3, 64, CacheType::f32}, test::causalSchedule(1, 100, 3), 2, 51, 2);
}

TEST(LanesAttentionDecode, RangesAcrossRuns) {
    for (uint32_t seed = 0; seed < 12; ++seed)
        for (uint32_t splits : {1u, 3u, 7u}) {
            uint32_t most_keys;
            AttentionCase c{.rows = 1, .slots = 70, .heads = 4, .kv_heads = 2};
            Schedule schedule =
                decodeSchedule(c, {.most_runs = 6, .lists = seed % 2 == 1, .zones = seed % 4 > 1},
                               most_keys, seed);
            checkDecode(c, schedule, splits, (most_keys + splits - 1) / splits);
            if (HasFatalFailure())
                return;
        }
}

TEST(LanesAttentionDecode, RawKeysOfEveryType) {
    uint32_t turn = 0;
    for (auto [head_dim, rope_dims] : kRotated)
        for (bool neox : {false, true}) {
            uint32_t most_keys;
            CacheType type = test::kCacheTypes[turn++ % 5];
            AttentionCase c{1, 40, 2, 1, head_dim, type, type, rope_dims, neox};
            Schedule schedule = decodeSchedule(c, {.lists = true, .zones = true}, most_keys);
            checkDecode(c, schedule, 2, (most_keys + 1) / 2, 1 + turn % 3 / 2);
            if (HasFatalFailure())
                return;
        }
}

} // namespace
} // namespace longscope::engine
