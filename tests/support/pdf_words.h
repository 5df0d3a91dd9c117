// Pages of a PDF as the helper process tells them, set here word by word.
#pragma once

#include "compute/document/pdf_pages.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::testing {

/// Sets a line of words, each letter half as wide as the font is high.
inline void setLine(document::PdfPage &page, float left, float top, std::string_view text,
                    float size = 10, bool bold = false) {
    for (size_t at = 0; at < text.size();) {
        size_t end = std::min(text.find(' ', at), text.size());
        document::PdfWord word;
        word.left = left + 0.5f * size * static_cast<float>(at);
        word.right = left + 0.5f * size * static_cast<float>(end);
        word.top = top, word.bottom = top + size, word.font_size = size;
        word.space_after = end < text.size(), word.bold = bold;
        word.text = text.substr(at, end - at);
        page.words.push_back(word);
        at = end + 1;
    }
}

inline document::PdfPage makePage(const std::string &label = "") {
    document::PdfPage page;
    page.width = 600, page.height = 800, page.label = label;
    return page;
}

/// Lines of one column, 12 points apart.
inline void setLines(document::PdfPage &page, float left, float top,
                     const std::vector<std::string> &lines) {
    for (const std::string &line : lines) {
        setLine(page, left, top, line);
        top += 12;
    }
}

} // namespace longscope::testing
