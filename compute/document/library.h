// One SQLite file (WAL) in the data folder that keeps documents, conversations and settings across
// restarts and crashes: what a call has returned from is on the disk (values and settings are in
// the system's hands, and go there within seconds). The schema has a version and migrations; a
// damaged file is kept aside, told, and never overwritten. Every thread may call it.
#pragma once

#include "compute/document/document.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

struct StoredConversation {
    uint64_t id = 0;
    std::string title;
    std::string settings; ///< JSON: system prompt, sampling, current branch; the caller's own
    int64_t changed_unix_s = 0;
    uint64_t messages = 0;
};

/// A node of a conversation's tree.
struct StoredMessage {
    uint64_t id = 0, conversation = 0;
    uint64_t parent = 0; ///< 0 = a first message
    std::string role;    ///< "user", "assistant"
    std::string text;
    std::string details; ///< JSON: sentences with sources, counts, times; the caller's own
    uint64_t document = 0;
};

class Library {
  public:
    /// Makes the file when there is none. Throws Error(file): the folder cannot be written, or the
    /// file is of a newer version. A damaged one is renamed, and `warning` says so.
    explicit Library(const std::string &path);
    ~Library();
    Library(const Library &) = delete;
    Library &operator=(const Library &) = delete;

    const std::string &path() const;
    const std::string &warning() const; ///< "" or a sentence with the path of the file kept aside

    // Documents: the same text has the same id.
    uint64_t addDocument(const Document &document);
    std::optional<Document> document(uint64_t id) const;
    void removeDocument(uint64_t id); ///< messages keep its id
    /// Removes those that no message names and that are not in `kept`.
    void purgeDocuments(std::span<const uint64_t> kept);

    // Conversations. Ids are never used again.
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

    // Small texts by name.
    std::optional<std::string> value(std::string_view name) const;
    void setValue(std::string_view name, std::string_view text);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::document
