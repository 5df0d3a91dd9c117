// Runs the attention kernels of the lanes family on the cases of tests/support/attention_case.h and
// holds their results against the twin.
#pragma once

#include "compute/engine/kernels.h"
#include "compute/engine/tiling_lanes.h"
#include "tests/support/attention_case.h"

namespace longscope::engine::lanes_test {

using attention::CacheType;
using attention::Schedule;
using test::AttentionCase;
using test::AttentionData;

inline gpu::Specialization constantsOf(const AttentionCase &c, lanes::HeadsKeys tile,
                                       uint32_t flags) {
    if (c.rope_dims > 0)
        flags |= ATTENTION_RAW_KEYS | (c.neox ? ATTENTION_NEOX : 0);
    flags |= c.ruleFlags();
    return {{SPEC_LOCAL_SIZE, 8},
            {SPEC_HEAD_DIM, c.width()},
            {SPEC_CACHE_K, static_cast<uint32_t>(c.k_type)},
            {SPEC_CACHE_V, static_cast<uint32_t>(c.v_type)},
            {SPEC_FLAGS, flags},
            {SPEC_TILE_A, tile.heads},
            {SPEC_TILE_B, tile.keys},
            {SPEC_TILE_C, tile.rows}};
}

inline void dispatch(const gpu::Kernel &kernel, const gpu::Specialization &constants,
                     const auto &params, std::initializer_list<const gpu::Buffer *> writes,
                     gpu::Groups groups) {
    gpu::Device &device = gpu::testDevice();
    const gpu::PipelineOptions options{.local_size = 8, .subgroup_size = 8};
    const gpu::Pipeline *pipeline = &gpu::findPipeline(device, kernel, constants, options);
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, params, {}, writes, groups);
    recorder.run();
}

/// Flags that a schedule needs.
inline uint32_t flagsOf(const Schedule &schedule) {
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
    uint32_t tileRows() const { return 8 * tile_.rows; }

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
                                        .head_facts = data_.head_facts_buffer.address(),
                                        .heads = c.heads,
                                        .kv_heads = c.kv_heads,
                                        .head_dim = c.head_dim,
                                        .capacity = c.slots,
                                        .out_stride = stride_,
                                        .rope_dims = c.rotated(),
                                        .scale = c.scale(),
                                        .position = c.position};
        dispatch(kAttentionPrefillLanes,
                 constantsOf(c, tile_, flags | lanes_test::flagsOf(schedule)), params,
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
inline void checkPrefill(const AttentionCase &c, const Schedule &schedule,
                         lanes::HeadsKeys tile = {}) {
    SCOPED_TRACE(testing::Message() << "prefill " << c.text());
    AttentionData data(c, test::slotsOf(schedule));
    Prefill prefill(data, tile);
    ASSERT_EQ(schedule.groups.size(), prefill.groups());
    prefill.run(schedule, ATTENTION_STATE);
    prefill.check(test::seenKeys(schedule, c.heads, prefill.tileRows()), true);
}

inline uint32_t prefillGroups(const AttentionCase &c) {
    return c.heads / lanes::prefillTile(c.heads / c.kv_heads, c.width()).heads;
}

/// Queries of a tile.
inline uint32_t prefillRows(const AttentionCase &c) {
    return 8 * lanes::prefillTile(c.heads / c.kv_heads, c.width()).rows;
}

inline void checkRandom(AttentionCase c, test::RandomScheduleOptions options, uint32_t seed = 1) {
    test::Random random(seed);
    options.groups = prefillGroups(c);
    options.tile_rows = prefillRows(c);
    lanes_test::checkPrefill(c, test::randomSchedule(c.rows, c.slots, options, random));
}

inline void checkCausal(AttentionCase c, uint32_t position) {
    c.slots = position + c.rows + 9;
    lanes_test::checkPrefill(
        c, test::causalSchedule(c.rows, position, prefillGroups(c), prefillRows(c)));
}

inline void checkDecode(const AttentionCase &c, const Schedule &schedule, uint32_t splits,
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
                                   .head_facts = data.head_facts_buffer.address(),
                                   .splits = splits,
                                   .keys_per_split = keys_per_split,
                                   .heads = c.heads,
                                   .kv_heads = c.kv_heads,
                                   .capacity = c.slots,
                                   .rope_dims = c.rotated(),
                                   .scale = c.scale(),
                                   .position = c.position};
    dispatch(kAttentionDecodeLanes, constantsOf(c, tile, lanes_test::flagsOf(schedule)), params,
             {&partial}, {splits, c.heads / tile.heads});
    auto got = test::download<float>(partial, uint64_t{splits} * c.heads * stride);
    for (auto &[at, keys] : test::seenKeys(schedule, c.heads))
        for (uint32_t split = 0; split < splits; ++split) {
            SCOPED_TRACE(testing::Message() << "split " << split << " head " << at.first);
            size_t begin = std::min<size_t>(keys.size(), uint64_t{split} * keys_per_split);
            size_t end = std::min<size_t>(keys.size(), begin + keys_per_split);
            auto want = data.attend(at.first, 0, std::span(keys).subspan(begin, end - begin), true);
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
inline Schedule decodeSchedule(const AttentionCase &c, test::RandomScheduleOptions options,
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

} // namespace longscope::engine::lanes_test
