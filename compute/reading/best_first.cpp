#include "compute/reading/best_first.h"

#include <algorithm>
#include <vector>

namespace longscope::reading {
namespace {

struct Valued {
    double value = 0;
    size_t index = 0;
};

bool isWorse(const Valued &a, const Valued &b) {
    return a.value != b.value ? a.value < b.value : a.index > b.index;
}

} // namespace

std::optional<size_t> bestAfterLook(size_t count,
                                    const std::function<std::optional<double>(size_t)> &value,
                                    const std::function<bool(size_t)> &lowers) {
    std::vector<Valued> heap; // the best in front
    for (size_t i = 0; i < count; ++i)
        if (std::optional<double> own = value(i))
            heap.push_back({*own, i});
    std::ranges::make_heap(heap, isWorse);
    while (!heap.empty()) {
        size_t best = heap.front().index;
        if (!lowers(best))
            return best;
        std::ranges::pop_heap(heap, isWorse);
        heap.pop_back();
        if (std::optional<double> own = value(best)) {
            heap.push_back({*own, best});
            std::ranges::push_heap(heap, isWorse);
        }
    }
    return std::nullopt;
}

} // namespace longscope::reading
