// The one session of a worker; for compute/engine alone.
#pragma once

#include "compute/engine/engine.h"
#include "compute/engine/session.h"

#include <memory>
#include <string>

namespace longscope::engine {

/// A session that is made when a text first needs it, and again, larger, when one outgrows its
/// window. Its engine must outlive it.
class GrowingSession {
  public:
    const SessionOptions &options() const { return options_; }
    /// Another way of reading from now on; what was read is forgotten.
    void configure(SessionOptions options);
    void drop();

    Session *get() const { return session_.get(); }
    Session *operator->() const { return session_.get(); }
    Session &operator*() const { return *session_; }
    explicit operator bool() const { return session_ != nullptr; }

    /// Makes the window hold the prompt and the reply, or keeps it when it does. True when what was
    /// read before is lost and must be read again. Throws Error(usage) with the numbers when no
    /// window of this model can hold the prompt, Error(memory) when the device has no room.
    bool ensure(Engine &engine, uint64_t prompt, uint64_t reply);
    /// The same for so many tokens of any kind.
    void reserve(Engine &engine, uint64_t tokens);
    /// What was saved comes back, and its note. A file that is refused (Error(file)) leaves all as
    /// it was.
    std::string restore(Engine &engine, const std::string &path);
    /// From now on the session is no longer as its file has it.
    void forgetFile() { restored_from_.clear(); }

  private:
    uint64_t mostTokens(const Engine &engine) const;
    [[noreturn]] void refuse(const Engine &engine, uint64_t prompt, uint64_t reply) const;
    bool restoreAgain();
    void make(Engine &engine, uint64_t window);
    bool tryMake(Engine &engine, uint64_t window);

    SessionOptions options_;
    std::unique_ptr<Session> session_;
    std::string restored_from_; ///< the file that it still is as
};

} // namespace longscope::engine
