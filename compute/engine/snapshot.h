// What the one worker thread that owns engine and session shows to everybody else, and what they
// may ask of it. A window draws a `const Snapshot&` and pushes a `Command`, nothing else.
#pragma once

#include "compute/core/error.h"
#include "compute/core/progress.h"
#include "compute/engine/generate.h"
#include "compute/gpu/device.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace longscope::engine {

struct ModelFacts {
    std::string path, name, architecture, device, kernel_family;
    uint64_t parameters = 0, weight_bytes = 0, context_tokens = 0, vocab = 0;
    uint64_t host_weight_bytes = 0;           ///< of layers for which the device has no room
    uint32_t layers = 0, streamed_layers = 0; ///< the latter from host memory, each time anew
    double load_seconds = 0;

    /// The file's own name for the model, or what is known without one.
    const std::string &title() const { return name.empty() ? architecture : name; }
};

/// "12 of 32 layers (2.1 GB) stay in host memory and ..."; "" when all are on the device.
std::string describeStreaming(const ModelFacts &facts);

enum class TaskState { idle, running, done, stopped, failed };

struct Task {
    uint64_t id = 0; ///< of the command that began it
    TaskState state = TaskState::idle;
    Progress progress;
    std::string text;          ///< written so far
    std::string template_used; ///< which chat template or fallback
    std::optional<Finish> finish;
    uint64_t prompt_tokens = 0, reused_tokens = 0, written_tokens = 0;
    uint64_t restored_tokens = 0; ///< that a keeper gave back; of the reused ones
    /// Looking for what was kept and bringing it back, then reading, then writing.
    double restore_seconds = 0, prompt_seconds = 0, write_seconds = 0;
    std::string error; ///< a sentence, when failed
    ErrorKind error_kind = ErrorKind::stopped;
};

struct Snapshot {
    uint64_t version = 0; ///< grows with every change
    std::optional<ModelFacts> model;
    uint64_t window_tokens = 0, used_tokens = 0;
    /// Positions of the timeline that no layer can see any more: first .. end - 1.
    attention::Interval forgotten;
    std::string warning; ///< about the window, a sentence; "" when nothing is wrong with it
    std::vector<gpu::BookedPart> memory;
    Task task; ///< the current or last one
};

struct LoadModel {
    EngineOptions engine;
    std::optional<SessionOptions> session; ///< unset: as the last LoadModel or Configure said
};
/// Text through the chat template; `window_tokens` 0 = what the prompt and reply need.
struct Chat {
    std::vector<model::Message> messages;
    GenerateOptions options;
};
struct Complete {
    std::string text; ///< plain continuation, no template
    GenerateOptions options;
};
/// The timeline to and from a file (session_file.h). The note is the caller's own; restoring puts
/// it into the task's text, and the number of tokens into `reused_tokens`.
struct SaveSession {
    std::string path, note;
};
struct RestoreSession {
    std::string path;
};
/// Another way of reading from now on; what was read is forgotten. Refused ones leave all as it is.
struct Configure {
    SessionOptions session;
};
/// Makes the timeline equal to a text, without a template, and writes nothing.
struct Read {
    std::string text;
    std::vector<Token> tokens = {}; ///< instead of a text, when there are any
};
/// A session whose window holds so many tokens, for work that reads by itself (Inquire). What was
/// read stays where the window is large enough already.
struct Reserve {
    uint64_t tokens = 0;
};
/// Work on the worker's own thread with what it owns. `session` is null before the first text; what
/// the work throws ends the task as an error of the engine does.
struct Inquire {
    std::string label;
    std::function<void(Engine &, Session *session, const ProgressSink &, std::stop_token)> work;
};
struct Unload {};
using Command = std::variant<LoadModel, Chat, Complete, SaveSession, RestoreSession, Configure,
                             Read, Reserve, Inquire, Unload>;

} // namespace longscope::engine
