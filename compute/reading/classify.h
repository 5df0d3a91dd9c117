// Which of several labels fits a document, by how likely a model finds each one as the answer after
// it. What fits the window is read whole; what does not, section by section, and the sections'
// probabilities are combined.
#pragma once

#include "compute/document/document.h"
#include "compute/reading/chunks.h"
#include "compute/reading/scorer.h"

#include <span>
#include <string>
#include <vector>

namespace longscope::reading {

/// How likelihoods become comparable; each is a number a label.
enum class Calibration {
    sum,       ///< of the log-probabilities of the label's tokens: long labels lose
    mean,      ///< the same per token
    prior,     ///< sum, less that of the label after no document: what the text adds (PMI)
    prior_mean ///< the same per token
};

enum class ClassifyBy {
    fitting, ///< whole when it fits the window, else by sections
    whole,
    sections
};

struct ClassifyOptions {
    std::vector<std::string> labels; ///< two or more, all different
    Calibration calibration = Calibration::prior;
    ClassifyBy by = ClassifyBy::fitting;
    /// What is asked about the text; "" = what it is about. The labels are not named in it unless
    /// the question does: see the .cpp.
    std::string question{};
    uint64_t section_tokens = 1024; ///< most of a section; fewer where the window is small
};

struct ClassifiedSection {
    size_t start = 0, end = 0; ///< bytes of the text
    uint64_t tokens = 0;
    std::vector<double> probabilities; ///< [label]
    /// What it adds to the winner's lead over the second, in nats: its share of the document's
    /// tokens times the difference of the logarithms. Negative: it speaks for the second.
    double lead = 0;
};

struct Classification {
    std::vector<double> probabilities; ///< [label], sum 1
    size_t winner = 0, second = 0;     ///< indices of labels
    bool whole = false;                ///< read at once: `sections` is one
    std::vector<ClassifiedSection> sections;
    uint64_t calls = 0, prompt_tokens = 0;
};

/// [label] numbers to compare; `prior` is of the question without a document.
std::vector<double> calibrated(std::span<const Likelihood> likelihoods,
                               std::span<const Likelihood> prior, Calibration calibration);
/// exp(value) as shares of their sum.
std::vector<double> softmax(std::span<const double> values);
/// The mean of the sections' log-probabilities weighted by their tokens, as probabilities; fills
/// in winner, second, and what each section adds to the lead.
void combineSections(Classification &result);
/// Sections that speak for the winner, the strongest first, until they have given most of the lead.
std::vector<size_t> decidingSections(const Classification &result);

/// Throws Error(usage): fewer than two labels, two equal ones, an empty one.
void checkLabels(std::span<const std::string> labels);

/// One question with its labels, for one document after another.
class Classifier {
  public:
    /// Throws as checkLabels does, and Error(usage) when the window has no room beside the
    /// question. The scorer must live longer.
    Classifier(Scorer &scorer, ClassifyOptions options);

    /// Throws Error(usage) with both numbers for a document that does not fit when it shall be read
    /// whole, and what the scorer throws.
    Classification classify(const document::Document &document, const ProgressSink &progress,
                            std::stop_token stop);
    /// What the scorer is asked; "" asks without a document.
    ScoreRequest request(std::string_view text) const;

  private:
    std::vector<Chunk> piecesOf(const document::Document &document, bool &whole);
    std::vector<Likelihood> likelihoods(std::string_view text, Classification &result,
                                        const ProgressSink &progress, const std::stop_token &stop);

    Scorer &scorer_;
    ClassifyOptions options_;
    uint64_t window_ = 0, room_ = 0; ///< tokens; room: for text
    std::vector<Likelihood> prior_;  ///< once asked
};

} // namespace longscope::reading
