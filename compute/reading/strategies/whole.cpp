#include "compute/reading/strategies/strategies.h"

namespace longscope::reading {

Plan planWhole(Planner &planner) {
    return planner.take({planner.addWhole()});
}

} // namespace longscope::reading
