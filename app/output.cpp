#include "app/output.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace longscope::app {
namespace {

/// Writes all bytes; 0 or the errno of the write that failed. Counts what was written.
int writeAll(int file, std::span<const std::byte> bytes, uint64_t &written) {
    while (!bytes.empty()) {
        ssize_t count = ::write(file, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        written += static_cast<uint64_t>(count);
        bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return 0;
}

void printLine(std::string_view prefix, std::string_view message) {
    std::string line(prefix);
    line += message;
    std::ranges::replace(line, '\n', ' ');
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

} // namespace

void printOut(std::string_view text) {
    static uint64_t written = 0;
    if (int error = writeAll(STDOUT_FILENO, std::as_bytes(std::span(text)), written))
        fail(ErrorKind::file, "cannot write the answer to standard output, {} written: {}",
             formatBytes(written), std::strerror(error));
}

void printError(std::string_view message) {
    printLine("longscope: error: ", message);
}

int statusOf(ErrorKind kind) {
    if (kind == ErrorKind::usage)
        return 2;
    return kind == ErrorKind::stopped ? 130 : 1;
}

void printWarning(std::string_view message) {
    printLine("longscope: warning: ", message);
}
void printNote(std::string_view line) {
    printLine("", line);
}

OutputFile::OutputFile(const std::string &path) : path_(path) {
    namespace fs = std::filesystem;
    if (path == "-") {
        file_ = ::dup(STDOUT_FILENO);
    } else {
        std::error_code code;
        if (fs::exists(path, code) && fs::is_symlink(path, code))
            path_ = fs::canonical(path, code).string(); // the link stays, its target is replaced
        bool direct = fs::exists(path_, code) && !fs::is_regular_file(path_, code);
        if (!direct)
            temporary_ = path_ + ".unfinished-" + std::to_string(::getpid());
        file_ = ::open((direct ? path_ : temporary_).c_str(),
                       O_WRONLY | O_CLOEXEC | (direct ? 0 : O_CREAT | O_EXCL), 0666);
    }
    if (file_ < 0) {
        int error = errno;
        temporary_.clear();
        fail(ErrorKind::file, "cannot write {}: {}", path_, std::strerror(error));
    }
}

OutputFile::~OutputFile() {
    if (file_ >= 0)
        ::close(file_);
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
}

void OutputFile::failWith(int error) {
    fail(ErrorKind::file, "cannot write {}, {} written: {}", path_, formatBytes(written_),
         std::strerror(error));
}

void OutputFile::write(std::span<const std::byte> bytes) {
    if (int error = writeAll(file_, bytes, written_))
        failWith(error);
}

void OutputFile::commit() {
    if (!temporary_.empty() && ::fsync(file_) != 0) // a full disk may show only here
        failWith(errno);
    if (::close(std::exchange(file_, -1)) != 0)
        failWith(errno);
    if (!temporary_.empty() && std::rename(temporary_.c_str(), path_.c_str()) != 0)
        failWith(errno);
    temporary_.clear();
}

} // namespace longscope::app
