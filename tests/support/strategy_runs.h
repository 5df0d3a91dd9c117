// A book of made sections, and runs of the strategies over it with the model that digests.
#pragma once

#include "compute/reading/summarize.h"
#include "tests/support/digesting_model.h"
#include "tests/support/made_text.h"

#include <string>
#include <utility>
#include <vector>

namespace longscope::reading {

using document::Document;
using document::ResultsInMemory;
using testing::DigestingModel;
using testing::madeSection;

inline constexpr Strategy kInParts[] = {Strategy::map_reduce, Strategy::refine, Strategy::tree};

inline std::string sections(uint64_t changed = 0) {
    std::string text;
    for (uint64_t chapter = 1; chapter <= 4; ++chapter) {
        text += madeSection("Chapter " + std::to_string(chapter), 1, 10'000 * chapter, 1);
        for (uint64_t section = 1; section <= 3; ++section) {
            uint64_t first = 10'000 * chapter + 1000 * section;
            bool other = changed == 10 * chapter + section;
            text +=
                madeSection("Section " + std::to_string(chapter) + "." + std::to_string(section), 2,
                            first + (other ? 500 : 0), 15);
        }
    }
    return text;
}

inline Document book(uint64_t changed = 0) {
    return document::importText(sections(changed), "book.md", true);
}

struct Result {
    Plan plan;
    Summary summary;
};

inline Result run(const Document &d, DigestingModel &model, document::ResultStore &store,
                  const SummaryOptions &options, std::stop_token stop = {},
                  std::vector<std::string> *told = nullptr) {
    Result result{.plan = planSummary(d, &model, options), .summary = {}};
    Run with{.model = model, .store = store, .stop = std::move(stop)};
    with.on_sentence = [told](const SourcedSentence &sentence) {
        if (told)
            told->push_back(sentence.text);
    };
    result.summary = runPlan(d, result.plan, options, with, {});
    return result;
}

inline SummaryOptions with(Strategy strategy) {
    SummaryOptions options;
    options.strategy = strategy;
    return options;
}

inline std::vector<std::string> texts(const Summary &summary) {
    std::vector<std::string> out;
    for (const SourcedSentence &sentence : summary.sentences)
        out.push_back(sentence.text);
    return out;
}

inline DigestingModel modelOf(uint64_t parameters, uint64_t window) {
    DigestingModel model;
    model.parameters = parameters;
    model.window_tokens = window;
    return model;
}

} // namespace longscope::reading
