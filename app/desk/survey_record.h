// A survey as a run of the library, and back. What is missing or of the wrong type gets its usual
// value, as with messages.
#pragma once

#include "compute/document/library_records.h"
#include "ui/state/survey.h"

#include <optional>

namespace longscope::app {

/// Finished when each document has a result.
document::StoredRun runOf(const ui::Survey &survey);
/// Nothing for a run of another kind.
std::optional<ui::Survey> surveyOf(const document::StoredRun &run);

} // namespace longscope::app
