// Commands on conversations. What writes messages: answering.cpp and summarizing.cpp.
#include "app/desk/chat_impl.h"
#include "app/desk/export.h"
#include "compute/core/text.h"
#include "compute/document/places.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

constexpr std::string_view kDefaultsKey = "chat.defaults"; ///< system prompt and sampling
constexpr std::string_view kOpenKey = "chat.open";
constexpr size_t kMostFoundTurns = 20, kFoundTurnBytes = 160;

/// The user's text as it may be stored and sent; "" when there is nothing in it.
std::string cleaned(const std::string &text) {
    return repairUtf8(trimSpaces(text));
}

uint64_t numberOf(const std::optional<std::string> &text) {
    return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

} // namespace

// ---- the open conversation ---------------------------------------------------------------------

ChatPart::Impl::Impl(Core &the_core, Library &the_library, DocumentsPart &the_documents,
                     ModelPart &the_model, AttentionPart &the_attention)
    : core(the_core), library(the_library), documents(the_documents), model(the_model),
      attention(the_attention), counter(the_core) {
    library.purgeRemoved();
    open = load(numberOf(library.value(kOpenKey)));
    if (!open)
        open = std::make_shared<Conversation>(library, defaults());
    list();
    publish();
    documents.on_changed = [this] { count(); };
    documents.on_opened = [this] { // a conversation that begins now is likely about it
        if (open->leaf() == 0)
            changeSettings([](ConversationSettings &settings) { settings.with_document = true; });
    };
}

ConversationSettings ChatPart::Impl::defaults() const {
    return readSettings(parseJson(library.value(kDefaultsKey).value_or("")));
}

ConversationPointer ChatPart::Impl::load(uint64_t conversation) {
    if (auto known = loaded[conversation].lock())
        return known;
    loaded.erase(conversation);
    for (const document::StoredConversation &stored : library.conversations())
        if (stored.id == conversation) {
            auto made = std::make_shared<Conversation>(library, stored);
            loaded[conversation] = made;
            return made;
        }
    return nullptr;
}

void ChatPart::Impl::show(ConversationPointer conversation) {
    open = std::move(conversation);
    core.draft.chat.found_turns.clear();
    core.draft.chat.found_turns_words.clear();
    library.setValue(kOpenKey, std::to_string(open->id()));
    publish();
}

void ChatPart::Impl::list() {
    core.draft.chat.conversations.clear();
    for (document::StoredConversation &stored : library.conversations())
        core.draft.chat.conversations.push_back({.id = stored.id,
                                                 .title = std::move(stored.title),
                                                 .changed_unix_s = stored.changed_unix_s,
                                                 .messages = stored.messages});
}

void ChatPart::Impl::publish() {
    ui::Chat &chat = core.draft.chat;
    if (open->id() != 0 && !loaded[open->id()].lock()) { // it has just got its id
        loaded[open->id()] = open;
        library.setValue(kOpenKey, std::to_string(open->id()));
    }
    chat.open = open->id();
    chat.title = open->title();
    chat.messages = open->branch();
    chat.system_prompt = open->settings().system_prompt;
    chat.sampling = open->settings().sampling;
    chat.with_document = open->settings().with_document;
    chat.ask_way = open->settings().ask_way;
    chat.by_vectors = open->settings().by_vectors;
    count();
}

void ChatPart::Impl::count() {
    const ConversationSettings &settings = open->settings();
    auto document = core.draft.documents.shown();
    bool with_document = settings.with_document && document;
    bool alone = with_document && ui::isOfPassages(settings.ask_way);
    ContextWanted wanted{.system_prompt = systemPromptOf(settings, with_document),
                         .history = alone ? std::vector<MessagePointer>() : sentNow(open->branch()),
                         .draft = core.draft.chat.draft,
                         .with_document = with_document && !alone,
                         .reply_tokens = settings.sampling.reply_tokens};
    if (wanted.with_document && document->token_starts)
        wanted.document_tokens = document->token_starts->size();
    counter.count(std::move(wanted));
}

void ChatPart::Impl::changeSettings(const std::function<void(ConversationSettings &)> &change) {
    ConversationSettings settings = open->settings();
    change(settings);
    open->setSettings(settings);
    settings.with_document = false; // belongs to a conversation, not to the next one
    library.setValue(kDefaultsKey, dumpJson(settingsToJson(settings)));
    publish();
}

void ChatPart::Impl::stopWriting(const Conversation &conversation, uint64_t below) {
    for (uint64_t message : conversation.growing()) {
        std::vector<uint64_t> path = conversation.pathTo(message);
        auto task = task_of.find(message);
        bool is_below = below == 0 || std::ranges::find(path, below) != path.end();
        if (!is_below || task == task_of.end())
            continue;
        core.stopTask(task->second);
        if (auto writing = load(conversation.id()))
            finishUnfinished(writing, message, "stopped");
    }
}

ChatPart::ChatPart(Core &core, Library &library, DocumentsPart &documents, ModelPart &model,
                   AttentionPart &attention)
    : impl_(std::make_unique<Impl>(core, library, documents, model, attention)) {}
ChatPart::~ChatPart() = default;

void ChatPart::countContext() {
    impl_->count();
}

// ---- conversations -----------------------------------------------------------------------------

void ChatPart::handle(const command::NewConversation &) {
    ConversationSettings settings = impl_->defaults();
    settings.with_document =
        impl_->open->settings().with_document && impl_->core.draft.documents.shown();
    impl_->show(std::make_shared<Conversation>(impl_->library, settings));
}

void ChatPart::handle(const command::OpenConversation &open) {
    if (auto conversation = impl_->load(open.conversation))
        impl_->show(std::move(conversation));
}

void ChatPart::handle(const command::FindConversations &find) {
    ui::Chat &chat = impl_->core.draft.chat;
    chat.found = impl_->library.findConversations(find.words);
    chat.found_words = find.words;
}

void ChatPart::handle(const command::RenameConversation &rename) {
    std::string title = cleaned(rename.title);
    auto conversation = impl_->load(rename.conversation);
    if (!conversation || title.empty())
        return;
    conversation->rename(std::move(title));
    impl_->list();
    impl_->publish();
}

void ChatPart::handle(const command::DeleteConversation &remove) {
    auto conversation = impl_->load(remove.conversation);
    if (!conversation)
        return;
    impl_->stopWriting(*conversation, 0);
    impl_->library.removeConversation(conversation->id());
    bool was_open = conversation == impl_->open;
    if (was_open)
        handle(command::NewConversation{});
    impl_->list();
    impl_->core.undoable(std::format("Deleted \"{}\".", conversation->title()),
                         [impl = impl_.get(), conversation, was_open] {
                             impl->library.restoreConversation(conversation->id());
                             impl->list();
                             if (was_open)
                                 impl->show(conversation);
                         });
}

void ChatPart::handle(const command::SetSystemPrompt &set) {
    impl_->changeSettings(
        [&](ConversationSettings &settings) { settings.system_prompt = repairUtf8(set.text); });
}

void ChatPart::handle(const command::SetSampling &set) {
    impl_->changeSettings(
        [&](ConversationSettings &settings) { settings.sampling = set.sampling; });
}

void ChatPart::handle(const command::SetWithDocument &set) {
    impl_->changeSettings(
        [&](ConversationSettings &settings) { settings.with_document = set.with_document; });
}

void ChatPart::handle(const command::SetAskWay &set) {
    impl_->changeSettings([&](ConversationSettings &settings) { settings.ask_way = set.way; });
}

void ChatPart::handle(const command::SetByVectors &set) {
    impl_->changeSettings(
        [&](ConversationSettings &settings) { settings.by_vectors = set.by_vectors; });
}

void ChatPart::handle(const command::FindTurns &find) {
    ui::Chat &chat = impl_->core.draft.chat;
    BranchTurns branch = turnsOf(impl_->open->branch());
    chat.found_turns_words = find.words;
    chat.found_turns.clear();
    for (const reading::FoundTurn &found : reading::findTurns(branch.turns, find.words)) {
        if (chat.found_turns.size() == kMostFoundTurns)
            break;
        const reading::Turn &turn = branch.turns[found.turn];
        chat.found_turns.push_back({.message = branch.messages[found.turn],
                                    .name = reading::turnName(found.turn, turn.role),
                                    .text = document::firstWords(turn.text, kFoundTurnBytes)});
    }
}

void ChatPart::handle(const command::SetCompacted &set) {
    const ui::Message *message = impl_->open->find(set.message);
    if (!message || !message->compacted)
        return;
    auto changed = std::make_shared<ui::Compacted>(*message->compacted);
    changed->in_short = set.in_short;
    impl_->open->change(
        set.message, [&](ui::Message &own) { own.compacted = changed; }, true);
    impl_->publish();
}

void ChatPart::handle(const command::CountDraft &count) {
    impl_->core.draft.chat.draft = count.text;
    impl_->count();
}

// ---- messages ----------------------------------------------------------------------------------

namespace {

/// A message of the user, with the document that it is about.
ui::Message question(std::string text, const std::shared_ptr<const ui::Document> &document) {
    ui::Message message;
    message.text = std::move(text);
    if (document) {
        message.document = document->id;
        message.document_title = document->title;
    }
    return message;
}

} // namespace

void ChatPart::handle(const command::Send &send) {
    std::string text = cleaned(send.text);
    if (text.empty())
        return;
    bool with_document = impl_->open->settings().with_document;
    auto document = with_document ? impl_->core.draft.documents.shown() : nullptr;
    if (with_document && !document)
        impl_->core.notice(ui::NoticeKind::info,
                           "No document is open, so the message went without one.");
    impl_->core.draft.chat.draft.clear();
    uint64_t id = impl_->open->add(impl_->open->leaf(), question(std::move(text), document));
    impl_->answer(impl_->open, id);
}

void ChatPart::handle(const command::Summarize &wanted) {
    impl_->documents.whenOpened([this, wanted] { summarizeShown(wanted); });
}

void ChatPart::summarizeShown(const command::Summarize &summarize) {
    auto document = impl_->core.draft.documents.shown();
    if (!document) {
        impl_->core.notice(ui::NoticeKind::info, "Open a document first.");
        return;
    }
    bool quotes = summarize.strategy == command::Strategy::extract;
    ui::Message request =
        question(quotes ? std::format("Summarize {} ({} key sentences)", document->title,
                                      summarize.key_sentences)
                        : std::format("Summarize {} ({} words)", document->title, summarize.words),
                 document);
    request.kind = ui::MessageKind::summary;
    uint64_t id = impl_->open->add(impl_->open->leaf(), std::move(request), summarize);
    impl_->summarize(impl_->open, id);
}

void ChatPart::handle(const command::Regenerate &again) {
    const ui::Message *message = impl_->open->find(again.message);
    uint64_t request = impl_->open->parentOf(again.message);
    if (!message || message->role != ui::Role::assistant || request == 0)
        return;
    impl_->stopWriting(*impl_->open, again.message);
    if (impl_->open->summaryOf(request))
        impl_->summarize(impl_->open, request, message->can_go_on ? message->seed : 0);
    else
        impl_->answer(impl_->open, request);
}

void ChatPart::handle(const command::EditMessage &edit) {
    const ui::Message *message = impl_->open->find(edit.message);
    std::string text = cleaned(edit.text);
    if (!message || message->role != ui::Role::user || text.empty())
        return;
    impl_->stopWriting(*impl_->open, edit.message);
    bool with_document = impl_->open->settings().with_document;
    auto document = with_document ? impl_->core.draft.documents.shown() : nullptr;
    uint64_t parent = impl_->open->parentOf(edit.message);
    impl_->answer(impl_->open, impl_->open->add(parent, question(std::move(text), document)));
}

void ChatPart::handle(const command::SwitchBranch &change) {
    impl_->open->switchBranch(change.message, change.step);
    impl_->publish();
}

void ChatPart::handle(const command::DeleteMessage &remove) {
    auto conversation = impl_->open;
    impl_->stopWriting(*conversation, remove.message);
    auto removed = conversation->remove(remove.message);
    if (removed.empty())
        return;
    impl_->list();
    impl_->publish();
    impl_->core.undoable(removed.size() == 1 ? "Deleted a message."
                                             : std::format("Deleted {} messages.", removed.size()),
                         [impl = impl_.get(), conversation, removed] {
                             conversation->restore(removed);
                             impl->list();
                             impl->publish();
                         });
}

void ChatPart::handle(const command::ExportConversation &save) {
    auto conversation = save.conversation == 0 ? impl_->open : impl_->load(save.conversation);
    if (!conversation)
        return;
    ExportedConversation exported{.title = conversation->title(),
                                  .system_prompt = conversation->settings().system_prompt,
                                  .messages = conversation->branch()};
    impl_->core.start(Lane::aside, "Export", [core = &impl_->core, save, exported](TaskRun &run) {
        exportTo(save.path, exported, save.format);
        run.change([core, path = save.path] {
            core->notice(ui::NoticeKind::info, "The conversation is saved as " + path + ".");
        });
    });
}

} // namespace longscope::app
