#include "tests/support/engines.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace longscope::testing {
namespace {

std::map<std::string, std::unique_ptr<engine::Engine>> engines;

/// Engines end before the driver and the validation layer are unloaded; and what the layer said
/// while they lived fails the run.
class EndEngines : public ::testing::Environment {
    void TearDown() override {
        for (const auto &[name, engine] : engines)
            for (const std::string &message : engine->device().validationMessages())
                ADD_FAILURE() << "Vulkan validation (" << name << "): " << message;
        engines.clear();
    }
};

[[maybe_unused]] const auto *registered = ::testing::AddGlobalTestEnvironment(new EndEngines);

} // namespace

std::string dataFile(const std::string &name) {
    return LONGSCOPE_TEST_DATA "/" + name;
}

engine::Engine &engineFor(const std::string &path, const std::string &kernels) {
    auto &engine = engines[path + "|" + kernels];
    if (!engine)
        engine = std::make_unique<engine::Engine>(
            engine::EngineOptions{.model_path = path, .device = "", .kernels = kernels});
    return *engine;
}

double nmse(std::span<const float> got, std::span<const float> want) {
    if (got.size() != want.size())
        return 1e300;
    double error = 0, power = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        double difference = double{got[i]} - want[i];
        error += difference * difference;
        power += double{want[i]} * want[i];
    }
    return error / power;
}

} // namespace longscope::testing
