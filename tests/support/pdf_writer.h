// Small PDFs for tests, hostile ones too.
#pragma once

#include <cstddef>
#include <format>
#include <string>
#include <vector>

namespace longscope::testing {

/// Objects 1 (the catalogue), 2 ...; the reader finds them without a table of their places.
inline std::string makePdf(const std::vector<std::string> &objects) {
    std::string out = "%PDF-1.5\n";
    for (size_t i = 0; i < objects.size(); ++i)
        out += std::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
    return out + "trailer\n<</Root 1 0 R>>\n%%EOF\n";
}

inline std::string streamObject(const std::string &content, const std::string &keys = "") {
    return std::format("<</Length {} {}>>\nstream\n{}\nendstream", content.size(), keys, content);
}

} // namespace longscope::testing
