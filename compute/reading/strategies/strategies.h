// The ways to a summary, one file each. Each makes the steps of its plan; run.h makes the calls.
#pragma once

#include "compute/reading/strategies/planner.h"

#include <string>

namespace longscope::reading {

/// One call reads the whole text. Throws Error(model) with both numbers when it does not fit.
Plan planWhole(Planner &planner);
/// The parts one by one, then their summaries joined, in groups and level by level when they are
/// many. The parts know nothing of each other.
Plan planMapReduce(Planner &planner);
/// The summary so far goes with each next part: one chain, in which the end counts most.
Plan planRefine(Planner &planner);
/// Section by section along the outline: sections give the summary of their chapter, chapters that
/// of the document. A changed section changes only what is above it.
Plan planTree(Planner &planner);

struct Choice {
    Strategy strategy = Strategy::extract;
    std::string reason;
};
/// What suits the document, and why, for a model that can be believed.
Choice chooseStrategy(Planner &planner);
/// Too small to be believed: its summary is quoted, whatever the document is.
bool isSmall(uint64_t parameters);
std::string smallModelReason(const std::string &name, uint64_t parameters);

/// Whether the outline parts the document in at least two sections below the same heading.
bool hasOutline(const document::Document &document);

} // namespace longscope::reading
