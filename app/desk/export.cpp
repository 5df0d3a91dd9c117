#include "app/desk/export.h"

#include "app/desk/export_html.h"
#include "app/desk/message_details.h"
#include "app/output.h"

#include <format>
#include <span>

namespace longscope::app {
namespace {

using Json = nlohmann::json;
using ui::command::ExportFormat;

// No script, no picture, no request: nothing that a model wrote can act in the reader's browser.
constexpr char kPageHead[] =
    "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>{0}</title>\n<style>\n"
    "body {{ font-family: sans-serif; line-height: 1.5; max-width: 45em; margin: 2em auto; "
    "padding: 0 1em }}\n"
    "section {{ border-top: 1px solid #ccc; padding-top: 0.5em }}\n"
    ".user {{ background: #f3f3f3; padding: 0.5em 1em }}\n"
    ".note, .place, h2 {{ color: #666; font-size: 0.85em }}\n"
    "pre {{ overflow-x: auto; background: #f3f3f3; padding: 0.5em }}\n"
    "table {{ border-collapse: collapse }} td, th {{ border: 1px solid #ccc; padding: 0.2em "
    "0.5em }}\n</style>\n</head>\n<body>\n<h1>{0}</h1>\n";

const char *speaker(const ui::Message &message) {
    return message.role == ui::Role::user ? "You" : "Model";
}

std::string heading(const ui::Message &message) {
    std::string head = speaker(message);
    if (message.role == ui::Role::user && !message.document_title.empty())
        head += ", about " + message.document_title;
    return head;
}

/// "Supply, paragraph 2", or that the words were not found.
std::string origin(const ui::CheckedSentence &sentence) {
    if (sentence.sources.empty() || !sentence.supported)
        return "words not found in the document";
    return sentence.quoted ? "quoted from " + sentence.sources[0].place : sentence.sources[0].place;
}

std::string markdownOf(const ExportedConversation &conversation) {
    std::string out = "# " + conversation.title + "\n";
    if (!conversation.system_prompt.empty())
        out += "\n**System prompt:** " + conversation.system_prompt + "\n";
    for (const auto &message : conversation.messages) {
        out += std::format("\n## {}\n\n{}\n", heading(*message), message->text);
        if (!message->sentences.empty())
            out += "\nSources:\n\n";
        for (const ui::CheckedSentence &sentence : message->sentences)
            out += std::format("- {} [{}]\n", sentence.text, origin(sentence));
        if (!message->note.empty())
            out += std::format("\n*{}*\n", message->note);
    }
    return out;
}

std::string htmlOf(const ExportedConversation &conversation) {
    std::string title = escapeHtml(conversation.title);
    std::string out = std::format(kPageHead, title);
    if (!conversation.system_prompt.empty())
        out += std::format("<p class=\"note\">System prompt: {}</p>\n",
                           escapeHtml(conversation.system_prompt));
    for (const auto &message : conversation.messages) {
        bool is_user = message->role == ui::Role::user;
        out += std::format("<section{}>\n<h2>{}</h2>\n{}", is_user ? " class=\"user\"" : "",
                           escapeHtml(heading(*message)), htmlOfMarkdown(message->text));
        if (!message->sentences.empty())
            out += "<p class=\"note\">Sources:</p>\n<ul>\n";
        for (const ui::CheckedSentence &sentence : message->sentences)
            out += std::format("<li>{} <span class=\"place\">[{}]</span></li>\n",
                               escapeHtml(sentence.text), escapeHtml(origin(sentence)));
        if (!message->sentences.empty())
            out += "</ul>\n";
        if (!message->note.empty())
            out += std::format("<p class=\"note\">{}</p>\n", escapeHtml(message->note));
        out += "</section>\n";
    }
    return out + "</body>\n</html>\n";
}

const char *kindName(ui::MessageKind kind) {
    switch (kind) {
    case ui::MessageKind::chat:
        return "chat";
    case ui::MessageKind::summary:
        return "summary";
    case ui::MessageKind::answer:
        return "answer";
    }
    return "";
}

std::string jsonOf(const ExportedConversation &conversation) {
    Json messages = Json::array();
    for (const auto &message : conversation.messages) {
        Json json = {{"role", message->role == ui::Role::user ? "user" : "assistant"},
                     {"kind", kindName(message->kind)},
                     {"content", message->text},
                     {"note", message->note},
                     {"prompt_tokens", message->prompt_tokens},
                     {"reused_tokens", message->reused_tokens},
                     {"generated_tokens", message->written_tokens},
                     {"prompt_seconds", message->prompt_seconds},
                     {"write_seconds", message->write_seconds}};
        if (message->document != 0)
            json["document"] = message->document_title;
        if (!message->sentences.empty())
            json["sentences"] = sentencesToJson(message->sentences);
        messages.push_back(std::move(json));
    }
    Json all = {{"title", conversation.title},
                {"system_prompt", conversation.system_prompt},
                {"messages", std::move(messages)}};
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace

std::string exportText(const ExportedConversation &conversation, ExportFormat format) {
    switch (format) {
    case ExportFormat::markdown:
        return markdownOf(conversation);
    case ExportFormat::html:
        return htmlOf(conversation);
    case ExportFormat::json:
        return jsonOf(conversation);
    }
    return "";
}

void exportTo(const std::string &path, const ExportedConversation &conversation,
              ExportFormat format) {
    std::string text = exportText(conversation, format);
    OutputFile file(path);
    file.write(std::as_bytes(std::span(text)));
    file.commit();
}

} // namespace longscope::app
