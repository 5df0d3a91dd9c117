#include "app/window/fonts.h"

#include <fontconfig/fontconfig.h>
#include <imgui.h>
#include <misc/freetype/imgui_freetype.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <format>
#include <map>
#include <memory>
#include <optional>

namespace longscope::window {
namespace {

/// One sign of each script or block that the window should be able to show.
constexpr std::array<FcChar32, 22> kWanted{
    0x03b1,  // Greek alpha
    0x042f,  // Cyrillic ya
    0x0531,  // Armenian
    0x05d0,  // Hebrew alef
    0x0639,  // Arabic ain
    0x0915,  // Devanagari ka
    0x0995,  // Bengali ka
    0x0b95,  // Tamil ka
    0x0e01,  // Thai ko kai
    0x10d0,  // Georgian an
    0x4e2d,  // Chinese "middle"
    0x3042,  // Hiragana a
    0xd55c,  // Hangul han
    0x2190,  // arrow
    0x2211,  // sum
    0x2264,  // less or equal
    0x2500,  // box drawing
    0x25cf,  // circle
    0x2713,  // check mark
    0x2070,  // superscript
    0x1d400, // mathematical bold A
    0x1f600, // a face, where there is a font that draws it in one colour
};
/// Dear ImGui keeps the number of a glyph's source in four bits.
constexpr size_t kMostFallbacks = 12;

struct DestroyPattern {
    void operator()(FcPattern *pattern) const { FcPatternDestroy(pattern); }
};
using Pattern = std::unique_ptr<FcPattern, DestroyPattern>;

struct Place {
    std::string path, family;
    uint32_t index = 0;
};

std::span<const std::byte> mapFile(const std::string &path) {
    static std::map<std::string, std::span<const std::byte>> mapped;
    const auto known = mapped.find(path);
    if (known != mapped.end())
        return known->second;
    std::span<const std::byte> bytes;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    if (file >= 0 && fstat(file, &facts) == 0 && facts.st_size > 0) {
        const auto size = static_cast<size_t>(facts.st_size);
        void *const start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (start != MAP_FAILED)
            bytes = {static_cast<const std::byte *>(start), size};
    }
    if (file >= 0)
        close(file);
    return mapped[path] = bytes;
}

std::optional<Place> placeOf(const FcPattern *pattern) {
    FcChar8 *path = nullptr, *family = nullptr;
    int index = 0;
    if (FcPatternGetString(pattern, FC_FILE, 0, &path) != FcResultMatch)
        return std::nullopt;
    FcPatternGetString(pattern, FC_FAMILY, 0, &family);
    FcPatternGetInteger(pattern, FC_INDEX, 0, &index);
    FcBool variable = FcFalse;
    if (FcPatternGetBool(pattern, FC_VARIABLE, 0, &variable) == FcResultMatch && variable)
        index &= 0xffff; // the file's own default; the upper half stands for "any weight"
    return Place{reinterpret_cast<const char *>(path),
                 family ? reinterpret_cast<const char *>(family) : "",
                 static_cast<uint32_t>(index)};
}

/// The best font for a request that is completed here. Only outlines: no bitmaps, no colour.
std::optional<Place> bestMatch(FcConfig *config, Pattern request) {
    FcPatternAddBool(request.get(), FC_SCALABLE, FcTrue);
    FcPatternAddBool(request.get(), FC_OUTLINE, FcTrue);
    FcPatternAddBool(request.get(), FC_COLOR, FcFalse);
    FcConfigSubstitute(config, request.get(), FcMatchPattern);
    FcDefaultSubstitute(request.get());
    FcResult result = FcResultNoMatch;
    const Pattern match(FcFontMatch(config, request.get(), &result));
    FcBool colour = FcFalse, outline = FcTrue;
    if (!match)
        return std::nullopt;
    FcPatternGetBool(match.get(), FC_COLOR, 0, &colour);
    FcPatternGetBool(match.get(), FC_OUTLINE, 0, &outline);
    if (colour || !outline)
        return std::nullopt;
    return placeOf(match.get());
}

std::optional<Place> findFamily(FcConfig *config, const char *family, bool bold, bool italic) {
    Pattern request(FcPatternCreate());
    FcPatternAddString(request.get(), FC_FAMILY, reinterpret_cast<const FcChar8 *>(family));
    FcPatternAddInteger(request.get(), FC_WEIGHT, bold ? FC_WEIGHT_SEMIBOLD : FC_WEIGHT_REGULAR);
    FcPatternAddInteger(request.get(), FC_SLANT, italic ? FC_SLANT_ITALIC : FC_SLANT_ROMAN);
    return bestMatch(config, std::move(request));
}

/// A font that has the sign, if the system has one: by the sign itself, since language tags refuse
/// fonts that would do.
std::optional<Place> findSign(FcConfig *config, FcChar32 sign) {
    struct DestroySet {
        void operator()(FcCharSet *set) const { FcCharSetDestroy(set); }
    };
    const std::unique_ptr<FcCharSet, DestroySet> signs(FcCharSetCreate());
    FcCharSetAddChar(signs.get(), sign);
    Pattern request(FcPatternCreate());
    FcPatternAddString(request.get(), FC_FAMILY, reinterpret_cast<const FcChar8 *>("sans"));
    FcPatternAddCharSet(request.get(), FC_CHARSET, signs.get());
    FcPatternAddBool(request.get(), FC_COLOR, FcFalse);
    FcPatternAddBool(request.get(), FC_OUTLINE, FcTrue);
    FcConfigSubstitute(config, request.get(), FcMatchPattern);
    FcDefaultSubstitute(request.get());
    FcResult result = FcResultNoMatch;
    FcFontSet *const sorted = FcFontSort(config, request.get(), FcTrue, nullptr, &result);
    std::optional<Place> found;
    for (int i = 0; sorted && i < sorted->nfont && !found; ++i) {
        FcCharSet *has = nullptr;
        FcBool colour = FcFalse, outline = FcFalse;
        FcPatternGetBool(sorted->fonts[i], FC_COLOR, 0, &colour);
        FcPatternGetBool(sorted->fonts[i], FC_OUTLINE, 0, &outline);
        if (!colour && outline &&
            FcPatternGetCharSet(sorted->fonts[i], FC_CHARSET, 0, &has) == FcResultMatch &&
            FcCharSetHasChar(has, sign))
            found = placeOf(sorted->fonts[i]);
    }
    if (sorted)
        FcFontSetDestroy(sorted);
    return found;
}

FontFile fileAt(const std::optional<Place> &place) {
    if (!place)
        return {};
    return {place->family, mapFile(place->path), place->index};
}

std::vector<FontFile> findFallbacks(FcConfig *config) {
    std::vector<FontFile> files;
    std::vector<Place> known;
    for (const FcChar32 sign : kWanted) {
        const auto place = findSign(config, sign);
        const bool had = !place || std::ranges::any_of(known, [&](const Place &one) {
            return one.path == place->path && one.index == place->index;
        });
        if (had || files.size() == kMostFallbacks)
            continue;
        known.push_back(*place);
        if (const FontFile file = fileAt(place); !file.bytes.empty())
            files.push_back(file);
    }
    return files;
}

std::string noteOn(const FontFiles &files) {
    if (files.regular.bytes.empty())
        return "No font was found on this system, so the window uses a built-in one without most "
               "scripts. Install the packages fonts-inter and fonts-jetbrains-mono.";
    std::string missing;
    if (files.regular.family != "Inter")
        missing = std::format("The font Inter was not found; text is in {}.", files.regular.family);
    if (files.mono.family != "JetBrains Mono")
        missing += std::format("{}The font JetBrains Mono was not found; code is in {}.",
                               missing.empty() ? "" : " ",
                               files.mono.bytes.empty() ? "the font of text" : files.mono.family);
    return missing;
}

ImFont *addFont(const FontFile &file) {
    ImFontConfig config;
    config.FontDataOwnedByAtlas = false;
    config.FontNo = file.index;
    // The atlas does not write to what it does not own.
    return ImGui::GetIO().Fonts->AddFontFromMemoryTTF(const_cast<std::byte *>(file.bytes.data()),
                                                      static_cast<int>(file.bytes.size()), 0,
                                                      &config);
}

} // namespace

const FontFiles &systemFonts() {
    static const FontFiles files = [] {
        FontFiles found;
        FcConfig *const config = FcInitLoadConfigAndFonts();
        if (config) {
            found.regular = fileAt(findFamily(config, "Inter", false, false));
            found.bold = fileAt(findFamily(config, "Inter", true, false));
            found.italic = fileAt(findFamily(config, "Inter", false, true));
            found.bold_italic = fileAt(findFamily(config, "Inter", true, true));
            found.mono = fileAt(findFamily(config, "JetBrains Mono", false, false));
            if (found.mono.family != "JetBrains Mono")
                found.mono = fileAt(findFamily(config, "monospace", false, false));
            found.fallbacks = findFallbacks(config);
            FcConfigDestroy(config);
        }
        found.note = noteOn(found);
        return found;
    }();
    return files;
}

void addFallbacks(ImFont *font, const FontFiles &files) {
    for (const FontFile &file : files.fallbacks) {
        ImFontConfig config;
        config.FontDataOwnedByAtlas = false;
        config.FontNo = file.index;
        config.MergeMode = true;
        config.DstFont = font;
        ImGui::GetIO().Fonts->AddFontFromMemoryTTF(const_cast<std::byte *>(file.bytes.data()),
                                                   static_cast<int>(file.bytes.size()), 0, &config);
    }
}

void loadFonts(const FontFiles &files) {
    ImGui::GetIO().Fonts->FontLoaderFlags = ImGuiFreeTypeLoaderFlags_LightHinting;
    ui::FontSet set;
    set.note = files.note;
    const auto load = [&](const FontFile &file, ImFont *otherwise) {
        ImFont *font = file.bytes.empty() ? nullptr : addFont(file);
        if (!font)
            return otherwise;
        addFallbacks(font, files);
        return font;
    };
    set.regular = load(files.regular, nullptr);
    if (!set.regular)
        set.regular = ImGui::GetIO().Fonts->AddFontDefaultVector();
    set.bold = load(files.bold, set.regular);
    set.italic = load(files.italic, set.regular);
    set.mono = load(files.mono, set.regular);
    ImGui::GetIO().FontDefault = set.regular;
    ui::setFonts(std::move(set));
}

} // namespace longscope::window
