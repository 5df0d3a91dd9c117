// Visible strings pass through here, so that a language can be another table. The English text is
// the key; what a table lacks stays English.
#pragma once

#include <format>
#include <string>
#include <unordered_map>

namespace longscope::ui {

/// Lives until the next setTranslations.
const char *tr(const char *english);
/// A sentence with values in it, the English text with {} being the key: say("{} of {}", a, b).
template <class... Args> std::string say(const char *english, const Args &...args) {
    return std::vformat(tr(english), std::make_format_args(args...));
}
void setTranslations(std::unordered_map<std::string, std::string> table);

} // namespace longscope::ui
