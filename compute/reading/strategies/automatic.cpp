#include "compute/reading/strategies/strategies.h"

#include <format>

namespace longscope::reading {

bool isSmall(uint64_t parameters) {
    return parameters < kBelievedParameters;
}

std::string smallModelReason(const std::string &name, uint64_t parameters) {
    return std::format("{} has {} million parameters, and models below {} million invent too much",
                       name.empty() ? "the model" : name, parameters / 1'000'000,
                       kBelievedParameters / 1'000'000);
}

Choice chooseStrategy(Planner &planner) {
    if (planner.windowTokens() == UINT64_MAX)
        return {Strategy::whole, "the model reads texts of any length"};
    uint64_t needed = planner.wholeTokens();
    if (needed <= planner.windowTokens())
        return {Strategy::whole, std::format("the text fits the window ({} of {} tokens)", needed,
                                             planner.windowTokens())};
    std::string why =
        std::format("{} tokens do not fit the window of {}", needed, planner.windowTokens());
    if (hasOutline(planner.document()))
        return {Strategy::tree, why + " and the document has an outline"};
    return {Strategy::map_reduce, why + " and the document has no outline"};
}

} // namespace longscope::reading
