#include "app/desk/conversation.h"

#include "compute/document/places.h"

#include <algorithm>

namespace longscope::app {
namespace {

using Json = nlohmann::json;

constexpr size_t kTitleBytes = 48;
constexpr const char *kInterrupted = "interrupted";

} // namespace

Conversation::Conversation(document::Library &library, ConversationSettings settings)
    : library_(library), settings_(std::move(settings)) {}

Conversation::Conversation(document::Library &library, const document::StoredConversation &stored)
    : library_(library), id_(stored.id), title_(stored.title) {
    Json json = parseJson(stored.settings);
    settings_ = readSettings(json);
    for (const document::StoredMessage &message : library_.messages(id_))
        insert(message);
    for (uint64_t message : memberOf(json, "chosen", std::vector<uint64_t>()))
        if (nodes_.contains(message))
            chosen_[nodes_.at(message).parent] = message;
}

// ---- title and settings ------------------------------------------------------------------------

void Conversation::keep() {
    if (id_ == 0)
        return;
    Json json = settingsToJson(settings_);
    json["chosen"] = Json::array();
    for (auto [parent, message] : chosen_)
        json["chosen"].push_back(message);
    library_.updateConversation(id_, title_, dumpJson(json));
}

void Conversation::rename(std::string title) {
    title_ = std::move(title);
    keep();
}

void Conversation::setSettings(ConversationSettings settings) {
    settings_ = std::move(settings);
    keep();
}

// ---- the tree ----------------------------------------------------------------------------------

const ui::Message *Conversation::find(uint64_t message) const {
    auto found = nodes_.find(message);
    return found == nodes_.end() ? nullptr : found->second.message.get();
}

uint64_t Conversation::parentOf(uint64_t message) const {
    auto found = nodes_.find(message);
    return found == nodes_.end() ? 0 : found->second.parent;
}

std::optional<ui::command::Summarize> Conversation::summaryOf(uint64_t message) const {
    auto found = nodes_.find(message);
    return found == nodes_.end() ? std::nullopt : found->second.summary;
}

document::StoredMessage Conversation::storedOf(const Node &node) const {
    Json details = detailsOf(*node.message);
    if (node.summary)
        details["summarize"] = summaryToJson(*node.summary);
    return {.id = node.message->id,
            .conversation = id_,
            .parent = node.parent,
            .role = node.message->role == ui::Role::user ? "user" : "assistant",
            .text = node.message->text,
            .details = dumpJson(details),
            .document = node.message->document};
}

void Conversation::insert(const document::StoredMessage &stored) {
    auto message = std::make_shared<ui::Message>();
    Json details = parseJson(stored.details);
    readDetails(details, *message);
    message->id = stored.id;
    message->role = stored.role == "user" ? ui::Role::user : ui::Role::assistant;
    message->text = stored.text;
    message->document = stored.document;
    if (std::exchange(message->growing, false))
        message->note = kInterrupted;
    nodes_[stored.id] = {stored.parent, std::move(message), readSummary(details)};
    auto &siblings = below_[stored.parent];
    siblings.insert(std::ranges::lower_bound(siblings, stored.id), stored.id);
    numberBranches(stored.parent);
}

void Conversation::numberBranches(uint64_t parent) {
    const std::vector<uint64_t> &siblings = below_[parent];
    auto count = static_cast<uint32_t>(siblings.size());
    for (uint32_t i = 0; i < count; ++i) {
        auto &message = nodes_.at(siblings[i]).message;
        if (message->branch == i && message->branches == count)
            continue;
        auto numbered = std::make_shared<ui::Message>(*message);
        numbered->branch = i;
        numbered->branches = count;
        message = std::move(numbered);
    }
}

uint64_t Conversation::add(uint64_t parent, ui::Message message,
                           std::optional<ui::command::Summarize> summary) {
    if (id_ == 0) {
        title_ = document::firstWords(message.text, kTitleBytes);
        id_ = library_.addConversation(title_, dumpJson(settingsToJson(settings_)));
    }
    Node node{parent, std::make_shared<ui::Message>(std::move(message)), std::move(summary)};
    uint64_t id = library_.addMessage(storedOf(node));
    auto numbered = std::make_shared<ui::Message>(*node.message);
    numbered->id = id;
    node.message = std::move(numbered);
    nodes_[id] = std::move(node);
    below_[parent].push_back(id);
    numberBranches(parent);
    if (below_[parent].size() > 1)
        choose(id);
    return id;
}

void Conversation::change(uint64_t id, const std::function<void(ui::Message &)> &change,
                          bool store) {
    auto found = nodes_.find(id);
    if (found == nodes_.end())
        return;
    auto changed = std::make_shared<ui::Message>(*found->second.message);
    change(*changed);
    found->second.message = std::move(changed);
    if (store)
        library_.updateMessage(storedOf(found->second));
}

std::vector<document::StoredMessage> Conversation::remove(uint64_t message) {
    std::vector<document::StoredMessage> removed = library_.removeMessage(message);
    for (const document::StoredMessage &gone : removed) {
        nodes_.erase(gone.id);
        below_.erase(gone.id);
        chosen_.erase(gone.id);
        std::erase(below_[gone.parent], gone.id);
        if (auto chosen = chosen_.find(gone.parent);
            chosen != chosen_.end() && chosen->second == gone.id)
            chosen_.erase(chosen);
    }
    if (!removed.empty())
        numberBranches(removed.front().parent);
    keep();
    return removed;
}

void Conversation::restore(const std::vector<document::StoredMessage> &messages) {
    library_.restoreMessages(messages);
    for (const document::StoredMessage &message : messages)
        insert(message);
    if (!messages.empty())
        choose(messages.front().id);
}

// ---- branches ----------------------------------------------------------------------------------

uint64_t Conversation::chosenBelow(uint64_t parent) const {
    auto below = below_.find(parent);
    if (below == below_.end() || below->second.empty())
        return 0;
    auto chosen = chosen_.find(parent);
    return chosen == chosen_.end() ? below->second.back() : chosen->second;
}

void Conversation::choose(uint64_t message) {
    for (uint64_t at = message; at != 0; at = parentOf(at))
        if (below_[parentOf(at)].size() > 1)
            chosen_[parentOf(at)] = at;
    keep();
}

void Conversation::switchBranch(uint64_t message, int step) {
    if (!nodes_.contains(message))
        return;
    const std::vector<uint64_t> &siblings = below_[parentOf(message)];
    auto count = static_cast<ptrdiff_t>(siblings.size());
    ptrdiff_t at = std::ranges::find(siblings, message) - siblings.begin();
    choose(siblings[static_cast<size_t>(((at + step) % count + count) % count)]);
}

uint64_t Conversation::leaf() const {
    uint64_t last = 0;
    while (uint64_t next = chosenBelow(last))
        last = next;
    return last;
}

std::vector<uint64_t> Conversation::pathTo(uint64_t message) const {
    std::vector<uint64_t> path;
    for (uint64_t at = message; at != 0 && nodes_.contains(at); at = parentOf(at))
        path.push_back(at);
    std::ranges::reverse(path);
    return path;
}

std::vector<std::shared_ptr<const ui::Message>> Conversation::messagesTo(uint64_t message) const {
    std::vector<std::shared_ptr<const ui::Message>> messages;
    for (uint64_t id : pathTo(message))
        messages.push_back(nodes_.at(id).message);
    return messages;
}

std::vector<std::shared_ptr<const ui::Message>> Conversation::branch() const {
    std::vector<std::shared_ptr<const ui::Message>> messages;
    for (uint64_t at = chosenBelow(0); at != 0; at = chosenBelow(at))
        messages.push_back(nodes_.at(at).message);
    return messages;
}

std::vector<uint64_t> Conversation::growing() const {
    std::vector<uint64_t> all;
    for (const auto &[id, node] : nodes_)
        if (node.message->growing)
            all.push_back(id);
    return all;
}

} // namespace longscope::app
