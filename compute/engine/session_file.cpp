// The header is JSON: what must be the same (session_facts.h), how much of everything there is, and
// the rooms of the layers. The payload, without gaps:
//     tokens        i32 [tokens]
//     note          bytes
//     logits        f32 [vocab], when there are some
//     evictors      h2o and tova, for each layer and kv head: u64 positions, f64 sums [filled]
//     cache         for each layer, of K and then of V: for each kv head the data of the rows in
//                   use, then for each kv head their scales
//     states        of recurrent layers, each its history and its state
// Rows in use are the first ones: of the tokens, of the slots that eviction filled, or all of a
// ring that has wrapped. How long everything is follows from the header and from the session at
// hand.
#include "compute/engine/session_file.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/paged_file.h"
#include "compute/engine/session_facts.h"
#include "compute/engine/session_impl.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::SlotMap;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMostCount = uint64_t{1} << 40; ///< nothing is larger; sums cannot overflow
constexpr uint64_t kMostNoteBytes = 64 << 20;
constexpr uint64_t kStepBytes = 1 << 20; ///< moved at a time

struct Counts {
    uint64_t tokens = 0, window_tokens = 0;
    uint64_t written = 0, filled = 0; ///< as AttentionState
    bool has_evicted = false, has_logits = false;
    uint64_t note_bytes = 0;
    uint64_t state_bytes = 0; ///< of recurrent layers
    std::vector<LayerRoom> rooms;
};

bool isRing(const LayerRoom &room) {
    return room.slots != SlotMap{};
}

bool hasWrapped(const LayerRoom &room, uint64_t written) {
    return isRing(room) && written > room.capacity;
}

bool evicts(const SessionOptions &options) {
    return options.eviction.kind != EvictionKind::none;
}

bool hasEvictors(const SessionOptions &options) {
    return options.eviction.whileReading();
}

uint64_t rowsInUse(const Counts &counts, uint32_t layer, const SessionOptions &options) {
    if (evicts(options))
        return counts.filled;
    const LayerRoom &room = counts.rooms[layer];
    return hasWrapped(room, counts.written) ? room.capacity : counts.tokens;
}

/// Calls visit(buffer, offset, bytes) for everything of the cache that is in the file, in order and
/// at most kStepBytes at a time. Layers without a cache of their own have nothing there.
template <class Visit>
void forEachPart(KvCache &cache, const Counts &counts, const SessionOptions &options, Visit visit) {
    for (uint32_t number = 0; number < cache.layers.size(); ++number) {
        CacheLayer &layer = cache.layers[number];
        if (layer.kv_heads == 0) // none of its own
            continue;
        uint64_t rows = rowsInUse(counts, number, options);
        auto plane = [&](gpu::Buffer &buffer, uint64_t first_byte, uint64_t row_bytes) {
            for (uint64_t kv_head = 0; kv_head < layer.kv_heads; ++kv_head) {
                uint64_t at = first_byte + kv_head * layer.room.capacity * row_bytes;
                for (uint64_t end = at + rows * row_bytes; at < end; at += kStepBytes)
                    visit(buffer, at, std::min(kStepBytes, end - at));
            }
        };
        auto planes = [&](gpu::Buffer &buffer, const params::CachePlanes &of, CacheType type) {
            plane(buffer, 0, attention::dataBytes(type, layer.head_dim));
            plane(buffer, of.scales - of.data, attention::scaleBytes(type, layer.head_dim));
        };
        planes(layer.k, layer.k_planes, cache.k_type);
        if (layer.v)
            planes(layer.v, layer.v_planes, cache.v_type);
    }
}

// ---- header ------------------------------------------------------------------------------------

uint64_t stateBytes(const Session::Impl &self) {
    return self.memory ? self.memory->bytes() : 0;
}

Counts countsOf(const Session::Impl &self, const AttentionState &state, std::string_view note) {
    Counts counts{.tokens = self.tokens.size(),
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

std::string makeHeader(const Session &session, const Counts &counts) {
    Json facts = Json::object(), rooms = Json::array();
    for (const auto &[what, value] : sessionFacts(session, counts.tokens))
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

/// A value of the file in an error message: short, and nothing that a terminal would obey.
std::string forDisplay(std::string_view value) {
    std::string shown(value.substr(0, 200));
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    return repairUtf8(shown);
}

/// The header as the outside world gave it: every value is looked at before it is used.
class Header {
  public:
    explicit Header(const PagedReader &reader)
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

    const Counts &counts() const { return counts_; }

    std::string fact(const std::string &what) const {
        const Json &facts = member("facts", &Json::is_object);
        auto found = facts.find(what);
        return found != facts.end() && found->is_string() ? found->get<std::string>() : "not said";
    }

    [[noreturn]] void refuse(std::string_view what) const {
        fail(ErrorKind::file, "the session file {} is damaged: {}", path_, what);
    }
    [[noreturn]] void refuseToFit(std::string_view what, std::string_view there,
                                  std::string_view here) const {
        fail(ErrorKind::file, "the session in {} does not fit: {} is {} there and {} here", path_,
             what, forDisplay(there), here);
    }

  private:
    const Json &member(const char *key, bool (Json::*is_right)() const noexcept) const {
        auto found = json_.find(key);
        if (found == json_.end() || !((*found).*is_right)())
            refuse(std::format("\"{}\" in its header is missing or of a wrong type", key));
        return *found;
    }

    template <class Key> uint64_t number(const Json &in, Key key, uint64_t most) const {
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

    std::string path_;
    Json json_;
    Counts counts_;
};

// ---- does it fit? ------------------------------------------------------------------------------

std::string describeRoom(const LayerRoom &room) {
    return isRing(room)
               ? std::format("{} tokens and a ring of {}", room.slots.sinks, room.slots.ring)
               : std::format("{} tokens", room.capacity);
}

void checkRoom(const Header &header, uint32_t layer, const LayerRoom &here,
               const SessionOptions &options) {
    const Counts &counts = header.counts();
    const LayerRoom &there = counts.rooms[layer];
    // Rooms of different sizes have the same rows in the same slots until a ring has wrapped.
    bool may_differ = evicts(options) ||
                      (!hasWrapped(there, counts.written) && !hasWrapped(here, counts.written));
    if (rowsInUse(counts, layer, options) > here.capacity || (here != there && !may_differ))
        header.refuseToFit(std::format("the room of layer {}", layer), describeRoom(there),
                           describeRoom(here));
}

void checkFits(const Header &header, const Session &session) {
    const Session::Impl &self = session.impl();
    const Counts &counts = header.counts();
    for (const auto &[what, here] :
         sessionFacts(session, std::min(counts.tokens, session.contextTokens())))
        if (std::string there = header.fact(what); there != here)
            header.refuseToFit(what, there, here);
    if (counts.tokens > session.contextTokens())
        header.refuseToFit("the number of tokens", std::to_string(counts.tokens),
                           std::format("at most {} (the window)", session.contextTokens()));
    if (counts.rooms.size() != self.cache.layers.size())
        header.refuseToFit("the number of layers", std::to_string(counts.rooms.size()),
                           std::to_string(self.cache.layers.size()));
    if (counts.state_bytes != stateBytes(self))
        header.refuseToFit("the states of recurrent layers", formatBytes(counts.state_bytes),
                           formatBytes(stateBytes(self)));
    uint64_t most = hasEvictors(self.options) ? self.options.eviction.keep : counts.tokens;
    bool is_sound = evicts(self.options) ? counts.filled <= most && (counts.has_evicted ||
                                                                     counts.filled == counts.tokens)
                                         : counts.filled == 0 && !counts.has_evicted;
    if (!is_sound)
        header.refuse(std::format("{} slots of {} tokens are in use under the eviction {}",
                                  counts.filled, counts.tokens, self.options.eviction.spec));
    for (uint32_t layer = 0; layer < self.cache.layers.size(); ++layer)
        if (self.cache.layers[layer].kv_heads > 0)
            checkRoom(header, layer, self.cache.layers[layer].room, self.options);
}

// ---- what lies on the host ---------------------------------------------------------------------

/// The part of the payload before the cache.
struct HostPart {
    std::vector<Token> tokens;
    std::string note;
    std::vector<float> logits;
    std::vector<attention::Evictor> evictors;
};

/// Reads the payload from its beginning on.
class PayloadReader {
  public:
    explicit PayloadReader(const PagedReader &reader) : reader_(reader) {}
    template <class Element> void read(std::span<Element> elements) {
        auto bytes = std::as_writable_bytes(elements);
        reader_.read(offset_bytes_, bytes);
        offset_bytes_ += bytes.size();
    }

  private:
    const PagedReader &reader_;
    uint64_t offset_bytes_ = 0;
};

uint64_t payloadBytes(const Counts &counts, Session::Impl &self) {
    const model::Config &config = self.engine.config();
    uint64_t bytes = counts.tokens * sizeof(Token) + counts.note_bytes + counts.state_bytes;
    bytes += counts.has_logits ? config.vocab * sizeof(float) : 0;
    if (hasEvictors(self.options))
        bytes += uint64_t{config.layers} * config.kv_heads * counts.filled *
                 (sizeof(uint64_t) + sizeof(double));
    forEachPart(self.cache, counts, self.options,
                [&](const gpu::Buffer &, uint64_t, uint64_t part_bytes) { bytes += part_bytes; });
    return bytes;
}

attention::Evictor readEvictor(PayloadReader &payload, const Header &header,
                               const Session::Impl &self) {
    const model::Config &config = self.engine.config();
    const Counts &counts = header.counts();
    std::vector<std::vector<uint64_t>> positions(config.kv_heads);
    std::vector<std::vector<double>> sums(config.kv_heads);
    for (uint32_t kv_head = 0; kv_head < config.kv_heads; ++kv_head) {
        positions[kv_head].resize(counts.filled);
        sums[kv_head].resize(counts.filled);
        payload.read(std::span(positions[kv_head]));
        payload.read(std::span(sums[kv_head]));
        for (uint64_t position : positions[kv_head])
            if (position >= counts.tokens)
                header.refuse(
                    std::format("a kept position {} of {} tokens", position, counts.tokens));
        if (!std::ranges::all_of(sums[kv_head], [](double sum) { return std::isfinite(sum); }))
            header.refuse("what was seen of a kept position is not a number");
    }
    attention::Evictor evictor(self.options.eviction, config.heads, config.kv_heads);
    evictor.restore(std::move(positions), std::move(sums));
    return evictor;
}

HostPart readHostPart(PayloadReader &payload, const Header &header, const Session::Impl &self) {
    const model::Config &config = self.engine.config();
    const Counts &counts = header.counts();
    HostPart part;
    part.tokens.resize(counts.tokens);
    part.note.resize(counts.note_bytes);
    part.logits.resize(counts.has_logits ? config.vocab : 0);
    payload.read(std::span(part.tokens));
    payload.read(std::span(part.note));
    payload.read(std::span(part.logits));
    for (Token token : part.tokens)
        if (token < 0 || static_cast<uint32_t>(token) >= config.vocab)
            header.refuse(std::format("token {} in a vocabulary of {}", token, config.vocab));
    for (uint32_t layer = 0; layer < config.layers && hasEvictors(self.options); ++layer)
        part.evictors.push_back(readEvictor(payload, header, self));
    return part;
}

} // namespace

// ---- the three things to do --------------------------------------------------------------------

SessionFileFacts readSessionFileFacts(const std::string &path) {
    PagedReader reader(path);
    Header header(reader);
    return {.tokens = header.counts().tokens,
            .window_tokens = header.counts().window_tokens,
            .model = header.fact("the model")};
}

uint64_t saveSession(const Session &session, const std::string &path, std::string_view note) {
    Session::Impl &self = session.impl();
    if (self.tokens.empty())
        fail(ErrorKind::usage, "there is nothing to save in {}: no token was read", path);
    if (note.size() > kMostNoteBytes)
        fail(ErrorKind::usage, "a text of {} bytes is too long to be saved in {}, {} are the most",
             note.size(), path, kMostNoteBytes);
    AttentionState state = self.attention->saveState();
    Counts counts = countsOf(self, state, note);
    PagedWriter writer(path, makeHeader(session, counts));
    writer.write(std::as_bytes(std::span(self.tokens)));
    writer.write(std::as_bytes(std::span(note)));
    if (self.has_logits)
        writer.write(std::as_bytes(session.logits()));
    for (const attention::Evictor &evictor : state.evictors)
        for (size_t kv_head = 0; kv_head < evictor.positions().size(); ++kv_head) {
            writer.write(std::as_bytes(std::span(evictor.positions()[kv_head])));
            writer.write(std::as_bytes(std::span(evictor.sums()[kv_head])));
        }
    std::vector<std::byte> step(kStepBytes);
    forEachPart(self.cache, counts, self.options,
                [&](const gpu::Buffer &buffer, uint64_t offset, uint64_t bytes) {
                    auto now = std::span(step).first(bytes);
                    gpu::downloadBytes(self.engine.device(), buffer, offset, now);
                    writer.write(now);
                });
    if (self.memory)
        writer.write(self.memory->download());
    return writer.commit();
}

std::string restoreSession(Session &session, const std::string &path) {
    Session::Impl &self = session.impl();
    PagedReader reader(path);
    Header header(reader);
    const Counts &counts = header.counts();
    checkFits(header, session);
    reader.check(payloadBytes(counts, self));
    PayloadReader payload(reader);
    HostPart part = readHostPart(payload, header, self);
    AttentionState state{.written = counts.written,
                         .filled = counts.filled,
                         .has_evicted = counts.has_evicted,
                         .evictors = std::move(part.evictors)};

    self.forget(0); // from here on nothing of the old session is left
    std::vector<std::byte> step(kStepBytes);
    forEachPart(self.cache, counts, self.options,
                [&](gpu::Buffer &buffer, uint64_t offset, uint64_t bytes) {
                    auto now = std::span(step).first(bytes);
                    payload.read(now);
                    gpu::uploadBytes(self.engine.device(), buffer, offset, now);
                });
    if (self.memory) {
        std::vector<std::byte> states(counts.state_bytes);
        payload.read(std::span(states));
        self.memory->upload(states, counts.tokens);
    }
    self.attention->restoreState(std::move(state), part.tokens.size());
    self.tokens = std::move(part.tokens);
    if (counts.has_logits) {
        self.setLogits(part.logits);
        if (self.memory)
            self.memory->keepLogits(counts.tokens, part.logits);
    }
    return std::move(part.note);
}

} // namespace longscope::engine
