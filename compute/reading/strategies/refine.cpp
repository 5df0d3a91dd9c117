#include "compute/reading/strategies/strategies.h"

namespace longscope::reading {

Plan planRefine(Planner &planner) {
    std::vector<Chunk> chunks = planner.partsBesideSummary(planner.words());
    if (chunks.size() == 1)
        return planWhole(planner);
    std::vector<size_t> last;
    for (const Chunk &chunk : chunks)
        last = {last.empty() ? planner.addFirst(chunk) : planner.addRefine(chunk, last.front())};
    return planner.take(std::move(last));
}

} // namespace longscope::reading
