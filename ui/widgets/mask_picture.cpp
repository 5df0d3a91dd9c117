#include "ui/widgets/mask_picture.h"

#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace longscope::ui {
namespace {

using attention::Pattern;
using attention::PatternKind;

/// Adds how many of the keys remainder + step * [first, end) lie in each dot.
void addUnits(std::vector<double> &row, uint64_t dot, attention::Interval units, uint64_t step,
              uint64_t remainder) {
    uint64_t unit = units.first;
    while (unit < units.end) {
        uint64_t at = (remainder + step * unit) / dot;
        if (at >= row.size())
            return;
        uint64_t next = ((at + 1) * dot - remainder + step - 1) / step; // first unit beyond the dot
        next = std::min(std::max(next, unit + 1), units.end);
        row[at] += static_cast<double>(next - unit);
        unit = next;
    }
}

void addQuery(std::vector<double> &row, const Pattern &pattern, uint32_t kind, uint64_t query,
              uint64_t dot) {
    std::vector<attention::Interval> keys;
    for (unsigned pass = 0; pass < pattern.passes(); ++pass) {
        keys.clear();
        pattern.appendKeys(pass, kind, query, keys);
        uint64_t step = pattern.step(pass);
        for (attention::Interval units : keys)
            addUnits(row, dot, units, step, query % step);
    }
}

double biggestNumber(const std::string &spec) {
    double most = 1;
    const char *end = spec.data() + spec.size();
    for (const char *at = spec.data(); at < end;) {
        double value = 0;
        auto [after, error] = std::from_chars(at, end, value);
        if (error == std::errc())
            most = std::max(most, value);
        at = error == std::errc() ? after : at + 1;
    }
    return most;
}

void explainDot(const MaskCells &cells, uint32_t row, uint32_t column, float share) {
    uint64_t dot = cells.dot_tokens;
    auto from = [&](uint64_t i) { return countText(static_cast<double>(i * dot)); };
    auto to = [&](uint64_t i) { return countText(static_cast<double>((i + 1) * dot - 1)); };
    bool one = dot == 1;
    std::string query = one ? from(row) : from(row) + " to " + to(row);
    std::string key = one ? from(column) : from(column) + " to " + to(column);
    std::string seen = share < 0           ? "later than the query: never seen"
                       : share == 0        ? "not seen"
                       : one || share >= 1 ? "seen"
                                           : percentText(static_cast<double>(share)) + " seen";
    ImGui::SetTooltip("Query %s, key %s: %s.", query.c_str(), key.c_str(), seen.c_str());
}

} // namespace

MaskCells countMask(const Pattern &pattern, uint32_t kind, uint64_t tokens, uint32_t side) {
    MaskCells cells;
    cells.side = side;
    cells.dot_tokens = std::max<uint64_t>((tokens + side - 1) / side, 1);
    cells.share.assign(size_t{side} * side, -1);
    const uint64_t dot = cells.dot_tokens, queries = std::min<uint64_t>(dot, 4);
    std::vector<double> seen(side), causal(side);
    for (uint32_t row = 0; row < side; ++row) {
        std::ranges::fill(seen, 0.0);
        std::ranges::fill(causal, 0.0);
        for (uint64_t i = 0; i < queries; ++i) {
            uint64_t query = row * dot + i * dot / queries + dot / queries / 2;
            addQuery(seen, pattern, kind, query, dot);
            addUnits(causal, dot, {0, query + 1}, 1, 0);
        }
        for (uint32_t column = 0; column <= row; ++column)
            cells.share[size_t{row} * side + column] =
                causal[column] > 0
                    ? static_cast<float>(std::min(seen[column] / causal[column], 1.0))
                    : 0;
    }
    return cells;
}

uint64_t tokensToShow(const Pattern &pattern, uint64_t most) {
    std::span<const double> numbers = pattern.numbers();
    double reach = biggestNumber(pattern.spec());
    if (pattern.kind() == PatternKind::dilated)
        reach = numbers[0] * numbers[1];
    if (pattern.kind() == PatternKind::bigbird)
        reach = 2 * numbers[0] * (numbers[1] + numbers[2] + numbers[3]);
    if (pattern.kind() == PatternKind::full || pattern.isDynamic())
        reach = 1;
    double wanted = std::min(3 * reach, static_cast<double>(std::max<uint64_t>(most, 64)));
    return std::max<uint64_t>(static_cast<uint64_t>(wanted), 64);
}

void maskPicture(const char *id, const MaskCells &cells, float size) {
    if (cells.side == 0)
        return;
    ImVec2 corner = ImGui::GetCursorScreenPos();
    ImGui::InvisibleButton(id, {size, size});
    ImDrawList &list = *ImGui::GetWindowDrawList();
    list.AddRectFilled(corner, {corner.x + size, corner.y + size},
                       ImGui::GetColorU32(codeGround()));
    const float pitch = size / static_cast<float>(cells.side);
    const float gap = pitch > 3 ? pitch * 0.15F : 0;
    for (uint32_t row = 0; row < cells.side; ++row)
        for (uint32_t column = 0; column <= row; ++column) {
            float share = cells.share[size_t{row} * cells.side + column];
            ImVec4 colour = share > 0 ? accent() : ghost();
            // A few of many pairs must still be visible: the root, and not below a quarter.
            colour.w *= share > 0 ? std::max(std::sqrt(share), 0.25F) : 0.25F;
            ImVec2 at = {corner.x + pitch * static_cast<float>(column),
                         corner.y + pitch * static_cast<float>(row)};
            list.AddRectFilled({at.x, at.y}, {at.x + pitch - gap, at.y + pitch - gap},
                               ImGui::GetColorU32(colour));
        }
    if (!ImGui::IsItemHovered())
        return;
    ImVec2 mouse = ImGui::GetMousePos();
    auto last = static_cast<float>(cells.side - 1);
    auto column = static_cast<uint32_t>(std::clamp((mouse.x - corner.x) / pitch, 0.0F, last));
    auto row = static_cast<uint32_t>(std::clamp((mouse.y - corner.y) / pitch, 0.0F, last));
    explainDot(cells, row, column, cells.share[size_t{row} * cells.side + column]);
}

} // namespace longscope::ui
