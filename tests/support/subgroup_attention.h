// Runs the attention kernels of the subgroup family on the cases of tests/support/attention_case.h
// and holds their results against the twin. Results begin poisoned, so that what is not written and
// what is written beside them shows.
#pragma once

#include "compute/engine/kernels.h"
#include "tests/support/attention_case.h"

#include <numbers>

namespace longscope::test {

using attention::Schedule;

// Weights of sum 1 times values of order 1; exp2 of scores up to 5 with errors of 1e-6. Rotations
// have a magnitude of 1.1, which makes scores larger.
constexpr double kSubgroupTolerance = 2e-5;

/// Queries of a tile of prefill and map.
inline uint32_t tileQueries(const AttentionCase &c, uint32_t local) {
    return local / 8 * (c.width() > 256 ? 1 : c.width() > 128 ? 2 : 4);
}

/// Flags that a case and a schedule need.
inline uint32_t flagsOf(const AttentionCase &c, const Schedule &schedule) {
    uint32_t flags = c.rope_dims > 0 ? ATTENTION_RAW_KEYS | (c.neox ? ATTENTION_NEOX : 0) : 0;
    flags |= c.ruleFlags();
    for (const attention::ScheduleRun &run : schedule.runs) {
        flags |= run.zone ? ATTENTION_FAR : 0;
        flags |= run.list != attention::kNone ? ATTENTION_LISTS : 0;
    }
    return flags;
}

inline gpu::Specialization subgroupConstants(const AttentionCase &c, uint32_t local,
                                             uint32_t flags) {
    return {{SPEC_LOCAL_SIZE, local},
            {SPEC_HEAD_DIM, c.width()},
            {SPEC_CACHE_K, static_cast<uint32_t>(c.k_type)},
            {SPEC_CACHE_V, static_cast<uint32_t>(c.v_type)},
            {SPEC_FLAGS, flags}};
}

/// What the parameters of prefill, decode and map have in common.
template <class Params> Params commonParams(const AttentionData &data, const gpu::Buffer &words) {
    Params params{};
    params.q = data.q_buffer.address();
    params.q_far = data.q_far_buffer.address();
    params.k = data.k.planes();
    params.rotation = data.rotation_buffer.address();
    params.rotation_far = data.rotation_far_buffer.address();
    params.schedule = words.address();
    params.heads = data.c.heads;
    params.kv_heads = data.c.kv_heads;
    params.capacity = data.c.slots;
    params.rope_dims = data.c.rotated();
    params.head_facts = data.head_facts_buffer.address();
    params.position = data.c.position;
    params.scale = data.c.scale();
    return params;
}

/// Results of a chunk on the device, with a row and some columns more than there are.
class SubgroupPrefill {
  public:
    explicit SubgroupPrefill(const AttentionData &data, uint32_t local = 128)
        : data_(data), local_(local), stride_(data.c.heads * data.c.head_dim + 5),
          result_(poisoned(uint64_t{data.c.rows + 1} * stride_)),
          state_(poisoned(2 * uint64_t{data.c.rows + 1} * data.c.heads)) {}

    const gpu::Buffer &state() const { return state_; }

    void run(const Schedule &schedule, uint32_t flags) {
        const AttentionCase &c = data_.c;
        ASSERT_EQ(schedule.groups.size(), c.heads);
        gpu::Buffer words = uploadSchedule(schedule);
        auto params = commonParams<params::AttentionPrefill>(data_, words);
        params.v = data_.v.planes();
        params.result = result_.address();
        params.state = state_.address();
        params.head_dim = c.head_dim;
        params.out_stride = stride_;
        runKernel(engine::kAttentionPrefillSubgroup,
                  subgroupConstants(c, local_, flags | flagsOf(c, schedule)), params,
                  {&result_, &state_}, {schedule.mostTiles(), c.heads});
    }

    /// A row without a key must be exactly 0.
    void check(const SeenKeys &seen, bool with_state) const {
        const AttentionCase &c = data_.c;
        auto got = download<float>(result_, uint64_t{c.rows + 1} * stride_);
        auto state = download<float>(state_, 2 * uint64_t{c.rows + 1} * c.heads);
        std::set<uint64_t> written, states;
        for (const auto &[at, keys] : seen) {
            auto [head, row] = at;
            AttentionData::Result want = data_.attend(head, row, keys);
            std::string where = std::format("local {} {}: row {} head {}, sees {} keys", local_,
                                            c.text(), row, head, keys.size());
            double tolerance = keys.empty() ? 0 : kSubgroupTolerance * double{c.peak};
            for (uint32_t i = 0; i < c.head_dim; ++i) {
                uint64_t element = uint64_t{row} * stride_ + head * c.head_dim + i;
                written.insert(element);
                ASSERT_NEAR(double{got[element]}, want.out[i], tolerance) << where << " dim " << i;
            }
            uint64_t own = 2 * (uint64_t{row} * c.heads + head);
            states.insert(own);
            states.insert(own + 1);
            if (with_state)
                checkState(&state[own], want, where);
        }
        for (size_t i = 0; i < got.size(); ++i)
            ASSERT_TRUE(written.contains(i) || isPoison(got[i])) << c.text() << " wrote at " << i;
        for (size_t i = 0; i < state.size(); ++i)
            ASSERT_TRUE((with_state && states.contains(i)) || isPoison(state[i]))
                << c.text() << " wrote a state at " << i;
    }

  private:
    void checkState(const float *state, const AttentionData::Result &want,
                    const std::string &where) const {
        double peak = double{data_.c.peak}, m = double{state[0]}, l = double{state[1]};
        ASSERT_TRUE(std::isfinite(m)) << where;
        ASSERT_NEAR(l, want.l, 2 * peak * kSubgroupTolerance * want.l) << where;
        if (want.l > 0) {
            ASSERT_NEAR(m, want.m * std::numbers::log2e, peak * kSubgroupTolerance) << where;
        }
    }

    const AttentionData &data_;
    uint32_t local_, stride_;
    gpu::Buffer result_, state_;
};

/// One pass over all keys, with its state.
inline void checkPrefill(const AttentionCase &c, const Schedule &schedule, uint32_t local = 128) {
    AttentionData data(c, slotsOf(schedule));
    SubgroupPrefill prefill(data, local);
    prefill.run(schedule, ATTENTION_STATE);
    prefill.check(seenKeys(schedule, c.heads, tileQueries(c, local)), true);
}

struct DecodeTiling {
    uint32_t splits = 1, keys_per_split = 1;
    uint32_t tile_heads = 1, local = 128;
};

/// Every range against the twin, and what AttentionMerge makes of them.
inline void checkDecode(const AttentionCase &c, const Schedule &schedule,
                        const DecodeTiling &tiling) {
    auto [splits, keys_per_split, tile_heads, local] = tiling;
    const uint32_t groups = c.heads / tile_heads, record = c.width() + 2;
    ASSERT_EQ(schedule.groups.size(), groups);
    AttentionData data(c, slotsOf(schedule));
    gpu::Buffer words = uploadSchedule(schedule);
    gpu::Buffer partial = poisoned(uint64_t{splits} * c.heads * record);
    auto params = commonParams<params::AttentionDecode>(data, words);
    params.v = data.v.planes();
    params.partial = partial.address();
    params.splits = splits;
    params.keys_per_split = keys_per_split;
    gpu::Specialization constants = subgroupConstants(c, local, flagsOf(c, schedule));
    constants.emplace_back(SPEC_TILE_A, tile_heads);
    runKernel(engine::kAttentionDecodeSubgroup, constants, params, {&partial}, {splits, groups});

    gpu::Buffer merged = poisoned(c.heads * c.head_dim);
    params::AttentionMerge merge{.partial = partial.address(),
                                 .result = merged.address(),
                                 .head_facts = data.head_facts_buffer.address(),
                                 .splits = splits,
                                 .heads = c.heads,
                                 .head_dim = c.head_dim,
                                 .unused = 0};
    runKernel(engine::kAttentionMerge,
              {{SPEC_LOCAL_SIZE, 64}, {SPEC_HEAD_DIM, c.width()}, {SPEC_FLAGS, c.ruleFlags()}},
              merge, {&merged}, {c.heads});

    auto got = download<float>(partial, uint64_t{splits} * c.heads * record);
    auto all = download<float>(merged, c.heads * c.head_dim);
    for (auto &[at, keys] : seenKeys(schedule, c.heads, 1)) {
        const uint32_t head = at.first;
        std::string where = std::format("decode {} splits {} of {} tile {} local {}: head {}",
                                        c.text(), splits, keys_per_split, tile_heads, local, head);
        for (uint32_t split = 0; split < splits; ++split) {
            size_t begin = std::min<size_t>(keys.size(), uint64_t{split} * keys_per_split);
            size_t end = std::min<size_t>(keys.size(), begin + keys_per_split);
            auto want = data.attend(head, 0, std::span(keys).subspan(begin, end - begin), true);
            const float *own = &got[(uint64_t{split} * c.heads + head) * record];
            for (uint32_t i = 0; i < c.width(); ++i)
                ASSERT_NEAR(double{own[i]}, i < c.head_dim ? want.out[i] : 0,
                            begin < end ? kSubgroupTolerance : 0)
                    << where << " split " << split << " dim " << i;
            ASSERT_TRUE(std::isfinite(own[c.width()])) << where;
            ASSERT_NEAR(double{own[c.width() + 1]}, want.l, kSubgroupTolerance * want.l) << where;
            if (begin < end) {
                ASSERT_NEAR(double{own[c.width()]}, want.m * std::numbers::log2e,
                            kSubgroupTolerance)
                    << where;
            }
        }
        auto want = data.attend(head, 0, keys);
        for (uint32_t i = 0; i < c.head_dim; ++i)
            ASSERT_NEAR(double{all[head * c.head_dim + i]}, want.out[i], kSubgroupTolerance)
                << where << " merged, dim " << i;
    }
}

} // namespace longscope::test
