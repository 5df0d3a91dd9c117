// What key_sentences.cpp chooses from: the sentences of a document with their TF-IDF vectors, and
// with what speaks against quoting one alone.
#pragma once

#include "compute/document/document.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reading {

/// Of a sentence that is none: too few words, no final stop.
constexpr double kFragmentPenalty = -2;

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
    std::vector<document::Sentence> sentences;
    std::vector<size_t> words;   ///< of each sentence
    std::vector<double> penalty; ///< at most 0
    Vectors vectors;
};

/// Linear in the text.
Candidates readCandidates(const document::Document &document);

double cosine(std::span<const Vectors::Term> a, std::span<const Vectors::Term> b);

} // namespace longscope::reading
