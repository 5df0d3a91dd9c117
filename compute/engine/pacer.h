// Keeps submits short: a pass is cut at layer borders so that one submit runs for tens of
// milliseconds, and chunks shrink when even one layer takes too long (deep contexts, slow devices).
// Sizes come from measured time, never from a constant: drivers end long submits, and a stop must
// be answered within 200 ms.
#pragma once

#include <algorithm>
#include <cstdint>

namespace longscope::engine {

class Pacer {
  public:
    explicit Pacer(uint32_t most_rows) : most_rows_(most_rows), rows_(most_rows) {}

    /// Rows of the next prefill chunk.
    uint32_t chunkRows() const { return rows_; }

    void beginChunk(uint32_t rows) {
        now_ = rows;
        fastest_layer_ms_ = 0;
    }
    /// Layers that fit one submit of this chunk; 1 until something was measured.
    uint32_t layersPerSubmit() const {
        double layer_ms = now_ > 1 ? prefill_row_ms_ * now_ : decode_ms_;
        return layer_ms > 0 ? static_cast<uint32_t>(std::clamp(kTargetMs / layer_ms, 1.0, 256.0))
                            : 1;
    }
    /// `layers` layers of this chunk took `ms` in one submit.
    void measured(uint32_t layers, double ms) {
        double layer_ms = std::max(ms / layers, 1e-3);
        if (now_ > 1)
            prefill_row_ms_ = layer_ms / now_;
        else
            decode_ms_ = layer_ms;
        if (fastest_layer_ms_ == 0 || layer_ms < fastest_layer_ms_)
            fastest_layer_ms_ = layer_ms;
    }
    /// The fastest layer of a full chunk decides on the next size, so that a kernel compiled at its
    /// first dispatch does not count.
    void endChunk() {
        if (now_ != rows_)
            return;
        if (fastest_layer_ms_ > kMostMs)
            rows_ = std::max(rows_ / 2, std::min(8u, most_rows_));
        else if (fastest_layer_ms_ < kMostMs / 4)
            rows_ = std::min(rows_ * 2, most_rows_);
    }

  private:
    static constexpr double kTargetMs = 60;
    static constexpr double kMostMs = 100;
    uint32_t most_rows_;
    uint32_t rows_;
    uint32_t now_ = 0;
    double prefill_row_ms_ = 0; ///< of one layer and one row
    double decode_ms_ = 0;      ///< of one layer
    double fastest_layer_ms_ = 0;
};

} // namespace longscope::engine
