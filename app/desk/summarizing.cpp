// Summaries of the current document as messages: which way, the growing text with its sources, and
// a note that says what was chosen and why.
#include "app/desk/chat_impl.h"
#include "app/file_facts.h"
#include "compute/core/error.h"
#include "compute/document/places.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/summarize.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using command::Strategy;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kReplyTokensPerWord = 2; ///< as its plan allows, and 32 more
constexpr uint64_t kMoreReplyTokens = 32;
constexpr std::chrono::milliseconds kBetweenSamples{100};

/// Marks of Markdown in the words of a document stay words.
std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool is_mark = std::string_view("\\`*_<[~").contains(c);
        if (is_mark || (out.empty() && std::string_view("#>+-").contains(c)))
            out += '\\';
        out += c;
    }
    return out;
}

/// The summary as far as it has come.
struct SummaryText {
    std::vector<ui::CheckedSentence> quotes, written;
    bool quotes_first = true, writes = false;
    std::string writer; ///< "SmolLM2 135M Instruct, a very small model, so check it"

    std::string markdown() const {
        std::string quoted, own;
        for (const ui::CheckedSentence &sentence : quotes)
            quoted += "- " + escaped(sentence.text) + "\n";
        if (!quotes.empty())
            quoted = "**Quoted from the document**\n\n" + quoted;
        for (const ui::CheckedSentence &sentence : written)
            own += (own.empty() ? "" : " ") + sentence.text;
        if (writes)
            own = std::format("**Written by {}**\n\n{}\n", writer, own);
        std::string &first = quotes_first ? quoted : own, &second = quotes_first ? own : quoted;
        return first + (first.empty() || second.empty() ? "" : "\n") + second;
    }
    std::vector<ui::CheckedSentence> sentences() const {
        std::vector<ui::CheckedSentence> all = quotes_first ? quotes : written;
        const auto &rest = quotes_first ? written : quotes;
        all.insert(all.end(), rest.begin(), rest.end());
        return all;
    }
};

ui::CheckedSentence quoteOf(const document::Document &document,
                            const reading::SourcedSentence &quoted) {
    const reading::Source &at = quoted.sources.front();
    return {.text = quoted.text,
            .quoted = true,
            .supported = true,
            .sources = {{.start = at.start,
                         .end = at.end,
                         .score = static_cast<float>(std::clamp(at.score, 0.0, 1.0)),
                         .place = document::placeOf(document, at.start)}}};
}

reading::Strategy strategyOf(Strategy wanted) {
    switch (wanted) {
    case Strategy::map_reduce:
        return reading::Strategy::map_reduce;
    case Strategy::refine:
        return reading::Strategy::refine;
    case Strategy::tree:
        return reading::Strategy::tree;
    case Strategy::extract:
        return reading::Strategy::extract;
    case Strategy::automatic:
    case Strategy::whole:
        break;
    }
    return reading::Strategy::whole;
}

/// The engine's model, which remembers what it was sent last: that is what the session holds.
class SentModel final : public reading::TextModel {
  public:
    explicit SentModel(engine::Worker &worker) : model_(worker) {}
    reading::TextModelFacts facts() const override { return model_.facts(); }
    uint64_t countTokens(std::string_view text) override { return model_.countTokens(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        return model_.countPrompt(messages);
    }
    reading::TextReply write(const reading::TextRequest &request, const OnText &on_text,
                             const ProgressSink &progress, std::stop_token stop) override {
        sent = request.messages;
        return model_.write(request, on_text, progress, std::move(stop));
    }

    std::vector<model::Message> sent;

  private:
    reading::EngineModel model_;
};

/// What a summary task knows when it begins.
struct Facts {
    std::shared_ptr<const LoadedModel> model;
    bool is_small = false;
    uint64_t window_tokens = 0;
    uint64_t document_tokens = 0; ///< 0 = not counted yet
};

/// One summary, on a task's thread.
class SummaryWriter {
  public:
    SummaryWriter(ChatPart::Impl &chat, TaskRun &run, GrowingMessage message,
                  const document::Document &document, command::Summarize wanted, uint64_t seed)
        : chat_(chat), run_(run), message_(std::move(message)), document_(document),
          wanted_(wanted), seed_(seed) {}

    void extract(std::string note) {
        note_ = std::move(note);
        quote();
        if (run_.stop().stop_requested())
            note_ = "stopped";
        else if (text_.quotes.empty())
            note_ = "The document has no sentence that could be quoted.";
        message_.finish(last());
    }

    /// The task of the engine; none when nothing was read.
    std::optional<engine::Task> automatic(const Facts &facts) {
        std::string why = whyQuotesOnly(facts);
        if (!why.empty()) {
            extract("Quotes only, because " + why + ".");
            return std::nullopt;
        }
        std::string room = facts.window_tokens == UINT64_MAX
                               ? groupedText(needed_tokens_) + " tokens; any length does"
                               : std::format("{} of {} tokens", groupedText(needed_tokens_),
                                             groupedText(facts.window_tokens));
        note_ = std::format("{}, because the document fits the window ({}){}.",
                            facts.is_small ? "Quotes, then the model's own words"
                                           : "The model's own words, then quotes",
                            room,
                            facts.is_small ? "; quotes first, because so small a model is often "
                                             "wrong"
                                           : "");
        text_.quotes_first = facts.is_small;
        quote();
        try {
            return write(facts);
        } catch (const Error &error) {
            if (error.kind() != ErrorKind::memory)
                throw;
            text_.writes = false; // its key-value cache does not fit the device
            note_ = std::format("Quotes only, because {}.", error.what());
            message_.finish(last());
            return std::nullopt;
        }
    }

    engine::Task asWanted(const Facts &facts) {
        if (wanted_.strategy == Strategy::whole)
            note_ = "Written in one go over the whole document.";
        return write(facts);
    }

    /// The messages of the last call.
    const std::vector<model::Message> &sent() const { return sent_; }

  private:
    std::function<void(ui::Message &)> last() const {
        return [text = text_, note = note_, task = task_](ui::Message &message) {
            message.text = text.markdown();
            message.sentences = text.sentences();
            message.note = note;
            if (task)
                takeFigures(message, *task);
        };
    }

    void quote() {
        for (const reading::SourcedSentence &quoted :
             reading::quoteKeySentences(document_, wanted_.key_sentences, "").sentences)
            text_.quotes.push_back(quoteOf(document_, quoted));
        message_.show(last(), true);
    }

    /// "" when the model can read all of it.
    std::string whyQuotesOnly(const Facts &facts) {
        if (!facts.model)
            return "no model is loaded";
        uint64_t reply = kReplyTokensPerWord * wanted_.words + kMoreReplyTokens;
        needed_tokens_ = facts.document_tokens + reply;
        if (needed_tokens_ <= facts.window_tokens) { // then counting exactly is quick
            countPrompt();
            needed_tokens_ += reply;
        }
        if (needed_tokens_ <= facts.window_tokens)
            return "";
        return std::format("document, instruction and reply need {} tokens and the window has {}",
                           groupedText(needed_tokens_), groupedText(facts.window_tokens));
    }

    void countPrompt() {
        run_.inquire("counting", [this](engine::Engine &engine, engine::Session *,
                                        const ProgressSink &, std::stop_token) {
            model::RenderedChat chat = engine.chatTemplate().render(
                reading::summaryPrompt(document_, {.words = wanted_.words}), true);
            needed_tokens_ = model::encodeChat(engine.tokenizer(), chat).size();
        });
    }

    engine::Task write(const Facts &facts) {
        text_.writes = true;
        if (facts.model) {
            const engine::ModelFacts &model = facts.model->facts;
            text_.writer = (model.name.empty() ? model.architecture : model.name) +
                           (facts.is_small ? ", a very small model, so check it" : "");
        }
        reading::SummaryOptions options;
        options.strategy = strategyOf(wanted_.strategy);
        options.wording.words = wanted_.words;
        options.sampling.seed = seed_;
        options.window_tokens = facts.window_tokens;
        SentModel model(chat_.core.worker());
        document::ResultsInMemory store; // the same request again is another summary
        reading::Run run{.model = model, .store = store, .stop = run_.stop()};
        run.on_sentence = [this](const reading::SourcedSentence &sentence) {
            text_.written.push_back(checked(sentence));
            message_.show(last(), true);
        };
        run.progress = [this](const Progress &now) { progress(now); };
        reading::Plan plan = reading::planSummary(document_, &model, options);
        reading::Speeds speeds;
        if (plan.calls() > 1) {
            speeds = reading::speedsOf(model, store, run_.stop());
            note_ = std::format("{}: {} calls.", reading::strategyName(plan.strategy),
                                plan.expectedCalls());
        }
        reading::Summary summary =
            reading::runPlan(document_, plan, options, run, std::move(speeds));
        sent_ = model.sent;
        task_ = chat_.core.worker().snapshot()->task;
        task_->prompt_tokens = summary.promptTokens();
        task_->reused_tokens = summary.reusedTokens();
        task_->written_tokens = summary.writtenTokens();
        note_ += noteOf(summary);
        message_.finish(last());
        return *task_;
    }

    ui::CheckedSentence checked(const reading::SourcedSentence &sentence) const {
        reading::Support support{.supported = sentence.supported};
        if (!sentence.sources.empty()) {
            const reading::Source &best = sentence.sources.front();
            support.share = best.score;
            support.start = best.start;
            support.end = best.end;
        }
        return checkedSentence(document_, sentence.text, support);
    }

    void progress(const Progress &now) {
        if (!now.label.empty())
            run_.progress(now);
        if (Clock::now() - sampled_at_ < kBetweenSamples)
            return;
        sampled_at_ = Clock::now();
        run_.change([&core = chat_.core, snapshot = chat_.core.worker().snapshot()] {
            if (core.on_worker)
                core.on_worker(*snapshot);
        });
    }

    /// What came of it, in sentences.
    std::string noteOf(const reading::Summary &summary) const {
        if (summary.stopped)
            return " It was stopped.";
        std::string note;
        auto unsupported =
            std::ranges::count(summary.sentences, false, &reading::SourcedSentence::supported);
        if (summary.sentences.empty())
            note += " The model wrote no whole sentence that could be kept.";
        else if (unsupported > 0)
            note += std::format(" {} of {} written sentences have words that are not in the "
                                "document.",
                                unsupported, summary.sentences.size());
        if (summary.dropped_repetitions > 0)
            note +=
                std::format(" {} repeated sentences were left out.", summary.dropped_repetitions);
        if (summary.dropped_unsupported > 0)
            note += std::format(" {} sentences were left out because their words are not in what "
                                "they were written of.",
                                summary.dropped_unsupported);
        if (summary.cut)
            note += " " + finishNote(*task_) + ".";
        return note;
    }

    ChatPart::Impl &chat_;
    TaskRun &run_;
    GrowingMessage message_;
    const document::Document &document_;
    command::Summarize wanted_;
    uint64_t seed_;
    SummaryText text_;
    std::string note_;
    std::optional<engine::Task> task_;
    std::vector<model::Message> sent_;
    uint64_t needed_tokens_ = 0;
    Clock::time_point sampled_at_{};
};

/// How the last call's prompt and its reply are made up.
AttentionPart::Sent sentOf(const document::Document &document, uint64_t document_id,
                           const std::vector<model::Message> &prompt, uint64_t request,
                           uint64_t message, const std::string &text) {
    using Piece = AttentionPart::Sent::Piece;
    std::vector<Piece> pieces = {{ui::PartKind::system, prompt.front().content}};
    std::string_view user = prompt.back().content;
    size_t before = reading::beforeText().size();
    bool whole =
        user.starts_with(reading::beforeText()) && user.substr(before).starts_with(document.text);
    if (whole) {
        pieces.push_back({ui::PartKind::user, std::string(reading::beforeText()), request});
        pieces.push_back({ui::PartKind::document, document.text});
        user.remove_prefix(before + document.text.size());
    }
    pieces.push_back({ui::PartKind::user, std::string(user), request});
    pieces.push_back({ui::PartKind::assistant, text, message});
    return {.pieces = std::move(pieces), .document = whole ? document_id : 0};
}

Facts factsNow(const Core &core, uint64_t document) {
    Facts facts{.model = core.model};
    if (facts.model) {
        facts.is_small = core.draft.model && core.draft.model->is_small;
        facts.window_tokens = core.session.context_tokens > 0
                                  ? core.session.context_tokens
                                  : engine::reachOf(core.model->plan.config, core.session);
    }
    auto shown = core.draft.documents.find(document);
    if (shown && shown->token_starts)
        facts.document_tokens = shown->token_starts->size();
    return facts;
}

} // namespace

void ChatPart::Impl::summarize(const ConversationPointer &conversation, uint64_t request) {
    const ui::Message &asked = *conversation->find(request);
    command::Summarize wanted = *conversation->summaryOf(request);
    DocumentPointer document = documentOf(asked);
    if (!document) {
        core.notice(ui::NoticeKind::warning,
                    asked.document_title + " is no longer in the library.");
        publish();
        return;
    }
    ui::Message growing;
    growing.role = ui::Role::assistant;
    growing.kind = ui::MessageKind::summary;
    growing.document = asked.document;
    growing.document_title = asked.document_title;
    growing.growing = true;
    uint64_t number = asked.document;
    uint64_t id = conversation->add(request, std::move(growing));
    uint64_t seed = conversation->find(id)->branch + 1; // the same document, the same first one
    auto body = [this, conversation, request, id, number, document, wanted, seed](TaskRun &run) {
        SummaryWriter writer(*this, run, GrowingMessage(*this, run, conversation, id), *document,
                             wanted, seed);
        if (wanted.strategy == Strategy::extract) {
            writer.extract("Key sentences of the document, word for word.");
            return;
        }
        Facts facts = askDesk(run, [this, number] { return factsNow(core, number); });
        std::optional<engine::Task> task = wanted.strategy == Strategy::automatic
                                               ? writer.automatic(facts)
                                               : writer.asWanted(facts);
        if (!task)
            return;
        run.change([this, task] { showSpeed(*task); });
        if (!writer.sent().empty())
            attention.timelineChanged(
                run, sentOf(*document, number, writer.sent(), request, id, task->text));
    };
    bool reads = wanted.strategy != Strategy::extract;
    if (reads)
        model.ensure();
    startWriting(reads ? Lane::engine : Lane::aside, "Summarize " + document->title, conversation,
                 id, std::move(body));
}

} // namespace longscope::app
