// What the panels of costs, patterns, models and settings show beyond the sample snapshot: devices
// (one is refused), a self-test, kernel times, a price, a comparison, a forecast. Made up.
#pragma once

#include "tests/panels/sample_snapshot.h"

#include <format>
#include <memory>
#include <string>

namespace longscope::ui::sample {

inline std::shared_ptr<const Model> makeLargerModel() {
    auto model = std::make_shared<Model>(*makeModel());
    model->facts.push_back({"Tokenizer", "gpt2 (byte pairs), 49,152 tokens"});
    model->facts.push_back({"Chat template", "in the file"});
    model->tensors = {{"token_embd.weight", "Q8_0", "576 x 49152", 30'081'024}};
    for (int layer = 0; layer < 30; ++layer)
        for (const char *name : {"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output",
                                 "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"}) {
            bool is_norm = std::string(name).ends_with("norm");
            model->tensors.push_back({std::format("blk.{}.{}.weight", layer, name),
                                      is_norm ? "F32" : "Q8_0", is_norm ? "576" : "576 x 1536",
                                      is_norm ? 2304U : 940'032U});
        }
    model->metadata = {{"general.architecture", "llama"},
                       {"general.license", "apache-2.0"},
                       {"llama.block_count", "30"},
                       {"llama.context_length", "8192"},
                       {"llama.rope.freq_base", "100000"},
                       {"tokenizer.ggml.model", "gpt2"},
                       {"tokenizer.ggml.tokens", "[49152] <|endoftext|>, <|im_start|>, ..."}};
    model->chat_template =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
        "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}\n{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\\n' }}{% endif %}";
    return model;
}

inline std::vector<DeviceRow> makeDevices() {
    DeviceRow fast;
    fast.index = 0, fast.name = "Example RX 900", fast.type = "discrete";
    fast.driver = "RADV, Mesa 25.0.7", fast.memory_bytes = 16ULL << 30;
    fast.free_bytes = 15ULL << 30, fast.is_best = true;
    fast.limits = {{"Subgroup", "64 lanes"},
                   {"Workgroup", "1024 invocations"},
                   {"Shared memory", "64 KiB"},
                   {"Largest buffer", "4 GiB"}};
    DeviceRow slow = fast;
    slow.index = 1, slow.name = "llvmpipe (LLVM 19)", slow.type = "software";
    slow.driver = "Mesa 25.0.7", slow.is_best = false, slow.is_used = true;
    slow.memory_bytes = 8ULL << 30, slow.free_bytes = 6ULL << 30;
    DeviceRow old = fast;
    old.index = 2, old.name = "Old Graphics 400", old.type = "integrated", old.is_best = false;
    old.memory_bytes = 2ULL << 30, old.free_bytes = 1ULL << 30;
    old.refusals = {"It has Vulkan 1.1; version 1.3 is needed. A newer driver may have it."};
    return {fast, slow, old};
}

inline std::shared_ptr<const SelfTest> makeSelfTest() {
    auto test = std::make_shared<SelfTest>();
    test->family = "portable";
    test->lines = {{"rms_norm", 24, 0.18, ""},
                   {"rope", 40, 0.07, ""},
                   {"matmul_q8_0", 96, 0.41, ""},
                   {"attention", 210, 0.63, ""},
                   {"softmax_row", 12, 1.8, "row 3, column 17: 0.231, expected 0.229"}};
    test->finished = true;
    test->report = "llvmpipe (LLVM 19), Mesa 25.0.7\nattention: 210 cases, worst 0.63";
    return test;
}

inline std::shared_ptr<const Profile> makeProfile() {
    auto profile = std::make_shared<Profile>();
    profile->chunk_tokens = 256, profile->depth_tokens = 4096;
    profile->chunk = {{"matmul_q8_0", 210, 181, 92.4, 3.1},
                      {"attention", 30, 74, 51.7, 1.9},
                      {"rms_norm", 61, 3.1, 0.4, 6.3},
                      {"rope", 60, 1.2, 0.9, 4.8}};
    profile->token = {{"matvec_q8_0", 210, 14.8, 18.3, 9.7}, {"attention", 30, 6.1, 2.6, 9.1}};
    return profile;
}

inline std::shared_ptr<const LoadForecast> makeLoadForecast() {
    auto forecast = std::make_shared<LoadForecast>();
    forecast->path = "/home/anna/models/lighthouse-3b-q4_k_m.gguf";
    forecast->name = "Lighthouse 3B Instruct";
    forecast->facts = {{"Architecture", "llama"},
                       {"Licence", "apache-2.0"},
                       {"Quantization", "Q4_K_M"},
                       {"Trained window", "32,768 tokens"}};
    forecast->weight_bytes = 2'019'000'000, forecast->free_bytes = 6'442'450'944;
    forecast->windows = {{2048, 2'400'000'000}, {8192, 3'100'000'000}, {32768, 6'800'000'000}};
    return forecast;
}

inline std::shared_ptr<const Price> makePrice(const AttentionSettings &settings) {
    auto price = std::make_shared<Price>();
    price->settings = settings;
    price->window_tokens = 16384;
    price->warning = "16,384 tokens are more than the 8,192 that the model was trained for.";
    price->cache_bytes = 23'592'960, price->total_bytes = 402'653'184;
    price->read_again_tokens = 5321, price->read_again_seconds = 9.4;
    price->flops = 3.2e12, price->pairs = 189e6, price->full_pairs = 1.6e9;
    return price;
}

inline std::shared_ptr<const Comparison> makeComparison() {
    auto comparison = std::make_shared<Comparison>();
    comparison->prompt = "How long does the coal last?";
    comparison->document = kDocument;
    comparison->a.text = "The coal lasts for thirty days. The water lasts for ten days, and then "
                         "the harbour must be filled from the river.";
    comparison->a.prompt_tokens = 5321, comparison->a.written_tokens = 27;
    comparison->a.prompt_seconds = 10.2, comparison->a.write_seconds = 1.4;
    comparison->a.cache_bytes = 98'000'000, comparison->a.pairs = 1.5e9;
    comparison->b = comparison->a;
    comparison->b.settings.attention = "window:1024";
    comparison->b.text = "The coal lasts for thirty days. Nothing is said about the water, but the "
                         "keeper counts it every morning.";
    comparison->b.prompt_seconds = 5.8, comparison->b.cache_bytes = 18'900'000;
    comparison->b.pairs = 5.6e8, comparison->b.kl = 0.084;
    return comparison;
}

/// The sample with all of the above.
inline Snapshot makeLabSnapshot() {
    Snapshot snapshot = makeSnapshot();
    snapshot.model = makeLargerModel();
    snapshot.machine = {makeDevices(), makeSelfTest(), makeProfile()};
    snapshot.cost.linear_flops_per_second = 1.83e11; // what the sample's dots say
    snapshot.cost.pair_seconds = 2.4e-7;
    snapshot.patterns.price = makePrice(snapshot.patterns.applied);
    snapshot.patterns.proposal = attention::proposeRope(8192, 16384);
    snapshot.patterns.comparison = makeComparison();
    snapshot.preferences.recent_models = {"/models/harbour-135m-q8_0.gguf",
                                          "/home/anna/models/lighthouse-3b-q4_k_m.gguf"};
    return snapshot;
}

} // namespace longscope::ui::sample
