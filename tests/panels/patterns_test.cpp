// The panel of attention settings: its forms, its pictures, prices, and the comparison.
#include "tests/panels/lab_stage.h"

#include "compute/attention/choose.h"
#include "ui/panels/patterns.h"
#include "ui/panels/patterns_spec.h"
#include "ui/widgets/mask_picture.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<PatternsPanel>;
constexpr const char *kSettings = "//Patterns/##tabs/Settings/##settings";

TEST(PatternForms, EveryStandardSpecCanBeRead) {
    for (const SpecForm &form : attentionForms()) {
        if (form.free_text)
            continue;
        std::string spec = makeSpec(form, numbersOf(form, ""));
        EXPECT_EQ(checkAttention(spec, 12), "") << spec;
        EXPECT_EQ(numbersOf(form, spec), numbersOf(form, "")) << spec;
        EXPECT_EQ(findForm(attentionForms(), spec), &form);
    }
    for (const SpecForm &form : ropeForms())
        EXPECT_EQ(checkRope(makeSpec(form, numbersOf(form, ""))), "") << form.name;
    for (const SpecForm &form : evictionForms())
        EXPECT_EQ(checkEviction(makeSpec(form, numbersOf(form, ""))), "") << form.name;
}

TEST(PatternForms, NumbersAreWrittenWithTheirSeparators) {
    auto written = [](const char *name, std::vector<double> numbers) {
        return makeSpec(*findForm(attentionForms(), name), numbers);
    };
    EXPECT_EQ(written("sinks", {4, 508}), "sinks:4+508");
    EXPECT_EQ(written("dilated", {64, 3}), "dilated:64x3");
    EXPECT_EQ(written("strided", {128, 1}), "strided:128,code");
    EXPECT_EQ(written("strided", {128, 0}), "strided:128");
    EXPECT_EQ(written("xattention", {0.85, 8, 64}), "xattention:0.85,8,64");
    EXPECT_EQ(makeSpec(*findForm(ropeForms(), "llama3"), std::vector<double>{8, 2, 4}),
              "llama3:8,2,4");
}

TEST(PatternForms, RulesByLayersSplitAndJoin) {
    std::vector<LayerRule> rules = splitRules("window:256@0-3,8 blocks:/a@b/mask.txt");
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_EQ(rules[0].spec, "window:256");
    EXPECT_EQ(rules[0].layers, "0-3,8");
    EXPECT_EQ(rules[1].spec, "blocks:/a@b/mask.txt");
    EXPECT_EQ(joinRules(rules), "window:256@0-3,8 blocks:/a@b/mask.txt");
    EXPECT_NE(checkAttention("window:256@12", 12), "");
}

TEST(MaskPicture, DotsAreWhatTheDefinitionSees) {
    for (const char *spec : {"full", "window:7", "dilated:5x3", "strided:8", "fixed:8,2",
                             "bigbird:4,2,1,2", "shifted:12", "mixed:window:9#0|sinks:2+5"}) {
        if (std::string(spec).starts_with("mixed"))
            continue; // sinks cannot be mixed by heads
        attention::Pattern pattern(spec);
        for (uint32_t kind = 0; kind < pattern.headKinds(); ++kind) {
            MaskCells cells = countMask(pattern, kind, 48, 48);
            ASSERT_EQ(cells.dot_tokens, 1u);
            for (uint32_t query = 0; query < 48; ++query)
                for (uint32_t key = 0; key < 48; ++key) {
                    float wanted = key > query                      ? -1.0F
                                   : pattern.sees(kind, query, key) ? 1.0F
                                                                    : 0.0F;
                    ASSERT_EQ(cells.share[query * 48 + key], wanted)
                        << spec << " kind " << kind << " query " << query << " key " << key;
                }
        }
    }
}

TEST(PatternsPanel, ChoosingAndMovingAsksForThePrice) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("price", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Patterns");
        ctx->Yield(2);
        choose(ctx, kSettings, "##columns/Pattern", "Window");
        ctx->Yield(2);
        ASSERT_FALSE(stage.all<command::AskPrice>().empty());
        EXPECT_EQ(stage.all<command::AskPrice>().back().settings.attention, "window:1024");
        ctx->ItemInputValue("**/Window", 256);
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::AskPrice>().back().settings.attention, "window:256");
        ctx->ItemInputValue("**/Layers", "0-3,8");
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::AskPrice>().back().settings.attention, "window:256@0-3,8");
        EXPECT_EQ(stage.panel.draft().attention, "window:256@0-3,8");
        // Dragging asks when it was quiet or let go, not in each frame.
        size_t asked = stage.all<command::AskPrice>().size();
        ctx->ItemDragWithDelta("**/Window", {60, 0});
        ctx->Yield(2);
        EXPECT_NE(stage.panel.draft().attention, "window:256@0-3,8");
        EXPECT_LE(stage.all<command::AskPrice>().size(), asked + 2);
        EXPECT_EQ(stage.all<command::AskPrice>().back().settings.attention,
                  stage.panel.draft().attention);
    });
}

TEST(PatternsPanel, AppliesAndGoesBack) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("apply", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Patterns");
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Apply"));
        ctx->ItemInputValue("**/##Pattern as text", "sinks:4+508");
        ctx->Yield(2);
        ctx->ItemClick("**/Apply");
        auto applied = stage.all<command::ApplySettings>();
        ASSERT_EQ(applied.size(), 1u);
        EXPECT_EQ(applied[0].settings.attention, "sinks:4+508");
        ctx->ItemClick("**/Reset");
        EXPECT_EQ(stage.panel.draft(), stage.snapshot.patterns.applied);
        // What is applied from elsewhere is followed while nothing was moved here.
        stage.snapshot.patterns.applied.attention = "window:512";
        ctx->Yield(2);
        EXPECT_EQ(stage.panel.draft().attention, "window:512");
    });
}

TEST(PatternsPanel, WrongTextCannotBeApplied) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("wrong", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Patterns");
        ctx->Yield(2);
        size_t asked = stage.all<command::AskPrice>().size();
        ctx->ItemInputValue("**/##Pattern as text", "window:");
        ctx->Yield(3);
        EXPECT_TRUE(isDisabled(ctx, "**/Apply"));
        keepPicture(harness.picture(ctx, "Patterns"), "patterns_wrong");
        for (size_t i = asked; i < stage.all<command::AskPrice>().size(); ++i)
            EXPECT_EQ(checkAttention(stage.all<command::AskPrice>()[i].settings.attention, 12), "");
        auto price = std::make_shared<Price>();
        price->settings = stage.panel.draft();
        ctx->ItemInputValue("**/##Pattern as text", "window:64");
        ctx->Yield(2);
        price->settings = stage.panel.draft();
        price->problem = "It does not fit.";
        stage.snapshot.patterns.price = price;
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Apply"));
    });
}

TEST(PatternsPanel, RulesForSomeLayersAndTheProposal) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("rules", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Patterns");
        ctx->Yield(2);
        ctx->ItemClick("**/Use yarn:2");
        EXPECT_EQ(stage.panel.draft().rope, "yarn:2");
        ctx->ItemInputValue("**/Factor", 4);
        EXPECT_EQ(stage.panel.draft().rope, "yarn:4");
        ctx->ItemClick("**/Another rule for some layers");
        EXPECT_EQ(stage.panel.draft().attention, "full full@0-5");
        choose(ctx, kSettings, "##columns/Pattern", "Chunks");
        EXPECT_EQ(stage.panel.draft().attention, "full chunked:1024@0-5");
        ctx->ItemClick("**/Remove this rule");
        EXPECT_EQ(stage.panel.draft().attention, "full");
        choose(ctx, kSettings, "##columns/Keys", "q8_0");
        EXPECT_EQ(stage.panel.draft().k, "q8_0");
        choose(ctx, kSettings, "##columns/Throw away", "H2O: heavy hitters, while reading");
        EXPECT_EQ(stage.panel.draft().evict, "h2o:1024");
        ctx->ItemUncheck("**/Window: as much as the text needs");
        EXPECT_EQ(stage.panel.draft().window_tokens, 8192u);
        ctx->ItemInputValue("**/Window of tokens", 4096);
        EXPECT_EQ(stage.panel.draft().window_tokens, 4096u);
    });
}

TEST(PatternsPanel, ComparesTwoSettings) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("compare", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Patterns");
        ctx->Yield(2);
        ctx->ItemInputValue("**/##Pattern as text", "window:512");
        ctx->ItemClick("**/Compare A and B");
        ctx->Yield(2);
        EXPECT_FALSE(isDisabled(ctx, "**/Run both"));
        ctx->ItemInputValue("**/A/Pattern", "nonsense");
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Run both"));
        ctx->ItemClick("**/A/Take what is applied");
        ctx->ItemClick("**/##prompt");
        ctx->KeyCharsReplace("Who keeps the light?");
        ctx->ItemInputValue("**/Reply", 100);
        ctx->ItemClick("**/Run both");
        auto asked = stage.all<command::Compare>();
        ASSERT_EQ(asked.size(), 1u);
        EXPECT_EQ(asked[0].a.attention, "full");
        EXPECT_EQ(asked[0].b.attention, "window:512");
        EXPECT_EQ(asked[0].prompt, "Who keeps the light?");
        EXPECT_EQ(asked[0].reply_tokens, 100u);
        keepPicture(harness.picture(ctx, "Patterns"), "patterns_compare");
    });
}

TEST(PatternsPanel, FirstDifferenceIsOnACharactersBorder) {
    EXPECT_EQ(firstDifference("abc", "abd"), 2u);
    EXPECT_EQ(firstDifference("abc", "abc"), std::string::npos);
    EXPECT_EQ(firstDifference("abc", "abcd"), 3u);
    EXPECT_EQ(firstDifference("xä", "xö"), 1u); // both begin with the same byte
    EXPECT_NE(explainKl(0.1).find("90 %"), std::string::npos);
}

} // namespace
} // namespace longscope::tests
