// `longscope run`: what the program does when it is just started. Until there is a window, it shows
// the main job in the terminal.
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/paths.h"

#include <cstdlib>

namespace longscope::app {
namespace {

bool isSet(const char *variable) {
    const char *value = std::getenv(variable);
    return value && *value;
}

} // namespace

int runRun(const Options &options, std::stop_token stop) {
    if (isSet("DISPLAY") || isSet("WAYLAND_DISPLAY"))
        printNote("longscope: the window comes with a later version; here is a summary instead");
    Options summary = options;
    if (summary.files.empty())
        summary.files = {sampleDocumentPath()};
    return runSummarize(summary, stop);
}

} // namespace longscope::app
