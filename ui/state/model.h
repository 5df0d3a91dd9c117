// The loaded model, what a file would need, the devices, and the checks of this machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace longscope::ui {

using Fact = std::pair<std::string, std::string>; ///< what it is, its value

struct TensorRow {
    std::string name, type, shape; ///< shape as "576 x 1536"
    uint64_t bytes = 0;
};

/// What a layer is. Some attend and recur.
struct LayerKind {
    uint32_t heads = 0;     ///< of queries; 0: it does not attend
    std::string recurrence; ///< "Mamba-2"; "" = it does not recur
};

/// What every recurrent layer keeps instead of keys.
struct RecurrentLayers {
    uint32_t layers = 0;
    uint64_t state_bytes = 0; ///< of one layer
    uint32_t copies = 0;      ///< of all states, behind earlier tokens
    /// The state: [heads, head_dim, keys]; heads 0 = none, 1 = channels without heads.
    uint32_t heads = 0, head_dim = 0, keys = 0;
    /// The last inputs that are kept beside it: so many tokens of so many channels.
    uint32_t history_tokens = 0, history_channels = 0;
    bool by_channel = false; ///< each channel forgets at its own rate, else each head
    uint64_t bytes() const { return layers * state_bytes * (1 + copies); }
};

struct Model {
    std::string path, name, architecture;
    std::string device, kernel_family;
    uint64_t parameters = 0, weight_bytes = 0, file_bytes = 0, trained_tokens = 0, vocab = 0;
    uint32_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
    std::vector<LayerKind> kinds;             ///< [layers]
    std::optional<RecurrentLayers> recurrent; ///< none: no layer recurs
    bool attends(uint32_t layer) const { return layer < kinds.size() && kinds[layer].heads > 0; }
    bool recurs(uint32_t layer) const {
        return layer < kinds.size() && !kinds[layer].recurrence.empty();
    }
    double bits_per_weight = 0, load_seconds = 0;
    std::vector<Fact> facts;    ///< name, licence, quantization, tokenizer, ...
    std::vector<Fact> metadata; ///< of the file, arrays shortened
    std::vector<TensorRow> tensors;
    std::string chat_template;
    bool is_small = false; ///< too small to be believed (below 1e9 parameters)
};

/// Of a file that was chosen but not loaded.
struct LoadForecast {
    std::string path, name, problem; ///< problem "" = it can be loaded
    std::vector<Fact> facts;
    uint64_t weight_bytes = 0, free_bytes = 0;
    std::vector<std::pair<uint64_t, uint64_t>> windows; ///< tokens, bytes in all with f16
};

struct DeviceRow {
    uint32_t index = 0;
    std::string name, driver, type;
    uint64_t memory_bytes = 0, free_bytes = 0;
    std::vector<Fact> limits;
    std::vector<std::string> refusals; ///< empty = usable
    bool is_used = false, is_best = false;
};

struct SelfTest {
    std::string family;
    struct Line {
        std::string kernel;
        unsigned cases = 0;
        double worst = 0; ///< share of what is allowed; above 1 = failed
        std::string failure;
    };
    std::vector<Line> lines;
    bool running = false, finished = false;
    std::string report; ///< to copy: device, driver, lines
};

struct KernelTime {
    std::string kernel;
    uint64_t dispatches = 0;
    double milliseconds = 0, gflops = 0, gigabytes = 0; ///< per second, the last two
};
struct Profile {
    uint64_t chunk_tokens = 0, depth_tokens = 0;
    std::vector<KernelTime> chunk, token; ///< of one prefill chunk, of one written token
};

struct Machine {
    std::vector<DeviceRow> devices;
    std::shared_ptr<const SelfTest> self_test;
    std::shared_ptr<const Profile> profile;
};

} // namespace longscope::ui
