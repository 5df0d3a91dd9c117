#include "ui/strings.h"

#include <functional>
#include <iterator>
#include <string_view>
#include <utility>

namespace longscope::ui {
namespace {

/// So that a look-up by a literal makes no string.
struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using Table = std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>;

Table &table() {
    static Table translations;
    return translations;
}

} // namespace

const char *tr(const char *english) {
    if (table().empty())
        return english;
    const auto found = table().find(std::string_view(english));
    return found == table().end() ? english : found->second.c_str();
}

void setTranslations(std::unordered_map<std::string, std::string> translations) {
    table() = Table(std::make_move_iterator(translations.begin()),
                    std::make_move_iterator(translations.end()));
}

} // namespace longscope::ui
