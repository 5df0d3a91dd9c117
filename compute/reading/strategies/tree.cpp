#include "compute/reading/strategies/strategies.h"

#include <algorithm>

namespace longscope::reading {
namespace {

/// A heading with what stands below it; the root has the whole text.
struct Section {
    std::string title;
    unsigned level = 0;
    size_t start = 0, end = 0; ///< bytes
    std::vector<Section> sections = {};
};

void close(std::vector<Section> &open, unsigned level, size_t end) {
    while (open.back().level >= level) {
        open.back().end = end;
        Section done = std::move(open.back());
        open.pop_back();
        open.back().sections.push_back(std::move(done));
    }
}

Section outlineOf(const document::Document &document) {
    std::vector<Section> open(1);
    for (const document::Heading &heading : document.headings) {
        unsigned level = std::max(1u, heading.level);
        close(open, level, heading.start);
        open.push_back({.title = heading.title, .level = level, .start = heading.start});
    }
    close(open, 1, document.text.size());
    open.front().end = document.text.size();
    return std::move(open.front());
}

/// The steps of a section, and those whose sentences are its summary.
class Tree {
  public:
    explicit Tree(Planner &planner) : planner_(planner) {}

    std::vector<size_t> plan(const Section &section, unsigned words, size_t most) {
        std::vector<Chunk> whole = planner_.parts(section.start, section.end);
        if (whole.empty())
            return {};
        if (whole.size() == 1)
            return {planner_.addPart(whole.front(), section.title, words)};
        std::vector<Section> sections = partsBelow(section);
        size_t own_end = sections.empty() ? section.end : sections.front().start;
        unsigned part_words = planner_.partWords(2);
        std::vector<size_t> below;
        for (const Chunk &chunk : planner_.parts(section.start, own_end))
            below.push_back(planner_.addPart(chunk, section.title, part_words));
        for (const Section &inner : sections) {
            // A lone section says all that the one above would say.
            bool alone = below.empty() && sections.size() == 1;
            auto steps = plan(inner, alone ? words : part_words, alone ? most : 1);
            below.insert(below.end(), steps.begin(), steps.end());
        }
        return planner_.join(std::move(below), most, part_words, words, section.title);
    }

  private:
    /// The sections of one, which part all of its text but for what stands before the first of
    /// them. Neighbours that one call can read are read together. Titles without text are no
    /// section: they are read with the one that follows, or at the end with the one before.
    std::vector<Section> partsBelow(const Section &section) {
        std::vector<Section> out;
        if (section.sections.empty())
            return out;
        size_t first = section.sections.front().start;
        size_t start = isTitlesAlone(section.start, first) ? section.start : first;
        for (const Section &next : section.sections) {
            if (isTitlesAlone(next.start, next.end))
                continue;
            bool fits = !out.empty() && planner_.chunker().tokens(out.back().start, next.end) <=
                                            planner_.partTokens();
            if (fits) {
                out.back().title.clear();
                out.back().sections.clear();
            } else {
                out.push_back(next);
                out.back().start = start;
            }
            out.back().end = start = next.end;
        }
        if (!out.empty())
            out.back().end = section.end;
        return out;
    }

    /// Whether no paragraph that begins in [start, end) says more than a title.
    bool isTitlesAlone(size_t start, size_t end) const {
        const auto &paragraphs = planner_.document().paragraphs;
        auto at = std::ranges::lower_bound(paragraphs, start, {}, &document::Paragraph::start);
        while (at != paragraphs.end() && at->start < end && at->title)
            ++at;
        return at == paragraphs.end() || at->start >= end;
    }

    Planner &planner_;
};

} // namespace

/// After Wu et al. 2021 (arXiv 2109.10862), without the siblings' summaries as context: with them a
/// changed section would change all that follow.
Plan planTree(Planner &planner) {
    Section root = outlineOf(planner.document());
    if (!planner.smallModel() && planner.parts().size() == 1)
        return planWhole(planner);
    size_t most = planner.smallModel() ? planner.resultSentences() : 1;
    return planner.take(Tree(planner).plan(root, planner.words(), most));
}

bool hasOutline(const document::Document &document) {
    Section section = outlineOf(document);
    while (section.sections.size() == 1)
        section = Section(std::move(section.sections.front()));
    return section.sections.size() >= 2;
}

} // namespace longscope::reading
