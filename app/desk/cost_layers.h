// The layers of a model in kinds that cost the same, for the curves of the cost panel.
#pragma once

#include "compute/engine/plan.h"
#include "ui/state/settings.h"

#include <vector>

namespace longscope::app {

/// In the order in which the kinds first occur; every layer counts once.
std::vector<ui::CostLayers> costLayersOf(const model::Config &config);

/// What the curves are made of: kinds, FLOPs of a token and of the head, rows of a chunk.
void describeCosts(const engine::ModelPlan &plan, ui::Cost &cost);

} // namespace longscope::app
