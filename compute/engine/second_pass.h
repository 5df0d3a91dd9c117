// The second pass over the keys as observers use it: with m and l of every row known, the kernel
// gives probabilities again, pooled into cells or into figures, and the host reads them. Owns the
// memory for that (part "maps"), which is little: what does not fit is done in pieces.
#pragma once

#include "compute/engine/forward.h"
#include "compute/engine/session_options.h"

#include <functional>
#include <span>
#include <vector>

namespace longscope::engine {

/// Most bytes that one run of the pass may fill, unless a single column of one head needs more; the
/// host has as many to read them from.
constexpr uint64_t kMapBufferBytes = uint64_t{8} << 20;

/// What an observer was called with.
struct Look {
    gpu::Recorder &recorder;
    const Pass &pass;
    uint32_t layer;
    const Chunk &chunk;
    const Flush &flush;
};

/// Probabilities of some keys, of one query and head.
struct Cell {
    float sum = 0, maximum = 0;
};

/// Columns of `key_step` keys each from first_key to end_key; the last one may be narrower.
struct CellGrid {
    std::span<const uint32_t> heads; ///< sorted, each once
    uint64_t first_key = 0, end_key = 0, key_step = 1;
};

/// What stands in the AttentionMap struct of shaders/params.h under the same names.
struct MetricWidths {
    uint32_t sinks = 4, recent = 256;
};

class SecondPass {
  public:
    explicit SecondPass(gpu::Device &device) : device_(device) {}

    /// Cells of one row of the chunk and one head, column `first_column` and those after it.
    /// Columns beyond the last query of the chunk are left out: they are 0.
    using AddCells =
        std::function<void(uint32_t row, uint64_t first_column, std::span<const Cell> cells)>;
    /// Every row of the chunk, every head, all columns, in any order.
    void cells(const Look &look, const CellGrid &grid, const AddCells &add);

    /// [rows, heads, MAP_METRIC_COUNT] (shaders/params.h) over the layer's own keys, or the
    /// probability that falls on others.
    std::vector<float> metrics(const Look &look, const MetricWidths &widths,
                               const attention::KeySource *other = nullptr);

  private:
    struct Piece {
        uint32_t first_head, heads;
        uint64_t first_column, columns, cell_keys;
    };
    std::vector<Piece> piecesOf(const Look &look, const CellGrid &grid) const;
    void runPiece(const Look &look, const CellGrid &grid, const Piece &piece, const AddCells &add);
    /// Runs and waits; `bytes` for each pass over the keys, all of them one after the other.
    std::span<const std::byte> run(const Look &look, MapTarget target, uint64_t bytes,
                                   const attention::KeySource *other);

    gpu::Device &device_;
    gpu::Buffer target_, host_; ///< cells are added up where that is quick, and then copied
};

/// 0 .. count - 1 when none are named; else those, sorted, each once.
std::vector<uint32_t> allOrNamed(std::vector<uint32_t> named, uint32_t count);

/// Throws Error(usage) when keys lose their places while a text is read (some evictions): then
/// nobody can say where attention goes.
void checkPlaces(const SessionOptions &options);

} // namespace longscope::engine
