// Summaries of the current document as messages: which way, the growing text with its sources, and
// a note that says what was chosen and why.
#include "app/desk/chat_impl.h"
#include "app/file_facts.h"
#include "app/summary_report.h"
#include "compute/core/error.h"
#include "compute/reading/prompts.h"
#include "compute/reading/summarize.h"

#include <algorithm>
#include <cctype>
#include <format>

namespace longscope::app {
namespace {

using command::Strategy;

/// The summary as far as it has come.
struct SummaryText {
    std::vector<ui::CheckedSentence> quotes, written;
    bool quotes_first = true, writes = false; ///< the model, too
    std::string writer; ///< "SmolLM2 135M Instruct, a very small model, so check it"

    std::string markdown() const {
        std::string quoted, own;
        for (const ui::CheckedSentence &sentence : quotes)
            quoted += "- " + escapedMarkdown(sentence.text) + "\n";
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
    case Strategy::whole:
        return reading::Strategy::whole;
    case Strategy::automatic:
        break;
    }
    return reading::Strategy::automatic;
}

/// With a capital and a stop.
std::string asSentence(std::string text) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text + ".";
}

/// One summary, on a task's thread.
class SummaryWriter {
  public:
    SummaryWriter(ChatPart::Impl &chat, TaskRun &run, GrowingMessage message,
                  const document::Document &document, uint64_t document_id,
                  command::Summarize wanted, uint64_t seed)
        : chat_(chat), run_(run), message_(std::move(message)), document_(document),
          document_id_(document_id), wanted_(wanted), seed_(seed) {}

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
    std::optional<engine::Task> write(const ReadingFacts &facts) {
        const bool is_automatic = wanted_.strategy == Strategy::automatic;
        if (is_automatic && !facts.model) {
            extract("Quotes only, because no model is loaded.");
            return std::nullopt;
        }
        try {
            return writeWith(facts);
        } catch (const Error &error) {
            if (!is_automatic || error.kind() != ErrorKind::memory)
                throw;
            text_ = {}; // its key-value cache does not fit the device
            extract(std::format("Quotes only, because {}.", error.what()));
            return std::nullopt;
        }
    }

    /// The messages of the last call.
    const std::vector<model::Message> &sent() const { return sent_; }

  private:
    std::function<void(ui::Message &)> last() const {
        return [text = text_, note = note_, task = task_, can_go_on = can_go_on_,
                seed = seed_](ui::Message &message) {
            message.text = text.markdown();
            message.sentences = text.sentences();
            message.note = note;
            message.can_go_on = can_go_on;
            message.seed = seed;
            if (task)
                takeFigures(message, *task);
        };
    }

    void quote() {
        for (const reading::SourcedSentence &quoted :
             reading::quoteKeySentences(document_, wanted_.key_sentences, "").sentences)
            text_.quotes.push_back(checkedSentence(document_, quoted));
        message_.show(last(), true);
    }

    std::optional<engine::Task> writeWith(const ReadingFacts &facts) {
        reading::SummaryOptions options;
        options.strategy = strategyOf(wanted_.strategy);
        options.wording.words = wanted_.words;
        options.sampling.seed = seed_;
        SentModel model(chat_.core, facts);
        reading::Plan plan = reading::planSummary(document_, &model, options, run_.stop());
        if (plan.strategy == reading::Strategy::extract) {
            extract(
                std::format("Quotes only, because {}; the other ways let it write.", plan.reason));
            return std::nullopt;
        }
        text_.writes = true;
        text_.quotes_first = false;
        text_.writer =
            facts.modelName() + (facts.is_small ? ", a very small model, so check it" : "");
        if (wanted_.strategy == Strategy::automatic) {
            note_ = std::format("The model's own words, then quotes, because {}.", plan.reason);
            quote();
        } else if (plan.calls() == 1) {
            note_ = "Written in one go over the whole document.";
        }
        for (const std::string &warning : plan.warnings)
            run_.change(
                [&core = chat_.core, warning] { core.notice(ui::NoticeKind::warning, warning); });
        // Finished steps of a long way are kept. A single call is made again, so that the session
        // holds what was written and it can be asked where it comes from.
        document::ResultsInMemory memory;
        document::DocumentResults kept(chat_.library, document_id_);
        bool goes_on = plan.calls() > 1;
        reading::Speeds speeds;
        if (goes_on) {
            speeds = reading::speedsOf(model, chat_.library, run_.stop(), plan.together);
            tellPlan(plan, reading::forecastSeconds(plan, speeds));
        }
        reading::Run run{.model = model,
                         .store = goes_on ? static_cast<document::ResultStore &>(kept) : memory,
                         .stop = run_.stop()};
        run.on_sentence = [this](const reading::SourcedSentence &sentence) {
            text_.written.push_back(checkedSentence(document_, sentence));
            message_.show(last(), true);
        };
        run.progress = run_.progressSink();
        reading::Summary summary =
            reading::runPlan(document_, plan, options, run, std::move(speeds));
        sent_ = model.sent;
        can_go_on_ = goes_on && summary.stopped;
        task_ = figuresOf(summary, model.task, goes_on);
        note_ += noteOf(summary);
        message_.finish(last());
        return *task_;
    }

    /// Before it begins: how many calls, tokens, and how long.
    void tellPlan(const reading::Plan &plan, double seconds) {
        note_ = asSentence(describePlan(plan, seconds));
        can_go_on_ = true; // until it has ended
        message_.show(last(), true);
    }

    /// The last call's task with the figures of all of them.
    static engine::Task figuresOf(const reading::Summary &summary, engine::Task task, bool of_all) {
        task.prompt_tokens = summary.promptTokens();
        task.reused_tokens = summary.reusedTokens();
        task.written_tokens = summary.writtenTokens();
        if (of_all) {
            task.prompt_seconds = summary.promptSeconds();
            task.write_seconds = std::max(0.0, summary.seconds - summary.promptSeconds());
        }
        return task;
    }

    /// What came of it, in sentences.
    std::string noteOf(const reading::Summary &summary) const {
        std::string note;
        if (summary.keptCalls() > 0)
            note += std::format(" {} of {} calls were kept from before.", summary.keptCalls(),
                                summary.calls());
        if (summary.stopped)
            return note + (can_go_on_
                               ? std::format(" It was stopped after {} calls, which are kept.",
                                             summary.calls())
                               : " It was stopped.");
        note += " " + asSentence(coverageText(document_, summary));
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
    uint64_t document_id_;
    command::Summarize wanted_;
    uint64_t seed_;
    SummaryText text_;
    std::string note_;
    std::optional<engine::Task> task_;
    std::vector<model::Message> sent_;
    bool can_go_on_ = false;
};

} // namespace

void ChatPart::Impl::summarize(const ConversationPointer &conversation, uint64_t request,
                               uint64_t seed) {
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
    if (seed == 0) // the same document, the same first one
        seed = conversation->find(id)->branch + 1;
    auto body = [this, conversation, request, id, number, document, wanted, seed](TaskRun &run) {
        SummaryWriter writer(*this, run, GrowingMessage(*this, run, conversation, id), *document,
                             number, wanted, seed);
        if (wanted.strategy == Strategy::extract) {
            writer.extract("Key sentences of the document, word for word.");
            return;
        }
        ReadingFacts facts = askDesk(run, [this] { return readingFacts(core); });
        std::optional<engine::Task> task = writer.write(facts);
        if (!task)
            return;
        run.change([this, task] { showSpeed(*task); });
        if (!writer.sent().empty())
            attention.timelineChanged(
                run, sentPieces(*document, number, writer.sent(), request, id, task->text));
    };
    bool reads = wanted.strategy != Strategy::extract;
    if (reads)
        model.ensure();
    startWriting(reads ? Lane::engine : Lane::aside, "Summarize " + document->title, conversation,
                 id, std::move(body));
}

} // namespace longscope::app
