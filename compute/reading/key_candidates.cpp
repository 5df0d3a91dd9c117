#include "compute/reading/key_candidates.h"

#include "compute/document/characters.h"
#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace longscope::reading {
namespace {

constexpr double kHangingPenalty = 1; // as much as the best of places brings, and more
constexpr size_t kFewestWords = 7;    // fewer are a fragment

/// Words that lean on what was said before: alone, such a sentence hangs.
const std::unordered_set<std::string_view> kLeaning = {
    "accordingly", "additionally", "also", "and",    "another",  "besides",     "both",
    "but",         "consequently", "each", "either", "finally",  "furthermore", "he",
    "hence",       "her",          "here", "his",    "however",  "i",           "indeed",
    "instead",     "it",           "its",  "later",  "likewise", "meanwhile",   "moreover",
    "neither",     "nevertheless", "next", "nor",    "one",      "or",          "other",
    "others",      "otherwise",    "our",  "second", "secondly", "she",         "similarly",
    "so",          "still",        "such", "that",   "their",    "then",        "there",
    "therefore",   "these",        "they", "third",  "thirdly",  "this",        "those",
    "though",      "thus",         "two",  "we",     "yet",
};
// "For example" leans, "For each token" does not.
const std::unordered_set<std::string_view> kLeaningPairs = {
    "for example", "for instance", "for this", "for that", "for these", "as a", "as such", "as we",
};
// "This report" means the text itself.
const std::unordered_set<std::string_view> kNamesOfTexts = {
    "agreement", "article",  "book",   "chapter", "contract", "document", "essay",
    "guide",     "handbook", "letter", "licence", "license",  "manual",   "note",
    "page",      "paper",    "plan",   "policy",  "report",   "review",   "section",
    "story",     "study",    "survey", "tale",    "text",     "thesis",
};
const std::unordered_set<std::string_view> kFormsOfBe = {"are", "had", "has",  "have",
                                                         "is",  "was", "were", "will"};
const std::unordered_set<std::string_view> kFirstPerson = {"i",  "i'm", "i've", "i'd",   "i'll",
                                                           "me", "my",  "mine", "myself"};

/// "This report says" and "there was a king" stand alone, "this says" and "there they met" do not.
bool leansOnEarlierText(const std::vector<Word> &words) {
    if (words.empty())
        return false;
    const std::string &first = words[0].text;
    if (words.size() == 1)
        return kLeaning.contains(first);
    const std::string &second = words[1].text;
    if (first == "this" && kNamesOfTexts.contains(second))
        return false;
    if (first == "there" && kFormsOfBe.contains(second))
        return false;
    return kLeaning.contains(first) || kLeaningPairs.contains(first + " " + second);
}

/// A bracket or quote at the start is half of something, but not the mark of an item, "(a)", and
/// not a term that is explained, "\"Upstage\" is away from the audience".
bool beginsInTheMiddle(std::string_view text) {
    constexpr std::u32string_view kMarks =
        U"\"'([{\u2018\u201C\u201E\u201A\u00AB\u2039\u300C\u300E\uFF08";
    constexpr std::u32string_view kClosing = U"\"')]}\u2019\u201D\u201C\u2018\u00BB\u203A";
    constexpr size_t kLongestTerm = 40; // bytes
    document::Character mark = document::characterAt(text, 0);
    if (!kMarks.contains(mark.code))
        return document::isDigit(mark.code);
    size_t at = mark.length;
    while (at < std::min(text.size(), kLongestTerm)) {
        document::Character c = document::characterAt(text, at);
        if (kClosing.contains(c.code))
            break;
        at += c.length;
    }
    if (at >= std::min(text.size(), kLongestTerm))
        return true;
    at += document::characterAt(text, at).length;
    while (at < text.size() && document::isSpace(document::characterAt(text, at).code))
        at += document::characterAt(text, at).length;
    bool item = mark.code == U'(';
    return !item && !document::isLower(document::characterAt(text, at).code);
}

bool isFragment(std::string_view text, const std::vector<Word> &words) {
    return words.size() < kFewestWords || !document::hasFinalStop(text);
}

/// Without that of long sentences, whose bound is a matter of the whole document.
double penaltyOf(std::string_view text, const std::vector<Word> &words) {
    double penalty = isFragment(text, words) ? kFragmentPenalty : 0;
    size_t stop = text.find_last_of(".!?");
    bool question = stop != text.npos && text[stop] == '?';
    bool first_person = std::ranges::any_of(
        words, [](const Word &word) { return kFirstPerson.contains(word.text); });
    if (leansOnEarlierText(words) || question || first_person || beginsInTheMiddle(text))
        penalty -= kHangingPenalty;
    return penalty;
}

/// Sentences of more than 40 words lose 0.3, those half as long again 0.5 more; where a tenth of
/// the sentences is longer, as in contracts, the bound is there.
void punishLength(Candidates &candidates) {
    std::vector<size_t> lengths;
    for (size_t words : candidates.words)
        if (words >= kFewestWords)
            lengths.push_back(words);
    std::ranges::sort(lengths);
    size_t usual = lengths.empty() ? 0 : lengths[lengths.size() * 9 / 10];
    size_t bound = std::max<size_t>(40, usual);
    for (size_t i = 0; i < candidates.words.size(); ++i) {
        if (candidates.words[i] > bound)
            candidates.penalty[i] -= 0.3;
        if (2 * candidates.words[i] > 3 * bound)
            candidates.penalty[i] -= 0.5;
    }
}

/// Appends one row with the counts of its terms; `id_of` grows with new ones.
void addRow(Vectors &vectors, std::unordered_map<std::string, uint32_t> &id_of,
            const std::vector<Word> &words) {
    std::vector<uint32_t> ids;
    for (const Word &word : words)
        if (word.kind != WordKind::stop)
            ids.push_back(
                id_of.try_emplace(word.stem, static_cast<uint32_t>(id_of.size())).first->second);
    std::ranges::sort(ids);
    for (size_t i = 0; i < ids.size();) {
        size_t next = i;
        while (next < ids.size() && ids[next] == ids[i])
            ++next;
        vectors.terms.push_back({ids[i], static_cast<float>(next - i)});
        i = next;
    }
    vectors.offsets.push_back(vectors.terms.size());
    vectors.vocabulary = id_of.size();
}

/// Turns counts into TF-IDF weights of unit length, idf = ln((n + 1) / (df + 0.5)).
void weigh(Vectors &vectors) {
    std::vector<size_t> rows_with(vectors.vocabulary, 0);
    for (const Vectors::Term &term : vectors.terms)
        ++rows_with[term.id];
    double n = static_cast<double>(vectors.rows());
    for (size_t r = 0; r < vectors.rows(); ++r) {
        std::span<Vectors::Term> row(vectors.terms.data() + vectors.offsets[r],
                                     vectors.row(r).size());
        double squares = 0;
        for (Vectors::Term &term : row) {
            double df = static_cast<double>(rows_with[term.id]);
            term.weight *= static_cast<float>(std::log((n + 1) / (df + 0.5)));
            squares += static_cast<double>(term.weight) * term.weight;
        }
        double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
        for (Vectors::Term &term : row)
            term.weight *= static_cast<float>(scale);
    }
}

} // namespace

Candidates readCandidates(const document::Document &document) {
    Candidates candidates;
    candidates.sentences = document::splitSentences(document);
    WordReader reader;
    std::unordered_map<std::string, uint32_t> id_of;
    for (const document::Sentence &sentence : candidates.sentences) {
        std::string_view text = document.span(sentence.start, sentence.end);
        std::vector<Word> words = reader.read(text);
        candidates.words.push_back(words.size());
        candidates.penalty.push_back(penaltyOf(text, words));
        addRow(candidates.vectors, id_of, words);
    }
    weigh(candidates.vectors);
    punishLength(candidates);
    return candidates;
}

double cosine(std::span<const Vectors::Term> a, std::span<const Vectors::Term> b) {
    double sum = 0;
    for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        if (a[i].id == b[j].id)
            sum += static_cast<double>(a[i++].weight) * b[j++].weight;
        else if (a[i].id < b[j].id)
            ++i;
        else
            ++j;
    }
    return sum;
}

} // namespace longscope::reading
