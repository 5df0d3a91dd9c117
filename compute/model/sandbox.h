// Runs untrusted work in a child process with limits on memory and time, so that whatever it does
// (endless recursion, endless memory) ends as an ordinary error here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace longscope::model {

struct SandboxLimits {
    uint64_t extra_bytes = 1'000'000'000; ///< of address space, over what this process has now
    uint64_t cpu_seconds = 2;
    int deadline_ms = 2500;
    size_t result_bytes = 256'000'000;
};

/// What `work` returns in the child. The child is a fork: other threads do not exist in it, so the
/// work must only compute and allocate; it has no files, and its memory is lost. Throws
/// Error(model) that begins with `name` ("the chat template") when the work throws, crashes or
/// breaks a limit, Error(memory) when no process can be made.
std::string runInSandbox(std::string_view name, const std::function<std::string()> &work,
                         const SandboxLimits &limits = {});

} // namespace longscope::model
