#include "compute/reading/rewrite.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/places.h"
#include "compute/reading/chunks.h"
#include "compute/reading/kept_steps.h"
#include "compute/reading/prompts.h"

#include <algorithm>
#include <format>

namespace longscope::reading {
namespace {

using document::Document;
using Part = RewrittenPart;

constexpr const char *kStep = "rewrite step";
constexpr size_t kContextWords = 40;   // of the result before, shown to the model
constexpr uint64_t kOtherTokens = 200; // of task, terms and context in a prompt, roughly
constexpr uint64_t kFewestTokens = 40; // of a part, or the window is too small
constexpr size_t kMostTermsShown = 30; // in one prompt

/// Cuts the document into the parts of the result: headings, text of at most so many tokens that
/// never goes across a heading, and what is kept as it is.
class Cutter {
  public:
    Cutter(TextModel &model, const Document &document, uint64_t most)
        : chunker_(document, [&model](std::string_view text) { return model.countTokens(text); }),
          document_(document), most_(most) {}

    std::vector<Part> cut() {
        const auto &paragraphs = document_.paragraphs;
        for (size_t first = 0, end = 0; first < paragraphs.size(); first = end) {
            addTitles(paragraphs[first]);
            end = first + 1;
            if (!paragraphs[first].prose) {
                addOther(paragraphs[first]);
                continue;
            }
            while (end < paragraphs.size() && paragraphs[end].prose &&
                   !document::beginsSection(document_, paragraphs[end]))
                ++end;
            addText(paragraphs[first].start, paragraphs[end - 1].end);
        }
        return std::move(parts_);
    }

  private:
    /// The titles of sections that begin with this paragraph and have no line of their own.
    void addTitles(const document::Paragraph &paragraph) {
        if (!document::beginsSection(document_, paragraph))
            return;
        size_t end = paragraph.heading - (saysItsHeading(paragraph) ? 1 : 0), first = end;
        while (first > 0 && document_.headings[first - 1].start == paragraph.start)
            --first;
        for (; first < end; ++first)
            parts_.push_back({.kind = Part::Kind::heading,
                              .start = paragraph.start,
                              .end = paragraph.start,
                              .level = document_.headings[first].level,
                              .text = document_.headings[first].title});
    }

    /// A title, or the declaration that a heading names.
    bool saysItsHeading(const document::Paragraph &paragraph) const {
        return paragraph.title ||
               (!paragraph.prose &&
                document_.span(paragraph.start, paragraph.end)
                    .starts_with(document_.headings[paragraph.heading - 1].title));
    }

    void addOther(const document::Paragraph &paragraph) {
        Part part{.kind = Part::Kind::kept, .start = paragraph.start, .end = paragraph.end};
        if (paragraph.title) {
            part.kind = Part::Kind::heading;
            part.level = document_.headings[paragraph.heading - 1].level;
        }
        parts_.push_back(part);
    }

    void addText(size_t start, size_t end) {
        for (const Chunk &chunk : chunker_.split({.limit_tokens = most_}, start, end))
            parts_.push_back({.kind = Part::Kind::text,
                              .start = chunk.start,
                              .end = chunk.end,
                              .inside_sentence = chunk.cut});
    }

    Chunker chunker_;
    const Document &document_;
    uint64_t most_;
    std::vector<Part> parts_;
};

class Rewriter {
  public:
    Rewriter(TextModel &model, const Document &document, const RewriteOptions &options,
             document::ResultStore &store, const ProgressSink &progress, std::stop_token stop)
        : model_(model), document_(document), options_(options), store_(store), progress_(progress),
          stop_(std::move(stop)) {
        if (options.instruction.empty() && options.language.empty())
            fail(ErrorKind::usage, "neither an instruction nor a language is given: there is "
                                   "nothing to do");
        window_ = model.facts().window_tokens;
        uint64_t frame = model.countPrompt(prompt("", {}, {})) + kOtherTokens;
        uint64_t room = window_ > frame ? (window_ - frame) / (1 + growth()) : 0;
        if (room < kFewestTokens)
            fail(ErrorKind::usage,
                 "the window of {} tokens is too small: the task needs {} of them, a part at least "
                 "{} and its result {}",
                 window_, frame, kFewestTokens, growth() * kFewestTokens);
        if (options.keep_names)
            names_ = findNames(document);
        part_tokens_ = std::min(options.part_tokens, room);
        result_.parts = Cutter(model, document, part_tokens_).cut();
        for (const Part &part : result_.parts)
            total_ += part.end - part.start;
    }

    Rewriting run(const std::function<void(const Part &)> &on_part) {
        auto start = Clock::now();
        uint64_t done = 0;
        for (size_t i = 0; i < result_.parts.size(); ++i) {
            Part &part = result_.parts[i];
            if (!fill(part)) {
                result_.parts.resize(i);
                result_.stopped = true;
                break;
            }
            if (on_part)
                on_part(part);
            done += part.end - part.start;
            tell(done, secondsSince(start));
        }
        return std::move(result_);
    }

  private:
    struct Wanted {
        std::vector<Term> terms;
        std::vector<std::string> names;
    };

    /// Tokens of a result for each of its source: languages differ by as much.
    uint64_t growth() const { return options_.language.empty() ? 2 : 3; }

    Wanted wantedIn(std::string_view text) const {
        Wanted wanted;
        for (const Term &term : options_.terms)
            if (hasTerm(text, term.source) && wanted.terms.size() < kMostTermsShown)
                wanted.terms.push_back(term);
        for (const std::string &name : names_) {
            bool is_term = std::ranges::any_of(
                options_.terms, [&](const Term &term) { return hasTerm(name, term.source); });
            if (!is_term && text.contains(name) && wanted.names.size() < kMostTermsShown)
                wanted.names.push_back(name);
        }
        return wanted;
    }

    std::vector<model::Message> prompt(std::string_view text, const Wanted &wanted,
                                       std::string_view before) const {
        std::string task;
        if (!before.empty())
            task += std::format("The result so far ends with: \"{}\"\n", before);
        if (!options_.language.empty())
            task += std::format("Translate the text into {}. ", options_.language);
        if (!options_.instruction.empty())
            task += options_.instruction + " ";
        std::string list;
        for (const Term &term : wanted.terms)
            list += std::format("{}{} = {}", list.empty() ? "" : "; ", term.source, term.target);
        if (!list.empty())
            task += std::format("Use these terms: {}. ", list);
        list.clear();
        for (const std::string &name : wanted.names)
            list += (list.empty() ? "" : ", ") + name;
        if (!list.empty())
            task += std::format("Keep these names: {}. ", list);
        task += "Keep all numbers. Write only the result.";
        return readingPrompt(text, task);
    }

    bool fill(Part &part) {
        bool in_text = part.start < part.end;
        std::string source =
            in_text ? std::string(document_.span(part.start, part.end)) : part.text;
        if (part.kind == Part::Kind::kept) {
            part.text = std::move(source);
            return true;
        }
        if (part.kind == Part::Kind::heading)
            return fillHeading(part, source);
        std::optional<Part> best;
        for (unsigned attempt = 0; attempt < 2; ++attempt) {
            Part tried = part;
            if (!attemptText(tried, source, attempt))
                return false;
            if (!best || tried.problems() < best->problems())
                best = std::move(tried);
            if (best->problems() == 0)
                break;
        }
        part = std::move(*best);
        before_ = lastSentences(part.text, kContextWords);
        return true;
    }

    bool attemptText(Part &part, const std::string &source, unsigned attempt) {
        Wanted wanted = wantedIn(source);
        TextRequest request{.messages = prompt(source, wanted, before_), .options = {}};
        request.options.sampling = options_.sampling;
        if (attempt > 0) {
            request.options.sampling.temperature =
                std::max(0.5f, request.options.sampling.temperature);
            request.options.sampling.seed += attempt;
        }
        request.options.max_tokens = growth() * model_.countTokens(source) + 32;
        if (!ask(request, part))
            return false;
        for (const Term &term : wanted.terms)
            if (!hasTerm(part.text, term.target))
                part.missing_terms.push_back(term.source + " = " + term.target);
        for (const std::string &name : wanted.names)
            if (!hasTerm(part.text, name))
                part.missing_names.push_back(name);
        NumberChanges numbers = compareNumbers(source, part.text);
        part.missing_numbers = std::move(numbers.missing);
        part.added_numbers = std::move(numbers.added);
        return true;
    }

    /// Of a translation in the other language, else as it is; so is one that is too long or comes
    /// out so.
    bool fillHeading(Part &part, const std::string &source) {
        part.text = source;
        uint64_t tokens = options_.language.empty() ? 0 : model_.countTokens(source);
        if (options_.language.empty() || tokens > part_tokens_)
            return true;
        TextRequest request{
            .messages = readingPrompt(
                source, std::format("Translate this heading into {}. Write only the translation.",
                                    options_.language)),
            .options = {}};
        request.options.sampling = options_.sampling;
        request.options.max_tokens = 3 * tokens + 16;
        request.options.stop_strings = {"\n"};
        Part translated = part;
        if (!ask(request, translated))
            return false;
        if (!translated.cut && !translated.text.empty())
            part.text = translated.text;
        return true;
    }

    bool ask(const TextRequest &request, Part &part) {
        StepReply reply = keptReply(model_, store_, kStep, request, {}, stop_);
        if (reply.stopped)
            return false;
        ++(reply.kept ? result_.kept_calls : result_.calls);
        result_.prompt_tokens += reply.prompt_tokens;
        result_.written_tokens += reply.written_tokens;
        part.text = std::move(reply.text);
        part.cut = reply.cut;
        return true;
    }

    void tell(uint64_t done, double seconds) const {
        double left = result_.calls > 0 && done > 0
                          ? seconds * static_cast<double>(total_ - done) / static_cast<double>(done)
                          : -1;
        if (progress_)
            progress_({"rewriting", "bytes", done, total_, seconds, left});
    }

    TextModel &model_;
    const Document &document_;
    const RewriteOptions &options_;
    document::ResultStore &store_;
    const ProgressSink &progress_;
    std::stop_token stop_;
    uint64_t window_ = 0, part_tokens_ = 0, total_ = 0;
    std::vector<std::string> names_;
    std::string before_; ///< the end of the result so far
    Rewriting result_;
};

} // namespace

size_t Rewriting::insideSentences() const {
    return static_cast<size_t>(std::ranges::count_if(parts, &Part::inside_sentence));
}

std::string Rewriting::text() const {
    std::string text;
    for (const Part &part : parts) {
        if (part.text.empty())
            continue;
        text += text.empty() ? "" : "\n\n";
        if (part.kind == Part::Kind::heading)
            text += std::string(part.level, '#') + " ";
        text += part.text;
    }
    return text + (text.empty() ? "" : "\n");
}

Rewriting rewriteDocument(TextModel &model, const Document &document, const RewriteOptions &options,
                          document::ResultStore &store,
                          const std::function<void(const RewrittenPart &)> &on_part,
                          const ProgressSink &progress, std::stop_token stop) {
    return Rewriter(model, document, options, store, progress, std::move(stop)).run(on_part);
}

} // namespace longscope::reading
