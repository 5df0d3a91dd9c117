#include "compute/reading/words.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <libstemmer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <format>
#include <new>
#include <span>
#include <unordered_set>

namespace longscope::reading {
namespace {

using document::Character;
using document::characterAt;
using namespace std::string_view_literals;

constexpr size_t kLongestStemmed = 64; // bytes; longer words are no words of a language
constexpr size_t kMostCachedStems = 1 << 17;

// Grammar only. Ordinary nouns and verbs stay off: with "text" in it, a false sentence passed.
const std::unordered_set<std::string_view> kStopWords = {
    "a",        "about",      "above",   "after",    "again",     "against", "all",     "also",
    "although", "always",     "am",      "among",    "an",        "and",     "another", "any",
    "are",      "around",     "as",      "at",       "be",        "because", "been",    "before",
    "being",    "below",      "between", "both",     "but",       "by",      "can",     "could",
    "did",      "do",         "does",    "doing",    "done",      "down",    "during",  "each",
    "either",   "else",       "even",    "ever",     "every",     "few",     "for",     "from",
    "further",  "had",        "has",     "have",     "having",    "he",      "her",     "here",
    "hers",     "herself",    "him",     "himself",  "his",       "how",     "however", "i",
    "if",       "in",         "into",    "is",       "it",        "its",     "itself",  "just",
    "least",    "less",       "let",     "many",     "may",       "me",      "might",   "mine",
    "more",     "most",       "much",    "must",     "my",        "myself",  "of",      "off",
    "often",    "on",         "once",    "one",      "only",      "onto",    "or",      "other",
    "others",   "ought",      "our",     "ours",     "out",       "over",    "own",     "per",
    "quite",    "rather",     "same",    "shall",    "she",       "should",  "since",   "so",
    "some",     "still",      "such",    "than",     "that",      "the",     "their",   "theirs",
    "them",     "themselves", "then",    "there",    "therefore", "these",   "they",    "this",
    "those",    "though",     "through", "thus",     "to",        "too",     "toward",  "towards",
    "under",    "until",      "up",      "upon",     "us",        "very",    "was",     "we",
    "were",     "what",       "when",    "where",    "whether",   "which",   "while",   "who",
    "whom",     "whose",      "why",     "will",     "with",      "within",  "would",   "yet",
    "you",      "your",       "yours",   "yourself",
};
const std::unordered_set<std::string_view> kNegations = {
    "cannot", "neither", "never",   "no",      "nobody",  "none",
    "nor",    "not",     "nothing", "nowhere", "without",
};

struct NumberWord {
    std::string_view word;
    double value;
};
constexpr NumberWord kUnits[] = {
    {"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
    {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
    {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
    {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
    {"dozen", 12},
};
constexpr NumberWord kTens[] = {
    {"twenty", 20}, {"thirty", 30},  {"forty", 40},  {"fifty", 50},
    {"sixty", 60},  {"seventy", 70}, {"eighty", 80}, {"ninety", 90},
};
constexpr NumberWord kScales[] = {
    {"hundred", 1e2}, {"thousand", 1e3}, {"million", 1e6}, {"billion", 1e9}, {"trillion", 1e12},
};
constexpr NumberWord kOrdinals[] = {
    {"fourth", 4}, {"fifth", 5},  {"sixth", 6},     {"seventh", 7},  {"eighth", 8},
    {"ninth", 9},  {"tenth", 10}, {"eleventh", 11}, {"twelfth", 12},
};

double valueOf(std::span<const NumberWord> table, std::string_view word) {
    auto found = std::ranges::find(table, word, &NumberWord::word);
    return found == table.end() ? -1 : found->value;
}

struct Token {
    std::string text; ///< lower case
    bool capital = false;
    bool capitals = false; ///< two letters or more, all of them upper case
    bool digits = false;   ///< holds a digit
    bool joined = false;   ///< only spaces and hyphens since the token before
};

bool isApostrophe(char32_t code) {
    return code == U'\'' || code == U'\u2019' || code == U'\u02BC';
}
bool isHyphen(char32_t code) {
    return code == U'-' || code == U'\u2010' || code == U'\u2011';
}
bool isWordCharacter(char32_t code) {
    return document::isLetter(code) || document::isDigit(code);
}

/// Whether the comma at `at` parts thousands: three digits follow, and no fourth.
bool isThousandsComma(std::string_view text, size_t at) {
    auto digit = [&](size_t i) {
        return i < text.size() && document::isDigit(static_cast<unsigned char>(text[i]));
    };
    return digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4);
}

/// Length in bytes of the mark at `at` when it lies inside a word ("don't", "6.4", "48,200").
size_t innerMark(std::string_view text, size_t at, char32_t before) {
    Character mark = characterAt(text, at);
    char32_t after = characterAt(text, at + mark.length).code;
    if (isApostrophe(mark.code))
        return document::isLetter(before) && document::isLetter(after) ? mark.length : 0;
    bool between_digits = document::isDigit(before) && document::isDigit(after);
    if (mark.code == U'.' && between_digits)
        return 1;
    return mark.code == U',' && between_digits && isThousandsComma(text, at) ? 1 : 0;
}

/// Reads the token that begins at `at` and moves behind it.
Token readToken(std::string_view text, size_t &at) {
    Token token;
    Character c = characterAt(text, at);
    token.capital = document::isUpper(c.code);
    if (document::isIdeographic(c.code)) {
        token.text = text.substr(at, c.length);
        at += c.length;
        return token;
    }
    size_t letters = 0, upper = 0;
    for (char32_t before = 0; at < text.size();) {
        c = characterAt(text, at);
        if (!isWordCharacter(c.code) || document::isIdeographic(c.code)) {
            size_t inner = innerMark(text, at, before);
            if (inner == 0)
                break;
            if (c.code != U',')
                token.text += c.code == U'.' ? '.' : '\'';
            at += inner;
            continue;
        }
        token.digits = token.digits || document::isDigit(c.code);
        letters += document::isLetter(c.code);
        upper += document::isUpper(c.code);
        appendUtf8(token.text, document::toLower(c.code));
        before = c.code;
        at += c.length;
    }
    token.capitals = letters >= 2 && upper == letters;
    return token;
}

std::vector<Token> tokensOf(std::string_view text) {
    std::vector<Token> tokens;
    bool joined = false;
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        if (isWordCharacter(c.code) || document::isIdeographic(c.code)) {
            tokens.push_back(readToken(text, at));
            tokens.back().joined = joined;
            joined = true;
            continue;
        }
        joined = joined && (document::isSpace(c.code) || isHyphen(c.code));
        at += c.length;
    }
    return tokens;
}

std::string withoutTrailingZeros(std::string digits) {
    if (digits.contains('.')) {
        digits.resize(digits.find_last_not_of('0') + 1);
        if (digits.ends_with('.'))
            digits.pop_back();
    }
    return digits;
}

bool isPlainNumber(const std::string &text) {
    return text.find_first_not_of("0123456789.") == std::string::npos &&
           std::ranges::count(text, '.') <= 1 && text.size() <= 15;
}

/// Reads numbers made of several tokens that only spaces and hyphens part.
class NumberReader {
  public:
    NumberReader(std::span<const Token> tokens, size_t at) : tokens_(tokens), begin_(at), at_(at) {}

    /// The value as text, and how many tokens it takes: 0 when no number begins here.
    std::pair<std::string, size_t> read() {
        double value = tokens_[begin_].digits ? fromDigits() : fromWords();
        size_t used = at_ - begin_;
        if (used == 1 && tokens_[begin_].digits) // exact whatever its length
            return {withoutTrailingZeros(tokens_[begin_].text), 1};
        if (used == 0 || (used == 1 && tokens_[begin_].text == "one"))
            return {};
        bool whole = value == std::floor(value) && value < 1e15;
        return {whole ? std::format("{:.0f}", value)
                      : withoutTrailingZeros(std::format("{:.6f}", value)),
                used};
    }

  private:
    /// Value of the next token if it is in the table; -1 else.
    double peek(std::span<const NumberWord> table) const {
        if (at_ >= tokens_.size() || (at_ > begin_ && !tokens_[at_].joined))
            return -1;
        return valueOf(table, tokens_[at_].text);
    }

    double belowHundred() {
        double tens = peek(kTens);
        at_ += tens > 0;
        double unit = peek(kUnits);
        if (unit < 0 || (tens > 0 && unit > 9))
            return tens;
        ++at_;
        return std::max(tens, 0.0) + unit;
    }

    double belowThousand() {
        double value = belowHundred();
        if (peek(kScales) == 100) {
            ++at_;
            value = (value < 0 ? 1 : value) * 100;
            value += std::max(belowHundred(), 0.0);
        }
        return value;
    }

    double fromWords() {
        double total = 0;
        for (;;) {
            double group = belowThousand(), scale = peek(kScales);
            if (scale < 0)
                return total + std::max(group, 0.0);
            ++at_;
            total += (group < 0 ? 1 : group) * scale;
        }
    }

    double fromDigits() {
        if (!isPlainNumber(tokens_[at_].text))
            return 0;
        double value = std::stod(tokens_[at_++].text);
        for (double scale = peek(kScales); scale > 0; scale = peek(kScales)) {
            value *= scale;
            ++at_;
        }
        return value;
    }

    std::span<const Token> tokens_;
    size_t begin_, at_;
};

/// Whether a word of grammar is a name by its capitals: "in May", "the US", but not the "The" after
/// a colon, and not where a whole line is in capitals. Never the first word.
bool isNameInSpite(std::span<const Token> tokens, size_t at) {
    const Token &token = tokens[at];
    if (at == 0 || !token.capital)
        return false;
    bool among_capitals =
        tokens[at - 1].capitals || (at + 1 < tokens.size() && tokens[at + 1].capitals);
    if (token.capitals)
        return !among_capitals;
    return token.text == "may" || token.text == "will";
}

/// "it's" is grammar because "it" is.
std::string_view withoutContraction(std::string_view word) {
    size_t mark = word.find('\'');
    if (mark == std::string_view::npos)
        return word;
    for (std::string_view tail : {"'s"sv, "'re"sv, "'ve"sv, "'ll"sv, "'d"sv, "'m"sv})
        if (word.ends_with(tail))
            return word.substr(0, word.size() - tail.size());
    return word;
}

} // namespace

WordReader::WordReader() : stemmer_(sb_stemmer_new("english", "UTF_8")) {
    if (!stemmer_)
        throw std::bad_alloc();
}

WordReader::~WordReader() {
    sb_stemmer_delete(stemmer_);
}

const std::string &WordReader::stemOf(const std::string &word) {
    if (auto known = stems_.find(word); known != stems_.end())
        return known->second;
    if (stems_.size() >= kMostCachedStems)
        stems_.clear();
    std::string stem = word;
    if (word.size() <= kLongestStemmed) {
        const auto *bytes = reinterpret_cast<const sb_symbol *>(word.data());
        const sb_symbol *out = sb_stemmer_stem(stemmer_, bytes, static_cast<int>(word.size()));
        if (!out)
            throw std::bad_alloc();
        stem.assign(reinterpret_cast<const char *>(out),
                    static_cast<size_t>(sb_stemmer_length(stemmer_)));
    }
    return stems_.emplace(word, std::move(stem)).first->second;
}

std::vector<Word> WordReader::read(std::string_view sentence) {
    std::vector<Token> tokens = tokensOf(sentence);
    std::vector<Word> words;
    words.reserve(tokens.size());
    for (size_t i = 0; i < tokens.size();) {
        if (auto [value, used] = NumberReader(tokens, i).read(); used > 0) {
            words.push_back({tokens[i].text, std::move(value), WordKind::number});
            i += used;
            continue;
        }
        bool name_in_spite = isNameInSpite(tokens, i);
        Token &token = tokens[i++];
        Word word{std::move(token.text), {}};
        if (token.digits) {
            word.kind = WordKind::number; // "f16", "4th"
            word.stem = word.text;
        } else if (double ordinal = valueOf(kOrdinals, word.text); ordinal > 0) {
            word.kind = WordKind::number;
            word.stem = std::format("{:.0f}th", ordinal);
        } else if (kNegations.contains(word.text) || word.text.ends_with("n't")) {
            word.negation = true;
        } else if (name_in_spite || !kStopWords.contains(withoutContraction(word.text))) {
            word.kind = WordKind::content;
            word.stem = stemOf(word.text);
            word.name = token.capital && !words.empty();
        }
        words.push_back(std::move(word));
    }
    return words;
}

std::vector<std::string> plainWords(std::string_view text) {
    std::vector<std::string> words;
    for (Token &token : tokensOf(text))
        words.push_back(std::move(token.text));
    return words;
}

} // namespace longscope::reading
