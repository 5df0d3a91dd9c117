#include "compute/reading/strategies/strategies.h"

namespace longscope::reading {
namespace {

std::string titleOf(const document::Document &document, const Chunk &chunk) {
    return chunk.heading == 0 ? "" : document.headings[chunk.heading - 1].title;
}

} // namespace

/// As summaries by chunks use the words of "MapReduce" (Dean & Ghemawat 2004): the parts are mapped
/// alone, and what is too much for one reduction is collapsed in groups first.
Plan planMapReduce(Planner &planner) {
    std::vector<Chunk> chunks = planner.parts();
    if (chunks.size() == 1 && !planner.smallModel())
        return planWhole(planner);
    unsigned part_words = planner.partWords(chunks.size());
    std::vector<size_t> parts;
    for (const Chunk &chunk : chunks)
        parts.push_back(planner.addPart(chunk, titleOf(planner.document(), chunk), part_words));
    size_t most = planner.smallModel() ? planner.resultSentences() : 1;
    return planner.take(planner.join(std::move(parts), most, part_words, planner.words()));
}

} // namespace longscope::reading
