#include "app/window/contexts.h"

#include <imgui.h>
#include <imgui_rich_md/rich_md.h>
#include <implot.h>

#include <cstdio>
#include <optional>

namespace longscope::window {
namespace {

/// The names under which the view asks for its fonts; no files.
constexpr const char *kFontBase = "longscope";
constexpr const char *kCodeFont = "fonts/Inconsolata-Medium.ttf";

std::vector<uint8_t> bytesOf(const FontFile &file) {
    const auto *start = reinterpret_cast<const uint8_t *>(file.bytes.data());
    return {start, start + file.bytes.size()};
}

/// The bytes of Dear ImGui's own font, for a system without any.
std::vector<uint8_t> builtInFont() {
    const ImFontConfig *source = ui::fonts().regular->Sources[0];
    const auto *start = static_cast<const uint8_t *>(source->FontData);
    return {start, start + source->FontDataSize};
}

RichMd::AssetBytes fontAsset(const FontFiles &files, const std::string &path) {
    const FontFile *file = nullptr;
    const std::string base = std::string(kFontBase) + "-";
    if (path == base + "Regular.ttf")
        file = &files.regular;
    else if (path == base + "Bold.ttf")
        file = &files.bold;
    else if (path == base + "RegularItalic.ttf")
        file = &files.italic;
    else if (path == base + "BoldItalic.ttf")
        file = &files.bold_italic;
    else if (path == kCodeFont)
        file = &files.mono;
    else
        return std::nullopt; // nothing else is an asset: no pictures, no files
    if (file->bytes.empty())
        file = &files.regular;
    return file->bytes.empty() ? builtInFont() : bytesOf(*file);
}

} // namespace

Contexts::Contexts() {
    IMGUI_CHECKVERSION();
    ImGui::CreateContext();
    ImPlot::CreateContext();
    ImGuiIO &io = ImGui::GetIO();
    io.ConfigFlags |= ImGuiConfigFlags_DockingEnable | ImGuiConfigFlags_NavEnableKeyboard;
    io.ConfigWindowsMoveFromTitleBarOnly = true;
    io.ConfigInputTextCursorBlink = true;
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    ui::applyTheme(ui::ThemeKind::dark, 1);
    loadFonts(systemFonts());
}

Contexts::~Contexts() {
    ui::setFonts({});
    ImPlot::DestroyContext();
    ImGui::DestroyContext();
}

Markdown::Markdown(const FontFiles &files) {
    RichMd::HostServices services;
    services.ReadAsset = [&files](const std::string &path) { return fontAsset(files, path); };
    services.UploadRgba = RichMd::UploadRgbaDefault;
    services.Log = [](const std::string &message) {
        std::fprintf(stderr, "longscope: Markdown view: %s\n", message.c_str());
    };
    RichMd::SetHostServices(services);
    RichMd::MarkdownOptions options;
    options.fontOptions.fontBasePath = kFontBase;
    options.fontOptions.regularSize = ui::kMarkdownPixels;
    options.callbacks.OnOpenLink = [](const std::string &) {};
    options.callbacks.OnImage = [](const std::string &) {
        return std::optional<RichMd::MarkdownImage>();
    };
    RichMd::CreateContext(options);
    RichMd::GetFontLoaderFunction()(); // now, so that the fallbacks can be merged
    for (const bool bold : {false, true})
        for (const bool italic : {false, true})
            addFallbacks(RichMd::GetFont({italic, bold}).font, files);
    addFallbacks(RichMd::GetCodeFont().font, files);
}

Markdown::~Markdown() {
    RichMd::DestroyContext();
}

} // namespace longscope::window
