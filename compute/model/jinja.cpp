#include "compute/model/jinja.h"

#include "compute/core/error.h"
#include "compute/model/sandbox.h"

#include <cstring>
#include <jinja/lexer.h>
#include <jinja/parser.h>
#include <jinja/runtime.h>
#include <json.h>
#include <new>
#include <stdexcept>

namespace longscope::model {
namespace {

common_json readVariables(const TemplateVariables &variables) {
    common_json json = common_json::parse(variables.json);
    if (!json.is_object())
        throw std::runtime_error("the variables are not a JSON object");
    if (!json.contains("bos_token"))
        json["bos_token"] = variables.bos;
    if (!json.contains("eos_token"))
        json["eos_token"] = variables.eos;
    json["add_generation_prompt"] = variables.add_generation_prompt;
    // Templates ask whether `tools` is defined, so no tools must mean no variable.
    if (json.contains("tools") && (json.at("tools").is_null() || json.at("tools").empty()))
        json.erase("tools");
    return json;
}

void markText(jinja::value text) {
    if (jinja::is_val<jinja::value_string>(text))
        jinja::cast_val<jinja::value_string>(text)->mark_input();
}

/// Marks what users wrote. Not the library's own marking of everything: that would include the
/// roles, from which some templates build special tokens ('<|' + role + '|>').
void markContents(jinja::context &context) {
    jinja::value messages = context.get_val("messages");
    if (!jinja::is_val<jinja::value_array>(messages))
        return;
    for (const jinja::value &message : messages->as_array()) {
        if (!jinja::is_val<jinja::value_object>(message))
            continue;
        jinja::value none;
        jinja::value content = message->at("content", none);
        if (!content)
            continue;
        markText(content);
        if (jinja::is_val<jinja::value_array>(content))
            for (const jinja::value &part : content->as_array())
                if (jinja::is_val<jinja::value_object>(part))
                    if (jinja::value text = part->at("text", none))
                        markText(text);
    }
}

/// The library frames its messages with rules and empty lines, and reports a lack of memory as the
/// error of the expression that met it.
[[noreturn]] void rethrowTidied(std::string_view message) {
    if (message.find("std::bad_alloc") != std::string_view::npos)
        throw std::bad_alloc();
    size_t start = message.find_first_not_of("\n-");
    throw std::runtime_error(
        std::string(start == std::string_view::npos ? message : message.substr(start)));
}

// Parts travel through the pipe as: 1 byte is_content, 8 bytes length, the text.
constexpr size_t kHeadBytes = 1 + sizeof(uint64_t);

std::string renderParts(const std::string &source, const TemplateVariables &variables) {
    jinja::lexer lexer;
    jinja::program program = jinja::parse_from_tokens(lexer.tokenize(source));
    jinja::context context(source);
    jinja::global_from_json(context, readVariables(variables), false);
    markContents(context);
    jinja::runtime runtime(context);
    auto result = jinja::runtime::gather_string_parts(runtime.execute(program));
    std::string out;
    for (const auto &part : result->val_str.parts) {
        uint64_t length = part.val.size();
        out += part.is_input ? '\1' : '\0';
        out.append(reinterpret_cast<const char *>(&length), sizeof length);
        out += part.val;
    }
    return out;
}

} // namespace

std::vector<TemplatePart> renderTemplate(const std::string &source,
                                         const TemplateVariables &variables) {
    constexpr std::string_view kName = "the chat template";
    std::string bytes = runInSandbox(kName, [&] {
        try {
            return renderParts(source, variables);
        } catch (const std::exception &error) {
            rethrowTidied(error.what());
        }
    });
    std::vector<TemplatePart> parts;
    for (size_t at = 0; at < bytes.size();) {
        uint64_t length = 0;
        if (bytes.size() - at >= kHeadBytes)
            std::memcpy(&length, &bytes[at + 1], sizeof length);
        if (bytes.size() - at < kHeadBytes || length > bytes.size() - at - kHeadBytes)
            fail(ErrorKind::model, "{} returned a broken result of {} bytes", kName, bytes.size());
        bool is_content = bytes[at] != 0;
        std::string text = bytes.substr(at + kHeadBytes, length);
        at += kHeadBytes + length;
        if (!parts.empty() && parts.back().is_content == is_content)
            parts.back().text += text;
        else if (!text.empty())
            parts.push_back({std::move(text), is_content});
    }
    return parts;
}

} // namespace longscope::model
