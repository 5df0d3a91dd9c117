// Measured readings, the fit of speeds, kernel times, the self-test.
#include "app/desk/sweep.h"
#include "tests/desk/instruments.h"

#include <chrono>

namespace longscope::test {
namespace {

using Clock = std::chrono::steady_clock;

TEST(DeskMeasurements, SpeedsAreFoundFromDotsThatFollowThem) {
    attention::ModelShape shape{.layers = 2,
                                .model_dim = 256,
                                .ffn_dim = 512,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = 64,
                                .head_dim_padded = 64,
                                .vocab = 271};
    double speed = 5e9, pair_seconds = 3e-9;
    const double token_flops = attention::linearFlops(shape),
                 pair_flops = shape.layers * attention::attentionFlops(shape, 1);
    std::vector<ui::CostDot> dots;
    for (double n : {256.0, 1024.0, 4096.0})
        dots.push_back({.attention = "full",
                        .tokens = static_cast<uint64_t>(n),
                        .seconds = n * token_flops / speed + n * (n + 1) / 2 * pair_seconds,
                        .pairs = n * (n + 1) / 2});
    app::Speeds speeds = app::fitSpeeds(dots, token_flops, pair_flops);
    EXPECT_NEAR(speeds.linear_flops_per_second, speed, 1e-6 * speed);
    EXPECT_NEAR(speeds.pair_seconds, pair_seconds, 1e-6 * pair_seconds);
    dots.resize(1); // one dot does not part them: both get the same FLOPs a second, and it fits
    speeds = app::fitSpeeds(dots, token_flops, pair_flops);
    EXPECT_NEAR(speeds.pair_seconds * speeds.linear_flops_per_second, pair_flops, 1e-3);
    auto tokens = static_cast<double>(dots[0].tokens);
    EXPECT_NEAR(tokens * token_flops / speeds.linear_flops_per_second +
                    dots[0].pairs * speeds.pair_seconds,
                dots[0].seconds, 1e-6 * dots[0].seconds);
    EXPECT_EQ(app::fitSpeeds({}, token_flops, pair_flops).linear_flops_per_second, 0);
}

TEST(DeskMeasurements, ASweepPutsDotsThatAgreeWithTheFormulas) {
    InstrumentsDesk made;
    made.desk->push(command::Sweep{{"full", "window:64"}, {512, 128}});
    auto snapshot =
        made.wait([](const ui::Snapshot &s) { return s.cost.dots.size() == 4 && !s.busy(); });
    const ui::Cost &cost = snapshot->cost;
    EXPECT_EQ(cost.layers(), 2u);
    EXPECT_GT(cost.chunk_tokens, 0u);
    EXPECT_GT(cost.flops_per_second, 0);
    EXPECT_GT(cost.bytes_per_second, 0);
    EXPECT_GT(cost.linear_flops_per_second, 0);
    EXPECT_EQ(cost.dots.front().tokens, 128u); // short ones first
    for (const ui::CostDot &dot : cost.dots) {
        EXPECT_GT(dot.seconds, 0);
        EXPECT_GT(dot.cache_bytes, 0u);
        auto n = static_cast<double>(dot.tokens);
        double least = dot.attention == "full" ? n * (n + 1) / 2 : 64 * n - 64.0 * 63 / 2;
        EXPECT_GE(dot.pairs, least * 0.999) << dot.attention << " " << dot.tokens;
        EXPECT_LE(dot.pairs, n * (n + 64)) << dot.attention << " " << dot.tokens;
    }
    made.desk->push(command::Sweep{{"full"}, {128}}); // takes the place of the one before
    made.idle();
    EXPECT_EQ(made.desk->snapshot()->cost.dots.size(), 4u);
    made.desk->push(command::ClearSweep{});
    made.wait([](const ui::Snapshot &s) { return s.cost.dots.empty(); });
}

TEST(DeskMeasurements, ASweepStopsAtOnceAndKeepsItsDots) {
    InstrumentsDesk made;
    made.desk->push(command::Sweep{{"full"}, {64, 200000}}); // beyond the positions: work counts
    made.wait([](const ui::Snapshot &s) {
        return s.cost.dots.size() == 1 && s.busy() && s.tasks.front().progress.done > 0 &&
               s.tasks.front().progress.total == 200000;
    });
    auto start = Clock::now();
    made.desk->push(command::Stop{});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return !s.busy(); });
    EXPECT_LT(Clock::now() - start, 1s); // 200 ms on a quiet machine
    std::printf("stopped after %.0f ms\n",
                std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    EXPECT_EQ(snapshot->cost.dots.size(), 1u);
    EXPECT_TRUE(snapshot->notices.empty()) << made.notices(*snapshot);
}

TEST(DeskMeasurements, KernelTimesOfAChunkAndAToken) {
    InstrumentsDesk made;
    made.desk->push(command::RunProfile{});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.machine.profile && !s.busy(); });
    const ui::Profile &profile = *snapshot->machine.profile;
    EXPECT_GT(profile.chunk_tokens, 0u);
    ASSERT_FALSE(profile.chunk.empty());
    ASSERT_FALSE(profile.token.empty());
    double most = profile.chunk.front().milliseconds;
    for (const ui::KernelTime &time : profile.chunk) {
        EXPECT_LE(time.milliseconds, most);
        EXPECT_GT(time.dispatches, 0u);
    }
    EXPECT_GT(profile.chunk.front().gflops, 0);
}

TEST(DeskMeasurements, TheSelfTestHasAReportToCopy) {
    InstrumentsDesk made;
    made.desk->push(command::RunSelfTest{});
    auto snapshot = made.wait(
        [](const ui::Snapshot &s) { return s.machine.self_test && s.machine.self_test->finished; });
    const ui::SelfTest &test = *snapshot->machine.self_test;
    EXPECT_FALSE(test.running);
    EXPECT_GT(test.lines.size(), 10u);
    for (const auto &line : test.lines)
        EXPECT_EQ(line.failure, "") << line.kernel;
    EXPECT_NE(test.report.find("driver:"), std::string::npos);
    EXPECT_NE(test.report.find("agree with their twins"), std::string::npos) << test.report;
}

} // namespace
} // namespace longscope::test
