// Every kernel against its scalar twin, on a device of its own, with a report to send to somebody.
#pragma once

#include "ui/state/model.h"

#include <functional>
#include <stop_token>
#include <string>

namespace longscope::app {

/// All families that run on the device; hands out the results as they are known. Throws
/// Error(device, stopped).
void runSelfTest(const std::string &device,
                 const std::function<void(const ui::SelfTest &)> &on_result, std::stop_token stop);

} // namespace longscope::app
