#include "compute/document/pdf_titles.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>

namespace longscope::document {
namespace {

constexpr size_t kMostTitleLines = 3;
constexpr size_t kMostPlaces = 64; ///< of one title on one page; a list of the same word has more

/// Before a number: "Chapter 3", "Anhang B".
constexpr std::string_view kNumbered[] = {
    "chapter", "section", "part",     "appendix", "article", "kapitel",      "abschnitt",
    "teil",    "anhang",  "chapitre", "partie",   "annexe",  "cap\u00EDtulo"};

std::string foldedKey(std::string_view title) {
    std::string key;
    bool after_digit = false, parted = false;
    for (size_t at = 0; at < title.size();) {
        Character c = characterAt(title, at);
        at += c.length;
        bool digit = isDigit(c.code);
        if (!digit && !isLetter(c.code)) {
            parted = true;
            continue;
        }
        if (digit && after_digit && parted)
            key += '.';
        appendUtf8(key, toLower(c.code));
        after_digit = digit;
        parted = false;
    }
    return key;
}

/// Bytes of "3", "3.1.2", "A.1", "IV." at the beginning of a text; 0 when it begins otherwise.
/// A letter alone may be a word ("A view"), unless a stop or bracket follows, or a word went
/// before.
size_t numberLength(std::string_view text, bool after_word) {
    size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    if (digits > 0 && isDigit(characterAt(text, 0).code))
        return digits;
    size_t letters = std::min(text.find_first_not_of("IVXLC"), text.size());
    if (letters == 0 && !text.empty() && text[0] >= 'A' && text[0] <= 'Z')
        letters = 1;
    if (letters == 0)
        return 0;
    size_t end = std::min(text.find_first_not_of("0123456789.", letters), text.size());
    bool closed = end > letters || (end < text.size() && (text[end] == ':' || text[end] == ')'));
    bool apart = end == text.size() || !isLetter(characterAt(text, end).code);
    return apart && (closed || after_word) ? end : 0;
}

std::string_view withoutNumber(std::string_view title) {
    std::string_view rest = trimmed(title);
    size_t word = std::min(rest.find(' '), rest.size());
    bool named = word < 16 && std::ranges::contains(kNumbered, lowerCase(rest.substr(0, word)));
    if (named)
        rest = trimmed(rest.substr(word));
    size_t number = numberLength(rest, named);
    return number > 0 ? rest.substr(number) : title;
}

/// A line without the marks of notes behind it: "Costs[3]".
std::string_view withoutNotes(std::string_view line) {
    while (line.ends_with(']')) {
        size_t open = line.rfind('[');
        if (open == line.npos || open == 0 ||
            line.find_first_not_of("0123456789,", open + 1) != line.size() - 1)
            break;
        line = trimmed(line.substr(0, open));
    }
    return line;
}

class Finder {
  public:
    Finder(std::vector<std::vector<PdfLine>> &pages, const std::vector<PdfEntry> &entries);
    /// Looks for titles not yet found on the pages that their entries lead to, or so many later.
    void look(size_t pages_later);

  private:
    struct Place {
        size_t first = 0, lines = 0;
        std::string full;
    };
    struct Group { ///< what has the same bare key
        std::vector<size_t> entries;
        std::vector<Place> places;
    };
    using Groups = std::map<std::string, Group>; // in order: the same file, the same headings

    static void collect(const std::vector<PdfLine> &lines, Groups &groups);
    void assign(std::vector<PdfLine> &lines, const Group &group, bool whole, bool by_place);

    std::vector<std::vector<PdfLine>> &pages_;
    const std::vector<PdfEntry> &entries_;
    std::vector<TitleKey> keys_; // of entries
    std::vector<bool> found_;
    std::map<size_t, std::vector<size_t>> on_page_; // page, entries
};

Finder::Finder(std::vector<std::vector<PdfLine>> &pages, const std::vector<PdfEntry> &entries)
    : pages_(pages), entries_(entries), found_(entries.size()) {
    for (size_t i = 0; i < entries.size(); ++i) {
        keys_.push_back(titleKey(entries[i].title));
        if (entries[i].page && !keys_[i].full.empty())
            on_page_[*entries[i].page].push_back(i);
    }
}

/// The places of all groups on a page.
void Finder::collect(const std::vector<PdfLine> &lines, Groups &groups) {
    for (size_t first = 0; first < lines.size(); ++first) {
        std::string text;
        for (size_t i = first; i < std::min(first + kMostTitleLines, lines.size()); ++i) {
            const PdfLine &line = lines[i];
            if (line.entry > 0 || !line.upright || text.size() + line.text.size() > kLongestTitle ||
                foldedKey(line.text).empty())
                break;
            text.append(text.empty() ? "" : " ").append(withoutNotes(line.text));
            TitleKey key = titleKey(text);
            auto group = groups.find(key.bare);
            if (group != groups.end() && group->second.places.size() < kMostPlaces)
                group->second.places.push_back({first, i - first + 1, std::move(key.full)});
        }
    }
}

void Finder::assign(std::vector<PdfLine> &lines, const Group &group, bool whole, bool by_place) {
    for (size_t entry : group.entries) {
        if (found_[entry])
            continue;
        const Place *nearest = nullptr;
        float least = std::numeric_limits<float>::infinity();
        for (const Place &place : group.places) {
            auto taken = std::span(lines).subspan(place.first, place.lines);
            if ((whole && place.full != keys_[entry].full) ||
                std::ranges::any_of(taken, [](const PdfLine &line) { return line.entry > 0; }))
                continue;
            float far = by_place && entries_[entry].top
                            ? std::abs(lines[place.first].top - *entries_[entry].top)
                            : 0;
            if (!nearest || far < least) {
                nearest = &place;
                least = far;
            }
        }
        if (!nearest)
            continue;
        for (size_t i = 0; i < nearest->lines; ++i)
            lines[nearest->first + i].entry = entry + 1;
        found_[entry] = true;
    }
}

void Finder::look(size_t pages_later) {
    for (const auto &[page, entries] : on_page_) {
        if (page + pages_later >= pages_.size())
            continue;
        Groups groups;
        for (size_t entry : entries)
            if (!found_[entry])
                groups[keys_[entry].bare].entries.push_back(entry);
        if (groups.empty())
            continue;
        std::vector<PdfLine> &lines = pages_[page + pages_later];
        collect(lines, groups);
        for (bool whole : {true, false})
            for (const auto &[key, group] : groups)
                assign(lines, group, whole, pages_later == 0);
    }
}

} // namespace

TitleKey titleKey(std::string_view title) {
    TitleKey key{.full = foldedKey(title), .bare = foldedKey(withoutNumber(title))};
    if (key.bare.empty())
        key.bare = key.full;
    return key;
}

bool isPageNumber(std::string_view title, size_t page, std::string_view label) {
    std::string key = titleKey(title).full, known = titleKey(label).full;
    for (std::string_view word : {"", "page", "p", "seite", "pagina", "p\u00E1gina"})
        if (key.starts_with(word) && key.size() > word.size())
            if (std::string number = key.substr(word.size());
                number == std::to_string(page + 1) || number == known)
                return true;
    return false;
}

void markTitles(std::vector<std::vector<PdfLine>> &pages, const std::vector<PdfEntry> &entries) {
    Finder finder(pages, entries);
    finder.look(0);
    finder.look(1);
}

} // namespace longscope::document
