// Questions over a document: whole or from its best passages, said with the reason, and "not
// found".
#include "tests/desk/chat_fixture.h"

#include <algorithm>

namespace longscope::app {
namespace {

/// About 1500 tokens of the small model of the tests, which has one for nearly every byte.
const std::string kHarbour = std::string(LONGSCOPE_TEST_DATA) + "/harbour.md";

class AskingTest : public ChatTest {
  protected:
    void startWithHarbour(uint32_t window) {
        useTinyModel(window);
        start();
        openHarbour();
        push(command::SetSampling{{.temperature = 0, .reply_tokens = 12}});
    }
    void openHarbour() {
        push(command::OpenDocument{kHarbour});
        waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
        push(command::SetWithDocument{true});
    }
    static bool holds(const std::string &text, std::string_view part) {
        return text.find(part) != text.npos;
    }
};

TEST_F(AskingTest, ADocumentThatDoesNotFitIsAnsweredFromItsPassages) {
    startWithHarbour(1024);
    auto picture = ask("How many species of fish did divers count?");
    ui::Message answer = last(picture);
    EXPECT_EQ(answer.kind, ui::MessageKind::answer);
    EXPECT_TRUE(answer.found);
    EXPECT_TRUE(holds(answer.note, "Only the best passages were looked at, because "))
        << answer.note;
    EXPECT_TRUE(holds(answer.note, "the window of 1,024 has room for 1,012")) << answer.note;
    EXPECT_TRUE(holds(answer.note, "Quoted, because ")) << answer.note;
    EXPECT_TRUE(holds(answer.text, "31 species of fish")) << answer.text;
    EXPECT_TRUE(picture->notices.empty()) << picture->notices[0].text;

    const std::string &text = *picture->documents.shown()->text;
    ASSERT_FALSE(answer.passages.empty());
    auto holding = [&](const ui::Source &place) {
        EXPECT_LT(place.start, place.end);
        EXPECT_LE(place.end, text.size());
        EXPECT_FALSE(place.place.empty());
        return holds(text.substr(place.start, place.end - place.start), "31 species");
    };
    EXPECT_EQ(std::ranges::count_if(answer.passages, holding), 1);
    ASSERT_FALSE(answer.sentences.empty());
    for (const ui::CheckedSentence &sentence : answer.sentences) {
        EXPECT_TRUE(sentence.quoted);
        ASSERT_EQ(sentence.sources.size(), 1u);
        EXPECT_TRUE(holds(sentence.sources[0].place, "Water and animals"));
    }
    // A place can be gone to, and is marked.
    const ui::Source place = answer.passages[0];
    push(command::JumpTo{answer.document, place.start});
    push(command::MarkDocument{answer.document, {{place.start, place.end, {}, 1, ""}}});
    picture = waitFor([](const ui::Snapshot &now) { return now.documents.marks != nullptr; });
    EXPECT_EQ(picture->documents.jump.byte, place.start);

    start(); // all of it is kept
    EXPECT_EQ(last(now()).note, answer.note);
    ASSERT_EQ(last(now()).passages.size(), answer.passages.size());
    EXPECT_EQ(last(now()).passages[0].place, place.place);
    EXPECT_EQ(last(now()).sentences.size(), answer.sentences.size());
}

TEST_F(AskingTest, WhatTheDocumentDoesNotSayIsNotFound) {
    startWithHarbour(1024);
    auto picture = ask("Which orchestra played Beethoven under a glass roof?");
    EXPECT_FALSE(last(picture).found);
    EXPECT_TRUE(last(picture).text.starts_with("Not found")) << last(picture).text;
    EXPECT_TRUE(last(picture).sentences.empty());
    start();
    EXPECT_FALSE(last(now()).found);
}

TEST_F(AskingTest, ADocumentThatFitsIsReadWholeAndThatIsSaid) {
    startWithHarbour(4096);
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).note, "Read whole, because text and question need 1,"))
        << last(picture).note;
    EXPECT_TRUE(last(picture).passages.empty());
    EXPECT_GT(last(picture).prompt_tokens, 1400u);

    push(command::SetAskWay{ui::AskWay::passages});
    picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).note, "as chosen")) << last(picture).note;
    EXPECT_TRUE(holds(last(picture).note, "Earlier turns did not go with it."))
        << last(picture).note;
    EXPECT_FALSE(last(picture).passages.empty());
    start();
    EXPECT_EQ(now()->chat.ask_way, ui::AskWay::passages);
}

TEST_F(AskingTest, WhatWasReadForASummaryServesTheQuestion) {
    startWithHarbour(4096);
    push(command::Summarize{command::Strategy::whole, 30, 3});
    waitGrown(2);
    push(command::NewConversation{});
    waitFor([](const ui::Snapshot &now) { return now.chat.messages.empty(); });
    push(command::SetWithDocument{true});
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_GT(last(picture).reused_tokens, 1400u); // all of the text
    EXPECT_LT(last(picture).reused_tokens, last(picture).prompt_tokens);
}

TEST_F(AskingTest, WholeAsChosenThatDoesNotFitIsToldWithBothNumbers) {
    startWithHarbour(1024);
    push(command::SetAskWay{ui::AskWay::whole});
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).note, "needs 1")) << last(picture).note;
    EXPECT_TRUE(holds(last(picture).note, "window of 1024")) << last(picture).note;
    EXPECT_EQ(last(picture).text, "");
}

TEST_F(AskingTest, AModelWritesOutOfPassagesWhenItIsWantedAndStops) {
    startWithHarbour(2048);
    push(command::SetAskWay{ui::AskWay::passages_written});
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 40}});
    auto picture = ask("How many species of fish did divers count?");
    ui::Message answer = last(picture);
    EXPECT_FALSE(answer.passages.empty());
    EXPECT_GT(answer.prompt_tokens, 300u); // the passages
    EXPECT_EQ(answer.written_tokens, 40u);
    EXPECT_FALSE(holds(answer.note, "Quoted")) << answer.note;
    picture = waitFor([](const ui::Snapshot &now) {
        return now.tasks.empty() && now.attention.timeline != nullptr;
    });
    const std::string &read = picture->attention.timeline->text;
    EXPECT_TRUE(holds(read, "31 species of fish"));
    EXPECT_TRUE(holds(read, "Question: How many species"));

    push(command::SetSampling{{.temperature = 0, .reply_tokens = 160}});
    push(command::Send{"What did the ferry's engine need?"});
    waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 4 && !now.tasks.empty() && !now.tasks[0].aside &&
               now.tasks[0].progress.done > 0;
    });
    push(command::Stop{});
    picture = waitGrown(4);
    EXPECT_TRUE(last(picture).note.starts_with("stopped")) << last(picture).note;
}

TEST_F(AskingTest, WithoutAModelTheDocumentIsQuoted) {
    useModel((folder_ / "none.gguf").string());
    start();
    openHarbour();
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).text, "31 species of fish")) << last(picture).text;
    EXPECT_TRUE(holds(last(picture).note, "no model is loaded")) << last(picture).note;
}

// ---- by meaning --------------------------------------------------------------------------------

class VectorsTest : public AskingTest {
  protected:
    /// The harbour, and so many paragraphs that are all different.
    void startWithText(int paragraphs) {
        useTinyModel(4096);
        start();
        std::string text = read(kHarbour) + "\n\n# Days\n\n";
        for (int day = 1; day <= paragraphs; ++day)
            text += std::format("On day {} the nets held {} herrings and {} crabs. The wind came "
                                "from the north, and {} boats stayed in the port.\n\n",
                                day, 7 * day, 3 * day, day % 9);
        document_ = openText("report.md", text);
        push(command::SetWithDocument{true});
        push(command::SetAskWay{ui::AskWay::passages});
        push(command::SetByVectors{true});
    }
    /// Of the document's vectors, in the library.
    uint64_t keptBytes() {
        auto before = now()->library.list;
        push(command::ListLibrary{});
        auto picture = waitFor([&](const ui::Snapshot &now) {
            return now.library.list && now.library.list != before && now.tasks.empty();
        });
        for (const ui::LibraryEntry &entry : picture->library.list->documents)
            if (entry.id == document_)
                return entry.result_bytes;
        return 0;
    }
    uint64_t document_ = 0;
};

TEST_F(VectorsTest, AreMadeOnceKeptAndSaid) {
    startWithText(5);
    EXPECT_EQ(keptBytes(), 0u);
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).note, "by their words and by vectors")) << last(picture).note;
    EXPECT_TRUE(holds(last(picture).text, "31 species of fish")) << last(picture).text;
    EXPECT_FALSE(last(picture).passages.empty());
    uint64_t bytes = keptBytes();
    EXPECT_GT(bytes, 0u);
    start(); // the way is kept with the conversation, the vectors with the document
    EXPECT_TRUE(now()->chat.by_vectors);
    picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).note, "by vectors")) << last(picture).note;
    EXPECT_EQ(keptBytes(), bytes); // nothing was read again
    push(command::SetByVectors{false});
    picture = ask("How many species of fish did divers count?");
    EXPECT_FALSE(holds(last(picture).note, "vectors")) << last(picture).note;
}

TEST_F(VectorsTest, AStopKeepsThoseThatWereMade) {
    startWithText(250);
    push(command::Send{"How many species of fish did divers count?"});
    waitFor([](const ui::Snapshot &now) {
        return now.busy() && now.tasks[0].progress.label == "comparing" &&
               now.tasks[0].progress.done > 2000;
    });
    push(command::Stop{});
    auto picture = waitGrown(2);
    EXPECT_EQ(last(picture).note, "stopped");
    uint64_t some = keptBytes();
    EXPECT_GT(some, 0u);
    push(command::Regenerate{last(picture).id});
    picture = waitFor(
        [](const ui::Snapshot &now) {
            return now.chat.messages.back()->branches == 2 && !now.chat.messages.back()->growing &&
                   now.tasks.empty();
        },
        300s);
    EXPECT_TRUE(holds(last(picture).note, "by vectors")) << last(picture).note;
    EXPECT_GT(keptBytes(), some);
}

TEST_F(VectorsTest, WithoutAModelWordsServe) {
    useModel((folder_ / "none.gguf").string());
    start();
    openHarbour();
    push(command::SetByVectors{true});
    auto picture = ask("How many species of fish did divers count?");
    EXPECT_TRUE(holds(last(picture).text, "31 species of fish")) << last(picture).text;
    EXPECT_TRUE(holds(last(picture).note, "vectors need a model")) << last(picture).note;
}

// ---- long conversations ------------------------------------------------------------------------

class LongTalkTest : public ChatTest {
  protected:
    static std::string said(int turn) {
        return std::format("In turn {0} I say that my house number {0}{0} stands in Street {0} "
                           "beside the mill, and that the water there is deep. ",
                           turn);
    }
    /// Until a question goes with older turns in short.
    Picture talkUntilShort() {
        Picture picture;
        for (int turn = 1; turn < 12; ++turn) {
            picture = ask(said(turn));
            if (compactedOf(picture))
                return picture;
        }
        ADD_FAILURE() << "nothing was made short";
        return picture;
    }
    static const ui::Message *questionInShort(const Picture &picture) {
        for (const auto &message : picture->chat.messages)
            if (message->compacted)
                return message.get();
        return nullptr;
    }
    static std::shared_ptr<const ui::Compacted> compactedOf(const Picture &picture) {
        const ui::Message *question = questionInShort(picture);
        return question ? question->compacted : nullptr;
    }
};

TEST_F(LongTalkTest, OldTurnsAreSentInShortAndNothingIsLost) {
    useTinyModel(1024);
    start();
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 12}});
    auto picture = talkUntilShort();
    auto compacted = compactedOf(picture);
    ASSERT_TRUE(compacted);
    EXPECT_TRUE(compacted->quoted);
    EXPECT_GE(compacted->turns, 2u);
    ASSERT_FALSE(compacted->sentences.empty());
    for (const ui::Compacted::Sentence &sentence : compacted->sentences) {
        ASSERT_GE(sentence.turn, 1u);
        ASSERT_LE(sentence.turn, compacted->turns);
    }
    EXPECT_EQ(last(picture).note.find("window is full"), std::string::npos) << last(picture).note;
    EXPECT_LE(last(picture).prompt_tokens + 12, 1024u);
    EXPECT_GT(last(picture).written_tokens, 0u);
    // The messages themselves are as they were.
    size_t count = picture->chat.messages.size();
    EXPECT_EQ(picture->chat.messages[0]->text.substr(0, 30), said(1).substr(0, 30));
    push(command::CountDraft{""});
    picture = waitIdle();
    EXPECT_LT(picture->chat.use.needed(), 1024u); // the bar counts what is sent

    // Words of a turn that is not sent any more are found.
    push(command::FindTurns{"number 11 in Street 1"});
    picture = waitFor(
        [](const ui::Snapshot &now) { return now.chat.found_turns_words.starts_with("number"); });
    ASSERT_FALSE(picture->chat.found_turns.empty());
    EXPECT_EQ(picture->chat.found_turns[0].message, picture->chat.messages[0]->id);
    EXPECT_EQ(picture->chat.found_turns[0].name, "turn 1, user");

    start(); // and it is kept
    ASSERT_EQ(now()->chat.messages.size(), count);
    ASSERT_TRUE(compactedOf(now()));
    EXPECT_EQ(compactedOf(now())->turns, compacted->turns);
    ASSERT_EQ(compactedOf(now())->sentences.size(), compacted->sentences.size());
    EXPECT_EQ(compactedOf(now())->sentences[0].text, compacted->sentences[0].text);
}

TEST_F(LongTalkTest, ShorteningIsTakenBackAndBelongsToItsBranch) {
    useTinyModel(1024);
    start();
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 12}});
    auto picture = talkUntilShort();
    const ui::Message *question = questionInShort(picture);
    ASSERT_TRUE(question);
    uint64_t sent_before = last(picture).prompt_tokens, id = question->id;
    push(command::SetCompacted{.message = id, .in_short = false});
    picture = waitFor([&](const ui::Snapshot &now) {
        return std::ranges::any_of(now.chat.messages, [&](const auto &message) {
            return message->id == id && message->compacted && !message->compacted->in_short;
        });
    });
    push(command::Regenerate{last(picture).id}); // whole turns again, where they fit
    picture = waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.back()->branches == 2 && !now.chat.messages.back()->growing &&
               now.tasks.empty();
    });
    EXPECT_GT(last(picture).prompt_tokens, sent_before);
    // Another wording of the first message is another conversation, in which all is short enough.
    push(command::EditMessage{picture->chat.messages[0]->id, "Something else"});
    picture = waitGrown(2);
    EXPECT_FALSE(compactedOf(picture));
    EXPECT_EQ(last(picture).reused_tokens > last(picture).prompt_tokens, false);
}

TEST_F(LongTalkTest, AMessageThatAloneIsTooLongIsToldWithBothNumbers) {
    useTinyModel(1024);
    start();
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 12}});
    ask("Hello.");
    auto picture = ask(std::string(3000, 'x'));
    EXPECT_NE(last(picture).note.find("window of 1024"), std::string::npos) << last(picture).note;
    EXPECT_FALSE(compactedOf(picture));
}

} // namespace
} // namespace longscope::app
