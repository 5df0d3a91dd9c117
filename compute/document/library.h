// One SQLite file (WAL) in the data folder that keeps documents, results of long work, runs,
// conversations and settings across restarts and crashes: what a call has returned from is on the
// disk (values and times of use are in the system's hands, and go there within seconds). The schema
// has a version and migrations; a damaged file is kept aside, told, and never overwritten. Every
// thread may call it, and several programs may have it open; long calls let others in between.
// All of it throws Error(file) when the file cannot be read or written.
#pragma once

#include "compute/document/document.h"
#include "compute/document/library_records.h"
#include "compute/document/result_store.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

class Library final : public ResultStore {
  public:
    /// Makes the file when there is none. Throws Error(file): the folder cannot be written, or the
    /// file is of a newer version. A damaged one is renamed, and `warning` says so.
    explicit Library(const std::string &path);
    ~Library() override;
    Library(const Library &) = delete;
    Library &operator=(const Library &) = delete;

    const std::string &path() const;
    const std::string &warning() const; ///< "" or a sentence with the path of the file kept aside
    uint64_t fileBytes() const;         ///< with its log

    // Documents: the same text has the same id. library_documents.cpp
    uint64_t addDocument(const Document &document);
    std::optional<Document> document(uint64_t id) const;
    std::optional<DocumentFacts> documentFacts(uint64_t id) const;
    std::vector<DocumentFacts> documents() const;                  ///< newest first
    std::string text(uint64_t id, size_t start, size_t end) const; ///< bytes of it; "" = none
    std::vector<Section> sections(uint64_t id) const;
    void setTokenCounts(uint64_t id, const TokenCounts &counts);
    std::vector<TokenCounts> tokenCounts(uint64_t id) const;
    /// Whether purgeDocuments leaves it though nothing names it.
    void letStay(uint64_t id, bool stays);
    /// With its words and results; messages and runs keep its id. Whether it was there.
    bool removeDocument(uint64_t id);
    /// Takes out of sight those that no message, run or result names, that were not let stay and
    /// that are not in `kept`; their bytes go with the next import, search or removal.
    void purgeDocuments(std::span<const uint64_t> kept);

    // Results of work (ResultStore). Those of one document: DocumentResults. library_results.cpp
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override;
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override;
    void keepAll(std::string_view kind, std::span<const Item> items) override;
    void keepFor(uint64_t document, std::string_view kind, std::string_view key,
                 std::string_view bytes);
    void keepAllFor(uint64_t document, std::string_view kind, std::span<const Item> items);
    std::vector<ResultFacts> results(uint64_t document) const; ///< 0: those of no document
    uint64_t forgetResults(uint64_t document);                 ///< bytes forgotten; 0 as above
    uint64_t forgetAllResults();
    /// Those used longest ago, until the others have at most so many bytes together. Opening does
    /// it with a gigabyte: all of them can be made again.
    uint64_t forgetOldResults(uint64_t most_bytes);

    // Runs. library_runs.cpp
    uint64_t addRun(const StoredRun &run); ///< id and times are given here
    void updateRun(const StoredRun &run);  ///< all but id, kind and begin
    void removeRun(uint64_t id);
    std::optional<StoredRun> run(uint64_t id) const;
    std::vector<StoredRun> runs(uint64_t document = 0) const; ///< newest first; 0: of all

    // Full text search over the paragraphs of all documents; case does not count, nor do accents of
    // Latin letters, and the words have no query language. library_search.cpp
    std::vector<SearchHit> search(std::string_view words, const SearchOptions &options = {}) const;

    // Conversations. library_conversations.cpp
    uint64_t addConversation(std::string_view title, std::string_view settings);
    void updateConversation(uint64_t id, std::string_view title, std::string_view settings);
    /// Goes out of sight, and comes back with restoreConversation until purgeRemoved.
    void removeConversation(uint64_t id);
    void restoreConversation(uint64_t id);
    void purgeRemoved();
    std::vector<StoredConversation> conversations() const; ///< newest first
    uint64_t addMessage(const StoredMessage &message);     ///< `id` is given here
    void updateMessage(const StoredMessage &message);
    /// With all that hangs on it; gives them back in order, for undo.
    std::vector<StoredMessage> removeMessage(uint64_t id);
    void restoreMessages(const std::vector<StoredMessage> &messages);
    std::vector<StoredMessage> messages(uint64_t conversation) const; ///< by id
    /// Conversations with these words in their title or messages (full text search).
    std::vector<uint64_t> findConversations(std::string_view words) const;

    // Small texts by name. library.cpp
    std::optional<std::string> value(std::string_view name) const;
    void setValue(std::string_view name, std::string_view text);

    /// Finishes removals, drops imports that were broken off a day ago, and makes the file as small
    /// as it can be. Bytes freed on the disk.
    uint64_t compact();

    struct Impl; ///< for library*.cpp

  private:
    std::unique_ptr<Impl> impl_;
};

/// The library's results of one document: they go when it is removed.
class DocumentResults final : public ResultStore {
  public:
    DocumentResults(Library &library, uint64_t document) : library_(library), document_(document) {}
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override {
        return library_.find(kind, key);
    }
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override {
        library_.keepFor(document_, kind, key, bytes);
    }
    void keepAll(std::string_view kind, std::span<const Item> items) override {
        library_.keepAllFor(document_, kind, items);
    }

  private:
    Library &library_;
    uint64_t document_;
};

} // namespace longscope::document
