// Conversation memory with a model that counts words: what is kept, what comes back, and the
// promises that hold whatever is said (methods of rolling compaction).
#include "compute/reading/conversation_memory.h"
#include "tests/support/errors.h"
#include "tests/support/scripted_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>

namespace longscope::reading {
namespace {

using testing::ScriptedModel;

const char *kNoReply = "";
ScriptedModel silent() {
    return ScriptedModel([](const std::string &) { return std::string(kNoReply); });
}

std::string filler(int i, int words) {
    std::string text = std::format("Remark {} is about", i);
    for (int w = 0; w < words; ++w)
        text += std::format(" thing{}", (i * 31 + w * 7) % 97);
    return text + ".";
}

/// `count` exchanges of about `words` words a turn; the newest turn is a question.
void talk(ConversationMemory &memory, int count, int words, const std::string &question) {
    for (int i = 0; i < count; ++i) {
        memory.add({"user", filler(2 * i, words)});
        memory.add({"assistant", filler(2 * i + 1, words)});
    }
    memory.add({"user", question});
}

std::string joined(const std::vector<model::Message> &messages) {
    std::string text;
    for (const model::Message &message : messages)
        text += message.role + ": " + message.content + "\n";
    return text;
}

TEST(Turns, Bm25AsCalculatedByHand) {
    using Words = std::vector<std::string>;
    std::vector<Words> texts = {{"the", "cat", "sat", "on", "the", "mat"},
                                {"the", "dog", "sat", "on", "the", "log"},
                                {"cats", "and", "dogs", "are", "pets"}};
    std::vector<double> scores = bm25(texts, Words{"cat", "sat"});
    EXPECT_NEAR(scores[0], 1.416740, 1e-6);
    EXPECT_NEAR(scores[1], 0.458959, 1e-6);
    EXPECT_EQ(scores[2], 0);
}

TEST(Turns, AreFoundByTheirWords) {
    std::vector<Turn> turns = {{"user", "My sister Vera keeps bees near Lund."},
                               {"assistant", "That is nice. How many colonies has she?"},
                               {"user", "Eleven colonies, and 25 kilograms of honey."},
                               {"assistant", "A good year."}};
    std::vector<FoundTurn> found = findTurns(turns, "How many colonies of bees did Vera keep?");
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].turn, 0u);
    EXPECT_GT(found[0].share, 0.5);
    EXPECT_EQ(findTurns(turns, "11")[0].turn, 2u); // "eleven"
    EXPECT_TRUE(findTurns(turns, "the of and").empty());
    EXPECT_TRUE(findTurns({}, "bees").empty());
}

TEST(Turns, GiveTheirFactsInOrderWithinTheBudget) {
    std::vector<Turn> turns = {
        {"user", "Hello there! My name is Ada. Can you help me?"},
        {"assistant", "Of course I can help you with that, what is it about today?"},
        {"user", "I fly to Oslo on 14 May.\n```\nint secret = 5;\n```"},
        {"assistant", "You fly to Oslo on 14 May."},
        {"user", "PIN 1234 must stay.", true}};
    auto words = [](std::string_view text) { return plainWords(text).size(); };
    std::vector<TurnSentence> chosen = chooseTurnSentences(turns, 20, words);
    EXPECT_EQ(chosen,
              (std::vector<TurnSentence>{{0, "My name is Ada."}, {2, "I fly to Oslo on 14 May."}}));
    EXPECT_EQ(listSentences(chosen, turns),
              "- turn 1, user: My name is Ada.\n- turn 3, user: I fly to Oslo on 14 May.\n");
    for (uint64_t budget : {0u, 3u, 8u, 15u, 40u, 100u})
        EXPECT_LE(words(listSentences(chooseTurnSentences(turns, budget, words), turns)), budget);
    std::string all = listSentences(chooseTurnSentences(turns, 1000, words), turns);
    EXPECT_FALSE(all.contains("secret"));
    EXPECT_FALSE(all.contains("1234"));
    EXPECT_EQ(std::ranges::count(all, '\n'), std::ranges::count(all, '-'));
}

TEST(ConversationMemory, LeavesShortOnesAlone) {
    ScriptedModel model = silent();
    ConversationMemory memory(model, {});
    memory.system = "Be kind.";
    memory.documents = "A document.\n\n";
    talk(memory, 3, 10, "What now?");
    auto prepared = memory.prepare({}, {});
    EXPECT_FALSE(prepared.compacted);
    EXPECT_TRUE(prepared.recalled.empty());
    ASSERT_EQ(prepared.messages.size(), 8u);
    EXPECT_EQ(prepared.messages[0].content, "Be kind.");
    EXPECT_EQ(prepared.messages[1].content, "A document.\n\n" + memory.turns()[0].text);
    EXPECT_EQ(prepared.messages[7].content, "What now?");
    EXPECT_EQ(prepared.tokens, model.countPrompt(prepared.messages));
    EXPECT_FALSE(memory.undo());
}

TEST(ConversationMemory, CompactsTheOldestAndKeepsTheLast) {
    ScriptedModel model = silent();
    ConversationMemory memory(model, {.reply_tokens = 100});
    memory.documents = "The whole document stands here.\n\n";
    memory.add({"user", "My name is Ada and I live in Lund."});
    memory.add({"assistant", "Nice to meet you."});
    talk(memory, 9, 38, "And what about thing5?");
    std::vector<Turn> before = memory.turns();
    auto prepared = memory.prepare({}, {});
    ASSERT_TRUE(prepared.compacted);
    const Compaction &made = *prepared.compacted;
    EXPECT_TRUE(made.quoted);
    EXPECT_EQ(made.depth, 1u);
    EXPECT_GE(made.end, 2u);
    EXPECT_LE(made.end, before.size() - 4);
    EXPECT_EQ(before[made.end].role, "user");
    std::string text = joined(prepared.messages);
    EXPECT_TRUE(text.contains("- turn 1, user: My name is Ada and I live in Lund."));
    EXPECT_TRUE(text.contains(memory.documents));
    for (size_t i = made.end; i < before.size(); ++i)
        EXPECT_TRUE(text.contains(before[i].text)) << i;
    EXPECT_LE(prepared.tokens, 600u); // half of the window, and what was recalled
    for (size_t i = 1; i < prepared.messages.size(); ++i)
        EXPECT_NE(prepared.messages[i].role, prepared.messages[i - 1].role);
    // Each sentence is one of its turn.
    for (const TurnSentence &sentence : made.sentences)
        EXPECT_TRUE(before[sentence.turn].text.contains(sentence.text));
    // The turns are as they were, and all come back.
    for (size_t i = 0; i < before.size(); ++i)
        EXPECT_EQ(memory.turns()[i].text, before[i].text);
    EXPECT_TRUE(memory.undo());
    EXPECT_EQ(memory.compaction(), nullptr);
    // Not compacted again at once: the window is not truly full yet.
    EXPECT_FALSE(memory.prepare({}, {}).compacted);
}

TEST(ConversationMemory, PromisesHoldInLongDialogues) {
    for (uint64_t window : {300u, 700u, 2000u})
        for (int words : {8, 30, 60}) {
            ScriptedModel model = silent();
            model.window_tokens = window;
            ConversationMemory memory(model, {.reply_tokens = 50});
            const std::string pinned = "Pinned:  two  spaces,\n\ttabs & \"quotes\" — kept.";
            memory.add({"user", pinned, true});
            memory.add({"assistant", "Yes."});
            size_t last_end = 0;
            for (int i = 0; i < 60; ++i) {
                memory.add({"user", filler(i, words)});
                auto prepared = memory.prepare({}, {});
                ASSERT_LE(prepared.tokens + 50, window) << i;
                ASSERT_EQ(prepared.tokens, model.countPrompt(prepared.messages));
                std::string text = joined(prepared.messages);
                ASSERT_TRUE(text.contains(pinned)) << i;
                ASSERT_TRUE(prepared.messages.back().content.ends_with(memory.turns().back().text));
                if (const Compaction *made = memory.compaction()) {
                    EXPECT_EQ(made->depth, 1u);
                    EXPECT_GE(made->end, last_end);
                    last_end = made->end;
                    EXPECT_LE(model.countTokens(listSentences(made->sentences, memory.turns())),
                              window * 15 / 100);
                }
                memory.add({"assistant", filler(i + 500, words)});
            }
            EXPECT_GT(last_end, 0u);
            std::vector<Turn> all = memory.turns();
            while (memory.undo()) {
            }
            EXPECT_EQ(all.size(), 122u);
        }
}

TEST(ConversationMemory, RecallsWhatTheQuestionIsAbout) {
    ScriptedModel model = silent();
    model.window_tokens = 600;
    ConversationMemory memory(model, {.reply_tokens = 50, .summary_share = 0.02});
    talk(memory, 2, 30, "The boiler in the cellar is a Viessmann from 1998.");
    memory.add({"assistant", "Noted."});
    talk(memory, 8, 30, "Good.");
    memory.prepare({}, {});
    ASSERT_TRUE(memory.compaction());
    memory.add({"assistant", "Yes."});
    memory.add({"user", "From which year is the boiler?"});
    auto prepared = memory.prepare({}, {});
    ASSERT_FALSE(prepared.recalled.empty());
    EXPECT_EQ(prepared.recalled[0], 4u);
    EXPECT_TRUE(prepared.messages.back().content.contains(
        "From earlier turns:\n- turn 5, user: The boiler in the cellar is a Viessmann from 1998."));
    EXPECT_TRUE(prepared.messages.back().content.ends_with("From which year is the boiler?"));
    memory.add({"assistant", "1998."});
    memory.add({"user", "Tell me a joke."});
    EXPECT_TRUE(memory.prepare({}, {}).recalled.empty());
}

TEST(ConversationMemory, LargeModelsWriteInTheirWordsToABoundedDepth) {
    int calls = 0;
    ScriptedModel model([&](const std::string &prompt) {
        EXPECT_TRUE(prompt.contains("turn "));
        ++calls;
        return std::format("They spoke of thing{} for the {}th time.", calls % 90, calls);
    });
    model.parameters = 7'000'000'000;
    model.window_tokens = 500;
    ConversationMemory memory(model, {.reply_tokens = 50});
    unsigned deepest = 0;
    bool quoted_again = false;
    for (int i = 0; i < 80; ++i) {
        memory.add({"user", filler(i, 30)});
        auto prepared = memory.prepare({}, {});
        ASSERT_LE(prepared.tokens + 50, 500u);
        if (prepared.compacted) {
            deepest = std::max(deepest, prepared.compacted->depth);
            quoted_again = quoted_again || prepared.compacted->quoted;
            for (const TurnSentence &sentence : prepared.compacted->sentences)
                EXPECT_LT(sentence.turn, prepared.compacted->end);
        }
        memory.add({"assistant", filler(i + 200, 30)});
    }
    EXPECT_GT(calls, 3);
    EXPECT_EQ(deepest, 3u);
    EXPECT_TRUE(quoted_again); // instead of a fourth time: from the turns themselves
}

TEST(ConversationMemory, RefusesWhatCannotFit) {
    ScriptedModel model = silent();
    model.window_tokens = 200;
    ConversationMemory memory(model, {.reply_tokens = 40});
    talk(memory, 3, 10, filler(1, 400));
    std::string error = errorOf(ErrorKind::usage, [&] { memory.prepare({}, {}); });
    EXPECT_TRUE(holds(error, "window of 200 has room for 160")) << error;
    EXPECT_EQ(memory.compaction(), nullptr);
}

TEST(ConversationMemory, TakesOnlyKeptCompactionsThatFit) {
    ScriptedModel model = silent();
    ConversationMemory memory(model, {});
    talk(memory, 3, 5, "What?");
    memory.restore({{.end = 2, .sentences = {{0, "a"}}},
                    {.end = 3, .sentences = {}},
                    {.end = 4, .sentences = {{9, "b"}}},
                    {.end = 700, .sentences = {}},
                    {.end = 0, .sentences = {}}});
    ASSERT_EQ(memory.compactions().size(), 1u);
    EXPECT_EQ(memory.compaction()->end, 2u);
}

} // namespace
} // namespace longscope::reading
