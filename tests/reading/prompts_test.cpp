// The prompts: one layout, so that a text that was read serves every task.
#include "compute/reading/prompts.h"

#include <gtest/gtest.h>

namespace longscope::reading {
namespace {

TEST(Prompts, TheTextStandsFirstAndTheTaskLast) {
    document::Document d = document::importText("The pier is old.", "a.txt", false);
    auto summary = summaryPrompt(d, {.words = 90});
    auto question = readingPrompt(d.text, "Is the pier old?");
    ASSERT_EQ(summary.size(), 2u);
    EXPECT_EQ(summary[0].role, "system");
    EXPECT_EQ(summary[0].content, question[0].content);
    std::string shared = std::string(beforeText()) + d.text + "\n\n";
    EXPECT_EQ(summary[1].content, shared + summaryTask({.words = 90}));
    EXPECT_EQ(question[1].content, shared + "Is the pier old?");
    EXPECT_TRUE(summary[1].content.contains("90 words"));
}

TEST(Prompts, HoldWhatTheyAreGivenAndTheWishes) {
    Wording wishes{.words = 50, .style = Style::bullets, .instruction = "  Stress the costs. "};
    for (const auto &prompt :
         {partPrompt("Piers", "A text.", wishes), joinPrompt("A text.", wishes),
          refinePrompt("So far.", "A text.", wishes)}) {
        EXPECT_TRUE(prompt[1].content.contains("A text.\n\n")) << prompt[1].content;
        EXPECT_TRUE(prompt[1].content.contains("about 50 words, as a list")) << prompt[1].content;
        EXPECT_TRUE(prompt[1].content.ends_with(" Stress the costs.")) << prompt[1].content;
        EXPECT_TRUE(prompt[1].content.contains("Use the words of the "));
    }
    EXPECT_TRUE(partPrompt("Piers", "A text.", wishes)[1].content.contains("\"Piers\""));
    EXPECT_TRUE(refinePrompt("So far.", "A text.", wishes)[1].content.contains("So far.\n\n"));
    std::string fact = factPrompt("A text.", {})[1].content;
    EXPECT_EQ(fact,
              "Passage:\nA text.\n\nState the main fact of the passage in one short sentence. "
              "Use the words of the passage.");
    EXPECT_TRUE(factPrompt("A text.", {.language = "German"})[1].content.ends_with(
        "one short sentence. Write in German."));
}

} // namespace
} // namespace longscope::reading
