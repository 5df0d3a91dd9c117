// The attention panel points at places of the document: marks while the mouse rests on something,
// taken away again when it leaves. Not at every move of the mouse.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <array>
#include <optional>
#include <vector>

namespace longscope::ui {

class DocumentLink {
  public:
    using Key = std::array<uint64_t, 3>; ///< tells apart what is pointed at

    /// In this frame; the last one counts. Marks need only be made when the key is new.
    bool isNew(const Key &key) const { return made_ != key; }
    void point(const Key &key, uint64_t document, std::vector<Mark> marks);
    void keep(const Key &key) { wanted_ = key; }
    /// At the end of the frame.
    void flush(CommandQueue &commands);
    /// Something is to be said that the pause between two marks holds back.
    bool waiting() const { return pending_ != shown_; }

  private:
    std::optional<Key> wanted_, pending_, shown_, made_;
    uint64_t document_ = 0;
    std::vector<Mark> marks_;
    double next_time_ = 0;
};

/// Goes to the first of these tokens, if it is of the document.
void jumpToToken(const Timeline &timeline, uint64_t token, CommandQueue &commands);
/// The marks of a key and of the query that looks at it, as far as they are of the document.
std::vector<Mark> marksOf(const Timeline &timeline, uint64_t first_query, uint64_t end_query,
                          uint64_t first_key, uint64_t end_key, float weight,
                          const std::string &key_note);

} // namespace longscope::ui
