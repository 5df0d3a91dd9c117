// What the library gives and takes, beside documents themselves. Ids are never used again, 0 is
// none; settings, details and results are JSON of the caller's own.
#pragma once

#include "compute/document/places.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace longscope::document {

/// A document without its text.
struct DocumentFacts {
    uint64_t id = 0;
    std::string path = {}, title = {};
    std::string format = {};  ///< "Markdown", "PDF"; "" of a file kept before formats were noted
    int64_t added_unix_s = 0; ///< when it was imported last; 0 the same
    uint64_t text_bytes = 0;
    bool stays = false; ///< purgeDocuments leaves it
    uint64_t results = 0, result_bytes = 0;
};

struct TokenCounts {
    std::string tokenizer = {}; ///< its fingerprint
    uint64_t tokens = 0;        ///< of the whole document
    /// Of each section (Library::sections); a token belongs to the one in which it begins.
    std::vector<uint64_t> sections = {};
};

/// Something kept by keep().
struct ResultFacts {
    std::string kind = {}, key = {};
    uint64_t bytes = 0;
    int64_t used_unix_s = 0; ///< when it was kept or found last, within an hour
};

/// A summary, an answer, a classification: what was asked and what came of it.
struct StoredRun {
    uint64_t id = 0;
    std::string kind = {};                ///< "summary", "answer"
    std::vector<uint64_t> documents = {}; ///< in the order asked; they may have been removed since
    std::string strategy = {};
    std::string settings = {}; ///< JSON: all that makes it again
    std::string result = {};   ///< JSON: sentences with their sources, counts, times
    bool finished = false;
    int64_t began_unix_s = 0, changed_unix_s = 0;
};

struct StoredConversation {
    uint64_t id = 0;
    std::string title = {};
    std::string settings = {}; ///< JSON: system prompt, sampling, current branch
    int64_t changed_unix_s = 0;
    uint64_t messages = 0;
};

/// A node of a conversation's tree.
struct StoredMessage {
    uint64_t id = 0, conversation = 0;
    uint64_t parent = 0;   ///< 0 = a first message
    std::string role = {}; ///< "user", "assistant"
    std::string text = {};
    std::string details = {}; ///< JSON: sentences with sources, counts, times
    uint64_t document = 0;
};

struct SearchOptions {
    size_t limit = 20;
    bool every_word = true;               ///< else any of them, ranked by BM25
    bool beginnings = true;               ///< "harb" finds "harbour"; else whole words
    std::vector<uint64_t> documents = {}; ///< only in these; empty: in all
};

/// A paragraph, or some kilobytes of a longer one.
struct SearchHit {
    uint64_t document = 0;
    size_t start = 0, end = 0; ///< bytes of its text
    std::string snippet = {};  ///< one line with the words found
    double score = 0;          ///< BM25, higher is better
};

} // namespace longscope::document
