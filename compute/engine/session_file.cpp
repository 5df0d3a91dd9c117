// The header: session_header.h. The payload, without gaps:
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
#include "compute/engine/session_header.h"

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::engine {
namespace {

constexpr uint64_t kStepBytes = 1 << 20; ///< moved at a time

/// Calls visit(buffer, offset, bytes) for everything of the cache that is in the file, in order and
/// at most kStepBytes at a time. Layers without a cache of their own have nothing there.
template <class Visit>
void forEachPart(KvCache &cache, const SessionCounts &counts, const SessionOptions &options,
                 Visit visit) {
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

uint64_t payloadBytes(const SessionCounts &counts, Session::Impl &self) {
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

attention::Evictor readEvictor(PayloadReader &payload, const SessionHeader &header,
                               const Session::Impl &self) {
    const model::Config &config = self.engine.config();
    const SessionCounts &counts = header.counts();
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

HostPart readHostPart(PayloadReader &payload, const SessionHeader &header,
                      const Session::Impl &self) {
    const model::Config &config = self.engine.config();
    const SessionCounts &counts = header.counts();
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
    SessionHeader header(reader);
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
    SessionCounts counts = countsOf(self, state, note);
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
    SessionHeader header(reader);
    const SessionCounts &counts = header.counts();
    header.checkFits(session);
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
