// Splits text into the pieces that byte-level BPE merges within: which regular expressions belong
// to a `tokenizer.ggml.pre` name, and how they are applied.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

struct PreRules {
    /// Applied in order, each to every piece that the one before left; matches and gaps both become
    /// pieces. In these `\s` and `\S` still stand for the set that PreSplitter puts in.
    std::vector<std::string> regexes;
    bool ignore_merges = false; ///< a piece that is a token as a whole is not merged
    bool add_bos = false;       ///< unless the file says otherwise
    bool no_bos = false;        ///< no BOS id unless the file names one
    bool verified = true;       ///< false: the original has rules beyond these expressions
};

/// nullptr for a name that is not known. "" is the default list.
const PreRules *findPreRules(std::string_view name);

/// Compiled expressions; const use is thread-safe with one Scratch a thread.
class PreSplitter {
  public:
    explicit PreSplitter(const std::vector<std::string> &regexes);
    PreSplitter(PreSplitter &&) noexcept;
    ~PreSplitter();

    /// Match state of one thread; reused over many fragments.
    class Scratch {
      public:
        Scratch();
        ~Scratch();
        Scratch(const Scratch &) = delete;

      private:
        friend class PreSplitter;
        struct State;
        std::unique_ptr<State> state_;
    };

    /// Calls `emit` with each piece, in order; together they are the fragment. The text must be
    /// valid UTF-8. Throws Error(model) when PCRE2 gives up.
    void split(std::string_view fragment, Scratch &scratch,
               const std::function<void(std::string_view)> &emit) const;

  private:
    struct Code;
    void splitLevel(size_t level, std::string_view subject, Scratch &scratch,
                    const std::function<void(std::string_view)> &emit) const;
    std::vector<std::unique_ptr<Code>> codes_;
};

} // namespace longscope::model
