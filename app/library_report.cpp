#include "app/library_report.h"

#include "compute/core/text.h"
#include "compute/document/places.h"

#include <algorithm>
#include <ctime>
#include <format>

namespace longscope::app {
namespace {

using document::Document;
using document::DocumentFacts;
using document::Library;
using nlohmann::json;

/// "2026-11-21 20:15" where the user is; "" for an unknown time.
std::string timeText(int64_t unix_s) {
    if (unix_s == 0)
        return "";
    std::time_t time = unix_s;
    std::tm local{};
    localtime_r(&time, &local);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local)};
}

json parsed(const std::string &text) {
    json value = json::parse(text, nullptr, false);
    return value.is_discarded() ? json(nullptr) : value;
}

json timeJson(int64_t unix_s) {
    return unix_s ? json(unix_s) : json(nullptr);
}

uint64_t resultBytes(const Library &library, const std::vector<DocumentFacts> &documents) {
    uint64_t bytes = 0;
    for (const DocumentFacts &facts : documents)
        bytes += facts.result_bytes;
    for (const document::ResultFacts &result : library.results(0))
        bytes += result.bytes;
    return bytes;
}

std::string partsText(const std::vector<LibraryShare> &parts) {
    std::string text;
    for (const LibraryShare &part : parts)
        text +=
            std::format("{}{} {}", text.empty() ? "" : ", ", part.name, formatBytes(part.bytes));
    return text;
}

} // namespace

json factsJson(const DocumentFacts &facts) {
    return {{"id", facts.id},
            {"title", facts.title},
            {"file", facts.path},
            {"format", facts.format},
            {"added", timeJson(facts.added_unix_s)},
            {"text_bytes", facts.text_bytes},
            {"results", facts.results},
            {"result_bytes", facts.result_bytes}};
}

// ---- list --------------------------------------------------------------------------------------

std::vector<LibraryShare> libraryParts(const std::vector<DocumentFacts> &documents,
                                       const Library &library) {
    uint64_t texts = 0;
    for (const DocumentFacts &facts : documents)
        texts += facts.text_bytes;
    return {{"library file", library.fileBytes()},
            {"texts in it", texts},
            {"kept results in it", resultBytes(library, documents)}};
}

std::string listText(const Library &library, const std::vector<DocumentFacts> &documents) {
    std::string text;
    if (!documents.empty())
        text = std::format("{:>5}  {:<16}  {:>9}  {:>9}  {:<10}  title\n", "id", "added", "text",
                           "results", "format");
    for (const DocumentFacts &facts : documents)
        text += std::format(
            "{:>5}  {:<16}  {:>9}  {:>9}  {:<10}  {}{}\n", facts.id, timeText(facts.added_unix_s),
            formatBytes(facts.text_bytes), formatBytes(facts.result_bytes), facts.format,
            document::oneLine(facts.title), facts.path.empty() ? "" : "  (" + facts.path + ")");
    return text + std::format("{} {} in {}: {}\n", documents.size(),
                              documents.size() == 1 ? "document" : "documents", library.path(),
                              partsText(libraryParts(documents, library)));
}

json listJson(const Library &library, const std::vector<DocumentFacts> &documents) {
    json all = json::array(), parts = json::array();
    for (const DocumentFacts &facts : documents)
        all.push_back(factsJson(facts));
    for (const LibraryShare &part : libraryParts(documents, library))
        parts.push_back({{"name", part.name}, {"bytes", part.bytes}});
    return {{"library", library.path()}, {"documents", all}, {"parts", parts}};
}

// ---- show --------------------------------------------------------------------------------------

DocumentReport::DocumentReport(const Library &library, DocumentFacts facts)
    : facts_(std::move(facts)), sections_(library.sections(facts_.id)),
      counts_(library.tokenCounts(facts_.id)), runs_(library.runs(facts_.id)) {
    for (const document::ResultFacts &result : library.results(facts_.id)) {
        if (kinds_.empty() || kinds_.back().name != result.kind)
            kinds_.push_back({.name = result.kind});
        ++kinds_.back().count;
        kinds_.back().bytes += result.bytes;
        kinds_.back().used_unix_s = std::max(kinds_.back().used_unix_s, result.used_unix_s);
    }
    if (auto document = library.document(facts_.id)) {
        warnings_ = document->warnings;
        pages_ = static_cast<size_t>(std::ranges::count_if(
            document->pages, [](const document::Page &page) { return !page.label.empty(); }));
        paragraphs_ = document->paragraphs.size();
    }
}

std::string DocumentReport::sectionsText() const {
    std::string text;
    for (size_t i = 0; i < sections_.size(); ++i) {
        const document::Section &section = sections_[i];
        text += std::format("{:>10}  {:{}}{}", formatBytes(section.end - section.start), "",
                            2 * std::max(section.level, 1u) - 2,
                            section.level ? document::oneLine(section.title) : "(beginning)");
        for (const document::TokenCounts &counts : counts_)
            if (i < counts.sections.size())
                text += std::format("  {} tokens", counts.sections[i]);
        text += "\n";
    }
    return text;
}

std::string DocumentReport::toText() const {
    std::string text = std::format("{}  {}\n", facts_.id, document::oneLine(facts_.title));
    if (!facts_.path.empty())
        text += "file: " + facts_.path + "\n";
    if (facts_.added_unix_s)
        text += "added: " + timeText(facts_.added_unix_s) + "\n";
    text +=
        std::format("text: {}{}{}, {} paragraphs", facts_.format, facts_.format.empty() ? "" : ", ",
                    formatBytes(facts_.text_bytes), paragraphs_);
    text += pages_ ? std::format(", {} pages\n", pages_) : "\n";
    for (const std::string &warning : warnings_)
        text += "warning: " + warning + "\n";
    for (const document::TokenCounts &counts : counts_)
        text += std::format("tokens: {} ({})\n", counts.tokens, counts.tokenizer);
    if (!sections_.empty())
        text += "sections:\n" + sectionsText();
    for (const Kind &kind : kinds_)
        text += std::format("kept: {} of \"{}\", {}, last used {}\n", kind.count, kind.name,
                            formatBytes(kind.bytes), timeText(kind.used_unix_s));
    for (const document::StoredRun &run : runs_)
        text += std::format("{}: {}{}{}, {}\n", run.kind, timeText(run.changed_unix_s),
                            run.strategy.empty() ? "" : ", ", run.strategy,
                            run.finished ? "finished" : "not finished");
    return text;
}

json DocumentReport::toJson() const {
    json report = factsJson(facts_), sections = json::array(), tokens = json::array(),
         kept = json::array(), runs = json::array();
    for (const document::Section &section : sections_)
        sections.push_back({{"title", section.title},
                            {"level", section.level},
                            {"start", section.start},
                            {"end", section.end}});
    for (const document::TokenCounts &counts : counts_)
        tokens.push_back({{"tokenizer", counts.tokenizer},
                          {"tokens", counts.tokens},
                          {"sections", counts.sections}});
    for (const Kind &kind : kinds_)
        kept.push_back({{"kind", kind.name},
                        {"count", kind.count},
                        {"bytes", kind.bytes},
                        {"used", timeJson(kind.used_unix_s)}});
    for (const document::StoredRun &run : runs_)
        runs.push_back({{"id", run.id},
                        {"kind", run.kind},
                        {"strategy", run.strategy},
                        {"finished", run.finished},
                        {"settings", parsed(run.settings)},
                        {"result", parsed(run.result)},
                        {"began", timeJson(run.began_unix_s)},
                        {"changed", timeJson(run.changed_unix_s)}});
    report.update({{"paragraphs", paragraphs_},
                   {"pages", pages_},
                   {"warnings", warnings_},
                   {"sections", sections},
                   {"tokens", tokens},
                   {"kept", kept},
                   {"runs", runs}});
    return report;
}

// ---- search ------------------------------------------------------------------------------------

std::string hitText(const document::SearchHit &hit, const Document &document) {
    return std::format("{}  {}  [{}]\n       {}\n", hit.document, document::oneLine(document.title),
                       document::placeOf(document, hit.start), hit.snippet);
}

json hitJson(const document::SearchHit &hit, const Document &document) {
    json found = {{"document", hit.document}, {"title", document.title}, {"file", document.path},
                  {"start", hit.start},       {"end", hit.end},          {"text", hit.snippet},
                  {"page", nullptr},          {"heading", nullptr},      {"score", hit.score}};
    if (std::string page = document::pageOf(document, hit.start); !page.empty())
        found["page"] = page;
    if (!document.paragraphs.empty())
        if (std::string heading =
                document::headingOf(document, document::paragraphAt(document, hit.start));
            !heading.empty())
            found["heading"] = heading;
    return found;
}

} // namespace longscope::app
