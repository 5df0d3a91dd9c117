#include "compute/model/sandbox.h"

#include "compute/core/error.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace longscope::model {
namespace {

// First byte of what the child writes.
constexpr char kResult = 'R', kException = 'X', kOutOfMemory = 'M';
constexpr size_t kMaxMessageBytes = 4000; // the work decides the length of its exceptions' texts

class FileHandle {
  public:
    explicit FileHandle(int handle) : handle_(handle) {}
    FileHandle(const FileHandle &) = delete;
    ~FileHandle() { close(); }
    int get() const { return handle_; }
    void close() {
        if (handle_ >= 0)
            ::close(handle_);
        handle_ = -1;
    }

  private:
    int handle_;
};

/// Bytes of address space that this process has mapped; 0 when the system does not say.
uint64_t mappedBytes() {
    unsigned long long pages = 0;
    if (FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%llu", &pages) != 1)
            pages = 0;
        std::fclose(file);
    }
    return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit(int resource, uint64_t value) {
    rlimit limits{value, value};
    setrlimit(static_cast<__rlimit_resource>(resource), &limits);
}

void writeAll(int handle, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written = write(handle, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(1);
        bytes.remove_prefix(static_cast<size_t>(written));
    }
}

[[noreturn]] void runChild(int handle, const std::function<std::string()> &work,
                           const SandboxLimits &limits, uint64_t mapped_bytes) {
    // Handlers of the program (or of a sanitizer) must not report the child's death as its own.
    for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGPIPE, SIGINT, SIGTERM})
        std::signal(signal, SIG_DFL);
    if (handle > 0)
        close_range(0, static_cast<unsigned>(handle) - 1, 0);
    close_range(static_cast<unsigned>(handle) + 1, ~0U, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, limits.cpu_seconds);
    if (mapped_bytes > 0)
        limit(RLIMIT_AS, mapped_bytes + limits.extra_bytes);
    try {
        std::string result = work();
        writeAll(handle, {&kResult, 1});
        writeAll(handle, result);
    } catch (const std::bad_alloc &) {
        writeAll(handle, {&kOutOfMemory, 1});
    } catch (const std::exception &error) {
        writeAll(handle, {&kException, 1});
        writeAll(handle, std::string_view(error.what()).substr(0, kMaxMessageBytes));
    } catch (...) {
        writeAll(handle, {&kException, 1});
    }
    _exit(0);
}

/// The child's process; killed and collected whatever happens.
class Child {
  public:
    explicit Child(pid_t process) : process_(process) {}
    Child(const Child &) = delete;
    ~Child() {
        if (process_ > 0)
            kill(process_, SIGKILL);
        collect();
    }
    /// The status of waitpid, -1 when somebody else collected the child.
    int collect() {
        int status = -1;
        while (process_ > 0 && waitpid(process_, &status, 0) < 0)
            if (errno != EINTR) {
                status = -1;
                break;
            }
        process_ = -1;
        return status;
    }

  private:
    pid_t process_;
};

/// Reads to the end; false when the deadline passes or there is too much.
bool readAll(int handle, const SandboxLimits &limits, std::string &out) {
    using Clock = std::chrono::steady_clock;
    auto deadline = Clock::now() + std::chrono::milliseconds(limits.deadline_ms);
    char buffer[1 << 16];
    while (out.size() <= limits.result_bytes) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0)
            return false;
        pollfd wait{handle, POLLIN, 0};
        if (poll(&wait, 1, static_cast<int>(left.count())) <= 0)
            continue; // the deadline or a signal: the loop finds out
        ssize_t got = read(handle, buffer, sizeof buffer);
        if (got == 0)
            return true;
        if (got > 0)
            out.append(buffer, static_cast<size_t>(got));
        else if (errno != EINTR)
            return true;
    }
    return false;
}

[[noreturn]] void refuseDeath(std::string_view name, int status, const SandboxLimits &limits) {
    int signal = status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGXCPU || signal == SIGKILL)
        fail(ErrorKind::model, "{} took more than {} s of computing and was stopped", name,
             limits.cpu_seconds);
    if (signal == SIGSEGV || signal == SIGBUS)
        fail(ErrorKind::model, "{} crashed its process (it nests or calls itself too deeply)",
             name);
    fail(ErrorKind::model, "{} ended its process without a result (status {:#x})", name,
         static_cast<unsigned>(status));
}

} // namespace

std::string runInSandbox(std::string_view name, const std::function<std::string()> &work,
                         const SandboxLimits &limits) {
    int ends[2];
    if (pipe(ends) != 0)
        fail(ErrorKind::memory, "no pipe for the process of {}: {}", name, std::strerror(errno));
    FileHandle reader(ends[0]), writer(ends[1]);
    uint64_t mapped_bytes = mappedBytes();
    pid_t process = fork();
    if (process < 0)
        fail(ErrorKind::memory, "no process for {}: {}", name, std::strerror(errno));
    if (process == 0)
        runChild(writer.get(), work, limits, mapped_bytes);

    Child child(process);
    writer.close();
    std::string result;
    if (!readAll(reader.get(), limits, result)) {
        if (result.size() > limits.result_bytes)
            fail(ErrorKind::model, "{} wrote more than {} bytes", name, limits.result_bytes);
        fail(ErrorKind::model, "{} took more than {:.1f} s and was stopped", name,
             limits.deadline_ms / 1000.0);
    }
    int status = child.collect();
    bool exited = status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (!exited || result.empty())
        refuseDeath(name, status, limits);
    if (result[0] == kOutOfMemory)
        fail(ErrorKind::model, "{} needed more than {} MB of memory", name,
             limits.extra_bytes / 1'000'000);
    if (result[0] == kException)
        fail(ErrorKind::model, "{} fails: {}", name, result.substr(1));
    return result.substr(1);
}

} // namespace longscope::model
