#include "compute/document/pdf.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/formats.h"
#include "compute/document/pdf_layout.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace longscope::document {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char *kProgram = "longscope-pdf";

class Descriptor {
  public:
    explicit Descriptor(int number = -1) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return number_; }
    void close() {
        if (number_ >= 0)
            ::close(number_);
        number_ = -1;
    }

  private:
    int number_;
};

[[noreturn]] void failBySystem(const char *what, std::string_view path, int code) {
    fail(ErrorKind::file, "{} cannot be read: {}: {}", path, what, std::strerror(code));
}

/// The bytes as a file in memory that the helper can map.
Descriptor inMemory(std::string_view bytes, std::string_view path) {
    Descriptor file(memfd_create("pdf", MFD_CLOEXEC));
    if (file.get() < 0)
        failBySystem("no file in memory", path, errno);
    for (size_t done = 0; done < bytes.size();) {
        ssize_t wrote = write(file.get(), bytes.data() + done, bytes.size() - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            failBySystem("no room for it in memory", path, errno);
        done += static_cast<size_t>(wrote);
    }
    return file;
}

/// A running helper; killed and waited for when it goes out of scope.
class Helper {
  public:
    Helper(const std::string &program, const std::vector<std::string> &arguments, int input,
           int output, std::string_view path);
    ~Helper() {
        if (process_ > 0)
            end();
    }
    Helper(const Helper &) = delete;
    Helper &operator=(const Helper &) = delete;

    /// Its wait status, or nothing when it still runs at the deadline.
    std::optional<int> waitUntil(Clock::time_point deadline);
    void end() {
        kill(process_, SIGKILL);
        waitpid(std::exchange(process_, -1), nullptr, 0);
    }

  private:
    pid_t process_ = -1;
};

Helper::Helper(const std::string &program, const std::vector<std::string> &arguments, int input,
               int output, std::string_view path) {
    std::vector<char *> pointers{const_cast<char *>(program.c_str())};
    for (const std::string &argument : arguments)
        pointers.push_back(const_cast<char *>(argument.c_str()));
    pointers.push_back(nullptr);
    char locale[] = "LC_ALL=C.UTF-8";
    std::array<char *, 2> environment{locale, nullptr}; // nothing of ours
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0); // Ctrl-C is for us to answer
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int code = posix_spawn(&process_, program.c_str(), &files, &attributes, pointers.data(),
                           environment.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) {
        process_ = -1;
        failBySystem("the program that reads PDFs does not start", path, code);
    }
}

std::optional<int> Helper::waitUntil(Clock::time_point deadline) {
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(process_, &status, WNOHANG);
        if (ended == process_ || (ended < 0 && errno != EINTR)) {
            process_ = -1;
            return status;
        }
        if (Clock::now() >= deadline)
            return std::nullopt;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

/// Everything until the pipe closes; nothing when the deadline came first.
std::optional<std::string> readAll(int pipe_end, Clock::time_point deadline,
                                   const PdfLimits &limits, std::string_view path) {
    std::string out;
    std::vector<char> block(1 << 16);
    for (;;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0)
            return std::nullopt;
        pollfd wanted{pipe_end, POLLIN, 0};
        int ready = poll(&wanted, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR)
            failBySystem("waiting for the PDF reader", path, errno);
        if (ready <= 0)
            continue;
        ssize_t got = read(pipe_end, block.data(), block.size());
        if (got == 0)
            return out;
        if (got < 0 && errno != EINTR)
            failBySystem("listening to the PDF reader", path, errno);
        out.append(block.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
        if (out.size() > limits.answer_bytes)
            fail(ErrorKind::file,
                 "{} holds more than {} of words with their places: it is made to "
                 "fill memory",
                 path, formatBytes(limits.answer_bytes));
    }
}

[[noreturn]] void failByTime(const PdfLimits &limits, std::string_view path) {
    fail(ErrorKind::file, "{} is not read: the PDF reader was stopped after {} s of work or {} s",
         path, limits.cpu_seconds,
         std::chrono::duration_cast<std::chrono::duration<double>>(limits.wall).count());
}

/// Says why the helper ended other than well.
void checkEnd(int status, std::string_view bytes, const PdfLimits &limits, std::string_view path) {
    if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        if (signal == SIGXCPU || signal == SIGKILL)
            failByTime(limits, path);
        fail(ErrorKind::file,
             "{} is not read: it made the PDF reader, which may use {}, crash (signal {}, {})",
             path, formatBytes(limits.memory_bytes), signal, sigdescr_np(signal));
    }
    switch (static_cast<PdfExit>(WEXITSTATUS(status))) {
    case PdfExit::done:
        return;
    case PdfExit::broken:
        fail(ErrorKind::file, "{} is a broken PDF: no page was found in its {}", path,
             formatBytes(bytes.size()));
    case PdfExit::locked:
        fail(ErrorKind::file,
             "{} is a PDF locked by a password, which this program cannot ask for; save a copy of "
             "it without one",
             path);
    case PdfExit::too_many_pages:
        fail(ErrorKind::file, "{} says that it has more than {} pages", path, limits.pages);
    case PdfExit::out_of_memory:
        fail(ErrorKind::file, "{} needs more than {} of memory to be read", path,
             formatBytes(limits.memory_bytes));
    case PdfExit::wrong_use:
        break;
    }
    fail(ErrorKind::file, "{} is not read: the PDF reader ended with status {}", path,
         WEXITSTATUS(status));
}

} // namespace

std::string findPdfReader() {
    std::error_code error;
    std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    for (const std::filesystem::path &file :
         {self.parent_path() / kProgram, std::filesystem::path(LONGSCOPE_PDF_READER)})
        if (access(file.c_str(), X_OK) == 0)
            return file.string();
    return "";
}

PdfPages runPdfReader(std::string_view bytes, std::string_view path, const PdfLimits &limits) {
    std::string program = findPdfReader();
    if (program.empty())
        fail(ErrorKind::file, "{} is a PDF, and {}, which reads them, is not beside the program",
             path, kProgram);
    Descriptor input = inMemory(bytes, path);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        failBySystem("no pipe", path, errno);
    Descriptor from_helper(ends[0]), to_us(ends[1]);
    auto deadline = Clock::now() + limits.wall;
    Helper helper(program,
                  {std::to_string(limits.memory_bytes / 1'000'000),
                   std::to_string(limits.cpu_seconds), std::to_string(limits.pages)},
                  input.get(), to_us.get(), path);
    to_us.close();
    std::optional<std::string> answer = readAll(from_helper.get(), deadline, limits, path);
    std::optional<int> status = answer ? helper.waitUntil(deadline) : std::nullopt;
    if (!status)
        failByTime(limits, path);
    checkEnd(*status, bytes, limits, path);
    return parsePdfPages(*answer, path);
}

Document readPdf(std::string_view bytes, std::string_view path) {
    return layOutPdf(runPdfReader(bytes, path), path);
}

} // namespace longscope::document
