#include "compute/reading/classify.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/reading/pieces.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace longscope::reading {
namespace {

constexpr uint64_t kSlack = 16;      // tokens that may join or part where texts meet
constexpr double kDecides = 0.8;     // of the lead that all sections for the winner give
constexpr uint64_t kFewestRoom = 32; // tokens of text in a section, or the window is too small

std::string listed(std::span<const std::string> labels) {
    std::string list;
    for (const std::string &label : labels)
        list += (list.empty() ? "" : ", ") + label;
    return list;
}

void checkLabels(std::span<const std::string> labels) {
    if (labels.size() < 2)
        fail(ErrorKind::usage, "{} label to choose from, at least two are needed", labels.size());
    for (size_t i = 0; i < labels.size(); ++i) {
        if (labels[i].empty())
            fail(ErrorKind::usage, "label {} of {} is empty", i + 1, labels.size());
        if (std::ranges::find(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i),
                              labels[i]) != labels.begin() + static_cast<std::ptrdiff_t>(i))
            fail(ErrorKind::usage, "the label \"{}\" is given twice", labels[i]);
    }
}

/// Scores texts against the labels, and counts.
class Judge {
  public:
    Judge(Scorer &scorer, const ClassifyOptions &options, Classification &result)
        : scorer_(scorer), options_(options), result_(result) {
        for (const std::string &label : options.labels) {
            continuations_.push_back(asContinuation(label));
            longest_ = std::max(longest_, scorer.countTokens(continuations_.back()));
        }
        uint64_t frame = scorer.countPrompt(classifyPrompt("", options.labels)) +
                         scorer.countTokens(kCategory) + longest_ + kSlack;
        window_ = options.window_tokens ? options.window_tokens : scorer.facts().window_tokens;
        if (frame + kFewestRoom > window_)
            fail(ErrorKind::usage,
                 "the question with its {} labels needs {} tokens, the window has {}: nothing is "
                 "left for the text",
                 options.labels.size(), frame, window_);
        room_ = window_ - frame;
    }

    uint64_t room() const { return room_; } ///< tokens of text
    uint64_t window() const { return window_; }

    std::vector<Likelihood> likelihoods(std::string_view text, const ProgressSink &progress,
                                        const std::stop_token &stop) {
        ScoreReply reply = scorer_.score(
            {classifyPrompt(text, options_.labels), kCategory, continuations_}, progress, stop);
        ++result_.calls;
        result_.prompt_tokens += reply.prompt_tokens;
        return reply.likelihoods;
    }

  private:
    Scorer &scorer_;
    const ClassifyOptions &options_;
    Classification &result_;
    std::vector<std::string> continuations_;
    uint64_t longest_ = 0, window_ = 0, room_ = 0;
};

std::vector<Piece> sectionsOf(Scorer &scorer, const document::Document &document,
                              const ClassifyOptions &options, const Judge &judge, bool &whole) {
    uint64_t tokens = scorer.countTokens(document.text);
    if (options.by == ClassifyBy::whole && tokens > judge.room())
        fail(ErrorKind::usage,
             "the text has {} tokens, beside the question the window of {} has room for {}: it "
             "can be classified by sections",
             tokens, judge.window(), judge.room());
    whole = options.by != ClassifyBy::sections && tokens <= judge.room();
    if (whole)
        return {{0, document.text.size(), tokens}};
    uint64_t most = std::min(options.section_tokens, judge.room());
    return cutAlongOutline(document, most,
                           [&](std::string_view text) { return scorer.countTokens(text); });
}

/// The scorer's progress on a section as progress on the document.
ProgressSink ofDocument(const ProgressSink &progress, uint64_t before, uint64_t total,
                        Clock::time_point start) {
    if (!progress)
        return {};
    return [=](const Progress &section) {
        uint64_t done = std::min(before + section.done, total);
        double seconds = secondsSince(start);
        double left =
            done > 0 ? seconds * static_cast<double>(total - done) / static_cast<double>(done) : -1;
        progress({"classifying", "tokens", done, total, seconds, left});
    };
}

} // namespace

std::vector<model::Message> classifyPrompt(std::string_view text,
                                           std::span<const std::string> labels) {
    std::string task = "Which of these categories is the text about: " + listed(labels) +
                       "? Answer with one of them.";
    return {{"system", "You read documents faithfully."},
            {"user", "Text:\n" + std::string(text) + "\n\n" + task}};
}

std::string asContinuation(const std::string &label) {
    return " " + label;
}

std::vector<double> calibrated(std::span<const Likelihood> likelihoods,
                               std::span<const Likelihood> prior, Calibration calibration) {
    bool less_prior = calibration == Calibration::prior || calibration == Calibration::prior_mean;
    bool per_token = calibration == Calibration::mean || calibration == Calibration::prior_mean;
    std::vector<double> values;
    for (size_t i = 0; i < likelihoods.size(); ++i) {
        double value = likelihoods[i].log_probability;
        if (less_prior)
            value -= prior[i].log_probability;
        if (per_token)
            value /= static_cast<double>(std::max<uint64_t>(likelihoods[i].tokens, 1));
        values.push_back(value);
    }
    return values;
}

std::vector<double> softmax(std::span<const double> values) {
    double largest = *std::ranges::max_element(values), sum = 0;
    std::vector<double> shares;
    for (double value : values) {
        shares.push_back(std::exp(value - largest));
        sum += shares.back();
    }
    for (double &share : shares)
        share /= sum;
    return shares;
}

void combineSections(Classification &result) {
    // A probability that rounds to 0 would decide alone whatever the other sections say.
    auto logarithm = [](double probability) { return std::log(std::max(probability, 1e-30)); };
    double total = 0;
    for (const ClassifiedSection &section : result.sections)
        total += static_cast<double>(section.tokens);
    auto weight = [&](const ClassifiedSection &section) {
        return total > 0 ? static_cast<double>(section.tokens) / total
                         : 1 / static_cast<double>(result.sections.size());
    };
    std::vector<double> means(result.sections.front().probabilities.size(), 0);
    for (const ClassifiedSection &section : result.sections)
        for (size_t label = 0; label < means.size(); ++label)
            means[label] += weight(section) * logarithm(section.probabilities[label]);
    result.probabilities = softmax(means);
    std::vector<size_t> order(means.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](size_t label) { return means[label]; });
    result.winner = order[0];
    result.second = order[1];
    for (ClassifiedSection &section : result.sections)
        section.lead = weight(section) * (logarithm(section.probabilities[result.winner]) -
                                          logarithm(section.probabilities[result.second]));
}

std::vector<size_t> decidingSections(const Classification &result) {
    std::vector<size_t> order;
    double all = 0, given = 0;
    for (size_t i = 0; i < result.sections.size(); ++i) {
        if (result.sections[i].lead <= 0)
            continue;
        order.push_back(i);
        all += result.sections[i].lead;
    }
    std::ranges::stable_sort(order, std::greater(),
                             [&](size_t i) { return result.sections[i].lead; });
    size_t count = 0;
    while (count < order.size() && given < kDecides * all)
        given += result.sections[order[count++]].lead;
    order.resize(count);
    return order;
}

Classification classify(Scorer &scorer, const document::Document &document,
                        const ClassifyOptions &options, const ProgressSink &progress,
                        std::stop_token stop) {
    checkLabels(options.labels);
    Classification result;
    Judge judge(scorer, options, result);
    std::vector<Piece> pieces = sectionsOf(scorer, document, options, judge, result.whole);
    if (pieces.empty())
        fail(ErrorKind::usage, "{} has no text to classify", document.path);
    uint64_t total = 0, done = 0;
    for (const Piece &piece : pieces)
        total += piece.tokens;
    std::vector<Likelihood> prior = judge.likelihoods("", {}, stop);
    auto start = Clock::now();
    for (const Piece &piece : pieces) {
        std::vector<Likelihood> likelihoods = judge.likelihoods(
            document.span(piece.start, piece.end), ofDocument(progress, done, total, start), stop);
        result.sections.push_back(
            {.start = piece.start,
             .end = piece.end,
             .tokens = piece.tokens,
             .probabilities = softmax(calibrated(likelihoods, prior, options.calibration))});
        done += piece.tokens;
    }
    combineSections(result);
    return result;
}

} // namespace longscope::reading
