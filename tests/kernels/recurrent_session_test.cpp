// Timelines of models with recurrent layers: states cannot be cut back, so that copies must serve
// whoever returns, stops, looks again or saves.
#include "compute/engine/forward.h"
#include "compute/engine/plan.h"
#include "compute/engine/session_file.h"
#include "compute/engine/session_impl.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <map>
#include <random>

namespace longscope::engine {
namespace {

using testing::nmse;

/// A random model, loaded once.
Engine &engineOf(const std::string &architecture) {
    return testing::engineFor(architecture, "auto", [&] {
        return testing::makeFamily(architecture, testing::findVariant(architecture, "bare"));
    });
}

/// Attention in the second of three layers, state spaces in the others.
Engine &hybrid() {
    return engineOf("granitehybrid");
}

SessionOptions chunksOf(uint32_t rows) {
    return {.context_tokens = 200, .k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = rows};
}

std::vector<Token> someIds(size_t count, uint32_t seed = 7) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        ids.push_back(static_cast<Token>((seed >> 8) % hybrid().config().vocab));
    }
    return ids;
}

std::vector<float> copyOf(std::span<const float> logits) {
    return {logits.begin(), logits.end()};
}

std::vector<float> freshLogits(std::span<const Token> ids, Engine &engine = hybrid()) {
    Session session(engine, chunksOf(64));
    session.read(ids);
    return copyOf(session.logits());
}

TEST(RecurrentSession, GoesOnFromTheLastCopyBeforeACut) {
    std::vector<Token> first = someIds(60), second = first;
    second.resize(50);
    for (Token id : someIds(30, 99))
        second.push_back(id);
    Session session(hybrid(), chunksOf(16));
    session.read(first); // copies behind 32, 48 and 60
    ReadResult again = session.read(second);
    EXPECT_EQ(again.reused, 48u);
    EXPECT_EQ(session.tokens(), second);
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(second)), 1e-10);

    std::vector<Token> longer = second;
    for (Token id : someIds(5, 3)) { // an answer
        longer.push_back(id);
        EXPECT_EQ(session.read(longer).read, 1u);
    }
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(longer)), 1e-10);
    ReadResult same = session.read(second); // the same question again: even its logits are there
    EXPECT_EQ(same.reused, second.size());
    EXPECT_EQ(same.read, 0u);
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(second)), 1e-10);
    EXPECT_EQ(session.read(longer).reused, second.size());
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(longer)), 1e-10);

    session.truncate(79);
    EXPECT_EQ(session.tokens().size(), 64u);
    session.truncate(3); // before every copy
    EXPECT_TRUE(session.tokens().empty());
    session.read(first);
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(first)), 1e-10);
}

/// Asks for a stop in the middle of a chunk of several rows.
class Stopper final : public Observer {
  public:
    bool wants(uint32_t, const Chunk &chunk) const override {
        if (chunk.rows > 1)
            source.request_stop();
        return false;
    }
    void recorded(gpu::Recorder &, const Pass &, uint32_t, const Chunk &, const Flush &) override {}
    mutable std::stop_source source;
};

TEST(RecurrentSession, AStoppedChunkIsTakenBack) {
    Engine &engine = engineOf("falcon-h1"); // attention and state spaces from the first layer on
    std::vector<Token> ids = someIds(60);
    for (size_t before : {size_t{0}, size_t{20}}) {
        Session session(engine, chunksOf(64));
        for (size_t count = 1; count <= before; ++count) // so that no chunk was measured
            session.read(std::span(ids).first(count));
        Stopper stopper;
        EXPECT_TRUE(session.read(ids, {}, stopper.source.get_token(), &stopper).stopped);
        EXPECT_EQ(session.tokens().size(), before) << "must stop within the first chunk";
        EXPECT_EQ(session.read(ids).reused, before);
        EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(ids, engine)), 1e-10) << before;
    }
}

/// Keeps the queries of a layer by their positions.
class Queries final : public Observer {
  public:
    bool wants(uint32_t layer, const Chunk &) const override { return layer == 1; }
    void recorded(gpu::Recorder &, const Pass &pass, uint32_t, const Chunk &chunk,
                  const Flush &flush) override {
        flush();
        const Activations &q = pass.scratch.q;
        for (uint32_t row = 0; row < chunk.rows; ++row) {
            std::vector<float> &to = rows[chunk.position + row];
            to.resize(q.stride);
            gpu::downloadBytes(hybrid().device(), q.buffer, row * q.stride * sizeof(float),
                               std::as_writable_bytes(std::span(to)));
        }
    }
    std::map<uint64_t, std::vector<float>> rows;
};

TEST(RecurrentSession, LooksAgainFromTheLastCopyBefore) {
    std::vector<Token> ids = someIds(60);
    Session session(hybrid(), chunksOf(16));
    Queries seen, again;
    session.read(ids, {}, {}, &seen);
    ASSERT_EQ(seen.rows.size(), ids.size());
    EXPECT_TRUE(session.lookAgain(21, 45, 2, again));
    ASSERT_EQ(again.rows.size(), 45u - 21u);
    for (const auto &[position, row] : again.rows)
        EXPECT_LT(nmse(row, seen.rows[position]), 1e-10) << position;
    ids.push_back(5); // the states are again those behind the last token
    EXPECT_EQ(session.read(ids).read, 1u);
    EXPECT_LT(nmse(copyOf(session.logits()), freshLogits(ids)), 1e-10);
}

TEST(RecurrentSession, ComesBackFromAFile) {
    std::string path = std::filesystem::temp_directory_path() /
                       std::format("longscope-states-{}", std::random_device()());
    std::vector<Token> ids = someIds(50), other = ids;
    Session first(hybrid(), chunksOf(16)), second(hybrid(), chunksOf(16));
    first.read(std::span(ids).first(45));
    second.read(someIds(20, 5)); // what was there before does not matter
    saveSession(first, path, "a note");
    EXPECT_EQ(restoreSession(second, path), "a note");
    std::filesystem::remove(path);
    for (size_t count = 46; count <= ids.size(); ++count)
        for (Session *session : {&first, &second})
            EXPECT_EQ(session->read(std::span(ids).first(count)).read, 1u);
    EXPECT_TRUE(std::ranges::equal(second.logits(), first.logits())); // to the bit
    other[47] = (other[47] + 1) % 100;
    EXPECT_EQ(second.read(other).reused, 45u); // as far as it was in the file
    EXPECT_LT(nmse(copyOf(second.logits()), freshLogits(other)), 1e-10);
}

TEST(RecurrentSession, BooksWhatWasPlanned) {
    SessionOptions options = chunksOf(16);
    SessionPlan plan = planSession(planModel(hybrid()), options);
    Session session(hybrid(), options);
    session.read(someIds(100));
    std::map<std::string, uint64_t> booked;
    for (const gpu::BookedPart &part : hybrid().device().booked())
        booked[part.name] = part.bytes;
    EXPECT_GT(plan.state_bytes, 0u);
    EXPECT_EQ(booked["recurrent state"], plan.state_bytes);
    EXPECT_EQ(booked["weights"], plan.weight_bytes);
    EXPECT_EQ(booked["kv cache"], plan.cache_bytes);
    ASSERT_EQ(plan.layer_state_bytes.size(), 3u);
    EXPECT_EQ(plan.layer_state_bytes[1], 0u);
    EXPECT_EQ((1 + kStateCopies) * (plan.layer_state_bytes[0] + plan.layer_state_bytes[2]),
              plan.state_bytes);
    EXPECT_EQ(session.impl().memory->bytes() * (1 + kStateCopies), plan.state_bytes);
}

} // namespace
} // namespace longscope::engine
