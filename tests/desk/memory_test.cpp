// Memory as it is booked, measured and forecast: the three must agree.
#include "tests/desk/instruments.h"

#include <algorithm>

namespace longscope::test {
namespace {

uint64_t bytesOf(const std::vector<ui::MemoryPart> &parts, const std::string &name) {
    for (const ui::MemoryPart &part : parts)
        if (part.name == name)
            return part.bytes;
    return 0;
}

TEST(DeskMemory, WhatIsBookedIsMeasuredAndLiesOnTheForecast) {
    InstrumentsDesk made;
    made.paste(sentences(12));
    made.read();
    auto snapshot = made.wait([](const ui::Snapshot &s) {
        return s.memory.forecast && s.memory.forecast->longest.size() == 3 && !s.busy();
    });
    const ui::Memory &memory = snapshot->memory;
    ASSERT_GE(memory.now.size(), 3u);
    EXPECT_EQ(memory.now[0].name, "weights");
    EXPECT_EQ(memory.now[1].name, "kv cache");
    EXPECT_EQ(memory.now[2].name, "scratch");
    ASSERT_TRUE(memory.measured);
    ASSERT_EQ(memory.measured->size(), 1u);
    EXPECT_EQ(memory.measured->front().tokens, memory.window_tokens);
    EXPECT_EQ(bytesOf(memory.measured->front().parts, "kv cache"), bytesOf(memory.now, "kv cache"));
    EXPECT_GE(memory.budget_bytes, memory.measured->front().total());
    EXPECT_GT(memory.device_bytes, 0u);
    EXPECT_GT(memory.host_bytes, 1u << 20);
    EXPECT_GT(memory.host_total_bytes, memory.host_bytes);
    ASSERT_TRUE(memory.samples);
    EXPECT_FALSE(memory.samples->empty());
    EXPECT_EQ(memory.warning, "");

    const ui::MemoryForecast &forecast = *memory.forecast;
    EXPECT_EQ(forecast.setting, "full, cache f16");
    EXPECT_GE(forecast.points.size(), 20u);
    EXPECT_EQ(forecast.points.back().tokens, 8192u); // twice the trained window
    EXPECT_TRUE(std::ranges::is_sorted(forecast.points, {}, &ui::MemoryPoint::tokens));
    EXPECT_EQ(bytesOf(forecast.points.back().parts, "weights"), bytesOf(memory.now, "weights"));
    EXPECT_EQ(forecast.layer_bytes.size(), 2u);
    EXPECT_EQ(forecast.layer_bytes[0] + forecast.layer_bytes[1], bytesOf(memory.now, "kv cache"));
    EXPECT_EQ(forecast.reach, 4096u);
    const auto &full = forecast.longest.front();
    EXPECT_EQ(full.pattern, "full");
    ASSERT_EQ(full.tokens.size(), 5u);
    EXPECT_LT(full.tokens[0], full.tokens[1]); // f32 takes more than f16
    EXPECT_LT(full.tokens[1], full.tokens[4]); // and that more than q4_0
}

TEST(DeskMemory, AForecastOfOtherSettingsIsAsked) {
    InstrumentsDesk made;
    made.load();
    made.desk->push(command::ForecastMemory{
        .settings = {.attention = "window:256", .k = "q8_0", .v = "q8_0"}, .most_tokens = 4096});
    auto snapshot = made.wait([](const ui::Snapshot &s) {
        return s.memory.forecast && s.memory.forecast->setting == "window:256, cache q8_0" &&
               s.memory.forecast->longest.size() == 4;
    });
    const ui::MemoryForecast &forecast = *snapshot->memory.forecast;
    EXPECT_EQ(forecast.longest.front().pattern, "window:256");
    EXPECT_EQ(forecast.points.back().tokens, 4096u);
    EXPECT_EQ(forecast.reach, UINT64_MAX);
    EXPECT_LT(forecast.layer_tokens[0], 4096u); // a ring
    made.desk->push(command::ForecastMemory{.settings = {.attention = "window:-3"}});
    made.wait([&](const ui::Snapshot &s) { return made.hasNotice(s, "Attention: "); });
    made.desk->push(command::UnloadModel{});
    made.wait([](const ui::Snapshot &s) { return !s.model && !s.memory.forecast; });
}

TEST(DeskMemory, AWindowThatWillNotFitIsWarnedOf) {
    engine::SessionOptions session;
    session.context_tokens = uint64_t{1} << 31; // nobody has so much
    session.rope = attention::RopeScheme{};
    InstrumentsDesk made({}, session);
    made.load();
    auto snapshot = made.wait([](const ui::Snapshot &s) { return !s.memory.warning.empty(); });
    EXPECT_NE(snapshot->memory.warning.find("A window of 2147483648 tokens will not fit"),
              std::string::npos)
        << snapshot->memory.warning;
}

} // namespace
} // namespace longscope::test
