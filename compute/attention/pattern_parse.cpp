// Reading patterns and block masks from text. One table says the grammar of all patterns.
#include "compute/attention/pattern.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace longscope::attention {
namespace {

// Products of two numbers of a pattern must stay far below 2^64.
constexpr double kMostNumber = 1e9;
constexpr double kNeeded = -1; // no default

enum class Range { from_0, from_1, share }; // share: above 0, up to 1

struct NumberForm {
    const char *name;
    Range range;
    double standard = kNeeded;
};

struct PatternForm {
    PatternKind kind;
    std::string_view name, text;
    char separator;
    std::vector<NumberForm> numbers;
};

const std::vector<PatternForm> &patternForms() {
    using enum PatternKind;
    using enum Range;
    static const std::vector<PatternForm> forms = {
        {full, "full", "full", ',', {}},
        {window, "window", "window:W", ',', {{"W", from_1}}},
        {dilated, "dilated", "dilated:WxD", 'x', {{"W", from_1}, {"D", from_1}}},
        {longformer, "longformer", "longformer:W+G", '+', {{"W", from_1}, {"G", from_0}}},
        {bigbird,
         "bigbird",
         "bigbird:B,W,G,R[,SEED]",
         ',',
         {{"B", from_1}, {"W", from_1}, {"G", from_0}, {"R", from_0}, {"SEED", from_0, 0}}},
        {strided, "strided", "strided:L[,code]", ',', {{"L", from_1}, {"code", from_0, 0}}},
        {fixed, "fixed", "fixed:L,C", ',', {{"L", from_1}, {"C", from_1}}},
        {chunked, "chunked", "chunked:C", ',', {{"C", from_1}}},
        {shifted, "shifted", "shifted:G", ',', {{"G", from_1}}},
        {sinks, "sinks", "sinks:S+W", '+', {{"S", from_0}, {"W", from_1}}},
        {a_shape, "a-shape", "a-shape:S+W", '+', {{"S", from_0}, {"W", from_1}}},
        {rolling, "rolling", "rolling:S+M", '+', {{"S", from_0}, {"M", from_1}}},
        {blocks, "blocks", "blocks:FILE", '\0', {}},
        {mixed, "mixed", "mixed:SPEC#HEADS|SPEC", '\0', {}},
        {vertical_slash,
         "vertical-slash",
         "vertical-slash:V,S",
         ',',
         {{"V", from_1}, {"S", from_1}}},
        {xattention,
         "xattention",
         "xattention:T[,STRIDE[,BLOCK]]",
         ',',
         {{"T", share}, {"STRIDE", from_1, 8}, {"BLOCK", from_1, 128}}},
        {flexprefill,
         "flexprefill",
         "flexprefill:G[,MIN_BUDGET]",
         ',',
         {{"G", share}, {"MIN_BUDGET", from_0, 512}}},
        {top_blocks, "topk", "topk:K[,BLOCK]", ',', {{"K", from_1}, {"BLOCK", from_1, 64}}},
    };
    return forms;
}

template <class... Args>
[[noreturn]] void failAt(std::string_view spec, std::format_string<Args...> format,
                         Args &&...args) {
    fail(ErrorKind::usage, "--attention \"{}\": {}", spec,
         std::format(format, std::forward<Args>(args)...));
}

const PatternForm &findForm(std::string_view spec, std::string_view name) {
    std::string names;
    for (const PatternForm &form : patternForms()) {
        if (form.name == name)
            return form;
        names += (names.empty() ? "" : ", ") + std::string(form.text);
    }
    failAt(spec, "there is no pattern \"{}\"; there are {}", name, names);
}

double parseNumber(std::string_view spec, const NumberForm &form, std::string_view text) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool is_number = error == std::errc() && end == text.data() + text.size();
    if (form.range == Range::share) {
        if (!is_number || !(value > 0 && value <= 1))
            failAt(spec, "{} must be a number above 0 and at most 1, not \"{}\"", form.name, text);
        return value;
    }
    const bool has_digits_only = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    const int least = form.range == Range::from_1 ? 1 : 0;
    if (!is_number || !has_digits_only || value < least)
        failAt(spec, "{} must be a whole number from {} on, not \"{}\"", form.name, least, text);
    if (value > kMostNumber)
        failAt(spec, "{} must be at most {}, not \"{}\"", form.name,
               static_cast<uint64_t>(kMostNumber), text);
    return value;
}

std::vector<double> parseNumbers(std::string_view spec, const PatternForm &form,
                                 std::optional<std::string_view> text) {
    std::vector<std::string_view> parts;
    if (text)
        parts = split(*text, form.separator);
    if (parts.size() > form.numbers.size())
        failAt(spec, "\"{}\" is too much; the form is {}", parts[form.numbers.size()], form.text);
    std::vector<double> numbers;
    for (size_t i = 0; i < form.numbers.size(); i++) {
        const NumberForm &number = form.numbers[i];
        if (i < parts.size() && number.name == std::string_view("code")) {
            if (parts[i] != "code")
                failAt(spec, "after L only \"code\" can follow, not \"{}\"", parts[i]);
            numbers.push_back(1);
        } else if (i < parts.size()) {
            numbers.push_back(parseNumber(spec, number, parts[i]));
        } else if (number.standard != kNeeded) {
            numbers.push_back(number.standard);
        } else {
            failAt(spec, "{} is missing; the form is {}", number.name, form.text);
        }
    }
    return numbers;
}

/// What the numbers must be to each other.
void checkTogether(std::string_view spec, PatternKind kind, std::span<const double> numbers) {
    if (kind == PatternKind::fixed && numbers[1] > numbers[0])
        failAt(spec, "C must be at most L = {}, not {}", numbers[0], numbers[1]);
    if (kind == PatternKind::xattention && std::fmod(numbers[2], numbers[1]) != 0)
        failAt(spec, "BLOCK must be a multiple of STRIDE = {}, not {}", numbers[1], numbers[2]);
}

/// The number after "block" in the first line.
uint32_t parseBlockTokens(std::string_view line) {
    constexpr std::string_view kWord = "block ";
    std::string_view digits = line.starts_with(kWord) ? line.substr(kWord.size()) : "";
    uint32_t tokens = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), tokens);
    if (error != std::errc() || end != digits.data() + digits.size() || tokens == 0)
        fail(ErrorKind::usage,
             "block mask, line 1: expected \"block N\", N tokens from 1 on, not \"{}\"",
             line.substr(0, 40));
    return tokens;
}

std::vector<bool> parseMaskRow(std::string_view line, size_t line_number) {
    std::vector<bool> row;
    for (size_t column = 0; column < line.size(); column++) {
        char c = line[column];
        if (c != '0' && c != '1' && c != '.' && c != '#')
            fail(ErrorKind::usage,
                 "block mask, line {}, column {}: expected 0, 1, . or #, not byte {}", line_number,
                 column + 1, static_cast<unsigned char>(c));
        row.push_back(c == '1' || c == '#');
    }
    return row;
}

/// The heads of a layer share its queries, its steps from key to key and one choice of keys; null
/// where a pattern needs none of its own.
const char *whyNotMixed(const Pattern &pattern) {
    if (pattern.isDynamic())
        return "it chooses keys from the data, which is done for all heads of a layer at once";
    if (pattern.relabelsSinks())
        return "it gives the sinks other positions, and all heads of a layer share their "
               "positions; a-shape:S+W sees the first S and the last W without";
    if (pattern.passes() > 1 || pattern.step(0) > 1)
        return "it has gaps between its keys, and all heads of a layer go from key to key in the "
               "same steps";
    if (pattern.headKinds() > 1)
        return "it is not the same for all heads itself";
    return nullptr;
}

} // namespace

Pattern::Pattern(std::string_view spec, std::shared_ptr<const BlockMask> mask) : spec_(spec) {
    const size_t colon = spec.find(':');
    std::optional<std::string_view> numbers;
    if (colon != spec.npos)
        numbers = spec.substr(colon + 1);
    const PatternForm &form = findForm(spec, spec.substr(0, colon));
    kind_ = form.kind;
    if (kind_ == PatternKind::mixed) {
        parseMixed(spec, numbers.value_or(""), mask);
        return;
    }
    if (kind_ == PatternKind::blocks) {
        if (!numbers || numbers->empty())
            failAt(spec, "FILE is missing; the form is {}", form.text);
        if (!mask || mask->rows.empty() || mask->block_tokens == 0)
            failAt(spec, "there is no mask of blocks");
        mask_ = std::move(mask);
        return;
    }
    numbers_ = parseNumbers(spec, form, numbers);
    checkTogether(spec, kind_, numbers_);
}

void Pattern::parseMixed(std::string_view spec, std::string_view parts,
                         const std::shared_ptr<const BlockMask> &mask) {
    HeadPart rest{.pattern = std::make_shared<const Pattern>(), .heads = {}};
    for (std::string_view part : split(parts, '|')) {
        size_t at = part.rfind('#');
        auto own = std::make_shared<const Pattern>(part.substr(0, at), mask);
        if (const char *reason = whyNotMixed(*own))
            failAt(spec, "\"{}\" cannot be mixed by heads: {}", own->spec(), reason);
        if (own->mask())
            mask_ = mask;
        if (at == part.npos)
            rest.pattern = own;
        else
            head_parts_.push_back(
                {own, parseRanges(part.substr(at + 1), [&](std::string_view wrong) {
                     failAt(spec, "after # come heads like 0-3,8, from 0 on, not \"{}\"", wrong);
                 })});
    }
    if (head_parts_.empty())
        failAt(spec, "no heads are named; the form is mixed:SPEC#HEADS|SPEC");
    head_parts_.push_back(std::move(rest));
}

BlockMask parseBlockMask(std::string_view text) {
    BlockMask mask;
    size_t line_number = 0;
    for (std::string_view line : split(text, '\n')) {
        line_number++;
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line_number == 1) {
            mask.block_tokens = parseBlockTokens(line);
            continue;
        }
        if (line.empty())
            continue;
        std::vector<bool> row = parseMaskRow(line, line_number);
        // A row that does not reach its own block is more likely a slip than a wish.
        if (row.size() <= mask.rows.size())
            fail(
                ErrorKind::usage,
                "block mask, line {}, column {}: the row of block {} must have {} entries or more, "
                "up to its own block",
                line_number, row.size() + 1, mask.rows.size(), mask.rows.size() + 1);
        mask.rows.push_back(std::move(row));
    }
    if (mask.rows.empty())
        fail(ErrorKind::usage, "block mask, line 2, column 1: expected a row of 0 and 1");
    return mask;
}

} // namespace longscope::attention
