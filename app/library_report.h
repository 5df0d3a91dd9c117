// What `longscope library` says, as text and as JSON.
#pragma once

#include "app/json_output.h"
#include "compute/document/library.h"

#include <string>
#include <vector>

namespace longscope::app {

nlohmann::json factsJson(const document::DocumentFacts &facts);

/// What takes space on the disk, in named parts.
struct LibraryShare {
    std::string name;
    uint64_t bytes = 0;
};
std::vector<LibraryShare> libraryParts(const std::vector<document::DocumentFacts> &documents,
                                       const document::Library &library);

std::string listText(const document::Library &library,
                     const std::vector<document::DocumentFacts> &documents);
nlohmann::json listJson(const document::Library &library,
                        const std::vector<document::DocumentFacts> &documents);

/// Facts, sections with their tokens, kept results and runs of one document.
class DocumentReport {
  public:
    DocumentReport(const document::Library &library, document::DocumentFacts facts);
    std::string toText() const;
    nlohmann::json toJson() const;

  private:
    /// Kept results of one kind.
    struct Kind {
        std::string name;
        uint64_t count = 0, bytes = 0;
        int64_t used_unix_s = 0;
    };
    std::string sectionsText() const;

    document::DocumentFacts facts_;
    std::vector<document::Section> sections_;
    std::vector<document::TokenCounts> counts_;
    std::vector<Kind> kinds_;
    std::vector<document::StoredRun> runs_;
    std::vector<std::string> warnings_;
    uint64_t pages_ = 0, paragraphs_ = 0;
};

std::string hitText(const document::SearchHit &hit, const document::Document &document);
nlohmann::json hitJson(const document::SearchHit &hit, const document::Document &document);

} // namespace longscope::app
