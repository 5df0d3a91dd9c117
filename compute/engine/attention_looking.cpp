// The part of `Attention` that knows how the timeline was read: a token that was read alone saw
// other keys than one of a chunk where the data decide. Looking again follows that as far as it
// can.
#include "compute/attention/plan.h"
#include "compute/engine/attention_impl.h"

#include <algorithm>
#include <format>

namespace longscope::engine {

using attention::EvictionKind;
using attention::Interval;

void Attention::noteSingle(uint64_t position) {
    if (!singles_.empty() && singles_.back().end == position)
        ++singles_.back().end;
    else
        singles_.push_back({position, position + 1});
}

void Attention::cutSingles(uint64_t count) {
    restored_ = std::min(restored_, count);
    while (!singles_.empty() && singles_.back().first >= count)
        singles_.pop_back();
    if (!singles_.empty())
        singles_.back().end = std::min(singles_.back().end, count);
}

/// The positions read one by one around this one or, else, the next ones; at the end none.
Interval Attention::singleOrNext(uint64_t position) const {
    auto found = std::ranges::upper_bound(singles_, position, {}, &Interval::end);
    return found != singles_.end() ? *found : Interval{UINT64_MAX, UINT64_MAX};
}

/// Whether the rows of the chunk are, or were, read one by one.
bool Attention::readSingly() const {
    if (!looking_back_)
        return chunk_.rows == 1;
    Interval single = singleOrNext(chunk_.position);
    return single.first <= chunk_.position && chunk_.position + chunk_.rows <= single.end;
}

uint64_t Attention::lookEnd(uint64_t first) const {
    const bool by_pages = options_.eviction.kind == EvictionKind::quest;
    if (!by_pages && !options_.patterns.anyDynamic())
        return UINT64_MAX;
    Interval single = singleOrNext(first);
    if (first < single.first)
        return single.first;
    return by_pages ? first + 1 : single.end;
}

std::string Attention::lookingNote(Interval queries, uint32_t layers) const {
    if (options_.eviction.kind == EvictionKind::quest && layers > attention::kQuestDenseLayers &&
        queries.first < restored_ && std::min(queries.end, restored_) > options_.eviction.keep)
        return std::format("The session came from a file, which does not say which of its {} "
                           "tokens were written one by one: these read pages chosen by {}, but are "
                           "shown as if they had read all.",
                           restored_, options_.eviction.spec);
    Interval single = singleOrNext(queries.first);
    if (single.first <= queries.first && queries.end <= single.end)
        return "";
    for (uint32_t layer = 0; layer < layers; ++layer)
        if (const auto &pattern = options_.patterns.of(layer);
            layerOf(layer).attends() && pattern.isDynamic())
            return std::format("{} chooses keys for tokens that are read together: these were "
                               "chosen anew for the tokens shown, and may differ from those of the "
                               "reading.",
                               pattern.spec());
    return "";
}

} // namespace longscope::engine
