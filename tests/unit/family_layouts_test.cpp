// Files say the same in more than one way: the same weights in another layout give the same logits.
#include "tests/support/family_models.h"

#include "compute/reference/forward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace longscope::testing {
namespace {

using Values = std::vector<float>;

std::vector<int32_t> someTokens() {
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < 20; ++i)
        tokens.push_back((i * 37 + 11) % 256);
    return tokens;
}

std::vector<float> logitsOf(const GgufWriter &writer) {
    std::vector<std::byte> bytes = writer.build();
    model::Gguf file = model::Gguf::parse(bytes, "family.gguf");
    return reference::forward(file, model::readConfig(file), someTokens());
}

GgufWriter writerOf(const char *architecture, const char *variant) {
    return makeFamily(architecture, findVariant(architecture, variant));
}

GgufWriter::TensorInfo &infoOf(GgufWriter &writer, const std::string &name) {
    for (GgufWriter::TensorInfo &info : writer.tensors())
        if (info.name == name)
            return info;
    throw std::out_of_range(name);
}

bool has(GgufWriter &writer, const std::string &name) {
    return std::ranges::any_of(writer.tensors(),
                               [&](const auto &info) { return info.name == name; });
}

Values take(GgufWriter &writer, const std::string &name) {
    GgufWriter::TensorInfo &info = infoOf(writer, name);
    Values values(info.data.size() / sizeof(float));
    std::memcpy(values.data(), info.data.data(), info.data.size());
    writer.removeTensor(name);
    return values;
}

Values joined(const Values &a, const Values &b) {
    Values both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
}

/// Rows first .. first + count - 1 of a matrix of `columns`.
Values rowsOf(const Values &matrix, size_t columns, size_t first, size_t count) {
    auto begin = matrix.begin() + static_cast<ptrdiff_t>(first * columns);
    return {begin, begin + static_cast<ptrdiff_t>(count * columns)};
}

void expectSame(const std::vector<float> &a, const std::vector<float> &b, double tolerance) {
    double error = 0, power = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        error += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
        power += std::pow(static_cast<double>(b[i]), 2);
    }
    EXPECT_LE(std::sqrt(error / power), tolerance);
}

std::string inLayer(int layer, const char *name) {
    return std::format("blk.{}.{}", layer, name);
}

TEST(FamilyLayouts, OneMatrixForQueriesKeysAndValues) {
    constexpr size_t kDim = 96, kQ = 96, kKv = 32;
    GgufWriter apart = writerOf("gpt2", "bare");
    for (int layer = 0; layer < 3; ++layer) // biases, so that they count too
        for (auto [name, size] :
             {std::pair{"attn_q.bias", kQ}, {"attn_k.bias", kKv}, {"attn_v.bias", kKv}})
            apart.tensorF32(inLayer(layer, name), {size},
                            randomFloats(size, -1, 1, seedOfName(name, 5)));
    std::vector<float> wanted = logitsOf(apart);
    GgufWriter fused = apart, own_biases = apart;
    for (int layer = 0; layer < 3; ++layer) {
        auto all = [&](GgufWriter &writer, const std::string &end) {
            Values q = take(writer, inLayer(layer, "attn_q") + end);
            Values k = take(writer, inLayer(layer, "attn_k") + end);
            return joined(joined(q, k), take(writer, inLayer(layer, "attn_v") + end));
        };
        for (GgufWriter *writer : {&fused, &own_biases})
            writer->tensorF32(inLayer(layer, "attn_qkv.weight"), {kDim, kQ + 2 * kKv},
                              all(*writer, ".weight"));
        fused.tensorF32(inLayer(layer, "attn_qkv.bias"), {kQ + 2 * kKv}, all(fused, ".bias"));
    }
    expectSame(logitsOf(fused), wanted, 1e-6);
    expectSame(logitsOf(own_biases), wanted, 1e-6);
}

TEST(FamilyLayouts, GatesAndUpsOfExpertsTogether) {
    constexpr size_t kDim = 96, kFfn = 64, kExperts = 6;
    GgufWriter apart = writerOf("qwen35moe", "bare"), merged = apart;
    for (int layer = 0; layer < 3; ++layer) {
        Values gate = take(merged, inLayer(layer, "ffn_gate_exps.weight"));
        Values up = take(merged, inLayer(layer, "ffn_up_exps.weight")), both;
        for (size_t expert = 0; expert < kExperts; ++expert)
            both = joined(joined(both, rowsOf(gate, kDim, expert * kFfn, kFfn)),
                          rowsOf(up, kDim, expert * kFfn, kFfn));
        merged.tensorF32(inLayer(layer, "ffn_gate_up_exps.weight"), {kDim, 2 * kFfn, kExperts},
                         both);
    }
    EXPECT_EQ(logitsOf(merged), logitsOf(apart));
}

TEST(FamilyLayouts, OlderFilesOfQwen3next) {
    // 2 key heads of 16 with 3 value heads each: [q 16 | k 16 | v 48 | z 48] a key head.
    constexpr size_t kDim = 96, kN = 16, kGroups = 2, kValues = 48;
    GgufWriter older = writerOf("qwen3next", "bare"), newer = older, both = older;
    for (int layer : {0, 2}) {
        Values all = take(newer, inLayer(layer, "ssm_in.weight")), q, k, v, z;
        for (size_t group = 0; group < kGroups; ++group) {
            size_t first = group * (2 * kN + 2 * kValues);
            q = joined(q, rowsOf(all, kDim, first, kN));
            k = joined(k, rowsOf(all, kDim, first + kN, kN));
            v = joined(v, rowsOf(all, kDim, first + 2 * kN, kValues));
            z = joined(z, rowsOf(all, kDim, first + 2 * kN + kValues, kValues));
        }
        for (GgufWriter *writer : {&newer, &both}) {
            writer->tensorF32(inLayer(layer, "attn_qkv.weight"), {kDim, 160},
                              joined(joined(q, k), v));
            writer->tensorF32(inLayer(layer, "attn_gate.weight"), {kDim, 96}, z);
        }
        for (std::byte &byte : infoOf(both, inLayer(layer, "ssm_in.weight")).data)
            byte = {}; // the newer tensors count
    }
    std::vector<float> wanted = logitsOf(older);
    EXPECT_EQ(logitsOf(newer), wanted);
    EXPECT_EQ(logitsOf(both), wanted);
}

TEST(FamilyLayouts, LatentAttentionInBothForms) {
    // A head: keys of 16 that are not rotated and 8 that are, values of 16; c of 32.
    constexpr size_t kHeads = 6, kStill = 16, kValue = 16, kRank = 32;
    GgufWriter absorbed = writerOf("deepseek2", "bare"), apart = absorbed;
    for (int layer = 0; layer < 3; ++layer) {
        Values k_b = take(apart, inLayer(layer, "attn_k_b.weight")); // [heads, rank, still]
        Values v_b = take(apart, inLayer(layer, "attn_v_b.weight")); // [heads, value, rank]
        Values kv_b;                                                 // [heads, still | value, rank]
        for (size_t head = 0; head < kHeads; ++head) {
            for (size_t i = 0; i < kStill; ++i)
                for (size_t c = 0; c < kRank; ++c)
                    kv_b.push_back(k_b[(head * kRank + c) * kStill + i]);
            kv_b = joined(kv_b, rowsOf(v_b, kRank, head * kValue, kValue));
        }
        apart.tensorF32(inLayer(layer, "attn_kv_b.weight"), {kRank, kHeads * (kStill + kValue)},
                        kv_b);
    }
    for (const char *key : {"key_length_mla", "value_length_mla"})
        apart.set(std::string("deepseek2.attention.") + key, 0u);
    apart.set("deepseek2.attention.key_length", 24u);
    apart.set("deepseek2.attention.value_length", 16u);
    apart.set("deepseek2.attention.head_count_kv", 6u);
    expectSame(logitsOf(apart), logitsOf(absorbed), 1e-5);
}

TEST(FamilyLayouts, SharesOfRwkvTogether) {
    GgufWriter apart = writerOf("rwkv6", "bare"), fused = apart;
    for (int layer = 0; layer < 3; ++layer) {
        Values all;
        for (const char *part : {"w", "k", "v", "r", "g"})
            all = joined(all, take(fused, inLayer(layer, "time_mix_lerp_") + part + ".weight"));
        fused.tensorF32(inLayer(layer, "time_mix_lerp_fused.weight"), {96, 1, 1, 5}, all);
    }
    ASSERT_TRUE(has(apart, "blk.0.time_mix_lerp_w.weight"));
    EXPECT_EQ(logitsOf(fused), logitsOf(apart));
}

TEST(FamilyLayouts, GatesAndUpsOfADenseBlockTogether) {
    // What is phi3 without its tensors of divisors is qwen2 in another layout.
    GgufWriter fused = writerOf("phi3", "bare"), apart = fused;
    apart.set("general.architecture", "qwen2");
    constexpr size_t kDim = 96, kFfn = 160;
    for (int layer = 0; layer < 3; ++layer) {
        Values both = take(apart, inLayer(layer, "ffn_up.weight"));
        apart.tensorF32(inLayer(layer, "ffn_gate.weight"), {kDim, kFfn},
                        rowsOf(both, kDim, 0, kFfn));
        apart.tensorF32(inLayer(layer, "ffn_up.weight"), {kDim, kFfn},
                        rowsOf(both, kDim, kFfn, kFfn));
    }
    apart.set("qwen2.block_count", 3u).set("qwen2.context_length", 256u);
    apart.set("qwen2.embedding_length", 96u).set("qwen2.feed_forward_length", 160u);
    apart.set("qwen2.attention.head_count", 6u).set("qwen2.attention.head_count_kv", 2u);
    apart.set("qwen2.attention.layer_norm_rms_epsilon", 1e-5f);
    EXPECT_EQ(logitsOf(apart), logitsOf(fused));
}

} // namespace
} // namespace longscope::testing
