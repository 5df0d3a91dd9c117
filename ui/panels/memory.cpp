#include "ui/panels/memory.h"

#include "compute/attention/cache_type.h"
#include "ui/panels/attention_layers.h"
#include "ui/panels/attention_text.h"
#include "ui/panels/memory_tables.h"
#include "ui/theme.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/segment_bar.h"

#include <imgui.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace longscope::ui {
namespace {

using attention::CacheType;
constexpr std::array kCacheTypes = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                    CacheType::q8_0, CacheType::q4_0};

std::string bytes(uint64_t count) {
    return byteText(static_cast<double>(count));
}

/// "4k" for 4096: an axis has little room.
std::string shortTokens(double tokens) {
    const double k = tokens / 1024;
    if (k >= 1024)
        return shortNumber(k / 1024) + "M";
    return k >= 1 ? shortNumber(k) + "k" : shortNumber(std::round(tokens));
}

std::string shortSeconds(double seconds) {
    return shortNumber(seconds) + " s";
}

} // namespace

ImVec4 MemoryPanel::colourOf(const std::string &part) const {
    const auto at = std::ranges::find(names_, part);
    return seriesColour(static_cast<size_t>(at - names_.begin()));
}

float MemoryPanel::plotHeight() const {
    const float em = ImGui::GetFontSize();
    return std::clamp(0.55F * ImGui::GetWindowHeight(), 15 * em, 30 * em);
}

void MemoryPanel::take(const Memory &memory) {
    auto meet = [&](const std::vector<MemoryPart> &parts) {
        for (const MemoryPart &part : parts)
            if (!std::ranges::contains(names_, part.name))
                names_.push_back(part.name);
    };
    meet(memory.now);
    if (forecast_ != memory.forecast) {
        forecast_ = memory.forecast;
        xs_.clear();
        series_.clear();
        for (const MemoryPoint &point :
             forecast_ ? forecast_->points : std::vector<MemoryPoint>{}) {
            meet(point.parts);
            xs_.push_back(static_cast<double>(point.tokens));
            for (const MemoryPart &part : point.parts) {
                auto found = std::ranges::find(series_, part.name, &StackedSeries::name);
                if (found == series_.end())
                    found = series_.insert(series_.end(), {part.name, {}, {}});
                found->values.resize(xs_.size() - 1, 0.0);
                found->values.push_back(static_cast<double>(part.bytes));
            }
        }
        for (StackedSeries &series : series_)
            series.values.resize(xs_.size(), 0.0);
    }
    if (measured_ != memory.measured) {
        measured_ = memory.measured;
        mark_xs_.clear();
        mark_ys_.clear();
        for (const MemoryPoint &point : measured_ ? *measured_ : std::vector<MemoryPoint>{}) {
            meet(point.parts);
            mark_xs_.push_back(static_cast<double>(point.tokens));
            mark_ys_.push_back(static_cast<double>(point.total()));
        }
    }
    if (samples_ != memory.samples) {
        samples_ = memory.samples;
        times_.clear();
        over_time_ = {{tr("device"), {}, {}}, {tr("this program on the computer"), {}, {}}};
        for (const Memory::Sample &sample : samples_ ? *samples_ : std::vector<Memory::Sample>{}) {
            times_.push_back(sample.seconds);
            over_time_[0].values.push_back(static_cast<double>(sample.device_bytes));
            over_time_[1].values.push_back(static_cast<double>(sample.host_bytes));
        }
    }
}

void MemoryPanel::drawSummary(const Memory &memory) const {
    if (!memory.warning.empty())
        colouredText(warning(), memory.warning);
    const uint64_t booked = MemoryPoint{0, memory.now}.total();
    std::string text = say("On the device: {}", bytes(booked));
    if (memory.budget_bytes > 0)
        text =
            say("On the device: {} of {} free for it", bytes(booked), bytes(memory.budget_bytes));
    if (memory.host_bytes > 0)
        text += "   " + (memory.host_total_bytes > 0
                             ? say("On the computer: {} of {}", bytes(memory.host_bytes),
                                   bytes(memory.host_total_bytes))
                             : say("On the computer: {}", bytes(memory.host_bytes)));
    ImGui::TextWrapped("%s", text.c_str());
    std::vector<Segment> segments;
    for (const MemoryPart &part : memory.now)
        segments.push_back({part.name, part.bytes, colourOf(part.name)});
    segmentBar("now", segments, std::max(memory.budget_bytes, booked), 0.8F,
               [](const Segment &segment) { return segment.name + ": " + bytes(segment.value); });
    if (memory.window_tokens > 0) {
        std::string room = say("The window has {}, {} are used.", tokensText(memory.window_tokens),
                               numberText(memory.used_tokens));
        if (memory.forgotten_tokens > 0)
            room += " " + say("{} of them are forgotten: no layer sees them any more.",
                              numberText(memory.forgotten_tokens));
        mutedLine(room);
    }
}

void MemoryPanel::drawControls(const Snapshot &snapshot, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    const AttentionSettings &applied = snapshot.patterns.applied;
    bool changed = false;
    auto end_text = [](uint64_t tokens) {
        return tokens == 0 ? std::string(tr("twice the trained window"))
                           : say("up to {}", tokensText(tokens));
    };
    ImGui::SetNextItemWidth(13 * em);
    if (ImGui::BeginCombo("##end", end_text(most_tokens_).c_str())) {
        for (const uint64_t tokens : {uint64_t{0}, uint64_t{4096}, uint64_t{16384}, uint64_t{65536},
                                      uint64_t{262'144}, uint64_t{1'048'576}})
            if (ImGui::Selectable(end_text(tokens).c_str(), tokens == most_tokens_)) {
                most_tokens_ = tokens;
                changed = true;
            }
        ImGui::EndCombo();
    }
    ImGui::SetItemTooltip("%s", tr("How far to the right the forecast goes."));
    ImGui::SameLine();
    auto cache_text = [&](const std::string &type) {
        return type.empty() ? say("cache as it is ({}/{})", applied.k, applied.v)
                            : say("cache {}", type);
    };
    ImGui::SetNextItemWidth(std::min(13 * em, ImGui::GetContentRegionAvail().x));
    if (ImGui::BeginCombo("##cache", cache_text(cache_).c_str())) {
        if (ImGui::Selectable(cache_text("").c_str(), cache_.empty())) {
            cache_.clear();
            changed = true;
        }
        for (const CacheType type : kCacheTypes)
            if (const std::string name(attention::cacheTypeName(type));
                ImGui::Selectable(cache_text(name).c_str(), cache_ == name)) {
                cache_ = name;
                changed = true;
            }
        ImGui::EndCombo();
    }
    ImGui::SetItemTooltip("%s", tr("What the forecast stores keys and values as. Nothing is "
                                   "changed by it."));
    ImGui::Checkbox(tr("Logarithmic tokens"), &log_tokens_);
    ImGui::SameLine();
    ImGui::Checkbox(tr("Logarithmic bytes"), &log_bytes_);
    if (!changed)
        return;
    AttentionSettings settings = applied;
    if (!cache_.empty())
        settings.k = settings.v = cache_;
    commands.push(command::ForecastMemory{settings, most_tokens_});
}

void MemoryPanel::describe(double tokens) const {
    ImGui::BeginTooltip();
    ImGui::TextUnformatted(
        say("A window of {}", tokensText(static_cast<uint64_t>(std::max(0.0, tokens)))).c_str());
    double total = 0;
    for (const StackedSeries &series : series_) {
        const double value = valueAt(xs_, series.values, tokens);
        total += value;
        swatch(colourOf(series.name));
        ImGui::TextUnformatted((series.name + ": " + byteText(value)).c_str());
    }
    ImGui::TextUnformatted(say("In all: {}", byteText(total)).c_str());
    for (size_t i = 0; i < mark_xs_.size(); ++i)
        if (std::abs(mark_xs_[i] - tokens) < 0.02 * (xs_.empty() ? 1 : xs_.back()))
            ImGui::TextUnformatted(say("Measured with {}: {}",
                                       tokensText(static_cast<uint64_t>(mark_xs_[i])),
                                       byteText(mark_ys_[i]))
                                       .c_str());
    ImGui::EndTooltip();
}

void MemoryPanel::drawAgainstLength(const Snapshot &snapshot, CommandQueue &commands) {
    const Memory &memory = snapshot.memory;
    if (!snapshot.model) {
        ImGui::TextWrapped("%s", tr("The forecast needs a model that is loaded."));
        return;
    }
    drawControls(snapshot, commands);
    if (!forecast_ || xs_.empty()) {
        if (ImGui::Button(tr("Make the forecast")))
            commands.push(command::ForecastMemory{snapshot.patterns.applied, most_tokens_});
        return;
    }
    mutedLine(say("Forecast for {}", forecast_->setting));
    for (StackedSeries &series : series_)
        series.colour = colourOf(series.name);
    StackedPlotLook look{.size = {-1, plotHeight()},
                         .x_title = tr("window (tokens)"),
                         .xs = xs_,
                         .series = series_,
                         .total_name = tr("forecast"),
                         .mark_xs = mark_xs_,
                         .mark_ys = mark_ys_,
                         .mark_name = tr("measured"),
                         .log_x = log_tokens_,
                         .log_y = log_bytes_,
                         .binary_x = true,
                         .x_text = shortTokens,
                         .y_text = byteText};
    look.size.x = ImGui::GetContentRegionAvail().x;
    if (memory.budget_bytes > 0)
        look.across.push_back({static_cast<double>(memory.budget_bytes),
                               say("budget {}", bytes(memory.budget_bytes)), error()});
    if (memory.window_tokens > 0)
        look.down.push_back(
            {static_cast<double>(memory.window_tokens), tr("window now"), accent()});
    if (memory.used_tokens > 0)
        look.down.push_back({static_cast<double>(memory.used_tokens), tr("used"), mutedText()});
    if (const auto tokens = stackedPlot("##against length", look))
        describe(*tokens);
}

void MemoryPanel::drawOverTime(const Memory &memory) {
    if (times_.size() < 2) {
        ImGui::TextWrapped("%s", tr("Nothing was recorded yet. Samples are taken while the model "
                                    "works."));
        return;
    }
    for (size_t i = 0; i < over_time_.size(); ++i)
        over_time_[i].colour = seriesColour(i);
    ImGui::Checkbox(tr("Logarithmic bytes"), &log_bytes_);
    StackedPlotLook look{.size = {ImGui::GetContentRegionAvail().x, plotHeight()},
                         .x_title = tr("time"),
                         .xs = times_,
                         .series = over_time_,
                         .stacked = false,
                         .log_y = log_bytes_,
                         .x_text = shortSeconds,
                         .y_text = byteText};
    if (memory.budget_bytes > 0)
        look.across.push_back({static_cast<double>(memory.budget_bytes),
                               say("device budget {}", bytes(memory.budget_bytes)), error()});
    const auto time = stackedPlot("##over time", look);
    if (!time)
        return;
    const auto past = std::ranges::lower_bound(times_, *time);
    const auto at = std::min<size_t>(static_cast<size_t>(past - times_.begin()), times_.size() - 1);
    const Memory::Sample &sample = (*samples_)[at];
    ImGui::SetTooltip("%s", say("After {}\n{} used\nDevice: {}\nThis program on the computer: {}",
                                secondsText(sample.seconds), tokensText(sample.tokens),
                                bytes(sample.device_bytes), bytes(sample.host_bytes))
                                .c_str());
}

namespace {

/// What is booked now, and what the states of recurrent layers are made of.
void drawParts(const Snapshot &snapshot, const PartColour &colours) {
    drawPartTable(snapshot.memory, colours);
    if (!snapshot.model || !snapshot.model->recurrent)
        return;
    const RecurrentLayers &recurrent = *snapshot.model->recurrent;
    mutedLine(
        say("Recurrent state: {} of {} each, and {} copies behind earlier tokens, to which a "
            "text can be cut back. It is the same for every window.",
            recurrent.layers == 1 ? std::string(tr("1 layer")) : say("{} layers", recurrent.layers),
            bytes(recurrent.state_bytes), recurrent.copies));
}

} // namespace

void MemoryPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    const Memory &memory = snapshot.memory;
    take(memory);
    drawSummary(memory);
    if (ImGui::BeginTabBar("graphs")) {
        if (ImGui::BeginTabItem(tr("By length"))) {
            drawAgainstLength(snapshot, commands);
            ImGui::EndTabItem();
        }
        if (ImGui::BeginTabItem(tr("Over time"))) {
            drawOverTime(memory);
            ImGui::EndTabItem();
        }
        ImGui::EndTabBar();
    }
    const PartColour colours = [this](const std::string &part) { return colourOf(part); };
    if (!memory.now.empty() &&
        ImGui::CollapsingHeader(tr("Booked now"), ImGuiTreeNodeFlags_DefaultOpen))
        drawParts(snapshot, colours);
    if (forecast_ && !forecast_->longest.empty() &&
        ImGui::CollapsingHeader(tr("Longest context that fits"), ImGuiTreeNodeFlags_DefaultOpen))
        drawLongestTable(*forecast_, snapshot.patterns.applied);
    if (forecast_ && !forecast_->layer_bytes.empty() &&
        ImGui::CollapsingHeader(hasStates(*forecast_) ? tr("Cache and state by layer")
                                                      : tr("Cache by layer")))
        drawLayerTable(*forecast_, colours, [&](uint32_t layer) {
            return snapshot.model ? kindText(*snapshot.model, layer) : std::string();
        });
}

} // namespace longscope::ui
