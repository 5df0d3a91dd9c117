// What the layers of a model are, in words: which attend and which recur. A list to choose from,
// for models that have both kinds or only the latter.
#pragma once

#include "ui/snapshot.h"

#include <cstdint>
#include <optional>
#include <string>

namespace longscope::ui {

/// "attention", "Mamba-2", or both.
std::string kindText(const Model &model, uint32_t layer);
/// The layer that attends and is nearest; none where no layer does.
std::optional<uint32_t> nearestAttending(const Model &model, uint32_t layer);

/// At most `height` high; the layer that was clicked.
std::optional<uint32_t> drawLayerList(const Model &model, uint32_t chosen, float height);

} // namespace longscope::ui
