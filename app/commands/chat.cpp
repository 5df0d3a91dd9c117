// `longscope chat`: a conversation. Each line of standard input is a message; documents given as
// files stand before the first one.
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/interrupt.h"
#include "app/json_output.h"
#include "app/kept_readings.h"
#include "app/kept_session.h"
#include "compute/core/error.h"
#include "compute/document/document.h"

#include <unistd.h>

#include <format>

namespace longscope::app {
namespace {

using Json = nlohmann::json;

class Conversation {
  public:
    Conversation(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet),
          worker_(keptReadings(options)), interactive_(::isatty(STDIN_FILENO) != 0) {
        std::string system = options.system;
        if (system.empty() && !options.files.empty())
            system = "You read documents faithfully.";
        if (!system.empty())
            messages_.push_back({"system", system});
        for (const std::string &path : options.files) {
            document::Document document = document::importFile(path);
            for (const std::string &warning : document.warnings)
                printWarning(path + ": " + warning);
            documents_ += (documents_.empty() ? "Text:\n" : "") + document.text + "\n\n";
        }
    }

    int run() {
        loadModel(worker_, options_, line_, stop_);
        if (auto kept = restoreKept(worker_, options_, line_, stop_))
            goOn(*kept);
        if (interactive_ && !options_.quiet)
            printNote("A line is a message; Ctrl-D ends.");
        int status = 0;
        while (status == 0) {
            if (interactive_)
                prompt();
            std::optional<std::string> line = readLine();
            if (!line)
                break;
            if (line->find_first_not_of(" \t\r") != std::string::npos)
                status = answer(*line);
        }
        if (options_.json)
            printJson();
        keepSession(worker_, options_, line_,
                    asJson(messages_).dump(-1, ' ', false, Json::error_handler_t::replace));
        return status;
    }

  private:
    static void prompt() { [[maybe_unused]] ssize_t count = ::write(STDERR_FILENO, "> ", 2); }

    static Json asJson(const std::vector<model::Message> &messages) {
        Json all = Json::array();
        for (const model::Message &message : messages)
            all.push_back({{"role", message.role}, {"content", message.content}});
        return all;
    }

    /// The conversation that was saved with the session; one by another command has none.
    void goOn(const std::string &kept) {
        Json saved = Json::parse(kept, nullptr, false);
        std::vector<model::Message> messages;
        auto textOf = [](const Json &message, const char *key) {
            bool is_there =
                message.is_object() && message.contains(key) && message[key].is_string();
            return is_there ? message[key].get<std::string>() : std::string();
        };
        for (const Json &message : saved.is_array() ? saved : Json::array())
            messages.push_back({textOf(message, "role"), textOf(message, "content")});
        if (messages.empty())
            return;
        if (!options_.system.empty() && messages.front().content != options_.system)
            printWarning("--system is not used: the conversation has begun without it");
        for (const model::Message &message : messages) // the same documents need not be sent again
            if (message.role == "user" && message.content.starts_with(documents_))
                documents_.clear();
        messages_ = std::move(messages);
    }

    int answer(const std::string &text) {
        messages_.push_back({"user", std::exchange(documents_, "") + text});
        engine::Chat chat{messages_, {}};
        chat.options.sampling = sampling(options_);
        chat.options.max_tokens = options_.max_tokens.value_or(chat.options.max_tokens);
        std::function<void(std::string_view)> on_text;
        if (!options_.json)
            on_text = printOut;
        engine::Task task = follow(worker_, std::move(chat), line_, on_text, stop_);
        messages_.push_back({"assistant", task.text});
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
        Json answer = {{"messages", asJson(messages_)},
                       {"prompt_tokens", prompt_tokens_},
                       {"reused_tokens", reused_tokens_},
                       {"generated_tokens", generated_tokens_}};
        app::printJson(answer);
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    engine::Worker worker_;
    bool interactive_;
    std::string documents_; ///< not yet sent
    std::string template_told_;
    std::vector<model::Message> messages_;
    uint64_t prompt_tokens_ = 0, reused_tokens_ = 0, generated_tokens_ = 0;
};

} // namespace

int runChat(const Options &options, std::stop_token stop) {
    return Conversation(options, std::move(stop)).run();
}

} // namespace longscope::app
