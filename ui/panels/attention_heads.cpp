#include "ui/panels/attention_heads.h"

#include "ui/panels/attention_layers.h"
#include "ui/panels/attention_text.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>

namespace longscope::ui {
namespace {

constexpr HeadMetric kMetrics[] = {HeadMetric::entropy, HeadMetric::distance,
                                   HeadMetric::sink_share, HeadMetric::recent_share};

const char *metricName(HeadMetric metric) {
    switch (metric) {
    case HeadMetric::entropy:
        return tr("Entropy");
    case HeadMetric::distance:
        return tr("Distance");
    case HeadMetric::sink_share:
        return tr("First tokens");
    case HeadMetric::recent_share:
        return tr("Last tokens");
    }
    return "";
}

std::string metricHelp(HeadMetric metric, const HeadTable *table) {
    switch (metric) {
    case HeadMetric::entropy:
        return tr("How widely a head spreads its attention, in nats. 0: it looks at one token.");
    case HeadMetric::distance:
        return tr("How far back a head looks, in tokens, on average.");
    case HeadMetric::sink_share:
        return table ? say("How much of the attention goes to the first {} tokens.", table->sinks)
                     : std::string(tr("How much of the attention goes to the first tokens."));
    case HeadMetric::recent_share:
        return table ? say("How much of the attention goes to the last {} tokens.", table->recent)
                     : std::string(tr("How much of the attention goes to the last tokens."));
    }
    return "";
}

float figure(const HeadFigures &figures, HeadMetric metric) {
    switch (metric) {
    case HeadMetric::entropy:
        return figures.entropy;
    case HeadMetric::distance:
        return figures.distance;
    case HeadMetric::sink_share:
        return figures.sink_share;
    case HeadMetric::recent_share:
        return figures.recent_share;
    }
    return 0;
}

std::string figureText(float value, HeadMetric metric) {
    switch (metric) {
    case HeadMetric::entropy:
        return shortNumber(static_cast<double>(value)) + " nats";
    case HeadMetric::distance:
        return shortNumber(static_cast<double>(value)) + " tokens";
    default:
        return percentText(static_cast<double>(value));
    }
}

/// Of a layer; of all where nothing is known.
uint32_t headsOf(const Model *model, uint32_t layer, uint32_t most) {
    return model && layer < model->kinds.size() ? model->kinds[layer].heads : most;
}

void describeHead(const HeadTable *table, const Model *model, uint32_t layer, uint32_t head) {
    ImGui::BeginTooltip();
    if (const uint32_t heads = headsOf(model, layer, head + 1); head >= heads) {
        ImGui::TextUnformatted((heads == 0 ? say("Layer {}: {}. A click shows its state.", layer,
                                                 kindText(*model, layer))
                                           : say("Layer {} has {} heads.", layer, heads))
                                   .c_str());
        ImGui::EndTooltip();
        return;
    }
    ImGui::TextUnformatted(say("Layer {}, head {}", layer, head).c_str());
    if (!table)
        ImGui::TextUnformatted(tr("Not measured yet. A click shows its map."));
    for (HeadMetric metric : kMetrics)
        if (table)
            ImGui::TextUnformatted((std::string(metricName(metric)) + ": " +
                                    figureText(figure(table->of(layer, head), metric), metric))
                                       .c_str());
    ImGui::EndTooltip();
}

/// layer * heads + head of those that there are.
std::vector<uint32_t> knownHeads(const HeadTable &table) {
    std::vector<uint32_t> known;
    for (uint32_t at = 0; at < table.figures.size(); ++at)
        if (table.has(at / table.heads, at % table.heads))
            known.push_back(at);
    return known;
}

void measureButton(CommandQueue &commands) {
    if (ImGui::Button(tr("Measure heads")))
        commands.push(command::MeasureHeads{});
    ImGui::SetItemTooltip("%s",
                          tr("Reads the text once more and takes the figures of every head."));
}

} // namespace

HeadOverview::Extent HeadOverview::extentOf(const Snapshot &snapshot) {
    if (const auto &table = snapshot.attention.heads)
        return {table->layers, table->heads};
    if (snapshot.model)
        return {snapshot.model->layers, snapshot.model->heads};
    return {};
}

void HeadOverview::recolour(const HeadTable *table, const Extent &extent) {
    std::vector<ImU32> pixels(size_t{extent.layers} * extent.heads, 0);
    low_ = high_ = 0;
    if (table) {
        const std::vector<uint32_t> known = knownHeads(*table);
        auto valueOf = [&](uint32_t at) { return figure(table->figures[at], metric_); };
        if (!known.empty()) {
            const auto [low, high] = std::ranges::minmax(known, {}, valueOf);
            low_ = valueOf(low);
            high_ = valueOf(high);
        }
        for (const uint32_t at : known)
            if (at < pixels.size())
                pixels[at] = cividis(high_ > low_ ? (valueOf(at) - low_) / (high_ - low_) : 0.5F);
    }
    grid_.setPixels(pixels, extent.layers, extent.heads);
}

void HeadOverview::drawMetric(const Snapshot &snapshot, CommandQueue &commands) {
    const HeadTable *table = snapshot.attention.heads.get();
    if (!table) {
        measureButton(commands);
        return;
    }
    ImGui::SetNextItemWidth(-1);
    if (ImGui::BeginCombo("##metric", metricName(metric_))) {
        for (HeadMetric metric : kMetrics)
            if (ImGui::Selectable(metricName(metric), metric == metric_))
                metric_ = metric;
        ImGui::EndCombo();
    }
    ImGui::SetItemTooltip("%s", metricHelp(metric_, table).c_str());
    drawColourBar(ImGui::GetContentRegionAvail().x, figureText(low_, metric_),
                  figureText(high_, metric_));
}

std::optional<HeadChoice> HeadOverview::drawFields(const Model *model, const Extent &extent,
                                                   const MapWanted &now) {
    std::optional<HeadChoice> choice;
    const float em = ImGui::GetFontSize();
    int layer = layer_edit_.value_or(static_cast<int>(now.layer));
    ImGui::SetNextItemWidth(-3.4F * em);
    if (ImGui::SliderInt(tr("Layer"), &layer, 0, static_cast<int>(extent.layers) - 1, "%d",
                         ImGuiSliderFlags_AlwaysClamp))
        layer_edit_ = layer;
    // Asked for when it is let go: each picture takes its time.
    if (ImGui::IsItemDeactivated() && layer_edit_) {
        choice = HeadChoice{static_cast<uint32_t>(*layer_edit_), now.heads};
        layer_edit_.reset();
    }
    const std::string shown = now.heads.empty()       ? std::string(tr("mean of all"))
                              : now.heads.size() == 1 ? std::to_string(now.heads[0])
                                                      : say("mean of {}", now.heads.size());
    const uint32_t heads = headsOf(model, now.layer, extent.heads);
    ImGui::BeginDisabled(heads == 0);
    ImGui::SetNextItemWidth(-3.4F * em);
    if (ImGui::BeginCombo(tr("Head"), heads == 0 ? tr("none") : shown.c_str())) {
        if (ImGui::Selectable(tr("mean of all"), now.heads.empty()))
            choice = HeadChoice{now.layer, {}};
        for (uint32_t head = 0; head < heads; ++head)
            if (ImGui::Selectable(std::to_string(head).c_str(),
                                  now.heads == std::vector<uint32_t>{head}))
                choice = HeadChoice{now.layer, {head}};
        ImGui::EndCombo();
    }
    ImGui::EndDisabled();
    return choice;
}

std::optional<HeadChoice> HeadOverview::drawGrid(const Snapshot &snapshot, const MapWanted &now,
                                                 CommandQueue &commands) {
    const Extent extent = extentOf(snapshot);
    if (extent.layers == 0 || extent.heads == 0)
        return std::nullopt;
    const auto &table = snapshot.attention.heads;
    if (coloured_ != table || coloured_metric_ != metric_ || grid_.rows() != extent.layers ||
        grid_.columns() != extent.heads) {
        recolour(table.get(), extent);
        coloured_ = table;
        coloured_metric_ = metric_;
    }
    drawMetric(snapshot, commands);
    const Model *model = snapshot.model.get();
    std::optional<HeadChoice> choice = drawFields(model, extent, now);

    const float em = ImGui::GetFontSize();
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const float wanted = static_cast<float>(extent.layers) * 1.3F * em + 4.2F * em;
    HeatMapLook look{.size = {room.x, std::clamp(wanted, 9 * em, std::max(room.y, 9 * em))},
                     .rows = {tr("layer"), 0, extent.layers, 1, true},
                     .columns = {tr("head"), 0, extent.heads, 1, true}};
    if (now.heads.size() == 1)
        look.selected = HeatMapCell{now.layer, now.heads[0]};
    else
        look.box = HeatMapBox{now.layer, now.layer + 1, 0, extent.heads};
    const HeatMapEvents events = grid_.draw("##heads", look);
    if (events.hovered)
        describeHead(table.get(), model, events.hovered->row, events.hovered->column);
    if (events.clicked) {
        const auto [layer, head] = *events.clicked;
        if (head < headsOf(model, layer, extent.heads))
            choice = HeadChoice{layer, {head}};
        else
            choice = HeadChoice{layer, {}};
    }
    return choice;
}

void HeadOverview::sort(const HeadTable &table) {
    order_ = knownHeads(table);
    auto value = [&](uint32_t at) -> float {
        if (sort_column_ < 2)
            return 0;
        return figure(table.figures[at], kMetrics[sort_column_ - 2]);
    };
    std::ranges::stable_sort(order_, [&](uint32_t a, uint32_t b) {
        if (!sort_rises_)
            std::swap(a, b);
        if (sort_column_ == 0)
            return a < b;
        if (sort_column_ == 1)
            return a % table.heads < b % table.heads;
        return value(a) < value(b);
    });
}

std::optional<HeadChoice> HeadOverview::drawTable(const Snapshot &snapshot, const MapWanted &now,
                                                  CommandQueue &commands) {
    std::optional<HeadChoice> choice;
    const auto &table = snapshot.attention.heads;
    if (!table) {
        ImGui::TextWrapped("%s", tr("The heads were not measured yet."));
        measureButton(commands);
        return choice;
    }
    constexpr ImGuiTableFlags flags = ImGuiTableFlags_Sortable | ImGuiTableFlags_RowBg |
                                      ImGuiTableFlags_ScrollY | ImGuiTableFlags_BordersInnerV |
                                      ImGuiTableFlags_SizingStretchProp;
    if (!ImGui::BeginTable("head figures", 6, flags, {0, ImGui::GetContentRegionAvail().y}))
        return choice;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Layer"), ImGuiTableColumnFlags_DefaultSort);
    ImGui::TableSetupColumn(tr("Head"));
    for (HeadMetric metric : kMetrics)
        ImGui::TableSetupColumn(metricName(metric), ImGuiTableColumnFlags_PreferSortDescending);
    ImGui::TableHeadersRow();
    ImGuiTableSortSpecs *specs = ImGui::TableGetSortSpecs();
    if (specs && specs->SpecsCount > 0 && (specs->SpecsDirty || sorted_ != table)) {
        sort_column_ = specs->Specs[0].ColumnIndex;
        sort_rises_ = specs->Specs[0].SortDirection != ImGuiSortDirection_Descending;
        sort(*table);
        sorted_ = table;
        specs->SpecsDirty = false;
    }
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(order_.size()));
    while (clipper.Step())
        for (int row = clipper.DisplayStart; row < clipper.DisplayEnd; ++row) {
            const uint32_t at = order_[static_cast<size_t>(row)];
            const uint32_t layer = at / table->heads, head = at % table->heads;
            ImGui::TableNextRow();
            ImGui::TableNextColumn();
            const bool chosen = now.layer == layer && now.heads == std::vector<uint32_t>{head};
            if (ImGui::Selectable(std::format("{}##{}", layer, at).c_str(), chosen,
                                  ImGuiSelectableFlags_SpanAllColumns))
                choice = HeadChoice{layer, {head}};
            ImGui::TableNextColumn();
            ImGui::Text("%u", head);
            for (HeadMetric metric : kMetrics) {
                ImGui::TableNextColumn();
                const float value = figure(table->figures[at], metric);
                ImGui::TextUnformatted(figureText(value, metric).c_str());
            }
        }
    ImGui::EndTable();
    return choice;
}

} // namespace longscope::ui
