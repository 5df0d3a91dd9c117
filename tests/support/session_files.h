// What the tests of session files share.
#pragma once

#include "compute/engine/session_file.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace longscope::engine {

inline Engine &smallEngine() {
    return testing::engineFor(testing::dataFile("llama-dense.gguf"), "auto");
}

inline std::vector<Token> someIds(size_t count) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<Token>((3 + i * 29 + i * i % 7) % 128));
    return ids;
}

/// A folder of its own for each test.
class SessionFileTest : public ::testing::Test {
  protected:
    SessionFileTest() {
        std::string name = ::testing::TempDir() + "longscope_session_XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~SessionFileTest() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string &name = "session") const { return folder_ + "/" + name; }
    size_t files() const {
        return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
    }

  private:
    std::string folder_;
};

/// Files of this process may have so many bytes, as on a full disk.
class FileLimit {
  public:
    explicit FileLimit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit now{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FileLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

inline std::string bytesOf(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void writeBytes(const std::string &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

inline std::vector<float> copyOf(std::span<const float> logits) {
    return {logits.begin(), logits.end()};
}

inline bool sameBits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

inline SessionOptions withTypes(CacheType k, CacheType v) {
    SessionOptions options;
    options.k = k;
    options.v = v;
    return options;
}

inline SessionOptions withPattern(const std::string &spec) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.patterns = attention::LayerPatterns(std::vector<std::string>{spec});
    options.chunk_tokens = 8;
    return options;
}

} // namespace longscope::engine
