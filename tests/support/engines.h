// Engines that several tests share (loading is the slow part), and how results are compared.
#pragma once

#include "compute/engine/session.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/nmse.h"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace longscope::testing {

/// A file of tests/data.
std::string dataFile(const std::string &name);

/// Loaded once a process for each path and kernel family, with the validation layer when the
/// environment asks for it.
engine::Engine &engineFor(const std::string &path, const std::string &kernels);

/// The same for a model that is made; `name` stands for it. Its file is taken away at once.
engine::Engine &engineFor(const std::string &name, const std::string &kernels,
                          const std::function<GgufWriter()> &make);

/// A model file that is removed at the end of the test.
class TemporaryModel {
  public:
    explicit TemporaryModel(const GgufWriter &writer);
    ~TemporaryModel();
    TemporaryModel(const TemporaryModel &) = delete;
    TemporaryModel &operator=(const TemporaryModel &) = delete;
    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

/// Logits [ids, vocab] of a text, read from an empty timeline.
std::vector<float> logitsOf(engine::Engine &engine, std::span<const engine::Token> ids,
                            const engine::SessionOptions &options);

} // namespace longscope::testing
