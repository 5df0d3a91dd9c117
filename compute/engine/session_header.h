// The header of a saved session: what must be the same, how much of everything there is, and the
// rooms of the layers. Whether it is sound, and fits the session at hand. What follows it in the
// file: session_file.cpp.
#pragma once

#include "compute/engine/paged_file.h"
#include "compute/engine/session_impl.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace longscope::engine {

constexpr uint64_t kMostNoteBytes = 64 << 20;

struct SessionCounts {
    uint64_t tokens = 0, window_tokens = 0;
    uint64_t written = 0, filled = 0; ///< as AttentionState
    bool has_evicted = false, has_logits = false;
    uint64_t note_bytes = 0;
    uint64_t state_bytes = 0; ///< of recurrent layers
    std::vector<LayerRoom> rooms;
};

/// Whether the kept positions and what was seen of them are in the file.
bool hasEvictors(const SessionOptions &options);
/// Rows of a layer's cache that are in the file.
uint64_t rowsInUse(const SessionCounts &counts, uint32_t layer, const SessionOptions &options);

SessionCounts countsOf(const Session::Impl &self, const AttentionState &state,
                       std::string_view note);
std::string makeHeader(const Session &session, const SessionCounts &counts);

/// The header as the outside world gave it: every value is looked at before it is used.
class SessionHeader {
  public:
    /// Throws Error(file) for a damaged one.
    explicit SessionHeader(const PagedReader &reader);

    const SessionCounts &counts() const { return counts_; }
    /// One of those in session_facts.h; "not said" when it is not there.
    std::string fact(const std::string &what) const;
    /// Throws Error(file) with both values when the session cannot go on from this file.
    void checkFits(const Session &session) const;

    [[noreturn]] void refuse(std::string_view what) const;

  private:
    using Json = nlohmann::ordered_json;
    [[noreturn]] void refuseToFit(std::string_view what, std::string_view there,
                                  std::string_view here) const;
    void checkRoom(uint32_t layer, const LayerRoom &here, const SessionOptions &options) const;
    const Json &member(const char *key, bool (Json::*is_right)() const noexcept) const;
    template <class Key> uint64_t number(const Json &in, Key key, uint64_t most) const;

    std::string path_;
    Json json_;
    SessionCounts counts_;
};

} // namespace longscope::engine
