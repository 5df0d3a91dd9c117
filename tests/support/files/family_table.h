// How the tables of test models are written down; for family_table*.cpp alone.
#pragma once

#include "tests/support/family_models.h"

namespace longscope::testing {

/// One line of a table: keys of the small variants, and what the full one has beyond them.
struct FamilyLine {
    std::string architecture;
    KeyList keys{};
    KeyList full_keys{};
    std::vector<std::string> with{}; ///< in the small variants, beside output.weight
    std::vector<std::string> without{};
    std::vector<std::string> full_with{};
    std::vector<std::string> full_without{};
    std::vector<FamilyVariant> more{};
};
using Ints = std::vector<int32_t>;

/// The variants of a line.
Family familyOf(const FamilyLine &line);
/// `first` with `second` behind.
KeyList joined(KeyList first, const KeyList &second);

std::vector<FamilyLine> denseLines(), expertLines(), recurrentLines();

} // namespace longscope::testing
