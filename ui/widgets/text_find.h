// All places of some words in a text, found bit by bit. Not case sensitive unless asked; then
// Latin, Greek and Cyrillic letters match in both cases.
#pragma once

#include "ui/widgets/text_units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::ui {

class TextFind {
  public:
    static constexpr size_t kMostHits = 1'000'000;

    TextFind() = default;
    /// The text must outlive the search.
    TextFind(std::string_view text, std::string_view words, bool match_case);

    /// Goes on for about `bytes`; true when all is searched, or there are too many hits.
    bool work(size_t bytes);
    bool done() const { return done_; }
    bool isCut() const { return hits_.size() >= kMostHits; } ///< there may be more

    std::span<const uint32_t> hits() const { return hits_; } ///< first bytes, rising
    size_t hitBytes() const { return words_.size(); }
    const std::string &words() const { return words_; }
    bool matchesCase() const { return match_case_; }

    /// Of the hits so far: the first one at or after `byte`, else the first one.
    std::optional<size_t> hitFrom(size_t byte) const;

  private:
    bool matches(size_t at) const;

    std::string_view text_;
    std::string words_;
    bool match_case_ = false, done_ = true;
    /// Bytes that may stand at each place of the words: two where the case is open.
    std::vector<std::array<char, 2>> bytes_;
    std::array<size_t, 256> skip_{}; ///< Horspool's shifts by the last byte of the window
    std::vector<uint32_t> hits_;
    size_t at_ = 0;
};

} // namespace longscope::ui
