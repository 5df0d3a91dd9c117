#include "compute/document/sentences.h"

#include "compute/document/characters.h"
#include "compute/document/document.h"

#include <algorithm>
#include <array>
#include <string>

namespace longscope::document {
namespace {

constexpr std::u32string_view kStops = U".!?\u2026\u0589\u061F\u06D4\u0964\u0965";
constexpr std::u32string_view kWideStops = U"\u3002\uFF01\uFF1F\uFF61\uFF0E";
constexpr std::u32string_view kClosers =
    U"\"')]}\u2019\u201D\u00BB\u203A\u300D\u300F\u300B\u3009\u3011\uFF09\uFF3D*_";
constexpr std::u32string_view kOpeners =
    U"\"'([{\u2018\u201C\u201E\u201A\u00AB\u2039\u300C\u300E\u300A\u3008\u3010\uFF08\u00BF\u00A1*_";

// Abbreviations, without the last stop. Titles are known by their capital: "5 ms." is no title.
constexpr auto kTitles = std::to_array<std::string_view>({
    "Adm", "Capt",   "Cmdr", "Col", "Dr",  "Fr",   "Gen", "Gov", "Hon",  "Hr",   "Lt",
    "Maj", "Messrs", "Mlle", "Mme", "Mr",  "Mrs",  "Ms",  "Mt",  "Mx",   "Pres", "Prof",
    "Rep", "Rev",    "Sen",  "Sgt", "Sra", "Srta", "St",  "Ste", "Univ",
});
// Lower case from here on. Something always follows these.
constexpr auto kBefore = std::to_array<std::string_view>({
    "bzw",
    "ca",
    "cf",
    "d.h",
    "dept",
    "e.g",
    "esp",
    "i.e",
    "p.ex",
    "resp",
    "u.a",
    "viz",
    "vs",
    "z.b",
});
// A number follows: "Fig. 3", "pp. 4".
constexpr auto kBeforeNumber = std::to_array<std::string_view>({
    "abb", "abs", "art", "c",  "ch",  "chap", "eq",  "eqs",  "fig", "figs", "no",   "nos",
    "nr",  "p",   "par", "pp", "ref", "refs", "sec", "sect", "tab", "vol",  "vols",
});
// May end a sentence or not: it does before a word that opens sentences.
constexpr auto kEither = std::to_array<std::string_view>({
    "al",  "apr", "aug", "ave", "blvd", "bros", "co",  "corp", "dec", "est", "etc",  "feb", "inc",
    "jan", "jr",  "jul", "jun", "ltd",  "mar",  "nov", "oct",  "rd",  "sep", "sept", "sr",  "usw",
});
constexpr auto kSentenceOpeners = std::to_array<std::string_view>({
    "a",      "after",  "all",     "also",  "an",      "and",   "another", "as",       "at",
    "before", "both",   "but",     "by",    "each",    "even",  "every",   "few",      "finally",
    "for",    "from",   "he",      "her",   "here",    "his",   "how",     "however",  "i",
    "if",     "in",     "instead", "it",    "its",     "later", "many",    "moreover", "most",
    "my",     "no",     "nobody",  "not",   "nothing", "now",   "of",      "on",       "one",
    "only",   "or",     "other",   "our",   "she",     "since", "so",      "some",     "still",
    "such",   "that",   "the",     "their", "then",    "there", "these",   "they",     "this",
    "those",  "though", "thus",    "to",    "today",   "under", "until",   "we",       "what",
    "when",   "where",  "which",   "while", "who",     "why",   "with",    "without",  "yet",
    "you",    "your",
});
// German and others write ordinals with a stop: "3. Oktober".
constexpr auto kMonths = std::to_array<std::string_view>({
    "april",
    "august",
    "dezember",
    "februar",
    "januar",
    "juli",
    "juni",
    "mai",
    "m\u00E4rz",
    "november",
    "oktober",
    "september",
});

template <size_t n>
bool holds(const std::array<std::string_view, n> &words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

bool isStop(char32_t code) {
    return kStops.contains(code);
}
bool isWideStop(char32_t code) {
    return kWideStops.contains(code);
}

constexpr size_t kLongestWord = 24; // bytes looked at around a stop, so that the time stays linear

/// The word that ends at byte `end`: letters, digits and inner stops.
std::string_view wordBefore(std::string_view text, size_t end) {
    size_t begin = end;
    while (begin > 0 && end - begin < kLongestWord) {
        Character c = characterBefore(text, begin);
        if (!isLetter(c.code) && !isDigit(c.code) && c.code != U'.')
            break;
        begin -= c.length;
    }
    while (begin < end && text[begin] == '.')
        ++begin;
    return text.substr(begin, end - begin);
}

std::string wordAt(std::string_view text, size_t begin) {
    size_t end = begin;
    while (end - begin < kLongestWord) {
        Character c = characterAt(text, end);
        if (c.length == 0 || !isLetter(c.code))
            break;
        end += c.length;
    }
    return lowerCase(text.substr(begin, end - begin));
}

size_t skip(std::string_view text, size_t at, std::u32string_view set) {
    for (Character c = characterAt(text, at); c.length > 0 && set.contains(c.code);
         c = characterAt(text, at))
        at += c.length;
    return at;
}

size_t skipSpaces(std::string_view text, size_t at) {
    for (Character c = characterAt(text, at); c.length > 0 && isSpace(c.code);
         c = characterAt(text, at))
        at += c.length;
    return at;
}

/// Closing quotes, brackets and note marks such as "[12]".
size_t skipClosers(std::string_view text, size_t at) {
    for (;;) {
        size_t next = skip(text, at, kClosers);
        if (next < text.size() && text[next] == '[') {
            size_t digits = next + 1;
            while (digits < text.size() && isDigit(static_cast<unsigned char>(text[digits])))
                ++digits;
            if (digits > next + 1 && digits < text.size() && text[digits] == ']')
                next = digits + 1;
        }
        if (next == at)
            return at;
        at = next;
    }
}

/// "U.S", "Ph.D", "a.m": letters in parts of one or two.
bool isDotted(std::string_view word) {
    size_t part = 0, parts = 1;
    for (size_t at = 0; at < word.size();) {
        Character c = characterAt(word, at);
        at += c.length;
        parts += c.code == U'.';
        part = c.code == U'.' ? 0 : part + 1;
        if (part > 2 || isDigit(c.code))
            return false;
    }
    return parts > 1;
}

/// Whether one full stop after `word` belongs to it, given what follows at `next`.
bool stopBelongsToWord(std::string_view text, std::string_view word, bool first_in_sentence,
                       size_t next) {
    if (word.empty())
        return false;
    std::string lower = lowerCase(word), next_word = wordAt(text, next);
    char32_t after = characterAt(text, next).code;
    if (lower.find_first_not_of("0123456789.") == std::string::npos)
        return (first_in_sentence && lower.size() <= 8) ||
               (lower.size() <= 2 && holds(kMonths, next_word));
    if (holds(kTitles, word) || holds(kBefore, lower))
        return true;
    if (holds(kBeforeNumber, lower) && isDigit(after))
        return true;
    bool initial = word.size() == characterAt(word, 0).length && isUpper(characterAt(word, 0).code);
    if (!initial && !isDotted(word) && !holds(kEither, lower))
        return false;
    if (isDigit(after))
        return !initial;
    bool next_initial = next_word.size() == 1 && next + 1 < text.size() && text[next + 1] == '.';
    return next_initial || !holds(kSentenceOpeners, next_word);
}

/// Whether a sentence may begin at `next`, after stops and white space.
bool mayBegin(std::string_view text, size_t next) {
    size_t inner = skip(text, next, kOpeners);
    char32_t code = characterAt(text, inner).code;
    constexpr std::u32string_view kGoesOn = U",;:.!?\u2026\u2013\u2014-)]}/%&+=";
    return code != 0 && !isLower(code) && !kGoesOn.contains(code);
}

class Splitter {
  public:
    explicit Splitter(std::string_view text) : text_(text) {}

    std::vector<Span> split() {
        start_ = skipSpaces(text_, 0);
        for (size_t at = 0; at < text_.size();) {
            Character c = characterAt(text_, at);
            if (isWideStop(c.code))
                at = afterWideStop(at);
            else if (isStop(c.code))
                at = afterStop(at);
            else
                at += c.length;
        }
        endAt(text_.size());
        return std::move(spans_);
    }

  private:
    void endAt(size_t end) {
        size_t start = start_;
        start_ = skipSpaces(text_, end);
        trim(text_, start, end);
        if (start < end)
            spans_.push_back({start, end});
    }

    size_t afterWideStop(size_t at) {
        size_t stops = skip(text_, at, kWideStops), end = skipClosers(text_, stops);
        char32_t next = characterAt(text_, end).code;
        // "...!" he said: after a closing quote the sentence may go on.
        if (end == stops || isSpace(next) || kOpeners.contains(next))
            endAt(end);
        return end;
    }

    size_t afterStop(size_t at) {
        size_t stops = skip(text_, at, kStops), end = skipClosers(text_, stops);
        char32_t after = characterAt(text_, end).code;
        if (!isSpace(after) && !isIdeographic(after))
            return end;
        size_t next = skipSpaces(text_, end);
        if (!mayBegin(text_, next))
            return end;
        if (text_[at] == '.' && stops == at + 1) {
            std::string_view word = wordBefore(text_, at);
            bool first = start_ + word.size() >= at;
            if (stopBelongsToWord(text_, word, first, skip(text_, next, kOpeners)))
                return end;
        }
        endAt(end);
        return end;
    }

    std::string_view text_;
    size_t start_ = 0; ///< of the sentence that is being read
    std::vector<Span> spans_;
};

} // namespace

std::vector<Span> sentenceSpans(std::string_view paragraph) {
    return Splitter(paragraph).split();
}

bool hasFinalStop(std::string_view sentence) {
    for (size_t end = sentence.size(); end > 0;) {
        Character c = characterBefore(sentence, end);
        if (isStop(c.code) || isWideStop(c.code))
            return true;
        bool note = isDigit(c.code) || c.code == U'[';
        if (!kClosers.contains(c.code) && !isSpace(c.code) && !note)
            return false;
        // "[12]" may close a sentence, a bare number may not.
        if (note && sentence.back() != ']')
            return false;
        end -= c.length;
    }
    return false;
}

std::vector<Sentence> splitSentences(const Document &document) {
    std::vector<Sentence> sentences;
    for (size_t p = 0; p < document.paragraphs.size(); ++p) {
        const Paragraph &paragraph = document.paragraphs[p];
        if (!paragraph.prose)
            continue;
        size_t count = 0;
        for (const Span &span : sentenceSpans(document.span(paragraph.start, paragraph.end)))
            sentences.push_back(
                {paragraph.start + span.start, paragraph.start + span.end, p, count++});
    }
    return sentences;
}

} // namespace longscope::document
