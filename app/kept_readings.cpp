#include "app/kept_readings.h"

#include "app/json_output.h"
#include "compute/core/error.h"
#include "compute/core/text.h"

#include <chrono>
#include <filesystem>
#include <format>

namespace longscope::app {
namespace {

using nlohmann::json;
using reading::KeptReading;
using reading::KeptReadings;

std::string folderOf(const std::string &data_folder) {
    return (std::filesystem::path(data_folder) / "readings").string();
}

std::string shownTime(int64_t unix_s) {
    auto at = std::chrono::sys_seconds(std::chrono::seconds(unix_s));
    return std::format("{:%F %R} UTC", at);
}

/// The end of an id tells readings apart; its beginning is the same for the same model.
std::string shortId(const std::string &id) {
    return id.size() > 8 ? id.substr(id.size() - 8) : id;
}

std::string idOf(const KeptReadings &kept, const std::string &part) {
    std::string found;
    for (const KeptReading &reading : kept.list()) {
        if (!reading.id.contains(part))
            continue;
        if (!found.empty())
            fail(ErrorKind::usage, "several kept readings have {} in their ids: {} and {}", part,
                 found, reading.id);
        found = reading.id;
    }
    if (found.empty())
        fail(ErrorKind::usage, "there is no kept reading {} in {}", part, kept.folder());
    return found;
}

json asJson(const KeptReadings &kept) {
    json readings = json::array();
    uint64_t bytes = 0;
    for (const KeptReading &reading : kept.list()) {
        bytes += reading.bytes;
        json one = {{"id", reading.id},        {"title", reading.title},
                    {"model", reading.model},  {"tokens", reading.tokens},
                    {"bytes", reading.bytes},  {"last_used", shownTime(reading.last_used_unix_s)},
                    {"pinned", reading.pinned}};
        if (!reading.problem.empty())
            one["problem"] = reading.problem;
        readings.push_back(std::move(one));
    }
    return {{"folder", kept.folder()},
            {"bytes", bytes},
            {"most_bytes", kept.mostBytes()},
            {"readings", std::move(readings)}};
}

void print(const KeptReadings &kept) {
    uint64_t bytes = 0;
    std::vector<KeptReading> readings = kept.list();
    for (const KeptReading &reading : readings) {
        bytes += reading.bytes;
        std::string facts = reading.problem.empty()
                                ? std::format("{} tokens, {}", reading.tokens, reading.model)
                                : reading.problem;
        printOut(std::format("{}  {:>9}  {}  {}{}\n    {}\n", shortId(reading.id),
                             formatBytes(reading.bytes), shownTime(reading.last_used_unix_s),
                             reading.title.empty() ? "?" : reading.title,
                             reading.pinned ? "  (pinned)" : "", facts));
    }
    printOut(std::format("{} readings, {} of at most {}, in {}\n", readings.size(),
                         formatBytes(bytes), formatBytes(kept.mostBytes()), kept.folder()));
}

} // namespace

std::shared_ptr<KeptReadings> keptReadings(const std::string &data_folder, uint64_t most_bytes) {
    try {
        return std::make_shared<KeptReadings>(reading::KeptReadingsOptions{
            .folder = folderOf(data_folder), .most_bytes = most_bytes});
    } catch (const Error &error) {
        printWarning(error.what());
        return nullptr;
    }
}

std::shared_ptr<KeptReadings> keptReadings(const Options &options) {
    if (!options.keep || !options.session.empty())
        return nullptr;
    auto kept = keptReadings(libraryFolder(options), options.kept_bytes);
    if (kept)
        kept->onWarning(printWarning);
    return kept;
}

void runReadings(const Options &options, const std::vector<std::string> &arguments) {
    KeptReadings kept(
        {.folder = folderOf(libraryFolder(options)), .most_bytes = options.kept_bytes});
    std::string action = arguments.empty() ? "list" : arguments.front();
    std::string what = arguments.size() > 1 ? arguments[1] : "";
    bool needs_id = action == "pin" || action == "unpin" || action == "remove";
    if (needs_id && what.empty())
        fail(ErrorKind::usage, "which reading? library readings {} ID", action);
    if (action == "pin" || action == "unpin")
        kept.pin(idOf(kept, what), action == "pin");
    else if (action == "remove")
        kept.remove(idOf(kept, what));
    else if (action == "purge") {
        uint64_t bytes = kept.purge(what == "all");
        if (!options.quiet)
            printNote(std::format("longscope: {} are free again", formatBytes(bytes)));
    } else if (action != "list")
        fail(ErrorKind::usage, "library readings can list, pin, unpin, remove and purge, not {}",
             action);
    if (options.json)
        printJson(asJson(kept));
    else if (action == "list")
        print(kept);
}

} // namespace longscope::app
