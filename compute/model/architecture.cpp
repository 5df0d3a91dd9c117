// The rows of compute/model/architecture.h.
#include "compute/model/architecture.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <vector>

namespace longscope::model {
namespace {

constexpr Architecture kArchitectures[] = {
    {.name = "llama",
     .rope_layout = RopeLayout::norm,
     .rope_factors = true,
     .rope_needs_full_head = true,
     .ffn = FfnKind::swiglu,
     .ffn_scale = true,
     .attn_out_bias = true},
};

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
    const auto *found = std::ranges::find(kArchitectures, name, &Architecture::name);
    return found == std::end(kArchitectures) ? nullptr : found;
}

std::string_view nearestArchitecture(std::string_view name) {
    // A name of a file can be long; beyond its first bytes it is like nothing that is known.
    std::string_view head = name.substr(0, 64);
    return std::ranges::min_element(
               kArchitectures, {},
               [&](const Architecture &row) { return editDistance(head, row.name); })
        ->name;
}

} // namespace longscope::model
