// A session in a file: tokens, keys and values, and what must be the same where it goes on. Meant
// to come back much faster than it was read. The file holds what was read, in plain: only its owner
// may open it (paged_file.h).
#pragma once

#include "compute/engine/session.h"

#include <string>
#include <string_view>

namespace longscope::engine {

struct SessionFileFacts {
    uint64_t tokens = 0;
    uint64_t window_tokens = 0; ///< of the session that was saved
    std::string model;          ///< name and fingerprint
};
/// What a file says of itself, without reading its keys and values. Throws Error(file).
SessionFileFacts readSessionFileFacts(const std::string &path);

/// Writes the session, with a text that the caller gets back. The file appears whole or not at all,
/// and only in the place of a session or of nothing. Returns its bytes. Throws Error(file), and
/// Error(usage) when nothing was read.
uint64_t saveSession(const Session &session, const std::string &path, std::string_view note = {});

/// The session becomes the saved one; returns the caller's text. Everything is checked first: after
/// an Error(file), which says what does not fit with both values, or what is damaged, the session
/// is as it was. Only when the file can no longer be read after that is the session empty.
/// The window may be another one, as long as it holds the tokens.
std::string restoreSession(Session &session, const std::string &path);

} // namespace longscope::engine
