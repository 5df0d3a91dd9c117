// What the model writes into a message: how it grows, what is kept of it, where its sentences come
// from. Who writes: asking.cpp and summarizing.cpp.
#include "app/desk/chat_impl.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/places.h"
#include "compute/document/sentences.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenUpdates{50};
constexpr std::chrono::seconds kBetweenStores{1}; ///< a crash loses at most this of a growing one
constexpr const char *kStopped = "stopped";

/// Without "- ", "* ", "3. ", "## " at the beginning.
std::string_view withoutMark(std::string_view line) {
    size_t start = line.find_first_not_of(" \t>");
    line.remove_prefix(std::min(start, line.size()));
    if (size_t number = numberMarkLength(line, line.size()))
        return line.substr(number);
    size_t mark = std::min(line.find_first_not_of("#-*+"), line.size());
    return line.substr(mark > 0 && line.substr(mark).starts_with(' ') ? mark + 1 : 0);
}

} // namespace

std::string finishNote(const engine::Task &task) {
    if (task.state == engine::TaskState::stopped)
        return kStopped;
    if (task.finish == engine::Finish::length)
        return std::format("cut after {} tokens, the most that a reply may have",
                           task.written_tokens);
    if (task.finish == engine::Finish::window_full)
        return std::format("the window is full: {} tokens read, {} written", task.prompt_tokens,
                           task.written_tokens);
    return "";
}

void takeFigures(ui::Message &message, const engine::Task &task) {
    message.prompt_tokens = task.prompt_tokens;
    message.reused_tokens = task.reused_tokens;
    message.written_tokens = task.written_tokens;
    message.prompt_seconds = task.prompt_seconds;
    message.write_seconds = task.write_seconds;
}

/// Marks of Markdown in the words of a document stay words.
std::string escapedMarkdown(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool is_mark = std::string_view("\\`*_<[~").contains(c);
        if (is_mark || (out.empty() && std::string_view("#>+-").contains(c)))
            out += '\\';
        out += c;
    }
    return out;
}

// ---- where sentences come from -----------------------------------------------------------------

ui::Source shownSource(const document::Document &document, const reading::Source &source) {
    return {.start = source.start,
            .end = source.end,
            .score = static_cast<float>(std::clamp(source.score, 0.0, 1.0)),
            .place = document::placeOf(document, source.start)};
}

ui::CheckedSentence checkedSentence(const document::Document &document,
                                    const reading::SourcedSentence &sentence) {
    ui::CheckedSentence checked{.text = sentence.text,
                                .quoted = sentence.quoted,
                                .supported = sentence.supported,
                                .sources = {}};
    if (!sentence.sources.empty())
        checked.sources.push_back(shownSource(document, sentence.sources.front()));
    return checked;
}

std::vector<ui::CheckedSentence> SourceFinder::check(const DocumentPointer &document,
                                                     std::string_view text) {
    if (document_ != document) {
        support_ = std::make_unique<reading::SupportCheck>(*document);
        document_ = document;
    }
    std::vector<ui::CheckedSentence> sentences;
    bool in_code = false;
    for (size_t at = 0; at < text.size();) {
        std::string_view line = text.substr(at, std::min(text.find('\n', at), text.size()) - at);
        at += line.size() + 1;
        in_code = in_code != withoutMark(line).starts_with("```");
        line = withoutMark(line);
        if (in_code || line.starts_with("```"))
            continue;
        for (const document::Span &span : document::sentenceSpans(line)) {
            std::string sentence(line.substr(span.start, span.end - span.start));
            sentences.push_back(checkedSentence(
                *document, reading::checkedSentence(*support_, std::move(sentence))));
        }
    }
    return sentences;
}

// ---- the growing message -----------------------------------------------------------------------

void GrowingMessage::show(std::function<void(ui::Message &)> change, bool at_once) {
    if (!at_once && Clock::now() - shown_at_ < kBetweenUpdates)
        return;
    shown_at_ = Clock::now();
    run_.change([&chat = chat_, conversation = conversation_, message = message_,
                 change = std::move(change)] { chat.grown(conversation, message, change); });
}

void GrowingMessage::finish(std::function<void(ui::Message &)> change) {
    run_.change([&chat = chat_, conversation = conversation_, message = message_,
                 change = std::move(change)] { chat.finish(conversation, message, change); });
}

void ChatPart::Impl::grown(const ConversationPointer &conversation, uint64_t message,
                           const std::function<void(ui::Message &)> &change) {
    const ui::Message *before = conversation->find(message);
    if (!before || !before->growing)
        return; // deleted, or ended by a command
    auto &stored = stored_at[message];
    bool store = Clock::now() - stored >= kBetweenStores;
    if (store)
        stored = Clock::now();
    conversation->change(message, change, store);
    if (conversation == open)
        core.draft.chat.messages = open->branch();
}

void ChatPart::Impl::finish(const ConversationPointer &conversation, uint64_t message,
                            const std::function<void(ui::Message &)> &change) {
    const ui::Message *before = conversation->find(message);
    if (!before || !before->growing)
        return;
    try {
        conversation->change(
            message,
            [&](ui::Message &last) {
                change(last);
                last.growing = false;
            },
            true);
    } catch (const Error &error) { // a full disk: it ends all the same
        core.notice(ui::NoticeKind::error, error.what());
    }
    list();
    if (conversation == open)
        publish();
}

void ChatPart::Impl::finishUnfinished(const ConversationPointer &conversation, uint64_t message,
                                      const std::string &note) {
    finish(conversation, message, [&](ui::Message &last) { last.note = note; });
}

void ChatPart::Impl::startWriting(Lane lane, std::string title,
                                  const ConversationPointer &conversation, uint64_t message,
                                  std::function<void(TaskRun &)> body) {
    auto end = [this, conversation, message](const std::string &note) {
        finishUnfinished(conversation, message, note);
    };
    auto guarded = [end, body = std::move(body)](TaskRun &run) {
        try {
            body(run);
        } catch (const std::exception &error) {
            auto *known = dynamic_cast<const Error *>(&error);
            bool stopped = known && known->kind() == ErrorKind::stopped;
            run.change([end, note = std::string(stopped ? kStopped : error.what())] { end(note); });
            throw;
        }
    };
    stored_at[message] = Clock::now();
    task_of[message] = core.start(lane, std::move(title), std::move(guarded), [this, end, message] {
        end(kStopped); // one that waited and was dropped
        task_of.erase(message);
        stored_at.erase(message);
    });
    list();
    publish();
}

void ChatPart::Impl::showSpeed(const engine::Task &task) {
    uint64_t read = task.prompt_tokens - std::min(task.reused_tokens, task.prompt_tokens);
    if (read > 0 && task.prompt_seconds > 0)
        core.draft.prompt_tokens_per_second = static_cast<double>(read) / task.prompt_seconds;
    if (task.written_tokens > 0 && task.write_seconds > 0)
        core.draft.write_tokens_per_second =
            static_cast<double>(task.written_tokens) / task.write_seconds;
    if (!task.template_used.empty())
        core.draft.chat.template_used = task.template_used;
}

// ---- the document of a message ------------------------------------------------------------------

DocumentPointer ChatPart::Impl::documentOf(const ui::Message &message) {
    if (message.document == 0)
        return nullptr;
    if (auto is_open = documents.full(message.document))
        return is_open;
    auto stored = library.document(message.document);
    return stored ? std::make_shared<const document::Document>(std::move(*stored)) : nullptr;
}

} // namespace longscope::app
