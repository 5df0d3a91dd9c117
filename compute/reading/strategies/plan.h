// The calls of a summary before any of them is made. A strategy makes the steps, each of which
// reads a stretch of the document, what earlier steps wrote, or both; one and the same run
// (run.h) makes them in order, whatever the strategy is.
#pragma once

#include "compute/reading/summary_options.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace longscope::reading {

enum class StepKind {
    whole,  ///< the whole document
    part,   ///< one stretch of it
    join,   ///< what earlier steps wrote
    refine, ///< the step before and the stretch that follows
    fact,   ///< one sentence of a stretch or of earlier sentences, for very small models
};

struct Step {
    StepKind kind = StepKind::whole;
    size_t start = 0, end = 0;       ///< bytes of the text that it reads; end = 0: none
    std::vector<size_t> inputs = {}; ///< earlier steps, in the order of the text
    std::string title = {};          ///< of its section, or ""
    unsigned words = 0;              ///< that it may write
    unsigned most_tries = 1;         ///< of which the best supported one is taken
    double tries = 1;                ///< expected
    uint64_t prompt_tokens = 0;  ///< of one try: exact for those that read the document alone, else
                                 ///< expected from what the inputs will have
    uint64_t written_tokens = 0; ///< of one try, expected
    uint64_t most_tokens = 0;    ///< of one reply
    unsigned level = 0;          ///< 0 reads the document; else 1 + the highest of its inputs
};

struct Plan {
    Strategy strategy = Strategy::extract; ///< never automatic
    std::string reason;                    ///< why this one, a sentence without its stop
    bool small_model = false;
    bool together = false; ///< replies that do not need each other are written at once
    std::vector<Step> steps;
    std::vector<size_t> result;        ///< the steps whose sentences are the summary, in order
    std::vector<std::string> warnings; ///< "2 sentences are longer than …": whole sentences

    uint64_t calls() const;         ///< at most
    uint64_t expectedCalls() const; ///< fewer where a first try may do
    uint64_t promptTokens() const;  ///< read, expected: tries of the same prompt read it once
    uint64_t writtenTokens() const; ///< expected
};

} // namespace longscope::reading
