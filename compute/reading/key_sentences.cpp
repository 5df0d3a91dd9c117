// The measured recipe for quoting a document: LexRank over TF-IDF vectors, position, penalties,
// equal parts, maximal marginal relevance (Carbonell & Goldstein 1998). With 8 sentences it found
// 0.62 of the key points of five texts, with 5 sentences 0.47.
#include "compute/reading/key_sentences.h"

#include "compute/document/characters.h"
#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace longscope::reading {
namespace {

using document::Document;
using document::Sentence;

constexpr double kLinkCosine = 0.05; // weaker likeness is no link
constexpr double kDamping = 0.85;
constexpr int kRankSteps = 60;
constexpr size_t kLargestGraph = 4000; // sentences; links beyond are not kept but recomputed
constexpr unsigned kParts = 5;
constexpr double kFragmentPenalty = -2;
constexpr size_t kLongestQuote = 2000; // bytes; what is longer is no sentence but missing stops

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
const std::unordered_set<std::string_view> kFirstPerson = {"i",  "i'm", "i've", "i'd",   "i'll",
                                                           "me", "my",  "mine", "myself"};

/// Sparse rows of unit length, one a sentence: row r is terms[offsets[r]] to terms[offsets[r+1]].
struct Vectors {
    struct Term {
        uint32_t id;
        float weight;
    };
    std::vector<size_t> offsets = {0};
    std::vector<Term> terms; ///< ids ascending within a row
    size_t vocabulary = 0;

    size_t rows() const { return offsets.size() - 1; }
    std::span<const Term> row(size_t r) const {
        return {terms.data() + offsets[r], offsets[r + 1] - offsets[r]};
    }
};

struct Candidates {
    std::vector<Sentence> sentences;
    std::vector<size_t> words;   ///< of each sentence
    std::vector<double> penalty; ///< at most 0
    Vectors vectors;
};

bool leansOnEarlierText(const std::vector<Word> &words) {
    if (words.empty())
        return false;
    const std::string &first = words[0].text;
    return kLeaning.contains(first) ||
           (words.size() > 1 && kLeaningPairs.contains(first + " " + words[1].text));
}

double penaltyOf(std::string_view text, const std::vector<Word> &words) {
    double penalty = 0;
    if (words.size() < 7 || !document::hasFinalStop(text))
        penalty += kFragmentPenalty;
    char32_t first = document::characterAt(text, 0).code;
    constexpr std::u32string_view kMarks =
        U"\"'([{\u2018\u201C\u201E\u201A\u00AB\u2039\u300C\u300E\uFF08";
    size_t stop = text.find_last_of(".!?");
    bool question = stop != text.npos && text[stop] == '?';
    bool first_person = std::ranges::any_of(
        words, [](const Word &word) { return kFirstPerson.contains(word.text); });
    if (leansOnEarlierText(words) || question || first_person || kMarks.contains(first) ||
        document::isDigit(first))
        penalty -= 0.5;
    if (words.size() > 40)
        penalty -= 0.3;
    if (words.size() > 60)
        penalty -= 0.5;
    return penalty;
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

Candidates readCandidates(const Document &document) {
    Candidates candidates;
    candidates.sentences = document::splitSentences(document);
    WordReader reader;
    std::unordered_map<std::string, uint32_t> id_of;
    for (const Sentence &sentence : candidates.sentences) {
        std::string_view text = document.span(sentence.start, sentence.end);
        std::vector<Word> words = reader.read(text);
        candidates.words.push_back(words.size());
        candidates.penalty.push_back(penaltyOf(text, words));
        addRow(candidates.vectors, id_of, words);
    }
    weigh(candidates.vectors);
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

struct Link {
    uint32_t other;
    float cosine;
};

/// Links of every sentence to those above the threshold, found through the rows of each term.
std::vector<std::vector<Link>> findLinks(const Vectors &vectors) {
    size_t n = vectors.rows();
    std::vector<std::vector<Link>> rows_of(vectors.vocabulary), links(n);
    std::vector<double> sums(n, 0);
    std::vector<uint32_t> touched;
    for (uint32_t r = 0; r < n; ++r) {
        for (const Vectors::Term &term : vectors.row(r)) {
            for (const Link &earlier : rows_of[term.id]) {
                if (sums[earlier.other] == 0)
                    touched.push_back(earlier.other);
                sums[earlier.other] += static_cast<double>(term.weight) * earlier.cosine;
            }
            if (term.weight > 0)
                rows_of[term.id].push_back({r, term.weight});
        }
        for (uint32_t other : touched) {
            float value = static_cast<float>(sums[other]);
            sums[other] = 0;
            if (value > kLinkCosine) {
                links[r].push_back({other, value});
                links[other].push_back({r, value});
            }
        }
        touched.clear();
    }
    return links;
}

/// out = W in over the kept links.
std::vector<double> spreadOverLinks(const std::vector<std::vector<Link>> &links,
                                    const std::vector<double> &in) {
    std::vector<double> out(links.size(), 0);
    for (size_t r = 0; r < links.size(); ++r)
        for (const Link &link : links[r])
            out[r] += link.cosine * in[link.other];
    return out;
}

/// out = (X Xt - I) in: the graph of all cosines, weak ones too, without ever holding it. Time and
/// memory grow with the words of the document, not with its sentences squared.
std::vector<double> spreadOverTerms(const Vectors &vectors, const std::vector<double> &in) {
    std::vector<double> by_term(vectors.vocabulary, 0), out(vectors.rows(), 0);
    for (size_t r = 0; r < vectors.rows(); ++r)
        for (const Vectors::Term &term : vectors.row(r))
            by_term[term.id] += term.weight * in[r];
    for (size_t r = 0; r < vectors.rows(); ++r) {
        double own = 0;
        for (const Vectors::Term &term : vectors.row(r)) {
            out[r] += term.weight * by_term[term.id];
            own += static_cast<double>(term.weight) * term.weight;
        }
        out[r] = std::max(out[r] - own * in[r], 0.0);
    }
    return out;
}

/// LexRank: PageRank over the sentences, links weighted by cosine; the largest is 1.
std::vector<double> centrality(const Vectors &vectors) {
    size_t n = vectors.rows();
    bool keep = n <= kLargestGraph;
    std::vector<std::vector<Link>> links = keep ? findLinks(vectors) : decltype(links)();
    auto spread = [&](const std::vector<double> &in) {
        return keep ? spreadOverLinks(links, in) : spreadOverTerms(vectors, in);
    };
    std::vector<double> degree = spread(std::vector<double>(n, 1));
    std::vector<double> rank(n, 1 / static_cast<double>(n)), share(n);
    for (int step = 0; step < kRankSteps; ++step) {
        for (size_t r = 0; r < n; ++r)
            share[r] = degree[r] > 1e-9 ? rank[r] / degree[r] : 0;
        rank = spread(share);
        for (double &value : rank)
            value = (1 - kDamping) / static_cast<double>(n) + kDamping * value;
    }
    double largest = *std::ranges::max_element(rank);
    for (double &value : rank)
        value /= largest;
    return rank;
}

/// 1 for the first sentence of a paragraph, 0.3 for the second, and 0.5 more in the first two and
/// the last paragraphs that have sentences.
std::vector<double> positions(const std::vector<Sentence> &sentences) {
    std::vector<size_t> order; // of the paragraph, among those with sentences
    for (size_t i = 0; i < sentences.size(); ++i) {
        bool same = i > 0 && sentences[i].paragraph == sentences[i - 1].paragraph;
        order.push_back(i == 0 ? 0 : order.back() + !same);
    }
    std::vector<double> out;
    for (size_t i = 0; i < sentences.size(); ++i) {
        size_t place = sentences[i].in_paragraph;
        double value = place == 0 ? 1 : place == 1 ? 0.3 : 0;
        out.push_back(value + (order[i] < 2 || order[i] == order.back() ? 0.5 : 0));
    }
    return out;
}

/// Which of the equal parts (by words) the middle of each sentence lies in.
std::vector<unsigned> partsByWords(const std::vector<size_t> &words) {
    size_t total = 0, before = 0;
    for (size_t count : words)
        total += count;
    std::vector<unsigned> parts;
    for (size_t count : words) {
        size_t middle = 2 * before + count; // in half words
        size_t part = total > 0 ? middle * kParts / (2 * total) : 0;
        parts.push_back(static_cast<unsigned>(std::min<size_t>(part, kParts - 1)));
        before += count;
    }
    return parts;
}

class Chooser {
  public:
    Chooser(const Document &document, const Candidates &candidates, std::vector<double> scores)
        : document_(document), candidates_(candidates), scores_(std::move(scores)),
          parts_(partsByWords(candidates.words)), likeness_(scores_.size(), 0),
          closed_(scores_.size(), false) {
        for (size_t i = 0; i < closed_.size(); ++i)
            closed_[i] = textOf(i).size() > kLongestQuote;
    }

    std::vector<KeySentence> choose(unsigned count) {
        unsigned most = (count + kParts - 1) / kParts;
        fill(count, most, false);  // the recipe
        fill(count, count, false); // a part of tables or lists leaves its places to others
        fill(count, count, true);  // a short text may have fragments only
        std::ranges::sort(chosen_);
        std::vector<KeySentence> out;
        for (size_t i : chosen_)
            out.push_back({candidates_.sentences[i], scores_[i]});
        return out;
    }

  private:
    void fill(unsigned count, unsigned most_in_part, bool fragments) {
        while (chosen_.size() < count) {
            size_t best = scores_.size();
            double best_value = 0;
            for (size_t i = 0; i < scores_.size(); ++i) {
                bool fragment = candidates_.penalty[i] <= kFragmentPenalty;
                if (closed_[i] || taken_[parts_[i]] >= most_in_part || (fragment && !fragments))
                    continue;
                double value = 0.6 * scores_[i] - 0.4 * likeness_[i];
                if (best == scores_.size() || value > best_value) {
                    best = i;
                    best_value = value;
                }
            }
            if (best == scores_.size())
                return;
            take(best);
        }
    }

    void take(size_t best) {
        chosen_.push_back(best);
        ++taken_[parts_[best]];
        std::string_view text = textOf(best);
        for (size_t i = 0; i < scores_.size(); ++i) {
            likeness_[i] = std::max(
                likeness_[i], cosine(candidates_.vectors.row(i), candidates_.vectors.row(best)));
            // A page header that stands on every page is quoted once.
            closed_[i] = closed_[i] || textOf(i) == text;
        }
    }

    std::string_view textOf(size_t i) const {
        return document_.span(candidates_.sentences[i].start, candidates_.sentences[i].end);
    }

    const Document &document_;
    const Candidates &candidates_;
    std::vector<double> scores_;
    std::vector<unsigned> parts_;
    std::vector<double> likeness_; ///< largest cosine to a chosen one
    std::vector<bool> closed_;     ///< chosen, equal to a chosen one, or too long
    std::vector<size_t> chosen_;
    unsigned taken_[kParts] = {};
};

} // namespace

std::vector<KeySentence> chooseKeySentences(const Document &document, unsigned count) {
    Candidates candidates = readCandidates(document);
    if (candidates.sentences.empty() || count == 0)
        return {};
    std::vector<double> scores = centrality(candidates.vectors);
    std::vector<double> places = positions(candidates.sentences);
    for (size_t i = 0; i < scores.size(); ++i)
        scores[i] += 0.3 * places[i] + candidates.penalty[i];
    return Chooser(document, candidates, std::move(scores)).choose(count);
}

} // namespace longscope::reading
