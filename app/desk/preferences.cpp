// What the user chose about the program, kept as one JSON text in the library. A value that cannot
// be read any more is left at its default.
#include "app/desk/parts.h"
#include "app/json_output.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace longscope::app {
namespace {

using nlohmann::json;
using ui::Preferences;

constexpr const char *kName = "preferences";
constexpr size_t kRecentKept = 12;
constexpr const char *kThemes[] = {"dark", "light", "high contrast", "system"}; // as ThemeChoice

std::string toText(const Preferences &preferences) {
    return dumpJson({{"theme", kThemes[static_cast<int>(preferences.theme)]},
                     {"scale", preferences.scale},
                     {"font_size", preferences.font_size},
                     {"token_marks", preferences.token_marks},
                     {"language", preferences.language},
                     {"recent_models", preferences.recent_models},
                     {"recent_documents", preferences.recent_documents},
                     {"layout", preferences.layout},
                     {"window",
                      {preferences.window_x, preferences.window_y, preferences.window_width,
                       preferences.window_height}},
                     {"was_welcomed", preferences.was_welcomed}});
}

template <class T> void take(const json &object, const char *key, T &value) {
    try {
        if (object.contains(key))
            value = object.at(key).get<T>();
    } catch (const json::exception &) { // of another kind than it should be
    }
}

Preferences fromText(const std::string &text) {
    Preferences preferences;
    json object = json::parse(text, nullptr, false);
    if (!object.is_object())
        return preferences;
    std::string theme;
    take(object, "theme", theme);
    for (int i = 0; i < 4; ++i)
        if (theme == kThemes[i])
            preferences.theme = static_cast<ui::ThemeChoice>(i);
    take(object, "scale", preferences.scale);
    take(object, "font_size", preferences.font_size);
    take(object, "token_marks", preferences.token_marks);
    take(object, "language", preferences.language);
    take(object, "recent_models", preferences.recent_models);
    take(object, "recent_documents", preferences.recent_documents);
    take(object, "layout", preferences.layout);
    take(object, "was_welcomed", preferences.was_welcomed);
    std::vector<int32_t> window;
    take(object, "window", window);
    if (window.size() == 4 && window[2] > 0 && window[3] > 0) {
        preferences.window_x = window[0];
        preferences.window_y = window[1];
        preferences.window_width = static_cast<uint32_t>(window[2]);
        preferences.window_height = static_cast<uint32_t>(window[3]);
    }
    preferences.scale = std::clamp(preferences.scale, 0.5f, 3.f);
    preferences.font_size = std::clamp(preferences.font_size, 10.f, 32.f);
    return preferences;
}

void toFront(std::vector<std::string> &recent, const std::string &path) {
    std::erase(recent, path);
    recent.insert(recent.begin(), path);
    recent.resize(std::min(recent.size(), kRecentKept));
}

} // namespace

PreferencesPart::PreferencesPart(Core &core, Library &library) : core_(core), library_(library) {
    if (auto kept = library_.value(kName))
        core_.draft.preferences = fromText(*kept);
}

void PreferencesPart::handle(const command::SetPreferences &set) {
    if (set.preferences == core_.draft.preferences)
        return;
    core_.draft.preferences = set.preferences;
    keep();
}

void PreferencesPart::addRecentModel(const std::string &path) {
    toFront(core_.draft.preferences.recent_models, path);
    keep();
}

void PreferencesPart::addRecentDocument(const std::string &path) {
    toFront(core_.draft.preferences.recent_documents, path);
    keep();
}

void PreferencesPart::keep() {
    library_.setValue(kName, toText(core_.draft.preferences));
}

} // namespace longscope::app
