// What a call of a summary gave, kept under all that it depends on: found again, the model is not
// called. So a run that was stopped goes on, and a changed section changes only its branch.
#pragma once

#include "compute/document/result_store.h"
#include "compute/reading/text_model.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct KeptStep {
    std::vector<std::string> sentences; ///< finished ones, without repetitions
    TextReply figures;                  ///< of the call; its text is not kept
    unsigned dropped_repetitions = 0;
};

std::optional<KeptStep> findStep(const document::ResultStore &store, const std::string &key);
/// All of them or, when it is killed, none.
void keepSteps(document::ResultStore &store, const std::map<std::string, KeptStep> &steps);

} // namespace longscope::reading
