#include "compute/model/chat_builtin.h"

#include <array>

namespace longscope::model {
namespace {

/// Collects the text of a chat and remembers which bytes are content.
class ChatWriter {
  public:
    ChatWriter &mark(std::string_view text) {
        chat_.text += text;
        return *this;
    }
    ChatWriter &content(std::string_view text) {
        if (!text.empty())
            chat_.content.push_back({chat_.text.size(), chat_.text.size() + text.size()});
        return mark(text);
    }
    RenderedChat take() { return std::move(chat_); }

  private:
    RenderedChat chat_;
};

void writeTurn(ChatWriter &writer, std::string_view style, const Message &message,
               std::string_view eos) {
    std::string_view role = message.role;
    if (style == "ChatML") {
        writer.mark("<|im_start|>").mark(role).mark("\n").content(message.content);
        writer.mark("<|im_end|>\n");
    } else if (style == "Llama 3") {
        writer.mark("<|start_header_id|>").mark(role).mark("<|end_header_id|>\n\n");
        writer.content(message.content).mark("<|eot_id|>");
    } else if (style == "Gemma") {
        writer.mark("<start_of_turn>").mark(role == "assistant" ? "model" : role).mark("\n");
        writer.content(message.content).mark("<end_of_turn>\n");
    } else if (style == "Phi-3") {
        writer.mark("<|").mark(role).mark("|>\n").content(message.content).mark("<|end|>\n");
    } else if (style == "Mistral") {
        if (role == "assistant")
            writer.mark(" ").content(message.content).mark(eos);
        else
            writer.mark("[INST] ").content(message.content).mark(" [/INST]");
    } else {
        if (role != "system")
            writer.mark(role == "assistant" ? "Assistant: " : "User: ");
        writer.content(message.content).mark("\n\n");
    }
}

struct Opening {
    std::string_view style, text; ///< what begins the answer
};
constexpr Opening kOpenings[] = {
    {"ChatML", "<|im_start|>assistant\n"},
    {"Llama 3", "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"Gemma", "<start_of_turn>model\n"},
    {"Phi-3", "<|assistant|>\n"},
    {"Mistral", ""},
    {"plain", "Assistant:"},
};

} // namespace

std::string chooseBuiltIn(const std::function<bool(std::string_view)> &has) {
    if (has("<|im_start|>"))
        return "ChatML";
    if (has("<|start_header_id|>"))
        return "Llama 3";
    if (has("<start_of_turn>"))
        return "Gemma";
    if (has("<|user|>") && has("<|end|>"))
        return "Phi-3";
    if (has("[INST]"))
        return "Mistral";
    return "plain";
}

RenderedChat renderBuiltIn(std::string_view style, const std::vector<Message> &messages,
                           std::string_view eos, bool add_generation_prompt) {
    bool no_system = style == "Gemma" || style == "Mistral";
    ChatWriter writer;
    for (const Message &message : no_system ? joinSystem(messages) : messages)
        writeTurn(writer, style, message, eos);
    if (add_generation_prompt)
        for (const Opening &opening : kOpenings)
            if (opening.style == style)
                writer.mark(opening.text);
    return writer.take();
}

std::vector<Message> joinSystem(const std::vector<Message> &messages) {
    std::vector<Message> out;
    std::string waiting;
    auto addText = [](std::string &text, const std::string &more) {
        text += (text.empty() || more.empty() ? "" : "\n\n") + more;
    };
    for (const Message &message : messages) {
        if (message.role == "system") {
            addText(waiting, message.content);
            continue;
        }
        Message copy = message;
        if (message.role == "user" && !waiting.empty()) {
            addText(waiting, message.content);
            copy.content = std::move(waiting);
            waiting.clear();
        }
        out.push_back(std::move(copy));
    }
    if (!waiting.empty())
        out.push_back({"user", std::move(waiting)});
    return out;
}

std::vector<Message> mergeNeighbours(const std::vector<Message> &messages) {
    std::vector<Message> out;
    for (const Message &message : joinSystem(messages)) {
        if (out.empty() && message.role == "assistant")
            continue;
        if (!out.empty() && out.back().role == message.role)
            out.back().content += "\n\n" + message.content;
        else
            out.push_back(message);
    }
    return out;
}

} // namespace longscope::model
