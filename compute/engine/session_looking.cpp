// Looking again at what a session has read: the layers run over kept tokens, and nothing is stored.
#include "compute/core/error.h"
#include "compute/engine/session_impl.h"

#include <algorithm>

namespace longscope::engine {

bool Session::lookAgain(uint64_t first, uint64_t end, uint32_t layers, Observer &observer,
                        std::stop_token stop) {
    Impl &self = *impl_;
    self.checkLook(first, end);
    self.times.clear();
    if (!self.memory)
        return self.lookAgain(first, end, {layers, &observer}, stop);
    // The states of recurrent layers must come to `first` again, from the last copy before it.
    self.keepStates();
    uint64_t start = self.memory->keepable(first);
    self.checkLook(start, end);
    self.memory->returnTo(start, false);
    bool whole = false;
    try {
        whole = self.lookAgain(start, first, {layers}, stop) &&
                self.lookAgain(first, end, {layers, &observer}, stop);
    } catch (...) {
        self.flush(); // nothing may change the states later
        self.memory->returnTo(self.tokens.size());
        throw;
    }
    self.memory->returnTo(self.tokens.size());
    return whole;
}

bool Session::Impl::lookAgain(uint64_t first, uint64_t end, const LayerRange &layers,
                              const std::stop_token &stop) {
    while (first < end) {
        uint64_t together = std::min(attention->lookEnd(first), end) - first;
        auto rows = static_cast<uint32_t>(std::min<uint64_t>(pacer.chunkRows(), together));
        Chunk chunk{first, rows, tokens.size()};
        if (stop.stop_requested() ||
            !runLayers(chunk, std::span(tokens).subspan(first, rows), layers, true, stop))
            return false;
        first += rows;
    }
    return true;
}

/// The keys that these queries saw must still be there.
void Session::Impl::checkLook(uint64_t first, uint64_t end) const {
    if (first >= end || end > tokens.size())
        fail(ErrorKind::usage, "queries {} to {} are not among the {} tokens that were read", first,
             end, tokens.size());
    if (options.eviction.kind != attention::EvictionKind::none &&
        options.eviction.kind != attention::EvictionKind::quest)
        fail(ErrorKind::usage, "--evict {} threw keys away: what was seen cannot be shown again",
             options.eviction.spec);
    uint64_t seen = std::max<uint64_t>(first, 1); // what is kept of nothing tells nothing
    if (attention->keepable(tokens.size(), seen) < seen)
        fail(ErrorKind::usage,
             "the keys that query {} saw were forgotten: only later ones can be shown again, of "
             "{} tokens read",
             first, tokens.size());
}

std::string Session::lookingNote(attention::Interval queries, uint32_t layers) const {
    return impl_->attention->lookingNote(queries, layers);
}

} // namespace longscope::engine
