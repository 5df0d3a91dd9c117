// UTF-8 at the borders of the tokenizers: text that comes in with invalid bytes, and bytes of
// tokens that go out in pieces which may end inside a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

/// A text in which each invalid byte became one U+FFFD, with the way back to the bytes it came
/// from. Views the original when that is valid, which must then outlive it.
class RepairedText {
  public:
    explicit RepairedText(std::string_view original);
    RepairedText(const RepairedText &) = delete;

    std::string_view view() const { return bad_.empty() ? original_ : storage_; }
    /// Byte of view() -> byte of the original; inside a U+FFFD the invalid byte.
    size_t toOriginal(size_t at) const;
    /// Byte of the original -> byte of view().
    size_t fromOriginal(size_t at) const;

  private:
    std::string_view original_;
    std::string storage_;
    std::vector<size_t> bad_; ///< original bytes that are invalid, ascending
};

/// Cuts all complete characters off the front of `held` and returns them. A bad byte turns the
/// prefix of a character before it into one U+FFFD; a valid prefix at the end (at most 3 bytes)
/// stays in `held`.
std::string takeCharacters(std::string &held);

} // namespace longscope::model
