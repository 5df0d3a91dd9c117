// `longscope chat`: a conversation. Each line of standard input is a message; documents given as
// files stand before the first one. When the window is full, the oldest turns are compacted, which
// is said and can be undone.
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/interrupt.h"
#include "app/json_output.h"
#include "app/kept_conversation.h"
#include "app/kept_readings.h"
#include "app/kept_session.h"
#include "app/reading_window.h"
#include "compute/core/error.h"
#include "compute/document/places.h"
#include "compute/reading/conversation_memory.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/prompts.h"

#include <unistd.h>

#include <format>
#include <optional>

namespace longscope::app {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostFound = 5; // turns that /find shows
constexpr size_t kFoundBytes = 200;

class Conversation {
  public:
    Conversation(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet), system_(options.system),
          worker_(keptReadings(options)), interactive_(::isatty(STDIN_FILENO) != 0) {
        if (system_.empty() && !options.files.empty())
            system_ = reading::kReadingSystem;
        for (const document::Document &document : importFiles(options.files))
            documents_ += std::string(documents_.empty() ? reading::beforeText() : "") +
                          document.text + "\n\n";
    }

    int run() {
        loadModel(worker_, options_, line_, stop_);
        model_.emplace(readingModel(worker_, options_));
        reading::MemoryOptions wanted;
        wanted.reply_tokens = options_.max_tokens.value_or(engine::GenerateOptions().max_tokens);
        memory_.emplace(*model_, wanted);
        memory_->system = system_;
        if (auto kept = restoreKept(worker_, options_, line_, stop_))
            goOn(*kept);
        if (interactive_ && !options_.quiet)
            printNote(
                "A line is a message; /find WORDS shows turns, /undo takes a compaction back; "
                "Ctrl-D ends.");
        int status = 0;
        while (status == 0) {
            if (interactive_)
                prompt();
            std::optional<std::string> line = readLine();
            if (!line)
                break;
            if (line->find_first_not_of(" \t\r") != std::string::npos && !command(*line))
                status = answerOrTell(*line);
        }
        if (options_.json)
            printJson();
        keepSession(worker_, options_, line_, keepConversation(*memory_));
        return status == 0 && unanswered_ ? statusOf(ErrorKind::model) : status;
    }

  private:
    static void prompt() { [[maybe_unused]] ssize_t count = ::write(STDERR_FILENO, "> ", 2); }

    /// The conversation that was saved with the session; one by another command has none.
    void goOn(const std::string &kept) {
        memory_->system.clear();
        if (!restoreConversation(kept, *memory_)) {
            memory_->system = system_;
            return;
        }
        if (!options_.system.empty() && memory_->system != system_)
            printWarning("--system is not used: the conversation has begun without it");
        bool known = memory_->documents == documents_; // they need not be sent again
        for (const reading::Turn &turn : memory_->turns())
            known = known || (turn.role == "user" && turn.text.starts_with(documents_));
        if (known)
            documents_.clear();
    }

    /// Whether the line was one of the commands, which are answered here.
    bool command(const std::string &line) {
        if (line == "/undo") {
            undo();
            return true;
        }
        if (!line.starts_with("/find "))
            return false;
        const std::vector<reading::Turn> &turns = memory_->turns();
        std::vector<reading::FoundTurn> found = reading::findTurns(turns, line.substr(6));
        for (size_t i = 0; i < std::min(found.size(), kMostFound); ++i)
            show(std::format("{}: {}", reading::turnName(found[i].turn, turns[found[i].turn].role),
                             document::firstWords(turns[found[i].turn].text, kFoundBytes)));
        if (found.empty())
            printNote(std::format("longscope: none of {} turns has these words", turns.size()));
        return true;
    }

    /// Answers of commands go where answers go, but for JSON, which is one object.
    void show(const std::string &text) const {
        if (options_.json)
            printNote(text);
        else
            printOut(text + "\n");
    }

    void undo() {
        const reading::Compaction *compaction = memory_->compaction();
        if (!compaction)
            return printNote("longscope: nothing was compacted");
        size_t end = compaction->end;
        memory_->undo();
        size_t first = memory_->compaction() ? memory_->compaction()->end : 0;
        printNote(std::format("longscope: turns {} to {} are back, word for word", first + 1, end));
    }

    void tell(const reading::ConversationMemory::Prepared &prepared) const {
        if (options_.quiet)
            return;
        if (const auto &made = prepared.compacted) {
            printNote(std::format("longscope: turns 1 to {} were compacted into {} sentence{}{}; "
                                  "/undo brings them back, /find searches them",
                                  made->end, made->sentences.size(),
                                  made->sentences.size() == 1 ? "" : "s",
                                  made->quoted ? "" : " in the model's own words"));
            if (interactive_)
                printNote(reading::listSentences(made->sentences, memory_->turns()));
        }
        for (size_t turn : prepared.recalled)
            printNote("longscope: recalled " +
                      reading::turnName(turn, memory_->turns()[turn].role));
    }

    /// What cannot be answered (a message longer than the window) is told and forgotten; the
    /// conversation goes on, and is saved.
    int answerOrTell(const std::string &text) {
        std::string documents = documents_;
        size_t turns = memory_->turns().size();
        ErrorKind kind;
        try {
            return asModelError([&] { return answer(text); });
        } catch (const Error &error) {
            kind = error.kind();
            if (kind != ErrorKind::model && kind != ErrorKind::memory && kind != ErrorKind::stopped)
                throw;
            line_.clear();
            printError(error.what());
        }
        while (memory_->turns().size() > turns)
            memory_->dropLast();
        documents_ = std::move(documents);
        unanswered_ = true;
        return kind == ErrorKind::stopped ? statusOf(kind) : 0;
    }

    int answer(const std::string &text) {
        bool first = memory_->turns().empty();
        if (first)
            memory_->documents = std::exchange(documents_, "");
        bool pinned = !documents_.empty(); // documents of a later start
        memory_->add({"user", std::exchange(documents_, "") + text, pinned});
        auto prepared = memory_->prepare(line_.sink(), stop_);
        line_.clear();
        tell(prepared);
        engine::Chat chat{std::move(prepared.messages), {}};
        chat.options.sampling = sampling(options_);
        chat.options.max_tokens = options_.max_tokens.value_or(chat.options.max_tokens);
        std::function<void(std::string_view)> on_text;
        if (!options_.json)
            on_text = printOut;
        engine::Task task = follow(worker_, std::move(chat), line_, on_text, stop_);
        memory_->add({"assistant", task.text});
        if (task.template_used != "template" && template_told_ != task.template_used)
            printWarning(template_told_ = task.template_used);
        prompt_tokens_ += task.prompt_tokens;
        reused_tokens_ += task.reused_tokens;
        generated_tokens_ += task.written_tokens;
        if (!options_.json)
            printOut("\n");
        if (!options_.quiet)
            noteFinish(task);
        return statusOf(task);
    }

    void printJson() const {
        Json answer = conversationJson(*memory_);
        answer["prompt_tokens"] = prompt_tokens_;
        answer["reused_tokens"] = reused_tokens_;
        answer["generated_tokens"] = generated_tokens_;
        app::printJson(answer);
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    std::string system_;
    engine::Worker worker_;
    bool interactive_, unanswered_ = false;
    std::string documents_; ///< not yet sent
    std::string template_told_;
    std::optional<reading::EngineModel> model_;         ///< once it is loaded
    std::optional<reading::ConversationMemory> memory_; ///< with it
    uint64_t prompt_tokens_ = 0, reused_tokens_ = 0, generated_tokens_ = 0;
};

} // namespace

int runChat(const Options &options, std::stop_token stop) {
    return Conversation(options, std::move(stop)).run();
}

} // namespace longscope::app
