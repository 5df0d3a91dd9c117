// `longscope run`: what the program does when it is just started: the window. Without a display it
// shows the main job in the terminal.
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/paths.h"
#include "app/view/window_client.h"
#include "compute/core/error.h"

#include <cstdlib>
#include <filesystem>

namespace longscope::app {
namespace {

constexpr int kInterrupted = 130;

bool isSet(const char *variable) {
    const char *value = std::getenv(variable);
    return value && *value;
}

int summarizeSample(const Options &options, std::stop_token stop) {
    Options summary = options;
    if (summary.files.empty())
        summary.files = {sampleDocumentPath()};
    return runSummarize(summary, std::move(stop));
}

int showWindow(const Options &options, const std::stop_token &stop) {
    WindowClient client(deskOptions(options));
    for (const std::string &file : options.files)
        client.desk().push(ui::command::OpenDocument{std::filesystem::absolute(file).string()});
    std::stop_callback close(stop, [] { window::closeWindow(); });
    const ui::Preferences preferences = client.desk().snapshot()->preferences;
    window::WindowOptions wanted;
    if (preferences.window_x >= 0)
        wanted.place = window::WindowPlace{.x = preferences.window_x,
                                           .y = preferences.window_y,
                                           .width = static_cast<int>(preferences.window_width),
                                           .height = static_cast<int>(preferences.window_height)};
    wanted.placed = [&](const window::WindowPlace &place) {
        client.setPreferences([&](ui::Preferences &kept) {
            kept.window_x = place.x;
            kept.window_y = place.y;
            kept.window_width = static_cast<uint32_t>(std::max(place.width, 320));
            kept.window_height = static_cast<uint32_t>(std::max(place.height, 240));
        });
    };
    wanted.print_statistics = options.frame_times;
    const int status = window::runWindow(wanted, client.frames());
    return stop.stop_requested() ? kInterrupted : status;
}

} // namespace

DeskOptions deskOptions(const Options &options) {
    bool portable = options.portable || std::filesystem::is_directory(portableFolder());
    return {.engine = engineOptions(options),
            .session = sessionOptions(options),
            .data_folder = libraryFolder(options),
            .sample_document = sampleDocumentPath(),
            .portable = portable,
            .on_change = {}};
}

int runRun(const Options &options, std::stop_token stop) {
    if (isSet("DISPLAY") || isSet("WAYLAND_DISPLAY")) {
        try {
            return showWindow(options, stop);
        } catch (const Error &error) {
            if (error.kind() != ErrorKind::device)
                throw;
            printNote(std::string("longscope: ") + error.what());
        }
    }
    return summarizeSample(options, std::move(stop));
}

} // namespace longscope::app
