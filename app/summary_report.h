// How a summary is shown: as text while it comes, and as JSON at the end.
#pragma once

#include "compute/reading/summarize.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace longscope::app {

/// Prints each key sentence with its place.
void printKeySentences(const document::Document &document,
                       const std::vector<reading::KeySentence> &key);

/// Prints a sentence of the model; one whose words are not in the document is marked.
void printWritten(const reading::WrittenSentence &sentence);

/// What the commands print with --json; several documents are one report.
class SummaryReport {
  public:
    explicit SummaryReport(std::string strategy) : strategy_(std::move(strategy)) {}
    void addKey(const document::Document &document, const std::vector<reading::KeySentence> &key);
    void addWritten(const document::Document &document,
                    const std::vector<reading::WrittenSentence> &written);
    /// The document was covered as a whole; `task` is null when no model read it.
    void addRead(const document::Document &document, const engine::Task *task);
    nlohmann::json toJson(double seconds) const;

  private:
    void addSentence(const std::string &kind, const std::string &text, bool supported,
                     nlohmann::json sources);

    std::string strategy_, text_;
    nlohmann::json sentences_ = nlohmann::json::array(), sources_ = nlohmann::json::array(),
                   coverage_ = nlohmann::json::array();
    uint64_t calls_ = 0, prompt_tokens_ = 0, reused_tokens_ = 0, generated_tokens_ = 0;
    double prompt_seconds_ = 0; ///< until the first word of each call
};

} // namespace longscope::app
