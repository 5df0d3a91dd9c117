// Engines that several tests share (loading is the slow part), and how results are compared.
#pragma once

#include "compute/engine/session.h"
#include "tests/support/gguf_writer.h"

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace longscope::testing {

/// A file of tests/data.
std::string dataFile(const std::string &name);

/// Loaded once a process for each path and kernel family, with the validation layer when the
/// environment asks for it.
engine::Engine &engineFor(const std::string &path, const std::string &kernels);

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
/// The ids that the reference logits of tests/data were computed for: a linear congruential
/// generator.
std::vector<engine::Token> referenceIds(uint32_t vocab);
std::vector<float> readFloats(const std::string &path);

/// Normalised mean square error: sum (got - want)^2 / sum want^2; 1e300 when the sizes differ.
double nmse(std::span<const float> got, std::span<const float> want);

} // namespace longscope::testing
