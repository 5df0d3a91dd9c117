// Layers for which the device has no room: they stay in host memory, are copied before they run,
// and nothing of the result changes.
#include "compute/core/error.h"
#include "compute/engine/plan.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <set>

namespace longscope::engine {
namespace {

const SessionOptions kOptions = {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = 16};

testing::GgufWriter made(const std::string &family) {
    return testing::makeFamily(family, testing::findVariant(family, "bare"));
}

std::vector<Token> someTokens(uint64_t vocab) {
    std::vector<Token> ids;
    for (uint64_t i = 0; i < 37; ++i)
        ids.push_back(static_cast<Token>((i * 37 + 11) % vocab));
    return ids;
}

/// A model with the device's room for its weights, 0 = as much as they need.
class Placed {
  public:
    Placed(const std::string &path, uint64_t room_bytes, const std::string &kernels = "auto")
        : engine({.model_path = path,
                  .device = "",
                  .kernels = kernels,
                  .device_weight_bytes = room_bytes}) {}
    std::vector<float> logits() {
        return testing::logitsOf(engine, someTokens(engine.config().vocab), kOptions);
    }
    Engine engine;
};

struct Case {
    const char *family, *kernels;
};

class Streaming : public ::testing::TestWithParam<Case> {};

/// Dense, experts (found through tables), latent attention (matrices of heads), recurrent layers.
INSTANTIATE_TEST_SUITE_P(All, Streaming,
                         ::testing::Values(Case{"llama", "lanes"}, Case{"llama", "subgroup"},
                                           Case{"qwen3moe", "lanes"}, Case{"deepseek2", "lanes"},
                                           Case{"gpt-oss", "subgroup"}, Case{"qwen35", "lanes"},
                                           Case{"rwkv6", "lanes"}, Case{"gemma4", "lanes"}),
                         [](const auto &test) {
                             std::string name = test.param.family;
                             std::erase(name, '-');
                             return name + "_" + test.param.kernels;
                         });

TEST_P(Streaming, GivesTheSameBits) {
    testing::TemporaryModel model(made(GetParam().family));
    Placed whole(model.path(), 0, GetParam().kernels);
    ASSERT_EQ(whole.engine.streamedLayers(), 0u);
    EXPECT_EQ(whole.engine.hostWeightBytes(), 0u);
    std::vector<float> want = whole.logits();
    uint32_t layers = whole.engine.config().layers;

    // Down to a room in which all layers must be streamed.
    std::set<uint32_t> seen;
    for (uint64_t room = whole.engine.weightBytes() - 1; seen.size() < 3;) {
        WeightPlan plan = planWeights(whole.engine.file(), whole.engine.config(),
                                      planModel(whole.engine).tiling, {}, room);
        if (plan.device_bytes > room)
            break; // less than the slot and what always stays
        Placed part(model.path(), room, GetParam().kernels);
        EXPECT_EQ(part.engine.streamedLayers(), plan.streamed_layers);
        EXPECT_EQ(part.engine.weightBytes(), plan.device_bytes);
        EXPECT_LE(part.engine.weightBytes(), room);
        EXPECT_EQ(part.engine.hostWeightBytes(), plan.host_bytes);
        EXPECT_EQ(part.logits(), want) << plan.streamed_layers << " of " << layers << " layers";
        seen.insert(plan.streamed_layers);
        room = plan.device_bytes - 1;
    }
    EXPECT_FALSE(seen.empty());
}

TEST(StreamedWeights, TooLittleRoomIsRefusedWithBothNumbers) {
    testing::TemporaryModel model(made("llama"));
    std::string message = errorOf(ErrorKind::memory, [&] { Placed none(model.path(), 5000); });
    EXPECT_NE(message.find("layers streamed from host memory"), std::string::npos) << message;
    EXPECT_NE(message.find("5.0 kB"), std::string::npos) << message;
}

TEST(StreamedWeights, ThePlanSaysWhatStaysOnTheHost) {
    testing::TemporaryModel model(made("llama"));
    Placed whole(model.path(), 0);
    Placed part(model.path(), whole.engine.weightBytes() - 1);
    ModelPlan plan = planModel(part.engine);
    SessionPlan session = planSession(plan, {.context_tokens = 128});
    EXPECT_EQ(session.streamed_layers, part.engine.streamedLayers());
    EXPECT_EQ(session.host_weight_bytes, part.engine.hostWeightBytes());
    EXPECT_GT(session.host_weight_bytes, 0u);
    EXPECT_EQ(session.weight_bytes, part.engine.weightBytes());
}

} // namespace
} // namespace longscope::engine
