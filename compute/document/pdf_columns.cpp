// Order of reading: a page is cut at the gaps between its columns, into bands where a line runs
// over several; what is no column but cells becomes rows (an XY-cut that lets lines cross).
#include "compute/document/pdf_lines.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace longscope::document {
namespace {

constexpr size_t kLeastColumnLines = 3;
constexpr size_t kLeastColumnBytes = 14; // a line of text on average; cells of tables are shorter
constexpr float kLeastGap = 0.8f;        // in font sizes
constexpr float kMostCrossing = 0.34f;   // of all lines of a region
constexpr size_t kMostLines = 3000;      // a fuller page is no text; its lines stay as they come
constexpr int kMostCuts = 6;             // one inside the other

float medianSize(const std::vector<PdfLine> &lines) {
    std::vector<float> sizes;
    for (const PdfLine &line : lines)
        sizes.push_back(line.font_size);
    auto middle = sizes.begin() + static_cast<ptrdiff_t>(sizes.size() / 2);
    std::ranges::nth_element(sizes, middle);
    return std::max(*middle, 1.0f);
}

struct Side {
    size_t lines = 0, bytes = 0;
    void add(const PdfLine &line) {
        ++lines;
        bytes += line.text.size();
    }
    bool isText() const { return lines >= kLeastColumnLines && bytes >= kLeastColumnBytes * lines; }
};

struct Gap {
    float left = 0, right = 0;
    float middle() const { return (left + right) / 2; }
};

/// Whether columns of text stand at both sides.
bool partsColumns(const std::vector<PdfLine> &lines, const Gap &gap) {
    Side left, right;
    for (const PdfLine &line : lines) {
        if (line.right <= gap.middle())
            left.add(line);
        else if (line.left >= gap.middle())
            right.add(line);
    }
    return left.isText() && right.isText();
}

/// How many lines stand over each of equal strips of a region.
struct Coverage {
    explicit Coverage(const std::vector<PdfLine> &lines);
    float placeOf(size_t strip) const { return left + width * static_cast<float>(strip); }

    static constexpr size_t kStrips = 600;
    float left = 0, width = 1; ///< of a strip, points
    std::vector<int> lines_over;
};

Coverage::Coverage(const std::vector<PdfLine> &lines) : lines_over(kStrips + 1) {
    float right = lines.front().right;
    left = lines.front().left;
    for (const PdfLine &line : lines) {
        left = std::min(left, line.left);
        right = std::max(right, line.right);
    }
    width = std::max((right - left) / static_cast<float>(kStrips), 1e-3f);
    auto strip = [&](float x) {
        auto at = static_cast<size_t>(std::max(0.0f, (x - left) / width));
        return std::min(at, kStrips - 1);
    };
    for (const PdfLine &line : lines) {
        ++lines_over[strip(line.left)];
        --lines_over[strip(line.right) + 1];
    }
    for (size_t i = 1; i <= kStrips; ++i)
        lines_over[i] += lines_over[i - 1];
    lines_over.pop_back();
}

/// The widest gap between columns that the fewest lines cross; `found` false when there is none.
Gap findGap(const std::vector<PdfLine> &lines, bool &found) {
    found = false;
    Gap best;
    if (lines.size() < 2 * kLeastColumnLines)
        return best;
    Coverage coverage(lines);
    float least = kLeastGap * medianSize(lines);
    int most = static_cast<int>(kMostCrossing * static_cast<float>(lines.size()));
    for (int crossing = 0; crossing <= most && !found; crossing += std::max(1, crossing / 2)) {
        for (size_t first = 0; first < Coverage::kStrips;) {
            size_t next = first;
            while (next < Coverage::kStrips && coverage.lines_over[next] <= crossing)
                ++next;
            Gap gap{coverage.placeOf(first), coverage.placeOf(next)};
            if (gap.right - gap.left >= least && gap.right - gap.left > best.right - best.left &&
                partsColumns(lines, gap)) {
                best = gap;
                found = true;
            }
            first = next + 1;
        }
    }
    return best;
}

class Orderer {
  public:
    explicit Orderer(size_t &column) : column_(column) {}
    void order(std::vector<PdfLine> lines, int cuts);
    std::vector<PdfLine> take() { return std::move(out_); }

  private:
    void cut(std::vector<PdfLine> lines, const Gap &gap, int cuts);
    void addRows(std::vector<PdfLine> lines);
    void addRow(std::vector<PdfLine> &cells, bool in_table);

    size_t &column_;
    std::vector<PdfLine> out_;
};

void Orderer::order(std::vector<PdfLine> lines, int cuts) {
    if (lines.empty())
        return;
    bool found = false;
    Gap gap;
    if (cuts < kMostCuts && lines.size() <= kMostLines)
        gap = findGap(lines, found);
    if (found)
        cut(std::move(lines), gap, cuts);
    else
        addRows(std::move(lines));
}

void Orderer::cut(std::vector<PdfLine> lines, const Gap &gap, int cuts) {
    std::vector<PdfLine> crossing;
    std::vector<PdfLine> sides[2];
    for (PdfLine &line : lines) {
        if (line.left < gap.middle() && line.right > gap.middle())
            crossing.push_back(std::move(line));
        else
            sides[line.left >= gap.middle()].push_back(std::move(line));
    }
    std::ranges::stable_sort(crossing, {}, &PdfLine::top);
    size_t done = 0;
    // Bands of columns between lines, or blocks of lines, that run over both.
    for (size_t first = 0; first <= crossing.size();) {
        float until = first < crossing.size() ? crossing[first].middle() : INFINITY;
        std::vector<PdfLine> band[2];
        for (int side : {0, 1}) {
            std::vector<PdfLine> rest;
            for (PdfLine &line : sides[side])
                (line.middle() < until ? band[side] : rest).push_back(std::move(line));
            sides[side] = std::move(rest);
        }
        if (!band[0].empty() || !band[1].empty()) {
            addRows({crossing.begin() + static_cast<ptrdiff_t>(done),
                     crossing.begin() + static_cast<ptrdiff_t>(first)});
            done = first;
            order(std::move(band[0]), cuts + 1);
            order(std::move(band[1]), cuts + 1);
        }
        ++first;
    }
    addRows({crossing.begin() + static_cast<ptrdiff_t>(done), crossing.end()});
}

void Orderer::addRow(std::vector<PdfLine> &cells, bool in_table) {
    std::ranges::stable_sort(cells, {}, &PdfLine::left);
    PdfLine row = std::move(cells.front());
    for (size_t i = 1; i < cells.size(); ++i) {
        const PdfLine &cell = cells[i];
        row.text += in_table ? " | " : " ";
        row.text += cell.text;
        row.left = std::min(row.left, cell.left);
        row.right = std::max(row.right, cell.right);
        row.top = std::min(row.top, cell.top);
        row.bottom = std::max(row.bottom, cell.bottom);
        row.font_size = std::max(row.font_size, cell.font_size);
        row.bold = row.bold && cell.bold;
    }
    row.row = in_table;
    row.column = column_;
    out_.push_back(std::move(row));
}

void Orderer::addRows(std::vector<PdfLine> lines) {
    if (lines.empty())
        return;
    if (lines.size() <= kMostLines)
        std::ranges::stable_sort(lines, {}, &PdfLine::top);
    std::vector<std::vector<PdfLine>> rows;
    for (PdfLine &line : lines) {
        if (rows.empty() || lines.size() > kMostLines || !sameRow(rows.back().front(), line))
            rows.emplace_back();
        rows.back().push_back(std::move(line));
    }
    for (size_t i = 0; i < rows.size(); ++i) {
        bool beside = (i > 0 && out_.back().row) || (i + 1 < rows.size() && rows[i + 1].size() > 1);
        addRow(rows[i], rows[i].size() > 1 && beside);
    }
    ++column_;
}

} // namespace

std::vector<PdfLine> inReadingOrder(std::vector<PdfLine> pieces, size_t &first_column) {
    std::vector<PdfLine> upright, others;
    for (PdfLine &piece : pieces)
        (piece.upright ? upright : others).push_back(std::move(piece));
    Orderer orderer(first_column);
    orderer.order(std::move(upright), 0);
    std::vector<PdfLine> out = orderer.take();
    for (PdfLine &line : others) {
        line.column = first_column++;
        out.push_back(std::move(line));
    }
    return out;
}

} // namespace longscope::document
