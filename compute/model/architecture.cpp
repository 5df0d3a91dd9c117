// Finds the row of a name.
#include "compute/model/architecture_rows.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace longscope::model {
namespace {

/// Levenshtein: insertions, deletions and replacements that turn `a` into `b`.
size_t editDistance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

} // namespace

const Architecture *findArchitecture(std::string_view name) {
    std::span<const Architecture> rows = architectureRows();
    auto found = std::ranges::find(rows, name, &Architecture::name);
    return found == rows.end() ? nullptr : &*found;
}

std::string_view nearestArchitecture(std::string_view name) {
    // A name of a file can be long; beyond its first bytes it is like nothing that is known.
    std::string_view head = name.substr(0, 64);
    return std::ranges::min_element(
               architectureRows(), {},
               [&](const Architecture &row) { return editDistance(head, row.name); })
        ->name;
}

} // namespace longscope::model
