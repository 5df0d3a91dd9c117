// Summaries of documents that do not fit, by each of the ways: told before they begin, shown in
// calls and tokens, and gone on with when they were stopped.
#include "tests/desk/chat_fixture.h"

#include <algorithm>

namespace longscope::app {
namespace {

class StrategyTest : public ChatTest {
  protected:
    /// A random model with a window of 1024 tokens; the text has about 1500.
    void startWithHarbour() {
        useTinyModel(1024);
        start();
        push(command::OpenDocument{std::string(LONGSCOPE_TEST_DATA) + "/harbour.md"});
        waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    }
    static bool holds(const std::string &text, std::string_view part) {
        return text.find(part) != text.npos;
    }
    /// "call 3 of 12" of the task that runs, and that tokens are counted.
    static bool isBetweenCalls(const ui::Snapshot &now) {
        if (now.tasks.empty() || now.tasks[0].aside)
            return false;
        const Progress &progress = now.tasks[0].progress;
        return progress.label == "summarizing" && progress.unit.starts_with("tokens (call") &&
               !progress.unit.starts_with("tokens (call 1 ") && progress.remaining_s >= 0 &&
               progress.done > 0 && progress.done <= progress.total;
    }
    void summarizes(command::Strategy strategy, const std::string &name) {
        startWithHarbour();
        push(command::Summarize{strategy, 30, 3});
        auto picture = waitFor([](const ui::Snapshot &now) {
            return now.chat.messages.size() == 2 && now.chat.messages[1]->can_go_on;
        });
        EXPECT_TRUE(last(picture).growing);
        EXPECT_TRUE(last(picture).note.starts_with(name + ", because ")) << last(picture).note;
        for (const char *part : {" calls", " tokens, about "})
            EXPECT_TRUE(holds(last(picture).note, part)) << last(picture).note;
        waitFor(isBetweenCalls);
        picture = waitFor(
            [](const ui::Snapshot &now) {
                return !now.chat.messages.back()->growing && now.tasks.empty();
            },
            300s);
        EXPECT_FALSE(last(picture).can_go_on);
        EXPECT_GT(last(picture).prompt_tokens, 1400u); // all of it was read, part by part
        EXPECT_GT(last(picture).written_tokens, 0u);
        EXPECT_FALSE(holds(last(picture).note, "stopped")) << last(picture).note;
    }
};

TEST_F(StrategyTest, PartByPart) {
    summarizes(command::Strategy::map_reduce, "Map-reduce");
}

TEST_F(StrategyTest, StepByStep) {
    summarizes(command::Strategy::refine, "Refine");
}

TEST_F(StrategyTest, ByTheOutline) {
    summarizes(command::Strategy::tree, "Tree");
}

TEST_F(StrategyTest, WhatWasStoppedGoesOnFromItsFinishedCallsAfterARestartToo) {
    startWithHarbour();
    push(command::Summarize{command::Strategy::map_reduce, 30, 3});
    waitFor([](const ui::Snapshot &now) {
        return isBetweenCalls(now) && !now.tasks[0].progress.unit.starts_with("tokens (call 2 ");
    });
    push(command::Stop{});
    auto picture = waitGrown(2);
    ui::Message stopped = last(picture);
    EXPECT_TRUE(stopped.can_go_on);
    EXPECT_TRUE(holds(stopped.note, "It was stopped after ")) << stopped.note;
    EXPECT_NE(stopped.seed, 0u);

    start();
    EXPECT_TRUE(last(now()).can_go_on);
    push(command::Regenerate{stopped.id});
    picture = waitFor(
        [](const ui::Snapshot &now) {
            return now.chat.messages.back()->branches == 2 && !now.chat.messages.back()->growing &&
                   now.tasks.empty();
        },
        300s);
    EXPECT_EQ(last(picture).seed, stopped.seed);
    EXPECT_FALSE(last(picture).can_go_on);
    size_t at = last(picture).note.find(" calls were kept from before");
    ASSERT_NE(at, std::string::npos) << last(picture).note;

    // The same once more, without a stop: what it comes to is the same.
    std::string text = last(picture).text;
    push(command::NewConversation{});
    waitFor([](const ui::Snapshot &now) { return now.chat.messages.empty(); });
    push(command::Summarize{command::Strategy::map_reduce, 30, 3});
    picture = waitGrown(2);
    EXPECT_EQ(last(picture).text, text);
}

} // namespace
} // namespace longscope::app
