#include "app/answer_report.h"

#include "app/output.h"
#include "app/source_json.h"
#include "compute/document/places.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using document::Document;
using nlohmann::json;
using reading::Answer;
using reading::Source;
using reading::SourcedSentence;

constexpr size_t kShownOfPlace = 140;  // bytes
constexpr size_t kShownOfAnswer = 160; // bytes, in a table; --json has all

void printPlaces(const Document &document, const Answer &answer) {
    if (answer.sources.empty())
        return;
    printOut(answer.found ? "\nPlaces:\n" : "\nThe closest places:\n");
    for (const Source &source : answer.sources)
        printOut(std::format(
            "- {} ({:.2f}): {}\n", document::placeOf(document, source.start), source.score,
            document::firstWords(document.span(source.start, source.end), kShownOfPlace)));
}

/// "  the model looked most at paragraph 3 (12 % of its attention more than before): The ..."
void printAttended(const Document &document, const SourcedSentence &sentence) {
    if (sentence.attended.empty())
        return;
    const Source &most = sentence.attended.front();
    printOut(std::format(
        "  the model looked most at {} ({:.0f} % of its attention more than before): {}\n",
        document::placeOf(document, most.start), 100 * most.score,
        document::firstWords(document.span(most.start, most.end), kShownOfPlace)));
}

/// What of the document was looked at: all of it, or the places.
json coverageJson(const Document &document, const Answer &answer) {
    json coverage = json::array();
    if (answer.strategy == reading::AskStrategy::whole) {
        coverage.push_back(
            {{"file", document.path}, {"start", 0}, {"end", document.text.size()}, {"share", 1.0}});
        return coverage;
    }
    auto all = static_cast<double>(std::max<size_t>(1, document.text.size()));
    for (const Source &source : answer.sources)
        coverage.push_back({{"file", document.path},
                            {"start", source.start},
                            {"end", source.end},
                            {"share", static_cast<double>(source.end - source.start) / all}});
    return coverage;
}

json oneJson(const Document &document, const Answer &answer) {
    auto sourceOf = [&](const Source &source) {
        return sourceJson(document, source.start, source.end, source.score);
    };
    json sentences = json::array(), sources = json::array();
    for (const SourcedSentence &sentence : answer.sentences)
        sentences.push_back(sentenceJson(document, sentence));
    for (const Source &source : answer.sources)
        sources.push_back(sourceOf(source));
    return {{"question", answer.question},
            {"text", answer.text},
            {"found", answer.found},
            {"confidence", answer.confidence},
            {"sentences", std::move(sentences)},
            {"sources", std::move(sources)},
            {"coverage", coverageJson(document, answer)},
            {"strategy", reading::nameOf(answer.strategy)},
            {"reason", answer.reason}};
}

json rowJson(const Document &document, const Answer &answer) {
    const Source *source = reading::bestSource(answer);
    return {{"file", document.path},
            {"found", answer.found},
            {"text", answer.text},
            {"score", answer.confidence},
            {"source", source ? sourceJson(document, source->start, source->end, source->score)
                              : json(nullptr)}};
}

/// Without what ends a cell.
std::string cell(std::string text) {
    text = document::firstWords(text, kShownOfAnswer);
    std::ranges::replace(text, '|', '/');
    return text;
}

} // namespace

void printAnswer(const Document &document, const Answer &answer) {
    if (!answer.found)
        printOut(answer.text + "\n");
    for (const SourcedSentence &sentence : answer.sentences) {
        const Source *source = sentence.sources.empty() ? nullptr : &sentence.sources.front();
        std::string place = sentence.supported && source
                                ? document::placeOf(document, source->start)
                                : std::string("words not found in the document");
        printOut(std::format("{}  [{}]\n", document::oneLine(sentence.text), place));
        printAttended(document, sentence);
    }
    if (answer.found)
        printOut(std::format("\n{}; {:.0f} % of the words asked for are there. Strategy {}: {}.\n",
                             answer.written ? "Written by the model" : "Quoted",
                             100 * answer.confidence, reading::nameOf(answer.strategy),
                             answer.reason));
    printPlaces(document, answer);
}

void printAnswerTable(std::span<const Document> documents, std::span<const Answer> answers) {
    printOut("| document | answer | place | score |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < answers.size(); ++i) {
        const Source *source = reading::bestSource(answers[i]);
        printOut(std::format("| {} | {} | {} | {:.2f} |\n", cell(documents[i].path),
                             answers[i].found ? cell(answers[i].text) : "Not found",
                             source ? cell(document::placeOf(documents[i], source->start)) : "",
                             answers[i].confidence));
    }
}

json answerJson(std::span<const Document> documents, std::span<const Answer> answers) {
    size_t best = 0;
    for (size_t i = 1; i < answers.size(); ++i)
        if (std::pair(answers[i].found, answers[i].confidence) >
            std::pair(answers[best].found, answers[best].confidence))
            best = i;
    json report = oneJson(documents[best], answers[best]);
    uint64_t calls = 0, prompt_tokens = 0, generated_tokens = 0;
    for (const Answer &answer : answers) {
        calls += answer.calls;
        prompt_tokens += answer.prompt_tokens;
        generated_tokens += answer.generated_tokens;
    }
    report["calls"] = calls;
    report["prompt_tokens"] = prompt_tokens;
    report["generated_tokens"] = generated_tokens;
    if (answers.size() > 1) {
        json table = json::array();
        for (size_t i = 0; i < answers.size(); ++i)
            table.push_back(rowJson(documents[i], answers[i]));
        report["table"] = std::move(table);
    }
    return report;
}

} // namespace longscope::app
