#include "app/summary_report.h"

#include "app/output.h"
#include "compute/document/places.h"

#include <format>

namespace longscope::app {
namespace {

using document::Document;
using nlohmann::json;

json sourceJson(const Document &document, size_t start, size_t end, double score) {
    json source = {{"file", document.path},
                   {"start", start},
                   {"end", end},
                   {"text", document.span(start, end)},
                   {"page", nullptr},
                   {"heading", nullptr},
                   {"score", score}};
    if (document.paragraphs.empty())
        return source;
    size_t paragraph = document::paragraphAt(document, start);
    source["paragraph"] = document::numberUnderHeading(document, paragraph);
    if (std::string heading = document::headingOf(document, paragraph); !heading.empty())
        source["heading"] = heading;
    return source;
}

} // namespace

void printKeySentences(const Document &document, const std::vector<reading::KeySentence> &key) {
    printOut("Key sentences, quoted from the document:\n");
    for (const reading::KeySentence &chosen : key)
        printOut(std::format(
            "- {}  [{}]\n",
            document::oneLine(document.span(chosen.sentence.start, chosen.sentence.end)),
            document::placeOfParagraph(document, chosen.sentence.paragraph)));
    if (key.empty())
        printOut("- (the document has no sentence that could be quoted)\n");
}

void printWritten(const reading::WrittenSentence &sentence) {
    printOut(std::format("- {}{}\n", document::oneLine(sentence.text),
                         sentence.support.supported ? "" : "  [words not found in the document]"));
}

void SummaryReport::addSentence(const std::string &kind, const std::string &text, bool supported,
                                json sources) {
    text_ += (text_.empty() ? "" : " ") + text;
    sentences_.push_back({{"kind", kind},
                          {"text", text},
                          {"supported", supported},
                          {"sources", std::move(sources)}});
}

void SummaryReport::addKey(const Document &document, const std::vector<reading::KeySentence> &key) {
    for (const reading::KeySentence &chosen : key) {
        const document::Sentence &at = chosen.sentence;
        json source = sourceJson(document, at.start, at.end, chosen.score);
        sources_.push_back(source);
        addSentence("quoted", document::oneLine(document.span(at.start, at.end)), true,
                    json::array({source}));
    }
}

void SummaryReport::addWritten(const Document &document,
                               const std::vector<reading::WrittenSentence> &written) {
    for (const reading::WrittenSentence &sentence : written) {
        const reading::Support &support = sentence.support;
        json sources = json::array();
        if (support.end > support.start)
            sources.push_back(sourceJson(document, support.start, support.end, support.share));
        addSentence("written", document::oneLine(sentence.text), support.supported,
                    std::move(sources));
    }
}

void SummaryReport::addRead(const Document &document, const engine::Task *task) {
    coverage_.push_back(
        {{"file", document.path}, {"start", 0}, {"end", document.text.size()}, {"share", 1.0}});
    if (!task)
        return;
    ++calls_;
    prompt_tokens_ += task->prompt_tokens;
    reused_tokens_ += task->reused_tokens;
    prompt_seconds_ += task->restore_seconds + task->prompt_seconds;
    generated_tokens_ += task->written_tokens;
}

json SummaryReport::toJson(double seconds) const {
    return {{"text", text_},
            {"sentences", sentences_},
            {"sources", sources_},
            {"coverage", coverage_},
            {"strategy", strategy_},
            {"calls", calls_},
            {"prompt_tokens", prompt_tokens_},
            {"reused_tokens", reused_tokens_},
            {"prompt_seconds", prompt_seconds_},
            {"generated_tokens", generated_tokens_},
            {"seconds", seconds}};
}

} // namespace longscope::app
