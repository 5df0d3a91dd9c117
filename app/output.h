// Answers on standard output and in files, messages on standard error. A closed or full output is
// an error with the numbers, never a silent loss; a file appears whole or not at all.
#pragma once

#include "compute/core/error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace longscope::app {

/// Writes at once. Throws Error(file) with the bytes written and the reason.
void printOut(std::string_view text);

/// `longscope: error: …`, one line, on standard error.
void printError(std::string_view message);
/// The exit status of a program that ends with such an error.
int statusOf(ErrorKind kind);
void printWarning(std::string_view message);
/// A plain line on standard error.
void printNote(std::string_view line);

/// Writes beside `path` and renames in commit(); without commit() nothing is left. What is not a
/// regular file (a device, a pipe) is written directly; "-" is standard output.
class OutputFile {
  public:
    explicit OutputFile(const std::string &path);
    ~OutputFile();
    OutputFile(const OutputFile &) = delete;
    OutputFile &operator=(const OutputFile &) = delete;

    /// Throws Error(file) with path, bytes written and reason.
    void write(std::span<const std::byte> bytes);
    void commit();

  private:
    [[noreturn]] void failWith(int error);

    std::string path_, temporary_; ///< temporary_ "" = written directly
    int file_ = -1;
    uint64_t written_ = 0;
};

} // namespace longscope::app
