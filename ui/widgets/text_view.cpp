#include "ui/widgets/text_view.h"

#include "ui/strings.h"
#include "ui/widgets/text_view_frame.h"

#include <imgui_internal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

namespace longscope::ui {
namespace {

constexpr double kWrapSeconds = 0.0025; ///< of a frame; 10 MB take some twenty of them
constexpr size_t kWrapBytes = 64 << 10; ///< between two looks at the clock
constexpr double kFlashSeconds = 1.2;

float advanceOf(char32_t code, void *font) {
    return static_cast<ImFontBaked *>(font)->GetCharAdvance(static_cast<ImWchar>(code));
}

/// Of the current font. Ideographs are as wide as one of them: asking for each would load it.
Advances fontAdvances() {
    ImFontBaked *font = ImGui::GetFontBaked();
    Advances advances;
    for (unsigned code = 0; code < advances.ascii.size(); ++code)
        advances.ascii[code] = font->GetCharAdvance(code);
    advances.ascii['\n'] = advances.ascii['\r'] = 0;
    advances.wide = font->GetCharAdvance(0x4E00);
    advances.other = advanceOf;
    advances.font = font;
    return advances;
}

void workFor(RowIndex &rows, const Advances &advances, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!rows.work(advances, kWrapBytes) && Clock::now() < until) {
    }
}

} // namespace

void TextView::setText(std::shared_ptr<const std::string> text) {
    if (text == text_)
        return;
    *this = TextView();
    text_ = std::move(text);
}

/// The old rows stay until the new ones are complete; a new text is shown as far as it is wrapped.
void TextView::wrap(float width) {
    const Advances advances = fontAdvances();
    if (!is_wrapping_) {
        is_wrapping_ = true;
        rows_ = RowIndex(*text_, width, advances);
    } else if (rows_.isFor(width, advances)) {
        pending_.reset();
    } else if (!pending_ || !pending_->isFor(width, advances)) {
        pending_ = RowIndex(*text_, width, advances);
    }
    workFor(pending_ ? *pending_ : rows_, advances, kWrapSeconds);
    if (pending_ && pending_->done()) {
        const size_t top = topByte();
        const auto within = static_cast<ImS64>(scroll_ % static_cast<ImS64>(row_height_));
        rows_ = std::move(*pending_);
        pending_.reset();
        scroll_ = static_cast<ImS64>(rows_.rowOf(top)) * static_cast<ImS64>(row_height_) + within;
    }
}

ImS64 TextView::mostScroll() const {
    const auto rows = static_cast<ImS64>(rows_.rows());
    return std::max<ImS64>(0, rows * static_cast<ImS64>(row_height_) -
                                  static_cast<ImS64>(view_height_));
}

void TextView::scrollTo(ImS64 pixels) {
    scroll_ = std::clamp<ImS64>(pixels, 0, mostScroll());
}

size_t TextView::topByte() const {
    return rows_.start(static_cast<size_t>(scroll_ / static_cast<ImS64>(row_height_)));
}

/// A quarter down; at both ends of the text the place moves so that every row can be it.
size_t TextView::readingByte() const {
    const auto height = static_cast<ImS64>(view_height_);
    const ImS64 most = mostScroll(), left = most - scroll_;
    ImS64 down = std::max(std::min(scroll_, height / 4), height - left);
    if (most < height)
        down = most > 0 ? height * scroll_ / most : 0;
    const auto row = static_cast<size_t>((scroll_ + down) / static_cast<ImS64>(row_height_));
    return rows_.start(std::min(row, rows_.rows() - 1));
}

std::optional<size_t> TextView::lastByteSeen() const {
    return seen_.empty() ? std::nullopt : std::optional(seen_.back().next);
}

void TextView::jumpTo(size_t byte, bool flash) {
    jump_ = signStart(*text_, byte);
    flash_wanted_ = flash;
}

void TextView::reveal(size_t byte) {
    if (seen_.size() < 3 || byte < seen_[1].start || byte >= seen_[seen_.size() - 2].next)
        jumpTo(byte, false);
}

void TextView::handleJump(const Geometry &geometry) {
    if (!jump_ || (!rows_.done() && rows_.doneBytes() <= *jump_))
        return;
    const auto row = static_cast<ImS64>(rows_.rowOf(*jump_));
    scrollTo(row * static_cast<ImS64>(row_height_) -
             static_cast<ImS64>(geometry.text.GetHeight() / 4));
    if (flash_wanted_) {
        flash_byte_ = *jump_;
        flash_until_ = now_ + kFlashSeconds;
    }
    jump_.reset();
}

bool TextView::animating() const {
    return is_visible_ && (!isWrapped() || jump_ || drags_out_ || now_ < flash_until_);
}

void TextView::draw(const char *id, ImVec2 size, const TextDecor &decor) {
    constexpr ImGuiWindowFlags kFlags =
        ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse;
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0, 0));
    is_visible_ = ImGui::BeginChild(id, size, ImGuiChildFlags_None, kFlags);
    ImGui::PopStyleVar();
    now_ = ImGui::GetTime();
    if (is_visible_) {
        const Geometry geometry = makeGeometry();
        if (const float height = geometry.row_height; height != row_height_) {
            scroll_ = scroll_ / static_cast<ImS64>(row_height_) * static_cast<ImS64>(height);
            row_height_ = height;
        }
        view_height_ = geometry.text.GetHeight();
        left_ = geometry.text.Min.x;
        wrap(geometry.text.GetWidth());
        handleJump(geometry);
        handleMouse(geometry);
        handleKeys(geometry);
        ImS64 wanted = std::clamp<ImS64>(scroll_, 0, mostScroll());
        ImGui::ScrollbarEx(geometry.scroll_bar, ImGui::GetID("##scroll"), ImGuiAxis_Y, &wanted,
                           static_cast<ImS64>(view_height_),
                           static_cast<ImS64>(rows_.rows()) * static_cast<ImS64>(row_height_));
        scrollTo(wanted);
        layOut(geometry);
        paint(geometry, decor);
        if (hovered_)
            describeHovered(decor);
    }
    ImGui::EndChild();
}

/// Where the characters of the rows that are seen stand; as Dear ImGui draws them.
void TextView::layOut(const Geometry &geometry) {
    seen_.clear();
    xs_.clear();
    const auto height = static_cast<ImS64>(row_height_);
    auto row = static_cast<size_t>(scroll_ / height);
    float y = geometry.text.Min.y - static_cast<float>(scroll_ % height);
    ImFontBaked *font = ImGui::GetFontBaked();
    for (; row < rows_.rows() && y < geometry.text.Max.y; ++row, y += row_height_) {
        const SeenRow seen{rows_.start(row), rows_.visibleEnd(row), rows_.end(row), xs_.size(), y};
        float x = left_;
        for (size_t i = seen.start; i < seen.end;) {
            const Sign sign = signAt(*text_, i);
            xs_.insert(xs_.end(), sign.bytes, x);
            if (sign.code != U'\r' && sign.code != U'\n')
                x += font->GetCharAdvance(static_cast<ImWchar>(sign.code));
            i += sign.bytes;
        }
        xs_.resize(seen.first_x + (seen.end - seen.start)); // a sign never hangs over its row
        xs_.push_back(x);
        seen_.push_back(seen);
    }
}

float TextView::xOf(const SeenRow &row, size_t byte) const {
    return xs_[row.first_x + std::clamp(byte, row.start, row.end) - row.start];
}

const TextView::SeenRow *TextView::rowAt(float y) const {
    if (seen_.empty())
        return nullptr;
    const float rows = (y - seen_.front().y) / row_height_;
    const float last = static_cast<float>(seen_.size() - 1);
    return &seen_[static_cast<size_t>(std::clamp(std::floor(rows), 0.0F, last))];
}

size_t TextView::byteAt(ImVec2 point) const {
    const SeenRow *row = rowAt(point.y);
    if (!row)
        return 0;
    size_t byte = row->start;
    while (byte < row->end) {
        const size_t next = byte + signAt(*text_, byte).bytes;
        if (point.x < (xOf(*row, byte) + xOf(*row, next)) / 2)
            break;
        byte = next;
    }
    return std::min(byte, row->end);
}

std::optional<size_t> TextView::signUnder(ImVec2 point) const {
    const SeenRow *row = rowAt(point.y);
    if (!row || point.y < row->y || point.y >= row->y + row_height_)
        return std::nullopt;
    for (size_t byte = row->start; byte < row->end;) {
        const size_t next = byte + signAt(*text_, byte).bytes;
        if (point.x >= xOf(*row, byte) && point.x < xOf(*row, next))
            return byte;
        byte = next;
    }
    return std::nullopt;
}

// ---- selection ---------------------------------------------------------------------------------

ByteRange TextView::selection() const {
    return {selected_, selected_end_};
}

std::string TextView::selectedText() const {
    return text_->substr(selected_, selected_end_ - selected_);
}

void TextView::select(size_t start, size_t end) {
    selected_ = signStart(*text_, std::min(start, end));
    selected_end_ = signStart(*text_, std::max(start, end));
    anchor_ = selected_;
    anchor_end_ = grain_ == Grain::sign ? selected_ : selected_end_;
}

void TextView::dragTo(size_t byte) {
    ByteRange range{byte, byte};
    if (grain_ == Grain::word)
        range = wordAt(*text_, byte);
    if (grain_ == Grain::line)
        range = lineAt(*text_, byte);
    selected_ = std::min(anchor_, range.first);
    selected_end_ = std::max(anchor_end_, range.second);
}

void TextView::handleMouse(const Geometry &geometry) {
    ImGui::SetCursorScreenPos(geometry.text.Min);
    ImGui::InvisibleButton("##text", geometry.text.GetSize(), ImGuiButtonFlags_EnableNav);
    const bool over = ImGui::IsItemHovered();
    const ImGuiIO &io = ImGui::GetIO();
    hovered_ = over ? signUnder(io.MousePos) : std::nullopt;
    if (over || ImGui::IsItemActive())
        ImGui::SetMouseCursor(ImGuiMouseCursor_TextInput);
    if (ImGui::SetItemKeyOwner(ImGuiKey_MouseWheelY);
        ImGui::IsWindowHovered() && io.MouseWheel != 0)
        scroll_ -= static_cast<ImS64>(std::lround(io.MouseWheel * 3 * row_height_));

    // Positions are of the frame before, which is what the mouse saw.
    if (ImGui::IsItemActivated() && ImGui::IsMouseClicked(ImGuiMouseButton_Left)) {
        const int clicks = io.MouseClickedCount[ImGuiMouseButton_Left];
        grain_ = clicks >= 3 ? Grain::line : clicks == 2 ? Grain::word : Grain::sign;
        const size_t byte = grain_ == Grain::sign
                                ? byteAt(io.MousePos)
                                : signUnder(io.MousePos).value_or(byteAt(io.MousePos));
        if (!io.KeyShift) {
            anchor_ = anchor_end_ = byte;
            if (grain_ != Grain::sign)
                std::tie(anchor_, anchor_end_) =
                    grain_ == Grain::word ? wordAt(*text_, byte) : lineAt(*text_, byte);
        }
        dragging_ = true;
        dragTo(byte);
    }
    dragging_ = dragging_ && ImGui::IsItemActive();
    const float above = geometry.text.Min.y - io.MousePos.y;
    const float below = io.MousePos.y - geometry.text.Max.y;
    drags_out_ = dragging_ && std::max(above, below) > 0;
    if (drags_out_) // the further out, the faster
        scroll_ += static_cast<ImS64>(std::lround((below > 0 ? below : -above) * 0.3F));
    if (dragging_ && (drags_out_ || io.MouseDelta.x != 0 || io.MouseDelta.y != 0))
        dragTo(byteAt(io.MousePos));
    drawMenu();
}

void TextView::drawMenu() {
    if (!ImGui::BeginPopupContextItem("menu"))
        return;
    if (ImGui::MenuItem(tr("Copy"), "Ctrl+C", false, selected_ < selected_end_))
        ImGui::SetClipboardText(selectedText().c_str());
    if (ImGui::MenuItem(tr("Select all"), "Ctrl+A", false, !text_->empty()))
        select(0, text_->size());
    ImGui::EndPopup();
}

void TextView::handleKeys(const Geometry &geometry) {
    if (!ImGui::IsWindowFocused())
        return;
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_A))
        select(0, text_->size());
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_C) && selected_ < selected_end_)
        ImGui::SetClipboardText(selectedText().c_str());
    // These keys are ours while the text has the focus: else they would move it elsewhere.
    const ImGuiID owner = ImGui::GetID("##text");
    const auto pressed = [&](ImGuiKey key) {
        ImGui::SetKeyOwner(key, owner);
        return ImGui::IsKeyPressed(key, ImGuiInputFlags_Repeat, owner);
    };
    const auto row = static_cast<ImS64>(row_height_);
    const auto page = std::max(row, static_cast<ImS64>(geometry.text.GetHeight()) - row);
    const bool up = pressed(ImGuiKey_UpArrow), down = pressed(ImGuiKey_DownArrow);
    const bool page_up = pressed(ImGuiKey_PageUp), page_down = pressed(ImGuiKey_PageDown);
    const bool home = pressed(ImGuiKey_Home), end = pressed(ImGuiKey_End);
    scroll_ += (down ? row : 0) - (up ? row : 0) + (page_down ? page : 0) - (page_up ? page : 0);
    if (home)
        scroll_ = 0;
    if (end)
        scroll_ = mostScroll();
}

} // namespace longscope::ui
