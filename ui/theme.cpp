#include "ui/theme.h"

#include "compute/core/cividis.h"

#include <implot.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace longscope::ui {
namespace {

constexpr ImVec4 rgb(uint32_t hex, float alpha = 1) {
    return {static_cast<float>(hex >> 16 & 0xff) / 255, static_cast<float>(hex >> 8 & 0xff) / 255,
            static_cast<float>(hex & 0xff) / 255, alpha};
}
constexpr ImVec4 faded(ImVec4 colour, float alpha) {
    return {colour.x, colour.y, colour.z, alpha};
}

/// One theme. Everything that is drawn takes its colour from here.
struct Palette {
    ImVec4 text, muted, ground, popup, bar, tab, field, field_hovered, field_active, border, code;
    ImVec4 accent, accent_text, good, warning, error, ghost;
    float chosen_alpha;          ///< of the accent behind what is chosen
    float field_border;          ///< width of borders around fields
    std::array<ImVec4, 6> marks; ///< in the order of Mark
    std::array<ImVec4, kSeriesColours> series;
    const char *name;
};

constexpr Palette kDark{.text = rgb(0xe2e4e8),
                        .muted = rgb(0x9ba2ad),
                        .ground = rgb(0x1c1e22),
                        .popup = rgb(0x24272c),
                        .bar = rgb(0x15171a),
                        .tab = rgb(0x2a2d33),
                        .field = rgb(0x2a2d33),
                        .field_hovered = rgb(0x343941),
                        .field_active = rgb(0x3e444e),
                        .border = rgb(0x3d424b),
                        .code = rgb(0x24272d),
                        .accent = rgb(0x6ba3d6),
                        .accent_text = rgb(0x10151b),
                        .good = rgb(0x6cb387),
                        .warning = rgb(0xdcae55),
                        .error = rgb(0xe07a72),
                        .ghost = rgb(0x7d8591, 0.55F),
                        .chosen_alpha = 0.25F,
                        .field_border = 1,
                        .marks = {rgb(0xd9b64a, 0.35F), rgb(0xf08c2e, 0.60F), rgb(0x6ba3d6, 0.30F),
                                  rgb(0xb98bd6, 0.35F), rgb(0x6cb387, 0.25F), rgb(0x4f7fb8, 0.50F)},
                        .series = {rgb(0x5f93cf), rgb(0xdb9250), rgb(0x52a88c), rgb(0xc77493),
                                   rgb(0xcbb350), rgb(0x93c6de), rgb(0x9486c6), rgb(0xab8058),
                                   rgb(0x86a14f), rgb(0x8e939b)},
                        .name = "Longscope dark"};

constexpr Palette kLight{
    .text = rgb(0x1f2328),
    .muted = rgb(0x5d6570),
    .ground = rgb(0xfbfbf9),
    .popup = rgb(0xffffff),
    .bar = rgb(0xe9e9e6),
    .tab = rgb(0xd9dee3),
    .field = rgb(0xeaebe9),
    .field_hovered = rgb(0xdfe2e4),
    .field_active = rgb(0xd2d7dc),
    .border = rgb(0xcfd2d3),
    .code = rgb(0xf0f0ed),
    .accent = rgb(0x2c6aa8),
    .accent_text = rgb(0xffffff),
    .good = rgb(0x2c7a4b),
    .warning = rgb(0x93650a),
    .error = rgb(0xb3372f),
    .ghost = rgb(0x79818b, 0.60F),
    .chosen_alpha = 0.18F,
    .field_border = 1,
    .marks = {rgb(0xf2cf4a, 0.50F), rgb(0xf59a3c, 0.70F), rgb(0x5c9bd8, 0.25F),
              rgb(0xb77fd8, 0.28F), rgb(0x57b078, 0.25F), rgb(0x7fb0e3, 0.45F)},
    .series = {rgb(0x3a6ea8), rgb(0xc06f2a), rgb(0x2b8268), rgb(0xa8486c), rgb(0x9d8620),
               rgb(0x5aa3c4), rgb(0x6f5da8), rgb(0x855a33), rgb(0x627c2f), rgb(0x6c7178)},
    .name = "Longscope light"};

constexpr Palette kHighContrast{
    .text = rgb(0xffffff),
    .muted = rgb(0xd8d8d8),
    .ground = rgb(0x000000),
    .popup = rgb(0x000000),
    .bar = rgb(0x000000),
    .tab = rgb(0x5c4c17),
    .field = rgb(0x141414),
    .field_hovered = rgb(0x333333),
    .field_active = rgb(0x4d4d4d),
    .border = rgb(0xb0b0b0),
    .code = rgb(0x1a1a1a),
    .accent = rgb(0xffd23f),
    .accent_text = rgb(0x000000),
    .good = rgb(0x66e08a),
    .warning = rgb(0xffb020),
    .error = rgb(0xff7a70),
    .ghost = rgb(0xcccccc, 0.70F),
    .chosen_alpha = 0.45F,
    .field_border = 1,
    .marks = {rgb(0xffd23f, 0.50F), rgb(0xff8c1a, 0.80F), rgb(0x4db2ff, 0.50F),
              rgb(0xe07aff, 0.50F), rgb(0x66e08a, 0.40F), rgb(0x4db2ff, 0.65F)},
    .series = {rgb(0x4db2ff), rgb(0xffa94d), rgb(0x45d9a8), rgb(0xff85b3), rgb(0xffe066),
               rgb(0xb3e5ff), rgb(0xb9a6ff), rgb(0xd9a066), rgb(0xb6d957), rgb(0xc8ccd2)},
    .name = "Longscope high contrast"};

const Palette &paletteOf(ThemeKind kind) {
    switch (kind) {
    case ThemeKind::dark:
        return kDark;
    case ThemeKind::light:
        return kLight;
    case ThemeKind::high_contrast:
        return kHighContrast;
    }
    return kDark;
}

ThemeKind current_kind = ThemeKind::dark;
float current_font_pixels = kDefaultFontPixels;
FontSet current_fonts;
const Palette &palette() {
    return paletteOf(current_kind);
}

void setWindowColours(std::span<ImVec4> colours, const Palette &p) {
    colours[ImGuiCol_Text] = p.text;
    colours[ImGuiCol_TextDisabled] = p.muted;
    colours[ImGuiCol_TextLink] = p.accent;
    colours[ImGuiCol_TextSelectedBg] = p.marks[static_cast<size_t>(MarkGround::selection)];
    colours[ImGuiCol_InputTextCursor] = p.text;
    colours[ImGuiCol_WindowBg] = p.ground;
    colours[ImGuiCol_ChildBg] = rgb(0, 0);
    colours[ImGuiCol_PopupBg] = p.popup;
    colours[ImGuiCol_Border] = p.border;
    colours[ImGuiCol_BorderShadow] = rgb(0, 0);
    colours[ImGuiCol_TitleBg] = p.bar;
    colours[ImGuiCol_TitleBgActive] = p.bar;
    colours[ImGuiCol_TitleBgCollapsed] = p.bar;
    colours[ImGuiCol_MenuBarBg] = p.bar;
    // The same on the dark bar of docked panels and on the ground of a panel that has tabs.
    colours[ImGuiCol_Tab] = rgb(0, 0);
    colours[ImGuiCol_TabDimmed] = rgb(0, 0);
    colours[ImGuiCol_TabHovered] = p.field_hovered;
    colours[ImGuiCol_TabSelected] = p.tab;
    colours[ImGuiCol_TabDimmedSelected] = p.tab;
    colours[ImGuiCol_TabSelectedOverline] = p.accent;
    colours[ImGuiCol_TabDimmedSelectedOverline] = p.border;
    colours[ImGuiCol_DockingPreview] = faded(p.accent, 0.5F);
    colours[ImGuiCol_DockingEmptyBg] = p.bar;
    colours[ImGuiCol_UnsavedMarker] = p.accent;
    colours[ImGuiCol_ModalWindowDimBg] = rgb(0, 0.45F);
    colours[ImGuiCol_NavWindowingDimBg] = rgb(0, 0.30F);
    colours[ImGuiCol_NavWindowingHighlight] = p.accent;
    colours[ImGuiCol_NavCursor] = p.accent;
    colours[ImGuiCol_DragDropTarget] = p.accent;
    colours[ImGuiCol_DragDropTargetBg] = faded(p.accent, 0.15F);
}

void setItemColours(std::span<ImVec4> colours, const Palette &p) {
    colours[ImGuiCol_FrameBg] = p.field;
    colours[ImGuiCol_FrameBgHovered] = p.field_hovered;
    colours[ImGuiCol_FrameBgActive] = p.field_active;
    colours[ImGuiCol_Button] = p.field;
    colours[ImGuiCol_ButtonHovered] = p.field_hovered;
    colours[ImGuiCol_ButtonActive] = p.field_active;
    colours[ImGuiCol_Header] = faded(p.accent, p.chosen_alpha);
    colours[ImGuiCol_HeaderHovered] = faded(p.accent, p.chosen_alpha * 1.25F);
    colours[ImGuiCol_HeaderActive] = faded(p.accent, p.chosen_alpha * 1.5F);
    colours[ImGuiCol_CheckMark] = p.accent;
    colours[ImGuiCol_CheckboxSelectedBg] = p.field;
    colours[ImGuiCol_SliderGrab] = faded(p.accent, 0.5F); // the number is drawn over it
    colours[ImGuiCol_SliderGrabActive] = faded(p.accent, 0.7F);
    colours[ImGuiCol_Separator] = p.border;
    colours[ImGuiCol_SeparatorHovered] = faded(p.accent, 0.6F);
    colours[ImGuiCol_SeparatorActive] = p.accent;
    colours[ImGuiCol_ResizeGrip] = rgb(0, 0);
    colours[ImGuiCol_ResizeGripHovered] = faded(p.accent, 0.6F);
    colours[ImGuiCol_ResizeGripActive] = p.accent;
    colours[ImGuiCol_ScrollbarBg] = rgb(0, 0);
    colours[ImGuiCol_ScrollbarGrab] = faded(p.muted, 0.35F);
    colours[ImGuiCol_ScrollbarGrabHovered] = faded(p.muted, 0.55F);
    colours[ImGuiCol_ScrollbarGrabActive] = faded(p.muted, 0.75F);
    colours[ImGuiCol_PlotLines] = p.series[0];
    colours[ImGuiCol_PlotLinesHovered] = p.series[1];
    colours[ImGuiCol_PlotHistogram] = faded(p.accent, 0.55F); // progress, with text over it
    colours[ImGuiCol_PlotHistogramHovered] = p.series[1];
    colours[ImGuiCol_TableHeaderBg] = p.field;
    colours[ImGuiCol_TableBorderStrong] = p.border;
    colours[ImGuiCol_TableBorderLight] = faded(p.border, 0.6F);
    colours[ImGuiCol_TableRowBg] = rgb(0, 0);
    colours[ImGuiCol_TableRowBgAlt] = faded(p.text, 0.03F);
    colours[ImGuiCol_TreeLines] = p.border;
}

void setSizes(ImGuiStyle &style, const Palette &p) {
    style.WindowPadding = {10, 8};
    style.FramePadding = {8, 5};
    style.CellPadding = {6, 3};
    style.ItemSpacing = {8, 6};
    style.ItemInnerSpacing = {6, 4};
    style.IndentSpacing = 18;
    style.ScrollbarSize = 13;
    style.GrabMinSize = 28; // longer thumbs: one page of ten thousand is still found
    style.WindowRounding = 4;
    style.ChildRounding = 4;
    style.PopupRounding = 4;
    style.FrameRounding = 4;
    style.GrabRounding = 4;
    style.ScrollbarRounding = 4;
    style.TabRounding = 4;
    style.WindowBorderSize = 1;
    style.PopupBorderSize = 1;
    style.ChildBorderSize = 1;
    style.FrameBorderSize = p.field_border;
    style.TabBarBorderSize = 1;
    style.TabBarOverlineSize = 2;
    style.DockingSeparatorSize = 1;
    style.SeparatorTextBorderSize = 1;
    style.SeparatorTextPadding = {0, 6};
    style.WindowMenuButtonPosition = ImGuiDir_None;
    style.WindowTitleAlign = {0, 0.5F};
    style.DisabledAlpha = 0.5F;
}

ImPlotColormap plotColours(const Palette &p) {
    const ImPlotColormap known = ImPlot::GetColormapIndex(p.name);
    if (known != -1)
        return known;
    return ImPlot::AddColormap(p.name, p.series.data(), static_cast<int>(p.series.size()), true);
}

void addCividis() {
    constexpr const char *kName = "Cividis";
    if (ImPlot::GetColormapIndex(kName) == -1)
        ImPlot::AddColormap(kName, cividisMap().data(), static_cast<int>(cividisMap().size()),
                            false);
}

void setPlotStyle(const Palette &p, float scale) {
    ImPlotStyle style;
    for (ImVec2 *size : {&style.MajorTickLen, &style.MinorTickLen, &style.PlotPadding,
                         &style.LabelPadding, &style.LegendPadding, &style.LegendInnerPadding,
                         &style.LegendSpacing, &style.MousePosPadding, &style.AnnotationPadding,
                         &style.PlotDefaultSize, &style.PlotMinSize})
        *size = {size->x * scale, size->y * scale};
    style.PlotMinSize = {120 * scale, 90 * scale};
    style.PlotBorderSize = 1;
    style.Colors[ImPlotCol_FrameBg] = p.ground;
    style.Colors[ImPlotCol_PlotBg] = p.ground;
    style.Colors[ImPlotCol_PlotBorder] = p.border;
    style.Colors[ImPlotCol_LegendBg] = faded(p.popup, 0.9F);
    style.Colors[ImPlotCol_LegendBorder] = p.border;
    style.Colors[ImPlotCol_AxisText] = p.muted;
    style.Colors[ImPlotCol_AxisGrid] = faded(p.muted, 0.25F);
    style.Colors[ImPlotCol_Selection] = p.accent;
    style.Colors[ImPlotCol_Crosshairs] = p.muted;
    style.Colormap = plotColours(p);
    addCividis();
    ImPlot::GetStyle() = style;
    ImPlot::BustColorCache();
}

} // namespace

void applyTheme(ThemeKind kind, float ui_scale, float font_pixels) {
    current_kind = kind;
    current_font_pixels = font_pixels;
    const Palette &p = palette();
    ImGuiStyle style;
    setWindowColours(style.Colors, p);
    setItemColours(style.Colors, p);
    setSizes(style, p);
    style.ScaleAllSizes(ui_scale);
    style.FontSizeBase = font_pixels;
    style._NextFrameFontSizeBase = font_pixels;
    style.FontScaleDpi = ui_scale;
    ImGui::GetStyle() = style;
    if (ImPlot::GetCurrentContext())
        setPlotStyle(p, ui_scale);
}

ThemeKind themeKind() {
    return current_kind;
}

const FontSet &fonts() {
    return current_fonts;
}
void setFonts(FontSet fonts) {
    current_fonts = std::move(fonts);
}

void pushMono() {
    ImGui::PushFont(current_fonts.mono, fontBase() * 14 / 15);
}
void pushBold() {
    ImGui::PushFont(current_fonts.bold, 0);
}
void pushHeading() {
    ImGui::PushFont(current_fonts.bold, fontBase() * 1.25F);
}
void pushSmall() {
    ImGui::PushFont(nullptr, fontBase() * 0.87F);
}
void pushMarkdown() {
    // The view multiplies its own size by what is pushed, relative to the base.
    ImGui::PushFont(nullptr, fontBase() * current_font_pixels / kMarkdownPixels);
}

ImVec4 accent() {
    return palette().accent;
}
ImVec4 accentText() {
    return palette().accent_text;
}
ImVec4 mutedText() {
    return palette().muted;
}
ImVec4 good() {
    return palette().good;
}
ImVec4 warning() {
    return palette().warning;
}
ImVec4 error() {
    return palette().error;
}
ImVec4 panelGround() {
    return palette().ground;
}
ImVec4 codeGround() {
    return palette().code;
}
ImVec4 hairline() {
    return palette().border;
}
ImVec4 ghost() {
    return palette().ghost;
}
ImVec4 seriesColour(size_t index) {
    return palette().series[index % kSeriesColours];
}
ImVec4 markColour(MarkGround mark) {
    return palette().marks[static_cast<size_t>(mark)];
}

const std::array<ImU32, 256> &cividisMap() {
    static const std::array<ImU32, 256> map = [] {
        std::array<ImU32, 256> colours{};
        for (size_t i = 0; i < colours.size(); ++i) {
            const auto [red, green, blue] = longscope::cividis(static_cast<double>(i) / 255);
            colours[i] = IM_COL32(red, green, blue, 255);
        }
        return colours;
    }();
    return map;
}

ImU32 cividis(float level) {
    if (!(level > 0)) // not a number, too
        return cividisMap().front();
    return cividisMap()[static_cast<size_t>(std::lround(std::min(level, 1.0F) * 255))];
}

} // namespace longscope::ui
