// Whoever keeps what is read beyond the life of a session, and gives it back before it is read
// again (reading/kept_readings.h). The worker asks, on its thread, between submits. A keeper that
// cannot keep throws nothing for that: the reading goes on.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/session.h"

#include <span>
#include <stop_token>

namespace longscope::engine {

class Keeper {
  public:
    virtual ~Keeper() = default;
    /// Before `session`, whose window holds the prompt, reads it. How many of its tokens came back
    /// into the session; 0 when it has the best beginning already.
    virtual uint64_t begin(Session &session, std::span<const Token> prompt,
                           const ProgressSink &progress, const std::stop_token &stop) = 0;
    /// The session has read more of what was begun, and has logits or goes on reading.
    virtual void grown(const Session &session) = 0;
    /// The prompt is read, or its reading ended before.
    virtual void end(const Session &session) = 0;
};

} // namespace longscope::engine
