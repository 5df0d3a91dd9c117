#include "compute/reading/rewrite.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/sentences.h"
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
        : model_(model), document_(document), most_(most) {}

    std::vector<Part> cut() {
        for (const document::Paragraph &paragraph : document_.paragraphs) {
            if (paragraph.prose)
                addProse(paragraph);
            else
                addOther(paragraph);
        }
        return std::move(parts_);
    }

  private:
    void addOther(const document::Paragraph &paragraph) {
        Part part{.kind = Part::Kind::kept, .start = paragraph.start, .end = paragraph.end};
        if (paragraph.heading > 0) {
            const document::Heading &heading = document_.headings[paragraph.heading - 1];
            if (heading.start == paragraph.start) {
                part.kind = Part::Kind::heading;
                part.level = heading.level;
            }
        }
        parts_.push_back(part);
    }

    void addProse(const document::Paragraph &paragraph) {
        uint64_t tokens = count(paragraph.start, paragraph.end);
        if (tokens <= most_)
            return add(paragraph.start, paragraph.end, tokens);
        for (document::Span span :
             document::sentenceSpans(document_.span(paragraph.start, paragraph.end))) {
            size_t start = paragraph.start + span.start, end = paragraph.start + span.end;
            add(start, end, count(start, end)); // one that is too long stands alone
        }
    }

    void add(size_t start, size_t end, uint64_t tokens) {
        bool joins = !parts_.empty() && parts_.back().kind == Part::Kind::text &&
                     open_tokens_ + tokens <= most_;
        if (joins) {
            parts_.back().end = end;
            open_tokens_ += tokens;
            return;
        }
        parts_.push_back({.kind = Part::Kind::text, .start = start, .end = end});
        open_tokens_ = tokens;
    }

    uint64_t count(size_t start, size_t end) {
        return model_.countTokens(document_.span(start, end));
    }

    TextModel &model_;
    const Document &document_;
    uint64_t most_, open_tokens_ = 0;
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
        result_.parts = Cutter(model, document, std::min(options.part_tokens, room)).cut();
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
        std::string source(document_.span(part.start, part.end));
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

    /// Of a translation in the other language, else as it is; so is one that comes out too long.
    bool fillHeading(Part &part, const std::string &source) {
        part.text = source;
        if (options_.language.empty())
            return true;
        uint64_t tokens = model_.countTokens(source);
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
    uint64_t window_ = 0, total_ = 0;
    std::vector<std::string> names_;
    std::string before_; ///< the end of the result so far
    Rewriting result_;
};

} // namespace

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
