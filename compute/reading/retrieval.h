// Finds the passages of a document that a question is about: by their words (BM25), by vectors
// where there is something that makes them, or by both with their ranks put together.
#pragma once

#include "compute/document/document.h"
#include "compute/document/passages.h"
#include "compute/document/result_store.h"
#include "compute/document/text_index.h"
#include "compute/document/vector_index.h"
#include "compute/reading/embedder.h"
#include "compute/reading/words.h"

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

using document::Scored;

/// Reciprocal rank fusion (Cormack, Clarke & Buettcher 2009): sum of 1 / (60 + rank), rank 1 first.
std::vector<Scored> fuseRanks(std::span<const std::vector<Scored>> lists);

/// Maximal marginal relevance (Carbonell & Goldstein 1998): takes again and again the one with the
/// largest lambda * relevance - (1 - lambda) * largest similarity to one taken before. The indices
/// in that order.
std::vector<size_t> chooseDiverse(std::span<const double> relevance,
                                  const std::function<double(size_t, size_t)> &similarity,
                                  double lambda, size_t count);

/// The words to look for: those that are not grammar, numbers as written and as digits; all of them
/// when there is nothing else.
std::vector<std::string> wordsToFind(std::string_view question);

/// Passages with their sentences as parts, for an embedder that reads sentences. The pieces of each
/// paragraph are asked for once, however many passages it has.
using PiecesOf = std::function<std::vector<document::Span>(size_t paragraph)>;
std::vector<EmbedText> textsWithParts(const document::Document &document,
                                      std::span<const document::Passage> passages,
                                      const PiecesOf &pieces_of);

struct FoundPassage {
    size_t passage = 0;        ///< index into passages()
    size_t start = 0, end = 0; ///< whole paragraphs, without the headings above
    double score = 0;          ///< of words, cosine, or the sum of reciprocal ranks
};

/// By words a passage has the score of its best two neighbouring sentences, and a quarter of its
/// own (BM25): what answers a question stands close together, and what stands around it says what
/// it is about. Measured in tests/bench/results/retrieval.md.
class Retriever {
  public:
    /// The document must stay.
    explicit Retriever(const document::Document &document);

    /// Compares by vectors, too, from now on: the question's with that of each sentence, or with an
    /// embedding model of each passage. Those made before come from the store; the others are made
    /// now and kept there passage by passage, so that a stop loses none. Throws as Embedder::embed.
    void useVectors(Embedder &embedder, document::ResultStore &store, const ProgressSink &progress,
                    std::stop_token stop);

    enum class Way { words, vectors, both };
    /// The best `most`, different ones first: where two widened spans are the same, the better one
    /// stands for both. Without `way`: with all there is.
    std::vector<FoundPassage> find(std::string_view question, size_t most, std::stop_token stop,
                                   std::optional<Way> way = {});

    const std::vector<document::Passage> &passages() const { return passages_; }
    bool hasVectors() const { return vectors_.has_value(); }

  private:
    std::vector<Scored> byWords(std::string_view question) const;
    std::vector<Scored> byVectors(std::string_view question, size_t most, std::stop_token stop);

    const document::Document &document_;
    std::vector<document::Passage> passages_;
    std::vector<document::Span> windows_; ///< two sentences each
    document::TextIndex passage_words_, window_words_;
    Embedder *embedder_ = nullptr;
    std::optional<document::VectorIndex> vectors_;
    std::vector<size_t> passage_of_; ///< each vector
    std::vector<float> centre_;      ///< of questions; empty: none is taken away
};

} // namespace longscope::reading
