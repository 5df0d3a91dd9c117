// What the window costs, in a real window on a display without a screen (Xvfb) with real keys and
// the default model: times of our own work of a frame (NewFrame to Render, and recording; without
// waiting for the display), the processor when nobody does anything, and how soon Stop is obeyed.
// Prints Markdown. A software device draws and computes on the same processors.
#include "app/view/window_client.h"
#include "tests/panels/harness/real_window.h"
#include "tests/support/default_model.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace longscope::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using ui::Snapshot;
namespace command = ui::command;

constexpr size_t kLargeBytes = 10'000'000, kReadBytes = 24'000;
constexpr int kWidth = 1440, kHeight = 900;
constexpr int kFieldX = 900, kFieldY = 780; ///< the chat's field, in the first layout
constexpr int kStops = 9;

std::string textOf(size_t bytes) {
    std::string text;
    for (size_t line = 1; text.size() < bytes; ++line)
        text += std::format("{}Day {}: the ice reached the {} pier, and {} of us stayed at home.",
                            line % 40 == 1 ? std::format("\n\n# Week {}\n\n", line / 40 + 1)
                            : line % 6     ? " "
                                           : "\n\n",
                            line, line % 3 ? "north" : "south", line * 7 % 11);
    text.resize(bytes);
    return text;
}

struct Rows {
    std::string text;
    void add(const char *what, const window::FrameStatistics &times) {
        text += std::format("| {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.1f} |\n", what, times.frames,
                            times.median_ms, times.p99_ms, times.max_ms, times.display_p99_ms);
    }
};

class WindowBench {
  public:
    WindowBench() : client_(options()), desk_(client_.desk()) {
        client_.setPreferences([](ui::Preferences &kept) { kept.was_welcomed = true; });
    }
    ~WindowBench() { std::filesystem::remove_all(folder()); }
    WindowBench(const WindowBench &) = delete;
    WindowBench &operator=(const WindowBench &) = delete;

    void run() {
        prepare();
        const window::WindowOptions options{
            .title = "Longscope bench", .width = kWidth, .height = kHeight};
        double before[1] = {}, after[1] = {};
        getloadavg(before, 1);
        withWindow(options, client_.frames(), [this](Hands &hands) { script(hands); });
        getloadavg(after, 1);
        const ui::Model &model = *desk_.snapshot()->model;
        std::printf("%s on %s, %u processors, load average %.1f before and %.1f after; a window of "
                    "%d x %d, a document of %zu bytes\n\n",
                    model.name.c_str(), model.device.c_str(), std::thread::hardware_concurrency(),
                    before[0], after[0], kWidth, kHeight, kLargeBytes);
        std::printf("| our own work of a frame, ms | frames | median | 99th percentile | max | "
                    "display, 99th percentile |\n|---|---|---|---|---|---|\n%s\n%s",
                    frames_.text.c_str(), lines_.c_str());
    }

  private:
    static std::filesystem::path folder() {
        return std::filesystem::temp_directory_path() /
               std::format("longscope-window-bench-{}", getpid());
    }
    static app::DeskOptions options() {
        app::DeskOptions wanted;
        wanted.engine.model_path = testing::findDefaultModel();
        wanted.data_folder = folder().string();
        if (wanted.engine.model_path.empty())
            throw std::runtime_error(testing::kNoDefaultModel);
        return wanted;
    }

    void wait(const std::function<bool(const Snapshot &)> &condition) {
        if (!desk_.waitFor(condition, 120s))
            throw std::runtime_error("the desk did not do what was asked");
    }
    void waitIdle() {
        std::this_thread::sleep_for(100ms); // commands are answered in order, soon
        wait([](const Snapshot &now) { return now.tasks.empty(); });
    }
    uint64_t paste(std::string text) {
        const size_t open = desk_.snapshot()->documents.open.size();
        desk_.push(command::PasteDocument{std::move(text)});
        wait([&](const Snapshot &now) { return now.documents.open.size() > open; });
        return desk_.snapshot()->documents.current;
    }

    void prepare() {
        short_ = paste(textOf(kReadBytes));
        large_ = paste(textOf(kLargeBytes));
        desk_.push(command::LoadModel{});
        waitIdle(); // counts the tokens of both, too
    }

    /// Wheel and keys over the document, then a message; about five seconds.
    static void scrollAndType(Hands &hands) {
        hands.click(300, 500);
        auto wheel = [](const char *button) {
            runCommand({"xdotool", "click", "--repeat", "60", "--delay", "20", button});
        };
        wheel("5");
        hands.key("End");
        wheel("4");
        hands.key("Home");
        hands.click(kFieldX, kFieldY);
        runCommand({"xdotool", "type", "--delay", "20",
                    "What does the report say about the ice on the north pier, and how many of us "
                    "stayed at home in the weeks before it broke? "});
    }

    void script(Hands &hands) {
        std::this_thread::sleep_for(1s);
        window::resetFrameStatistics();
        scrollAndType(hands);
        frames_.add("scrolling and typing, the engine idle", window::frameStatistics());
        wait([](const Snapshot &now) { return !now.chat.draft.empty(); }); // it was typed there
        measureIdle("with the caret in the field");

        desk_.push(command::ShowDocument{short_});
        desk_.push(command::ReadDocument{});
        desk_.push(command::ShowDocument{large_});
        wait([](const Snapshot &now) { return now.busy(); });
        window::resetFrameStatistics();
        scrollAndType(hands);
        const bool reads = desk_.snapshot()->busy();
        frames_.add(reads ? "the same, while the engine reads"
                          : "the same, while the engine reads (it was done before)",
                    window::frameStatistics());
        desk_.push(command::Stop{});
        waitIdle();
        measureStops();
        hands.key("Escape");
        hands.moveTo(kWidth / 2, 5);
        std::this_thread::sleep_for(2s);
        measureIdle("without a caret");
    }

    void measureIdle(const char *how) {
        std::this_thread::sleep_for(1s);
        window::resetFrameStatistics();
        std::this_thread::sleep_for(8s);
        const window::FrameStatistics idle = window::frameStatistics();
        lines_ += std::format("- 8 s without input, {}: {:.2f} % of one processor, {} frames\n",
                              how, 100 * idle.cpu_seconds / idle.seconds, idle.frames);
    }

    /// From the command to a snapshot without tasks of the engine, in the middle of a prefill.
    void measureStops() {
        std::vector<double> times;
        for (int i = 0; i < kStops; ++i) {
            paste(std::format("Copy {}. ", i) + textOf(kReadBytes)); // none is read yet
            waitIdle();
            desk_.push(command::ReadDocument{});
            wait([](const Snapshot &now) {
                return now.busy() && now.tasks.front().progress.done > 0;
            });
            std::this_thread::sleep_for(50ms + i * 37ms); // anywhere in a chunk
            const auto pushed = Clock::now();
            desk_.push(command::Stop{});
            wait([](const Snapshot &now) { return !now.busy(); });
            times.push_back(
                std::chrono::duration<double, std::milli>(Clock::now() - pushed).count());
        }
        desk_.push(command::ShowDocument{large_});
        waitIdle();
        std::ranges::sort(times);
        lines_ += std::format("- Stop during prefill, {} times: median {:.0f} ms, longest {:.0f} "
                              "ms\n",
                              kStops, times[kStops / 2], times.back());
    }

    app::WindowClient client_;
    app::Desk &desk_;
    uint64_t short_ = 0, large_ = 0;
    Rows frames_;
    std::string lines_;
};

} // namespace
} // namespace longscope::tests

int main() {
    try {
        longscope::tests::VirtualDisplay display;
        if (!display.problem().empty())
            throw std::runtime_error(display.problem());
        longscope::tests::WindowBench().run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
