// The marked places of a document: their colours, the row that steps through them.
#include "ui/panels/document.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

constexpr MarkKind kMarkKinds[] = {MarkKind::source, MarkKind::attention, MarkKind::survivor};

MarkGround groundOf(MarkKind kind) {
    switch (kind) {
    case MarkKind::source:
        return MarkGround::source;
    case MarkKind::attention:
        return MarkGround::attention;
    case MarkKind::survivor:
        return MarkGround::survivor;
    }
    return MarkGround::source;
}
const char *nameOf(MarkKind kind) {
    switch (kind) {
    case MarkKind::source:
        return tr("Source");
    case MarkKind::attention:
        return tr("Attention");
    case MarkKind::survivor:
        return tr("Kept in the cache");
    }
    return "";
}

} // namespace

/// Without names where they would take the room, `more`, of what comes behind: rows that come and
/// go with the marks would move the text.
void DocumentPanel::drawMarkLegend(float more) const {
    const float font = ImGui::GetFontSize(), gap = ImGui::GetStyle().ItemInnerSpacing.x;
    const float side = std::round(font * 0.7F), top = (ImGui::GetFrameHeight() - side) / 2;
    float named = more;
    for (const MarkKind kind : kMarkKinds)
        if (has_kind_[static_cast<size_t>(kind)])
            named +=
                side + gap + ImGui::CalcTextSize(nameOf(kind)).x + ImGui::GetStyle().ItemSpacing.x;
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    const bool has_names = ImGui::GetItemRectMax().x + named <= right;
    for (const MarkKind kind : kMarkKinds) {
        if (!has_kind_[static_cast<size_t>(kind)])
            continue;
        ImVec4 colour = markColour(groundOf(kind));
        colour.w = 1;
        sameLineIfFits(side + (has_names ? gap + ImGui::CalcTextSize(nameOf(kind)).x : 0));
        const ImVec2 at = ImGui::GetCursorScreenPos();
        ImGui::GetWindowDrawList()->AddRectFilled({at.x, at.y + top},
                                                  {at.x + side, at.y + top + side},
                                                  ImGui::GetColorU32(colour), side / 5);
        ImGui::Dummy({side, ImGui::GetFrameHeight()});
        ImGui::SetItemTooltip("%s", nameOf(kind));
        if (!has_names)
            continue;
        ImGui::SameLine(0, gap);
        ImGui::AlignTextToFramePadding();
        ImGui::TextUnformatted(nameOf(kind));
    }
}

void DocumentPanel::drawMarkTools(const Document &document, CommandQueue &commands) {
    const float gap = ImGui::GetStyle().ItemInnerSpacing.x;
    const std::string place = mark_ ? std::format("{} {} {}", *mark_ + 1, tr("of"), marks_.size())
                                    : std::format("{} {}", marks_.size(),
                                                  marks_.size() == 1 ? tr("place") : tr("places"));
    const float steps =
        2 * ImGui::GetFrameHeight() + 2 * gap + ImGui::CalcTextSize(place.c_str()).x;
    drawMarkLegend(steps + buttonWidth(tr("Clear marks")) + 2 * ImGui::GetStyle().ItemSpacing.x);
    sameLineIfFits(steps);
    if (ImGui::ArrowButton("##previous mark", ImGuiDir_Up))
        stepMark(-1);
    ImGui::SetItemTooltip("%s", tr("The marked place before"));
    ImGui::SameLine(0, gap);
    if (ImGui::ArrowButton("##next mark", ImGuiDir_Down))
        stepMark(1);
    ImGui::SetItemTooltip("%s", tr("The next marked place"));
    ImGui::SameLine(0, gap);
    ImGui::AlignTextToFramePadding();
    ImGui::TextColored(mutedText(), "%s", place.c_str());
    sameLineIfFits(buttonWidth(tr("Clear marks")));
    if (ImGui::Button(tr("Clear marks")))
        commands.push(command::MarkDocument{document.id, {}});
}

void DocumentPanel::takeMarks(const Documents &documents) {
    const auto marks = documents.marked == documents.current ? documents.marks : nullptr;
    if (marks == taken_marks_ && marks_theme_ == themeKind())
        return;
    if (marks != taken_marks_)
        mark_.reset();
    taken_marks_ = marks;
    marks_theme_ = themeKind();
    marks_.clear();
    std::ranges::fill(has_kind_, false);
    if (marks)
        for (const Mark &mark : *marks) {
            ImVec4 colour = markColour(groundOf(mark.kind));
            colour.w *= 0.3F + 0.7F * std::clamp(mark.weight, 0.0F, 1.0F);
            marks_.push_back(
                {mark.start, mark.end, ImGui::ColorConvertFloat4ToU32(colour), mark.note});
            has_kind_[static_cast<size_t>(mark.kind)] = true;
        }
    std::ranges::stable_sort(marks_, {}, &TextMark::start);
    mark_ends_ = markEnds(marks_);
}

void DocumentPanel::stepMark(int by) {
    const size_t count = marks_.size();
    if (!mark_) { // the next one from where one reads
        const auto after =
            std::ranges::lower_bound(marks_, shown_->view.topByte(), {}, &TextMark::start);
        const auto next = static_cast<size_t>(after - marks_.begin());
        mark_ = by > 0 ? next % count : (next + count - 1) % count;
    } else {
        mark_ = by > 0 ? (*mark_ + 1) % count : (*mark_ + count - 1) % count;
    }
    shown_->view.jumpTo(marks_[*mark_].start);
}

} // namespace longscope::ui
