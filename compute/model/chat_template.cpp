#include "compute/model/chat_template.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/model/chat_builtin.h"
#include "compute/model/jinja.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

namespace longscope::model {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// A template takes milliseconds; one that ran into its limits gets no further attempts.
constexpr auto kAttemptsTime = std::chrono::seconds(1);

std::string makeJson(const std::vector<Message> &messages, bool as_parts) {
    Json list = Json::array();
    for (const Message &message : messages) {
        // Templates see text only; a byte that is none would stop the JSON.
        std::string text = repairUtf8(message.content);
        Json content = text;
        if (as_parts)
            content = Json::array({Json{{"type", "text"}, {"text", text}}});
        list.push_back(Json{{"role", repairUtf8(message.role)}, {"content", content}});
    }
    return Json{{"messages", list}}.dump();
}

RenderedChat joinParts(const std::vector<TemplatePart> &parts) {
    RenderedChat chat;
    for (const TemplatePart &part : parts) {
        if (part.is_content)
            chat.content.push_back({chat.text.size(), chat.text.size() + part.text.size()});
        chat.text += part.text;
    }
    return chat;
}

/// Some templates drop a role or a form of content that they do not know without a word.
bool keepsAllText(const RenderedChat &chat, const std::vector<Message> &messages) {
    for (const Message &message : messages)
        if (message.role != "assistant" &&
            chat.text.find(trimSpaces(repairUtf8(message.content))) == std::string::npos)
            return false;
    return true;
}

/// What an error of the library says at its end, behind place and excerpt, as a part of one line.
std::string shortReason(std::string_view text) {
    constexpr size_t kMaxBytes = 200;
    constexpr std::string_view kLabel = "\nError: ";
    if (size_t label = text.rfind(kLabel); label != std::string_view::npos)
        text.remove_prefix(label + kLabel.size());
    std::string out;
    for (char c : text.substr(0, kMaxBytes)) {
        bool space = c == '\n' || c == ' ' || c == '\t';
        if (!space || (!out.empty() && out.back() != ' '))
            out += space ? ' ' : c;
    }
    return repairUtf8(out);
}

struct Attempt {
    std::string_view change; ///< "" = as it is
    std::vector<Message> messages;
    bool as_parts = false;
};

std::vector<Attempt> makeAttempts(const std::vector<Message> &messages) {
    return {{"", messages},
            {"the system text joined to the first user message", joinSystem(messages)},
            {"neighbours of equal role merged", mergeNeighbours(messages)},
            {"message contents as parts", messages, true}};
}

} // namespace

ChatTemplate::ChatTemplate(const Gguf &file, const Tokenizer &tokenizer)
    : source_(file.findString("tokenizer.chat_template").value_or("")) {
    if (tokenizer.bos() >= 0)
        bos_ = tokenizer.bytesOf(tokenizer.bos());
    if (tokenizer.eos() >= 0)
        eos_ = tokenizer.bytesOf(tokenizer.eos());
    built_in_ =
        chooseBuiltIn([&](std::string_view text) { return tokenizer.findToken(text) >= 0; });
}

// Without a vocabulary, the marks that the template itself writes say which tokens there are.
ChatTemplate::ChatTemplate(std::string source, std::string bos, std::string eos)
    : source_(std::move(source)), bos_(std::move(bos)), eos_(std::move(eos)) {
    built_in_ = chooseBuiltIn(
        [&](std::string_view text) { return source_.find(text) != std::string::npos; });
}

RenderedChat ChatTemplate::render(const std::vector<Message> &messages,
                                  bool add_generation_prompt) const {
    std::string reason = "the file has no chat template";
    std::optional<RenderedChat> lossy; // rendered, but without some of the text
    bool first = true;
    auto start = Clock::now();
    for (const Attempt &attempt : makeAttempts(messages)) {
        if (source_.empty() || Clock::now() - start > kAttemptsTime)
            break;
        try {
            RenderedChat chat =
                joinParts(renderTemplate(source_, {makeJson(attempt.messages, attempt.as_parts),
                                                   bos_, eos_, add_generation_prompt}));
            chat.used = "template";
            if (!attempt.change.empty())
                chat.used += std::format(", with {} ({})", attempt.change, reason);
            if (keepsAllText(chat, attempt.messages))
                return chat;
            if (!lossy)
                lossy = std::move(chat);
            if (first)
                reason = "as they are, the template leaves some text out";
        } catch (const Error &error) {
            if (error.kind() != ErrorKind::model)
                throw;
            if (first)
                reason = shortReason(error.what());
        }
        first = false;
    }
    if (lossy)
        return *std::move(lossy);
    RenderedChat chat = renderBuiltIn(built_in_, messages, eos_, add_generation_prompt);
    chat.used = std::format("built-in {} format ({})", built_in_, reason);
    return chat;
}

std::string ChatTemplate::renderJson(std::string_view json, bool add_generation_prompt) const {
    if (source_.empty())
        fail(ErrorKind::model, "the model's file has no chat template (tokenizer.chat_template)");
    // Checked here, where the kind of error is known; the tree itself is only built in the sandbox,
    // because a deep one may overflow the stack.
    if (!Json::accept(json))
        fail(ErrorKind::usage, "the variables of the chat template are not valid JSON ({} bytes)",
             json.size());
    return joinParts(
               renderTemplate(source_, {std::string(json), bos_, eos_, add_generation_prompt}))
        .text;
}

std::vector<Token> encodeChat(const Tokenizer &tokenizer, const RenderedChat &chat) {
    TokenizeOptions options;
    if (tokenizer.bos() >= 0) {
        bool content_first = !chat.content.empty() && chat.content.front().start == 0;
        options.add_bos =
            content_first || !chat.text.starts_with(tokenizer.bytesOf(tokenizer.bos()));
    }
    return tokenizer.encode(chat.text, options, chat.content);
}

} // namespace longscope::model
