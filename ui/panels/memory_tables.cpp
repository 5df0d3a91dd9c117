#include "ui/panels/memory_tables.h"

#include "compute/attention/cache_type.h"
#include "ui/panels/attention_text.h"
#include "ui/theme.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <array>
#include <optional>

namespace longscope::ui {
namespace {

using attention::CacheType;
constexpr std::array kCacheTypes = {CacheType::f32, CacheType::f16, CacheType::bf16,
                                    CacheType::q8_0, CacheType::q4_0};

std::string bytes(uint64_t count) {
    return byteText(static_cast<double>(count));
}

/// Windows beyond this fit any text there is: nothing in the cache grows.
constexpr uint64_t kAnyLength = uint64_t{1} << 40;

std::string windowText(uint64_t tokens) {
    return tokens >= kAnyLength ? std::string(tr("any")) : numberText(tokens);
}

void rightAligned(const std::string &text) {
    const float room = ImGui::GetContentRegionAvail().x - ImGui::CalcTextSize(text.c_str()).x;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(0.F, room));
    ImGui::TextUnformatted(text.c_str());
}

void bar(double share, ImVec4 colour) {
    const float em = ImGui::GetFontSize(), width = ImGui::GetContentRegionAvail().x;
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImGui::GetWindowDrawList()->AddRectFilled(
        {at.x, at.y + 0.25F * em},
        {at.x + width * static_cast<float>(std::clamp(share, 0.0, 1.0)), at.y + 0.95F * em},
        ImGui::GetColorU32(colour));
    ImGui::Dummy({width, em});
}

constexpr ImGuiTableFlags kTable = ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersOuter |
                                   ImGuiTableFlags_BordersInnerV |
                                   ImGuiTableFlags_SizingStretchProp;

} // namespace

void swatch(ImVec4 colour) {
    const float em = ImGui::GetFontSize();
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImGui::GetWindowDrawList()->AddRectFilled({at.x, at.y + 0.25F * em},
                                              {at.x + 0.7F * em, at.y + 0.95F * em},
                                              ImGui::GetColorU32(colour));
    ImGui::Dummy({0.7F * em, em});
    ImGui::SameLine();
}

void drawPartTable(const Memory &memory, const PartColour &colour_of) {
    const auto total =
        static_cast<double>(std::max<uint64_t>(1, MemoryPoint{0, memory.now}.total()));
    if (!ImGui::BeginTable("parts", 4, kTable))
        return;
    ImGui::TableSetupColumn(tr("Part"), 0, 3);
    ImGui::TableSetupColumn(tr("Size"), 0, 2);
    ImGui::TableSetupColumn(tr("Share"), 0, 1.5F);
    ImGui::TableSetupColumn("##bar", 0, 3);
    ImGui::TableHeadersRow();
    auto row = [&](const std::string &name, uint64_t size, std::optional<ImVec4> colour) {
        const double share = static_cast<double>(size) / total;
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        if (colour)
            swatch(*colour);
        ImGui::TextUnformatted(name.c_str());
        ImGui::TableNextColumn();
        rightAligned(bytes(size));
        ImGui::TableNextColumn();
        rightAligned(percentText(share));
        ImGui::TableNextColumn();
        if (colour)
            bar(share, *colour);
    };
    for (const MemoryPart &part : memory.now)
        row(part.name, part.bytes, colour_of(part.name));
    row(tr("in all"), MemoryPoint{0, memory.now}.total(), std::nullopt);
    ImGui::EndTable();
}

void drawLongestTable(const MemoryForecast &forecast, const AttentionSettings &applied) {
    mutedLine(tr("Tokens of the largest window that fits, by the type of the "
                 "cache."));
    // The numbers must be whole; a long pattern may be cut.
    constexpr ImGuiTableFlags flags = ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersOuter |
                                      ImGuiTableFlags_BordersInnerV |
                                      ImGuiTableFlags_SizingFixedFit;
    if (!ImGui::BeginTable("longest", 1 + static_cast<int>(kCacheTypes.size()), flags))
        return;
    ImGui::TableSetupColumn(tr("Pattern"), ImGuiTableColumnFlags_WidthStretch);
    for (const CacheType type : kCacheTypes)
        ImGui::TableSetupColumn(std::string(attention::cacheTypeName(type)).c_str());
    ImGui::TableHeadersRow();
    bool beyond = false;
    for (const MemoryForecast::Longest &line : forecast.longest) {
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(line.pattern.c_str());
        ImGui::SetItemTooltip("%s", line.pattern.c_str());
        for (size_t i = 0; i < std::min(line.tokens.size(), kCacheTypes.size()); ++i) {
            ImGui::TableNextColumn();
            const bool is_applied = line.pattern == applied.attention &&
                                    applied.k == attention::cacheTypeName(kCacheTypes[i]) &&
                                    applied.v == applied.k;
            if (is_applied)
                ImGui::TableSetBgColor(ImGuiTableBgTarget_CellBg,
                                       ImGui::GetColorU32(ImGuiCol_Header));
            const bool too_far = line.tokens[i] > forecast.reach;
            beyond |= too_far;
            ImGui::PushStyleColor(ImGuiCol_Text,
                                  too_far ? mutedText() : ImGui::GetStyleColorVec4(ImGuiCol_Text));
            rightAligned(windowText(line.tokens[i]));
            ImGui::PopStyleColor();
        }
    }
    ImGui::EndTable();
    if (forecast.reach >= kAnyLength)
        mutedLine(tr("The positions reach any length."));
    else
        colouredText(mutedText(),
                     say("The positions reach {}.", tokensText(forecast.reach)) +
                         (beyond ? std::string(" ") + tr("What is grey fits, but goes beyond "
                                                         "that: choose a rope scheme for it.")
                                 : std::string()));
}

bool hasStates(const MemoryForecast &forecast) {
    return std::ranges::any_of(forecast.layer_state_bytes, [](uint64_t size) { return size > 0; });
}

void drawLayerTable(const MemoryForecast &forecast, const PartColour &colour_of,
                    const std::function<std::string(uint32_t layer)> &kind_of) {
    const bool states = hasStates(forecast);
    auto stateOf = [&](size_t layer) {
        return layer < forecast.layer_state_bytes.size() ? forecast.layer_state_bytes[layer] : 0;
    };
    uint64_t most_bytes = 1;
    for (size_t layer = 0; layer < forecast.layer_bytes.size(); ++layer)
        most_bytes = std::max(most_bytes, forecast.layer_bytes[layer] + stateOf(layer));
    if (!ImGui::BeginTable("layers", states ? 6 : 4, kTable))
        return;
    ImGui::TableSetupColumn(tr("Layer"), 0, 1);
    if (states)
        ImGui::TableSetupColumn(tr("Kind"), 0, 2.6F);
    ImGui::TableSetupColumn(tr("Cache"), 0, 1.5F);
    if (states)
        ImGui::TableSetupColumn(tr("State"), 0, 1.5F);
    ImGui::TableSetupColumn("##bar", 0, states ? 1.8F : 3);
    ImGui::TableSetupColumn(tr("Room (tokens)"), 0, 1.8F);
    ImGui::TableHeadersRow();
    auto size = [](uint64_t count) {
        ImGui::TableNextColumn();
        rightAligned(count > 0 ? bytes(count) : std::string("-"));
    };
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(forecast.layer_bytes.size()));
    while (clipper.Step())
        for (int row = clipper.DisplayStart; row < clipper.DisplayEnd; ++row) {
            const auto layer = static_cast<size_t>(row);
            const uint64_t cache = forecast.layer_bytes[layer], state = stateOf(layer);
            ImGui::TableNextRow();
            ImGui::TableNextColumn();
            ImGui::Text("%d", row);
            if (states) {
                ImGui::TableNextColumn();
                ImGui::TextUnformatted(kind_of(static_cast<uint32_t>(layer)).c_str());
            }
            size(cache);
            if (states)
                size(state);
            ImGui::TableNextColumn();
            bar(static_cast<double>(cache + state) / static_cast<double>(most_bytes),
                colour_of(cache > 0 || state == 0 ? "kv cache" : "recurrent state"));
            ImGui::TableNextColumn();
            if (cache == 0 && state > 0) // it holds any text
                rightAligned(tr("any"));
            else if (layer < forecast.layer_tokens.size())
                rightAligned(numberText(forecast.layer_tokens[layer]));
        }
    ImGui::EndTable();
}

} // namespace longscope::ui
