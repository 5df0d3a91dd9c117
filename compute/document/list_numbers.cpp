#include "compute/document/list_numbers.h"

#include <algorithm>
#include <utility>

namespace longscope::document {
namespace {

std::string letters(unsigned number, char first) {
    return std::string(std::min((number - 1) / 26 + 1, 5u),
                       static_cast<char>(first + static_cast<char>((number - 1) % 26)));
}

std::string roman(unsigned number, bool upper) {
    constexpr std::pair<unsigned, std::string_view> kDigits[] = {
        {1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"},
        {40, "xl"},  {10, "x"},   {9, "ix"},  {5, "v"},    {4, "iv"},  {1, "i"}};
    std::string out;
    for (auto [value, digit] : kDigits)
        for (; number >= value; number -= value)
            out += digit;
    if (upper)
        for (char &c : out)
            c = static_cast<char>(c - 'a' + 'A');
    return out;
}

} // namespace

NumberForm numberForm(std::string_view name) {
    constexpr std::pair<std::string_view, NumberForm> kNames[] = {
        {"none", NumberForm::none},       {"", NumberForm::none},
        {"decimal", NumberForm::decimal}, {"decimalZero", NumberForm::decimal},
        {"1", NumberForm::decimal},       {"lowerLetter", NumberForm::lower_letter},
        {"a", NumberForm::lower_letter},  {"upperLetter", NumberForm::upper_letter},
        {"A", NumberForm::upper_letter},  {"lowerRoman", NumberForm::lower_roman},
        {"i", NumberForm::lower_roman},   {"upperRoman", NumberForm::upper_roman},
        {"I", NumberForm::upper_roman}};
    const auto *found =
        std::ranges::find(kNames, name, &std::pair<std::string_view, NumberForm>::first);
    return found == std::end(kNames) ? NumberForm::bullet : found->second;
}

std::string formatNumber(unsigned number, NumberForm form) {
    switch (form) {
    case NumberForm::none:
    case NumberForm::bullet:
        return "";
    case NumberForm::lower_letter:
    case NumberForm::upper_letter:
        if (number > 0)
            return letters(number, form == NumberForm::lower_letter ? 'a' : 'A');
        break;
    case NumberForm::lower_roman:
    case NumberForm::upper_roman:
        if (number > 0 && number < 4000)
            return roman(number, form == NumberForm::upper_roman);
        break;
    case NumberForm::decimal:
        break;
    }
    return std::to_string(number);
}

std::string ListCounter::next(const ListLevels &levels, size_t level) {
    level = std::min(level, kListLevels - 1);
    const ListLevel &own = levels[level];
    counts_[level] = counts_[level] == 0 ? own.start : counts_[level] + 1;
    std::fill(counts_.begin() + static_cast<ptrdiff_t>(level) + 1, counts_.end(), 0u);
    if (own.form == NumberForm::bullet)
        return "- ";
    if (own.form == NumberForm::none)
        return "";
    std::string out;
    for (size_t at = 0; at < own.text.size(); ++at) {
        bool counter = own.text[at] == '%' && at + 1 < own.text.size() && own.text[at + 1] >= '1' &&
                       own.text[at + 1] <= '9';
        if (!counter) {
            out += own.text[at];
            continue;
        }
        size_t named = static_cast<size_t>(own.text[++at] - '1');
        unsigned count = counts_[named] > 0 ? counts_[named] : levels[named].start;
        out += formatNumber(count, levels[named].form);
    }
    return out.empty() ? out : out + ' ';
}

} // namespace longscope::document
