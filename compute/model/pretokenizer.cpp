#include "compute/model/pretokenizer.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace longscope::model {
namespace {

// With Unicode properties on, PCRE2's \s also matches U+180E, which the vocabularies were not
// trained with; this is the set of Unicode's White_Space.
constexpr std::string_view kWhiteSpace =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

/// Replaces \s, and \S outside of a class, by the set above.
std::string expandWhiteSpace(std::string_view regex) {
    std::string out;
    bool in_class = false;
    for (size_t i = 0; i < regex.size(); ++i) {
        if (regex[i] == '\\' && i + 1 < regex.size()) {
            char escape = regex[++i];
            if (escape == 's' && in_class)
                out += kWhiteSpace;
            else if (escape == 's' || escape == 'S')
                out.append(escape == 's' ? "[" : "[^").append(kWhiteSpace).append("]");
            else
                out.append({'\\', escape});
            continue;
        }
        if (regex[i] == '[')
            in_class = true;
        else if (regex[i] == ']')
            in_class = false;
        out += regex[i];
    }
    return out;
}

constexpr size_t kJitStackStart = 32 << 10, kJitStackMax = 8 << 20;

} // namespace

struct PreSplitter::Code {
    explicit Code(const std::string &regex) {
        std::string source = expandWhiteSpace(regex);
        int error = 0;
        PCRE2_SIZE offset = 0;
        code =
            pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(source.data()), source.size(),
                            PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &error, &offset, nullptr);
        if (!code)
            fail(ErrorKind::model,
                 "PCRE2 refuses the pre-tokenizer's expression {} at {} (error {})", source, offset,
                 error);
        jit = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE) == 0;
    }
    ~Code() { pcre2_code_free_8(code); }
    Code(const Code &) = delete;

    pcre2_code_8 *code = nullptr;
    bool jit = false;
};

struct PreSplitter::Scratch::State {
    State() {
        context = pcre2_match_context_create_8(nullptr);
        data = pcre2_match_data_create_8(1, nullptr);
        if (!context || !data)
            throw std::bad_alloc();
        // 20 MB of spaces exceed the default limit.
        pcre2_set_match_limit_8(context, UINT32_MAX);
        stack = pcre2_jit_stack_create_8(kJitStackStart, kJitStackMax, nullptr);
        if (stack)
            pcre2_jit_stack_assign_8(context, nullptr, stack);
    }
    ~State() {
        pcre2_jit_stack_free_8(stack);
        pcre2_match_data_free_8(data);
        pcre2_match_context_free_8(context);
    }
    State(const State &) = delete;

    pcre2_match_context_8 *context = nullptr;
    pcre2_match_data_8 *data = nullptr;
    pcre2_jit_stack_8 *stack = nullptr;
};

PreSplitter::Scratch::Scratch() : state_(std::make_unique<State>()) {}
PreSplitter::Scratch::~Scratch() = default;

PreSplitter::PreSplitter(const std::vector<std::string> &regexes) {
    for (const std::string &regex : regexes)
        codes_.push_back(std::make_unique<Code>(regex));
}
PreSplitter::PreSplitter(PreSplitter &&) noexcept = default;
PreSplitter::~PreSplitter() = default;

void PreSplitter::split(std::string_view fragment, Scratch &scratch,
                        const std::function<void(std::string_view)> &emit) const {
    if (!fragment.empty())
        splitLevel(0, fragment, scratch, emit);
}

// Each piece is a subject of its own, so that (?!\S) and $ see the end of the piece.
void PreSplitter::splitLevel(size_t level, std::string_view subject, Scratch &scratch,
                             const std::function<void(std::string_view)> &emit) const {
    if (level == codes_.size()) {
        emit(subject);
        return;
    }
    const Code &code = *codes_[level];
    auto &state = *scratch.state_;
    auto text = reinterpret_cast<PCRE2_SPTR8>(subject.data());
    size_t done = 0;
    for (size_t at = 0; at < subject.size();) {
        int result = code.jit ? pcre2_jit_match_8(code.code, text, subject.size(), at, 0,
                                                  state.data, state.context)
                              : PCRE2_ERROR_JIT_STACKLIMIT;
        if (result == PCRE2_ERROR_JIT_STACKLIMIT)
            result = pcre2_match_8(code.code, text, subject.size(), at,
                                   PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, state.data, state.context);
        if (result == PCRE2_ERROR_NOMATCH)
            break;
        if (result < 0)
            fail(ErrorKind::model,
                 "splitting {} bytes of text into words failed (PCRE2 error {}, expression {})",
                 subject.size(), result, level);
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer_8(state.data);
        size_t start = range[0], end = range[1];
        if (end <= start) {
            at = start + std::max<size_t>(utf8Length(subject, start), 1);
            continue;
        }
        if (start > done)
            splitLevel(level + 1, subject.substr(done, start - done), scratch, emit);
        splitLevel(level + 1, subject.substr(start, end - start), scratch, emit);
        at = done = end;
    }
    if (done < subject.size())
        splitLevel(level + 1, subject.substr(done), scratch, emit);
}

} // namespace longscope::model
