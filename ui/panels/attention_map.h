// One head, or the mean of several, as a large picture: queries down, keys right. Text under the
// mouse, zoom, the outline of the pattern, and the way to a file.
#pragma once

#include "ui/command.h"
#include "ui/panels/attention_cells.h"
#include "ui/panels/attention_link.h"
#include "ui/panels/attention_zoom.h"
#include "ui/snapshot.h"
#include "ui/widgets/heat_map.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace longscope::ui {

/// Asks for the path of a file to write; `chosen` is called when there is one, maybe much later.
using ChooseSavePath =
    std::function<void(std::function<void(std::string)> chosen, const char *suggested_name)>;

/// "Layer 4, head 2" or "Layer 4, mean of all heads"
std::string headTitle(const MapWanted &wanted);

class MapView {
  public:
    /// What it was asked for by the user, besides the commands that it pushes.
    struct Answer {
        std::optional<TokenBox> go;    ///< another part
        std::optional<int> step;       ///< back or forward in the history
        std::optional<uint64_t> token; ///< was clicked, as a query
        bool show_token = false;       ///< ... and is to be shown as a strip
    };
    Answer draw(const Snapshot &snapshot, const ZoomHistory &history, bool waiting,
                const ChooseSavePath &choose_save_path, DocumentLink &link, CommandQueue &commands);
    bool animating() const { return wheel_box_.has_value(); }

  private:
    void drawTools(const Snapshot &snapshot, const ZoomHistory &history,
                   const ChooseSavePath &choose_save_path, Answer &answer, CommandQueue &commands);
    void drawExport(const Map &map, const ChooseSavePath &choose_save_path);
    void prepare(const Snapshot &snapshot);
    void drawPicture(const Snapshot &snapshot, DocumentLink &link, Answer &answer,
                     CommandQueue &commands);
    void drawMenu(const Timeline &timeline, Answer &answer, CommandQueue &commands);
    void describe(const Map &map, const Timeline &timeline, HeatMapCell cell) const;
    void point(const Map &map, const Timeline &timeline, HeatMapCell cell,
               DocumentLink &link) const;
    void zoomWithWheel(const Map &map, uint64_t tokens, const HeatMapEvents &events,
                       Answer &answer);
    std::string asText(const Map &map) const;

    HeatMap picture_;
    MapCells cells_;
    std::shared_ptr<const Map> made_of_;
    MapMeasure measure_ = MapMeasure::sum;
    bool logarithmic_ = true, outlined_ = true;
    bool stale_ = true; ///< cells or colours
    HeatMapCell menu_cell_;
    std::optional<TokenBox> wheel_box_; ///< asked for when the wheel rests
    double wheel_time_ = 0;
    std::shared_ptr<std::string> save_path_ = std::make_shared<std::string>();
};

} // namespace longscope::ui
