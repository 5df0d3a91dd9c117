#include "compute/reading/prompts.h"

#include "compute/document/characters.h"

#include <format>

namespace longscope::reading {
namespace {

constexpr std::string_view kBeforeText = "Text:\n", kBeforePassage = "Passage:\n";

std::vector<model::Message> chat(std::string_view name, std::string_view text,
                                 std::string_view task) {
    return {{"system", kReadingSystem}, {"user", std::format("{}{}\n\n{}", name, text, task)}};
}

/// The user's own wishes, which end every task. In another language the words of the text cannot
/// be used.
std::string wishes(const Wording &wording, std::string_view source) {
    std::string text = wording.language.empty() ? std::format(" Use the words of the {}.", source)
                                                : std::format(" Write in {}.", wording.language);
    size_t start = 0, end = wording.instruction.size();
    document::trim(wording.instruction, start, end);
    if (start < end)
        text += " " + wording.instruction.substr(start, end - start);
    return text;
}

std::string shape(const Wording &wording) {
    return std::format("in about {} words, {}", wording.words,
                       wording.style == Style::bullets ? "as a list of short sentences"
                                                       : "in short sentences");
}

} // namespace

std::vector<model::Message> readingPrompt(std::string_view text, std::string_view task) {
    return chat(kBeforeText, text, task);
}

std::string_view beforeText() {
    return kBeforeText;
}

// Asking for facts in the text's words did better than asking for a summary.
std::string summaryTask(const Wording &wording) {
    return std::format("State the main facts of the text {}.{}", shape(wording),
                       wishes(wording, "text"));
}

std::vector<model::Message> summaryPrompt(const document::Document &document,
                                          const Wording &wording) {
    return readingPrompt(document.text, summaryTask(wording));
}

std::vector<model::Message> partPrompt(std::string_view title, std::string_view text,
                                       const Wording &wording) {
    std::string part = title.empty() ? "this part of a longer text"
                                     : std::format("this part, \"{}\", of a longer text", title);
    return readingPrompt(text, std::format("State the main facts of {} {}.{}", part, shape(wording),
                                           wishes(wording, "text")));
}

std::vector<model::Message> joinPrompt(std::string_view summaries, const Wording &wording) {
    return chat("Summaries of the parts of a text, in its order:\n", summaries,
                std::format("Join them into one summary {}. Say nothing twice.{}", shape(wording),
                            wishes(wording, "summaries")));
}

std::vector<model::Message> refinePrompt(std::string_view summary, std::string_view text,
                                         const Wording &wording) {
    return chat("Summary of a text so far:\n",
                std::format("{}\n\nThe part that follows:\n{}", summary, text),
                std::format("State the main facts of the summary and of the part that follows {}, "
                            "as one summary.{}",
                            shape(wording), wishes(wording, "text")));
}

std::vector<model::Message> factPrompt(std::string_view passage, const Wording &wording) {
    return chat(kBeforePassage, passage,
                "State the main fact of the passage in one short sentence." +
                    wishes(wording, "passage"));
}

} // namespace longscope::reading
