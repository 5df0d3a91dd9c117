// Settings of attention: words and options, prices, applying, comparing two ways.
#include "app/desk/parts.h"
#include "tests/desk/instruments.h"

namespace longscope::test {
namespace {

using app::SettingsPart;

TEST(DeskSettings, WordsAndOptionsSayTheSame) {
    ui::AttentionSettings settings{.attention = "window:256@0 sinks:4+60@1",
                                   .rope = "yarn:4",
                                   .evict = "none",
                                   .k = "q8_0",
                                   .v = "q4_0",
                                   .window_tokens = 4000};
    EXPECT_EQ(SettingsPart::fromOptions(SettingsPart::toOptions(settings)), settings);
    EXPECT_EQ(SettingsPart::fromOptions(SettingsPart::toOptions({})), ui::AttentionSettings{});
    auto told = [](const ui::AttentionSettings &wrong) -> std::string {
        try {
            SettingsPart::toOptions(wrong);
        } catch (const Error &error) {
            return error.what();
        }
        return "";
    };
    EXPECT_TRUE(told({.attention = "windo:3"}).starts_with("attention: "));
    EXPECT_TRUE(told({.rope = "yarn:x"}).starts_with("positions: "));
    EXPECT_TRUE(told({.evict = "h2o"}).starts_with("eviction: "));
    EXPECT_TRUE(told({.k = "f8"}).starts_with("keys: 'f8'"));
    EXPECT_TRUE(told({.v = "f8"}).starts_with("values: 'f8'"));
}

TEST(DeskSettings, APriceHasPairsBytesAndWhatStandsAgainstIt) {
    InstrumentsDesk made;
    made.paste(sentences(12));
    uint64_t read = made.read()->attention.timeline->tokens();
    auto ask = [&](const ui::AttentionSettings &settings) {
        made.desk->push(command::AskPrice{settings});
        return made
            .wait([&](const ui::Snapshot &s) {
                return s.patterns.price && s.patterns.price->settings == settings;
            })
            ->patterns.price;
    };
    auto full = ask({.window_tokens = 1000});
    EXPECT_EQ(full->problem, "");
    EXPECT_EQ(full->window_tokens, 1000u);
    EXPECT_EQ(full->full_pairs, 2 * 1000.0 * 1001 / 2);
    EXPECT_EQ(full->pairs, full->full_pairs);
    auto window = ask({.attention = "window:100", .window_tokens = 1000});
    EXPECT_LT(window->pairs, full->pairs / 4);
    EXPECT_LT(window->cache_bytes, full->cache_bytes);
    EXPECT_LT(window->flops, full->flops);
    EXPECT_EQ(window->read_again_tokens, read);
    EXPECT_GT(window->read_again_seconds, 0); // from the speed of the reading before
    auto same = ask({});
    EXPECT_EQ(same->read_again_tokens, 0u);
    EXPECT_NE(ask({.window_tokens = 9000})->problem.find("rope"), std::string::npos);
    auto far = ask({.rope = "yarn:1.5", .window_tokens = 9000});
    EXPECT_EQ(far->problem, "");
    EXPECT_NE(far->warning, "");
    EXPECT_NE(ask({.attention = "nonsense"})->problem, "");
    EXPECT_NE(ask({.attention = "window:64", .evict = "h2o:64"})->problem, "");
}

TEST(DeskSettings, AppliedSettingsForgetWhatWasReadAndRefusedOnesChangeNothing) {
    InstrumentsDesk made;
    made.paste(sentences(12));
    made.read();
    EXPECT_EQ(made.desk->snapshot()->patterns.applied, ui::AttentionSettings{});
    ui::AttentionSettings windowed{.attention = "window:64", .k = "q8_0", .v = "q8_0"};
    made.desk->push(command::ApplySettings{windowed});
    auto snapshot = made.wait(
        [&](const ui::Snapshot &s) { return s.patterns.applied == windowed && !s.busy(); });
    EXPECT_FALSE(snapshot->attention.timeline);
    EXPECT_EQ(snapshot->memory.used_tokens, 0u);
    EXPECT_TRUE(made.hasNotice(*snapshot, "will be read again")) << made.notices(*snapshot);
    made.desk->push(command::ApplySettings{{.rope = "self-extend:4,64", .evict = "h2o:64"}});
    snapshot = made.wait(
        [&](const ui::Snapshot &s) { return made.hasNotice(s, "Apply settings: ") && !s.busy(); });
    EXPECT_EQ(snapshot->patterns.applied, windowed);
    EXPECT_GT(made.read()->memory.forgotten_tokens, 0u);
}

TEST(DeskSettings, TheModelsPositionsAndAProposalForALongDocument) {
    InstrumentsDesk made;
    made.paste(sentences(200)); // about 7000 tokens of a byte each
    made.load();
    auto snapshot = made.wait([](const ui::Snapshot &s) {
        auto shown = s.documents.shown();
        return shown && shown->token_starts;
    });
    made.desk->push(command::AskPrice{});
    snapshot = made.wait([](const ui::Snapshot &s) { return s.patterns.price != nullptr; });
    EXPECT_EQ(snapshot->patterns.rope.dims, 64u);
    EXPECT_EQ(snapshot->patterns.trained_tokens, 4096u);
    ASSERT_TRUE(snapshot->patterns.proposal);
    EXPECT_FALSE(snapshot->patterns.proposal->reason.empty());
    EXPECT_NE(snapshot->patterns.price->problem, ""); // the document does not fit as it is
}

TEST(DeskSettings, TwoWaysAreComparedOnTheSamePrompt) {
    InstrumentsDesk made;
    made.paste(sentences(10));
    made.desk->push(command::Compare{
        .a = {}, .b = {.attention = "window:32"}, .prompt = "How much?", .reply_tokens = 12});
    auto snapshot = made.wait([](const ui::Snapshot &s) {
        return s.patterns.comparison && !s.patterns.comparison->running && !s.busy();
    });
    const ui::Comparison &compared = *snapshot->patterns.comparison;
    EXPECT_EQ(compared.document, snapshot->documents.current);
    EXPECT_EQ(compared.a.error, "");
    EXPECT_EQ(compared.b.error, "");
    EXPECT_GT(compared.a.prompt_tokens, 300u);
    EXPECT_EQ(compared.a.written_tokens, 12u);
    EXPECT_FALSE(compared.a.text.empty());
    EXPECT_GT(compared.a.prompt_seconds, 0);
    EXPECT_LT(compared.b.pairs, compared.a.pairs);
    EXPECT_FALSE(compared.a.kl);
    ASSERT_TRUE(compared.b.kl);
    EXPECT_GT(*compared.b.kl, 1e-4);

    // The same way twice predicts the same.
    made.desk->push(command::Compare{.a = {}, .b = {}, .prompt = "How much?", .reply_tokens = 4});
    snapshot = made.wait([](const ui::Snapshot &s) {
        const auto &now = s.patterns.comparison;
        return now->b.settings.attention == "full" && !now->running && !s.busy();
    });
    ASSERT_TRUE(snapshot->patterns.comparison->b.kl);
    EXPECT_NEAR(*snapshot->patterns.comparison->b.kl, 0, 1e-9);
    EXPECT_EQ(snapshot->patterns.comparison->a.text, snapshot->patterns.comparison->b.text);

    // A refused side leaves the other alone.
    made.desk->push(command::Compare{.a = {.rope = "self-extend:4,64", .evict = "h2o:64"},
                                     .b = {},
                                     .prompt = "Again?",
                                     .reply_tokens = 4});
    snapshot = made.wait([](const ui::Snapshot &s) {
        return s.patterns.comparison->prompt == "Again?" && !s.patterns.comparison->running;
    });
    EXPECT_NE(snapshot->patterns.comparison->a.error, "");
    EXPECT_EQ(snapshot->patterns.comparison->b.error, "");
    EXPECT_FALSE(snapshot->patterns.comparison->b.text.empty());
}

} // namespace
} // namespace longscope::test
