#include "ui/widgets/token_strip.h"

#include "ui/theme.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace longscope::ui {
namespace {

constexpr size_t kPiecesAFrame = 20'000; ///< laying out this many takes a few milliseconds

std::string_view pieceOf(const TokenStripLook &look, size_t piece) {
    const size_t start = look.starts[piece];
    const size_t end = piece + 1 < look.starts.size() ? look.starts[piece + 1] : look.text.size();
    return look.text.substr(start, end - start);
}

std::string_view firstLine(std::string_view piece) {
    return piece.substr(0, piece.find('\n'));
}

float widthOf(std::string_view text) {
    if (text.empty())
        return 0.4F * ImGui::GetFontSize(); // so that it can be seen and clicked
    return ImGui::CalcTextSize(text.data(), text.data() + text.size()).x;
}

ImU32 groundOf(float level) {
    ImVec4 colour = accent();
    colour.w = 0.75F * level;
    return ImGui::GetColorU32(colour);
}

} // namespace

void TokenStrip::layOut(const TokenStripLook &look, float width) {
    if (look.text.data() != text_ || look.text.size() != text_bytes_ || width != width_ ||
        ImGui::GetFontSize() != font_size_) {
        rows_.clear();
        laid_out_ = 0;
        x_ = 0;
        text_ = look.text.data();
        text_bytes_ = look.text.size();
        width_ = width;
        font_size_ = ImGui::GetFontSize();
    }
    const size_t end = std::min(look.starts.size(), laid_out_ + kPiecesAFrame);
    laying_out_ = end < look.starts.size();
    for (; laid_out_ < end; ++laid_out_) {
        const std::string_view piece = pieceOf(look, laid_out_);
        const float piece_width = widthOf(firstLine(piece));
        if (rows_.empty() || x_ + piece_width > width) {
            rows_.push_back(laid_out_);
            x_ = 0;
        }
        x_ = piece.find('\n') != piece.npos ? width + 1 : x_ + piece_width;
    }
}

void TokenStrip::drawRow(const TokenStripLook &look, size_t row, TokenStripEvents &events) const {
    const float em = ImGui::GetFontSize(), height = ImGui::GetTextLineHeightWithSpacing();
    ImDrawList &list = *ImGui::GetWindowDrawList();
    ImVec2 at = ImGui::GetCursorScreenPos();
    const size_t end = std::min(row + 1 < rows_.size() ? rows_[row + 1] : laid_out_, look.pieces);
    const bool window_hovered = ImGui::IsWindowHovered();
    for (size_t piece = rows_[row]; piece < end; ++piece) {
        const std::string_view text = firstLine(pieceOf(look, piece));
        const ImVec2 corner = {at.x + widthOf(text), at.y + height};
        const float level = piece < look.levels.size() ? look.levels[piece] : 0;
        if (level > 0.01F)
            list.AddRectFilled(at, corner, groundOf(level));
        if (look.chosen == piece)
            list.AddRect(at, corner, ImGui::GetColorU32(ImGuiCol_Text), 0.2F * em, 0.1F * em);
        if (window_hovered && ImGui::IsMouseHoveringRect(at, corner)) {
            events.hovered = piece;
            list.AddRect(at, corner, ImGui::GetColorU32(accent()), 0.2F * em, 0.08F * em);
            if (ImGui::IsMouseClicked(0))
                events.clicked = piece;
        }
        list.AddText({at.x, at.y + (height - ImGui::GetTextLineHeight()) / 2},
                     ImGui::GetColorU32(ImGuiCol_Text), text.data(), text.data() + text.size());
        at.x = corner.x;
    }
}

TokenStripEvents TokenStrip::draw(const char *id, const TokenStripLook &look) {
    TokenStripEvents events;
    if (!ImGui::BeginChild(id, look.size, ImGuiChildFlags_Borders)) {
        ImGui::EndChild();
        return events;
    }
    layOut(look, ImGui::GetContentRegionAvail().x);
    const auto past = std::ranges::lower_bound(rows_, look.pieces);
    const auto rows = static_cast<int>(past - rows_.begin());
    const float height = ImGui::GetTextLineHeightWithSpacing();
    if (scroll_to_ && *scroll_to_ < laid_out_) {
        const auto row = std::ranges::upper_bound(rows_, *scroll_to_) - rows_.begin() - 1;
        ImGui::SetScrollY(
            std::max(0.F, static_cast<float>(row) * height - ImGui::GetWindowHeight() / 2));
        scroll_to_.reset();
    }
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {0, 0});
    ImGuiListClipper clipper;
    clipper.Begin(rows, height);
    while (clipper.Step())
        for (int row = clipper.DisplayStart; row < clipper.DisplayEnd; ++row) {
            drawRow(look, static_cast<size_t>(row), events);
            ImGui::Dummy({1, height});
        }
    ImGui::PopStyleVar();
    ImGui::EndChild();
    return events;
}

std::optional<size_t> drawArcs(const char *id, ImVec2 size, uint64_t from,
                               std::span<const TokenArc> arcs) {
    const float em = ImGui::GetFontSize();
    const ImVec2 start = ImGui::GetCursorScreenPos();
    ImGui::PushID(id);
    ImGui::InvisibleButton("arcs", size);
    ImGui::PopID();
    const bool hovered = ImGui::IsItemHovered();
    ImDrawList &list = *ImGui::GetWindowDrawList();
    const ImU32 muted = ImGui::GetColorU32(mutedText());
    const float left = start.x + em, right = start.x + size.x - em;
    const float base = start.y + size.y - 1.5F * em;
    auto x = [&](uint64_t piece) {
        return left + (right - left) * static_cast<float>(piece) /
                          static_cast<float>(std::max<uint64_t>(1, from));
    };
    list.AddLine({left, base}, {right, base}, muted);
    const uint64_t step = niceStep(from + 1, static_cast<uint32_t>(size.x / (6 * em)) + 1);
    for (uint64_t tick = 0; tick <= from; tick += step) {
        const std::string label = numberText(tick);
        const float width = ImGui::CalcTextSize(label.c_str()).x;
        list.AddLine({x(tick), base}, {x(tick), base + 0.25F * em}, muted);
        list.AddText(
            {std::clamp(x(tick) - width / 2, start.x, start.x + size.x - width), base + 0.3F * em},
            muted, label.c_str());
    }
    std::optional<size_t> nearest;
    float distance = 0.6F * em;
    for (size_t i = 0; hovered && i < arcs.size(); ++i) {
        const float away = std::abs(ImGui::GetIO().MousePos.x - x(arcs[i].to));
        if (away < distance) {
            distance = away;
            nearest = i;
        }
    }
    for (size_t i = 0; i < arcs.size(); ++i) {
        const float a = x(arcs[i].to), b = x(from);
        const float rise =
            (base - start.y) * (0.35F + 0.65F * std::sqrt((b - a) / (right - left))) * 1.25F;
        ImVec4 colour = accent();
        colour.w = nearest && nearest != i ? 0.15F : 0.25F + 0.75F * arcs[i].strength;
        list.AddBezierCubic({a, base}, {a, base - rise}, {b, base - rise}, {b, base},
                            ImGui::GetColorU32(colour), em * (0.06F + 0.18F * arcs[i].strength));
    }
    return nearest;
}

} // namespace longscope::ui
