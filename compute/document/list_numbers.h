// The numbers that word processors set before items of lists and headings, from their counters.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace longscope::document {

enum class NumberForm {
    none,
    bullet,
    decimal,
    lower_letter,
    upper_letter,
    lower_roman,
    upper_roman
};

/// "decimal", "lowerRoman" of DOCX, "1", "i" of ODT; bullets for what is unknown.
NumberForm numberForm(std::string_view name);

/// "12", "l", "XII"; "" for none and bullet. Letters beyond 26 double ("aa"), romans beyond 3999
/// are decimal.
std::string formatNumber(unsigned number, NumberForm form);

constexpr size_t kListLevels = 10;

struct ListLevel {
    NumberForm form = NumberForm::bullet;
    unsigned start = 1;
    std::string text = "%1."; ///< "%1.%2": the counters of levels 1 and 2
};
using ListLevels = std::array<ListLevel, kListLevels>;

/// Counts one list, or all the stretches of one that goes on.
class ListCounter {
  public:
    /// The mark of the next item of a level (0 = top): "- ", "2. ", "" for NumberForm::none.
    std::string next(const ListLevels &levels, size_t level);

  private:
    std::array<unsigned, kListLevels> counts_{};
};

} // namespace longscope::document
