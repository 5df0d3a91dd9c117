// The kernels that choose experts, sort their rows and add their results, against their twins.
#include "compute/engine/kernels.h"
#include "compute/reference/experts.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <format>
#include <set>

namespace longscope::test {
namespace {

using Chance = reference::RouteShape::Chance;
using Weight = reference::RouteShape::Weight;

struct RouteCase {
    reference::RouteShape shape;
    bool bias = false;
    bool ties = false; ///< z are multiples of 1/2

    std::string describe(uint32_t rows, uint32_t local) const {
        return std::format("route {} of {} rows {} local {} chance {} weight {} normalize {} bias "
                           "{} groups {} of {} ties {}",
                           shape.used, shape.experts, rows, local, static_cast<int>(shape.chance),
                           static_cast<int>(shape.weight), shape.normalize, bias, shape.groups_used,
                           shape.groups, ties);
    }
};

uint32_t flagsOf(const RouteCase &c) {
    uint32_t flags = (c.bias ? ROUTE_BIAS : 0u) | (c.shape.normalize ? ROUTE_NORMALIZE : 0u);
    if (c.shape.chance != Chance::logits)
        flags |= c.shape.chance == Chance::softmax ? ROUTE_SOFTMAX : ROUTE_SIGMOID;
    if (c.shape.weight != Weight::chance)
        flags |= c.shape.weight == Weight::softmax_of_chosen ? ROUTE_SOFTMAX_SELECTED
                                                             : ROUTE_SIGMOID_SELECTED;
    return flags;
}

struct Results {
    std::vector<uint32_t> ids;
    std::vector<float> weights;
};

/// z [rows, stride]; one row more than needed is made, which must stay poison.
Results runRoute(const RouteCase &c, const std::vector<float> &z, uint32_t stride,
                 const std::vector<float> &bias, uint32_t rows, uint32_t local) {
    auto used = static_cast<uint32_t>(c.shape.used);
    gpu::Buffer z_buffer = upload(z), bias_buffer = upload(bias);
    gpu::Buffer ids = poisoned((rows + 1) * used), weights = poisoned((rows + 1) * used);
    params::Route params{.z = z_buffer.address(),
                         .bias = bias_buffer.address(),
                         .ids = ids.address(),
                         .weights = weights.address(),
                         .rows = rows,
                         .experts = static_cast<uint32_t>(c.shape.experts),
                         .used = used,
                         .z_stride = stride,
                         .groups = static_cast<uint32_t>(c.shape.groups),
                         .groups_used = static_cast<uint32_t>(c.shape.groups_used),
                         .factor = static_cast<float>(c.shape.factor),
                         .unused = 0};
    runKernel(engine::kRoute, {{SPEC_LOCAL_SIZE, local}, {SPEC_FLAGS, flagsOf(c)}}, params,
              {&ids, &weights}, {rows});
    Results got{download<uint32_t>(ids, (rows + 1) * used),
                download<float>(weights, (rows + 1) * used)};
    for (uint32_t j = 0; j < used; ++j) {
        EXPECT_EQ(got.ids[rows * used + j], kPoison) << c.describe(rows, local);
        EXPECT_TRUE(isPoison(got.weights[rows * used + j])) << c.describe(rows, local);
    }
    got.ids.resize(rows * used);
    got.weights.resize(rows * used);
    return got;
}

void checkRoute(const RouteCase &c, uint32_t rows, uint32_t local) {
    auto experts = static_cast<uint32_t>(c.shape.experts);
    Random random(experts * 31 + rows);
    uint32_t stride = engine::padded(experts);
    std::vector<float> dense = random.normals(rows * experts), bias = random.normals(experts);
    for (float &value : dense)
        value = c.ties ? std::round(2 * value) / 2 : 2 * value;
    std::vector<float> z(rows * stride, std::nanf("")); // padding must not count
    for (uint32_t i = 0; i < rows; ++i)
        std::copy_n(&dense[i * experts], experts, &z[i * stride]);
    Results got = runRoute(c, z, stride, bias, rows, local);
    reference::Routed wanted = reference::route(
        dense, c.bias ? std::span<const float>(bias) : std::span<const float>(), c.shape);
    EXPECT_EQ(got.ids, wanted.ids) << c.describe(rows, local);
    // exp of up to |z| = 10 in f32, summed, divided twice.
    expectClose(
        got.weights, wanted.weights,
        [&](size_t i) { return 1e-5 * std::abs(static_cast<double>(wanted.weights[i])) + 1e-7; },
        c.describe(rows, local));
}

std::vector<RouteCase> rulesFor(uint64_t experts, uint64_t used) {
    reference::RouteShape shape{.experts = experts, .used = used};
    std::vector<RouteCase> rules;
    for (bool normalize : {false, true})
        for (Chance chance : {Chance::softmax, Chance::sigmoid}) {
            shape.normalize = normalize;
            shape.chance = chance;
            rules.push_back({shape, false, true});
            shape.factor = 2.5;
            rules.push_back({shape, true, false});
        }
    rules.push_back({{.experts = experts,
                      .used = used,
                      .chance = Chance::logits,
                      .weight = Weight::softmax_of_chosen},
                     false,
                     true});
    rules.push_back({{.experts = experts,
                      .used = used,
                      .chance = Chance::logits,
                      .weight = Weight::sigmoid_of_z},
                     false,
                     true});
    return rules;
}

} // namespace

TEST(RouteKernel, EveryRuleAtOddSizes) {
    for (auto [experts, used] : {std::pair{4u, 1u}, {4u, 4u}, {7u, 2u}, {64u, 8u}, {160u, 8u}})
        for (const RouteCase &c : rulesFor(experts, used))
            for (uint32_t rows : {1u, 3u, 33u, 200u})
                checkRoute(c, rows, rows == 33 ? 64 : 8);
}

TEST(RouteKernel, MostExpertsAndWorkgroupSizes) {
    for (uint32_t local : {8u, 64u, 128u})
        for (const RouteCase &c : rulesFor(ROUTE_MAX_EXPERTS, ROUTE_MAX_USED))
            checkRoute(c, 3, local);
}

TEST(RouteKernel, GroupsOfExperts) {
    struct Groups {
        uint32_t experts, used, groups, groups_used;
    };
    for (Groups g : {Groups{64, 8, 8, 4},
                     {160, 6, 8, 3},
                     {6, 2, 6, 2},
                     {6, 2, 3, 1},
                     {512, 32, 128, 100},
                     {7, 1, 7, 7}})
        for (Chance chance : {Chance::softmax, Chance::sigmoid, Chance::logits})
            for (uint32_t local : {8u, 64u}) {
                RouteCase c{.shape = {.experts = g.experts,
                                      .used = g.used,
                                      .chance = chance,
                                      .normalize = true,
                                      .groups = g.groups,
                                      .groups_used = g.groups_used},
                            .bias = chance == Chance::sigmoid,
                            .ties = chance == Chance::logits};
                checkRoute(c, 33, local);
            }
}

/// A case for the eye: the bias chooses, P weighs, and equals keep their order.
TEST(RouteKernel, BiasChoosesOnly) {
    RouteCase c{.shape = {.experts = 4, .used = 2, .chance = Chance::sigmoid}, .bias = true};
    Results got = runRoute(c, {0, 0, 0, 0}, 4, {0, 0, 1, 0}, 1, 8);
    EXPECT_EQ(got.ids, (std::vector<uint32_t>{2, 0}));
    EXPECT_EQ(got.weights, (std::vector<float>{0.5f, 0.5f}));
}

/// Whatever the router says, ids name experts, each once.
TEST(RouteKernel, SurvivesWhatIsNoNumber) {
    const float nan = std::nanf(""), inf = INFINITY;
    for (Chance chance : {Chance::softmax, Chance::sigmoid, Chance::logits})
        for (uint32_t groups : {1u, 2u})
            for (uint32_t local : {8u, 64u}) {
                RouteCase c{.shape = {.experts = 10,
                                      .used = 5,
                                      .chance = chance,
                                      .groups = groups,
                                      .groups_used = 1}};
                std::vector<float> z = {nan,  nan,  nan, nan,  nan,  nan,  nan,  nan,  nan,  nan,
                                        -inf, -inf, 1,   -inf, -inf, -inf, -inf, -inf, -inf, -inf,
                                        inf,  nan,  2,   -inf, nan,  3,    nan,  inf,  0,    -inf};
                Results got = runRoute(c, z, 10, {}, 3, local);
                for (size_t row = 0; row < 3; ++row) {
                    std::set<uint32_t> seen(&got.ids[row * 5], &got.ids[row * 5] + 5);
                    EXPECT_EQ(seen.size(), 5u) << c.describe(3, local) << " row " << row;
                    EXPECT_LT(*seen.rbegin(), 10u) << c.describe(3, local) << " row " << row;
                }
            }
}

namespace {

void checkGroup(const std::vector<uint32_t> &ids, uint32_t experts, uint32_t tile_rows,
                uint32_t local, const std::string &name) {
    auto assignments = static_cast<uint32_t>(ids.size());
    uint32_t tiles = groupsFor(assignments, tile_rows) + std::min(experts, assignments);
    gpu::Buffer in = upload(ids), order = poisoned(assignments + 1);
    gpu::Buffer table = poisoned((tiles + 1) * GROUP_TILE_WORDS);
    params::Group params{.ids = in.address(),
                         .order = order.address(),
                         .tiles = table.address(),
                         .assignments = assignments,
                         .experts = experts,
                         .tile_rows = tile_rows,
                         .tiles_made = tiles};
    runKernel(engine::kGroup, {{SPEC_LOCAL_SIZE, local}}, params, {&order, &table}, {1});

    std::string parameters = std::format("group {} assignments {} experts {} tile {} local {}",
                                         name, assignments, experts, tile_rows, local);
    std::vector<uint32_t> got = download<uint32_t>(order, assignments + 1);
    EXPECT_EQ(got.back(), kPoison) << parameters;
    got.pop_back();
    ASSERT_EQ(got, reference::groupByExpert(ids)) << parameters;
    std::vector<uint32_t> words = download<uint32_t>(table, (tiles + 1) * GROUP_TILE_WORDS);
    EXPECT_EQ(words[tiles * GROUP_TILE_WORDS], kPoison) << parameters;
    uint32_t next = 0; // tiles follow one another and cover the order
    for (uint32_t tile = 0; tile < tiles; ++tile) {
        const uint32_t *own = &words[tile * GROUP_TILE_WORDS];
        if (next == assignments) {
            EXPECT_EQ(own[2], 0u) << parameters << " tile " << tile;
            continue;
        }
        ASSERT_EQ(own[1], next) << parameters << " tile " << tile;
        ASSERT_TRUE(own[2] > 0 && own[2] <= tile_rows) << parameters << " tile " << tile;
        for (uint32_t i = 0; i < own[2]; ++i)
            ASSERT_EQ(ids[got[next + i]], own[0]) << parameters << " tile " << tile;
        next += own[2];
        bool is_last = next == assignments || ids[got[next]] != own[0];
        EXPECT_TRUE(own[2] == tile_rows || is_last) << parameters << " tile " << tile;
    }
    EXPECT_EQ(next, assignments) << parameters;
}

} // namespace

TEST(GroupKernel, RandomUnevenAndExtreme) {
    Random random(4);
    for (uint32_t local : {8u, 64u, 128u})
        for (uint32_t experts : {4u, 7u, 160u, 512u})
            for (uint32_t assignments : {1u, 2u, 66u, 1600u, 6400u}) {
                std::vector<uint32_t> ids(assignments);
                for (uint32_t &id : ids)
                    id = random.below(experts);
                checkGroup(ids, experts, 16, local, "random");
                for (uint32_t &id : ids) // few get most, many get none
                    id = id * id / experts * id / experts;
                checkGroup(ids, experts, 32, local, "uneven");
                std::ranges::fill(ids, experts - 1);
                checkGroup(ids, experts, 16, local, "all to the last");
            }
}

TEST(CombineKernel, WeightsFactorAndSum) {
    Random random(5);
    for (uint32_t used : {1u, 2u, 8u})
        for (uint32_t flags : {0, COMBINE_ADD, COMBINE_WEIGHTS, COMBINE_ADD | COMBINE_WEIGHTS})
            for (uint32_t rows : {1u, 3u, 33u}) {
                constexpr uint32_t kColumns = 96, kYStride = 128, kXStride = 160;
                std::vector<float> y = random.normals(rows * used * kYStride);
                std::vector<float> weights = random.normals(rows * used);
                std::vector<float> x = random.normals(rows * kXStride), dense, base;
                for (uint32_t a = 0; a < rows * used; ++a)
                    dense.insert(dense.end(), &y[a * kYStride], &y[a * kYStride] + kColumns);
                for (uint32_t i = 0; i < rows; ++i)
                    base.insert(base.end(), &x[i * kXStride], &x[i * kXStride] + kColumns);
                gpu::Buffer y_buffer = upload(y), weights_buffer = upload(weights);
                gpu::Buffer x_buffer = upload(x);
                params::Combine params{.y = y_buffer.address(),
                                       .weights = weights_buffer.address(),
                                       .x = x_buffer.address(),
                                       .rows = rows,
                                       .columns = kColumns,
                                       .used = used,
                                       .y_stride = kYStride,
                                       .x_stride = kXStride,
                                       .factor = 0.5f};
                runKernel(engine::kCombine, {{SPEC_LOCAL_SIZE, 8}, {SPEC_FLAGS, flags}}, params,
                          {&x_buffer}, {groupsFor(kColumns / 4, 8), rows});
                std::vector<float> wanted = reference::combine(
                    dense, flags & COMBINE_WEIGHTS ? weights : std::vector<float>{},
                    flags & COMBINE_ADD ? base : std::vector<float>{}, used, kColumns, 0.5);
                std::vector<float> expected = x; // columns beyond stay as they were
                for (uint32_t i = 0; i < rows; ++i)
                    std::copy_n(&wanted[i * kColumns], kColumns, &expected[i * kXStride]);
                expectClose(
                    download<float>(x_buffer, x.size()), expected,
                    [](size_t) { return 4e-6; }, // sums of at most 9 terms near 1
                    std::format("combine used {} flags {} rows {}", used, flags, rows));
            }
}

} // namespace longscope::test
