#include "compute/reading/glossary.h"

#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <map>
#include <set>

namespace longscope::reading {
namespace {

using document::Character;
using document::characterAt;

constexpr double kNounsAreCapital = 0.15; // of the words inside sentences; English has 0.02 to 0.08
constexpr size_t kFewestWords = 50;       // for that share to say something
constexpr size_t kMostNames = 200;
constexpr size_t kLongWord = 6, kEnding = 2; // letters

struct Piece {
    std::string_view word;
    bool capital = false, joined = false; ///< joined: one space since the word before
};

std::vector<Piece> wordsOf(std::string_view sentence) {
    std::vector<Piece> words;
    size_t last_end = std::string_view::npos;
    for (size_t at = 0; at < sentence.size();) {
        Character c = characterAt(sentence, at);
        if (!document::isLetter(c.code)) {
            at += c.length;
            continue;
        }
        size_t start = at;
        bool capital = document::isUpper(c.code);
        while (at < sentence.size()) {
            c = characterAt(sentence, at);
            bool inner = c.code == U'-' && document::isLetter(characterAt(sentence, at + 1).code);
            if (!document::isLetter(c.code) && !inner)
                break;
            at += c.length;
        }
        bool joined = last_end != std::string_view::npos && start == last_end + 1 &&
                      (sentence[last_end] == ' ' || sentence[last_end] == '\n');
        words.push_back({sentence.substr(start, at - start), capital, joined});
        last_end = at;
    }
    return words;
}

/// The digits of numbers in digits, marks between digits left out.
std::set<std::string> digitsOf(std::string_view text) {
    std::set<std::string> numbers;
    auto digit = [&](size_t at) {
        return at < text.size() && document::isDigit(static_cast<unsigned char>(text[at]));
    };
    for (size_t at = 0; at < text.size();) {
        if (!digit(at)) {
            ++at;
            continue;
        }
        std::string number;
        while (digit(at) ||
               ((text.substr(at, 1) == "." || text.substr(at, 1) == ",") && digit(at + 1))) {
            if (digit(at))
                number += text[at];
            ++at;
        }
        numbers.insert(number);
    }
    return numbers;
}

/// The same with number words.
std::set<std::string> valuesOf(std::string_view text) {
    std::set<std::string> numbers = digitsOf(text);
    WordReader reader;
    for (const Word &word : reader.read(text))
        if (word.kind == WordKind::number)
            numbers.merge(digitsOf(word.stem));
    return numbers;
}

} // namespace

std::vector<Term> readTerms(std::string_view text, std::string_view path) {
    std::vector<Term> terms;
    size_t number = 0;
    for (size_t at = 0; at < text.size();) {
        std::string_view line = text.substr(at, std::min(text.find('\n', at), text.size()) - at);
        at += line.size() + 1;
        ++number;
        std::string_view whole = document::trimmed(line);
        if (whole.empty() || whole.starts_with('#'))
            continue;
        size_t mark = whole.find('=');
        Term term{std::string(document::trimmed(whole.substr(0, mark))),
                  mark == whole.npos ? "" : std::string(document::trimmed(whole.substr(mark + 1)))};
        if (term.source.empty() || term.target.empty())
            fail(ErrorKind::file, "{}: line {} is not \"source = target\": {}", path, number,
                 whole.substr(0, 80));
        terms.push_back(std::move(term));
    }
    return terms;
}

std::vector<std::string> findNames(const document::Document &document) {
    std::map<std::string, size_t> counts;
    size_t inside = 0, capitals = 0;
    for (const document::Sentence &sentence : document::splitSentences(document)) {
        std::vector<Piece> words = wordsOf(document.span(sentence.start, sentence.end));
        std::string row;
        auto end = [&] {
            if (!row.empty())
                ++counts[row];
            row.clear();
        };
        for (size_t i = 1; i < words.size(); ++i) { // the first word is always capital
            const Piece &piece = words[i];
            bool name = piece.capital && piece.word != "I";
            ++inside;
            capitals += name;
            if (!name || !piece.joined)
                end();
            if (name)
                row += (row.empty() ? "" : " ") + std::string(piece.word);
        }
        end();
    }
    if (inside >= kFewestWords &&
        static_cast<double>(capitals) > kNounsAreCapital * static_cast<double>(inside))
        return {};
    std::vector<std::pair<size_t, std::string>> order;
    for (const auto &[name, count] : counts)
        if (count >= 2)
            order.push_back({count, name});
    std::ranges::stable_sort(order, std::greater(), &std::pair<size_t, std::string>::first);
    std::vector<std::string> names;
    for (auto &[count, name] : order)
        if (names.size() < kMostNames)
            names.push_back(std::move(name));
    return names;
}

bool hasTerm(std::string_view text, std::string_view term) {
    std::vector<std::string> words = plainWords(text), wanted = plainWords(term);
    if (wanted.empty())
        return document::lowerCase(text).contains(document::lowerCase(term));
    auto begins = [](const std::string &word, const std::string &want) {
        size_t letters = want.size() >= kLongWord ? want.size() - kEnding : want.size();
        return word.starts_with(std::string_view(want).substr(0, letters)) &&
               word.size() <= want.size() + 3;
    };
    return !std::ranges::search(words, wanted, begins).empty();
}

NumberChanges compareNumbers(std::string_view source, std::string_view result) {
    NumberChanges changes;
    std::set<std::string> in_result = valuesOf(result), in_source = valuesOf(source);
    for (const std::string &number : digitsOf(source))
        if (!in_result.contains(number))
            changes.missing.push_back(number);
    for (const std::string &number : digitsOf(result))
        if (!in_source.contains(number))
            changes.added.push_back(number);
    return changes;
}

} // namespace longscope::reading
