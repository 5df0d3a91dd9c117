#include "compute/reading/best_sentence.h"

#include "compute/document/passages.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <cmath>

namespace longscope::reading {
namespace {

constexpr double kFromNeighbour = 0.4;
constexpr size_t kLongestPiece = 90; // words; what is longer has no stops, or is no prose

/// Numbers and stems are named apart: the number 48 is no word "48".
std::string keyOf(const Word &word) {
    return (word.kind == WordKind::number ? "#" : "") + word.stem;
}

} // namespace

QuestionIndex::QuestionIndex(const document::Document &document) {
    WordReader reader;
    for (size_t p = 0; p < document.paragraphs.size(); ++p) {
        if (document.paragraphs[p].title)
            continue; // it would part sentences that follow one another
        for (document::Span span : document::quotablePieces(document, p, kLongestPiece)) {
            auto index = static_cast<uint32_t>(pieces_.size());
            pieces_.push_back({span, p});
            for (const Word &word : reader.read(document.span(span.start, span.end))) {
                if (word.kind == WordKind::stop)
                    continue;
                std::vector<uint32_t> &with = pieces_with_[keyOf(word)];
                if (with.empty() || with.back() != index)
                    with.push_back(index);
            }
        }
    }
}

std::vector<double> QuestionIndex::shares(std::string_view question) const {
    std::vector<double> shares(pieces_.size(), 0.0);
    std::vector<std::string> known;
    double n = static_cast<double>(pieces_.size()), total = 0;
    WordReader reader;
    for (const Word &word : reader.read(question)) {
        std::string key = keyOf(word);
        if (word.kind == WordKind::stop || std::ranges::contains(known, key))
            continue;
        known.push_back(key);
        auto found = pieces_with_.find(key);
        double df = found == pieces_with_.end() ? 0 : static_cast<double>(found->second.size());
        double idf = std::log((n + 1) / (df + 0.5));
        total += idf;
        if (df == 0)
            continue;
        std::vector<double> held(pieces_.size(), 0.0);
        for (uint32_t piece : found->second) {
            held[piece] = 1;
            for (size_t neighbour : {size_t{piece} + 1, size_t{piece} - 1})
                if (neighbour < held.size())
                    held[neighbour] = std::max(held[neighbour], kFromNeighbour);
        }
        for (size_t i = 0; i < shares.size(); ++i)
            shares[i] += idf * held[i];
    }
    for (double &share : shares)
        share = total > 0 ? share / total : 0;
    return shares;
}

} // namespace longscope::reading
