#include "compute/reading/turns.h"

#include "compute/document/places.h"
#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <map>
#include <set>
#include <unordered_map>

namespace longscope::reading {
namespace {

using Stems = std::vector<std::string>;

constexpr double kK1 = 1.2, kB = 0.75;
constexpr double kSaidAgain = 0.7; // share of a sentence's stems in a chosen one

double idf(size_t texts, size_t with) {
    double n = static_cast<double>(texts), df = static_cast<double>(with);
    return std::log(1 + (n - df + 0.5) / (df + 0.5));
}

Stems stemsOf(WordReader &reader, std::string_view text) {
    Stems stems;
    for (Word &word : reader.read(text))
        if (word.kind != WordKind::stop)
            stems.push_back(std::move(word.stem));
    return stems;
}

/// Sentences of a turn; lines of code between ``` marks are none.
std::vector<std::string> sentencesOf(std::string_view text) {
    std::vector<std::string> sentences;
    bool in_code = false;
    for (size_t at = 0; at < text.size();) {
        std::string_view line = text.substr(at, std::min(text.find('\n', at), text.size()) - at);
        at += line.size() + 1;
        if (line.substr(std::min(line.find_first_not_of(" \t"), line.size())).starts_with("```")) {
            in_code = !in_code;
            continue;
        }
        if (in_code)
            continue;
        for (document::Span span : document::sentenceSpans(line))
            sentences.push_back(document::oneLine(line.substr(span.start, span.end - span.start)));
    }
    return sentences;
}

struct Candidate {
    TurnSentence sentence;
    std::set<std::string> stems;
    size_t words = 0;
    double score = 0;
};

/// What a sentence has beside rare words. Weights are judgement: a stated fact of the user beats
/// an equally rare one of the assistant; a question says nothing.
double bonusOf(const std::vector<Word> &words, std::string_view text, bool user) {
    unsigned exact = 0;
    bool first_person = false;
    for (const Word &word : words) {
        exact += word.name || word.kind == WordKind::number;
        first_person = first_person || word.text == "i" || word.text == "my" ||
                       word.text == "i'm" || word.text == "we" || word.text == "our";
    }
    double bonus = 0.15 * std::min(exact, 3u);
    bonus += user ? 0.3 : 0;
    bonus += user && first_person ? 0.2 : 0;
    return bonus - (text.ends_with('?') ? 0.6 : 0);
}

std::vector<Candidate> readCandidates(std::span<const Turn> turns) {
    std::vector<Candidate> candidates;
    WordReader reader;
    std::unordered_map<std::string, size_t> with;
    for (size_t i = 0; i < turns.size(); ++i) {
        if (turns[i].pinned)
            continue;
        for (std::string &text : sentencesOf(turns[i].text)) {
            std::vector<Word> words = reader.read(text);
            Candidate candidate;
            candidate.words = words.size();
            candidate.score = bonusOf(words, text, turns[i].role == "user");
            for (Word &word : words)
                if (word.kind != WordKind::stop)
                    candidate.stems.insert(std::move(word.stem));
            if (candidate.stems.empty())
                continue;
            candidate.sentence = {i, std::move(text)};
            for (const std::string &stem : candidate.stems)
                ++with[stem];
            candidates.push_back(std::move(candidate));
        }
    }
    double largest = 0;
    std::vector<double> rare;
    for (const Candidate &candidate : candidates) {
        double sum = 0;
        for (const std::string &stem : candidate.stems)
            sum += idf(candidates.size(), with[stem]);
        rare.push_back(sum / std::sqrt(static_cast<double>(candidate.words) + 3));
        largest = std::max(largest, rare.back());
    }
    for (size_t i = 0; i < candidates.size(); ++i)
        candidates[i].score += largest > 0 ? rare[i] / largest : 0;
    return candidates;
}

bool saysAgain(const Candidate &candidate, const std::vector<const Candidate *> &chosen) {
    return std::ranges::any_of(chosen, [&](const Candidate *other) {
        auto held = std::ranges::count_if(
            candidate.stems, [&](const std::string &stem) { return other->stems.contains(stem); });
        return static_cast<double>(held) >=
               kSaidAgain * static_cast<double>(candidate.stems.size());
    });
}

} // namespace

std::vector<double> bm25(std::span<const Stems> texts, std::span<const std::string> query) {
    std::vector<double> scores(texts.size(), 0);
    double words = 0;
    for (const Stems &text : texts)
        words += static_cast<double>(text.size());
    double mean = words / static_cast<double>(std::max<size_t>(texts.size(), 1));
    for (const std::string &term : std::set(query.begin(), query.end())) {
        auto has = [&](const Stems &text) { return std::ranges::find(text, term) != text.end(); };
        double weight = idf(texts.size(), static_cast<size_t>(std::ranges::count_if(texts, has)));
        for (size_t i = 0; i < texts.size(); ++i) {
            auto count = static_cast<double>(std::ranges::count(texts[i], term));
            double length = static_cast<double>(texts[i].size()) / std::max(mean, 1e-9);
            scores[i] += weight * count * (kK1 + 1) / (count + kK1 * (1 - kB + kB * length));
        }
    }
    return scores;
}

std::vector<FoundTurn> findTurns(std::span<const Turn> turns, std::string_view query) {
    WordReader reader;
    std::vector<Stems> texts;
    for (const Turn &turn : turns)
        texts.push_back(stemsOf(reader, turn.text));
    Stems wanted = stemsOf(reader, query);
    std::vector<double> scores = bm25(texts, wanted);
    std::vector<FoundTurn> found;
    double all = 0;
    std::map<std::string, double> weights;
    for (const std::string &term : wanted) {
        auto has = [&](const Stems &text) { return std::ranges::find(text, term) != text.end(); };
        auto [at, is_new] = weights.try_emplace(term, 0);
        if (is_new) {
            at->second = idf(texts.size(), static_cast<size_t>(std::ranges::count_if(texts, has)));
            all += at->second;
        }
    }
    for (size_t i = 0; i < turns.size(); ++i) {
        if (scores[i] <= 0)
            continue;
        double held = 0;
        for (const auto &[term, weight] : weights)
            held += std::ranges::find(texts[i], term) != texts[i].end() ? weight : 0;
        found.push_back({i, scores[i], held / all});
    }
    std::ranges::stable_sort(found, std::greater(), &FoundTurn::score);
    return found;
}

std::string turnName(size_t turn, std::string_view role) {
    return std::format("turn {}, {}", turn + 1, role);
}

std::string listSentences(std::span<const TurnSentence> sentences, std::span<const Turn> turns) {
    std::string list;
    for (const TurnSentence &sentence : sentences)
        list += std::format("- {}: {}\n", turnName(sentence.turn, turns[sentence.turn].role),
                            sentence.text);
    return list;
}

std::vector<TurnSentence>
chooseTurnSentences(std::span<const Turn> turns, uint64_t most_tokens,
                    const std::function<uint64_t(std::string_view)> &count_tokens) {
    std::vector<Candidate> candidates = readCandidates(turns);
    std::vector<const Candidate *> order, chosen;
    for (const Candidate &candidate : candidates)
        order.push_back(&candidate);
    std::ranges::stable_sort(order, std::greater(), &Candidate::score);
    uint64_t used = 0;
    for (const Candidate *candidate : order) {
        if (saysAgain(*candidate, chosen))
            continue;
        uint64_t tokens = count_tokens(listSentences({&candidate->sentence, 1}, turns));
        if (used + tokens > most_tokens)
            continue; // a shorter one may fit
        used += tokens;
        chosen.push_back(candidate);
    }
    std::ranges::sort(chosen); // by address: as they were said
    std::vector<TurnSentence> sentences;
    for (const Candidate *candidate : chosen)
        sentences.push_back(candidate->sentence);
    return sentences;
}

std::string quoteTurn(const Turn &turn, std::string_view query, uint64_t most_tokens,
                      const std::function<uint64_t(std::string_view)> &count_tokens) {
    if (count_tokens(turn.text) <= most_tokens)
        return turn.text;
    std::vector<Turn> sentences;
    for (std::string &text : sentencesOf(turn.text))
        sentences.push_back({turn.role, std::move(text)});
    std::vector<size_t> chosen;
    uint64_t used = 0;
    for (const FoundTurn &found : findTurns(sentences, query)) {
        uint64_t tokens = count_tokens(sentences[found.turn].text) + 1;
        if (used + tokens > most_tokens)
            continue;
        used += tokens;
        chosen.push_back(found.turn);
    }
    std::ranges::sort(chosen);
    std::string quote;
    for (size_t i : chosen)
        quote += (quote.empty() ? "" : " ") + sentences[i].text;
    return quote;
}

} // namespace longscope::reading
