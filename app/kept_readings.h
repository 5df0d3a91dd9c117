// What was read is kept in `readings` beside the library, unless --no-keep; and what people may do
// with it: list, pin, unpin, remove, purge.
#pragma once

#include "app/options.h"
#include "compute/reading/kept_readings.h"

#include <memory>
#include <string>

namespace longscope::app {

/// Of a data folder. Null, with a warning on standard error, when the folder cannot be made:
/// nobody needs it to read.
std::shared_ptr<reading::KeptReadings> keptReadings(const std::string &data_folder,
                                                    uint64_t most_bytes = 0);
/// Of the options; null with --no-keep, and with --session, which keeps what is read itself.
std::shared_ptr<reading::KeptReadings> keptReadings(const Options &options);

/// `library readings [list | pin ID | unpin ID | remove ID | purge [all]]`, as text or JSON. An ID
/// may be any part of one that no other has. Throws Error(usage) for a wrong action or ID.
void runReadings(const Options &options, const std::vector<std::string> &arguments);

} // namespace longscope::app
