#include "ui/panels/attention_map.h"

#include "ui/panels/attention_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace longscope::ui {
namespace {

constexpr double kWheelRest = 0.15; ///< seconds without a turn, before the part is asked for

const char *measureName(MapMeasure measure) {
    switch (measure) {
    case MapMeasure::sum:
        return tr("Sum");
    case MapMeasure::mean:
        return tr("Mean");
    case MapMeasure::maximum:
        return tr("Largest");
    }
    return "";
}

std::string fileName(const MapWanted &wanted, const char *ending) {
    std::string name = std::format("attention-layer{}", wanted.layer);
    if (wanted.heads.size() == 1)
        name += std::format("-head{}", wanted.heads[0]);
    else if (wanted.heads.empty())
        name += "-mean";
    return name + ending;
}

} // namespace

std::string headTitle(const MapWanted &wanted) {
    if (wanted.heads.empty())
        return say("Layer {}, mean of all heads", wanted.layer);
    if (wanted.heads.size() == 1)
        return say("Layer {}, head {}", wanted.layer, wanted.heads[0]);
    return say("Layer {}, mean of {} heads", wanted.layer, wanted.heads.size());
}

void MapView::drawExport(const Map &map, const ChooseSavePath &choose_save_path) {
    sameLineIfFits(buttonWidth(tr("Export")));
    if (ImGui::Button(tr("Export")))
        ImGui::OpenPopup("export");
    if (!ImGui::BeginPopup("export"))
        return;
    auto save = [&](const char *label, const char *ending) {
        if (ImGui::MenuItem(label))
            choose_save_path([slot = save_path_](std::string path) { *slot = std::move(path); },
                             fileName(map.wanted, ending).c_str());
    };
    if (choose_save_path) {
        save(tr("Picture (PNG)..."), ".png");
        save(tr("Table (CSV)..."), ".csv");
        save(tr("Numbers for NumPy (NPY)..."), ".npy");
    }
    if (ImGui::MenuItem(tr("Copy the numbers as text")))
        ImGui::SetClipboardText(asText(map).c_str());
    ImGui::EndPopup();
}

void MapView::drawTools(const Snapshot &snapshot, const ZoomHistory &history,
                        const ChooseSavePath &choose_save_path, Answer &answer,
                        CommandQueue &commands) {
    auto arrow = [&](const char *id, ImGuiDir direction, int step, const char *help) {
        ImGui::BeginDisabled(!history.canGo(step));
        if (ImGui::ArrowButton(id, direction))
            answer.step = step;
        ImGui::EndDisabled();
        ImGui::SetItemTooltip("%s", help);
    };
    arrow("Back", ImGuiDir_Left, -1, tr("The part shown before"));
    ImGui::SameLine();
    arrow("Forward", ImGuiDir_Right, 1, tr("The part shown after"));
    ImGui::SameLine();
    ImGui::BeginDisabled(history.now() == TokenBox{});
    if (ImGui::Button(tr("Whole")))
        answer.go = TokenBox{};
    ImGui::EndDisabled();
    ImGui::SetItemTooltip("%s", tr("All tokens. Drag over the picture or turn the wheel to zoom."));

    const float em = ImGui::GetFontSize();
    sameLineIfFits(7 * em);
    ImGui::SetNextItemWidth(7 * em);
    if (ImGui::BeginCombo("##measure", measureName(measure_))) {
        for (MapMeasure measure : {MapMeasure::sum, MapMeasure::mean, MapMeasure::maximum})
            if (ImGui::Selectable(measureName(measure), measure == measure_)) {
                measure_ = measure;
                stale_ = true;
            }
        ImGui::EndCombo();
    }
    ImGui::SetItemTooltip("%s", tr("What a cell of several tokens shows: the sum, the mean or the "
                                   "largest of its shares."));
    sameLineIfFits(checkboxWidth(tr("Logarithmic")));
    stale_ |= ImGui::Checkbox(tr("Logarithmic"), &logarithmic_);
    sameLineIfFits(checkboxWidth(tr("Pattern")));
    ImGui::Checkbox(tr("Pattern"), &outlined_);
    ImGui::SetItemTooltip("%s", tr("The border of what the pattern lets a query see."));
    if (const auto &map = snapshot.attention.map)
        drawExport(*map, choose_save_path);
    if (!save_path_->empty())
        commands.push(command::ExportMap{std::exchange(*save_path_, {})});
}

void MapView::prepare(const Snapshot &snapshot) {
    const auto &map = snapshot.attention.map;
    if (made_of_ == map && !stale_)
        return;
    cells_ = makeCells(*map, measure_, snapshot.model ? snapshot.model->heads : 0);
    picture_.setPixels(paint(cells_, logarithmic_), map->rows, map->columns);
    if (made_of_ != map)
        wheel_box_.reset();
    made_of_ = map;
    stale_ = false;
}

void MapView::describe(const Map &map, const Timeline &timeline, HeatMapCell cell) const {
    const uint64_t query = firstQuery(map, cell.row), end_query = endQuery(map, cell.row);
    const uint64_t key = firstKey(map, cell.column), end_key = endKey(map, cell.column);
    auto words = [&](uint64_t first, uint64_t end) {
        return end == first + 1 ? tokenInContext(timeline, first)
                                : trimmed(spanText(timeline, first, end, 160));
    };
    ImGui::BeginTooltip();
    ImGui::PushTextWrapPos(28 * ImGui::GetFontSize());
    mutedLine(say("Query, {}", tokenNumbers(query, end_query)));
    ImGui::TextWrapped("%s", words(query, end_query).c_str());
    mutedLine(say("Key, {}", tokenNumbers(key, end_key)));
    ImGui::TextWrapped("%s", words(key, end_key).c_str());
    const size_t at = size_t{cell.row} * map.columns + cell.column;
    const bool single = end_query == query + 1 && end_key == key + 1;
    if (key >= end_query)
        mutedLine(tr("The key is later than the query: it cannot be seen."));
    else if (cells_.seen[at] == 0)
        mutedLine(say("The pattern {} leaves this out.", map.pattern));
    else if (single)
        ImGui::Text("%s", say("Share of the attention: {}",
                              percentText(static_cast<double>(cells_.values[at])))
                              .c_str());
    else
        ImGui::Text("%s", say("{} of the shares: {}", measureName(measure_),
                              shortNumber(static_cast<double>(cells_.values[at])))
                              .c_str());
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

void MapView::point(const Map &map, const Timeline &timeline, HeatMapCell cell,
                    DocumentLink &link) const {
    const DocumentLink::Key key = {reinterpret_cast<uintptr_t>(&map), cell.row, cell.column};
    if (!link.isNew(key)) {
        link.keep(key);
        return;
    }
    const float value = cells_.values[size_t{cell.row} * map.columns + cell.column];
    const uint64_t queries = endQuery(map, cell.row) - firstQuery(map, cell.row);
    const float share = measure_ == MapMeasure::sum ? value / static_cast<float>(queries) : value;
    link.point(
        key, timeline.document,
        marksOf(timeline, firstQuery(map, cell.row), endQuery(map, cell.row),
                firstKey(map, cell.column), endKey(map, cell.column),
                0.3F + 0.7F * levelOf(cells_, value, logarithmic_),
                say("{} of the attention of the query", percentText(static_cast<double>(share)))));
}

void MapView::zoomWithWheel(const Map &map, uint64_t tokens, const HeatMapEvents &events,
                            Answer &answer) {
    const double now = ImGui::GetTime();
    if (events.wheel != 0 && events.hovered) {
        const TokenBox from = wheel_box_.value_or(
            TokenBox{map.first_query, map.end_query, map.first_key, map.end_key});
        wheel_box_ = scaled(from, tokens, firstQuery(map, events.hovered->row),
                            firstKey(map, events.hovered->column),
                            std::pow(0.7, static_cast<double>(events.wheel)));
        wheel_time_ = now;
    }
    if (wheel_box_ && now >= wheel_time_ + kWheelRest)
        answer.go = std::exchange(wheel_box_, std::nullopt);
}

void MapView::drawMenu(const Timeline &timeline, Answer &answer, CommandQueue &commands) {
    if (!ImGui::BeginPopup("cell"))
        return;
    const uint64_t query = endQuery(*made_of_, menu_cell_.row) - 1;
    const uint64_t key = firstKey(*made_of_, menu_cell_.column);
    if (ImGui::MenuItem(tr("Show where this query looks"))) {
        answer.token = query;
        answer.show_token = true;
    }
    const bool has_query = documentBytes(timeline, query, query + 1).has_value();
    const bool has_key = documentBytes(timeline, key, key + 1).has_value();
    if (ImGui::MenuItem(tr("Go to the query in the document"), nullptr, false, has_query))
        jumpToToken(timeline, query, commands);
    if (ImGui::MenuItem(tr("Go to the key in the document"), nullptr, false, has_key))
        jumpToToken(timeline, key, commands);
    ImGui::EndPopup();
}

void MapView::drawPicture(const Snapshot &snapshot, DocumentLink &link, Answer &answer,
                          CommandQueue &commands) {
    const Map &map = *made_of_;
    const Timeline &timeline = *snapshot.attention.timeline;
    const float em = ImGui::GetFontSize();
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const float axes_x = 5 * em, axes_y = 4.1F * em, bar = 2.6F * em;
    // Cells are as wide as high, as long as that leaves no sliver.
    const float aspect = std::clamp(static_cast<float>(map.end_query - map.first_query) /
                                        static_cast<float>(map.end_key - map.first_key),
                                    0.4F, 2.5F);
    const float width =
        std::max(8 * em, std::min(room.x - axes_x, (room.y - axes_y - bar) / aspect));
    HeatMapLook look{.size = {std::min(room.x, width + axes_x), width * aspect + axes_y},
                     .rows = {tr("query (token)"), map.first_query, map.end_query, map.query_step},
                     .columns = {tr("key (token)"), map.first_key, map.end_key, map.key_step},
                     .can_drag = true,
                     .takes_wheel = true};
    if (outlined_)
        look.outline = cells_.outline;
    if (wheel_box_)
        look.box = cellsOfBox(map, resolved(*wheel_box_, timeline.tokens()));
    const HeatMapEvents events = picture_.draw("##map", look);
    drawColourBar(look.size.x, shortNumber(static_cast<double>(lowestValue(cells_, logarithmic_))),
                  shortNumber(static_cast<double>(cells_.high)));
    zoomWithWheel(map, timeline.tokens(), events, answer);
    if (events.hovered && !ImGui::IsPopupOpen("cell")) {
        describe(map, timeline, *events.hovered);
        point(map, timeline, *events.hovered, link);
    }
    if (events.clicked) {
        jumpToToken(timeline, firstKey(map, events.clicked->column), commands);
        answer.token = endQuery(map, events.clicked->row) - 1;
    }
    if (events.dragged)
        answer.go = boxOfCells(map, *events.dragged, timeline.tokens());
    if (events.right_clicked && events.hovered) {
        menu_cell_ = *events.hovered;
        ImGui::OpenPopup("cell");
    }
    drawMenu(timeline, answer, commands);
}

MapView::Answer MapView::draw(const Snapshot &snapshot, const ZoomHistory &history, bool waiting,
                              const ChooseSavePath &choose_save_path, DocumentLink &link,
                              CommandQueue &commands) {
    Answer answer;
    drawTools(snapshot, history, choose_save_path, answer, commands);
    const auto &map = snapshot.attention.map;
    if (waiting)
        mutedLine(tr("The picture is being made..."));
    else if (map)
        mutedLine(headTitle(map->wanted) + ". " + breadcrumb(*map));
    if (!map || map->rows == 0 || map->columns == 0)
        return answer;
    prepare(snapshot);
    if (outlined_ && !cells_.outline_note.empty())
        mutedLine(cells_.outline_note);
    drawPicture(snapshot, link, answer, commands);
    return answer;
}

std::string MapView::asText(const Map &map) const {
    std::string text = say("# {}. {}. {} of the shares.\n", headTitle(map.wanted), breadcrumb(map),
                           measureName(measure_));
    text += "query\\key";
    for (uint32_t column = 0; column < map.columns; ++column)
        text += std::format("\t{}", firstKey(map, column));
    for (uint32_t row = 0; row < map.rows; ++row) {
        text += std::format("\n{}", firstQuery(map, row));
        for (uint32_t column = 0; column < map.columns; ++column)
            text += std::format("\t{:.6g}", cells_.values[size_t{row} * map.columns + column]);
    }
    return text + "\n";
}

} // namespace longscope::ui
