// Looks at the attention over what a session has read, in the words of the window. On the engine's
// thread; all of it is recomputed from the kept keys, nothing is read anew.
#pragma once

#include "compute/engine/session.h"
#include "ui/command.h"
#include "ui/state/attention.h"

#include <memory>

namespace longscope::app {

/// Throws Error(usage) when nothing was read.
engine::Session &readSession(engine::Session *session);

/// The first query whose keys are all still there: 0 unless layers forget. Throws Error(usage) with
/// the reason when there is none.
uint64_t firstShownQuery(engine::Session &session);

/// What layers do, over all queries that can be shown.
struct Measured {
    std::shared_ptr<const ui::HeadTable> heads;  ///< null: not wanted, or no layer attends
    std::shared_ptr<const ui::DecayTable> decay; ///< null: nothing decays
    uint64_t tokens = 0, hidden = 0;             ///< that were seen; before them, that cannot be
    std::string note;                            ///< Session::lookingNote
};
/// Every head of every layer if `heads`, and how fast recurrent layers forget; in one pass.
Measured measureLayers(engine::Session &session, bool heads, const ProgressSink &progress,
                       std::stop_token stop);

struct DrawnMap {
    std::shared_ptr<const ui::Map> map;
    std::string note; ///< Session::lookingNote
};
/// Ranges that reach too far are cut to what was read; "all" leaves out queries that cannot be
/// shown.
DrawnMap drawMap(engine::Session &session, const ui::MapWanted &wanted,
                 const ProgressSink &progress, std::stop_token stop);

/// One query over all keys, a share for each of the session's tokens.
std::shared_ptr<const ui::Attention::Strip>
drawStrip(engine::Session &session, const ui::command::ShowStrip &wanted, std::stop_token stop);

} // namespace longscope::app
