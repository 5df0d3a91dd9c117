#include "ui/widgets/heat_map.h"

#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace longscope::ui {

/// The pixels as a texture of Dear ImGui's. Whoever presents creates and destroys what the device
/// needs for it; so one that is not wanted any more must live on until that was done.
struct HeatMap::Texture {
    std::unique_ptr<ImTextureData> data;
    ImGuiContext *context = nullptr;

    ~Texture() { retire(); }

    void set(std::span<const ImU32> pixels, uint32_t rows, uint32_t columns) {
        sweep();
        const int width = static_cast<int>(columns), height = static_cast<int>(rows);
        if (!data || context != ImGui::GetCurrentContext() || data->Width != width ||
            data->Height != height) {
            retire();
            context = ImGui::GetCurrentContext();
            data = std::make_unique<ImTextureData>();
            data->Create(ImTextureFormat_RGBA32, width, height);
            data->UseColors = true;
            ImGui::RegisterUserTexture(data.get());
        }
        std::memcpy(data->GetPixels(), pixels.data(), pixels.size_bytes());
        if (data->Status == ImTextureStatus_OK || data->Status == ImTextureStatus_WantUpdates)
            ImTextureDataQueueUpload(data.get(), 0, 0, width, height);
    }

    void retire() {
        if (!data)
            return;
        // Without its context the presenter is gone, and with it what it made for the texture.
        if (context != ImGui::GetCurrentContext()) {
            data.reset();
            return;
        }
        data->WantDestroyNextFrame = true;
        retired().push_back({std::move(data), context});
    }

    struct Retired {
        std::unique_ptr<ImTextureData> data;
        ImGuiContext *context;
    };
    static std::vector<Retired> &retired() {
        static std::vector<Retired> list;
        return list;
    }
    static void sweep() {
        std::erase_if(retired(), [](const Retired &old) {
            if (old.context != ImGui::GetCurrentContext() ||
                old.data->Status != ImTextureStatus_Destroyed)
                return false;
            ImGui::UnregisterUserTexture(old.data.get());
            return true;
        });
    }
};

/// Where things are in this frame.
struct HeatMap::Frame {
    ImGuiID id = 0;
    ImRect all, picture;
    ImVec2 cell; ///< size of one
    bool hovered = false, held = false;
};

HeatMap::HeatMap() : texture_(std::make_unique<Texture>()) {}
HeatMap::~HeatMap() = default;

uint64_t niceStep(uint64_t extent, uint32_t most) {
    for (uint64_t power = 1;; power *= 10)
        for (uint64_t factor : {1, 2, 5})
            if (extent / (power * factor) <= most || power > extent)
                return power * factor;
}

void HeatMap::setPixels(std::span<const ImU32> pixels, uint32_t rows, uint32_t columns) {
    rows_ = rows;
    columns_ = columns;
    if (rows == 0 || columns == 0 || pixels.size() != size_t{rows} * columns)
        rows_ = columns_ = 0;
    else
        texture_->set(pixels, rows, columns);
    cursor_.row = std::min(cursor_.row, rows_ > 0 ? rows_ - 1 : 0);
    cursor_.column = std::min(cursor_.column, columns_ > 0 ? columns_ - 1 : 0);
    drag_start_.reset();
}

namespace {

/// Places of the ticks of an axis in cells, with their numbers.
struct Tick {
    float cell = 0;
    uint64_t number = 0;
};

std::vector<Tick> ticksOf(const HeatMapAxis &axis, uint32_t most) {
    std::vector<Tick> ticks;
    if (axis.end <= axis.first || most == 0)
        return ticks;
    const uint64_t step = niceStep(axis.end - axis.first, most);
    for (uint64_t n = (axis.first + step - 1) / step * step; n < axis.end; n += step) {
        const double cell = static_cast<double>(n - axis.first) /
                            static_cast<double>(std::max<uint64_t>(1, axis.step));
        ticks.push_back({static_cast<float>(cell) + (axis.names_cells ? 0.5F : 0.F), n});
    }
    return ticks;
}

float widestLabel(const HeatMapAxis &axis) {
    return ImGui::CalcTextSize(numberText(std::max<uint64_t>(axis.end, 10)).c_str()).x;
}

void drawRowTicks(ImDrawList &list, const ImRect &picture, float cell, const HeatMapAxis &axis) {
    const float em = ImGui::GetFontSize();
    const auto most = static_cast<uint32_t>(picture.GetHeight() / (1.8F * em));
    for (const Tick &tick : ticksOf(axis, most)) {
        const float y = picture.Min.y + tick.cell * cell;
        const std::string label = numberText(tick.number);
        const ImVec2 size = ImGui::CalcTextSize(label.c_str());
        list.AddLine({picture.Min.x - 0.25F * em, y}, {picture.Min.x, y},
                     ImGui::GetColorU32(mutedText()));
        list.AddText({picture.Min.x - 0.4F * em - size.x, y - size.y / 2},
                     ImGui::GetColorU32(mutedText()), label.c_str());
    }
}

void drawColumnTicks(ImDrawList &list, const ImRect &picture, float cell, float right,
                     const HeatMapAxis &axis) {
    const float em = ImGui::GetFontSize();
    const auto most = static_cast<uint32_t>(picture.GetWidth() / (widestLabel(axis) + 1.2F * em));
    for (const Tick &tick : ticksOf(axis, most)) {
        const float x = picture.Min.x + tick.cell * cell;
        const std::string label = numberText(tick.number);
        const float width = ImGui::CalcTextSize(label.c_str()).x;
        list.AddLine({x, picture.Max.y}, {x, picture.Max.y + 0.25F * em},
                     ImGui::GetColorU32(mutedText()));
        list.AddText({std::min(x - width / 2, right - width), picture.Max.y + 0.3F * em},
                     ImGui::GetColorU32(mutedText()), label.c_str());
    }
}

void drawTitles(ImDrawList &list, const ImRect &all, const ImRect &picture,
                const HeatMapLook &look) {
    const ImU32 colour = ImGui::GetColorU32(mutedText());
    list.AddText(all.Min, colour, look.rows.title.c_str());
    const float width = ImGui::CalcTextSize(look.columns.title.c_str()).x;
    list.AddText({picture.GetCenter().x - width / 2, all.Max.y - ImGui::GetFontSize() * 1.1F},
                 colour, look.columns.title.c_str());
}

ImRect boxOnScreen(const ImRect &picture, ImVec2 cell, const HeatMapBox &box) {
    auto at = [&](uint32_t row, uint32_t column) {
        return ImVec2(picture.Min.x + static_cast<float>(column) * cell.x,
                      picture.Min.y + static_cast<float>(row) * cell.y);
    };
    return {at(box.first_row, box.first_column), at(box.end_row, box.end_column)};
}

HeatMapBox boxOf(HeatMapCell a, HeatMapCell b) {
    return {std::min(a.row, b.row), std::max(a.row, b.row) + 1, std::min(a.column, b.column),
            std::max(a.column, b.column) + 1};
}

void frameBox(ImDrawList &list, const ImRect &rect, ImU32 colour, float weight) {
    list.AddRect({rect.Min.x - weight, rect.Min.y - weight},
                 {rect.Max.x + weight, rect.Max.y + weight}, ImGui::GetColorU32(panelGround()), 0,
                 weight * 2);
    list.AddRect(rect.Min, rect.Max, colour, 0, weight);
}

} // namespace

HeatMapCell HeatMap::cellAt(const Frame &frame, ImVec2 point) const {
    auto index = [](float distance, float size, uint32_t count) {
        const float at = std::floor(distance / size);
        return static_cast<uint32_t>(std::clamp(at, 0.F, static_cast<float>(count - 1)));
    };
    return {index(point.y - frame.picture.Min.y, frame.cell.y, rows_),
            index(point.x - frame.picture.Min.x, frame.cell.x, columns_)};
}

HeatMapEvents HeatMap::draw(const char *id, const HeatMapLook &look) {
    HeatMapEvents events;
    if (rows_ == 0 || columns_ == 0)
        return events;
    Texture::sweep();
    const float em = ImGui::GetFontSize();
    Frame frame;
    frame.id = ImGui::GetID(id);
    frame.all.Min = ImGui::GetCursorScreenPos();
    frame.all.Max = {frame.all.Min.x + look.size.x, frame.all.Min.y + look.size.y};
    frame.picture.Min = {frame.all.Min.x + widestLabel(look.rows) + 0.6F * em,
                         frame.all.Min.y + 1.4F * em};
    frame.picture.Max = {std::max(frame.all.Max.x - 0.5F * em, frame.picture.Min.x + em),
                         std::max(frame.all.Max.y - 2.7F * em, frame.picture.Min.y + em)};
    frame.cell = {frame.picture.GetWidth() / static_cast<float>(columns_),
                  frame.picture.GetHeight() / static_cast<float>(rows_)};
    events.picture_min = frame.picture.Min;
    events.picture_max = frame.picture.Max;

    ImDrawList &list = *ImGui::GetWindowDrawList();
    drawTitles(list, frame.all, frame.picture, look);
    drawRowTicks(list, frame.picture, frame.cell.y, look.rows);
    drawColumnTicks(list, frame.picture, frame.cell.x, frame.all.Max.x, look.columns);

    ImGui::SetCursorScreenPos(frame.picture.Min);
    ImGui::ItemSize(frame.picture.GetSize());
    if (!ImGui::ItemAdd(frame.picture, frame.id)) {
        ImGui::SetCursorScreenPos({frame.all.Min.x, frame.all.Max.y});
        ImGui::Dummy({0, 0});
        return events;
    }
    const bool still_walking = walking_ && ImGui::GetActiveID() == frame.id &&
                               ImGui::GetIO().MouseDelta.x == 0 && ImGui::GetIO().MouseDelta.y == 0;
    if (walking_ && !still_walking) {
        walking_ = false;
        if (ImGui::GetActiveID() == frame.id)
            ImGui::ClearActiveID();
    }
    const bool by_mouse = ImGui::IsMouseClicked(0) || ImGui::IsMouseReleased(0);
    const bool pressed =
        ImGui::ButtonBehavior(frame.picture, frame.id, &frame.hovered, &frame.held);
    [[maybe_unused]] ImGuiContext &g = *ImGui::GetCurrentContext(); // the macro's name for it
    IMGUI_TEST_ENGINE_ITEM_INFO(frame.id, id, g.LastItemData.StatusFlags);
    drawPicture(frame, look);
    handleMouse(frame, look, events);
    handleKeys(frame, pressed && !by_mouse, events);
    if (events.hovered) {
        const ImRect cell =
            boxOnScreen(frame.picture, frame.cell, boxOf(*events.hovered, *events.hovered));
        frameBox(list, cell, ImGui::GetColorU32(ImGuiCol_Text), 0.08F * em);
    }
    ImGui::RenderNavCursor(frame.picture, frame.id);
    ImGui::SetCursorScreenPos({frame.all.Min.x, frame.all.Max.y});
    ImGui::Dummy({0, 0});
    return events;
}

void HeatMap::drawPicture(const Frame &frame, const HeatMapLook &look) {
    ImDrawList &list = *ImGui::GetWindowDrawList();
    const ImGuiPlatformIO &platform = ImGui::GetPlatformIO();
    const float em = ImGui::GetFontSize();
    const ImRect &picture = frame.picture;
    list.AddRectFilled(picture.Min, picture.Max, ImGui::GetColorU32(codeGround()));
    if (platform.DrawCallback_SetSamplerNearest)
        list.AddCallback(platform.DrawCallback_SetSamplerNearest, nullptr);
    list.AddImage(texture_->data->GetTexRef(), picture.Min, picture.Max);
    if (platform.DrawCallback_SetSamplerLinear)
        list.AddCallback(platform.DrawCallback_SetSamplerLinear, nullptr);
    list.PushClipRect(picture.Min, {picture.Max.x + 1, picture.Max.y + 1}, true);
    for (const HeatMapLine &line : look.outline)
        list.AddLine(
            {picture.Min.x + line.column * frame.cell.x, picture.Min.y + line.row * frame.cell.y},
            {picture.Min.x + line.end_column * frame.cell.x,
             picture.Min.y + line.end_row * frame.cell.y},
            ImGui::GetColorU32(accent()), 0.09F * em);
    list.PopClipRect();
    list.AddRect(picture.Min, picture.Max, ImGui::GetColorU32(hairline()));
    if (look.selected && look.selected->row < rows_ && look.selected->column < columns_)
        frameBox(list, boxOnScreen(picture, frame.cell, boxOf(*look.selected, *look.selected)),
                 ImGui::GetColorU32(accent()), 0.13F * em);
    if (look.box)
        frameBox(list, boxOnScreen(picture, frame.cell, *look.box), ImGui::GetColorU32(accent()),
                 0.1F * em);
}

void HeatMap::handleMouse(const Frame &frame, const HeatMapLook &look, HeatMapEvents &events) {
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    if (frame.hovered || frame.held)
        events.hovered = cellAt(frame, mouse);
    if (frame.hovered && ImGui::IsMouseClicked(0)) {
        drag_start_ = cellAt(frame, mouse);
        press_point_ = mouse;
    }
    events.right_clicked = frame.hovered && ImGui::IsMouseClicked(1);
    if (frame.hovered && look.takes_wheel) {
        ImGui::SetKeyOwner(ImGuiKey_MouseWheelY, frame.id);
        events.wheel = ImGui::GetIO().MouseWheel;
    }
    if (!drag_start_)
        return;
    const bool moved = std::hypot(mouse.x - press_point_.x, mouse.y - press_point_.y) >
                       0.4F * ImGui::GetFontSize();
    const HeatMapBox box = boxOf(*drag_start_, cellAt(frame, mouse));
    if (look.can_drag && moved && frame.held)
        frameBox(*ImGui::GetWindowDrawList(), boxOnScreen(frame.picture, frame.cell, box),
                 ImGui::GetColorU32(accent()), 0.1F * ImGui::GetFontSize());
    if (ImGui::IsKeyPressed(ImGuiKey_Escape)) {
        drag_start_.reset();
    } else if (!ImGui::IsMouseDown(0)) {
        if (look.can_drag && moved)
            events.dragged = box;
        else if (frame.hovered)
            events.clicked = cellAt(frame, mouse);
        drag_start_.reset();
    }
}

void HeatMap::handleKeys(const Frame &frame, bool pressed, HeatMapEvents &events) {
    if (walking_) {
        const int step = ImGui::GetIO().KeyShift ? 10 : 1;
        auto move = [&](uint32_t &at, uint32_t count, ImGuiKey down, ImGuiKey up) {
            const int by =
                (ImGui::IsKeyPressed(up) ? step : 0) - (ImGui::IsKeyPressed(down) ? step : 0);
            at = static_cast<uint32_t>(
                std::clamp(static_cast<int>(at) + by, 0, static_cast<int>(count) - 1));
        };
        move(cursor_.column, columns_, ImGuiKey_LeftArrow, ImGuiKey_RightArrow);
        move(cursor_.row, rows_, ImGuiKey_UpArrow, ImGuiKey_DownArrow);
        events.hovered = cursor_;
        if (ImGui::IsKeyPressed(ImGuiKey_Enter, false) ||
            ImGui::IsKeyPressed(ImGuiKey_KeypadEnter, false) ||
            ImGui::IsKeyPressed(ImGuiKey_Space, false))
            events.clicked = cursor_;
        if (ImGui::IsKeyPressed(ImGuiKey_Escape, false)) {
            walking_ = false;
            ImGui::ClearActiveID();
        }
    } else if (pressed) {
        walking_ = true;
        events.hovered = cursor_;
    }
    if (walking_) {
        // Stays active, so that the arrows do not leave for the next item.
        ImGui::SetActiveID(frame.id, ImGui::GetCurrentWindow());
        ImGui::GetCurrentContext()->ActiveIdUsingNavDirMask = 0xF;
    }
}

void drawColourBar(float width, const std::string &low, const std::string &high) {
    const float em = ImGui::GetFontSize();
    const ImVec2 start = ImGui::GetCursorScreenPos();
    ImDrawList &list = *ImGui::GetWindowDrawList();
    constexpr int steps = 64;
    for (int i = 0; i < steps; ++i) {
        auto x = [&](int at) { return start.x + width * static_cast<float>(at) / steps; };
        auto colour = [](int at) { return cividis(static_cast<float>(at) / steps); };
        list.AddRectFilledMultiColor({x(i), start.y}, {x(i + 1), start.y + 0.6F * em}, colour(i),
                                     colour(i + 1), colour(i + 1), colour(i));
    }
    ImGui::Dummy({width, 0.6F * em});
    ImGui::PushStyleColor(ImGuiCol_Text, mutedText());
    ImGui::TextUnformatted(low.c_str());
    ImGui::SameLine(0, 0);
    const float right = width - ImGui::CalcTextSize(high.c_str()).x;
    ImGui::SetCursorScreenPos({start.x + right, ImGui::GetCursorScreenPos().y});
    ImGui::TextUnformatted(high.c_str());
    ImGui::PopStyleColor();
}

} // namespace longscope::ui
