#include "app/view/window_client.h"

#include <cstdlib>
#include <filesystem>
#include <format>

namespace longscope::app {
namespace {

namespace fs = std::filesystem;

ui::WorkspaceServices services() {
    return {.list = listFolder, .quit = window::closeWindow, .system_is_dark = {}};
}

ui::PathEntry entryOf(const fs::directory_entry &found) {
    std::error_code code;
    ui::PathEntry entry{.name = found.path().filename().string()};
    entry.is_folder = found.is_directory(code);
    if (!entry.is_folder)
        if (auto bytes = found.file_size(code); !code)
            entry.bytes = bytes;
    return entry;
}

} // namespace

ui::FolderListing listFolder(const std::string &folder) {
    ui::FolderListing listing;
    std::error_code code;
    const char *home = std::getenv("HOME");
    fs::path path = folder.empty() ? fs::path(home && *home ? home : "/") : fs::path(folder);
    path = fs::absolute(path, code).lexically_normal();
    if (path.filename().empty() && path.has_parent_path())
        path = path.parent_path(); // "folder/"
    listing.folder = path.string();
    if (path.has_relative_path())
        listing.parent = path.parent_path().string();
    fs::directory_iterator entries(path, code);
    if (code) {
        listing.problem = std::format("{} cannot be read: {}", listing.folder, code.message());
        return listing;
    }
    for (auto end = fs::directory_iterator(); entries != end && !code; entries.increment(code))
        listing.entries.push_back(entryOf(*entries));
    return listing;
}

WindowClient::WindowClient(DeskOptions options) : workspace_(services()) {
    options.on_change = [] { window::wakeWindow(); };
    desk_ = std::make_unique<Desk>(std::move(options));
    desk_->waitFor([](const ui::Snapshot &snapshot) { return snapshot.version > 0; },
                   std::chrono::seconds(10));
    shown_ = desk_->snapshot();
    frames_.draw = [this] { draw(); };
    frames_.started = [this] { workspace_.started(*desk_->snapshot()); };
    frames_.prepare = [this](float scale) { workspace_.prepare(*desk_->snapshot(), scale); };
    frames_.version = [this] { return desk_->snapshot()->version; };
    frames_.busy = [this] { return desk_->snapshot()->busy(); };
    frames_.animating = [this] { return workspace_.isAnimating(); };
    frames_.stopping = [this] { // a change of the last seconds is not kept yet
        setPreferences([this](ui::Preferences &kept) { kept.layout = workspace_.layout(); });
    };
    frames_.dropped = [this](const std::vector<std::string> &paths) {
        workspace_.dropped(paths, commands_);
    };
}

WindowClient::~WindowClient() = default;

void WindowClient::draw() {
    shown_ = desk_->snapshot();
    workspace_.draw(*shown_, commands_);
    for (ui::Command &command : commands_.take())
        desk_->push(std::move(command));
}

void WindowClient::setPreferences(const std::function<void(ui::Preferences &)> &edit) {
    ui::Preferences preferences = desk_->snapshot()->preferences;
    edit(preferences);
    desk_->push(ui::command::SetPreferences{preferences});
    desk_->waitFor(
        [&](const ui::Snapshot &snapshot) { return snapshot.preferences == preferences; },
        std::chrono::seconds(5));
}

} // namespace longscope::app
