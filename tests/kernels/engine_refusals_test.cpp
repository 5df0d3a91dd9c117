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

/// Scores for choosing keys grow while a text is read: a window whose scores will not fit is
/// refused before anything of it is read. One that keeps few keys has few scores, and fits.
TEST_F(EngineRefusal, WindowWhoseScoresDoNotFit) {
    testing::makeTinyLlama(
        {.layers = 1, .model_dim = 64, .heads = 64, .kv_heads = 1, .head_dim = 32, .ffn_dim = 64})
        .save(path_.string());
    EngineOptions own;
    own.model_path = path_.string();
    Engine engine(own);
    const gpu::DeviceFacts &facts = engine.device().facts();
    const uint64_t score_bytes = uint64_t{64} * 64 * sizeof(float); // of a key: 64 heads, 64 rows
    SessionOptions options{.context_tokens = facts.free_memory_bytes / score_bytes,
                           .k = CacheType::q4_0,
                           .v = CacheType::q4_0};
    options.rope = attention::parseRope("none");
    auto refusal = [&](const char *pattern) {
        options.patterns = attention::LayerPatterns(std::vector<std::string>{pattern});
        return errorOf(ErrorKind::memory, [&] { Session session(engine, options); });
    };
    std::string text = refusal("vertical-slash:1000,6096");
    EXPECT_TRUE(holds(text, std::to_string(options.context_tokens)) && holds(text, "scores") &&
                holds(text, "vertical-slash:1000,6096") && holds(text, "free"))
        << text;
    options.patterns = attention::LayerPatterns(std::vector<std::string>{"window:512"});
    EXPECT_NO_THROW(Session(engine, options));
    // So does a shorter one of the same kind, of which a guess may say too much.
    options.patterns = attention::LayerPatterns(std::vector<std::string>{"vertical-slash:40,60"});
    options.context_tokens = 20000;
    EXPECT_NO_THROW(Session(engine, options));
}

} // namespace
} // namespace longscope::engine
