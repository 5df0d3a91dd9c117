#include "compute/reading/classify.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/reading/prompts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace longscope::reading {
namespace {

constexpr uint64_t kSlack = 16;      // tokens that may join or part where texts meet
constexpr double kDecides = 0.8;     // of the lead that all sections for the winner give
constexpr uint64_t kFewestRoom = 32; // tokens of text in a section, or the window is too small

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

Classifier::Classifier(Scorer &scorer, ClassifyOptions options)
    : scorer_(scorer), options_(std::move(options)) {
    checkLabels(options_.labels);
    ScoreRequest empty = request("");
    uint64_t longest = 0;
    for (const std::string &continuation : empty.continuations)
        longest = std::max(longest, scorer.countTokens(continuation));
    uint64_t frame =
        scorer.countPrompt(empty.messages) + scorer.countTokens(empty.begun) + longest + kSlack;
    window_ = scorer.facts().window_tokens;
    if (window_ < kFewestRoom || frame > window_ - kFewestRoom)
        fail(ErrorKind::usage,
             "the question with its {} labels needs {} tokens, the window has {}: nothing is left "
             "for the text",
             options_.labels.size(), frame, window_);
    room_ = window_ - frame;
}

/// Of eight ways to ask, tried with the default model (135 million parameters) on the 20 texts of
/// tests/data/topics with two sets of four labels, those that listed the labels found 5 to 16 of 20
/// topics, those that did not, 15 to 20; with the prior taken off, these found all 20 of both sets,
/// single words and longer labels alike.
ScoreRequest Classifier::request(std::string_view text) const {
    bool own = options_.question.empty();
    ScoreRequest request{
        .messages = readingPrompt(text, own ? "What is the text about?" : options_.question),
        .begun = own ? "The text is about" : "Answer:",
        .continuations = {}};
    for (const std::string &label : options_.labels)
        request.continuations.push_back(" " + label);
    return request;
}

std::vector<Likelihood> Classifier::likelihoods(std::string_view text, Classification &result,
                                                const ProgressSink &progress,
                                                const std::stop_token &stop) {
    ScoreReply reply = scorer_.score(request(text), progress, stop);
    ++result.calls;
    result.prompt_tokens += reply.prompt_tokens;
    return reply.likelihoods;
}

std::vector<Chunk> Classifier::piecesOf(const document::Document &document, bool &whole) {
    uint64_t tokens = scorer_.countTokens(document.text);
    if (tokens == 0)
        fail(ErrorKind::usage, "{} has no text", document.path);
    if (options_.by == ClassifyBy::whole && tokens > room_)
        fail(ErrorKind::usage,
             "the text has {} tokens, beside the question the window of {} has room for {}: it "
             "can be classified by sections",
             tokens, window_, room_);
    whole = options_.by != ClassifyBy::sections && tokens <= room_;
    if (whole)
        return {Chunk{.end = document.text.size(), .tokens = tokens}};
    auto count = [this](std::string_view text) { return scorer_.countTokens(text); };
    return Chunker(document, count)
        .split({.limit_tokens = std::min(options_.section_tokens, room_)});
}

Classification Classifier::classify(const document::Document &document,
                                    const ProgressSink &progress, std::stop_token stop) {
    Classification result;
    std::vector<Chunk> pieces = piecesOf(document, result.whole);
    uint64_t total = 0, done = 0;
    for (const Chunk &piece : pieces)
        total += piece.tokens;
    auto start = Clock::now();
    std::vector<std::vector<Likelihood>> found;
    for (const Chunk &piece : pieces) {
        found.push_back(likelihoods(document.span(piece.start, piece.end), result,
                                    ofDocument(progress, done, total, start), stop));
        done += piece.tokens;
    }
    if (prior_.empty()) // behind the document, which may have been read before
        prior_ = likelihoods("", result, {}, stop);
    for (size_t i = 0; i < pieces.size(); ++i)
        result.sections.push_back(
            {.start = pieces[i].start,
             .end = pieces[i].end,
             .tokens = pieces[i].tokens,
             .probabilities = softmax(calibrated(found[i], prior_, options_.calibration))});
    combineSections(result);
    return result;
}

} // namespace longscope::reading
