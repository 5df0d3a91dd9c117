#include "compute/engine/session_header.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/session_facts.h"

#include <algorithm>
#include <format>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::SlotMap;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMostCount = uint64_t{1} << 40; ///< nothing is larger; sums cannot overflow

bool isRing(const LayerRoom &room) {
    return room.slots != SlotMap{};
}

bool hasWrapped(const LayerRoom &room, uint64_t written) {
    return isRing(room) && written > room.capacity;
}

bool evicts(const SessionOptions &options) {
    return options.eviction.kind != EvictionKind::none;
}

uint64_t stateBytes(const Session::Impl &self) {
    return self.memory ? self.memory->bytes() : 0;
}

/// A value of the file in an error message: short, and nothing that a terminal would obey.
std::string forDisplay(std::string_view value) {
    std::string shown(value.substr(0, 200));
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    return repairUtf8(shown);
}

std::string describeRoom(const LayerRoom &room) {
    return isRing(room)
               ? std::format("{} tokens and a ring of {}", room.slots.sinks, room.slots.ring)
               : std::format("{} tokens", room.capacity);
}

} // namespace

bool hasEvictors(const SessionOptions &options) {
    return options.eviction.whileReading();
}

uint64_t rowsInUse(const SessionCounts &counts, uint32_t layer, const SessionOptions &options) {
    if (evicts(options))
        return counts.filled;
    const LayerRoom &room = counts.rooms[layer];
    return hasWrapped(room, counts.written) ? room.capacity : counts.tokens;
}

SessionCounts countsOf(const Session::Impl &self, const AttentionState &state,
                       std::string_view note) {
    SessionCounts counts{.tokens = self.tokens.size(),
                         .window_tokens = self.options.context_tokens,
                         .written = state.written,
                         .filled = state.filled,
                         .has_evicted = state.has_evicted,
                         .has_logits = self.has_logits,
                         .note_bytes = note.size(),
                         .state_bytes = stateBytes(self),
                         .rooms = {}};
    bool any_wrapped = false;
    for (const CacheLayer &layer : self.cache.layers) {
        counts.rooms.push_back(layer.room);
        any_wrapped = any_wrapped || (layer.kv_heads > 0 && hasWrapped(layer.room, state.written));
    }
    if (!any_wrapped) // what was stored behind the tokens is of no use, and not in the file
        counts.written = counts.tokens;
    return counts;
}

std::string makeHeader(const Session &session, const SessionCounts &counts) {
    Json facts = Json::object(), rooms = Json::array();
    for (const auto &[what, value] : sessionFacts(session))
        facts[what] = value;
    for (const LayerRoom &room : counts.rooms)
        rooms.push_back({room.capacity, room.slots.sinks, room.slots.ring});
    Json header = {{"facts", facts},
                   {"tokens", counts.tokens},
                   {"window_tokens", counts.window_tokens},
                   {"written", counts.written},
                   {"filled", counts.filled},
                   {"has_evicted", counts.has_evicted},
                   {"has_logits", counts.has_logits},
                   {"note_bytes", counts.note_bytes},
                   {"state_bytes", counts.state_bytes},
                   {"rooms", rooms}};
    return header.dump();
}

// ---- reading it --------------------------------------------------------------------------------

template <class Key> uint64_t SessionHeader::number(const Json &in, Key key, uint64_t most) const {
    const Json *found = nullptr;
    if constexpr (std::is_same_v<Key, int>)
        found = in.is_array() && in.size() == 3 ? &in[static_cast<size_t>(key)] : nullptr;
    else
        found = in.contains(key) ? &in[key] : nullptr;
    if (found && found->is_boolean() && most == 1)
        return found->get<bool>();
    if (!found || !found->is_number_unsigned() || found->get<uint64_t>() > most)
        refuse(std::format("\"{}\" in its header is {}, expected a whole number up to {}", key,
                           !found               ? "missing"
                           : found->is_number() ? found->dump()
                                                : found->type_name(),
                           most));
    return found->get<uint64_t>();
}

SessionHeader::SessionHeader(const PagedReader &reader)
    : path_(reader.path()), json_(Json::parse(reader.header(), nullptr, false)) {
    if (!json_.is_object())
        refuse("its header is not a JSON object");
    counts_.tokens = number(json_, "tokens", kMostCount);
    counts_.window_tokens = number(json_, "window_tokens", kMostCount);
    counts_.written = number(json_, "written", kMostCount);
    counts_.filled = number(json_, "filled", counts_.tokens);
    counts_.has_evicted = number(json_, "has_evicted", 1);
    counts_.has_logits = number(json_, "has_logits", 1);
    counts_.note_bytes = number(json_, "note_bytes", kMostNoteBytes);
    if (json_.contains("state_bytes")) // not in files from before there were recurrent layers
        counts_.state_bytes = number(json_, "state_bytes", kMostCount);
    for (const Json &room : member("rooms", &Json::is_array))
        counts_.rooms.push_back({.capacity = number(room, 0, kMostCount),
                                 .slots = {.sinks = number(room, 1, kMostCount),
                                           .ring = number(room, 2, SlotMap{}.ring)}});
    if (counts_.tokens == 0 || counts_.written < counts_.tokens)
        refuse(std::format("{} tokens, {} written", counts_.tokens, counts_.written));
}

const nlohmann::ordered_json &SessionHeader::member(const char *key,
                                                    bool (Json::*is_right)() const noexcept) const {
    auto found = json_.find(key);
    if (found == json_.end() || !((*found).*is_right)())
        refuse(std::format("\"{}\" in its header is missing or of a wrong type", key));
    return *found;
}

std::string SessionHeader::fact(const std::string &what) const {
    const Json &facts = member("facts", &Json::is_object);
    auto found = facts.find(what);
    return found != facts.end() && found->is_string() ? found->get<std::string>() : "not said";
}

void SessionHeader::refuse(std::string_view what) const {
    fail(ErrorKind::file, "the session file {} is damaged: {}", path_, what);
}

void SessionHeader::refuseToFit(std::string_view what, std::string_view there,
                                std::string_view here) const {
    fail(ErrorKind::file, "the session in {} does not fit: {} is {} there and {} here", path_, what,
         forDisplay(there), here);
}

// ---- does it fit? ------------------------------------------------------------------------------

void SessionHeader::checkRoom(uint32_t layer, const LayerRoom &here,
                              const SessionOptions &options) const {
    const LayerRoom &there = counts_.rooms[layer];
    // Rooms of different sizes have the same rows in the same slots until a ring has wrapped.
    bool may_differ = evicts(options) ||
                      (!hasWrapped(there, counts_.written) && !hasWrapped(here, counts_.written));
    if (rowsInUse(counts_, layer, options) > here.capacity || (here != there && !may_differ))
        refuseToFit(std::format("the room of layer {}", layer), describeRoom(there),
                    describeRoom(here));
}

void SessionHeader::checkFits(const Session &session) const {
    const Session::Impl &self = session.impl();
    for (const auto &[what, here] : sessionFacts(session))
        if (std::string there = fact(what); there != here)
            refuseToFit(what, there, here);
    if (counts_.tokens > session.contextTokens())
        refuseToFit("the number of tokens", std::to_string(counts_.tokens),
                    std::format("at most {} (the window)", session.contextTokens()));
    if (counts_.rooms.size() != self.cache.layers.size())
        refuseToFit("the number of layers", std::to_string(counts_.rooms.size()),
                    std::to_string(self.cache.layers.size()));
    if (counts_.state_bytes != stateBytes(self))
        refuseToFit("the states of recurrent layers", formatBytes(counts_.state_bytes),
                    formatBytes(stateBytes(self)));
    uint64_t most = hasEvictors(self.options) ? self.options.eviction.keep : counts_.tokens;
    bool is_sound =
        evicts(self.options)
            ? counts_.filled <= most && (counts_.has_evicted || counts_.filled == counts_.tokens)
            : counts_.filled == 0 && !counts_.has_evicted;
    if (!is_sound)
        refuse(std::format("{} slots of {} tokens are in use under the eviction {}", counts_.filled,
                           counts_.tokens, self.options.eviction.spec));
    for (uint32_t layer = 0; layer < self.cache.layers.size(); ++layer)
        if (self.cache.layers[layer].kv_heads > 0)
            checkRoom(layer, self.cache.layers[layer].room, self.options);
}

} // namespace longscope::engine
