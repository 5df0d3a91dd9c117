#include "ui/panels/document_outline.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui_internal.h>

#include <algorithm>

namespace longscope::ui {

size_t sectionAt(const Document &document, size_t byte) {
    const auto after = std::ranges::upper_bound(document.outline, byte, {}, &Section::start);
    return after == document.outline.begin()
               ? 0
               : static_cast<size_t>(after - document.outline.begin()) - 1;
}

void DocumentOutline::select(const Document &document) {
    passing_.clear();
    for (size_t i = 0; i < document.outline.size(); ++i)
        if (filter_.PassFilter(document.outline[i].title.c_str()))
            passing_.push_back(i);
}

std::optional<size_t> DocumentOutline::draw(const std::shared_ptr<const Document> &document,
                                            size_t current) {
    ImGui::SetNextItemWidth(-1);
    const bool edited = ImGui::InputTextWithHint("##filter", tr("Filter sections"),
                                                 filter_.InputBuf, IM_COUNTOF(filter_.InputBuf));
    if (edited)
        filter_.Build();
    if (edited || shown_.lock() != document) {
        shown_ = document;
        followed_ = SIZE_MAX;
        select(*document);
    }
    std::optional<size_t> clicked;
    if (ImGui::BeginChild("sections", {}, ImGuiChildFlags_NavFlattened)) {
        unsigned top_level = 9;
        for (const Section &section : document->outline)
            top_level = std::min(top_level, std::max(section.level, 1U));
        const auto place = std::ranges::find(passing_, current);
        ImGuiListClipper clipper;
        clipper.Begin(static_cast<int>(passing_.size()));
        if (followed_ != current && place != passing_.end())
            clipper.IncludeItemByIndex(static_cast<int>(place - passing_.begin()));
        while (clipper.Step())
            for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
                const size_t index = passing_[static_cast<size_t>(i)];
                ImGui::PushID(static_cast<int>(index));
                if (drawRow(document->outline[index], index == current, top_level))
                    clicked = index;
                if (index == current && followed_ != current)
                    ImGui::ScrollToItem(ImGuiScrollFlags_KeepVisibleEdgeY);
                ImGui::PopID();
            }
        followed_ = current;
        if (passing_.empty())
            ImGui::TextDisabled("%s", tr("No section has that in its title."));
    }
    ImGui::EndChild();
    return clicked;
}

bool DocumentOutline::drawRow(const Section &section, bool is_current, unsigned top_level) const {
    const float font = ImGui::GetFontSize();
    const std::string tokens = section.tokens ? countText(static_cast<double>(section.tokens)) : "";
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float right = at.x + ImGui::GetContentRegionAvail().x - font * 0.3F;
    const bool clicked = ImGui::Selectable("##section", is_current);
    const ImRect box{{at.x, ImGui::GetItemRectMin().y}, ImGui::GetItemRectMax()};
    ImDrawList *list = ImGui::GetWindowDrawList();
    const float indent =
        font * 0.9F * static_cast<float>(std::max(section.level, top_level) - top_level);
    const float number = ImGui::CalcTextSize(tokens.c_str()).x;
    const ImVec2 from{at.x + font * 0.5F + indent, at.y};
    const ImVec2 to{std::max(right - number - font * 0.6F, from.x), box.Max.y};
    const ImU32 muted = ImGui::GetColorU32(mutedText());
    if (is_current)
        list->AddRectFilled(box.Min, {box.Min.x + std::max(2.0F, font * 0.15F), box.Max.y},
                            ImGui::GetColorU32(accent()));
    const char *title = section.level == 0 ? tr("Beginning") : section.title.c_str();
    const ImVec2 size = ImGui::CalcTextSize(title);
    ImGui::RenderTextEllipsis(list, from, to, to.x, title, nullptr, &size);
    list->AddText({right - number, from.y}, muted, tokens.c_str());
    if (ImGui::IsItemHovered(ImGuiHoveredFlags_DelayNormal) && size.x > to.x - from.x)
        ImGui::SetTooltip("%s", title);
    return clicked;
}

} // namespace longscope::ui
