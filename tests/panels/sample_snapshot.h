// A made-up state of the program for panel tests and pictures: a small model, one document with
// sections, a conversation, attention over what was read, memory and costs. The numbers fit
// together; the words mean nothing.
#pragma once

#include "tests/panels/sample_document.h"
#include "ui/snapshot.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longscope::ui::sample {

constexpr uint32_t kLayers = 12, kHeads = 9, kKvHeads = 3, kHeadDim = 64;
constexpr uint64_t kDocument = 7, kQuestion = 41, kAnswer = 42;

inline std::shared_ptr<const Model> makeModel() {
    auto model = std::make_shared<Model>();
    model->path = "/models/harbour-135m-q8_0.gguf";
    model->name = "Harbour 135M Instruct";
    model->architecture = "llama";
    model->device = "llvmpipe (LLVM 19)";
    model->kernel_family = "portable";
    model->parameters = 134'515'008;
    model->weight_bytes = 144'811'072;
    model->file_bytes = 144'811'584;
    model->trained_tokens = 8192;
    model->vocab = 49152;
    model->layers = kLayers, model->heads = kHeads, model->kv_heads = kKvHeads;
    model->head_dim = kHeadDim;
    model->kinds.assign(kLayers, {.heads = kHeads, .recurrence = {}});
    model->bits_per_weight = 8.6, model->load_seconds = 0.8;
    model->facts = {{"Name", model->name}, {"Licence", "apache-2.0"}, {"Quantization", "Q8_0"}};
    model->metadata = {{"general.architecture", "llama"}, {"llama.context_length", "8192"}};
    model->tensors = {{"token_embd.weight", "Q8_0", "576 x 49152", 30'081'024},
                      {"blk.0.attn_q.weight", "Q8_0", "576 x 576", 352'512}};
    model->chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
    model->is_small = true;
    return model;
}

inline Chat makeChat(const Document &document) {
    auto question = std::make_shared<Message>();
    question->id = kQuestion;
    question->text = "How long does the coal last?";
    question->document = document.id, question->document_title = document.title;
    auto answer = std::make_shared<Message>();
    answer->id = kAnswer;
    answer->role = Role::assistant, answer->kind = MessageKind::answer;
    answer->text = "The coal lasts for **thirty days**, the water for ten.\n\n"
                   "| what | days |\n|---|---|\n| coal | 30 |\n| water | 10 |\n";
    answer->document = document.id, answer->document_title = document.title;
    const size_t place = document.text->find("The harbour keeps coal");
    answer->sentences = {{.text = "The coal lasts for thirty days, the water for ten.",
                          .supported = true,
                          .sources = {{place, place + 57, 0.8F, "Supply 1, paragraph 1"}}}};
    answer->note = "Read whole. Ended by itself.";
    answer->branches = 2;
    answer->prompt_tokens = 2140, answer->reused_tokens = 1980, answer->written_tokens = 14;
    answer->prompt_seconds = 1.4, answer->write_seconds = 0.7;
    Chat chat;
    chat.conversations = {{3, "Coal and water", 1'790'000'000, 2}, {2, "Older", 1'780'000'000, 5}};
    chat.open = 3, chat.title = "Coal and water";
    chat.messages = {question, answer};
    chat.system_prompt = "Answer briefly.";
    chat.use = {.system = 12,
                .document = document.token_starts ? document.token_starts->size() : 0,
                .history = 64,
                .draft = 0,
                .reply = 512,
                .window = 8192};
    chat.with_document = true, chat.template_used = "template";
    return chat;
}

inline std::shared_ptr<const Timeline> makeTimeline(const Document &document) {
    auto timeline = std::make_shared<Timeline>();
    timeline->text = "<|begin|>" + *document.text + "<|user|>How long does the coal last?";
    const uint32_t before = 9;
    timeline->starts = {0};
    for (const uint32_t at : *document.token_starts) {
        timeline->starts.push_back(at + before);
        timeline->document_bytes.push_back(at);
    }
    const uint64_t end = timeline->starts.size();
    for (const uint32_t at :
         wordTokens(std::string_view(timeline->text).substr(before + document.text->size())))
        timeline->starts.push_back(at + before + static_cast<uint32_t>(document.text->size()));
    timeline->parts = {{0, 1, PartKind::special, 0},
                       {1, end, PartKind::document, 0},
                       {end, timeline->tokens(), PartKind::user, kQuestion}};
    timeline->document = document.id;
    return timeline;
}

/// Half of it near, some at the first tokens, the rest even.
inline Map makeMap(const Timeline &timeline, uint32_t size = 128) {
    Map map;
    const uint64_t tokens = timeline.tokens();
    map.wanted = {.layer = 4, .heads = {2}, .size = size};
    map.end_query = map.end_key = tokens;
    map.query_step = map.key_step = (tokens + size - 1) / size;
    map.rows = map.columns = static_cast<uint32_t>((tokens + map.key_step - 1) / map.key_step);
    map.pattern = "full", map.seconds = 0.4;
    for (uint32_t row = 0; row < map.rows; ++row)
        for (uint32_t column = 0; column < map.columns; ++column) {
            const float distance = static_cast<float>(row) - static_cast<float>(column);
            const float share = column > row
                                    ? 0.0F
                                    : 0.5F * std::exp(-distance / 4) + (column == 0 ? 0.3F : 0) +
                                          0.2F / static_cast<float>(row + 1);
            map.sum.push_back(share);
            map.maximum.push_back(share / 2);
        }
    return map;
}

inline std::shared_ptr<const HeadTable> makeHeads(uint64_t tokens) {
    auto table = std::make_shared<HeadTable>();
    table->tokens = tokens, table->layers = kLayers, table->heads = kHeads;
    table->layer_heads.assign(kLayers, kHeads);
    table->sinks = 4, table->recent = 64, table->seconds = 1.2;
    for (uint32_t i = 0; i < kLayers * kHeads; ++i) {
        const float turn = 0.5F + 0.5F * std::sin(static_cast<float>(i) * 1.7F);
        table->figures.push_back({.entropy = 1 + 4 * turn,
                                  .distance = 10 + 300 * turn * turn,
                                  .sink_share = 0.6F * (1 - turn),
                                  .recent_share = 0.3F * turn});
    }
    return table;
}

inline Attention makeAttention(const Document &document) {
    Attention attention;
    attention.timeline = makeTimeline(document);
    attention.heads = makeHeads(attention.timeline->tokens());
    attention.map = std::make_shared<Map>(makeMap(*attention.timeline));
    auto strip = std::make_shared<Attention::Strip>();
    strip->query = attention.timeline->tokens() - 1, strip->layer = 4;
    for (uint64_t i = 0; i <= strip->query; ++i)
        strip->shares.push_back(i % 23 == 0 ? 0.02F : 0.0005F);
    attention.strip = std::move(strip);
    auto trace = std::make_shared<Trace>();
    trace->message = kAnswer, trace->end = 52;
    const size_t place = document.text->find("The harbour keeps coal");
    trace->spans = {{place, place + 57, 0.31F, "Supply 1, paragraph 1"}};
    trace->document_share = 0.4F, trace->sink_share = 0.35F, trace->other_share = 0.25F;
    trace->words_found = true;
    trace->confidence = "The words stand there, and the attention goes there too.";
    attention.trace = std::move(trace);
    return attention;
}

inline std::vector<MemoryPart> partsOf(uint64_t tokens) {
    return {{"weights", 144'811'072},
            {"kv", tokens * kLayers * 2 * kKvHeads * kHeadDim * 2},
            {"scratch", 24'000'000 + tokens * 512},
            {"staging", 16'777'216}};
}

inline Memory makeMemory() {
    Memory memory;
    memory.now = partsOf(4096);
    memory.used_tokens = 2154, memory.window_tokens = 4096;
    auto forecast = std::make_shared<MemoryForecast>();
    forecast->setting = "full, cache f16";
    for (uint64_t tokens = 0; tokens <= 16384; tokens += 512)
        forecast->points.push_back({tokens, partsOf(tokens)});
    forecast->layer_bytes.assign(kLayers, uint64_t{4096} * 2 * kKvHeads * kHeadDim * 2);
    forecast->layer_tokens.assign(kLayers, 4096);
    forecast->reach = 8192;
    forecast->longest = {{"full", {9'000, 18'000, 18'000, 34'000, 61'000}},
                         {"window:1024", {80'000, 160'000, 160'000, 300'000, 500'000}}};
    memory.forecast = std::move(forecast);
    memory.measured = std::make_shared<std::vector<MemoryPoint>>(
        std::vector<MemoryPoint>{{2048, partsOf(2048)}, {4096, partsOf(4096)}});
    auto samples = std::make_shared<std::vector<Memory::Sample>>();
    for (unsigned i = 0; i < 60; ++i)
        samples->push_back({.seconds = i * 0.1,
                            .tokens = i * 36,
                            .device_bytes = 260'000'000,
                            .host_bytes = 400'000'000 + i * 100'000ULL});
    memory.samples = std::move(samples);
    memory.device_bytes = 8ULL << 30, memory.budget_bytes = 6ULL << 30;
    memory.host_bytes = 410'000'000, memory.host_total_bytes = 16ULL << 30;
    return memory;
}

inline Cost makeCost() {
    Cost cost;
    attention::ModelShape shape{.layers = kLayers,
                                .model_dim = 576,
                                .ffn_dim = 1536,
                                .heads = kHeads,
                                .kv_heads = kKvHeads,
                                .head_dim = kHeadDim,
                                .head_dim_padded = kHeadDim,
                                .vocab = 49152};
    cost.token_flops = attention::linearFlops(shape);
    cost.head_flops = attention::headFlops(shape);
    shape.layers = 1;
    cost.kinds = {{.count = kLayers,
                   .shape = shape,
                   .own_pattern = {},
                   .cache_token_bytes = 2 * 2 * kKvHeads * kHeadDim,
                   .state_bytes = 0}};
    cost.chunk_tokens = 256;
    cost.flops_per_second = 9e10, cost.bytes_per_second = 1.2e10;
    cost.linear_flops_per_second = 6e10, cost.pair_seconds = 4e-9;
    cost.dots = {{"full", 1024, 0.6, 524'800, 18'874'368},
                 {"full", 4096, 3.9, 8'390'656, 75'497'472},
                 {"window:1024", 4096, 2.1, 3'670'528, 18'874'368}};
    return cost;
}

inline Snapshot makeSnapshot() {
    Snapshot snapshot;
    snapshot.version = 1;
    snapshot.model = makeModel();
    const auto document = makeDocument(kDocument, "harbour.md", harbourText());
    snapshot.documents.open = {document};
    snapshot.documents.current = kDocument;
    snapshot.chat = makeChat(*document);
    snapshot.attention = makeAttention(*document);
    snapshot.memory = makeMemory();
    snapshot.patterns.rope.dims = kHeadDim;
    snapshot.patterns.rope.original_context = 8192;
    snapshot.patterns.trained_tokens = 8192;
    snapshot.cost = makeCost();
    DeviceRow device;
    device.name = "llvmpipe (LLVM 19)", device.driver = "Mesa 25.0.7", device.type = "CPU";
    device.memory_bytes = 8ULL << 30, device.free_bytes = 6ULL << 30;
    device.is_used = device.is_best = true;
    snapshot.machine.devices = {device};
    snapshot.paths = {.data = "/data",
                      .library = "/data/library.db",
                      .model = "/models",
                      .config = "/data/settings.json"};
    snapshot.prompt_tokens_per_second = 520, snapshot.write_tokens_per_second = 19;
    return snapshot;
}

} // namespace longscope::ui::sample
