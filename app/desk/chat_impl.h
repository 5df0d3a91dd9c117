// What the files of the chat share: chat.cpp (commands on conversations), answering.cpp (messages
// that grow), asking.cpp and summarizing.cpp (tasks that write them).
#pragma once

#include "app/desk/context_use.h"
#include "app/desk/conversation.h"
#include "app/desk/parts.h"
#include "app/desk/sent_model.h"
#include "app/desk/turns.h"
#include "compute/reading/ask.h"
#include "compute/reading/embedder.h"
#include "compute/reading/support.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace longscope::app {

using ConversationPointer = std::shared_ptr<Conversation>;
using DocumentPointer = std::shared_ptr<const document::Document>;

/// Sentences with the places of the document that have their words. Remembers the last document;
/// for the threads of the engine's lane, which has one.
class SourceFinder {
  public:
    /// Those of a text, without marks of Markdown at their beginnings.
    std::vector<ui::CheckedSentence> check(const DocumentPointer &document, std::string_view text);

  private:
    DocumentPointer document_;
    std::unique_ptr<reading::SupportCheck> support_;
};
/// With its best source.
ui::CheckedSentence checkedSentence(const document::Document &document,
                                    const reading::SourcedSentence &sentence);
ui::Source shownSource(const document::Document &document, const reading::Source &source);
std::string escapedMarkdown(std::string_view text);

/// Answers questions from the passages of a document. Its index is kept for the next question.
struct KeptAsker {
    DocumentPointer document;
    std::shared_ptr<const LoadedModel> model;
    std::string options;                               ///< what else it depends on
    std::unique_ptr<SentModel> sent;                   ///< null: there is no model
    std::unique_ptr<reading::EngineEmbedder> embedder; ///< null: it looks for words alone
    std::unique_ptr<reading::Asker> asker;
};

/// The system prompt as it is sent: that of the conversation, or the one that all readings of
/// documents have, so that what was read serves questions and summaries.
std::string systemPromptOf(const ConversationSettings &settings, bool with_document);

struct ChatPart::Impl {
    Impl(Core &core, Library &library, DocumentsPart &documents, ModelPart &model,
         AttentionPart &attention);

    // --- conversations: chat.cpp ---
    ConversationSettings defaults() const;
    ConversationPointer load(uint64_t conversation); ///< null when there is none
    void show(ConversationPointer conversation);
    void list();    ///< the conversations, again
    void publish(); ///< the open conversation, again
    void changeSettings(const std::function<void(ConversationSettings &)> &change);
    void count();
    void stopWriting(const Conversation &conversation, uint64_t below); ///< 0 = all of it

    // --- writing: asking.cpp, summarizing.cpp ---
    /// Adds an answer below a message of the user and starts the task that writes it.
    void answer(const ConversationPointer &conversation, uint64_t question);
    /// The same for a summary; `seed` 0: another one than those that are there.
    void summarize(const ConversationPointer &conversation, uint64_t request, uint64_t seed = 0);

    /// All that an answer depends on.
    struct Asked {
        std::vector<MessagePointer> branch; ///< the question is the last
        ConversationSettings settings;
        DocumentPointer document; ///< null: none
        uint64_t document_id = 0;
        ReadingFacts facts;
    };
    /// Throws Error(stopped) when the question was deleted, Error(file) when its document was.
    Asked asked(const Conversation &conversation, uint64_t question);

    // --- messages that grow: answering.cpp ---
    DocumentPointer documentOf(const ui::Message &message); ///< null: none, or it is gone
    /// Starts a task that writes `message`; when it ends without having finished it, the message is
    /// "stopped", or has the error as its note.
    void startWriting(Lane lane, std::string title, const ConversationPointer &conversation,
                      uint64_t message, std::function<void(TaskRun &)> body);
    void grown(const ConversationPointer &conversation, uint64_t message,
               const std::function<void(ui::Message &)> &change);
    /// Not growing any more, and on the disk.
    void finish(const ConversationPointer &conversation, uint64_t message,
                const std::function<void(ui::Message &)> &change);
    void showSpeed(const engine::Task &task);
    void finishUnfinished(const ConversationPointer &conversation, uint64_t message,
                          const std::string &note);

    Core &core;
    Library &library;
    DocumentsPart &documents;
    ModelPart &model;
    AttentionPart &attention;
    ConversationPointer open;                               ///< never null
    std::map<uint64_t, std::weak_ptr<Conversation>> loaded; ///< those that tasks write into
    std::map<uint64_t, uint64_t> task_of;                   ///< by the message that it writes
    std::map<uint64_t, std::chrono::steady_clock::time_point> stored_at; ///< of growing messages
    ContextCounter counter;
    SourceFinder sources; ///< of the engine's lane
    KeptAsker kept_asker; ///< of the engine's lane
};

/// Hands a growing message to the desk, at most 20 times a second. On a task's thread.
class GrowingMessage {
  public:
    GrowingMessage(ChatPart::Impl &chat, TaskRun &run, ConversationPointer conversation,
                   uint64_t message)
        : chat_(chat), run_(run), conversation_(std::move(conversation)), message_(message) {}
    void show(std::function<void(ui::Message &)> change, bool at_once = false);
    void finish(std::function<void(ui::Message &)> change);

  private:
    ChatPart::Impl &chat_;
    TaskRun &run_;
    ConversationPointer conversation_;
    uint64_t message_;
    std::chrono::steady_clock::time_point shown_at_{};
};

/// Why a text ends where it does; "" when it ended by itself.
std::string finishNote(const engine::Task &task);
void takeFigures(ui::Message &message, const engine::Task &task);

} // namespace longscope::app
