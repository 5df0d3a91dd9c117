// Markdown to HTML through md4c, for export.cpp.
#pragma once

#include <string>
#include <string_view>

namespace longscope::app {

/// Safe to put into a page: HTML in the text is shown as text, pictures as their descriptions, and
/// links are kept only to http, https and mailto.
std::string htmlOfMarkdown(std::string_view markdown);
std::string escapeHtml(std::string_view text);

} // namespace longscope::app
