// What models do to scores (soft cap, ALiBi, sinks), heads of every size and rotations that begin
// inside a head: prefill and decode of both kernel families against the twin.
#include "tests/support/device.h"
#include "tests/support/lanes_attention.h"
#include "tests/support/subgroup_attention.h"

namespace longscope::test {
namespace {

namespace lanes_test = engine::lanes_test;

/// Each rule alone, then all of them.
std::vector<AttentionCase> withRules(const AttentionCase &plain) {
    std::vector<AttentionCase> cases(4, plain);
    cases[0].cap = 2.5f;
    cases[0].peak = 3; // most scores are near the cap
    cases[1].slopes = true;
    cases[2].sinks = true;
    cases[3].cap = 4;
    cases[3].slopes = cases[3].sinks = true;
    for (AttentionCase &c : cases)
        c.position = 45;
    return cases;
}

void checkRandomSubgroup(const AttentionCase &c, RandomScheduleOptions options, uint32_t seed) {
    Random random(seed);
    options.groups = c.heads;
    options.tile_rows = tileQueries(c, 128);
    checkPrefill(c, randomSchedule(c.rows, c.slots, options, random));
}

/// One query after `position` keys, in `splits` ranges.
void checkDecodeSubgroup(const AttentionCase &c, uint32_t splits, uint32_t tile_heads) {
    checkDecode(c, causalSchedule(1, c.position, c.heads / tile_heads, 1),
                {splits, groupsFor(c.position + 1, splits), tile_heads, 128});
}

void checkDecodeLanes(const AttentionCase &c, uint32_t splits, uint32_t key_groups) {
    uint32_t heads = engine::lanes::decodeHeads(c.heads / c.kv_heads, c.width());
    lanes_test::checkDecode(c, causalSchedule(1, c.position, c.heads / heads), splits,
                            groupsFor(c.position + 1, splits), key_groups);
}

TEST(AttentionRules, LanesPrefill) {
    for (const AttentionCase &c :
         withRules({.rows = 21, .slots = 70, .heads = 6, .kv_heads = 2, .head_dim = 48}))
        for (bool special : {false, true})
            lanes_test::checkRandom(c, {.lists = special, .zones = special}, 3);
}

TEST(AttentionRules, SubgroupPrefill) {
    for (const AttentionCase &c :
         withRules({.rows = 71, .slots = 70, .heads = 4, .kv_heads = 2, .head_dim = 48}))
        for (bool special : {false, true})
            checkRandomSubgroup(c, {.lists = special, .zones = special}, 3);
}

// A sink counts once, in the first of several passes.
TEST(AttentionRules, PassesThatGoOn) {
    AttentionCase c{.rows = 19, .slots = 60, .heads = 3, .kv_heads = 1, .head_dim = 80};
    c = withRules(c)[3];
    auto runBoth = [&](auto &prefill, uint32_t groups, uint32_t tile_rows, const Schedule &first,
                       const Schedule &second) {
        prefill.run(first, ATTENTION_STATE);
        prefill.run(second, ATTENTION_CONTINUE | ATTENTION_STATE);
        SeenKeys seen = seenKeys(first, c.heads, tile_rows);
        for (auto &[at, keys] : seenKeys(second, c.heads, tile_rows))
            seen[at].insert(seen[at].end(), keys.begin(), keys.end());
        ASSERT_EQ(first.groups.size(), groups);
        prefill.check(seen, true);
    };
    std::set<uint64_t> all;
    for (uint64_t slot = 0; slot < c.slots; ++slot)
        all.insert(slot);
    AttentionData data(c, all);
    for (bool lanes : {true, false}) {
        uint32_t groups = lanes ? lanes_test::prefillGroups(c) : c.heads;
        uint32_t tile_rows = lanes ? lanes_test::prefillRows(c) : tileQueries(c, 128);
        Random random(5);
        RandomScheduleOptions options{.groups = groups, .most_runs = 2, .tile_rows = tile_rows};
        Schedule first = randomSchedule(c.rows, c.slots, options, random);
        Schedule second = randomSchedule(c.rows, c.slots, options, random);
        if (lanes) {
            lanes_test::Prefill prefill(data, {});
            runBoth(prefill, groups, tile_rows, first, second);
        } else {
            SubgroupPrefill prefill(data);
            runBoth(prefill, groups, tile_rows, first, second);
        }
    }
}

TEST(AttentionRules, Decode) {
    for (AttentionCase c : withRules({.rows = 1, .slots = 260, .heads = 6, .kv_heads = 2}))
        for (uint32_t position : {0u, 45u, 250u}) {
            c.position = position;
            checkDecodeLanes(c, 3, 1 + position % 2);
            checkDecodeSubgroup(c, 3, 3);
        }
}

// 20: padded; 320: a lane's dims lie in three blocks of a quantised row; 576: latent attention.
TEST(AttentionRules, HeadsOfEverySize) {
    size_t turn = 0;
    for (uint32_t head_dim : {20u, 192u, 320u, 512u, 576u}) {
        constexpr CacheType kTypes[] = {CacheType::q8_0, CacheType::f16, CacheType::q4_0,
                                        CacheType::bf16, CacheType::f32};
        AttentionCase c{.rows = 35, .slots = 60, .heads = 4, .kv_heads = 2};
        c.head_dim = head_dim;
        c.k_type = kTypes[turn % 5];
        c.v_type = kTypes[++turn % 5];
        c.position = 20;
        lanes_test::checkPrefill(
            c, causalSchedule(9, 20, lanes_test::prefillGroups(c), lanes_test::prefillRows(c)));
        checkPrefill(c, causalSchedule(c.rows, 20, c.heads, tileQueries(c, 128)));
        c.rows = 1;
        c.position = 55;
        checkDecodeLanes(c, 2, 1);
        checkDecodeSubgroup(c, 2, 2);
        if (HasFatalFailure())
            return;
    }
}

// Raw keys whose last dimensions are rotated (latent attention), or some in the middle.
TEST(AttentionRules, RotationInsideAHead) {
    struct Rotated {
        uint32_t head_dim, first, dims;
    };
    for (auto [head_dim, first, dims] : {Rotated{96, 64, 32}, {576, 512, 64}, {64, 10, 22}}) {
        AttentionCase c{.rows = 9, .slots = 50, .heads = 2, .kv_heads = 1, .head_dim = head_dim};
        c.k_type = c.v_type = head_dim == 96 ? CacheType::q8_0 : CacheType::f16;
        c.rope_first = first;
        c.rope_dims = dims;
        c.position = 40;
        lanes_test::checkRandom(c, {.zones = true}, 2);
        checkRandomSubgroup(c, {.zones = true}, 2);
        c.rows = 1;
        checkDecodeLanes(c, 2, 1);
        checkDecodeSubgroup(c, 2, 2);
        if (HasFatalFailure())
            return;
    }
}

} // namespace
} // namespace longscope::test
