#include "tests/panels/harness/real_window.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

extern char **environ;

namespace longscope::tests {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<char *> argumentsOf(const std::vector<std::string> &command) {
    std::vector<char *> arguments;
    for (const std::string &word : command)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    return arguments;
}

/// Standard output of a command, without the last line end; empty when it fails.
std::string outputOf(const std::vector<std::string> &command) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed = posix_spawnp(&child, command[0].c_str(), &actions, nullptr,
                                    argumentsOf(command).data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string text;
    std::array<char, 512> part{};
    ssize_t count = 0;
    while (!failed && (count = read(ends[0], part.data(), part.size())) > 0)
        text.append(part.data(), static_cast<size_t>(count));
    close(ends[0]);
    int status = 1;
    if (!failed)
        waitpid(child, &status, 0);
    while (text.ends_with('\n'))
        text.pop_back();
    return status == 0 ? text : "";
}

bool installed(const char *program) {
    return !outputOf({"sh", "-c", std::string("command -v ") + program}).empty();
}

/// Reads the number that Xvfb writes when it is ready; empty after some seconds without one.
std::string readDisplayNumber(int from) {
    std::string text;
    pollfd waiting{from, POLLIN, 0};
    char sign = 0;
    while (poll(&waiting, 1, 20'000) > 0 && read(from, &sign, 1) == 1 && sign != '\n')
        text.push_back(sign);
    return text;
}

} // namespace

VirtualDisplay::VirtualDisplay(int width, int height) {
    if (!installed("Xvfb") || !installed("xdotool")) {
        problem_ = "a test in a real window needs the packages xvfb and xdotool "
                   "(bash tests/run.sh installs them)";
        return;
    }
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) {
        problem_ = "no pipe could be made";
        return;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    const std::vector<std::string> command{
        "Xvfb", "-displayfd", std::to_string(ends[1]), "-screen", "0",
        std::to_string(width) + "x" + std::to_string(height) + "x24",
        // It ends by itself when a stopped test has left it.
        "-nolisten", "tcp", "-terminate", "60"};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int failed =
        posix_spawnp(&server_, "Xvfb", &actions, nullptr, argumentsOf(command).data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    const std::string number = failed ? "" : readDisplayNumber(ends[0]);
    close(ends[0]);
    if (number.empty()) {
        problem_ = "Xvfb did not start";
        return;
    }
    setenv("DISPLAY", (":" + number).c_str(), 1);
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("XDG_SESSION_TYPE");
}

VirtualDisplay::~VirtualDisplay() {
    if (server_ <= 0)
        return;
    kill(server_, SIGTERM);
    waitpid(server_, nullptr, 0);
    unsetenv("DISPLAY");
}

bool runCommand(const std::vector<std::string> &command) {
    pid_t child = 0;
    if (posix_spawnp(&child, command[0].c_str(), nullptr, nullptr, argumentsOf(command).data(),
                     environ) != 0)
        return false;
    int status = 1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool Hands::xdotool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "xdotool");
    return runCommand(arguments);
}

bool Hands::findWindow() {
    return waitUntil([&] {
        id_ = outputOf({"xdotool", "search", "--onlyvisible", "--name", "^" + title_ + "$"});
        return !id_.empty() && id_.find('\n') == std::string::npos;
    });
}

bool Hands::moveTo(int x, int y) {
    return xdotool({"mousemove", "--window", id_, "--sync", std::to_string(x), std::to_string(y)});
}

bool Hands::click(int x, int y, int button) {
    // Without a window manager nobody gives the keyboard to a window that is clicked.
    return xdotool({"mousemove", "--window", id_, std::to_string(x), std::to_string(y), "sleep",
                    "0.05", "click", std::to_string(button), "windowfocus", id_});
}

bool Hands::drag(int from_x, int from_y, int to_x, int to_y) {
    const int middle_x = (from_x + to_x) / 2, middle_y = (from_y + to_y) / 2;
    return xdotool({"mousemove",
                    "--window",
                    id_,
                    std::to_string(from_x),
                    std::to_string(from_y),
                    "sleep",
                    "0.1",
                    "mousedown",
                    "1",
                    "sleep",
                    "0.1",
                    "mousemove",
                    "--window",
                    id_,
                    std::to_string(middle_x),
                    std::to_string(middle_y),
                    "sleep",
                    "0.1",
                    "mousemove",
                    "--window",
                    id_,
                    std::to_string(to_x),
                    std::to_string(to_y),
                    "sleep",
                    "0.1",
                    "mouseup",
                    "1"});
}

bool Hands::type(const std::string &text) {
    return xdotool({"type", "--delay", "10", text});
}
bool Hands::key(const std::string &name) {
    // As fingers do: xdotool's own chords let go of Ctrl first, which Dear ImGui may see in the
    // frame in which the key went down, and then there was no chord.
    std::vector<std::string> down, up;
    size_t start = 0;
    for (size_t plus = name.find('+'); plus != std::string::npos; plus = name.find('+', start)) {
        const std::string modifier = name.substr(start, plus - start);
        down.insert(down.end(), {"keydown", modifier});
        up.insert(up.begin(), {"keyup", modifier});
        start = plus + 1;
    }
    down.insert(down.end(), {"key", name.substr(start)});
    down.insert(down.end(), up.begin(), up.end());
    return xdotool(down);
}
bool Hands::resize(int width, int height) {
    return xdotool({"windowsize", "--sync", id_, std::to_string(width), std::to_string(height)});
}

void withWindow(const window::WindowOptions &options, window::FrameClient client,
                const std::function<void(Hands &)> &script) {
    Hands hands(options.title);
    std::exception_ptr problem;
    bool begun = false;
    std::thread person;
    const auto started = std::move(client.started);
    client.started = [&] {
        if (started)
            started();
        begun = true;
        person = std::thread([&] {
            try {
                if (!hands.findWindow())
                    throw std::runtime_error("the window was never shown");
                script(hands);
            } catch (...) {
                problem = std::current_exception();
            }
            window::closeWindow();
        });
    };
    try {
        window::runWindow(options, client);
    } catch (...) {
        if (begun)
            person.join();
        throw;
    }
    person.join();
    if (problem)
        std::rethrow_exception(problem);
}

bool waitUntil(const std::function<bool()> &done, double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!done()) {
        if (Clock::now() > until)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

} // namespace longscope::tests
