#include "compute/reading/retrieval.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <format>
#include <map>
#include <numeric>
#include <utility>

namespace longscope::reading {
namespace {

using document::Document;
using document::Passage;
using document::Span;

constexpr double kRankOffset = 60;
constexpr size_t kLongestPiece = 90; // words
constexpr double kAround = 0.25;     // weight of the whole passage's words
constexpr size_t kWindowsLookedAt = 400;
constexpr size_t kDeep = 50;         // of each list go into the fusion
constexpr size_t kMostWidened = 260; // words
constexpr std::string_view kKind = "passage vector";

template <class Spans>
std::vector<std::string_view> textsOf(const Document &document, const Spans &spans) {
    std::vector<std::string_view> texts;
    for (const auto &span : spans)
        texts.push_back(document.span(span.start, span.end));
    return texts;
}

/// Each two neighbouring pieces of a paragraph, or its only one.
std::vector<Span> windowsOf(const Document &document) {
    std::vector<Span> windows;
    for (size_t p = 0; p < document.paragraphs.size(); ++p) {
        std::vector<Span> pieces = document::quotablePieces(document, p, kLongestPiece);
        for (size_t i = 0; i < pieces.size(); ++i)
            if (i + 1 < pieces.size() || pieces.size() == 1)
                windows.push_back(
                    {pieces[i].start, pieces[std::min(i + 1, pieces.size() - 1)].end});
    }
    return windows;
}

/// FNV-1a from two beginnings: 128 bits are enough to tell passages apart.
std::string keyOf(const std::string &fingerprint, std::string_view text) {
    uint64_t hash[2] = {0xCBF29CE484222325, 0x84222325CBF29CE4};
    for (uint64_t &value : hash)
        for (char c : text)
            value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return std::format("{}|{}|{:016x}{:016x}", fingerprint, text.size(), hash[0], hash[1]);
}

std::string toBytes(const std::vector<float> &vector) {
    return {reinterpret_cast<const char *>(vector.data()), vector.size() * sizeof(float)};
}

std::vector<float> fromBytes(std::string_view bytes) {
    std::vector<float> vector(bytes.size() / sizeof(float));
    std::memcpy(vector.data(), bytes.data(), vector.size() * sizeof(float));
    return vector;
}

void sortByScore(std::vector<Scored> &scored) {
    std::ranges::sort(scored, [](const Scored &a, const Scored &b) {
        return a.score != b.score ? a.score > b.score : a.index < b.index;
    });
}

} // namespace

std::vector<Scored> fuseRanks(std::span<const std::vector<Scored>> lists) {
    std::map<size_t, double> sums;
    for (const std::vector<Scored> &list : lists)
        for (size_t i = 0; i < list.size(); ++i)
            sums[list[i].index] += 1 / (kRankOffset + static_cast<double>(i + 1));
    std::vector<Scored> fused;
    for (const auto &[index, sum] : sums)
        fused.push_back({index, sum});
    sortByScore(fused);
    return fused;
}

std::vector<size_t> chooseDiverse(std::span<const double> relevance,
                                  const std::function<double(size_t, size_t)> &similarity,
                                  double lambda, size_t count) {
    std::vector<size_t> chosen, left(relevance.size());
    std::iota(left.begin(), left.end(), size_t{0});
    std::vector<double> likest(relevance.size(), 0); // to one that was chosen
    while (chosen.size() < count && !left.empty()) {
        auto value = [&](size_t i) {
            double likeness = chosen.empty() ? 0 : likest[i];
            return lambda * relevance[i] - (1 - lambda) * likeness;
        };
        auto best = std::ranges::max_element(left, {}, value);
        size_t taken = *best;
        left.erase(best);
        for (size_t i : left) {
            double likeness = similarity(i, taken);
            likest[i] = chosen.empty() ? likeness : std::max(likest[i], likeness);
        }
        chosen.push_back(taken);
    }
    return chosen;
}

std::vector<std::string> wordsToFind(std::string_view question) {
    WordReader reader;
    std::vector<std::string> words;
    auto add = [&](const std::string &word) {
        if (!word.empty() && !std::ranges::contains(words, word))
            words.push_back(word);
    };
    for (const Word &word : reader.read(question)) {
        if (word.kind == WordKind::stop)
            continue;
        add(word.text);
        if (word.kind == WordKind::number)
            add(word.stem);
    }
    if (words.empty())
        for (const std::string &word : plainWords(question))
            add(word);
    return words;
}

Retriever::Retriever(const Document &document)
    : document_(document), passages_(document::splitPassages(document)),
      windows_(windowsOf(document)), passage_words_(textsOf(document, passages_)),
      window_words_(textsOf(document, windows_)) {}

void Retriever::useVectors(Embedder &embedder, document::ResultStore &store,
                           const ProgressSink &progress, std::stop_token stop) {
    std::string fingerprint = embedder.fingerprint();
    std::vector<std::vector<float>> vectors(passages_.size());
    std::vector<size_t> missing;
    std::vector<std::string> texts;
    for (size_t i = 0; i < passages_.size(); ++i) {
        std::string_view text = document_.span(passages_[i].start, passages_[i].end);
        if (auto kept = store.find(kKind, keyOf(fingerprint, text)); kept && !kept->empty()) {
            vectors[i] = fromBytes(*kept);
        } else {
            missing.push_back(i);
            texts.emplace_back(text);
        }
    }
    auto keep = [&](size_t text, std::vector<float> vector) {
        store.keep(kKind, keyOf(fingerprint, texts[text]), toBytes(vector));
        vectors[missing[text]] = std::move(vector);
    };
    embedder.embed(texts, keep, progress, std::move(stop));

    size_t dim = vectors.empty() ? 1 : vectors[0].size();
    std::vector<double> sum(dim, 0.0);
    for (const std::vector<float> &vector : vectors) {
        if (vector.size() != dim)
            fail(ErrorKind::model, "vectors of passages have {} and {} numbers", dim,
                 vector.size());
        for (size_t d = 0; d < dim; ++d)
            sum[d] += static_cast<double>(vector[d]);
    }
    centre_.resize(dim);
    for (size_t d = 0; d < dim; ++d)
        centre_[d] =
            static_cast<float>(sum[d] / static_cast<double>(std::max<size_t>(1, vectors.size())));
    std::vector<float> rows;
    rows.reserve(dim * vectors.size());
    for (const std::vector<float> &vector : vectors)
        for (size_t d = 0; d < dim; ++d)
            rows.push_back(vector[d] - centre_[d]);
    vectors_.emplace(rows, dim);
    embedder_ = &embedder;
}

std::vector<Scored> Retriever::byWords(std::string_view question) const {
    std::vector<std::string> words = wordsToFind(question);
    std::map<size_t, double> scores;
    for (const Scored &found : window_words_.search(words, kWindowsLookedAt)) {
        Span window = windows_[found.index];
        auto after = std::ranges::upper_bound(passages_, window.start, {}, &Passage::start);
        auto last = static_cast<size_t>(after - passages_.begin());
        for (size_t i = last > 0 ? last - 1 : 0; i < passages_.size(); ++i) {
            scores[i] = std::max(scores[i], found.score);
            if (passages_[i].end >= window.end) // else it goes on in the next one
                break;
        }
    }
    for (const Scored &found : passage_words_.search(words, kDeep))
        scores[found.index] += kAround * found.score;
    std::vector<Scored> ranked;
    for (const auto &[index, score] : scores)
        ranked.push_back({index, score});
    sortByScore(ranked);
    return ranked;
}

std::vector<Scored> Retriever::byVectors(std::string_view question, size_t most,
                                         std::stop_token stop) {
    std::vector<float> vector;
    std::string text(question);
    embedder_->embed(
        std::span(&text, 1), [&](size_t, std::vector<float> made) { vector = std::move(made); }, {},
        std::move(stop));
    if (vector.size() != centre_.size())
        fail(ErrorKind::model, "the question's vector has {} numbers, those of passages {}",
             vector.size(), centre_.size());
    for (size_t d = 0; d < vector.size(); ++d)
        vector[d] -= centre_[d];
    return vectors_->search(vector, most);
}

std::vector<FoundPassage> Retriever::find(std::string_view question, size_t most,
                                          std::stop_token stop, std::optional<Way> way) {
    Way chosen = way.value_or(vectors_ ? Way::both : Way::words);
    assert(chosen == Way::words || vectors_);
    std::vector<std::vector<Scored>> lists;
    if (chosen != Way::vectors)
        lists.push_back(byWords(question));
    if (chosen != Way::words)
        lists.push_back(byVectors(question, std::max(most * 2, kDeep), std::move(stop)));
    std::vector<FoundPassage> found;
    for (const Scored &scored : lists.size() == 1 ? lists[0] : fuseRanks(lists)) {
        if (found.size() == most)
            break;
        const Passage &passage = passages_[scored.index];
        Span wide = document::wholeParagraphs(document_, passage.start, passage.end, kMostWidened);
        bool known = std::ranges::any_of(found, [&](const FoundPassage &other) {
            return other.start <= wide.start && other.end >= wide.end;
        });
        if (!known)
            found.push_back({scored.index, wide.start, wide.end, scored.score});
    }
    return found;
}

} // namespace longscope::reading
