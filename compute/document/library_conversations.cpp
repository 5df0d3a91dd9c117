// Conversations and the trees of their messages.
#include "compute/document/library_impl.h"
#include "compute/document/library_words.h"

#include <algorithm>
#include <set>

namespace longscope::document {
namespace {

constexpr std::string_view kMessageColumns =
    "id, conversation, parent, role, text, details, document";

StoredMessage messageOf(Statement &row) {
    return {.id = row.number(0),
            .conversation = row.number(1),
            .parent = row.number(2),
            .role = row.text(3),
            .text = row.text(4),
            .details = row.text(5),
            .document = row.number(6)};
}

std::vector<StoredMessage> messagesOf(Statement &rows) {
    std::vector<StoredMessage> messages;
    while (rows.step())
        messages.push_back(messageOf(rows));
    return messages;
}

void touch(Database &database, uint64_t conversation) {
    (Statement(database, "UPDATE conversations SET changed_ms = ? WHERE id = ?")
     << nowMs() << conversation)
        .run();
}

std::set<uint64_t> conversationsWith(Database &database, const std::string &word) {
    std::string query = queryOf(word, true);
    Statement find(database, "SELECT DISTINCT conversation FROM messages WHERE id IN "
                             "(SELECT rowid FROM message_words WHERE message_words MATCH ?) UNION "
                             "SELECT rowid FROM title_words WHERE title_words MATCH ?");
    find << query << query;
    std::set<uint64_t> found;
    while (find.step())
        found.insert(find.number(0));
    return found;
}

} // namespace

uint64_t Library::addConversation(std::string_view title, std::string_view settings) {
    std::scoped_lock lock(impl_->mutex);
    (Statement(*impl_->database,
               "INSERT INTO conversations(title, settings, changed_ms) VALUES (?, ?, ?)")
     << title << settings << nowMs())
        .run();
    return impl_->database->lastId();
}

void Library::updateConversation(uint64_t id, std::string_view title, std::string_view settings) {
    std::scoped_lock lock(impl_->mutex);
    WithoutWaiting relaxed(*impl_->database);
    (Statement(*impl_->database,
               "UPDATE conversations SET title = ?, settings = ?, changed_ms = ? WHERE id = ?")
     << title << settings << nowMs() << id)
        .run();
}

void Library::removeConversation(uint64_t id) {
    std::scoped_lock lock(impl_->mutex);
    (Statement(*impl_->database, "UPDATE conversations SET removed = 1 WHERE id = ?") << id).run();
}

void Library::restoreConversation(uint64_t id) {
    std::scoped_lock lock(impl_->mutex);
    (Statement(*impl_->database, "UPDATE conversations SET removed = 0 WHERE id = ?") << id).run();
}

void Library::purgeRemoved() {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    impl_->database->execute("DELETE FROM messages WHERE conversation IN "
                             "(SELECT id FROM conversations WHERE removed = 1);"
                             "DELETE FROM conversations WHERE removed = 1");
    transaction.commit();
}

std::vector<StoredConversation> Library::conversations() const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database,
                   "SELECT id, title, settings, changed_ms, (SELECT count(*) FROM messages "
                   "WHERE conversation = conversations.id) FROM conversations WHERE removed = 0 "
                   "ORDER BY changed_ms DESC, id DESC");
    std::vector<StoredConversation> all;
    while (rows.step())
        all.push_back({.id = rows.number(0),
                       .title = rows.text(1),
                       .settings = rows.text(2),
                       .changed_unix_s = static_cast<int64_t>(rows.number(3) / 1000),
                       .messages = rows.number(4)});
    return all;
}

uint64_t Library::addMessage(const StoredMessage &message) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    (Statement(*impl_->database, "INSERT INTO messages(conversation, parent, role, text, details, "
                                 "document) VALUES (?, ?, ?, ?, ?, ?)")
     << message.conversation << message.parent << message.role << message.text << message.details
     << message.document)
        .run();
    uint64_t id = impl_->database->lastId();
    touch(*impl_->database, message.conversation);
    transaction.commit();
    return id;
}

void Library::updateMessage(const StoredMessage &message) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    (Statement(*impl_->database,
               "UPDATE messages SET role = ?, text = ?, details = ?, document = ? WHERE id = ?")
     << message.role << message.text << message.details << message.document << message.id)
        .run();
    touch(*impl_->database, message.conversation);
    transaction.commit();
}

std::vector<StoredMessage> Library::removeMessage(uint64_t id) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    Statement find(*impl_->database,
                   std::string("WITH RECURSIVE below(at) AS (SELECT ? UNION SELECT messages.id "
                               "FROM messages JOIN below ON messages.parent = below.at) SELECT ") +
                       std::string(kMessageColumns) +
                       " FROM messages WHERE id IN (SELECT at FROM below) ORDER BY id");
    std::vector<StoredMessage> removed = messagesOf(find << id);
    for (const StoredMessage &message : removed)
        (Statement(*impl_->database, "DELETE FROM messages WHERE id = ?") << message.id).run();
    if (!removed.empty())
        touch(*impl_->database, removed.front().conversation);
    transaction.commit();
    return removed;
}

void Library::restoreMessages(const std::vector<StoredMessage> &messages) {
    std::scoped_lock lock(impl_->mutex);
    Transaction transaction(*impl_->database);
    for (const StoredMessage &message : messages)
        (Statement(*impl_->database,
                   "INSERT OR IGNORE INTO messages(id, conversation, parent, role, text, details, "
                   "document) VALUES (?, ?, ?, ?, ?, ?, ?)")
         << message.id << message.conversation << message.parent << message.role << message.text
         << message.details << message.document)
            .run();
    transaction.commit();
}

std::vector<StoredMessage> Library::messages(uint64_t conversation) const {
    std::scoped_lock lock(impl_->mutex);
    Statement rows(*impl_->database, std::string("SELECT ") + std::string(kMessageColumns) +
                                         " FROM messages WHERE conversation = ? ORDER BY id");
    return messagesOf(rows << conversation);
}

std::vector<uint64_t> Library::findConversations(std::string_view words) const {
    std::vector<std::string> wanted = wordsOf(words);
    std::vector<uint64_t> found;
    for (const StoredConversation &conversation : conversations())
        found.push_back(conversation.id);
    std::scoped_lock lock(impl_->mutex);
    for (const std::string &word : wanted) {
        std::set<uint64_t> with = conversationsWith(*impl_->database, word);
        std::erase_if(found, [&](uint64_t id) { return !with.contains(id); });
    }
    return wanted.empty() ? std::vector<uint64_t>() : found;
}

} // namespace longscope::document
