// States inside the model: what the first layer gets is the embedding, what the head gets makes the
// logits, and chunks make no difference.
#include "compute/engine/hidden_states.h"

#include "compute/engine/attention_metrics.h"
#include "compute/model/quant.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;

constexpr double kTolerance = 2e-3; // of values around 1: cache and products round

Engine &tinyEngine() {
    return engineFor(dataFile("llama-dense.gguf"), "auto");
}

std::vector<Token> someTokens(const Engine &engine, size_t count) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<Token>((i * 7 + 3) % engine.config().vocab));
    return ids;
}

std::vector<std::vector<float>> statesOf(Engine &engine, std::span<const Token> ids,
                                         StateRequest request, uint32_t chunk_tokens = 0,
                                         std::vector<float> *logits = nullptr) {
    SessionOptions options;
    options.context_tokens = 64;
    options.chunk_tokens = chunk_tokens;
    Session session(engine, options);
    std::vector<std::vector<float>> states;
    HiddenStates collector(engine.device(), engine.config(), request,
                           [&](uint64_t position, std::span<const float> state) {
                               EXPECT_EQ(position, states.size());
                               states.emplace_back(state.begin(), state.end());
                           });
    Observers all;
    all.add(collector);
    session.read(ids, {}, {}, &all);
    if (logits)
        logits->assign(session.logits().begin(), session.logits().end());
    return states;
}

/// Row of a matrix of the file.
std::vector<float> rowOf(const Engine &engine, const char *name, size_t row) {
    const model::Tensor *tensor = engine.file().findTensor(name);
    if (!tensor)
        return {};
    std::vector<float> values(engine.config().model_dim);
    size_t bytes = tensor->bytes.size() / engine.config().vocab;
    model::dequantizeRow(tensor->type, tensor->bytes.data() + row * bytes, values);
    return values;
}

TEST(HiddenStates, TheFirstLayerGetsTheEmbedding) {
    Engine &engine = tinyEngine();
    auto ids = someTokens(engine, 9);
    auto states = statesOf(engine, ids, {.layer = 0});
    ASSERT_EQ(states.size(), ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
        auto want = rowOf(engine, "token_embd.weight", static_cast<size_t>(ids[i]));
        for (size_t d = 0; d < want.size(); ++d)
            EXPECT_NEAR(states[i][d], want[d], 1e-3) << "token " << i << " dimension " << d;
    }
}

TEST(HiddenStates, TheHeadMakesLogitsOfTheLast) {
    Engine &engine = tinyEngine();
    auto ids = someTokens(engine, 13);
    std::vector<float> logits;
    auto states =
        statesOf(engine, ids, {.layer = engine.config().layers, .normed = true}, 0, &logits);
    ASSERT_EQ(states.size(), ids.size());
    const char *head = engine.config().tied_head ? "token_embd.weight" : "output.weight";
    for (size_t token = 0; token < engine.config().vocab; token += 11) {
        auto row = rowOf(engine, head, token);
        double sum = 0;
        for (size_t d = 0; d < row.size(); ++d)
            sum += static_cast<double>(row[d]) * static_cast<double>(states.back()[d]);
        EXPECT_NEAR(logits[token], sum, kTolerance * (1 + std::abs(sum))) << token;
    }
}

TEST(HiddenStates, ChunksMakeNoDifference) {
    Engine &engine = tinyEngine();
    auto ids = someTokens(engine, 21);
    uint32_t layers = engine.config().layers;
    for (StateRequest request : {StateRequest{layers - 1, false}, StateRequest{layers, false}}) {
        auto whole = statesOf(engine, ids, request), parts = statesOf(engine, ids, request, 8);
        ASSERT_EQ(whole.size(), ids.size());
        ASSERT_EQ(parts.size(), ids.size());
        for (size_t i = 0; i < ids.size(); ++i)
            for (size_t d = 0; d < whole[i].size(); ++d)
                EXPECT_NEAR(whole[i][d], parts[i][d],
                            kTolerance * (1 + std::abs(static_cast<double>(whole[i][d]))));
    }
}

TEST(HiddenStates, RefusesALayerThereIsNot) {
    Engine &engine = tinyEngine();
    uint32_t layers = engine.config().layers;
    std::string message = errorOf(ErrorKind::usage, [&] {
        HiddenStates(engine.device(), engine.config(), {.layer = layers + 1}, {});
    });
    EXPECT_TRUE(holds(message, std::to_string(layers))) << message;
}

} // namespace
} // namespace longscope::engine
