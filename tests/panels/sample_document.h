// A made-up document for tests: Markdown with headings, and tokens that are like words.
#pragma once

#include "ui/state/document.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longscope::ui::sample {

/// Sections of a few paragraphs each, as Markdown; about 12 tokens a sentence.
inline std::string harbourText(unsigned sections = 8, unsigned paragraphs = 4) {
    const char *titles[] = {"Supply", "The quay", "Winter", "Letters", "The pilot", "Repairs"};
    const char *sentences[] = {
        "The harbour keeps coal for thirty days and water for ten. ",
        "In the second week the pilot counted eleven ships behind the breakwater. ",
        "Nobody had written down which of the two cranes was mended first. ",
        "The clerk noted: \xE2\x80\x9CPrices follow the wind, not the ledger.\xE2\x80\x9D ",
        "When ice closed the channel, the mail went over land by Br\xC3\xBC"
        "ckenau. ",
    };
    std::string text = "A note on the harbour, put together for tests.\n\n";
    for (unsigned section = 0; section < sections; ++section) {
        text += section % 3 == 0 ? "# " : "## ";
        text += std::string(titles[section % 6]) + ' ' + std::to_string(section + 1) + "\n\n";
        for (unsigned paragraph = 0; paragraph < paragraphs; ++paragraph) {
            for (unsigned i = 0; i < 5; ++i)
                text += sentences[(i * 2 + paragraph + section) % 5];
            text += "\n\n";
        }
    }
    return text;
}

/// Words with the space before them, which is what tokens of English are like.
inline std::vector<uint32_t> wordTokens(std::string_view text) {
    std::vector<uint32_t> starts;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto isWord = [&](size_t at) {
            const auto c = static_cast<unsigned char>(text[at]);
            return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                   (c >= 'A' && c <= 'Z');
        };
        const bool continues =
            i > 0 && isWord(i) && (isWord(i - 1) || (text[i - 1] == ' ' && !starts.empty()));
        if (!continues)
            starts.push_back(static_cast<uint32_t>(i));
    }
    return starts;
}

/// Headings are lines that begin with '#'.
inline std::shared_ptr<const Document> makeDocument(uint64_t id, std::string title,
                                                    std::string text, bool counted = true) {
    auto document = std::make_shared<Document>();
    document->id = id;
    document->title = std::move(title);
    for (size_t line = 0; line < text.size();) {
        const size_t end = std::min(text.find('\n', line), text.size());
        const size_t level = text.find_first_not_of('#', line) - line;
        if (text[line] == '#' && level <= 6)
            document->outline.push_back(
                {.title = text.substr(line + level + 1, end - line - level - 1),
                 .level = static_cast<unsigned>(level),
                 .start = line});
        else if (document->outline.empty())
            document->outline.push_back({.title = "Beginning", .level = 0, .start = 0});
        line = end + 1;
    }
    for (size_t i = 0; i < document->outline.size(); ++i)
        document->outline[i].end =
            i + 1 < document->outline.size() ? document->outline[i + 1].start : text.size();
    if (counted) {
        auto starts = std::make_shared<std::vector<uint32_t>>(wordTokens(text));
        for (Section &section : document->outline)
            section.tokens = static_cast<uint64_t>(std::ranges::count_if(
                *starts, [&](uint32_t at) { return at >= section.start && at < section.end; }));
        document->token_starts = std::move(starts);
    }
    document->text = std::make_shared<std::string>(std::move(text));
    return document;
}

} // namespace longscope::ui::sample
