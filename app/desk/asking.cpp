// Answers of the model: as the next turn of the conversation, with the document whole before it, or
// out of the document's best passages when it does not fit the window. Which of the two is said.
#include "app/desk/chat_impl.h"
#include "app/file_facts.h"
#include "compute/core/error.h"
#include "compute/reading/prompts.h"
#include "compute/reading/summary_options.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

constexpr size_t kPieceBytes = 64 << 10;               ///< counted in some milliseconds
constexpr uint64_t kLargestWindow = uint64_t{1} << 40; ///< where any number of tokens fits
constexpr uint64_t kMostAnswerTokens = 160;            ///< out of passages: one or two sentences
constexpr std::string_view kAsAsked = "as asked; ";    ///< before what an answer says of its places

engine::SamplingOptions samplingOf(const ui::Sampling &sampling) {
    engine::SamplingOptions options;
    options.temperature = sampling.temperature;
    options.top_k = sampling.top_k;
    options.top_p = sampling.top_p;
    options.min_p = sampling.min_p;
    options.repeat_penalty = sampling.repeat_penalty;
    options.seed = sampling.seed;
    return options;
}

/// Tokens of a text, counted piece by piece until they are more than `most`, so that a long text
/// keeps nobody waiting. Cuts may add a token each.
uint64_t countUpTo(reading::TextModel &model, std::string_view text, uint64_t most,
                   const std::stop_token &stop) {
    uint64_t tokens = 0;
    while (!text.empty() && tokens <= most) {
        if (stop.stop_requested())
            fail(ErrorKind::stopped, "stopped");
        size_t size = std::min(text.size(), kPieceBytes);
        if (size < text.size())
            if (size_t blank = text.find_last_of(" \n", size); blank != text.npos && blank > 0)
                size = blank;
        tokens += model.countTokens(text.substr(0, size));
        text.remove_prefix(size);
    }
    return tokens;
}

void addSentence(std::string &note, const std::string &sentence) {
    if (!sentence.empty())
        note += (note.empty() ? "" : note.ends_with('.') ? " " : ". ") + sentence;
}

/// As it can be copied; the panel shows the sentences with their places.
std::string textOf(const reading::Answer &answer) {
    if (!answer.found || answer.written)
        return answer.text;
    std::string text;
    for (const reading::SourcedSentence &sentence : answer.sentences)
        text += (text.empty() ? "> " : " ") + escapedMarkdown(sentence.text);
    return "**Quoted from the document**\n\n" + text;
}

/// One answer, on a task's thread.
class AnswerWriter {
  public:
    AnswerWriter(ChatPart::Impl &chat, TaskRun &run, ConversationPointer conversation,
                 uint64_t question, uint64_t answer)
        : chat_(chat), run_(run), conversation_(std::move(conversation)), question_(question),
          answer_(answer), message_(chat, run, conversation_, answer),
          asked_(askDesk(run, [&chat, conversation = conversation_, question] {
              return chat.asked(*conversation, question);
          })) {}

    void write() {
        if (asked_.document && readsPassages())
            askPassages();
        else
            converse();
    }

  private:
    std::string documentText() const {
        return std::string(reading::beforeText()) + asked_.document->text +
               std::string(kBehindDocument);
    }
    const std::string &questionText() const { return asked_.branch.back()->text; }
    uint64_t replyTokens() const {
        return std::max<uint64_t>(asked_.settings.sampling.reply_tokens, 1);
    }

    /// Fills in `why_`.
    bool readsPassages() {
        ui::AskWay way = asked_.settings.ask_way;
        why_ = ", as chosen";
        if (way != ui::AskWay::automatic)
            return ui::isOfPassages(way);
        if (!asked_.facts.model) {
            why_ = ", because no model is loaded";
            return true;
        }
        if (asked_.facts.window_tokens == UINT64_MAX) {
            why_ = ", because any length fits";
            return false;
        }
        SentModel model(chat_.core, asked_.facts);
        uint64_t room = asked_.facts.promptRoom(replyTokens());
        uint64_t more = room + room / 50; // cuts add a little
        std::string text = documentText();
        uint64_t needed = countUpTo(model, text, more, run_.stop());
        bool counted = needed <= more;
        if (counted)
            needed = model.countPrompt({{"system", systemPromptOf(asked_.settings, true)},
                                        {"user", text + questionText()}});
        bool fits = counted && needed <= room;
        why_ = std::format(", because text and question need {}{} tokens and the window of {} has "
                           "room for {} beside the reply",
                           counted ? "" : "more than ", groupedText(counted ? needed : more),
                           groupedText(asked_.facts.window_tokens), groupedText(room));
        return !fits;
    }

    // ---- the conversation ----------------------------------------------------------------------

    void converse() {
        SentModel model(chat_.core, asked_.facts);
        reading::MemoryOptions wanted{.window_tokens =
                                          std::min(asked_.facts.window_tokens, kLargestWindow),
                                      .reply_tokens = replyTokens()};
        if (asked_.document)
            wanted.full_share = 1; // a long text alone is no reason to make turns short
        reading::ConversationMemory memory(model, wanted);
        memory.system = systemPromptOf(asked_.settings, asked_.document != nullptr);
        if (asked_.document)
            memory.documents = documentText();
        BranchTurns branch = turnsOf(asked_.branch);
        for (const reading::Turn &turn : branch.turns)
            memory.add(turn);
        restoreCompactions(asked_.branch, memory);
        auto prepared = memory.prepare(run_.progressSink(), run_.stop());
        if (prepared.compacted)
            keepCompacted(shownCompaction(*prepared.compacted, memory.turns()));
        engine::GenerateOptions options;
        options.sampling = samplingOf(asked_.settings.sampling);
        options.max_tokens = replyTokens();
        engine::Task task =
            run_.follow(engine::Chat{prepared.messages, options}, [&](const engine::Task &now) {
                message_.show([now](ui::Message &shown) {
                    shown.text = now.text;
                    takeFigures(shown, now);
                });
            });
        std::string note = finishNote(task);
        if (asked_.document)
            addSentence(note, "Read whole" + why_ + ".");
        for (size_t turn : prepared.recalled)
            addSentence(note,
                        "Recalled " + reading::turnName(turn, memory.turns()[turn].role) + ".");
        message_.finish([task, note](ui::Message &last) {
            last.text = task.text;
            last.note = note;
            takeFigures(last, task);
        });
        run_.change([&chat = chat_, task] { chat.showSpeed(task); });
        if (asked_.document && !task.text.empty())
            keepSources(chat_.sources.check(asked_.document, task.text));
        size_t first = memory.compaction() ? memory.compaction()->end : 0;
        chat_.attention.timelineChanged(
            run_, conversationPieces(prepared.messages, std::span(branch.messages).subspan(first),
                                     task.text));
    }

    void keepCompacted(ui::Compacted compacted) {
        auto shared = std::make_shared<const ui::Compacted>(std::move(compacted));
        run_.change([&chat = chat_, conversation = conversation_, question = question_, shared] {
            conversation->change(
                question, [&](ui::Message &message) { message.compacted = shared; }, true);
            if (conversation == chat.open)
                chat.publish();
        });
    }

    void keepSources(std::vector<ui::CheckedSentence> sentences) {
        run_.change([&chat = chat_, conversation = conversation_, answer = answer_,
                     sentences = std::move(sentences)] {
            conversation->change(
                answer, [&](ui::Message &last) { last.sentences = sentences; }, true);
            if (conversation == chat.open)
                chat.core.draft.chat.messages = chat.open->branch();
        });
    }

    /// `turns`: the messages' ids of those turns that were sent.
    AttentionPart::Sent conversationPieces(const std::vector<model::Message> &messages,
                                           std::span<const uint64_t> turns,
                                           const std::string &answer) const {
        AttentionPart::Sent sent;
        size_t turn = 0;
        for (const model::Message &message : messages) {
            if (message.role == "system") {
                sent.pieces.push_back({ui::PartKind::system, message.content});
                continue;
            }
            std::string_view content = message.content;
            if (turn == 0 && asked_.document) {
                sent.pieces.push_back({ui::PartKind::user, std::string(reading::beforeText())});
                sent.pieces.push_back({ui::PartKind::document, asked_.document->text});
                sent.document = asked_.document_id;
                content.remove_prefix(reading::beforeText().size() + asked_.document->text.size());
            }
            auto kind = message.role == "user" ? ui::PartKind::user : ui::PartKind::assistant;
            sent.pieces.push_back({kind, std::string(content), turns[turn++]});
        }
        sent.pieces.push_back({ui::PartKind::assistant, answer, answer_});
        return sent;
    }

    // ---- passages ------------------------------------------------------------------------------

    reading::AskOptions askOptions() const {
        reading::AskOptions options;
        options.strategy = reading::AskStrategy::retrieve;
        options.most_tokens = std::min(replyTokens(), kMostAnswerTokens);
        if (asked_.settings.ask_way == ui::AskWay::passages_written && asked_.facts.model)
            options.write = true;
        return options;
    }

    KeptAsker &asker() {
        KeptAsker &kept = chat_.kept_asker;
        reading::AskOptions options = askOptions();
        std::string text =
            std::format("{} {} {} {} {}", options.most_tokens, options.write.has_value(),
                        byVectors(), asked_.facts.window_tokens, asked_.facts.settings);
        if (kept.asker && kept.document == asked_.document && kept.model == asked_.facts.model &&
            kept.options == text)
            return kept;
        kept.asker.reset(); // before what it looks into
        kept = {};
        if (asked_.facts.model)
            kept.sent = std::make_unique<SentModel>(chat_.core, asked_.facts);
        kept.asker = std::make_unique<reading::Asker>(*asked_.document, options, kept.sent.get());
        kept.document = asked_.document;
        kept.model = asked_.facts.model;
        kept.options = std::move(text);
        return kept;
    }

    bool byVectors() const { return asked_.settings.by_vectors && asked_.facts.model; }

    /// The first time the model reads all of the document; what a stop leaves unread is read the
    /// next time.
    void useVectors(KeptAsker &kept) {
        if (!byVectors() || kept.embedder)
            return;
        auto embedder = std::make_unique<reading::EngineEmbedder>(chat_.core.worker());
        document::DocumentResults store(chat_.library, asked_.document_id);
        kept.asker->useVectors(*embedder, store, run_.progressSink(), run_.stop());
        kept.embedder = std::move(embedder);
    }

    void askPassages() {
        KeptAsker &kept = asker();
        useVectors(kept);
        if (kept.sent)
            kept.sent->sent.clear();
        reading::Answer so_far;
        so_far.found = so_far.written = true;
        auto on_sentence = [&](const reading::SourcedSentence &sentence) {
            so_far.text.append(so_far.text.empty() ? "" : " ").append(sentence.text);
            message_.show([text = so_far.text](ui::Message &shown) { shown.text = text; }, true);
        };
        reading::Answer answer =
            kept.asker->ask(questionText(), on_sentence, run_.progressSink(), run_.stop());
        std::optional<engine::Task> task;
        if (kept.sent && !kept.sent->sent.empty())
            task = kept.sent->task;
        message_.finish([made = messageOf(answer, task)](ui::Message &last) {
            last.text = made.text;
            last.found = made.found;
            last.sentences = made.sentences;
            last.passages = made.passages;
            last.note = made.note;
            last.prompt_tokens = made.prompt_tokens;
            last.reused_tokens = made.reused_tokens;
            last.written_tokens = made.written_tokens;
            last.prompt_seconds = made.prompt_seconds;
            last.write_seconds = made.write_seconds;
        });
        if (!task)
            return;
        run_.change([&chat = chat_, task] { chat.showSpeed(*task); });
        chat_.attention.timelineChanged(run_, sentPieces(*asked_.document, asked_.document_id,
                                                         kept.sent->sent, question_, answer_,
                                                         task->text));
    }

    std::string noteOf(const reading::Answer &answer) const {
        std::string note;
        if (answer.stopped)
            note = "stopped";
        if (answer.stopped && !answer.found)
            return note;
        addSentence(note, "Only the best passages were looked at" + why_ + ".");
        if (answer.reason.starts_with(kAsAsked)) { // not all of them could be read
            std::string more = answer.reason.substr(kAsAsked.size());
            addSentence(note, more + ".");
        }
        if (byVectors())
            addSentence(note, "They were found by their words and by vectors.");
        else if (asked_.settings.by_vectors)
            addSentence(note, "They were found by their words alone: vectors need a model.");
        if (answer.found && !answer.written)
            addSentence(note, asked_.facts.model
                                  ? std::format("Quoted, because {} is too small to be believed.",
                                                asked_.facts.modelName())
                                  : "Quoted, because there is no model.");
        if (answer.found)
            addSentence(note, std::format("{:.0f} % of the words asked for are there.",
                                          100 * answer.confidence));
        if (asked_.branch.size() > 1)
            addSentence(note, "Earlier turns did not go with it.");
        return note;
    }

    /// What is told in a message, without the rest of it.
    ui::Message messageOf(const reading::Answer &answer,
                          const std::optional<engine::Task> &task) const {
        ui::Message message;
        message.note = noteOf(answer);
        if (task)
            takeFigures(message, *task);
        if (answer.stopped && !answer.found) // before it could be said whether there is an answer
            return message;
        message.text = textOf(answer);
        message.found = answer.found;
        for (const reading::SourcedSentence &sentence : answer.sentences)
            message.sentences.push_back(checkedSentence(*asked_.document, sentence));
        for (const reading::Source &source : answer.sources)
            message.passages.push_back(shownSource(*asked_.document, source));
        return message;
    }

    ChatPart::Impl &chat_;
    TaskRun &run_;
    ConversationPointer conversation_;
    uint64_t question_, answer_;
    GrowingMessage message_;
    ChatPart::Impl::Asked asked_;
    std::string why_; ///< the document is read in this way: ", because ...", ": ..."
};

} // namespace

std::string systemPromptOf(const ConversationSettings &settings, bool with_document) {
    if (!settings.system_prompt.empty() || !with_document)
        return settings.system_prompt;
    return std::string(reading::kReadingSystem);
}

ChatPart::Impl::Asked ChatPart::Impl::asked(const Conversation &conversation, uint64_t question) {
    const ui::Message *message = conversation.find(question);
    if (!message)
        fail(ErrorKind::stopped, "the message was deleted");
    Asked asked{.branch = conversation.messagesTo(question),
                .settings = conversation.settings(),
                .document = documentOf(*message),
                .document_id = message->document,
                .facts = readingFacts(core)};
    if (message->document != 0 && !asked.document)
        fail(ErrorKind::file, "{} is no longer in the library", message->document_title);
    return asked;
}

void ChatPart::Impl::answer(const ConversationPointer &conversation, uint64_t question) {
    const ui::Message &asked = *conversation->find(question);
    ui::Message growing;
    growing.role = ui::Role::assistant;
    growing.kind = asked.document ? ui::MessageKind::answer : ui::MessageKind::chat;
    growing.document = asked.document;
    growing.document_title = asked.document_title;
    growing.growing = true;
    std::string title = asked.document ? "Answer about " + asked.document_title : "Answer";
    uint64_t id = conversation->add(question, std::move(growing));
    model.ensure();
    startWriting(Lane::engine, std::move(title), conversation, id,
                 [this, conversation, question, id](TaskRun &run) {
                     AnswerWriter(*this, run, conversation, question, id).write();
                 });
}

} // namespace longscope::app
