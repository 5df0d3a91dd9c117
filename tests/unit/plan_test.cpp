// The forecast of FLOPs, keys and bytes against a worked example (Llama-3.1-8B, methods.md 8.4),
// against the KV bytes that users of other engines see in their logs, and against counting.
#include "compute/attention/plan.h"

#include <gtest/gtest.h>

namespace longscope::attention {
namespace {

constexpr double kGib = 1 << 30;

ModelShape llama8b() {
    return {.layers = 32,
            .model_dim = 4096,
            .ffn_dim = 14336,
            .heads = 32,
            .kv_heads = 8,
            .head_dim = 128,
            .head_dim_padded = 128,
            .vocab = 128256};
}

/// FLOPs of attention of all layers while n tokens are read.
double attentionOf(const ModelShape &shape, const char *spec, uint64_t n) {
    Pattern pattern(spec);
    Eviction none;
    return shape.layers * attentionFlops(shape, readingPairs({pattern, none}, n));
}

TEST(Plan, ParametersAndFlopsOfLlama8b) {
    ModelShape shape = llama8b();
    EXPECT_EQ(layerParameters(shape) + uint64_t{4096} * 128256, 7'504'658'432u);
    EXPECT_NEAR((linearFlops(shape) + headFlops(shape)) / 1e9, 15.0093, 0.0001);
    struct Row {
        uint64_t tokens;
        double linear, full, window, sinks, decode; // 1e12 of reading, 1e9 of a token
    };
    const Row rows[] = {{4096, 57.2, 4.4, 4.4, 3.3, 2.15},
                        {8192, 114.3, 17.6, 13.2, 7.7, 4.29},
                        {32768, 457.4, 281.5, 66.0, 34.1, 17.18},
                        {131072, 1829.6, 4503.6, 277.1, 139.6, 68.72}};
    Pattern full;
    Eviction none;
    for (const Row &row : rows) { // the table has one or two decimals
        EXPECT_NEAR(static_cast<double>(row.tokens) * linearFlops(shape) / 1e12, row.linear, 0.051);
        EXPECT_NEAR(attentionOf(shape, "full", row.tokens) / 1e12, row.full, 0.051);
        EXPECT_NEAR(attentionOf(shape, "window:4096", row.tokens) / 1e12, row.window, 0.051);
        EXPECT_NEAR(attentionOf(shape, "sinks:4+2044", row.tokens) / 1e12, row.sinks, 0.051);
        double keys = writingKeys({full, none}, row.tokens - 1);
        EXPECT_NEAR(shape.layers * attentionFlops(shape, keys) / 1e9, row.decode, 0.006);
    }
}

TEST(Plan, KvBytesOfLlama8b) {
    struct Row {
        CacheType type;
        uint64_t token_bytes;
        double gib[4]; // at 4096, 8192, 32768, 131072 tokens
    };
    const Row rows[] = {{CacheType::f16, 131072, {0.5, 1, 4, 16}},
                        {CacheType::bf16, 131072, {0.5, 1, 4, 16}},
                        {CacheType::q8_0, 69632, {0.266, 0.531, 2.125, 8.5}},
                        {CacheType::q4_0, 36864, {0.141, 0.281, 1.125, 4.5}}};
    for (const Row &row : rows) {
        uint64_t bytes = 32 * cacheTokenBytes(llama8b(), row.type, row.type);
        EXPECT_EQ(bytes, row.token_bytes) << cacheTypeName(row.type);
        const uint64_t tokens[] = {4096, 8192, 32768, 131072};
        for (int i = 0; i < 4; ++i)
            EXPECT_NEAR(static_cast<double>(bytes * tokens[i]) / kGib, row.gib[i], 0.00051);
    }
    EXPECT_EQ(32 * cacheTokenBytes(llama8b(), CacheType::f32, CacheType::f16), 196608u);
}

TEST(Plan, KvAnchorsFromLogsOfOtherEngines) {
    struct Anchor {
        const char *model;
        uint32_t layers, kv_heads, head_dim;
        uint64_t bytes_per_token;
    };
    const Anchor anchors[] = {{"Qwen2.5-7B", 28, 4, 128, 56 * 1024},
                              {"Qwen3-0.6B", 28, 8, 128, 112 * 1024},
                              {"Llama-3.1-8B", 32, 8, 128, 128 * 1024},
                              {"Qwen3-8B", 36, 8, 128, 144 * 1024},
                              {"gpt-oss-20b, full layers", 12, 8, 64, 24 * 1024},
                              {"Qwen3.6-27B, full layers", 16, 4, 256, 64 * 1024},
                              {"Qwen3.6-35B-A3B, full layers", 10, 2, 256, 20 * 1024}};
    for (const Anchor &anchor : anchors) {
        ModelShape shape{.kv_heads = anchor.kv_heads, .head_dim_padded = anchor.head_dim};
        EXPECT_EQ(anchor.layers * cacheTokenBytes(shape, CacheType::f16, CacheType::f16),
                  anchor.bytes_per_token)
            << anchor.model;
    }
}

TEST(Plan, PaddedHeadsCostWhatTheyStore) {
    ModelShape shape = llama8b();
    shape.head_dim = 80;
    shape.head_dim_padded = 96;
    EXPECT_EQ(cacheTokenBytes(shape, CacheType::f16, CacheType::f16), uint64_t{8} * 96 * 4);
    // q8_0 has a scale for 32 elements, in whole words of two: 96 bytes and 8.
    EXPECT_EQ(cacheTokenBytes(shape, CacheType::q8_0, CacheType::q8_0), uint64_t{8} * 104 * 2);
}

TEST(Plan, EvictionsByCounting) {
    Pattern full;
    for (uint64_t keep : {5, 16, 40})
        for (uint32_t chunk : {1, 7, 16, 64}) {
            Eviction h2o = parseEviction("h2o:" + std::to_string(keep));
            LayerReading reading{full, h2o, 0, chunk};
            double pairs = 0;
            for (uint64_t n = 1, filled = 0, in_chunk = 0; n <= 100; ++n) {
                if (in_chunk == chunk) {
                    filled = std::min(filled + chunk, keep);
                    in_chunk = 0;
                }
                pairs += static_cast<double>(filled + ++in_chunk);
                ASSERT_EQ(readingPairs(reading, n), pairs) << keep << " " << chunk << " " << n;
            }
        }
    Eviction tova = parseEviction("tova:20"), quest = parseEviction("quest:64,16");
    EXPECT_EQ(writingKeys({full, tova}, 10), 11);
    EXPECT_EQ(writingKeys({full, tova}, 1000), 21);
    EXPECT_EQ(writingKeys({full, quest, 1}, 1599), 1600);
    EXPECT_EQ(writingKeys({full, quest, 2}, 1599), 64 + 2 * 100);
    EXPECT_EQ(writingKeys({full, quest, 2}, 63), 64);
}

/// Nine heads: one is of the first kind of the mixed pattern, four of the first of the shifted.
TEST(Plan, HeadsThatDifferCountEach) {
    Eviction none;
    Pattern one("mixed:window:64#0|full"), halves("shifted:64"), full, window("window:64");
    LayerReading reading{.pattern = one, .eviction = none, .heads = 9};
    double all = readingPairs({full, none}, 8192), few = readingPairs({window, none}, 8192);
    EXPECT_DOUBLE_EQ(9 * readingPairs(reading, 8192), few + 8 * all);
    EXPECT_DOUBLE_EQ(9 * writingKeys(reading, 8191), 64 + 8 * 8192);
    LayerReading shifted{.pattern = halves, .eviction = none, .heads = 9};
    // At 8192 = 128 groups of 64: heads that are shifted have 127 and two halves.
    double group = 64 * 65 / 2, half = 32 * 33 / 2;
    EXPECT_DOUBLE_EQ(9 * readingPairs(shifted, 8192),
                     4 * 128 * group + 5 * (127 * group + 2 * half));
    EXPECT_DOUBLE_EQ(9 * writingKeys(shifted, 8191), 4 * 64 + 5 * 32);
}

TEST(Plan, ChosenKeysCostTheirScores) {
    ModelShape shape = llama8b();
    Eviction none;
    Pattern lines("vertical-slash:100,200"), blocks("topk:4,64"), full;
    LayerReading reading{lines, none, 0, 1024};
    EXPECT_EQ(readingPairs(reading, 200), 200 * 201 / 2);
    EXPECT_EQ(readingPairs(reading, 1000), 300 * 301 / 2 + 700 * 300);
    EXPECT_EQ(readingPairs({blocks, none}, 1000), 256 * 257 / 2 + 744 * 256);
    // 64 rows of each of two chunks, with all keys up to its end.
    EXPECT_EQ(choosingFlops(shape, reading, 2048), 2.0 * 32 * 128 * 64 * (1024 + 2048));
    EXPECT_EQ(choosingFlops(shape, {full, none}, 2048), 0);
}

} // namespace
} // namespace longscope::attention
