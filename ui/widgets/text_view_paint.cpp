// What TextView draws: grounds, rows, ticks, and the words on hover.
#include "ui/strings.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/text_view_frame.h"

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

ImU32 faded(ImU32 colour, float by) {
    ImVec4 channels = ImGui::ColorConvertU32ToFloat4(colour);
    channels.w *= by;
    return ImGui::ColorConvertFloat4ToU32(channels);
}
/// As seen on an edge, where a translucent ground would be too pale.
ImU32 solid(ImU32 colour) {
    return colour | IM_COL32_A_MASK;
}

/// Signs that cannot be seen, by name or number.
std::string readable(std::string_view bytes) {
    std::string out;
    for (const char byte : bytes) {
        if (byte == '\n')
            out += "\\n";
        else if (byte == '\t')
            out += "\\t";
        else if (static_cast<unsigned char>(byte) < 0x20)
            out += std::format("\\x{:02x}", static_cast<unsigned char>(byte));
        else
            out += byte;
    }
    return out;
}

std::string hexBytes(std::string_view bytes) {
    constexpr size_t kMost = 16;
    std::string out;
    for (const char byte : bytes.substr(0, kMost))
        out += std::format("{}{:02x}", out.empty() ? "" : " ", static_cast<unsigned char>(byte));
    return bytes.size() > kMost ? out + " ..." : out;
}

/// The first of the sorted marks that may reach beyond `byte`.
size_t firstMark(const TextDecor &decor, size_t byte) {
    const auto found = std::ranges::upper_bound(decor.mark_ends, byte);
    return static_cast<size_t>(found - decor.mark_ends.begin());
}

} // namespace

std::vector<size_t> markEnds(std::span<const TextMark> marks) {
    std::vector<size_t> ends;
    ends.reserve(marks.size());
    size_t most = 0;
    for (const TextMark &mark : marks)
        ends.push_back(most = std::max(most, mark.end));
    return ends;
}

TextView::Geometry TextView::makeGeometry() {
    const float font = ImGui::GetFontSize();
    const float bar = ImGui::GetStyle().ScrollbarSize, ticks = std::round(font * 0.35F);
    const ImVec2 origin = ImGui::GetCursorScreenPos(), size = ImGui::GetContentRegionAvail();
    Geometry geometry;
    geometry.row_height = std::round(font * 1.4F);
    geometry.child = {origin, {origin.x + size.x, origin.y + size.y}};
    geometry.scroll_bar = geometry.ribbon = geometry.text = geometry.child;
    geometry.scroll_bar.Min.x = geometry.ribbon.Max.x = geometry.child.Max.x - bar;
    geometry.ribbon.Min.x = geometry.ribbon.Max.x - ticks;
    geometry.text.Min.x += std::round(font * 0.5F);
    geometry.text.Max.x = geometry.ribbon.Min.x - std::round(font * 0.3F);
    geometry.text.Max.x = std::max(geometry.text.Max.x, geometry.text.Min.x + font * 2);
    geometry.text.Max.y = std::max(geometry.text.Max.y, geometry.text.Min.y + 1);
    return geometry;
}

void TextView::paint(const Geometry &geometry, const TextDecor &decor) const {
    ImDrawList *list = ImGui::GetWindowDrawList();
    list->PushClipRect(geometry.child.Min, {geometry.ribbon.Min.x, geometry.child.Max.y}, true);
    paintFlash(geometry, decor.flash_colour);
    const ImU32 colour = ImGui::GetColorU32(ImGuiCol_Text);
    const float inset = std::floor((row_height_ - ImGui::GetFontSize()) / 2);
    // Another font would be wider than what was wrapped.
    const float stroke = std::max(1.0F, std::round(ImGui::GetFontSize() / 20));
    for (const SeenRow &row : seen_) {
        paintTokens(row, decor);
        paintMarks(row, decor);
        paintHits(row, decor);
        if (selected_ < selected_end_)
            paintGround(row, selected_, selected_end_, decor.selection_colour);
        const char *begin = text_->data() + row.start, *end = text_->data() + row.end;
        list->AddText({left_, row.y + inset}, colour, begin, end);
        const auto heading =
            std::ranges::upper_bound(decor.headings, row.start, {}, &TextStretch::end);
        if (heading != decor.headings.end() && heading->start <= row.start)
            list->AddText({left_ + stroke, row.y + inset}, colour, begin, end);
    }
    list->PopClipRect();
    paintRibbon(geometry, decor);
}

void TextView::paintGround(const SeenRow &row, size_t start, size_t end, ImU32 colour) const {
    if (start >= row.next || end <= row.start)
        return;
    const float from = xOf(row, start);
    float to = xOf(row, end);
    if (end > row.end && row.next > row.end) // the end of the line is part of it
        to += std::round(ImGui::GetFontSize() * 0.35F);
    if (to > from)
        ImGui::GetWindowDrawList()->AddRectFilled({from, row.y}, {to, row.y + row_height_}, colour);
}

void TextView::paintMarks(const SeenRow &row, const TextDecor &decor) const {
    for (size_t i = firstMark(decor, row.start); i < decor.marks.size(); ++i) {
        const TextMark &mark = decor.marks[i];
        if (mark.start >= row.next)
            break;
        paintGround(row, mark.start, std::min(mark.end, row.end), mark.colour);
    }
}

void TextView::paintHits(const SeenRow &row, const TextDecor &decor) const {
    const size_t from = row.start - std::min(row.start, decor.hit_bytes);
    const auto first = std::ranges::upper_bound(decor.hits, from);
    for (auto hit = first == decor.hits.begin() ? first : first - 1;
         hit != decor.hits.end() && *hit < row.end; ++hit) {
        const auto index = static_cast<size_t>(hit - decor.hits.begin());
        const bool is_current = decor.current_hit == index;
        paintGround(row, *hit, *hit + decor.hit_bytes,
                    is_current ? decor.current_hit_colour : decor.hit_colour);
    }
}

/// Every other token has a ground, so that borders are seen without lines through the words.
void TextView::paintTokens(const SeenRow &row, const TextDecor &decor) const {
    if (decor.tokens.empty())
        return;
    const auto after = std::ranges::upper_bound(decor.tokens, row.start);
    auto token = static_cast<size_t>(after - decor.tokens.begin());
    token -= token > 0 ? 1 : 0;
    for (; token < decor.tokens.size() && decor.tokens[token] < row.end; ++token) {
        const size_t end =
            token + 1 < decor.tokens.size() ? decor.tokens[token + 1] : text_->size();
        if (token % 2 == 1)
            paintGround(row, decor.tokens[token], std::min(end, row.end), decor.token_colour);
    }
}

void TextView::paintFlash(const Geometry &geometry, ImU32 colour) const {
    const double left = flash_until_ - now_;
    if (left <= 0)
        return;
    for (const SeenRow &row : seen_)
        if (flash_byte_ >= row.start && (flash_byte_ < row.next || row.next == text_->size()))
            ImGui::GetWindowDrawList()->AddRectFilled(
                {geometry.child.Min.x, row.y}, {geometry.text.Max.x, row.y + row_height_},
                faded(colour, std::min(1.0F, static_cast<float>(left))));
}

void TextView::paintRibbon(const Geometry &geometry, const TextDecor &decor) const {
    const ImRect &box = geometry.ribbon;
    const float thick = std::max(2.0F, std::round(ImGui::GetFontSize() * 0.15F));
    ImDrawList *list = ImGui::GetWindowDrawList();
    const auto ticks = static_cast<size_t>(box.GetHeight() / thick);
    const size_t rows = rows_.rows();
    size_t from = 0;
    for (size_t tick = 0; tick < ticks; ++tick) {
        const size_t to = tick + 1 == ticks
                              ? text_->size() + 1
                              : rows_.start(std::min((tick + 1) * rows / ticks, rows - 1));
        ImU32 colour = 0;
        if (const size_t mark = firstMark(decor, from);
            mark < decor.marks.size() && decor.marks[mark].start < to)
            colour = solid(decor.marks[mark].colour);
        if (const auto hit = std::ranges::lower_bound(decor.hits, from);
            hit != decor.hits.end() && *hit < to)
            colour = solid(decor.hit_colour);
        const float y = box.Min.y + static_cast<float>(tick) * thick;
        if (colour)
            list->AddRectFilled({box.Min.x, y}, {box.Max.x, y + thick}, colour);
        from = std::max(from, to);
    }
}

void TextView::describeHovered(const TextDecor &decor) const {
    std::string lines;
    for (size_t i = firstMark(decor, *hovered_); i < decor.marks.size(); ++i) {
        const TextMark &mark = decor.marks[i];
        if (mark.start > *hovered_)
            break;
        if (mark.end > *hovered_ && !mark.note.empty() && lines.size() < 400)
            lines += (lines.empty() ? "" : "\n") + mark.note;
    }
    const auto after = std::ranges::upper_bound(decor.tokens, *hovered_);
    if (after != decor.tokens.begin()) {
        const auto token = static_cast<size_t>(after - decor.tokens.begin()) - 1;
        const size_t start = decor.tokens[token];
        const size_t end = after == decor.tokens.end() ? text_->size() : *after;
        const std::string_view bytes = std::string_view(*text_).substr(start, end - start);
        lines += std::format("{}{} {} {} {}\n\"{}\"\n{} {}", lines.empty() ? "" : "\n\n",
                             tr("Token"), countText(static_cast<double>(token + 1)), tr("of"),
                             countText(static_cast<double>(decor.tokens.size())),
                             readable(bytes.substr(0, 80)), tr("Bytes:"), hexBytes(bytes));
    }
    if (!lines.empty() && !dragging_)
        ImGui::SetTooltip("%s", lines.c_str());
}

} // namespace longscope::ui
