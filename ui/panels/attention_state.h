// What a recurrent layer has instead of a map of attention: its state, and how fast its heads
// forget, as a picture over layers and heads and as curves of what is left of an earlier token.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"
#include "ui/widgets/heat_map.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

/// Tokens after which 1/e is left, from the mean logarithm of a decay; infinite for 0.
double memoryTokens(double mean_log);
/// "120 tokens"; "without end" for an infinite one.
std::string memoryText(double tokens);
/// Of a layer, neighbours put together as the table says: [ceil(rates / group)] mean logarithms.
std::vector<float> groupedDecay(const DecayTable &table, uint32_t layer);
/// "8 heads of 64 x 128 numbers, and the last 3 inputs of 4,352 channels"
std::string stateText(const RecurrentLayers &recurrent);

class StateView {
  public:
    /// Asks for the measurement, unless it is there or nothing can be measured.
    void ask(const Snapshot &snapshot, CommandQueue &commands);
    /// Of a layer that recurs. Gives the layer that was clicked in the picture.
    std::optional<uint32_t> draw(const Snapshot &snapshot, uint32_t layer, CommandQueue &commands);

  private:
    void take(const Snapshot &snapshot);
    bool drawMissing(const Snapshot &snapshot, CommandQueue &commands);
    void drawSummary(const Model &model, uint32_t layer) const;
    std::optional<uint32_t> drawPicture(const Model &model, uint32_t layer);
    void describe(const Model &model, uint32_t layer, uint32_t column) const;
    void drawCurves(const Model &model, uint32_t layer) const;
    std::string columnName(const Model &model, uint32_t column) const;

    std::shared_ptr<const DecayTable> table_; ///< of the picture
    std::vector<std::vector<float>> grouped_; ///< [layers][columns], empty where nothing decays
    uint32_t columns_ = 0;
    double shortest_ = 0, longest_ = 0; ///< of the colours, in tokens
    HeatMap picture_;
    uint32_t column_ = 0; ///< that was chosen
    bool asked_ = false, was_busy_ = false;
};

} // namespace longscope::ui
