#include "ui/panels/document_find.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <chrono>
#include <format>
#include <utility>

namespace longscope::ui {
namespace {

constexpr double kFindSeconds = 0.002; ///< of a frame
constexpr size_t kFindBytes = 128 << 10;

std::string number(size_t value) {
    const std::string text = tokensText(value); // all digits
    return text.substr(0, text.find(' '));
}

} // namespace

void FindBar::open() {
    is_open_ = wants_focus_ = true;
}

void FindBar::close() {
    is_open_ = false;
    find_ = {};
    current_.reset();
}

std::string FindBar::countText() const {
    if (find_.words().empty())
        return {};
    const std::string count = number(find_.hits().size()) + (find_.isCut() ? "+" : "");
    if (!find_.done())
        return std::format("{} {}", count, tr("so far"));
    if (find_.hits().empty())
        return tr("Not found");
    return std::format("{} {} {}", number(current_.value_or(0) + 1), tr("of"), count);
}

void FindBar::goTo(TextView &view, size_t hit) {
    current_ = hit;
    origin_ = find_.hits()[hit];
    view.reveal(origin_);
}

void FindBar::step(TextView &view, int by) {
    const size_t hits = find_.hits().size();
    if (hits == 0)
        return;
    const size_t at = current_.value_or(by > 0 ? hits - 1 : 0);
    goTo(view, by > 0 ? (at + 1) % hits : (at + hits - 1) % hits);
}

/// Goes on searching; the first hit that is not before the place where one reads is shown.
void FindBar::search(TextView &view) {
    const std::string_view words = typed_.data();
    if (words != find_.words() || match_case_ != find_.matchesCase()) {
        if (!current_)
            origin_ = view.topByte();
        find_ = TextFind(*text_, words, match_case_);
        current_.reset();
    }
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(kFindSeconds);
    while (!find_.work(kFindBytes) && Clock::now() < until) {
    }
    if (current_)
        return;
    const auto hit = find_.hitFrom(origin_);
    if (hit && (find_.done() || find_.hits()[*hit] >= origin_))
        goTo(view, *hit);
}

void FindBar::draw(TextView &view, const std::shared_ptr<const std::string> &text) {
    if (!is_open_)
        return;
    if (text != text_) {
        find_ = {}; // before the text that it looks into goes
        current_.reset();
        text_ = text;
        origin_ = 0;
    }
    ImGui::PushID("find bar");
    const ImGuiStyle &style = ImGui::GetStyle();
    const float font = ImGui::GetFontSize(), gap = style.ItemInnerSpacing.x;
    const char *close_label = tr("Close");
    const float after_count = 2 * (ImGui::GetFrameHeight() + gap) + ImGui::CalcTextSize("Aa").x +
                              ImGui::CalcTextSize(close_label).x + 4 * style.FramePadding.x + gap;
    const float count_width = font * 7;
    const float right = ImGui::GetCursorPosX() + ImGui::GetContentRegionAvail().x;
    ImGui::SetNextItemWidth(std::max(font * 6, ImGui::GetContentRegionAvail().x - after_count -
                                                   count_width - style.ItemSpacing.x));
    if (std::exchange(wants_focus_, false))
        ImGui::SetKeyboardFocusHere();
    const bool entered = ImGui::InputTextWithHint(
        "##find", tr("Find in the document"), typed_.data(), typed_.size(),
        ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
    const bool backwards =
        ImGui::IsItemActive() && ImGui::IsKeyChordPressed(ImGuiMod_Shift | ImGuiKey_Enter);
    const bool left = ImGui::IsItemDeactivated() && ImGui::IsKeyPressed(ImGuiKey_Escape, false);
    search(view);
    if (entered || backwards) {
        step(view, ImGui::GetIO().KeyShift ? -1 : 1);
        ImGui::SetKeyboardFocusHere(-1);
    }
    ImGui::SameLine();
    const std::string count = countText();
    const bool missing = find_.done() && find_.hits().empty() && !find_.words().empty();
    ImGui::AlignTextToFramePadding();
    ImGui::TextColored(missing ? warning() : mutedText(), "%s", count.c_str());
    ImGui::SameLine(right - after_count, 0);
    ImGui::BeginDisabled(find_.hits().empty());
    if (ImGui::ArrowButton("##previous", ImGuiDir_Up))
        step(view, -1);
    ImGui::SetItemTooltip("%s", tr("The one before (Shift+Enter, Shift+F3)"));
    ImGui::SameLine(0, gap);
    if (ImGui::ArrowButton("##next", ImGuiDir_Down))
        step(view, 1);
    ImGui::SetItemTooltip("%s", tr("The next one (Enter, F3)"));
    ImGui::EndDisabled();
    ImGui::SameLine(0, gap);
    if (match_case_)
        ImGui::PushStyleColor(ImGuiCol_Button, ImGui::GetStyleColorVec4(ImGuiCol_Header));
    const bool was_matching = match_case_;
    if (ImGui::Button("Aa"))
        match_case_ = !match_case_;
    if (was_matching)
        ImGui::PopStyleColor();
    ImGui::SetItemTooltip("%s", match_case_ ? tr("Capital letters count")
                                            : tr("Capital letters do not count"));
    ImGui::SameLine(0, gap);
    if (ImGui::Button(close_label) || left)
        close();
    ImGui::PopID();
}

} // namespace longscope::ui
