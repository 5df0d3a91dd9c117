// Several texts that begin alike, read and written side by side: each has its own tokens behind
// those that the session holds, and a step adds one token to each of them in one pass, so that the
// weights are read once for all. Their keys and values lie in the cache behind the session's; a
// query of a branch sees the shared ones, its stem's and its own.
#pragma once

#include "compute/engine/session.h"

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::engine {

/// "" when a session can hold branches, else why not, a sentence: branches need every key of every
/// layer where it was put, and rotations that do not change later.
std::string whyNoBranches(const Session &session);

class Branches {
  public:
    /// Behind the session's tokens, which stay as they are; nothing else may be read until the
    /// branches are gone. whyNoBranches(session) must be empty.
    explicit Branches(Session &session);

    uint64_t room() const; ///< tokens that can still be read and written, of all branches

    /// Reads the first tokens of a text, at least one and at most room(). Its number counts from 0;
    /// -1 after a stop.
    int readStem(std::span<const Token> tokens, const std::stop_token &stop);
    /// [vocab]: of the last token of a stem.
    std::span<const float> stemLogits(int stem) const { return stems_[stem].logits; }

    /// A text that goes on from a stem; its number counts from 0.
    uint32_t fork(int stem);
    struct Next {
        uint32_t branch;
        Token token;
    };
    /// One more token for each of these branches, at most mostRows of them. False after a stop;
    /// then nothing has changed.
    bool step(std::span<const Next> next, const std::stop_token &stop);
    /// [vocab]: of entry `index` of the last step; valid until the next one.
    std::span<const float> logits(size_t index) const;
    static uint32_t mostRows(const Session &session);

  private:
    struct Stem {
        uint64_t first_slot = 0, tokens = 0;
        std::vector<float> logits;
    };
    struct Branch {
        int stem = 0;
        std::vector<uint64_t> slots; ///< of its own tokens
    };

    Session &session_;
    uint64_t shared_; ///< tokens of the session
    uint64_t next_slot_;
    std::vector<Stem> stems_;
    std::vector<Branch> branches_;
};

} // namespace longscope::engine
