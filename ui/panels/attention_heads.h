// All heads of the model at once: a grid coloured by one figure, and the same as a table to sort.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"
#include "ui/widgets/heat_map.h"

#include <memory>
#include <optional>
#include <vector>

namespace longscope::ui {

enum class HeadMetric { entropy, distance, sink_share, recent_share };

struct HeadChoice {
    uint32_t layer = 0;
    std::vector<uint32_t> heads; ///< empty: the mean of all
};

class HeadOverview {
  public:
    /// Grid, colours, and fields for layer and head, within the space that there is.
    std::optional<HeadChoice> drawGrid(const Snapshot &snapshot, const MapWanted &now,
                                       CommandQueue &commands);
    std::optional<HeadChoice> drawTable(const Snapshot &snapshot, const MapWanted &now,
                                        CommandQueue &commands);

  private:
    struct Extent {
        uint32_t layers = 0, heads = 0;
    };
    static Extent extentOf(const Snapshot &snapshot);
    std::optional<HeadChoice> drawFields(const Model *model, const Extent &extent,
                                         const MapWanted &now);
    void drawMetric(const Snapshot &snapshot, CommandQueue &commands);
    void recolour(const HeadTable *table, const Extent &extent);
    void sort(const HeadTable &table);

    HeatMap grid_;
    std::optional<int> layer_edit_; ///< while the slider is held
    HeadMetric metric_ = HeadMetric::entropy;
    float low_ = 0, high_ = 0;
    std::shared_ptr<const HeadTable> coloured_, sorted_;
    HeadMetric coloured_metric_ = HeadMetric::entropy;
    std::vector<uint32_t> order_; ///< rows of the table: layer * heads + head
    int sort_column_ = 0;
    bool sort_rises_ = true;
};

} // namespace longscope::ui
