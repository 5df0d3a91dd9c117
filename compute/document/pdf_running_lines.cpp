// Heads and feet that stand on page after page, and page numbers.
#include "compute/document/characters.h"
#include "compute/document/pdf_lines.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace longscope::document {
namespace {

/// Digits as one '#', lower case; a roman number alone too.
std::string withoutDigits(std::string_view text) {
    std::string out;
    bool roman = true;
    for (char c : lowerCase(text)) {
        bool digit = c >= '0' && c <= '9';
        if (!digit || out.empty() || out.back() != '#')
            out += digit ? '#' : c;
        roman = roman && std::string_view("ivxlcdm").contains(c);
    }
    return roman ? "#" : out;
}

struct Place {
    size_t page = 0, line = 0;
    float height = 0; ///< from the page's top
};

constexpr size_t kRowsLookedAt = 3;   // heads of two lines and a rule are seen
constexpr float kSameHeight = 8;      // points
constexpr float kShareOfPages = 0.4f; // left and right pages may differ

/// Of these places of one text, those that repeat at one height over the pages they span.
void markRunning(std::vector<Place> places, std::vector<std::vector<bool>> &running) {
    std::vector<Place> by_height = places;
    std::ranges::sort(by_height, {}, &Place::height);
    float height = by_height[by_height.size() / 2].height;
    std::erase_if(places,
                  [&](const Place &p) { return std::abs(p.height - height) > kSameHeight; });
    size_t span = places.back().page - places.front().page + 1;
    // Of two or three pages, one may be a title page without a head.
    size_t least = std::clamp<size_t>(running.size() - 1, 2, 3);
    if (places.size() < least ||
        static_cast<float>(places.size()) < kShareOfPages * static_cast<float>(span))
        return;
    for (const Place &place : places)
        running[place.page][place.line] = true;
}

} // namespace

size_t dropRunningLines(std::vector<std::vector<PdfLine>> &pages) {
    size_t dropped = 0;
    for (bool from_top : {true, false}) {
        std::vector<std::vector<size_t>> orders(pages.size()); // outermost first
        std::vector<std::vector<bool>> running(pages.size());
        std::vector<std::pair<std::string, Place>> named;
        for (size_t page = 0; page < pages.size(); ++page) {
            const std::vector<PdfLine> &lines = pages[page];
            running[page].resize(lines.size());
            std::vector<size_t> &order = orders[page];
            for (size_t i = 0; i < lines.size(); ++i)
                if (lines[i].upright)
                    order.push_back(i);
            std::ranges::stable_sort(order, [&](size_t a, size_t b) {
                return from_top ? lines[a].top < lines[b].top : lines[a].bottom > lines[b].bottom;
            });
            size_t rows = 0;
            for (size_t i = 0; i < order.size(); ++i) {
                rows += i == 0 || !sameRow(lines[order[i - 1]], lines[order[i]]);
                if (rows > kRowsLookedAt)
                    break;
                const PdfLine &line = lines[order[i]];
                named.push_back({withoutDigits(line.text), {page, order[i], line.middle()}});
            }
        }
        std::ranges::stable_sort(named, {}, &std::pair<std::string, Place>::first);
        for (size_t first = 0; first < named.size();) {
            std::vector<Place> places;
            size_t next = first;
            for (; next < named.size() && named[next].first == named[first].first; ++next)
                places.push_back(named[next].second);
            markRunning(std::move(places), running);
            first = next;
        }
        for (size_t page = 0; page < pages.size(); ++page) {
            std::vector<bool> gone(pages[page].size());
            const std::vector<size_t> &order = orders[page];
            for (size_t first = 0, next = 0; first < order.size(); first = next) {
                bool any = false, numbered = false;
                for (; next < order.size() &&
                       sameRow(pages[page][order[first]], pages[page][order[next]]);
                     ++next) {
                    size_t line = order[next];
                    gone[line] = running[page][line];
                    any = any || gone[line];
                    numbered =
                        numbered || (gone[line] && withoutDigits(pages[page][line].text) == "#");
                }
                // Beside a page number stands the name of a chapter, which may have few pages.
                for (size_t i = first; numbered && i < next; ++i)
                    gone[order[i]] = true;
                if (!any) // what stands further inside belongs to the text
                    break;
            }
            size_t at = 0;
            dropped += std::erase_if(pages[page], [&](const PdfLine &) { return gone[at++]; });
        }
    }
    return dropped;
}

} // namespace longscope::document
