// The one exception type of the program: whatever the outside world decides (a file, the driver,
// memory, the network, the user) and that ends a task. Caught in two places only: the engine's
// worker, which puts it into the snapshot, and `main`. Our own mistakes are asserts.
#pragma once

#include <format>
#include <stdexcept>
#include <string>

namespace longscope {

enum class ErrorKind {
    usage,   ///< the command line or a setting is wrong: exit status 2
    file,    ///< a file is missing, broken, or not what it says
    model,   ///< the model asks for something that this program cannot do
    device,  ///< Vulkan: no device, a lost device, a refused call
    memory,  ///< something does not fit
    stopped, ///< the user stopped it: exit status 130
};

/// What was wanted, what was found, where, with the numbers; one sentence without a final stop.
class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string &message) : std::runtime_error(message), kind_(kind) {}
    ErrorKind kind() const { return kind_; }

  private:
    ErrorKind kind_;
};

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, std::format_string<Args...> format, Args &&...args) {
    throw Error(kind, std::format(format, std::forward<Args>(args)...));
}

} // namespace longscope
