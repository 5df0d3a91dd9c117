#include "tests/support/engines.h"

#include <gtest/gtest.h>

#include <format>
#include <map>
#include <memory>
#include <unistd.h>

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

engine::Engine &engineFor(const std::string &name, const std::string &kernels,
                          const std::function<GgufWriter()> &make) {
    auto &engine = engines[name + "|" + kernels];
    if (!engine) {
        TemporaryModel file(make()); // it stays mapped
        engine = std::make_unique<engine::Engine>(
            engine::EngineOptions{.model_path = file.path(), .device = "", .kernels = kernels});
    }
    return *engine;
}

TemporaryModel::TemporaryModel(const GgufWriter &writer) {
    static int count = 0; // several may live at once
    path_ = std::filesystem::temp_directory_path() /
            std::format("longscope-test-{}-{}.gguf", getpid(), count++);
    writer.save(path_.string());
}

TemporaryModel::~TemporaryModel() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

std::vector<float> logitsOf(engine::Engine &engine, std::span<const engine::Token> ids,
                            const engine::SessionOptions &options) {
    engine::Session session(engine, options);
    std::vector<float> got;
    session.readAllLogits(ids, 0, [&](uint64_t, std::span<const float> row) {
        got.insert(got.end(), row.begin(), row.end());
    });
    return got;
}

} // namespace longscope::testing
