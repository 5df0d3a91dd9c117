// The schemes of positions that a reader may choose, against values computed independently in
// double precision (published ones where there are), and against attention over the golden fixture.
#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "tests/support/rope_fixture.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <format>
#include <tuple>

namespace longscope::attention {
namespace {

Rope made(std::string_view spec, const RopeSettings &model, uint64_t trained, uint64_t tokens = 0) {
    return makeRope(model, parseRope(spec), trained, tokens);
}

using Wanted = std::vector<std::pair<size_t, double>>; // pair, inverse frequency

void expectFrequencies(const Rope &rope, const Wanted &wanted, double magnitude = 1) {
    for (auto [pair, value] : wanted)
        EXPECT_NEAR(rope.inv_freq.at(pair), value, value * 2e-8) << "pair " << pair;
    expectClose(rope.magnitude, magnitude);
}

TEST(RopeScheme, LinearAndNone) {
    RopeSettings plain = settingsOf(128, 1e4);
    expectFrequencies(made("linear:4", plain, 4096),
                      {{0, 0.25}, {32, 0.0025}, {63, 2.88695496e-5}});
    expectFrequencies(made("linear:1.5", plain, 4096), // dynamic linear at 6144 of 4096 tokens
                      {{0, 0.666666667}, {32, 6.66666667e-3}, {63, 7.69854656e-5}});
    RopeSettings file = settingsOf(128, 1e4, "yarn", 8);
    file.original_context = 4096;
    file.attn_factor = 0.5;
    file.factors.assign(64, 2.0f);
    expectFrequencies(made("none", file, 4096), {{0, 1}, {32, 0.01}, {63, 1.15478198e-4}});
    // Takes the place of the scaling and of its magnitude; the model's own divisors stay.
    expectFrequencies(made("linear:4", file, 4096), {{0, 0.125}, {32, 0.00125}});
}

TEST(RopeScheme, NtkChangesTheBase) {
    RopeSettings plain = settingsOf(128, 1e4);
    expectFrequencies(made("ntk:2", plain, 4096),
                      {{0, 1}, {32, 7.03227548e-3}, {63, 5.77390992e-5}});
    expectFrequencies(made("ntk:4", plain, 4096), {{32, 4.94528984e-3}, {63, 2.88695496e-5}});
    expectFrequencies(made("ntk:8", plain, 4096), {{1, 0.837848002}, {63, 1.44347748e-5}});
    for (auto [alpha, base] : {std::pair{2, 20221.261690}, {4, 40889.942432}, {8, 82684.622641}}) {
        Rope rope = made(std::format("ntk:{}", alpha), plain, 4096);
        expectClose(std::pow(rope.inv_freq[1], -64), base);
        expectClose(rope.inv_freq[63], makeRope(plain).inv_freq[63] / alpha); // exactly the factor
    }
    expectFrequencies(made("ntk:4", settingsOf(2, 1e4), 4096), {{0, 1}}); // one pair: no base
}

TEST(RopeScheme, DynamicNtkFollowsTheTokens) {
    RopeSettings plain = settingsOf(128, 1e4);
    auto baseOf = [](const Rope &rope) { return std::pow(rope.inv_freq[1], -64); };
    expectClose(baseOf(made("dynamic-ntk", plain, 4096, 8192)), 20221.261690);
    Rope three = made("dynamic-ntk:2", plain, 4096, 8192);
    expectClose(baseOf(three), 30527.736749);
    expectFrequencies(three, {{32, 5.72338151e-3}, {63, 3.84927328e-5}});
    Rope thirteen = made("dynamic-ntk:4", plain, 4096, 16384);
    expectClose(baseOf(thirteen), 135401.973042);
    expectFrequencies(thirteen, {{63, 8.88293834e-6}});
    for (uint64_t tokens : {0u, 1u, 4096u})
        EXPECT_EQ(made("dynamic-ntk:2", plain, 4096, tokens).inv_freq, makeRope(plain).inv_freq);
    EXPECT_TRUE(parseRope("dynamic-ntk").followsLength());
    EXPECT_TRUE(parseRope("dynamic-ntk").needsRawKeys());
}

TEST(RopeScheme, NtkByPartsRampsInTheTurns) {
    expectFrequencies(made("ntk-parts:4", settingsOf(128, 1e4), 4096), {{20, 0.0562341325},
                                                                        {30, 5.81583374e-3},
                                                                        {32, 3.83523866e-3},
                                                                        {40, 8.71780112e-4},
                                                                        {46, 3.33380358e-4},
                                                                        {63, 2.88695496e-5}});
}

TEST(RopeScheme, YarnTakesTheFilesPlace) {
    const Wanted ten = {{20, 0.0562341325},
                        {30, 9.48851788e-3},
                        {32, 6.53846154e-3},
                        {45, 4.29402589e-4},
                        {63, 2.88695496e-5}};
    expectFrequencies(made("yarn:4", settingsOf(128, 1e4), 4096), ten, 1.138629436);
    RopeSettings file = settingsOf(128, 1e4, "yarn", 16);
    file.original_context = 4096;
    file.attn_factor = 0.7;
    expectFrequencies(made("yarn:4", file, 65536), ten, 1.138629436); // the factor once, and ours
    expectFrequencies(made("yarn:4", settingsOf(128, 1e6), 32768),
                      {{24, 5.37532149e-3}, {32, 6.02941176e-4}, {63, 3.10234440e-7}}, 1.138629436);
    for (auto [factor, magnitude] :
         {std::pair{2, 1.069314718}, {8, 1.207944154}, {16, 1.277258872}, {32, 1.346573590}})
        expectClose(made(std::format("yarn:{}", factor), settingsOf(128, 1e4), 4096).magnitude,
                    magnitude);
    expectFrequencies(made("yarn:1", settingsOf(128, 1e4), 4096), {{32, 0.01}});
}

TEST(RopeScheme, Llama3) {
    RopeSettings file = settingsOf(128, 5e5);
    file.factors = llama3Factors(128, 5e5, 32); // must not count twice
    const Wanted eight = {{28, 3.21144599e-3}, {29, 2.16657076e-3}, {32, 5.24846161e-4},
                          {34, 1.78507813e-4}, {35, 9.55621235e-5}, {63, 3.06892599e-7}};
    expectFrequencies(made("llama3:8", file, 8192), eight);
    expectFrequencies(made("llama3:8,1,4", file, 8192), eight);
    expectFrequencies(made("llama3:8,1,4,8192", file, 131072), eight);
    file.original_context = 8192;
    expectFrequencies(made("llama3:8", file, 131072), eight);
    Rope plain = made("none", file, 8192), scaled = made("llama3:8", file, 8192);
    const Wanted factors = {{28, 1}, {29, 1.2074839}, {32, 2.6945297}, {34, 5.2573266}, {35, 8}};
    for (auto [pair, factor] : factors)
        EXPECT_NEAR(plain.inv_freq[pair] / scaled.inv_freq[pair], factor, 1e-7 * factor);
    expectFrequencies(
        made("llama3:32", settingsOf(64, 5e5), 8192),
        {{14, 3.21144599e-3}, {16, 4.29556797e-4}, {17, 9.70828780e-5}, {31, 9.41830673e-8}});
}

TEST(RopeScheme, Longrope) {
    RopeSettings file = settingsOf(8, 1e4, "longrope");
    file.long_factors = {1, 1.5f, 3, 8};
    file.short_factors = {1, 1, 1, 2};
    file.original_context = 4096;
    const Wanted far = {{0, 1}, {1, 0.0666666667}, {2, 0.00333333333}, {3, 0.000125}};
    const Wanted near = {{0, 1}, {1, 0.1}, {2, 0.01}, {3, 0.0005}};
    expectFrequencies(made("longrope", file, 131072, 131072), far, 1.1902380714);
    expectFrequencies(made("longrope", file, 131072, 4096), near, 1.1902380714);
    expectFrequencies(made("longrope", file, 32768, 4097), far, 1.1180339887);
    file.original_context = 8192;
    expectFrequencies(made("longrope", file, 32768, 8193), far, 1.0741723111);
    expectFrequencies(made("longrope", file, 8192, 8192), near);
    // What is allocated counts: 256 tokens at a time.
    file.original_context = 4000;
    expectFrequencies(made("model", file, 32768, 3840), near);
    expectFrequencies(made("model", file, 32768, 3841), far);
    file.original_context = 8192;
    // As in the file: its own magnitude, none when it says none; rope_freqs are not read.
    file.factors = {9, 9, 9, 9};
    expectFrequencies(made("model", file, 32768, 8193), far);
    file.attn_factor = 1.25;
    expectFrequencies(made("model", file, 32768, 8192), near, 1.25);
    expectFrequencies(made("longrope", file, 32768, 8193), far, 1.25);
    file.scaling = "none"; // such files have the factors and do not use them
    file.attn_factor = 1;
    expectFrequencies(made("model", file, 32768, 8193), {{3, 0.001 / 9}});
}

TEST(RopeScheme, ModelIsTheFile) {
    RopeSettings file = settingsOf(128, 1e4, "yarn", 4);
    file.original_context = 4096;
    file.attn_factor = 0.5;
    file.factors.assign(64, 1.5f);
    Rope wanted = makeRope(file);
    for (const char *spec : {"model", "self-extend:2,4", "rerope:8", "leaky-rerope:8,2"}) {
        Rope rope = made(spec, file, 16384, 99999);
        EXPECT_EQ(rope.inv_freq, wanted.inv_freq) << spec;
        EXPECT_EQ(rope.magnitude, wanted.magnitude) << spec;
    }
}

/// rel(i, j) under a scheme, far zone included.
double relative(const RopeScheme &scheme, uint64_t query, uint64_t key) {
    return query - key < scheme.nearKeys() ? static_cast<double>(query - key)
                                           : scheme.farQuery(query) - scheme.farKey(key);
}

std::vector<double> relativeRow(std::string_view spec, uint64_t query) {
    RopeScheme scheme = parseRope(spec);
    std::vector<double> row;
    for (uint64_t key = 0; key <= query; ++key)
        row.push_back(relative(scheme, query, key));
    return row;
}

TEST(RopeScheme, FarZones) {
    using Distances = std::vector<double>;
    EXPECT_EQ(relativeRow("self-extend:2,4", 7), (Distances{5, 5, 4, 4, 3, 2, 1, 0}));
    EXPECT_EQ(relativeRow("self-extend:2,4", 9), (Distances{6, 6, 5, 5, 4, 4, 3, 2, 1, 0}));
    EXPECT_EQ(relativeRow("rerope:4", 9), (Distances{4, 4, 4, 4, 4, 4, 3, 2, 1, 0}));
    EXPECT_EQ(relativeRow("leaky-rerope:4,2", 9), (Distances{6.5, 6, 5.5, 5, 4.5, 4, 3, 2, 1, 0}));
    const Distances plain = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    for (const char *spec : {"model", "self-extend:1,4", "rerope:10", "leaky-rerope:4,1", "yarn:4"})
        EXPECT_EQ(relativeRow(spec, 9), plain) << spec;
    EXPECT_EQ(relativeRow("self-extend:3,4", 9), // 4 - floor(4/3) = 3
              (Distances{6, 6, 6, 5, 5, 5, 3, 2, 1, 0}));
}

TEST(RopeScheme, ReachAndRawKeys) {
    const std::tuple<const char *, uint64_t, bool> wanted[] = {
        {"model", 4096, false},
        {"none", 4096, false},
        {"linear:2", 8192, false},
        {"ntk:2.5", 10240, false},
        {"dynamic-ntk", UINT64_MAX, true},
        {"ntk-parts:4", 16384, false},
        {"yarn:4", 16384, false},
        {"llama3:8,1,4,2048", 32768, false},
        {"longrope", 4096, false},
        {"self-extend:5,1024", 16384, true},
        {"self-extend:5,4096", 4096, true},
        {"rerope:1024", UINT64_MAX, true},
        {"leaky-rerope:1024,16", 50176, true}};
    for (auto [spec, reach, raw] : wanted) {
        EXPECT_EQ(parseRope(spec).reach(4096), reach) << spec;
        EXPECT_EQ(parseRope(spec).needsRawKeys(), raw) << spec;
        EXPECT_EQ(parseRope(spec).spec, spec);
    }
}

TEST(RopeScheme, RefusesWithThePart) {
    const std::pair<const char *, const char *> wrong[] = {
        {"", "'' is not known (known: model, none, linear"},
        {"yarnn:2", "'yarnn' is not known"},
        {"yarn", "'yarn' has 0 numbers, expected yarn:FACTOR"},
        {"yarn:", "'' is not a number"},
        {"yarn:2,3", "has 2 numbers, expected yarn:FACTOR"},
        {"yarn:0.5", "the factor is 0.5, expected a number from 1 to"},
        {"yarn:nan", "'nan' is not a number"},
        {"yarn:2x", "'2x' is not a number"},
        {"model:1", "has 1 numbers, expected model"},
        {"self-extend:2", "expected self-extend:GROUP,NEAR"},
        {"self-extend:2.5,4", "the group is 2.5, expected a whole number"},
        {"rerope:0", "the number of near keys is 0"},
        {"leaky-rerope:4,0", "the factor is 0"},
        {"llama3:8,1", "expected llama3:FACTOR[,LOW,HIGH[,CONTEXT]]"},
        {"llama3:8,4,4", "LOW is 4, expected a number below HIGH, 4"}};
    for (auto [spec, part] : wrong) {
        try {
            parseRope(spec);
            ADD_FAILURE() << spec << " was taken";
        } catch (const Error &error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
            EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
                << error.what() << "\nhas no: " << part;
        }
    }
    try {
        made("longrope", settingsOf(8, 1e4), 4096, 4096);
        ADD_FAILURE() << "a file without factors was taken";
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
}

TEST(RopeScheme, Proposals) {
    const std::tuple<uint64_t, uint64_t, const char *> wanted[] = {
        {8192, 1, "model"},
        {8192, 8192, "model"},
        {8192, 8193, "yarn:1.5"},
        {8192, 12288, "yarn:1.5"},
        {8192, 16384, "yarn:2"},
        {8192, 16385, "yarn:2.5"},
        {8192, 32768, "yarn:4"},
        {8192, 32769, "self-extend:8,1536"},
        {8192, 8192 * 100, "rerope:1536"}};
    for (auto [trained, tokens, spec] : wanted)
        EXPECT_EQ(proposeRope(trained, tokens).spec, spec) << trained << " " << tokens;
    // Whatever is proposed can be read, and reaches.
    for (uint64_t trained : {2u, 7u, 512u, 2048u, 8192u, 131072u})
        for (uint64_t tokens : {1u, 100u, 513u, 4000u, 40000u, 300000u}) {
            RopeProposal proposal = proposeRope(trained, tokens);
            EXPECT_FALSE(proposal.reason.empty());
            EXPECT_GE(parseRope(proposal.spec).reach(trained), tokens)
                << proposal.spec << " for " << trained << ", " << tokens;
        }
}

/// The fixture with q rotated by rel(i, j) and k as it is (methods.md 3.13).
Golden attendRelative(std::string_view spec, const RopeSettings &model, uint64_t tokens = 8) {
    RopeScheme scheme = parseRope(spec);
    Rope rope = makeRope(model, scheme, 8, tokens);
    Golden golden{{}, 0};
    for (uint64_t i = 0; i < 8; ++i) {
        Row out{};
        double sum = 0;
        for (uint64_t j = 0; j <= i; ++j) {
            std::array<double, 1> position = {relative(scheme, i, j)};
            std::array<float, 4> rotation{};
            fillRotation(rope, position, rotation);
            auto x = static_cast<double>(i), y = static_cast<double>(j);
            Row q, k, v;
            for (size_t at = 0; at < 4; ++at) {
                auto c = static_cast<double>(at);
                q[at] = std::sin(0.7 * x + 1.3 * c);
                k[at] = std::cos(0.5 * y - 0.9 * c) * rope.magnitude; // on q it is in the rotation
                v[at] = std::sin(0.3 * y * c + 0.2 * y + 0.1);
            }
            q = rotate(q, rotation.data(), false);
            double weight = std::exp((q[0] * k[0] + q[1] * k[1] + q[2] * k[2] + q[3] * k[3]) / 2);
            sum += weight;
            for (size_t c = 0; c < 4; ++c)
                out[c] += weight * v[c];
        }
        for (size_t c = 0; c < 4; ++c) {
            out[c] /= sum;
            golden.checksum += static_cast<double>((i + 1) * (c + 1)) * out[c];
        }
        golden.last = out;
    }
    return golden;
}

TEST(RopeScheme, GoldensOfAttention) {
    const std::tuple<const char *, Row, double> wanted[] = {
        {"model", {0.746076, 0.464956, -0.086168, 0.136054}, 117.117270},
        {"linear:2", {0.714639, 0.376388, -0.191109, 0.150361}, 95.863983},
        {"ntk:2", {0.745172, 0.465646, -0.083718, 0.137145}, 117.364964},
        {"self-extend:2,4", {0.704180, 0.471555, -0.016727, 0.183468}, 119.611732},
        {"rerope:4", {0.673673, 0.464760, 0.014220, 0.207225}, 122.701944},
        {"leaky-rerope:4,2", {0.713567, 0.474246, -0.023870, 0.181489}, 120.777286},
        {"rerope:8", {0.746076, 0.464956, -0.086168, 0.136054}, 117.117270},
        {"self-extend:1,4", {0.746076, 0.464956, -0.086168, 0.136054}, 117.117270}};
    for (const auto &[spec, last, checksum] : wanted) {
        Golden golden = attendRelative(spec, settingsOf(4, 1e4));
        for (size_t c = 0; c < 4; ++c)
            EXPECT_NEAR(golden.last[c], last[c], 2e-6) << spec << " column " << c;
        EXPECT_NEAR(golden.checksum, checksum, 1e-4) << spec;
    }
    RopeSettings with_magnitude = settingsOf(4, 1e4, "linear", 2);
    with_magnitude.attn_factor = 1.0693147;
    EXPECT_NEAR(attendRelative("model", with_magnitude).checksum, 93.285240, 1e-4);
}

TEST(RopeScheme, RotationAtAnyPositions) {
    Rope rope = makeRope(settingsOf(4, 1e4));
    std::vector<float> table(3 * 4), whole(3 * 4);
    fillRotation(rope, 5, 3, whole);
    fillRotation(rope, std::array<double, 3>{5, 6, 7}, table);
    EXPECT_EQ(table, whole);
    std::vector<float> half(4);
    fillRotation(rope, std::array<double, 1>{-2.5}, half);
    EXPECT_NEAR(half[0], std::cos(2.5), 1e-7);
    EXPECT_NEAR(half[1], -std::sin(2.5), 1e-7);
}

} // namespace
} // namespace longscope::attention
