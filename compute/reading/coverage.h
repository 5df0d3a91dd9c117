// Which parts of the documents the calls of a run read, and which left a trace in the result: the
// share of their sentences that some sentence of the result has as a source.
#pragma once

#include "compute/document/document.h"
#include "compute/document/sentences.h"
#include "compute/reading/sources.h"

#include <span>
#include <vector>

namespace longscope::reading {

/// In order, without overlap; spans that touch are one, empty ones are left out.
std::vector<document::Span> unionOfSpans(std::vector<document::Span> spans);
/// Bytes of the union.
size_t bytesOf(std::vector<document::Span> spans);

/// A part of a document that was read, as JSON's `coverage` prints it.
struct CoveredSpan {
    size_t document = 0;
    size_t start = 0, end = 0; ///< bytes
    double share = 0;          ///< of its sentences, those that are a source; 0 where it has none
    size_t call = 0;           ///< which call read it, 0 = the first; of `calls` only
};

class Coverage {
  public:
    explicit Coverage(std::span<const document::Document *const> documents);

    /// Bytes [start, end) of a document went into a call. Order does not matter, spans may overlap.
    void entered(size_t call, size_t document, size_t start, size_t end);
    /// A sentence of the result comes from here.
    void traced(const Source &source);
    void traced(const SourcedSentence &sentence);

    /// What was read by any call, without overlap.
    std::vector<CoveredSpan> spans() const;
    /// What each call read.
    std::vector<CoveredSpan> calls() const;
    /// Of the bytes of a document, those that some call read.
    double readShare(size_t document) const;
    /// Sentences of a document that no call read the beginning of.
    size_t unreadSentences(size_t document) const;
    /// Of the sentences of a document, those that are a source.
    double tracedShare(size_t document) const;

  private:
    struct Part {
        size_t bytes = 0;
        std::vector<document::Span> sentences; ///< in order
        std::vector<bool> traced;              ///< of each sentence
        std::vector<document::Span> entered;
    };
    double shareIn(const Part &part, size_t start, size_t end) const;

    std::vector<Part> parts_;
    std::vector<CoveredSpan> calls_;
};

} // namespace longscope::reading
