// One JSON object a line on standard output.
#pragma once

#include "app/output.h"

#include <nlohmann/json.hpp>

namespace longscope::app {

/// Bytes that are no UTF-8 (a file's name may be anything) become U+FFFD.
inline void printJson(const nlohmann::json &json) {
    printOut(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

} // namespace longscope::app
