// Memory as it is, as it was over windows and time, and as it will be.
#include "app/desk/forecast.h"
#include "app/desk/parts.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <format>

namespace longscope::app {
namespace {

constexpr size_t kSamplesKept = 2000;
constexpr std::chrono::milliseconds kBetweenSamples{100};
constexpr uint64_t kReplyTokens = 512; ///< that a document's window should leave room for

uint64_t pageBytes() {
    return static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Resident bytes of this process; 0 where the system does not say.
uint64_t hostBytes() {
    unsigned long long size = 0, resident = 0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%llu %llu", &size, &resident) != 2)
            resident = 0;
        std::fclose(file);
    }
    return resident * pageBytes();
}

uint64_t hostTotalBytes() {
    return static_cast<uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES))) * pageBytes();
}

std::string describe(const ui::AttentionSettings &settings) {
    std::string text = settings.attention;
    if (settings.rope != "model")
        text += ", positions " + settings.rope;
    if (settings.evict != "none")
        text += ", eviction " + settings.evict;
    text += ", cache " + settings.k;
    return settings.v == settings.k ? text : text + " and " + settings.v;
}

} // namespace

MemoryPart::MemoryPart(Core &core) : core_(core), began_(Clock::now()) {
    core_.draft.memory.host_total_bytes = hostTotalBytes();
    core_.draft.memory.host_bytes = hostBytes();
}

// ---- as it is ----------------------------------------------------------------------------------

void MemoryPart::sample(const engine::Snapshot &snapshot) {
    ui::Memory &memory = core_.draft.memory;
    std::vector<ui::MemoryPart> parts;
    for (const gpu::BookedPart &part : snapshot.memory)
        if (part.bytes > part.host_bytes)
            parts.push_back({part.name, part.bytes - part.host_bytes});
    memory.now = orderedParts(std::move(parts));
    memory.used_tokens = snapshot.used_tokens;
    memory.forgotten_tokens = snapshot.forgotten.end - snapshot.forgotten.first;
    memory.host_bytes = hostBytes();
    bool other_window = memory.window_tokens != snapshot.window_tokens;
    memory.window_tokens = snapshot.window_tokens;
    addMeasured();
    addSample();
    if (other_window)
        startForecast(); // the next window is another one now
}

/// The largest that was seen at each window: scratch grows when it is first used.
void MemoryPart::addMeasured() {
    const ui::Memory &memory = core_.draft.memory;
    if (memory.window_tokens == 0)
        return;
    ui::MemoryPoint now{.tokens = memory.window_tokens, .parts = memory.now};
    auto at = std::ranges::lower_bound(measured_, now.tokens, {}, &ui::MemoryPoint::tokens);
    if (at != measured_.end() && at->tokens == now.tokens) {
        if (now.total() <= at->total())
            return;
        *at = std::move(now);
    } else {
        measured_.insert(at, std::move(now));
    }
    core_.draft.memory.measured = std::make_shared<const std::vector<ui::MemoryPoint>>(measured_);
}

void MemoryPart::addSample() {
    ui::Memory &memory = core_.draft.memory;
    double seconds = secondsSince(began_);
    double between = std::chrono::duration<double>(kBetweenSamples).count();
    if (!samples_.empty() && seconds - samples_.back().seconds < between)
        return;
    uint64_t device_bytes = ui::MemoryPoint{.parts = memory.now}.total();
    samples_.push_back({.seconds = seconds,
                        .tokens = memory.used_tokens,
                        .device_bytes = device_bytes,
                        .host_bytes = memory.host_bytes});
    if (samples_.size() > kSamplesKept)
        samples_.erase(samples_.begin());
    memory.samples = std::make_shared<const std::vector<ui::Memory::Sample>>(samples_);
}

// ---- as it will be -----------------------------------------------------------------------------

void MemoryPart::handle(const command::ForecastMemory &forecast) {
    SettingsPart::toOptions(forecast.settings); // throws for a wrong one before it is kept
    wanted_ = forecast;
    startForecast();
}

void MemoryPart::forecastAgain() {
    ui::Memory &memory = core_.draft.memory;
    wanted_.settings = core_.draft.patterns.applied;
    std::string measured_of = (core_.model ? core_.model->facts.path : "") + "\n" +
                              (core_.model ? core_.model->device.name : "") + "\n" +
                              describe(wanted_.settings);
    if (measured_of != measured_of_) { // points of another model say nothing
        measured_.clear();
        memory.measured = nullptr;
        measured_of_ = measured_of;
    }
    memory.device_bytes = core_.model ? core_.model->device.device_memory_bytes : 0;
    memory.budget_bytes = core_.model ? budgetOf(*core_.model) : 0;
    startForecast();
}

/// What the next text may need: twice the window as the engine makes it, or what the open document
/// takes, or at first the trained window.
uint64_t MemoryPart::nextWindow() const {
    uint64_t trained = core_.model->facts.context_tokens;
    uint64_t window = core_.draft.memory.window_tokens, needed = 0;
    if (auto document = core_.draft.documents.shown(); document && document->token_starts)
        needed = document->token_starts->size() + kReplyTokens;
    if (uint64_t fixed = core_.session.context_tokens)
        return fixed;
    engine::SessionOptions options = core_.session;
    uint64_t reach = engine::reachOf(core_.model->plan.config, options);
    if (window == 0)
        return needed ? needed : trained;
    return std::max(std::min(2 * window, std::max(reach, window)), needed);
}

void MemoryPart::startForecast() {
    if (!core_.model) {
        core_.draft.memory.forecast = nullptr;
        core_.draft.memory.warning.clear();
        return;
    }
    ForecastWanted wanted{.model = core_.model,
                          .options = SettingsPart::toOptions(wanted_.settings),
                          .setting = describe(wanted_.settings),
                          .attention = wanted_.settings.attention,
                          .most_tokens = wanted_.most_tokens,
                          .window_tokens = core_.draft.memory.window_tokens,
                          .next_tokens = nextWindow()};
    if (wanted.most_tokens == 0)
        wanted.most_tokens = 2 * core_.model->facts.context_tokens;
    ForecastWanted applied = wanted; // warnings are about how texts are really read
    applied.options = core_.session;
    core_.startNewest("forecast memory", Lane::aside, "Forecast memory",
                      [this, wanted, applied](TaskRun &run) {
                          std::string warning = memoryWarning(applied);
                          run.change([this, warning] { core_.draft.memory.warning = warning; });
                          auto publish = [&](const ui::MemoryForecast &forecast) {
                              auto copy = std::make_shared<const ui::MemoryForecast>(forecast);
                              run.change([this, copy] { core_.draft.memory.forecast = copy; });
                          };
                          forecastMemory(wanted, publish, run.stop());
                      });
}

} // namespace longscope::app
