// JSON as text, and as one line on standard output.
#pragma once

#include "app/output.h"

#include <nlohmann/json.hpp>

#include <string>

namespace longscope::app {

/// One line. Bytes that are no UTF-8 (a file's name may be anything) become U+FFFD.
inline std::string dumpJson(const nlohmann::json &json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

inline void printJson(const nlohmann::json &json) {
    printOut(dumpJson(json) + "\n");
}

} // namespace longscope::app
