// What the engine refuses before it allocates anything, with the numbers.
#include "compute/engine/session.h"
#include "tests/support/errors.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

namespace longscope::engine {
namespace {

using testing::GgufWriter;

class EngineRefusal : public ::testing::Test {
  protected:
    void SetUp() override {
        path_ = std::filesystem::temp_directory_path() /
                ("longscope-refusal-" + std::to_string(getpid()) + ".gguf");
    }
    void TearDown() override { std::filesystem::remove(path_); }

    std::string refusalOf(ErrorKind kind, const EngineOptions &options = {}) {
        EngineOptions own = options;
        own.model_path = path_.string();
        return errorOf(kind, [&] { Engine engine(own); });
    }

    std::filesystem::path path_;
};

/// A sparse file: its feed-forward matrices claim 3 x 256 GiB that no device here has.
TEST_F(EngineRefusal, ModelLargerThanTheDevice) {
    const uint64_t ffn_dim = uint64_t{1} << 28, matrix_bytes = ffn_dim * 256 * sizeof(float);
    GgufWriter writer = testing::makeTinyLlama({.layers = 1});
    writer.set("llama.feed_forward_length", static_cast<uint32_t>(ffn_dim));
    uint64_t next = uint64_t{1} << 30;
    for (auto &tensor : writer.tensors()) {
        bool is_down = tensor.name == "blk.0.ffn_down.weight";
        if (!is_down && tensor.name.find("ffn_gate") == std::string::npos &&
            tensor.name.find("ffn_up") == std::string::npos)
            continue;
        tensor.shape =
            is_down ? std::vector<uint64_t>{ffn_dim, 256} : std::vector<uint64_t>{256, ffn_dim};
        tensor.data.clear();
        tensor.offset = next;
        next += matrix_bytes;
    }
    writer.save(path_.string());
    std::filesystem::resize_file(path_, next + (uint64_t{1} << 20));
    std::string text = refusalOf(ErrorKind::memory);
    EXPECT_TRUE(holds(text, "824.6 GB") || holds(text, "824.7 GB")) << text;
    EXPECT_TRUE(holds(text, "free")) << text;
}

TEST_F(EngineRefusal, UnknownArchitectureNamesTheNearest) {
    GgufWriter writer = testing::makeTinyLlama();
    writer.set("general.architecture", std::string("lama"));
    writer.save(path_.string());
    std::string text = refusalOf(ErrorKind::model);
    EXPECT_TRUE(holds(text, "lama") && holds(text, "llama")) << text;
}

TEST_F(EngineRefusal, UnknownDeviceListsWhatThereIs) {
    testing::makeTinyLlama().save(path_.string());
    std::string text = refusalOf(ErrorKind::device, {.model_path = "", .device = "no such card"});
    EXPECT_TRUE(holds(text, "no such card")) << text;
}

TEST_F(EngineRefusal, StoppedLoadingEndsAsStopped) {
    testing::makeTinyLlama().save(path_.string());
    std::stop_source stopped;
    stopped.request_stop();
    errorOf(ErrorKind::stopped, [&] {
        Engine engine({.model_path = path_.string(), .device = ""}, {}, stopped.get_token());
    });
}

} // namespace
} // namespace longscope::engine
