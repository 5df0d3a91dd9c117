// Finds the tokens that are recognised by their text before anything else is tokenised: control
// tokens, and user-defined ones (which some vocabularies keep for runs of spaces).
#pragma once

#include "compute/model/vocabulary.h"

#include <array>
#include <bitset>
#include <span>
#include <string_view>
#include <vector>

namespace longscope::model {

class SpecialTokens {
  public:
    /// The vocabulary must outlive this.
    explicit SpecialTokens(const Vocabulary &vocabulary);

    struct Fragment {
        size_t start = 0, end = 0; ///< bytes of the text
        Token special = -1;        ///< -1: ordinary text
    };
    /// The text cut at its special tokens, leftmost and longest first. User-defined tokens are
    /// always found; control tokens when `control`, and only where they touch no `plain` span.
    /// `plain` must be sorted and without overlaps.
    std::vector<Fragment> split(std::string_view text, bool control,
                                std::span<const PlainSpan> plain) const;

  private:
    struct Candidate {
        Token id;
        bool everywhere; ///< user-defined: also without `control` and inside plain spans
    };
    const std::vector<Candidate> *candidatesAt(std::string_view text, size_t at) const;
    size_t stripEnd(std::string_view text, size_t end, Token id) const;

    const Vocabulary *vocabulary_;
    /// By the first two bytes; a scan touches the lists only where the table says so.
    std::bitset<65536> begins_;
    std::unordered_map<uint16_t, std::vector<Candidate>> by_pair_;
    std::array<std::vector<Candidate>, 256> single_; ///< texts of one byte
};

} // namespace longscope::model
