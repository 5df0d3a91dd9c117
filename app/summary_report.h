// How a summary is shown: as text while it comes, and as JSON at the end.
#pragma once

#include "compute/reading/summarize.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace longscope::app {

/// "[Supply, paragraph 2]" of the best source, or "[no source found]".
std::string placeMark(const document::Document &document, const reading::SourcedSentence &sentence);

/// Prints a sentence with its place: in a line of its own, or after others with `in_line`.
void printSentence(const document::Document &document, const reading::SourcedSentence &sentence,
                   bool in_line);

/// "map-reduce, because it was asked for: 41 calls, about 98,000 tokens, about 6 min 05 s".
std::string describePlan(const reading::Plan &plan, double seconds);

/// Of a summary that a model wrote: "all of the text was read, in 41 parts, of which 7 left a
/// trace".
std::string coverageText(const document::Document &document, const reading::Summary &summary);

/// What the command prints with --json; several documents are one report.
class SummaryReport {
  public:
    void add(const document::Document &document, const reading::Summary &summary);
    nlohmann::json toJson(double seconds) const;

  private:
    std::string text_, strategy_, reason_;
    nlohmann::json sentences_ = nlohmann::json::array(), sources_ = nlohmann::json::array(),
                   coverage_ = nlohmann::json::array(), documents_ = nlohmann::json::array();
    uint64_t calls_ = 0, kept_calls_ = 0, prompt_tokens_ = 0, reused_tokens_ = 0,
             generated_tokens_ = 0;
    double prompt_seconds_ = 0; ///< until the first word of each call
    bool stopped_ = false;
};

} // namespace longscope::app
