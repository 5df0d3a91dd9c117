#include "compute/reading/key_points.h"

#include "compute/core/error.h"
#include "compute/document/places.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <format>
#include <new>

namespace longscope::reading {
namespace {

constexpr uint32_t kMostSteps = 1'000'000; // of a match: a pattern may not hang the program

struct FreeCode {
    void operator()(pcre2_code_8 *code) const { pcre2_code_free_8(code); }
};
struct FreeData {
    void operator()(pcre2_match_data_8 *data) const { pcre2_match_data_free_8(data); }
};
struct FreeContext {
    void operator()(pcre2_match_context_8 *context) const { pcre2_match_context_free_8(context); }
};

std::string messageOf(int error) {
    PCRE2_UCHAR8 text[256] = {};
    pcre2_get_error_message_8(error, text, sizeof text);
    return reinterpret_cast<const char *>(text);
}

template <typename T> T *orOutOfMemory(T *made) {
    if (!made)
        throw std::bad_alloc();
    return made;
}

} // namespace

class KeyPoints::Pattern {
  public:
    /// `where` is told in errors: "report.points, line 3".
    Pattern(std::string_view text, std::string where) : where_(std::move(where)) {
        int error = 0;
        PCRE2_SIZE offset = 0;
        code_.reset(pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(text.data()), text.size(),
                                    PCRE2_UTF | PCRE2_CASELESS, &error, &offset, nullptr));
        if (!code_)
            fail(ErrorKind::file, "{}: \"{}\" is no pattern: {} at byte {}", where_, text,
                 messageOf(error), offset);
        data_.reset(orOutOfMemory(pcre2_match_data_create_8(1, nullptr)));
        context_.reset(orOutOfMemory(pcre2_match_context_create_8(nullptr)));
        pcre2_set_match_limit_8(context_.get(), kMostSteps);
    }

    bool isIn(const std::string &text) const {
        int result = pcre2_match_8(code_.get(), reinterpret_cast<PCRE2_SPTR8>(text.data()),
                                   text.size(), 0, 0, data_.get(), context_.get());
        if (result < 0 && result != PCRE2_ERROR_NOMATCH)
            fail(ErrorKind::file,
                 "{}: the pattern cannot be looked for in a sentence of {} bytes: "
                 "{}",
                 where_, text.size(), messageOf(result));
        return result >= 0;
    }

  private:
    std::string where_;
    std::unique_ptr<pcre2_code_8, FreeCode> code_;
    std::unique_ptr<pcre2_match_data_8, FreeData> data_;
    std::unique_ptr<pcre2_match_context_8, FreeContext> context_;
};

KeyPoints::KeyPoints(std::string_view text, const std::string &name) {
    size_t line = 0;
    for (size_t start = 0; start < text.size(); ++line) {
        size_t end = std::min(text.find('\n', start), text.size());
        std::string_view pattern = text.substr(start, end - start);
        start = end + 1;
        if (pattern.ends_with('\r'))
            pattern.remove_suffix(1);
        if (!pattern.empty() && !pattern.starts_with('#'))
            patterns_.emplace_back(pattern, std::format("{}, line {}", name, line + 1));
    }
    if (patterns_.empty())
        fail(ErrorKind::file, "{} has no key point: {} lines, all empty or notes", name, line);
}

size_t KeyPoints::size() const {
    return patterns_.size();
}

KeyPoints::~KeyPoints() = default;
KeyPoints::KeyPoints(KeyPoints &&) noexcept = default;
KeyPoints &KeyPoints::operator=(KeyPoints &&) noexcept = default;

std::vector<bool> KeyPoints::eachFoundIn(std::span<const std::string> sentences) const {
    std::vector<std::string> lines;
    for (const std::string &sentence : sentences)
        lines.push_back(document::oneLine(sentence));
    std::vector<bool> found;
    for (const Pattern &pattern : patterns_)
        found.push_back(std::ranges::any_of(
            lines, [&](const std::string &line) { return pattern.isIn(line); }));
    return found;
}

size_t KeyPoints::foundIn(std::span<const std::string> sentences) const {
    return static_cast<size_t>(std::ranges::count(eachFoundIn(sentences), true));
}

} // namespace longscope::reading
