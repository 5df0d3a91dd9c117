#include "compute/reading/compose.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/places.h"
#include "compute/document/sentences.h"
#include "compute/reading/kept_steps.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/prompts.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/summarize.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <format>
#include <set>
#include <span>

namespace longscope::reading {
namespace {

constexpr const char *kStep = "compose step";
constexpr unsigned kFewestWords = 30;   // of a section
constexpr unsigned kSummaryWords = 100; // of what was written before
constexpr unsigned kSummarySentences = 4;
constexpr size_t kEndWords = 50; // of the section before, word for word
constexpr size_t kPhrase = 4;
constexpr double kSaidAgain = 0.8; // share of a sentence's phrases in earlier sections

struct Line {
    size_t indent = 0;  ///< columns; a tab is four
    unsigned level = 0; ///< of a Markdown heading, 0 = none
    std::string text;   ///< without marks
};

Line readLine(std::string_view line) {
    Line read;
    size_t at = 0;
    for (; at < line.size() && (line[at] == ' ' || line[at] == '\t'); ++at)
        read.indent += line[at] == '\t' ? 4 : 1;
    line.remove_prefix(at);
    size_t marks = std::min(line.find_first_not_of('#'), line.size());
    if (marks >= 1 && marks <= 6 && marks < line.size() && line[marks] == ' ') {
        read.level = static_cast<unsigned>(marks);
        read.text = document::trimmed(line.substr(marks));
        return read;
    }
    if (line.starts_with("- ") || line.starts_with("* ") || line.starts_with("+ "))
        line.remove_prefix(2);
    line.remove_prefix(numberMarkLength(line, 3));
    read.text = document::trimmed(line);
    return read;
}

void addLine(std::string &to, const std::string &line) {
    to += (to.empty() ? "" : "\n") + line;
}

/// Levels by the indents that are open: one deeper than the last smaller indent.
void addIndented(Outline &outline, std::span<const Line> lines) {
    std::vector<size_t> open;
    for (const Line &line : lines) {
        while (!open.empty() && open.back() >= line.indent)
            open.pop_back();
        open.push_back(line.indent);
        auto level = static_cast<unsigned>(std::min<size_t>(open.size(), 6));
        outline.items.push_back({.title = line.text, .level = level, .notes = ""});
    }
}

/// Whether a sentence says what earlier sections said.
class SaidBefore {
  public:
    bool has(std::string_view sentence) const {
        std::vector<std::string> words = plainWords(sentence);
        if (sentences_.contains(join(words)))
            return true;
        size_t known = 0, all = words.size() >= kPhrase ? words.size() - kPhrase + 1 : 0;
        for (size_t i = 0; i < all; ++i)
            known += phrases_.contains(join(std::span(words).subspan(i, kPhrase)));
        return all > 0 && static_cast<double>(known) >= kSaidAgain * static_cast<double>(all);
    }
    void add(std::string_view sentence) {
        std::vector<std::string> words = plainWords(sentence);
        sentences_.insert(join(words));
        for (size_t i = 0; i + kPhrase <= words.size(); ++i)
            phrases_.insert(join(std::span(words).subspan(i, kPhrase)));
    }

  private:
    static std::string join(std::span<const std::string> words) {
        std::string text;
        for (const std::string &word : words)
            text += word + ' ';
        return text;
    }
    std::set<std::string> sentences_, phrases_;
};

class Composer {
  public:
    Composer(TextModel &model, const Outline &outline, const ComposeOptions &options,
             document::ResultStore &store, const ProgressSink &progress, std::stop_token stop)
        : model_(model), outline_(outline), options_(options), store_(store), progress_(progress),
          stop_(std::move(stop)) {
        auto count = std::ranges::count(outline.items, true, &OutlineItem::written);
        section_words_ = std::max(
            options.words / static_cast<unsigned>(std::max<int64_t>(count, 1)), kFewestWords);
        sections_ = static_cast<uint64_t>(count);
        window_ = model.facts().window_tokens;
    }

    Composition run(const std::function<void(const ComposedSection &)> &on_section) {
        auto start = Clock::now();
        uint64_t done = 0;
        for (size_t i = 0; i < outline_.items.size(); ++i) {
            ComposedSection section{.item = outline_.items[i], .text = ""};
            if (section.item.written && !write(section, i)) {
                result_.stopped = true;
                break;
            }
            if (on_section)
                on_section(section);
            done += section.item.written;
            result_.sections.push_back(std::move(section));
            double seconds = secondsSince(start);
            if (progress_)
                progress_({"writing", "sections", done, sections_, seconds,
                           done ? seconds * static_cast<double>(sections_ - done) /
                                      static_cast<double>(done)
                                : -1});
        }
        return std::move(result_);
    }

  private:
    std::string outlineText(size_t current) const {
        std::string text = outline_.about;
        for (size_t i = 0; i < outline_.items.size(); ++i) {
            const OutlineItem &item = outline_.items[i];
            addLine(text, std::format("{}- {}{}", std::string(2 * (item.level - 1), ' '),
                                      item.title, i == current ? " (this section)" : ""));
        }
        return text;
    }

    /// What fits: the end of the section before goes first, then the short text.
    std::vector<model::Message> prompt(size_t current, uint64_t reply) {
        const OutlineItem &item = outline_.items[current];
        std::string task =
            std::format("Write the section \"{}\" in about {} words.", item.title, section_words_);
        if (!item.notes.empty())
            task += " It shall say: " + document::oneLine(item.notes) +
                    (document::hasFinalStop(item.notes) ? "" : ".");
        if (!options_.instruction.empty())
            task += " " + options_.instruction;
        task += " Do not repeat what was written before. Write only the text of the section.";
        uint64_t tokens = 0;
        for (int shown = 2; shown >= 0; --shown) {
            std::string text = "Outline:\n" + outlineText(current);
            if (shown >= 1 && !summary_.empty())
                text += "\n\nWritten before, in short: " + summary_;
            if (shown == 2 && !end_.empty())
                text += "\n\nThe section before ends with: " + end_;
            std::vector<model::Message> messages = readingPrompt(text, task);
            tokens = model_.countPrompt(messages);
            if (tokens + reply <= window_)
                return messages;
        }
        fail(ErrorKind::usage,
             "the outline with the task needs {} tokens and the section {}, the window has {}",
             tokens, reply, window_);
    }

    bool write(ComposedSection &section, size_t current) {
        TextRequest request;
        request.options.sampling = options_.sampling;
        request.options.max_tokens = 2 * section_words_ + 32; // English has 1.3 to 1.5 a word
        request.messages = prompt(current, request.options.max_tokens);
        StepReply reply = ask(request);
        if (reply.stopped)
            return false;
        section.wanted_words = section_words_;
        SentenceStream stream(section_words_ + section_words_ / 4);
        for (const std::string &sentence : stream.push(reply.text, true)) {
            if (said_.has(sentence)) {
                ++section.repetitions;
                continue;
            }
            said_.add(sentence);
            section.text += (section.text.empty() ? "" : " ") + sentence;
        }
        section.repetitions += stream.droppedRepetitions();
        section.words = plainWords(section.text).size();
        end_ = lastSentences(section.text, kEndWords);
        return summarize(section.text);
    }

    /// The short text of all that was written: quotes of it where the model is too small to be
    /// believed, else the model's, from the one before and the new section.
    bool summarize(const std::string &section) {
        written_ += (written_.empty() ? "" : "\n\n") + section;
        if (model_.facts().parameters < kBelievedParameters) {
            document::Document document =
                document::importText(written_.empty() ? "." : written_, "text", false);
            summary_.clear();
            for (const KeySentence &key : chooseKeySentences(document, kSummarySentences))
                summary_ += (summary_.empty() ? "" : " ") +
                            document::oneLine(document.span(key.sentence.start, key.sentence.end));
            return true;
        }
        TextRequest request;
        request.messages = readingPrompt(
            std::format("{}\n{}", summary_, section),
            std::format("Say in about {} words what the text says, in short sentences.",
                        kSummaryWords));
        request.options.sampling = options_.sampling;
        request.options.max_tokens = 2 * kSummaryWords;
        if (model_.countPrompt(request.messages) + request.options.max_tokens > window_)
            return true; // the one before still holds
        StepReply reply = ask(request);
        if (!reply.stopped && !reply.text.empty())
            summary_ = document::oneLine(reply.text);
        return !reply.stopped;
    }

    StepReply ask(const TextRequest &request) {
        StepReply reply = keptReply(model_, store_, kStep, request, {}, stop_);
        if (!reply.stopped)
            ++(reply.kept ? result_.kept_calls : result_.calls);
        result_.prompt_tokens += reply.prompt_tokens;
        result_.written_tokens += reply.written_tokens;
        return reply;
    }

    TextModel &model_;
    const Outline &outline_;
    const ComposeOptions &options_;
    document::ResultStore &store_;
    const ProgressSink &progress_;
    std::stop_token stop_;
    unsigned section_words_ = 0;
    uint64_t sections_ = 0, window_ = 0;
    std::string written_, summary_, end_;
    SaidBefore said_;
    Composition result_;
};

} // namespace

Outline readOutline(std::string_view text, std::string_view path) {
    std::vector<Line> lines;
    for (size_t at = 0; at < text.size();) {
        std::string_view line = text.substr(at, std::min(text.find('\n', at), text.size()) - at);
        at += line.size() + 1;
        lines.push_back(readLine(line));
        if (lines.back().text.empty())
            lines.pop_back();
    }
    Outline outline;
    bool headings = std::ranges::any_of(lines, [](const Line &line) { return line.level > 0; });
    if (!headings)
        addIndented(outline, lines);
    for (const Line &line : lines) {
        if (!headings)
            break;
        if (line.level > 0)
            outline.items.push_back({.title = line.text, .level = line.level, .notes = ""});
        else
            addLine(outline.items.empty() ? outline.about : outline.items.back().notes, line.text);
    }
    if (outline.items.empty())
        fail(ErrorKind::file, "{} has no heading and no line to write from", path);
    for (size_t i = 0; i + 1 < outline.items.size(); ++i)
        outline.items[i].written =
            !outline.items[i].notes.empty() || outline.items[i + 1].level <= outline.items[i].level;
    return outline;
}

/// As summaries are written (summarize.cpp): greedy choice repeats itself in small models.
engine::SamplingOptions composeSampling() {
    return summarySampling();
}

std::string Composition::text() const {
    std::string text;
    for (const ComposedSection &section : sections) {
        text += text.empty() ? "" : "\n\n";
        text += std::string(section.item.level, '#') + " " + section.item.title;
        if (!section.text.empty())
            text += "\n\n" + section.text;
    }
    return text + (text.empty() ? "" : "\n");
}

Composition compose(TextModel &model, const Outline &outline, const ComposeOptions &options,
                    document::ResultStore &store,
                    const std::function<void(const ComposedSection &)> &on_section,
                    const ProgressSink &progress, std::stop_token stop) {
    return Composer(model, outline, options, store, progress, std::move(stop)).run(on_section);
}

} // namespace longscope::reading
