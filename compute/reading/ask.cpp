#include "compute/reading/ask.h"

#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/document/places.h"
#include "compute/reading/attended_sources.h"
#include "compute/reading/prompts.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/summarize.h"
#include "compute/reading/support.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::reading {
namespace {

using document::Document;
using document::Span;

constexpr size_t kQuotedFrom = 20;          // passages whose sentences may be the answer
constexpr unsigned kMostWords = 120;        // of a written answer
constexpr size_t kMostParagraphWords = 260; // longer ones are not shown whole

/// What the prompt of `retrieve` holds: the best first and last, because what stands in the
/// middle of a long prompt is used least (Liu et al. 2023, "Lost in the middle").
ReadText joinPassages(const Document &document, const std::vector<Span> &parts,
                      const std::vector<Source> &places, size_t count) {
    std::vector<const Source *> order;
    for (size_t i = 0; i < count; i += 2)
        order.push_back(&places[i]);
    for (size_t i = count; i-- > 0;)
        if (i % 2 == 1)
            order.push_back(&places[i]);
    ReadText read;
    for (const Source *place : order) {
        std::string heading =
            document::headingOf(document, document::paragraphAt(document, place->start));
        read.text.append(read.text.empty() ? "" : "\n\n").append(heading);
        read.text.append(heading.empty() ? "" : "\n");
        read.append(document, parts, {place->start, place->end});
    }
    return read;
}

bool saysNotFound(std::string_view sentence) {
    return document::lowerCase(sentence.substr(0, 9)) == "not found";
}

std::string percent(double share) {
    return std::format("{:.0f} %", 100 * share);
}

} // namespace

const char *nameOf(AskStrategy strategy) {
    switch (strategy) {
    case AskStrategy::whole:
        return "whole";
    case AskStrategy::retrieve:
        return "retrieve";
    default:
        return "auto";
    }
}

const Source *bestSource(const Answer &answer) {
    const Source *best = nullptr;
    for (const SourcedSentence &sentence : answer.sentences)
        if (sentence.supported && !sentence.sources.empty())
            if (const Source &source = sentence.sources.front();
                !best || source.score > best->score)
                best = &source;
    return best;
}

std::vector<model::Message> questionPrompt(std::string_view text, std::string_view question) {
    return readingPrompt(
        text, std::format("Answer the question in one or two short sentences, with the words of "
                          "the text. If the text does not answer it, say \"Not found\".\n"
                          "Question: {}",
                          question));
}

struct Asker::Impl {
    Impl(const Document &asked, const AskOptions &wanted, TextModel *writer)
        : document(asked), options(wanted), model(writer), sentences(asked) {
        if (model)
            facts = model->facts();
        believed = model && facts.parameters >= kBelievedParameters;
        writes = options.write.value_or(believed);
        if (writes && !model)
            fail(ErrorKind::usage, "an answer in own words needs a model, and there is none");
    }

    Retriever &passages() {
        if (!retriever)
            retriever.emplace(document);
        return *retriever;
    }

    // ---- which way ---------------------------------------------------------------------------

    uint64_t tokensOf(std::string_view text, std::string_view question) const {
        return model->countPrompt(questionPrompt(text, question)) + options.most_tokens;
    }

    /// Fills in strategy and reason.
    void choose(Answer &answer) {
        answer.strategy = options.strategy;
        answer.reason = "as asked";
        if (options.strategy != AskStrategy::automatic)
            return;
        answer.strategy = AskStrategy::retrieve;
        if (!model) {
            answer.reason = options.without_model + ": the best sentence is quoted";
        } else if (!believed) {
            answer.reason = std::format(
                "the model has {} million parameters: below {} million "
                "{}",
                facts.parameters / 1'000'000, kBelievedParameters / 1'000'000,
                writes ? "only the best passages are read" : "the best sentence is quoted");
        } else if (!writes) {
            answer.reason = "the best sentence is quoted, as asked";
        } else {
            uint64_t tokens = tokensOf(document.text, answer.question);
            bool fits = tokens <= facts.window_tokens;
            if (fits)
                answer.strategy = AskStrategy::whole;
            answer.reason = std::format("text, question and answer need {} tokens, the window has "
                                        "{}",
                                        tokens, facts.window_tokens);
        }
    }

    // ---- the document's own words --------------------------------------------------------------

    /// Index of the piece that holds the byte, or of the next one.
    size_t pieceAt(size_t byte) const {
        const auto &pieces = sentences.pieces();
        auto found = std::ranges::partition_point(
            pieces, [&](const QuestionIndex::Piece &piece) { return piece.span.end <= byte; });
        return static_cast<size_t>(found - pieces.begin());
    }

    /// The best piece of a span, its number of pieces when there is none.
    size_t bestOf(const std::vector<double> &shares, size_t start, size_t end) const {
        const auto &pieces = sentences.pieces();
        size_t best = pieces.size();
        for (size_t i = pieceAt(start); i < pieces.size() && pieces[i].span.start < end; ++i)
            if (best == pieces.size() || shares[i] > shares[best])
                best = i;
        return best;
    }

    Source sourceOf(const std::vector<double> &shares, size_t start, size_t end) const {
        size_t best = bestOf(shares, start, end);
        return {.start = start, .end = end, .score = best < shares.size() ? shares[best] : 0};
    }

    /// The places by retrieval, or with `whole` those of the best sentences.
    std::vector<Source> placesOf(const Answer &answer, const std::vector<double> &shares,
                                 size_t most, const std::stop_token &stop) {
        std::vector<Source> places;
        if (answer.strategy == AskStrategy::retrieve) {
            for (const FoundPassage &found : passages().find(answer.question, most, stop))
                places.push_back(sourceOf(shares, found.start, found.end));
            return places;
        }
        std::vector<size_t> order;
        for (size_t i = 0; i < shares.size(); ++i)
            if (shares[i] > 0)
                order.push_back(i);
        std::ranges::stable_sort(order, std::greater{}, [&](size_t i) { return shares[i]; });
        for (size_t i = 0; i < order.size() && places.size() < most; ++i) {
            Span span = sentences.pieces()[order[i]].span;
            span = document::wholeParagraphs(document, span.start, span.end, kMostParagraphWords);
            if (std::ranges::none_of(places, [&](const Source &place) {
                    return place.start <= span.start && place.end >= span.end;
                }))
                places.push_back({.start = span.start, .end = span.end, .score = shares[order[i]]});
        }
        return places;
    }

    /// The best sentence of the places, with the place that it is in.
    struct Best {
        size_t piece = 0, place = 0;
        double share = 0; ///< 0: nothing
    };
    Best bestAmong(const std::vector<Source> &places, const std::vector<double> &shares) const {
        Best best;
        for (size_t i = 0; i < places.size(); ++i) {
            size_t piece = bestOf(shares, places[i].start, places[i].end);
            if (piece < shares.size() && shares[piece] > best.share)
                best = {piece, i, shares[piece]};
        }
        return best;
    }

    void quote(Answer &answer, const Best &best, const std::vector<double> &shares,
               const OnSentence &on_sentence) const {
        const auto &pieces = sentences.pieces();
        for (size_t i = best.piece - std::min<size_t>(best.piece, 1);
             i <= best.piece + 1 && i < pieces.size(); ++i) {
            if (pieces[i].paragraph != pieces[best.piece].paragraph)
                continue;
            Span span = pieces[i].span;
            add(answer,
                {.text = document::oneLine(document.span(span.start, span.end)),
                 .quoted = true,
                 .supported = true,
                 .sources = {{.start = span.start, .end = span.end, .score = shares[i]}}},
                on_sentence);
        }
        answer.found = true;
        answer.confidence = best.share;
    }

    static void add(Answer &answer, SourcedSentence sentence, const OnSentence &on_sentence) {
        answer.text.append(answer.text.empty() ? "" : " ").append(sentence.text);
        answer.sentences.push_back(std::move(sentence));
        if (on_sentence)
            on_sentence(answer.sentences.back());
    }

    void sayNotFound(Answer &answer, const Best &best) const {
        answer.text =
            best.share > 0
                ? std::format("Not found: the nearest sentence has {} of what the question asks "
                              "for, and {} are needed.",
                              percent(best.share), percent(kAnswerFloor))
                : std::string("Not found: no sentence has a word of the question.");
        answer.confidence = best.share;
    }

    // ---- the model's words ---------------------------------------------------------------------

    /// What the model shall read: the document, or as many places as the window holds.
    ReadText textToRead(Answer &answer) const {
        if (answer.strategy == AskStrategy::whole) {
            uint64_t tokens = tokensOf(document.text, answer.question);
            if (tokens > facts.window_tokens)
                fail(ErrorKind::usage,
                     "text, question and answer need {} tokens, the window has {}: strategy "
                     "\"retrieve\" reads the best passages only",
                     tokens, facts.window_tokens);
            return wholeText(document);
        }
        size_t count = answer.sources.size();
        const std::vector<Span> parts = partsOf(document);
        ReadText read = joinPassages(document, parts, answer.sources, count);
        while (count > 1 && tokensOf(read.text, answer.question) > facts.window_tokens)
            read = joinPassages(document, parts, answer.sources, --count);
        if (count < answer.sources.size())
            answer.reason += std::format("; {} of {} passages fit the window of {} tokens", count,
                                         answer.sources.size(), facts.window_tokens);
        return read;
    }

    SourcedSentence check(std::string text) {
        if (!support)
            support.emplace(document);
        return checkedSentence(*support, std::move(text));
    }

    void write(Answer &answer, const OnSentence &on_sentence, const ProgressSink &progress,
               const std::stop_token &stop) {
        ReadText read = textToRead(answer);
        TextRequest request{.messages = questionPrompt(read.text, answer.question), .options = {}};
        request.options.sampling = options.sampling;
        request.options.max_tokens = options.most_tokens;
        SentenceStream stream(kMostWords);
        bool refused = false;
        auto take = [&](std::string_view so_far, bool ended) {
            for (std::string &text : stream.push(so_far, ended)) {
                refused = refused || (answer.sentences.empty() && saysNotFound(text));
                if (!refused)
                    add(answer, check(std::move(text)), on_sentence);
            }
        };
        auto on_text = [&](std::string_view so_far) {
            take(so_far, false);
            return !stream.shouldStop() && !refused;
        };
        TextReply reply = model->write(request, on_text, progress, stop);
        take(reply.text, true);
        answer.written = true;
        answer.calls = 1;
        answer.prompt_tokens = reply.prompt_tokens;
        answer.generated_tokens = reply.written_tokens;
        answer.stopped = stop.stop_requested();
        if (!answer.stopped)
            addAttended(*model, read, answer.sentences, stop);
        judge(answer);
    }

    void judge(Answer &answer) const {
        answer.found = !answer.sentences.empty();
        if (!answer.found)
            answer.text = "Not found: the model says that the text does not answer the question.";
        double sum = 0;
        for (const SourcedSentence &sentence : answer.sentences) {
            if (sentence.supported)
                sum += sentence.sources.front().score;
            if (answer.strategy == AskStrategy::whole) // what it read is no place: what it used is
                answer.sources.insert(answer.sources.end(), sentence.sources.begin(),
                                      sentence.sources.end());
        }
        answer.confidence = sum / static_cast<double>(std::max<size_t>(1, answer.sentences.size()));
    }

    Answer ask(std::string_view question, const OnSentence &on_sentence,
               const ProgressSink &progress, const std::stop_token &stop) {
        Answer answer;
        answer.question = question;
        choose(answer);
        std::vector<double> shares = sentences.shares(question);
        auto places = placesOf(answer, shares, std::max(options.places, kQuotedFrom), stop);
        Best best = bestAmong(places, shares);
        if (best.place >= options.places) // the answer's own place is always shown
            std::swap(places[best.place], places[options.places - 1]);
        places.resize(std::min(places.size(), options.places));
        bool reads_whole = writes && answer.strategy == AskStrategy::whole;
        if (!reads_whole)
            answer.sources = std::move(places);
        bool above = best.share >= kAnswerFloor;
        if (writes && (above || believed)) // a small model answers whatever it is asked
            write(answer, on_sentence, progress, stop);
        else if (above)
            quote(answer, best, shares, on_sentence);
        else
            sayNotFound(answer, best);
        return answer;
    }

    const Document &document;
    AskOptions options;
    TextModel *model;
    TextModelFacts facts;
    bool believed = false, writes = false;
    QuestionIndex sentences;
    std::optional<Retriever> retriever; ///< when first needed
    std::optional<SupportCheck> support;
};

Asker::Asker(const Document &document, const AskOptions &options, TextModel *model)
    : impl_(std::make_unique<Impl>(document, options, model)) {}
Asker::~Asker() = default;

void Asker::useVectors(Embedder &embedder, document::ResultStore &store,
                       const ProgressSink &progress, std::stop_token stop) {
    impl_->passages().useVectors(embedder, store, progress, std::move(stop));
}

Answer Asker::ask(std::string_view question, const OnSentence &on_sentence,
                  const ProgressSink &progress, std::stop_token stop) {
    return impl_->ask(question, on_sentence, progress, stop);
}

} // namespace longscope::reading
