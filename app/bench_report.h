// The results of `bench` as Markdown, CSV and JSON.
#pragma once

#include "app/options.h"
#include "compute/engine/engine.h"
#include "compute/engine/probe.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

struct BenchCase {
    bool prompt = true; ///< else generation, one token at a time
    uint64_t tokens = 0, depth = 0;
    bool operator==(const BenchCase &) const = default;
};

struct BenchResult {
    BenchCase what;
    std::string setting = "full";
    double median = 0, least = 0, most = 0; ///< tokens a second
    double gb_per_second = 0, gflops = 0;   ///< at the median
};

/// What attention alone cost, over all layers and heads.
struct AttentionCost {
    BenchCase what;
    std::string setting;
    double formula_pairs = 0, visible_pairs = 0, computed_pairs = 0;
    double ms = 0; ///< of its kernels on the device; 0 when it keeps no timestamps
};

struct KernelTime {
    std::string kernel;
    uint64_t dispatches = 0;
    double ms = 0, bytes = 0, flops = 0;
};

class BenchReport {
  public:
    BenchReport(const engine::Engine &engine, const Options &options, const engine::Peaks &peaks);
    void add(const BenchResult &result) { results_.push_back(result); }
    void addAttention(const AttentionCost &cost) { attention_.push_back(cost); }
    void addProfile(const BenchCase &what, const std::string &setting,
                    std::vector<KernelTime> kernels) {
        profiles_.push_back({what, setting, std::move(kernels)});
    }
    /// md, json or csv
    void print(const std::string &format) const;

  private:
    struct Profile {
        BenchCase what;
        std::string setting;
        std::vector<KernelTime> kernels;
    };
    std::string markdown() const;
    std::string attentionTable() const;
    /// ns of one pair and head, over that of full attention on the same case, where it was
    /// measured.
    std::optional<double> againstFull(const AttentionCost &cost) const;
    std::string csv() const;
    nlohmann::json json() const;

    std::string device_, driver_, model_, kernels_, cache_;
    engine::Peaks peaks_;
    std::vector<BenchResult> results_;
    std::vector<AttentionCost> attention_;
    std::vector<Profile> profiles_;
};

} // namespace longscope::app
