#include "app/interrupt.h"

#include "compute/core/error.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace longscope::app {
namespace {

constexpr int kInterrupted = 130;

std::stop_source interrupted;
int wake_pipe[2] = {-1, -1}; ///< readable after Ctrl-C, so that waiting for input ends

/// A standard stream that is closed must not become the number of the next file that is opened, or
/// answers would be written into it. The wrong direction keeps writes to standard output an error.
void keepStandardFiles() {
    for (int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(file, F_GETFD) < 0)
            ::open("/dev/null", file == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

void waitForSignals(sigset_t signals) {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0) {
        if (interrupted.stop_requested())
            _exit(kInterrupted);
        interrupted.request_stop();
        [[maybe_unused]] ssize_t count = ::write(wake_pipe[1], "!", 1);
    }
}

void waitForInput() {
    pollfd files[2] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                       {.fd = wake_pipe[0], .events = POLLIN, .revents = 0}};
    while (::poll(files, 2, -1) < 0)
        if (errno != EINTR)
            fail(ErrorKind::file, "cannot wait for standard input: {}", std::strerror(errno));
    if (files[1].revents || interrupted.stop_requested())
        fail(ErrorKind::stopped, "stopped");
}

} // namespace

void watchInterrupts() {
    keepStandardFiles();
    ::signal(SIGPIPE, SIG_IGN);
    if (::pipe2(wake_pipe, O_CLOEXEC) != 0)
        fail(ErrorKind::file, "cannot make a pipe: {}", std::strerror(errno));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr); // threads made later inherit it
    std::thread(waitForSignals, signals).detach();
}

std::stop_token interruptToken() {
    return interrupted.get_token();
}

std::optional<std::string> readLine() {
    static std::string held; // read beyond the last line
    static bool ended = false;
    while (true) {
        if (size_t end = held.find('\n'); end != std::string::npos) {
            std::string line = held.substr(0, end);
            held.erase(0, end + 1);
            return line;
        }
        if (ended)
            return held.empty() ? std::nullopt : std::optional(std::exchange(held, ""));
        waitForInput();
        char bytes[4096];
        ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (count < 0 && errno != EINTR)
            fail(ErrorKind::file, "cannot read standard input: {}", std::strerror(errno));
        if (count > 0)
            held.append(bytes, static_cast<size_t>(count));
        ended = count == 0;
    }
}

} // namespace longscope::app
