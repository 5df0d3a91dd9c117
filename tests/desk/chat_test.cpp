// Conversations: what is sent, what streams in, what is kept, what is taken back.
#include "tests/desk/chat_fixture.h"
#include "tests/support/default_model.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>

namespace longscope::app {
namespace {

using Clock = std::chrono::steady_clock;

TEST_F(ChatTest, AnAnswerStreamsAndIsKept) {
    startTiny(200);
    push(command::Send{"  Say something.  "});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 2 && now.chat.messages[1]->growing &&
               !now.chat.messages[1]->text.empty();
    });
    EXPECT_EQ(picture->chat.messages[0]->text, "Say something.");
    EXPECT_EQ(picture->chat.title, "Say something.");
    EXPECT_NE(picture->chat.open, 0u);
    int pictures = 0;
    std::string text;
    picture = waitFor([&](const ui::Snapshot &now) {
        EXPECT_TRUE(now.chat.messages[1]->text.starts_with(text));
        pictures += now.chat.messages[1]->text.size() > text.size();
        text = now.chat.messages[1]->text;
        return !now.chat.messages[1]->growing;
    });
    EXPECT_GE(pictures, 2);
    EXPECT_EQ(last(picture).written_tokens, 200u);
    EXPECT_EQ(last(picture).note, "cut after 200 tokens, the most that a reply may have");
    picture = waitIdle(); // what the engine says of the whole task comes last
    EXPECT_EQ(picture->chat.template_used, "template");
    EXPECT_GT(picture->prompt_tokens_per_second, 0);
    EXPECT_GT(picture->write_tokens_per_second, 0);
    ASSERT_EQ(picture->chat.conversations.size(), 1u);
    EXPECT_EQ(picture->chat.conversations[0].messages, 2u);
    ASSERT_TRUE(picture->attention.timeline);
    EXPECT_EQ(std::ranges::count(picture->attention.timeline->parts, ui::PartKind::user,
                                 &ui::Timeline::Part::kind),
              1);

    start(); // and again after a restart
    picture = now();
    ASSERT_EQ(picture->chat.messages.size(), 2u);
    EXPECT_EQ(picture->chat.messages[1]->text, text);
    EXPECT_EQ(picture->chat.messages[1]->written_tokens, 200u);
    EXPECT_FALSE(picture->chat.messages[1]->growing);
    EXPECT_EQ(picture->chat.sampling.reply_tokens, 200u);
}

TEST_F(ChatTest, TheNextTurnReusesWhatWasReadAndTheContextIsCountedExactly) {
    startTiny();
    push(command::SetSystemPrompt{"Be brief."});
    auto picture = ask("Hello there, how are you?");
    EXPECT_EQ(last(picture).reused_tokens, 0u);
    push(command::CountDraft{"And what next?"});
    picture = waitFor([](const ui::Snapshot &now) {
        return now.tasks.empty() && now.chat.use.draft > 0 && now.chat.use.history > 0;
    });
    ui::ContextUse use = picture->chat.use;
    EXPECT_EQ(use.window, 4096u);
    EXPECT_EQ(use.reply, 12u);
    EXPECT_EQ(use.document, 0u);
    picture = ask("And what next?");
    EXPECT_GT(last(picture).reused_tokens, 20u);
    EXPECT_EQ(last(picture).prompt_tokens, use.system + use.history + use.draft);
    picture = waitIdle();
    EXPECT_EQ(picture->chat.use.draft, 0u);
}

TEST_F(ChatTest, TheDocumentGoesFirstAndIsReadOnce) {
    startTiny();
    push(command::PasteDocument{"Bees live in hives. A hive has one queen and many workers. "
                                "Workers fly up to five kilometres to find flowers."});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::SetWithDocument{true});
    auto picture = ask("Who lives in a hive?");
    EXPECT_EQ(last(picture).kind, ui::MessageKind::answer);
    EXPECT_EQ(last(picture).document, picture->documents.current);
    push(command::CountDraft{"How far?"});
    picture = waitFor([](const ui::Snapshot &now) {
        return now.tasks.empty() && now.chat.use.document > 0 && now.chat.use.draft > 0;
    });
    ui::ContextUse use = picture->chat.use;
    ASSERT_TRUE(picture->attention.timeline);
    EXPECT_EQ(picture->attention.timeline->document, picture->documents.current);
    EXPECT_EQ(picture->chat.messages[1]->sentences.empty(),
              picture->chat.messages[1]->text.find_first_not_of(" \n") == std::string::npos);
    picture = ask("How far?");
    EXPECT_GT(last(picture).reused_tokens, 100u);
    EXPECT_EQ(last(picture).prompt_tokens, use.system + use.document + use.history + use.draft);
    push(command::SetWithDocument{false});
    picture = ask("Thanks.");
    EXPECT_EQ(last(picture).kind, ui::MessageKind::chat);
    EXPECT_LT(last(picture).prompt_tokens, use.needed());
}

TEST_F(ChatTest, StopWhileReadingAnswersWithin200Milliseconds) {
    startTiny(500);
    push(command::LoadModel{});
    waitFor([](const ui::Snapshot &now) { return now.model != nullptr; });
    push(command::Send{std::string(3000, 'a')});
    push(command::Send{"This one waits."});
    waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 4 && !now.tasks.empty() &&
               now.tasks[0].progress.label.starts_with("reading") && now.tasks[0].progress.done > 0;
    });
    auto before = Clock::now();
    push(command::Stop{});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return std::ranges::none_of(now.chat.messages, &ui::Message::growing,
                                    [](const auto &m) -> const ui::Message & { return *m; });
    });
    EXPECT_LT(Clock::now() - before, 200ms);
    EXPECT_EQ(picture->chat.messages[1]->note, "stopped");
    EXPECT_EQ(picture->chat.messages[3]->note, "stopped");
    EXPECT_EQ(picture->chat.messages[1]->text, "");
    picture = waitFor([](const ui::Snapshot &now) { return !now.busy(); });
}

TEST_F(ChatTest, StopKeepsWhatWasWritten) {
    startTiny(3000);
    push(command::Send{"Go on for long."});
    waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 2 && now.chat.messages[1]->written_tokens > 5;
    });
    push(command::Stop{});
    auto picture = waitGrown(2);
    EXPECT_EQ(last(picture).note, "stopped");
    EXPECT_FALSE(last(picture).text.empty());
    std::string text = last(picture).text;
    start();
    EXPECT_EQ(last(now()).text, text);
    EXPECT_EQ(last(now()).note, "stopped");
}

TEST_F(ChatTest, WhatDoesNotFitIsToldWithBothNumbers) {
    useTinyModel(512);
    start();
    push(command::Send{std::string(3000, 'b')});
    auto picture = waitGrown(2);
    EXPECT_NE(last(picture).note.find("512"), std::string::npos) << last(picture).note;
    ASSERT_FALSE(picture->notices.empty());
    EXPECT_NE(picture->notices.back().text.find("512"), std::string::npos);
    EXPECT_EQ(picture->chat.use.window, 512u);
    EXPECT_GT(picture->chat.use.needed(), 512u);
}

TEST_F(ChatTest, AnswersAndWordingsBranch) {
    startTiny();
    ask("First question");
    ask("Second question");
    uint64_t first_answer = now()->chat.messages[1]->id;
    push(command::Regenerate{first_answer});
    auto picture = waitGrown(2);
    EXPECT_EQ(last(picture).branch, 1u);
    EXPECT_EQ(last(picture).branches, 2u);
    push(command::SwitchBranch{last(picture).id, -1});
    picture = waitGrown(4);
    EXPECT_EQ(picture->chat.messages[1]->id, first_answer);
    EXPECT_EQ(picture->chat.messages[1]->branches, 2u);
    push(command::EditMessage{picture->chat.messages[0]->id, "Another first question"});
    picture = waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 2 && !now.chat.messages[1]->growing &&
               now.chat.messages[0]->text == "Another first question";
    });
    EXPECT_EQ(picture->chat.messages[0]->branch, 1u);
    EXPECT_EQ(picture->chat.messages[0]->branches, 2u);
    start(); // the branch that was shown is shown again
    picture = now();
    ASSERT_EQ(picture->chat.messages.size(), 2u);
    EXPECT_EQ(picture->chat.messages[0]->text, "Another first question");
    push(command::SwitchBranch{picture->chat.messages[0]->id, 1});
    picture = waitGrown(4);
    EXPECT_EQ(picture->chat.messages[0]->text, "First question");
    EXPECT_EQ(picture->chat.messages[1]->id, first_answer);
}

TEST_F(ChatTest, DeletedThingsComeBackByUndo) {
    startTiny();
    ask("First question");
    auto picture = ask("Second question");
    auto before = picture->chat.messages;
    push(command::DeleteMessage{before[1]->id});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.messages.size() == 1; });
    EXPECT_EQ(picture->notices.back().text, "Deleted 3 messages.");
    push(command::UndoNotice{undoOf(*picture)});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.messages.size() == 4; });
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(picture->chat.messages[i]->text, before[i]->text);
        EXPECT_EQ(picture->chat.messages[i]->id, before[i]->id);
    }
    uint64_t conversation = picture->chat.open;
    push(command::DeleteConversation{conversation});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.open == 0; });
    EXPECT_TRUE(picture->chat.messages.empty());
    EXPECT_TRUE(picture->chat.conversations.empty());
    push(command::UndoNotice{undoOf(*picture)});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.messages.size() == 4; });
    EXPECT_EQ(picture->chat.open, conversation);
    push(command::DeleteConversation{conversation});
    waitFor([](const ui::Snapshot &now) { return now.chat.open == 0; });
    start(); // now it is gone
    EXPECT_TRUE(now()->chat.conversations.empty());
}

TEST_F(ChatTest, ConversationsAreSeparateAndKeepTheirSettings) {
    startTiny();
    push(command::SetSystemPrompt{"One."});
    auto picture = ask("In the first");
    uint64_t first = picture->chat.open;
    push(command::NewConversation{});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.open == 0; });
    EXPECT_EQ(picture->chat.system_prompt, "One."); // as used last
    push(command::SetSystemPrompt{"Two."});
    picture = ask("In the second");
    uint64_t second = picture->chat.open;
    push(command::RenameConversation{second, "  My title "});
    push(command::OpenConversation{first});
    picture = waitFor([&](const ui::Snapshot &now) { return now.chat.open == first; });
    EXPECT_EQ(picture->chat.system_prompt, "One.");
    EXPECT_EQ(picture->chat.title, "In the first");
    ASSERT_EQ(picture->chat.conversations.size(), 2u);
    EXPECT_EQ(picture->chat.conversations[0].title, "My title"); // changed last
    start();
    EXPECT_EQ(now()->chat.open, first);
    EXPECT_EQ(now()->chat.conversations.size(), 2u);
}

TEST_F(ChatTest, ConversationsAreFoundByTheWordsOfTheirMessages) {
    startTiny();
    ask("Where does the grey heron nest?");
    uint64_t heron = now()->chat.open;
    push(command::RenameConversation{heron, "Birds"});
    push(command::NewConversation{});
    waitFor([](const ui::Snapshot &now) { return now.chat.messages.empty(); });
    ask("What does the harbour cost?");
    push(command::FindConversations{"heron"});
    auto picture = waitFor([](const ui::Snapshot &now) { return now.chat.found_words == "heron"; });
    EXPECT_EQ(picture->chat.found, std::vector<uint64_t>{heron});
    push(command::FindConversations{"albatross"});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.found_words == "albatross"; });
    EXPECT_TRUE(picture->chat.found.empty());
}

TEST_F(ChatTest, AnAnswerGoesOnWhileAnotherConversationIsOpen) {
    startTiny(300);
    push(command::Send{"Take your time."});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 2 && now.chat.messages[1]->written_tokens > 0;
    });
    uint64_t first = picture->chat.open;
    push(command::NewConversation{});
    waitFor([](const ui::Snapshot &now) { return now.chat.open == 0 && !now.busy(); });
    EXPECT_TRUE(now()->chat.messages.empty());
    push(command::OpenConversation{first});
    picture = waitFor([&](const ui::Snapshot &now) { return now.chat.open == first; });
    EXPECT_EQ(last(picture).written_tokens, 300u);
    EXPECT_FALSE(last(picture).growing);
}

/// The child of the next test: a process of its own, because a Vulkan driver survives no fork.
TEST_F(ChatTest, DISABLED_WritesUntilItIsKilled) {
    const char *folder = std::getenv("LONGSCOPE_TEST_FOLDER");
    ASSERT_NE(folder, nullptr);
    folder_ = folder;
    useTinyModel();
    start();
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 12}});
    ask("A first question");
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 3900}});
    push(command::Send{"A second one"});
    waitFor([](const ui::Snapshot &now) { // long enough that it was stored while it grew
        return now.chat.messages.size() == 4 && now.chat.messages[3]->write_seconds > 1.5;
    });
    write("ready", "yes");
    std::this_thread::sleep_for(60s);
}

TEST_F(ChatTest, AKilledProgramLosesNoFinishedMessage) {
    useTinyModel();
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        setenv("LONGSCOPE_TEST_FOLDER", folder_.c_str(), 1);
        execl("/proc/self/exe", "desk_tests", "--gtest_also_run_disabled_tests",
              "--gtest_filter=*DISABLED_WritesUntilItIsKilled", nullptr);
        _exit(1);
    }
    for (int i = 0; i < 600 && !std::filesystem::exists(folder_ / "ready"); ++i)
        std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "ready"));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);

    start();
    auto picture = now();
    ASSERT_EQ(picture->chat.messages.size(), 4u);
    EXPECT_EQ(picture->chat.messages[1]->written_tokens, 12u);
    EXPECT_FALSE(picture->chat.messages[1]->text.empty());
    EXPECT_EQ(picture->chat.messages[2]->text, "A second one");
    EXPECT_EQ(picture->chat.messages[3]->note, "interrupted");
    EXPECT_FALSE(picture->chat.messages[3]->growing);
    EXPECT_FALSE(picture->chat.messages[3]->text.empty());
}

TEST_F(ChatTest, WhatIsAskedWhileADocumentOpensGoesWithIt) {
    startTiny();
    push(command::OpenSample{});
    push(command::Summarize{command::Strategy::extract, 120, 2}); // as the first-run view does
    auto picture = waitGrown(2);
    EXPECT_TRUE(picture->notices.empty());
    EXPECT_EQ(last(picture).document, picture->documents.current);
    EXPECT_TRUE(picture->chat.with_document); // the conversation was empty
    push(command::NewConversation{});
    picture = waitFor([](const ui::Snapshot &now) { return now.chat.messages.empty(); });
    EXPECT_TRUE(picture->chat.with_document);
}

TEST_F(ChatTest, ExportWritesWholeFilesOrSaysWhyNot) {
    startTiny();
    push(command::OpenSample{});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::SetWithDocument{false}); // it would not fit
    push(command::Summarize{command::Strategy::extract, 120, 2});
    waitGrown(2);
    ask("A question with <b>marks</b> & **bold** | [x](javascript:alert(1))");
    std::string markdown = (folder_ / "c.md").string(), html = (folder_ / "c.html").string(),
                json = (folder_ / "c.json").string();
    push(command::ExportConversation{0, command::ExportFormat::markdown, markdown});
    push(command::ExportConversation{0, command::ExportFormat::html, html});
    push(command::ExportConversation{0, command::ExportFormat::json, json});
    auto picture = waitFor([](const ui::Snapshot &now) { return now.notices.size() == 3; });
    EXPECT_NE(read(markdown).find("A question with <b>marks</b>"), std::string::npos);
    EXPECT_NE(read(markdown).find("## You, about What a long context costs"), std::string::npos);
    EXPECT_NE(read(markdown).find("quoted from "), std::string::npos);
    std::string page = read(html);
    EXPECT_NE(page.find("&lt;b&gt;marks&lt;/b&gt; &amp; <strong>bold</strong>"), std::string::npos)
        << page;
    EXPECT_EQ(page.find("javascript:"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    auto kept = nlohmann::json::parse(read(json));
    EXPECT_EQ(kept["messages"].size(), 4u);
    EXPECT_EQ(kept["messages"][1]["sentences"].size(), 2u);
    EXPECT_EQ(kept["messages"][3]["role"], "assistant");
    push(command::ExportConversation{0, command::ExportFormat::json, "/none/x.json"});
    picture = waitFor([](const ui::Snapshot &now) { return now.notices.size() == 4; });
    EXPECT_EQ(picture->notices.back().kind, ui::NoticeKind::error);
    EXPECT_NE(picture->notices.back().text.find("/none/x.json"), std::string::npos);
}

} // namespace
} // namespace longscope::app
