#include "compute/document/pdf_outline.h"

#include "compute/core/text.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace longscope::document {
namespace {

// Points. Places are set at the upper edge of a title, at the foot of its letters, or a line above.
constexpr float kAbovePlace = 24;
constexpr float kNearPlace = 36;
constexpr float kFarthest = std::numeric_limits<float>::infinity();

/// Where each entry of the outline begins.
class Placer {
  public:
    Placer(std::vector<PdfParagraph> &paragraphs, const std::vector<PdfEntry> &entries);
    void place();
    /// Of entry `i`: an index of a paragraph, or nothing.
    std::optional<size_t> paragraphOf(size_t i) const { return places_[i]; }

  private:
    std::optional<size_t> fromPlaceOn(const PdfEntry &entry) const;
    void adopt(size_t entry);

    struct Beginning {
        float top = 0;
        size_t paragraph = 0;
        auto operator<=>(const Beginning &) const = default;
    };
    struct Page {
        std::vector<Beginning> beginnings; ///< from top to bottom
        size_t first = 0;                  ///< of the paragraphs that begin on it
    };
    std::vector<PdfParagraph> &paragraphs_;
    const std::vector<PdfEntry> &entries_;
    std::map<size_t, Page> pages_;  ///< those on which a paragraph begins
    std::vector<size_t> next_text_; ///< from each paragraph on, the first that is no table
    std::vector<std::optional<size_t>> places_;
};

Placer::Placer(std::vector<PdfParagraph> &paragraphs, const std::vector<PdfEntry> &entries)
    : paragraphs_(paragraphs), entries_(entries), places_(entries.size()) {
    for (size_t p = 0; p < paragraphs.size(); ++p) {
        auto [page, fresh] = pages_.try_emplace(paragraphs[p].page);
        if (fresh)
            page->second.first = p;
        page->second.beginnings.push_back({paragraphs[p].top, p});
        if (paragraphs[p].entry > 0)
            places_[paragraphs[p].entry - 1] = p;
    }
    for (auto &[number, page] : pages_)
        std::ranges::sort(page.beginnings);
    next_text_.resize(paragraphs.size() + 1, paragraphs.size());
    for (size_t p = paragraphs.size(); p-- > 0;)
        next_text_[p] = paragraphs[p].prose || paragraphs[p].heading ? p : next_text_[p + 1];
}

/// The paragraph that begins next to the entry's place or below, or on a later page.
std::optional<size_t> Placer::fromPlaceOn(const PdfEntry &entry) const {
    auto page = pages_.lower_bound(*entry.page);
    if (page != pages_.end() && page->first == *entry.page && entry.top) {
        const std::vector<Beginning> &all = page->second.beginnings;
        auto below = std::ranges::lower_bound(all, *entry.top, {}, &Beginning::top);
        float down = below == all.end() ? kFarthest : below->top - *entry.top;
        if (below != all.begin()) {
            auto above = std::prev(below);
            float up = *entry.top - above->top;
            if (up <= kAbovePlace && up < down)
                return above->paragraph;
        }
        if (below != all.end())
            return below->paragraph;
        ++page;
    }
    return page == pages_.end() ? std::nullopt : std::optional(page->second.first);
}

/// A heading's line at the place of an entry with other words is what the entry means.
void Placer::adopt(size_t entry) {
    PdfParagraph &paragraph = paragraphs_[*places_[entry]];
    bool near = entries_[entry].top && paragraph.page == *entries_[entry].page &&
                std::abs(paragraph.top - *entries_[entry].top) <= kNearPlace;
    if (paragraph.heading && paragraph.entry == 0 && near)
        paragraph.entry = entry + 1;
}

void Placer::place() {
    std::optional<size_t> before; // the entry before, in the order of the outline
    for (size_t i = 0; i < entries_.size(); ++i) {
        const PdfEntry &entry = entries_[i];
        if (!places_[i] && entry.page) {
            places_[i] = fromPlaceOn(entry);
            // On one page the order of the outline says more than places do: none may be given.
            if (places_[i] && before && paragraphs_[*places_[*before]].page == *entry.page) {
                bool line = paragraphs_[*places_[*before]].entry == *before + 1;
                places_[i] = std::max(*places_[i], *places_[*before] + line);
            }
            // Where a section begins with a row of a table, the row would be taken for its title.
            if (places_[i] && (places_[i] = next_text_[*places_[i]]) == paragraphs_.size())
                places_[i] = std::nullopt;
            if (places_[i])
                adopt(i);
        }
        if (places_[i])
            before = i;
    }
}

/// Levels of the headings by the size of their letters.
class Levels {
  public:
    Levels(const std::vector<PdfParagraph> &paragraphs, const std::vector<PdfEntry> &entries) {
        for (const PdfParagraph &paragraph : paragraphs)
            if (paragraph.heading) {
                unsigned &listed = listed_[paragraph.size_rank];
                if (paragraph.entry > 0)
                    listed = std::max(listed, entries[paragraph.entry - 1].level);
            }
        bool any = std::ranges::any_of(listed_, [](auto &size) { return size.second > 0; });
        unsigned deepest = 0;
        for (auto [size, level] : listed_) { // the largest first
            if (level == 0 && any && deepest == 0) {
                levels_[size] = 1; // larger than all of the outline: the title of the whole
                continue;
            }
            levels_[size] = level > 0 ? level : deepest + 1;
            deepest = std::max(deepest, levels_[size]);
        }
    }
    /// Of a heading that the outline does not have, below one of level `above` that it has.
    unsigned of(const PdfParagraph &paragraph, unsigned above) const {
        unsigned level = levels_.at(paragraph.size_rank);
        return listed_.at(paragraph.size_rank) > 0 ? level : std::max(level, above + 1);
    }

  private:
    std::map<int, unsigned, std::greater<>> listed_; ///< the outline's level for a size, or 0
    std::map<int, unsigned> levels_;
};

} // namespace

void settlePages(std::vector<PdfEntry> &entries) {
    for (size_t i = entries.size(); i-- > 1;) {
        PdfEntry &above = entries[i - 1];
        const PdfEntry &below = entries[i];
        if (!above.page && below.level > above.level) {
            above.page = below.page;
            above.top = below.top;
        }
    }
}

PdfHeadings findHeadings(std::vector<PdfParagraph> &paragraphs,
                         const std::vector<PdfEntry> &entries) {
    Placer placer(paragraphs, entries);
    placer.place();
    Levels levels(paragraphs, entries);
    PdfHeadings out;
    std::multimap<size_t, size_t> without_line; // paragraph, entry
    for (size_t i = 0; i < entries.size(); ++i) {
        if (trimSpaces(entries[i].title).empty())
            continue;
        auto at = placer.paragraphOf(i);
        out.left_out += !at;
        if (at && paragraphs[*at].entry != i + 1)
            without_line.emplace(*at, i);
    }
    unsigned above = 0;
    for (size_t p = 0; p < paragraphs.size(); ++p) {
        auto [first, last] = without_line.equal_range(p);
        for (; first != last; ++first) {
            const PdfEntry &entry = entries[first->second];
            out.headings.push_back({p, above = entry.level, entry.title, false});
        }
        if (!paragraphs[p].heading)
            continue;
        if (paragraphs[p].entry == 0) {
            out.headings.push_back({p, levels.of(paragraphs[p], above), "", true});
            continue;
        }
        const PdfEntry &entry = entries[paragraphs[p].entry - 1];
        out.headings.push_back({p, above = entry.level, entry.title, true});
    }
    return out;
}

} // namespace longscope::document
