// What of a page is its content. Two steps: parts that are surely furniture go, one by one; then,
// when one part holds most of what is left, what is around it goes too.
#include "compute/document/html_tree.h"

#include <algorithm>
#include <string_view>

namespace longscope::document {
namespace {

constexpr double kLinkList = 0.6; ///< share of link text from which a part is a list of links

class Content {
  public:
    explicit Content(HtmlTree &tree) : nodes_(tree.nodes) {}
    void dropHidden();
    void choose();

  private:
    void drop(size_t index);
    bool isFurniture(const HtmlNode &node, bool in_article) const;
    void dropFurniture();
    size_t findMarked() const;
    size_t findDense() const;
    std::vector<double> scores() const;
    void keepOnly(size_t root, bool strict);
    bool holds(const HtmlNode &node, double share) const {
        return static_cast<double>(node.text_bytes) >=
               share * static_cast<double>(nodes_[0].text_bytes);
    }

    std::vector<HtmlNode> &nodes_;
};

/// Takes the part and its sums out of all that is around it.
void Content::drop(size_t index) {
    HtmlNode &node = nodes_[index];
    node.dropped = true;
    for (size_t at = index; at != 0;) {
        at = nodes_[at].parent;
        HtmlNode &outer = nodes_[at];
        outer.text_bytes -= node.text_bytes;
        outer.link_bytes -= node.link_bytes;
        outer.links -= node.links;
        outer.tables -= node.tables;
        outer.headings -= node.headings;
        outer.wide_rows -= node.wide_rows;
        outer.cells -= node.cells;
    }
}

void Content::dropHidden() {
    for (size_t i = 1; i < nodes_.size(); i = nodes_[i].dropped ? nodes_[i].end : i + 1)
        if (nodes_[i].hinted(html_hint::kHidden))
            drop(i);
}

bool Content::isFurniture(const HtmlNode &node, bool in_article) const {
    double links = node.linkShare();
    switch (node.tag) {
    case GUMBO_TAG_NAV:
        return true;
    case GUMBO_TAG_ASIDE:
        return !in_article || links > 0.3;
    case GUMBO_TAG_FOOTER:
        return !in_article || links > 0.3;
    case GUMBO_TAG_HEADER:
        return (!in_article && node.headings == 0) || links > 0.5;
    case GUMBO_TAG_MAIN:
    case GUMBO_TAG_ARTICLE:
        return false;
    default:
        break;
    }
    if (node.hinted(html_hint::kFurniture))
        return true;
    if (node.hinted(html_hint::kUnlikely) && !node.hinted(html_hint::kLikely) &&
        !isHtmlHeading(node.tag))
        return true;
    bool part = node.tag == GUMBO_TAG_DIV || node.tag == GUMBO_TAG_SECTION ||
                node.tag == GUMBO_TAG_UL || node.tag == GUMBO_TAG_OL || node.tag == GUMBO_TAG_DL ||
                node.tag == GUMBO_TAG_TABLE || node.tag == GUMBO_TAG_P ||
                node.tag == GUMBO_TAG_MENU;
    return part && node.links >= 3 && links > kLinkList;
}

void Content::dropFurniture() {
    size_t article_end = 0;
    for (size_t i = 1; i < nodes_.size();) {
        HtmlNode &node = nodes_[i];
        if (node.tag == GUMBO_TAG_MAIN || node.tag == GUMBO_TAG_ARTICLE)
            article_end = std::max(article_end, node.end);
        bool element = node.text == nullptr && !node.dropped;
        if (element && isFurniture(node, i < article_end) && !holds(node, 0.5))
            drop(i);
        i = node.dropped ? node.end : i + 1;
    }
}

/// The page's own word: `main`, or the one article that holds most; 0 when there is none.
size_t Content::findMarked() const {
    size_t best = 0;
    bool has_main = false;
    for (size_t i = 1; i < nodes_.size(); i = nodes_[i].dropped ? nodes_[i].end : i + 1) {
        const HtmlNode &node = nodes_[i];
        bool main = node.tag == GUMBO_TAG_MAIN || node.hinted(html_hint::kMain);
        if (node.dropped || (!main && node.tag != GUMBO_TAG_ARTICLE) || (has_main && !main))
            continue;
        bool larger = best == 0 || node.text_bytes > nodes_[best].text_bytes;
        best = larger || (main && !has_main) ? i : best;
        has_main = has_main || main;
    }
    constexpr size_t kEnoughBytes = 200;
    bool enough =
        best > 0 && (has_main ? nodes_[best].text_bytes >= kEnoughBytes : holds(nodes_[best], 0.5));
    return enough && nodes_[best].linkShare() < 0.5 ? best : 0;
}

/// Readability's points: a paragraph gives its own to what is around it, less with the distance.
std::vector<double> Content::scores() const {
    std::vector<double> points(nodes_.size(), 0);
    for (size_t i = 1; i < nodes_.size(); i = nodes_[i].dropped ? nodes_[i].end : i + 1) {
        const HtmlNode &node = nodes_[i];
        bool paragraph = node.tag == GUMBO_TAG_P || node.tag == GUMBO_TAG_PRE ||
                         node.tag == GUMBO_TAG_TD || node.tag == GUMBO_TAG_BLOCKQUOTE;
        // Text that stands in a DIV of its own counts as a paragraph of it.
        bool loose = node.text && nodes_[node.parent].tag == GUMBO_TAG_DIV;
        constexpr size_t kShortest = 25;
        if (node.dropped || (!paragraph && !loose) || node.text_bytes < kShortest)
            continue;
        double score = 1 + std::min(static_cast<double>(node.text_bytes) / 80.0, 4.0);
        size_t outer = node.parent;
        for (double level = 0; level < 5; ++level) {
            points[outer] += score / (level == 0 ? 1 : level == 1 ? 2 : 3 * level);
            if (outer == 0)
                break;
            outer = nodes_[outer].parent;
        }
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
        if (points[i] > 0 && nodes_[i].hinted(html_hint::kLikely))
            points[i] += 25;
        points[i] *= 1 - nodes_[i].linkShare();
    }
    return points;
}

/// The part with the most points, 0 when it does not hold most of the text.
size_t Content::findDense() const {
    std::vector<double> points = scores();
    size_t best = static_cast<size_t>(std::ranges::max_element(points) - points.begin());
    while (best != 0 && !holds(nodes_[best], 0.7)) {
        // A part beside it may be as good: go out as long as that brings much more text.
        size_t outer = nodes_[best].parent;
        if (points[outer] < points[best] / 3)
            break;
        best = outer;
    }
    return best != 0 && holds(nodes_[best], 0.7) ? best : 0;
}

/// Keeps what is inside `root`; before it the page's title, when there is none inside; and, where
/// the page did not say itself which part counts, what else looks like text.
void Content::keepOnly(size_t root, bool strict) {
    constexpr size_t kSomeText = 80; // bytes
    bool titled = false;
    for (size_t i = root; i < nodes_[root].end && !titled; ++i)
        titled = nodes_[i].tag == GUMBO_TAG_H1 && !nodes_[i].dropped;
    for (size_t i = 1; i < nodes_.size();) {
        HtmlNode &node = nodes_[i];
        bool around = i < root && root < node.end;
        bool title = !titled && i < root && node.tag == GUMBO_TAG_H1;
        bool may_hold_title = !titled && i < root && node.headings > 0 && !title;
        if (!node.dropped && (around || (may_hold_title && !isHtmlHeading(node.tag)))) {
            ++i;
            continue;
        }
        bool text = !strict && node.text_bytes >= kSomeText && node.linkShare() < 0.25;
        if (!node.dropped && i != root && !title && !text)
            drop(i);
        i = node.end;
    }
}

void Content::choose() {
    dropFurniture();
    if (size_t marked = findMarked())
        keepOnly(marked, true);
    else if (size_t dense = findDense())
        keepOnly(dense, false);
}

} // namespace

void dropHidden(HtmlTree &tree) {
    Content(tree).dropHidden();
}

void dropBoilerplate(HtmlTree &tree) {
    Content(tree).choose();
}

} // namespace longscope::document
