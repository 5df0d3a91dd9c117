// What the window gets to know of models with recurrent layers: which layers attend, what the
// others keep, how fast they forget, what they take. Small random models; the figures are held
// against the engine's own and against the scalar forward pass.
#include "app/desk/cost_layers.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/plan.h"
#include "compute/engine/recurrent_memory.h"
#include "compute/model/tokenizer.h"
#include "compute/reference/forward.h"
#include "tests/desk/instruments.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include <algorithm>
#include <cmath>

namespace longscope::test {
namespace {

/// A model of a family with its file, and a desk on it that has read a text.
struct Hybrid {
    explicit Hybrid(const std::string &architecture)
        : model(testing::makeFamily(architecture, testing::findVariant(architecture, "bare"))),
          file(model::Gguf::open(model.path())), config(model::readConfig(file)),
          made(model.path()) {
        made.paste(text);
        read = made.read();
    }
    std::shared_ptr<const ui::Snapshot> measured(ui::Command command) {
        made.desk->push(std::move(command));
        return made.idle();
    }
    std::vector<std::vector<double>> twin() const {
        const std::vector<model::Token> ids =
            model::Tokenizer(file).encode(text, {.parse_special = false, .add_bos = true});
        std::vector<std::vector<double>> means;
        reference::forward(file, config, ids, {.mean_log_decays = &means});
        return means;
    }

    std::string text = sentences(3);
    testing::TemporaryModel model;
    model::Gguf file;
    model::Config config;
    InstrumentsDesk made;
    std::shared_ptr<const ui::Snapshot> read;
};

void expectDecays(const ui::DecayTable &table, const std::vector<std::vector<double>> &wanted) {
    ASSERT_EQ(table.mean_log.size(), wanted.size());
    for (size_t layer = 0; layer < wanted.size(); ++layer) {
        ASSERT_EQ(table.mean_log[layer].size(), wanted[layer].size()) << layer;
        for (size_t i = 0; i < wanted[layer].size(); ++i) // the cache has 16 bits
            EXPECT_NEAR(static_cast<double>(table.mean_log[layer][i]), wanted[layer][i],
                        2e-3 * std::abs(wanted[layer][i]))
                << "layer " << layer << ", rate " << i;
    }
}

TEST(DeskRecurrent, KindsOfLayersAndWhatTheyKeep) {
    for (const char *architecture : {"qwen35", "falcon-h1", "mamba2", "mamba", "rwkv6", "lfm2"}) {
        Hybrid hybrid(architecture);
        const ui::Model &model = *hybrid.read->model;
        const engine::RecurrentShape shape = engine::mixerShape(hybrid.config);
        ASSERT_EQ(model.kinds.size(), 3u) << architecture;
        uint32_t recurrent = 0;
        for (uint32_t layer = 0; layer < 3; ++layer) {
            EXPECT_EQ(model.attends(layer), hybrid.config.layer[layer].attends()) << architecture;
            EXPECT_EQ(model.recurs(layer), hybrid.config.layer[layer].recurs()) << architecture;
            recurrent += model.recurs(layer);
        }
        ASSERT_TRUE(model.recurrent) << architecture;
        const ui::RecurrentLayers &facts = *model.recurrent;
        EXPECT_EQ(facts.layers, recurrent);
        EXPECT_EQ(facts.state_bytes, shape.bytes());
        EXPECT_EQ(facts.bytes(), engine::planRecurrentMemory(hybrid.config));
        // What is told of the shape makes up the bytes.
        const uint64_t history = uint64_t{facts.history_tokens} * facts.history_channels;
        const uint64_t state = uint64_t{facts.heads} * facts.head_dim * facts.keys;
        EXPECT_EQ(4 * (history + state), facts.state_bytes) << architecture;
        EXPECT_EQ(facts.by_channel,
                  architecture == std::string("mamba") || architecture == std::string("rwkv6"));
    }
    InstrumentsDesk plain; // a model that only attends
    plain.load();
    EXPECT_FALSE(plain.desk->snapshot()->model->recurrent);
    EXPECT_TRUE(plain.desk->snapshot()->model->attends(1));
}

TEST(DeskRecurrent, DecaysAreThoseOfTheScalarPass) {
    for (const char *architecture : {"qwen35", "granitehybrid", "mamba", "rwkv6"}) {
        Hybrid hybrid(architecture);
        auto snapshot = hybrid.measured(command::MeasureDecay{});
        ASSERT_TRUE(snapshot->attention.decay)
            << architecture << InstrumentsDesk::notices(*snapshot);
        const ui::DecayTable &table = *snapshot->attention.decay;
        EXPECT_EQ(table.tokens, snapshot->attention.timeline->tokens());
        expectDecays(table, hybrid.twin());
        EXPECT_FALSE(snapshot->attention.heads) << "only asked for the decays";
        EXPECT_TRUE(snapshot->notices.empty()) << InstrumentsDesk::notices(*snapshot);
        EXPECT_EQ(table.group,
                  architecture == std::string("rwkv6")   ? hybrid.config.recurrent.head_dim
                  : architecture == std::string("mamba") ? (hybrid.config.recurrent.inner + 63) / 64
                                                         : 1u);
    }
}

TEST(DeskRecurrent, MeasuringHeadsTakesBothInOnePass) {
    Hybrid hybrid("qwen35");
    auto decay = hybrid.measured(command::MeasureDecay{})->attention.decay;
    auto snapshot = hybrid.measured(command::MeasureHeads{});
    ASSERT_TRUE(snapshot->attention.heads);
    const auto measured = snapshot->attention.heads;
    const ui::HeadTable &heads = *measured;
    EXPECT_EQ(heads.layer_heads, (std::vector<uint32_t>{0, 6, 0}));
    EXPECT_FALSE(heads.has(0, 0));
    EXPECT_TRUE(heads.has(1, 5));
    EXPECT_GT(heads.of(1, 5).entropy, 0);
    ASSERT_NE(snapshot->attention.decay, decay);
    EXPECT_EQ(snapshot->attention.decay->mean_log, decay->mean_log);
    // Another text: what was measured is not of it.
    hybrid.made.paste(sentences(2));
    hybrid.made.desk->push(command::ReadDocument{});
    snapshot = hybrid.made.wait([&](const ui::Snapshot &s) {
        return s.attention.timeline != hybrid.read->attention.timeline && !s.busy();
    });
    EXPECT_LT(snapshot->attention.timeline->tokens(), heads.tokens);
    EXPECT_FALSE(snapshot->attention.heads);
    EXPECT_FALSE(snapshot->attention.decay);
}

TEST(DeskRecurrent, WhereNoLayerAttendsNothingIsAskedInVain) {
    Hybrid hybrid("mamba2");
    auto snapshot = hybrid.measured(command::MeasureHeads{});
    EXPECT_FALSE(snapshot->attention.heads);
    ASSERT_TRUE(snapshot->attention.decay);
    expectDecays(*snapshot->attention.decay, hybrid.twin());
    EXPECT_TRUE(snapshot->notices.empty()) << InstrumentsDesk::notices(*snapshot);
    hybrid.made.desk->push(command::TraceWords{.message = 1, .start = 0, .end = 1});
    hybrid.made.wait([](const ui::Snapshot &s) {
        return InstrumentsDesk::hasNotice(s, "No layer of this model attends");
    });
    // Short convolutions: nothing decays, and that is no error.
    Hybrid convolved("lfm2");
    snapshot = convolved.measured(command::MeasureDecay{});
    EXPECT_FALSE(snapshot->attention.decay);
    EXPECT_EQ(snapshot->model->recurrent->heads, 0u);
    EXPECT_EQ(snapshot->model->recurrent->history_tokens, 2u);
    EXPECT_TRUE(snapshot->notices.empty()) << InstrumentsDesk::notices(*snapshot);
}

uint64_t stateOf(const std::vector<ui::MemoryPart> &parts) {
    auto found = std::ranges::find(parts, "recurrent state", &ui::MemoryPart::name);
    return found == parts.end() ? 0 : found->bytes;
}

TEST(DeskRecurrent, StatesAreARowThatDoesNotGrow) {
    for (const char *architecture : {"qwen35", "mamba2"}) {
        Hybrid hybrid(architecture);
        auto snapshot = hybrid.made.wait([](const ui::Snapshot &s) {
            return s.memory.forecast && s.memory.forecast->longest.size() == 3 && !s.busy();
        });
        const uint64_t planned = engine::planRecurrentMemory(hybrid.config);
        EXPECT_GT(planned, 0u);
        EXPECT_EQ(stateOf(snapshot->memory.now), planned) << architecture;
        const ui::MemoryForecast &forecast = *snapshot->memory.forecast;
        for (const ui::MemoryPoint &point : forecast.points)
            EXPECT_EQ(stateOf(point.parts), planned) << point.tokens;
        ASSERT_EQ(forecast.layer_state_bytes.size(), 3u);
        for (uint32_t layer = 0; layer < 3; ++layer) {
            EXPECT_EQ(forecast.layer_state_bytes[layer],
                      engine::planLayerState(hybrid.config, layer));
            EXPECT_EQ(forecast.layer_bytes[layer] > 0, hybrid.config.layer[layer].attends());
        }
    }
}

TEST(DeskRecurrent, CostsAreOfTheKindsThatThereAre) {
    Hybrid hybrid("qwen35");
    const ui::Cost &cost = hybrid.read->cost;
    ASSERT_EQ(cost.kinds.size(), 2u); // recurrent, attending, recurrent
    EXPECT_EQ(cost.layers(), 3u);
    EXPECT_EQ(cost.kinds[0].count, 2u);
    EXPECT_EQ(cost.kinds[0].shape.heads, 0u);
    EXPECT_EQ(cost.kinds[0].cache_token_bytes, 0u);
    EXPECT_EQ(cost.stateBytes() * (1 + engine::kStateCopies),
              engine::planRecurrentMemory(hybrid.config));
    EXPECT_EQ(cost.kinds[1].shape.heads, hybrid.config.layer[1].heads);
    EXPECT_EQ(cost.kinds[1].state_bytes, 0u);
    EXPECT_EQ(cost.heads(), engine::allHeads(hybrid.config));
    EXPECT_DOUBLE_EQ(cost.token_flops, engine::tokenFlops(hybrid.config));
    hybrid.made.desk->push(command::Sweep{{"full", "window:32"}, {64, 128}});
    auto snapshot = hybrid.made.wait(
        [](const ui::Snapshot &s) { return s.cost.dots.size() == 4 && !s.busy(); });
    EXPECT_GT(snapshot->cost.linear_flops_per_second, 0);
    for (const ui::CostDot &dot : snapshot->cost.dots) { // of one head, in whole tiles
        auto n = static_cast<double>(dot.tokens);
        if (dot.attention == "full") {
            EXPECT_GE(dot.pairs, n * (n + 1) / 2 * 0.999);
        }
        EXPECT_LE(dot.pairs, n * (n + 64));
    }
}

} // namespace
} // namespace longscope::test
