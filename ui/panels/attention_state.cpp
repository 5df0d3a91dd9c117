#include "ui/panels/attention_state.h"

#include "ui/panels/attention_layers.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <implot.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace longscope::ui {
namespace {

constexpr double kLeastTokens = 0.01; ///< shorter memories have one colour
constexpr double kMostTokens = 1e7;   ///< so do longer ones

std::string bytes(uint64_t count) {
    return byteText(static_cast<double>(count));
}

double bounded(double tokens) {
    return std::clamp(tokens, kLeastTokens, kMostTokens);
}

std::string logText(double mean_log) {
    return mean_log < 0 ? "-" + shortNumber(-mean_log) : "0";
}

/// Rising.
std::vector<double> memoriesOf(std::span<const float> mean_logs) {
    std::vector<double> memories;
    for (const float mean_log : mean_logs)
        memories.push_back(memoryTokens(static_cast<double>(mean_log)));
    std::ranges::sort(memories);
    return memories;
}

int writeTokens(double value, char *text, int size, void *) {
    return std::snprintf(text, static_cast<size_t>(size), "%s", countText(value).c_str());
}
int writeShare(double value, char *text, int size, void *) {
    return std::snprintf(text, static_cast<size_t>(size), "%s", percentText(value).c_str());
}

void plotLeft(const char *label, double memory, double last, ImVec4 colour, float weight = 0.13F) {
    constexpr int kPoints = 96;
    double xs[kPoints], ys[kPoints];
    for (int i = 0; i < kPoints; ++i) {
        xs[i] = std::pow(last, i / (kPoints - 1.0));
        ys[i] = std::exp(-xs[i] / memory);
    }
    ImPlotSpec spec;
    spec.LineColor = colour;
    spec.LineWeight = weight * ImGui::GetFontSize();
    ImPlot::PlotLine(label, xs, ys, kPoints, spec);
}

} // namespace

double memoryTokens(double mean_log) {
    return mean_log < 0 ? -1 / mean_log : std::numeric_limits<double>::infinity();
}

std::string memoryText(double tokens) {
    if (!std::isfinite(tokens))
        return tr("without end");
    if (tokens < kLeastTokens)
        return say("under {} tokens", shortNumber(kLeastTokens));
    const std::string number = tokens < 999.5 ? shortNumber(tokens) : countText(std::round(tokens));
    return number == "1" ? std::string(tr("1 token")) : say("{} tokens", number);
}

std::vector<float> groupedDecay(const DecayTable &table, uint32_t layer) {
    std::vector<float> grouped;
    if (layer >= table.mean_log.size())
        return grouped;
    const std::vector<float> &rates = table.mean_log[layer];
    const size_t group = std::max(table.group, 1U);
    for (size_t first = 0; first < rates.size(); first += group) {
        const size_t end = std::min(first + group, rates.size());
        double sum = 0;
        for (size_t i = first; i < end; ++i)
            sum += static_cast<double>(rates[i]);
        grouped.push_back(static_cast<float>(sum / static_cast<double>(end - first)));
    }
    return grouped;
}

std::string stateText(const RecurrentLayers &recurrent) {
    const std::string channels = numberText(recurrent.history_channels);
    const std::string history =
        recurrent.history_tokens == 1
            ? say("the last input of {} channels", channels)
            : say("the last {} inputs of {} channels", recurrent.history_tokens, channels);
    if (recurrent.heads == 0)
        return history;
    const std::string state =
        recurrent.heads == 1 && recurrent.by_channel
            ? say("{} channels of {} numbers", numberText(recurrent.head_dim), recurrent.keys)
            : say("{} heads of {} x {} numbers", recurrent.heads, recurrent.head_dim,
                  recurrent.keys);
    return say("{}, and {}", state, history);
}

namespace {

void drawFacts(const Model &model, uint32_t layer) {
    const RecurrentLayers &recurrent = *model.recurrent;
    pushBold();
    ImGui::TextWrapped("%s", say("Layer {}: {}", layer, kindText(model, layer)).c_str());
    ImGui::PopFont();
    const std::string state = bytes(recurrent.state_bytes);
    ImGui::TextWrapped(
        "%s", (model.attends(layer)
                   ? say("Beside the keys of its attention it keeps a state of {}, which does not "
                         "grow with the text.",
                         state)
                   : say("It keeps no keys, so there is no map of where it looks. What it knows of "
                         "earlier tokens is in a state of {}, which does not grow with the text.",
                         state))
                  .c_str());
    mutedLine(say("The state: {}.", stateText(recurrent)));
    mutedLine(say("All recurrent layers together ({}): {}; with {} copies behind earlier tokens, "
                  "to which the text can be cut back, {}.",
                  recurrent.layers, bytes(recurrent.layers * recurrent.state_bytes),
                  recurrent.copies, bytes(recurrent.bytes())));
}

} // namespace

// ---- the measurement ---------------------------------------------------------------------------

void StateView::ask(const Snapshot &snapshot, CommandQueue &commands) {
    const bool decays =
        snapshot.model && snapshot.model->recurrent && snapshot.model->recurrent->heads > 0;
    if (!decays || snapshot.attention.decay || asked_)
        return;
    commands.push(command::MeasureDecay{});
    asked_ = true;
    was_busy_ = false;
}

void StateView::take(const Snapshot &snapshot) {
    // One that was stopped or failed is not waited for.
    if (asked_ && (snapshot.attention.decay || (was_busy_ && !snapshot.busy())))
        asked_ = false;
    was_busy_ = asked_ && snapshot.busy();
    const auto &table = snapshot.attention.decay;
    if (table_ == table)
        return;
    table_ = table;
    grouped_.clear();
    columns_ = 0;
    shortest_ = kMostTokens;
    longest_ = kLeastTokens;
    for (uint32_t layer = 0; table_ && layer < table_->mean_log.size(); ++layer) {
        grouped_.push_back(groupedDecay(*table_, layer));
        columns_ = std::max(columns_, static_cast<uint32_t>(grouped_.back().size()));
        for (const float mean_log : grouped_.back()) {
            const double tokens = bounded(memoryTokens(static_cast<double>(mean_log)));
            shortest_ = std::min(shortest_, tokens);
            longest_ = std::max(longest_, tokens);
        }
    }
    std::vector<ImU32> pixels(grouped_.size() * columns_, 0);
    const double range = std::log(longest_ / shortest_);
    for (size_t row = 0; row < grouped_.size(); ++row)
        for (size_t column = 0; column < grouped_[row].size(); ++column) {
            const double tokens = bounded(memoryTokens(static_cast<double>(grouped_[row][column])));
            pixels[row * columns_ + column] = cividis(
                range > 0 ? static_cast<float>(std::log(tokens / shortest_) / range) : 0.5F);
        }
    picture_.setPixels(pixels, static_cast<uint32_t>(grouped_.size()), columns_);
    column_ = std::min(column_, columns_ > 0 ? columns_ - 1 : 0);
}

/// Whether something is missing; then says what.
bool StateView::drawMissing(const Snapshot &snapshot, CommandQueue &commands) {
    if (snapshot.model->recurrent->heads == 0) {
        mutedLine(tr("Nothing decays in it: an input counts in full as long as it is among the "
                     "last ones, and not at all afterwards."));
        return true;
    }
    if (columns_ > 0)
        return false;
    if (asked_) {
        mutedLine(tr("How fast it forgets is being measured..."));
        return true;
    }
    mutedLine(tr("How fast it forgets was not measured yet."));
    if (ImGui::Button(tr("Measure how fast it forgets")))
        ask(snapshot, commands);
    ImGui::SetItemTooltip("%s", tr("Reads the text once more, through all recurrent layers."));
    return true;
}

// ---- what is shown -----------------------------------------------------------------------------

void StateView::drawSummary(const Model &model, uint32_t layer) const {
    const std::vector<float> &rates = table_->mean_log[layer];
    const std::vector<double> memories = memoriesOf(rates);
    const bool by_channel = model.recurrent->by_channel;
    ImGui::TextWrapped(
        "%s", say(by_channel ? "Memory of its {} channels: {} to {}, half of them below {} (mean "
                               "logarithm of the decay: {} to {} a token)."
                             : "Memory of its {} heads: {} to {}, half of them below {} (mean "
                               "logarithm of the decay: {} to {} a token).",
                  numberText(rates.size()), memoryText(memories.front()),
                  memoryText(memories.back()), memoryText(memories[memories.size() / 2]),
                  logText(-1 / memories.front()), logText(-1 / memories.back()))
                  .c_str());
    mutedLine(say("A memory of m tokens: 37 % of what came in is left after m tokens, half after "
                  "0.69 m. Mean over {}.",
                  tokensText(table_->tokens)));
}

std::string StateView::columnName(const Model &model, uint32_t column) const {
    if (!model.recurrent->by_channel)
        return say("head {}", column);
    const uint32_t first = column * table_->group;
    const uint32_t last =
        std::min(first + table_->group, model.recurrent->heads * model.recurrent->head_dim) - 1;
    const std::string channels =
        first == last ? say("channel {}", numberText(first))
                      : say("channels {} to {}", numberText(first), numberText(last));
    return model.recurrent->heads > 1 ? say("head {}, {}", column, channels) : channels;
}

void StateView::describe(const Model &model, uint32_t layer, uint32_t column) const {
    ImGui::BeginTooltip();
    if (column >= grouped_[layer].size()) {
        ImGui::TextUnformatted(
            say("Layer {}: {}, nothing decays", layer, kindText(model, layer)).c_str());
        ImGui::EndTooltip();
        return;
    }
    const double mean_log = static_cast<double>(grouped_[layer][column]);
    const double memory = memoryTokens(mean_log);
    ImGui::TextUnformatted(say("Layer {}, {}", layer, columnName(model, column)).c_str());
    ImGui::TextUnformatted(say("Memory: {}", memoryText(memory)).c_str());
    ImGui::TextUnformatted(
        say("Half is left after {}", memoryText(memory * std::log(2.0))).c_str());
    ImGui::TextUnformatted(
        say("Mean logarithm of the decay: {} a token", logText(mean_log)).c_str());
    ImGui::EndTooltip();
}

std::optional<uint32_t> StateView::drawPicture(const Model &model, uint32_t layer) {
    const float em = ImGui::GetFontSize();
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const auto rows = static_cast<uint32_t>(grouped_.size());
    const float wanted = static_cast<float>(rows) * 1.3F * em + 4.2F * em;
    const char *columns = !model.recurrent->by_channel || model.recurrent->heads > 1
                              ? tr("head")
                              : tr("group of channels");
    HeatMapLook look{.size = {room.x, std::clamp(wanted, 8 * em, std::max(0.45F * room.y, 8 * em))},
                     .rows = {tr("layer"), 0, rows, 1, true},
                     .columns = {columns, 0, columns_, 1, true},
                     .selected = HeatMapCell{layer, column_}};
    const HeatMapEvents events = picture_.draw("##decay", look);
    drawColourBar(room.x, memoryText(shortest_), memoryText(longest_));
    if (events.hovered)
        describe(model, events.hovered->row, events.hovered->column);
    if (!events.clicked)
        return std::nullopt;
    column_ = events.clicked->column;
    return events.clicked->row;
}

/// How much is left of a token some tokens later: exp(-distance / memory).
void StateView::drawCurves(const Model &model, uint32_t layer) const {
    const float em = ImGui::GetFontSize();
    const float height = std::max(ImGui::GetContentRegionAvail().y, 11 * em);
    const std::vector<double> memories = memoriesOf(table_->mean_log[layer]);
    const double last = std::clamp(3 * memories.back(), 100.0, kMostTokens);
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0);
    if (ImPlot::BeginPlot("##left", {-1, height}, ImPlotFlags_NoMenus | ImPlotFlags_NoBoxSelect)) {
        ImPlot::SetupAxes(tr("tokens later"), tr("left of a token"), ImPlotAxisFlags_NoSideSwitch,
                          ImPlotAxisFlags_NoSideSwitch);
        ImPlot::SetupAxisScale(ImAxis_X1, ImPlotScale_Log10);
        ImPlot::SetupAxisFormat(ImAxis_X1, writeTokens);
        ImPlot::SetupAxisFormat(ImAxis_Y1, writeShare);
        ImPlot::SetupAxisLimits(ImAxis_X1, 1, last, ImPlotCond_Always);
        ImPlot::SetupAxisLimits(ImAxis_Y1, 0, 1, ImPlotCond_Always);
        ImPlot::SetupLegend(ImPlotLocation_South,
                            ImPlotLegendFlags_Outside | ImPlotLegendFlags_Horizontal);
        plotLeft(tr("shortest"), memories.front(), last, seriesColour(0));
        plotLeft(tr("median"), memories[memories.size() / 2], last, seriesColour(1));
        plotLeft(tr("longest"), memories.back(), last, seriesColour(2));
        if (column_ < grouped_[layer].size())
            plotLeft(columnName(model, column_).c_str(),
                     memoryTokens(static_cast<double>(grouped_[layer][column_])), last,
                     ImGui::GetStyleColorVec4(ImGuiCol_Text), 0.2F);
        ImPlot::EndPlot();
    }
    ImGui::PopStyleVar();
}

std::optional<uint32_t> StateView::draw(const Snapshot &snapshot, uint32_t layer,
                                        CommandQueue &commands) {
    take(snapshot);
    const Model &model = *snapshot.model;
    if (!model.recurs(layer)) {
        ImGui::TextWrapped("%s", say("Layer {} attends and keeps no state. Choose one that recurs "
                                     "in the list.",
                                     layer)
                                     .c_str());
    } else {
        drawFacts(model, layer);
    }
    if (drawMissing(snapshot, commands))
        return std::nullopt;
    const bool has_rates = layer < grouped_.size() && !grouped_[layer].empty();
    if (has_rates)
        drawSummary(model, layer);
    const std::optional<uint32_t> clicked = drawPicture(model, layer);
    if (has_rates)
        drawCurves(model, layer);
    return clicked;
}

} // namespace longscope::ui
