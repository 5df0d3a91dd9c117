// Readings in pages: a beginning that comes back goes on as if it had been read, bit for bit.
#include "compute/engine/kv_pages.h"
#include "compute/engine/kv_rows.h"
#include "tests/support/family_models.h"
#include "tests/support/session_files.h"

#include <algorithm>

namespace longscope::engine {
namespace {

using For = GrowingFile::For;
using testing::dataFile;
using testing::engineFor;
using KvPagesTest = SessionFileTest;

Engine &familyEngine(const std::string &architecture) {
    return engineFor(architecture, "auto", [&] {
        return testing::makeFamily(architecture, testing::findVariant(architecture, "bare"));
    });
}

/// Reads and keeps, as the worker and its keeper do: a page whenever `every` tokens have come or a
/// ring would lose them.
void readAndKeep(Session &session, KvPages &pages, std::span<const Token> ids, uint64_t every) {
    auto keep = [&](const Progress &progress) {
        uint64_t waiting = session.tokens().size() - pages.tokens().size();
        if (progress.done < ids.size() && waiting >= std::min(every, tokensHeld(session))) {
            EXPECT_TRUE(pages.append(session, false));
        }
    };
    session.read(ids, keep);
    EXPECT_TRUE(pages.append(session, true));
    pages.finish();
    EXPECT_EQ(pages.tokens(), session.tokens());
}

/// Whoever gets the first `count` tokens back goes on as one who read them.
void expectSame(Engine &engine, const SessionOptions &options, KvPages &pages,
                const std::vector<Token> &ids, uint64_t count, uint64_t restored) {
    SCOPED_TRACE(::testing::Message() << options.patterns.text() << " " << options.eviction.spec
                                      << " " << count << " of " << pages.tokens().size());
    Session read(engine, options), back(engine, options);
    back.read(std::span(ids).subspan(5, 9)); // what was there before does not matter
    EXPECT_EQ(pages.restore(back, count, {}, {}).tokens, restored);
    if (restored == 0)
        return;
    read.read(std::span(ids).first(restored));
    ASSERT_EQ(back.tokens(), read.tokens());
    EXPECT_EQ(back.forgotten(), read.forgotten());
    for (size_t end : {restored + 1, restored + 2, restored + 30}) {
        EXPECT_EQ(read.read(std::span(ids).first(end)).reused, back.tokens().size());
        back.read(std::span(ids).first(end));
        ASSERT_TRUE(sameBits(back.logits(), read.logits())) << "after " << end << " tokens";
    }
    EXPECT_EQ(back.reusable(std::span(ids).first(restored)),
              read.reusable(std::span(ids).first(restored)));
}

/// Multiples of the chunk, so that the one who reads computes in the same steps.
void expectEveryBeginning(Engine &engine, SessionOptions options, const std::string &path,
                          uint64_t every = 40) {
    options.chunk_tokens = 8;
    options.context_tokens = 200;
    uint32_t vocab = engine.config().vocab;
    std::vector<Token> ids;
    for (Token id : someIds(180))
        ids.push_back(static_cast<Token>(static_cast<uint32_t>(id) % vocab));
    Session session(engine, options);
    KvPages made = KvPages::make(path, session, "a title");
    readAndKeep(session, made, std::span(ids).first(149), every);
    KvPages pages(path, For::reading);
    EXPECT_EQ(pages.title(), "a title");
    EXPECT_EQ(pages.tokens(), session.tokens());
    pages.checkFits(session);
    for (uint64_t count : {8, 48, 88, 144})
        expectSame(engine, options, pages, ids, count, count);
}

TEST_F(KvPagesTest, EveryCacheType) {
    for (auto [k, v] : {std::pair{CacheType::f32, CacheType::f32},
                        {CacheType::f16, CacheType::f16},
                        {CacheType::bf16, CacheType::bf16},
                        {CacheType::q8_0, CacheType::q4_0},
                        {CacheType::q4_0, CacheType::q8_0}})
        expectEveryBeginning(smallEngine(), withTypes(k, v),
                             path(std::string(attention::cacheTypeName(k))));
}

TEST_F(KvPagesTest, Rings) {
    int number = 0;
    for (const char *spec : {"window:24", "sinks:4+20", "a-shape:3+17", "window:16@0"})
        expectEveryBeginning(smallEngine(), withPattern(spec), path(std::to_string(number++)));
    SessionOptions mixed = withPattern("window:16@0");
    mixed.k = CacheType::q8_0;
    expectEveryBeginning(smallEngine(), mixed, path("mixed"), 3);
}

TEST_F(KvPagesTest, WindowsOfTheModelsOwn) {
    for (const char *model : {"gemma3-dense.gguf", "gpt-oss-moe.gguf"})
        expectEveryBeginning(engineFor(dataFile(model), "auto"),
                             withTypes(CacheType::f16, CacheType::f16), path(model));
}

TEST_F(KvPagesTest, LatentAttention) {
    expectEveryBeginning(familyEngine("deepseek2"), withTypes(CacheType::f16, CacheType::f16),
                         path());
}

TEST_F(KvPagesTest, PagesOfQuestAndRawKeys) {
    SessionOptions quest = withTypes(CacheType::f16, CacheType::f16);
    quest.eviction = attention::parseEviction("quest:48");
    expectEveryBeginning(smallEngine(), quest, path("quest"));
    SessionOptions raw = withTypes(CacheType::f16, CacheType::f16);
    raw.rope = attention::parseRope("self-extend:4,64");
    expectEveryBeginning(smallEngine(), raw, path("raw"));
}

/// States come back where they were kept: behind the last token, and every 512 before.
TEST_F(KvPagesTest, RecurrentLayersComeBackToTheirLastStates) {
    for (const char *architecture : {"granitehybrid", "qwen35", "mamba2", "rwkv6"}) {
        SCOPED_TRACE(architecture);
        Engine &engine = familyEngine(architecture);
        SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
        options.context_tokens = 256; // these models know no more
        options.chunk_tokens = 16;
        std::vector<Token> ids;
        for (Token id : someIds(240))
            ids.push_back(static_cast<Token>(static_cast<uint32_t>(id) % engine.config().vocab));
        Session session(engine, options);
        KvPages pages = KvPages::make(path(architecture), session, "");
        readAndKeep(session, pages, std::span(ids).first(96), 32);
        readAndKeep(session, pages, std::span(ids).first(160), 32);
        expectSame(engine, options, pages, ids, 200, 160);
        expectSame(engine, options, pages, ids, 160, 160);
        expectSame(engine, options, pages, ids, 159, 96);
        expectSame(engine, options, pages, ids, 95, 0);
    }
}

TEST_F(KvPagesTest, AForeignReadingIsRefusedWithBothValues) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    Session session(smallEngine(), options);
    KvPages pages = KvPages::make(path(), session, "");
    readAndKeep(session, pages, someIds(50), 20);
    auto refusal = [&](Session &other) {
        return errorOf(ErrorKind::file, [&] { pages.checkFits(other); });
    };
    Session types(smallEngine(), withTypes(CacheType::q8_0, CacheType::f16));
    std::string text = refusal(types);
    EXPECT_TRUE(holds(text, "type of keys") && holds(text, "f16") && holds(text, "q8_0")) << text;
    Session pattern(smallEngine(), withPattern("window:24"));
    text = refusal(pattern);
    EXPECT_TRUE(holds(text, "layer 0") && holds(text, "full") && holds(text, "window:24")) << text;
    options.rope = attention::parseRope("linear:2");
    Session rope(smallEngine(), options);
    text = refusal(rope);
    EXPECT_TRUE(holds(text, "positions") && holds(text, "linear:2")) << text;
    Session model(engineFor(dataFile("gemma3-dense.gguf"), "auto"),
                  withTypes(CacheType::f16, CacheType::f16));
    text = refusal(model);
    EXPECT_TRUE(holds(text, "the model is")) << text;
}

TEST_F(KvPagesTest, WhatIsThrownAwayIsNotKept) {
    for (const char *spec : {"h2o:24", "tova:24", "snapkv:40,8"}) {
        SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
        options.eviction = attention::parseEviction(spec);
        std::string why = whyNotKept(Session(smallEngine(), options));
        EXPECT_TRUE(holds(why, spec)) << why;
    }
    EXPECT_EQ(whyNotKept(Session(smallEngine(), withPattern("window:24"))), "");
}

TEST_F(KvPagesTest, DamageLeavesTheGoodBeginning) {
    for (SessionOptions options :
         {withTypes(CacheType::f16, CacheType::f16), withPattern("window:24")}) {
        options.chunk_tokens = 8;
        options.context_tokens = 200;
        std::vector<Token> ids = someIds(180);
        Session session(smallEngine(), options);
        {
            KvPages pages = KvPages::make(path(), session, "");
            readAndKeep(session, pages, std::span(ids).first(160), 16);
        }
        std::string bad = bytesOf(path());
        bad[bad.size() * 6 / 10] ^= 1;
        writeBytes(path(), bad);
        KvPages pages(path(), For::writing);
        Session back(smallEngine(), options), read(smallEngine(), options);
        KvPages::Restored restored = pages.restore(back, 160, {}, {});
        EXPECT_TRUE(restored.is_damaged);
        EXPECT_GE(restored.tokens, 64u);
        EXPECT_LT(restored.tokens, 120u);
        ASSERT_EQ(back.tokens().size(), restored.tokens);
        pages.cut(restored.tokens);
        read.read(std::span(ids).first(restored.tokens));
        read.read(ids);
        back.read(ids);
        EXPECT_TRUE(sameBits(back.logits(), read.logits()));
        bool has_rows = holdsRows(back, restored.tokens, ids.size());
        EXPECT_EQ(has_rows, tokensHeld(back) == UINT64_MAX); // a ring has gone on
        EXPECT_EQ(pages.append(back, true), has_rows);
        std::filesystem::remove(path());
    }
}

/// Any page may be what a crash left: tokens that are none, sizes that do not fit.
TEST_F(KvPagesTest, RejectsTruncatedAndForgedPages) {
    Session session(smallEngine(), withTypes(CacheType::f16, CacheType::f16));
    {
        KvPages pages = KvPages::make(path(), session, "");
        readAndKeep(session, pages, someIds(60), 20);
    }
    std::string whole = bytesOf(path());
    for (size_t at = 16; at < whole.size(); at += whole.size() / 300 + 1) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x81);
        writeBytes(path("bad"), bad);
        writeBytes(path("short"), whole.substr(0, at));
        for (const std::string &name : {path("bad"), path("short")})
            try {
                KvPages pages(name, For::reading);
                Session back(smallEngine(), session.options());
                uint64_t tokens = pages.restore(back, 60, {}, {}).tokens;
                ASSERT_EQ(back.tokens().size(), tokens);
                auto known = std::span(session.tokens()).first(tokens);
                ASSERT_TRUE(std::ranges::equal(back.tokens(), known));
            } catch (const Error &error) {
                EXPECT_EQ(error.kind(), ErrorKind::file) << error.what();
            }
    }
}

TEST_F(KvPagesTest, CopiesABeginningAndGoesOn) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.chunk_tokens = 8;
    std::vector<Token> ids = someIds(150), other = ids;
    std::reverse(other.begin() + 104, other.end()); // a multiple of the chunk
    Session session(smallEngine(), options);
    KvPages first = KvPages::make(path("first"), session, "a title");
    readAndKeep(session, first, ids, 16);
    KvPages second = KvPages::copy(path("second"), first, 104);
    EXPECT_EQ(second.tokens().size(), 96u);
    readAndKeep(session, second, other, 16);
    EXPECT_EQ(KvPages(path("first"), For::reading).tokens(), ids);
    KvPages again(path("second"), For::reading);
    EXPECT_EQ(again.tokens(), other);
    std::vector<Token> longer = other;
    for (Token id : someIds(40))
        longer.push_back(id);
    expectSame(smallEngine(), session.options(), again, longer, 144, 144);
}

} // namespace
} // namespace longscope::engine
