#include "compute/reading/retrieval.h"

#include "compute/core/error.h"
#include "compute/document/places.h"

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
constexpr size_t kDeep = 50;             // of each list go into the fusion
constexpr size_t kMostWidened = 260;     // words
constexpr size_t kVectorsOfPassage = 10; // a guess of how many sentences one has
constexpr std::string_view kKind = "passage vectors";

/// Their mean is what the vectors of all questions share, which hides what one asks for.
constexpr std::string_view kAnyQuestions[] = {
    "What happened then?",
    "Who was responsible for it?",
    "When did this begin?",
    "Where was it found?",
    "Why was it changed?",
    "How many of them were there?",
    "How does it work?",
    "Which of the two was chosen?",
    "What is the name of the place?",
    "Who paid for it?",
    "How long did it take?",
    "What was the reason for the decision?",
    "Is it allowed to do this?",
    "What does the author recommend?",
    "How much did it cost?",
    "What are the most important results?",
};

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

/// Where the text below the titles begins that a span begins with; its start when they are all.
size_t behindTitles(const Document &document, Span span) {
    for (size_t p = document::paragraphAt(document, span.start);
         p < document.paragraphs.size() && document.paragraphs[p].start < span.end; ++p) {
        const document::Paragraph &paragraph = document.paragraphs[p];
        if (!paragraph.title)
            return std::max(span.start, paragraph.start);
    }
    return span.start;
}

/// FNV-1a from two beginnings: 128 bits are enough to tell passages apart.
std::string keyOf(const std::string &fingerprint, const EmbedText &text) {
    uint64_t hash[2] = {0xCBF29CE484222325, 0x84222325CBF29CE4};
    for (uint64_t &value : hash) {
        auto add = [&](uint64_t more) { value = (value ^ more) * 0x100000001B3; };
        for (char c : text.text)
            add(static_cast<unsigned char>(c));
        for (Span part : text.parts) {
            add(part.start);
            add(part.end);
        }
    }
    return std::format("{}|{}|{}|{:016x}{:016x}", fingerprint, text.text.size(), text.parts.size(),
                       hash[0], hash[1]);
}

std::string toBytes(const Embedder::Vectors &vectors) {
    std::string bytes;
    for (const std::vector<float> &vector : vectors)
        bytes.append(reinterpret_cast<const char *>(vector.data()), vector.size() * sizeof(float));
    return bytes;
}

/// `count` vectors; none when the bytes do not part into so many.
Embedder::Vectors fromBytes(std::string_view bytes, size_t count) {
    if (count == 0 || bytes.empty() || bytes.size() % (count * sizeof(float)) != 0)
        return {};
    Embedder::Vectors vectors(count, std::vector<float>(bytes.size() / count / sizeof(float)));
    for (size_t i = 0; i < count; ++i)
        std::memcpy(vectors[i].data(), &bytes[i * bytes.size() / count], bytes.size() / count);
    return vectors;
}

/// The vectors of each text, from the store or made now.
std::vector<Embedder::Vectors> embedKept(Embedder &embedder, document::ResultStore &store,
                                         std::vector<EmbedText> texts, const ProgressSink &progress,
                                         std::stop_token stop) {
    std::string fingerprint = embedder.fingerprint();
    std::vector<Embedder::Vectors> all(texts.size());
    std::vector<size_t> missing;
    std::vector<EmbedText> unread;
    for (size_t i = 0; i < texts.size(); ++i) {
        if (auto kept = store.find(kKind, keyOf(fingerprint, texts[i])))
            all[i] = fromBytes(*kept, texts[i].parts.size());
        if (all[i].empty()) {
            missing.push_back(i);
            unread.push_back(std::move(texts[i]));
        }
    }
    auto keep = [&](size_t text, Embedder::Vectors vectors) {
        store.keep(kKind, keyOf(fingerprint, unread[text]), toBytes(vectors));
        all[missing[text]] = std::move(vectors);
    };
    if (!unread.empty())
        embedder.embed(unread, keep, progress, std::move(stop));
    return all;
}

EmbedText wholeText(std::string_view text) {
    return {std::string(text), {{0, text.size()}}};
}

std::vector<float> meanOf(const std::vector<float> &rows, size_t dim) {
    std::vector<double> sum(dim, 0.0);
    for (size_t i = 0; i < rows.size(); ++i)
        sum[i % dim] += static_cast<double>(rows[i]);
    auto count = static_cast<double>(std::max<size_t>(1, rows.size() / dim));
    std::vector<float> mean(dim);
    for (size_t d = 0; d < dim; ++d)
        mean[d] = static_cast<float>(sum[d] / count);
    return mean;
}

/// All vectors as rows [count, dim].
std::vector<float> rowsOf(const std::vector<Embedder::Vectors> &all, size_t dim) {
    std::vector<float> rows;
    for (const Embedder::Vectors &vectors : all)
        for (const std::vector<float> &vector : vectors) {
            if (vector.size() != dim)
                fail(ErrorKind::model, "vectors of passages have {} and {} numbers", dim,
                     vector.size());
            rows.insert(rows.end(), vector.begin(), vector.end());
        }
    return rows;
}

void takeAway(std::span<float> rows, const std::vector<float> &centre) {
    for (size_t i = 0; i < rows.size(); ++i)
        rows[i] -= centre[i % centre.size()];
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

std::vector<EmbedText> textsWithParts(const Document &document, std::span<const Passage> passages,
                                      const PiecesOf &pieces_of) {
    std::vector<Span> pieces; // of all paragraphs, in order
    for (size_t p = 0; p < document.paragraphs.size(); ++p)
        for (Span piece : pieces_of(p))
            pieces.push_back(piece);
    std::vector<EmbedText> texts;
    for (const Passage &passage : passages) {
        EmbedText text{std::string(document.span(passage.start, passage.end)), {}};
        for (auto piece = std::ranges::upper_bound(pieces, passage.start, {}, &Span::end);
             piece != pieces.end() && piece->start < passage.end; ++piece)
            text.parts.push_back({std::max(piece->start, passage.start) - passage.start,
                                  std::min(piece->end, passage.end) - passage.start});
        if (text.parts.empty())
            text.parts = {{0, text.text.size()}};
        texts.push_back(std::move(text));
    }
    return texts;
}

Retriever::Retriever(const Document &document)
    : document_(document), passages_(document::splitPassages(document)),
      windows_(windowsOf(document)), passage_words_(textsOf(document, passages_)),
      window_words_(textsOf(document, windows_)) {}

void Retriever::useVectors(Embedder &embedder, document::ResultStore &store,
                           const ProgressSink &progress, std::stop_token stop) {
    bool trained = embedder.isTrained();
    std::vector<EmbedText> texts, questions;
    if (trained)
        for (const Passage &passage : passages_)
            texts.push_back(wholeText(document_.span(passage.start, passage.end)));
    else
        texts = textsWithParts(document_, passages_, [this](size_t paragraph) {
            return document::quotablePieces(document_, paragraph, kLongestPiece);
        });
    std::vector<size_t> passage_of;
    for (size_t i = 0; i < texts.size(); ++i)
        passage_of.insert(passage_of.end(), texts[i].parts.size(), i);
    auto all = embedKept(embedder, store, std::move(texts), progress, stop);
    if (passage_of.empty())
        return;
    size_t dim = all[0].at(0).size();
    std::vector<float> rows = rowsOf(all, dim), centre;
    if (!trained) {
        for (std::string_view question : kAnyQuestions)
            questions.push_back(wholeText(question));
        centre =
            meanOf(rowsOf(embedKept(embedder, store, std::move(questions), {}, stop), dim), dim);
        takeAway(rows, meanOf(rows, dim));
    }
    vectors_.emplace(rows, dim);
    passage_of_ = std::move(passage_of);
    centre_ = std::move(centre);
    embedder_ = &embedder;
}

std::vector<Scored> Retriever::byVectors(std::string_view question, size_t most,
                                         std::stop_token stop) {
    std::vector<float> vector;
    EmbedText text = wholeText(question);
    embedder_->embed(
        std::span(&text, 1),
        [&](size_t, Embedder::Vectors made) { vector = std::move(made.at(0)); }, {},
        std::move(stop));
    if (vector.size() != vectors_->dim())
        fail(ErrorKind::model, "the question's vector has {} numbers, those of passages {}",
             vector.size(), vectors_->dim());
    if (!centre_.empty())
        takeAway(vector, centre_);
    std::vector<Scored> ranked; // a passage is as near as its nearest vector
    std::vector<char> known(passages_.size(), 0);
    for (const Scored &found : vectors_->search(vector, most * kVectorsOfPassage))
        if (size_t passage = passage_of_[found.index]; !std::exchange(known[passage], 1))
            ranked.push_back({passage, found.score});
    return ranked;
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
        wide.start = behindTitles(document_, wide);
        bool known = std::ranges::any_of(found, [&](const FoundPassage &other) {
            return other.start <= wide.start && other.end >= wide.end;
        });
        if (!known)
            found.push_back({scored.index, wide.start, wide.end, scored.score});
    }
    return found;
}

} // namespace longscope::reading
