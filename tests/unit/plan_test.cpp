// The memory and FLOP forecast against a worked example (Llama-3.1-8B) and against the KV bytes
// that users of other engines see in their logs.
#include "compute/attention/plan.h"

#include <gtest/gtest.h>

namespace longscope::attention {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

PlanInput llama8b(uint64_t context_tokens) {
    PlanInput in;
    in.layers = 32;
    in.model_dim = 4096;
    in.ffn_dim = 14336;
    in.heads = 32;
    in.kv_heads = 8;
    in.head_dim = in.head_dim_padded = 128;
    in.vocab = 128256;
    in.context_tokens = context_tokens;
    in.matmul_parameters = 7'504'658'432 - uint64_t{4096} * 128256;
    return in;
}

uint64_t bytesOf(const Plan &plan, std::string_view name) {
    for (const PlanPart &part : plan.parts)
        if (part.name == name)
            return part.bytes;
    ADD_FAILURE() << "no part " << name;
    return 0;
}

TEST(Plan, KvBytesOfLlama8b) {
    EXPECT_EQ(planMemory(llama8b(1)).bytes_per_token, 131072u);
    EXPECT_EQ(bytesOf(planMemory(llama8b(4096)), "kv cache"), kGib / 2);
    EXPECT_EQ(bytesOf(planMemory(llama8b(131072)), "kv cache"), 16 * kGib);
    PlanInput q8 = llama8b(8192);
    q8.k_bytes_per_element = q8.v_bytes_per_element = 34.0 / 32;
    EXPECT_EQ(planMemory(q8).bytes_per_token, 69632u);
    q8.k_bytes_per_element = q8.v_bytes_per_element = 18.0 / 32;
    EXPECT_EQ(planMemory(q8).bytes_per_token, 36864u);
}

TEST(Plan, FlopsOfLlama8b) {
    struct Row {
        uint64_t tokens;
        double linear, attention, decode_attention; // 1e12, 1e12, 1e9
    };
    const Row rows[] = {{4096, 57.2, 4.4, 2.15},
                        {8192, 114.3, 17.6, 4.29},
                        {32768, 457.4, 281.5, 17.18},
                        {131072, 1829.6, 4503.6, 68.72}};
    const double head = 2.0 * 4096 * 128256;
    for (const Row &row : rows) { // the table has one or two decimals
        Plan plan = planMemory(llama8b(row.tokens));
        EXPECT_NEAR(plan.flops_prefill / 1e12, row.linear + row.attention + head / 1e12, 0.11);
        EXPECT_NEAR(plan.flops_per_token / 1e9, 15.0093 + row.decode_attention, 0.006);
    }
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
        PlanInput in;
        in.layers = anchor.layers;
        in.kv_heads = anchor.kv_heads;
        in.head_dim = in.head_dim_padded = anchor.head_dim;
        EXPECT_EQ(planMemory(in).bytes_per_token, anchor.bytes_per_token) << anchor.model;
    }
    PlanInput qwen;
    qwen.layers = 28;
    qwen.kv_heads = 4;
    qwen.head_dim = qwen.head_dim_padded = 128;
    qwen.context_tokens = 72000;
    EXPECT_EQ(bytesOf(planMemory(qwen), "kv cache"), 72000u * 57344); // 3937.5 MiB
    EXPECT_EQ(72000u * 57344, 4128768000u);
}

TEST(Plan, PaddedHeadsCostWhatTheyStore) {
    PlanInput in = llama8b(1);
    in.head_dim = 80;
    in.head_dim_padded = 96;
    EXPECT_EQ(planMemory(in).bytes_per_token, uint64_t{32} * 8 * 96 * 4);
}

TEST(Plan, PartsSumToTheTotalAndTheLongestContextFits) {
    PlanInput in = llama8b(4096);
    in.weight_bytes = 5 * kGib;
    in.chunk_tokens = 512;
    Plan plan = planMemory(in);
    uint64_t sum = 0;
    for (const PlanPart &part : plan.parts)
        sum += part.bytes;
    EXPECT_EQ(sum, plan.total_bytes);
    EXPECT_GT(bytesOf(plan, "scratch"), 512u * 4 * (2 * 4096 + 3 * 14336));
    EXPECT_EQ(plan.longestContext(plan.total_bytes), 4096u);
    EXPECT_EQ(plan.longestContext(plan.total_bytes - 1), 4095u);
    EXPECT_EQ(plan.longestContext(plan.fixed_bytes - 1), 0u);
    EXPECT_EQ(plan.longestContext(0), 0u);
}

} // namespace
} // namespace longscope::attention
