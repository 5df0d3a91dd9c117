#include "compute/document/rtf_words.h"

#include <algorithm>
#include <format>

namespace longscope::document {
namespace {

struct Destination {
    std::string_view word;
    RtfGroup group;
};
// Sorted. Those with \* before them that are not here are skipped, too.
constexpr Destination kDestinations[] = {
    {"annotation", RtfGroup::note},
    {"atnauthor", RtfGroup::skipped},
    {"atnid", RtfGroup::skipped},
    {"author", RtfGroup::skipped},
    {"bkmkend", RtfGroup::skipped},
    {"bkmkstart", RtfGroup::skipped},
    {"blipuid", RtfGroup::skipped},
    {"colortbl", RtfGroup::skipped},
    {"company", RtfGroup::skipped},
    {"creatim", RtfGroup::skipped},
    {"datafield", RtfGroup::skipped},
    {"doccomm", RtfGroup::skipped},
    {"falt", RtfGroup::skipped},
    {"filetbl", RtfGroup::skipped},
    {"fldinst", RtfGroup::skipped},
    {"fonttbl", RtfGroup::fonts},
    {"footer", RtfGroup::skipped},
    {"footerf", RtfGroup::skipped},
    {"footerl", RtfGroup::skipped},
    {"footerr", RtfGroup::skipped},
    {"footnote", RtfGroup::note},
    {"ftncn", RtfGroup::skipped},
    {"ftnsep", RtfGroup::skipped},
    {"ftnsepc", RtfGroup::skipped},
    {"generator", RtfGroup::skipped},
    {"header", RtfGroup::skipped},
    {"headerf", RtfGroup::skipped},
    {"headerl", RtfGroup::skipped},
    {"headerr", RtfGroup::skipped},
    {"info", RtfGroup::info},
    {"keywords", RtfGroup::skipped},
    {"listlevel", RtfGroup::skipped},
    {"listoverridetable", RtfGroup::skipped},
    {"listtable", RtfGroup::skipped},
    {"listtext", RtfGroup::list_mark},
    {"mmathPr", RtfGroup::skipped},
    {"nonshppict", RtfGroup::skipped},
    {"objdata", RtfGroup::skipped},
    {"operator", RtfGroup::skipped},
    {"pict", RtfGroup::skipped},
    {"pntext", RtfGroup::list_mark},
    {"printim", RtfGroup::skipped},
    {"private", RtfGroup::skipped},
    {"revtbl", RtfGroup::skipped},
    {"revtim", RtfGroup::skipped},
    {"rsidtbl", RtfGroup::skipped},
    {"shpinst", RtfGroup::text},
    {"shppict", RtfGroup::skipped},
    {"shprslt", RtfGroup::skipped},
    {"shptxt", RtfGroup::text},
    {"sn", RtfGroup::skipped},
    {"stylesheet", RtfGroup::styles},
    {"subject", RtfGroup::skipped},
    {"sv", RtfGroup::skipped},
    {"tc", RtfGroup::skipped},
    {"template", RtfGroup::skipped},
    {"themedata", RtfGroup::skipped},
    {"title", RtfGroup::title},
    {"ud", RtfGroup::text},
    {"upr", RtfGroup::text},
    {"wgrffmtfilter", RtfGroup::skipped},
    {"xe", RtfGroup::skipped},
};
static_assert(std::ranges::is_sorted(kDestinations, {}, &Destination::word));

struct Symbol {
    std::string_view word, text;
};
constexpr Symbol kSymbols[] = {
    {"bullet", "\u2022"},    {"emdash", "\u2014"},    {"emspace", " "},     {"endash", "\u2013"},
    {"enspace", " "},        {"ldblquote", "\u201C"}, {"lquote", "\u2018"}, {"qmspace", " "},
    {"rdblquote", "\u201D"}, {"rquote", "\u2019"},    {"tab", "\t"},
};

struct CharacterSet {
    int number;
    uint16_t code_page;
};
constexpr CharacterSet kCharacterSets[] = {
    {0, 1252},   {77, 10000}, {128, 932},  {129, 949},  {130, 1361}, {134, 936},
    {136, 950},  {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256},
    {186, 1257}, {204, 1251}, {222, 874},  {238, 1250}, {254, 437},  {255, 850},
};

} // namespace

std::string encodingOfCodePage(uint16_t code_page) {
    switch (code_page) {
    case 932:
    case 949:
    case 950:
        return std::format("CP{}", code_page);
    case 936:
        return "GB18030";
    case 1361:
        return "JOHAB";
    case 874:
        return "TIS-620";
    case 10000:
        return "MACINTOSH";
    case 65001:
        return "UTF-8";
    case 437:
    case 850:
    case 852:
    case 855:
    case 865:
    case 866:
        return std::format("IBM{}", code_page);
    default:
        return code_page >= 1250 && code_page <= 1258 ? std::format("WINDOWS-{}", code_page)
                                                      : "WINDOWS-1252";
    }
}

std::optional<RtfGroup> findRtfDestination(std::string_view word) {
    const auto *found = std::ranges::lower_bound(kDestinations, word, {}, &Destination::word);
    bool known = found != std::end(kDestinations) && found->word == word;
    return known ? std::optional(found->group) : std::nullopt;
}

std::string_view findRtfSymbol(std::string_view word) {
    const auto *found = std::ranges::find(kSymbols, word, &Symbol::word);
    return found != std::end(kSymbols) ? found->text : std::string_view();
}

uint16_t codePageOfCharset(int charset) {
    const auto *found = std::ranges::find(kCharacterSets, charset, &CharacterSet::number);
    return found != std::end(kCharacterSets) ? found->code_page : uint16_t{0};
}

} // namespace longscope::document
