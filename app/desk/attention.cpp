// What was read, as text and as pictures. The looking itself: looking.cpp and trace.cpp.
#include "app/desk/looking.h"
#include "app/desk/map_file.h"
#include "app/desk/parts.h"
#include "app/desk/timeline.h"
#include "app/desk/trace.h"
#include "compute/core/error.h"

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::app {
namespace {

/// The tokens of the session and what makes text of them.
struct Held {
    std::vector<model::Token> tokens;
    std::vector<float> shares; ///< of their keys
    std::shared_ptr<const model::Tokenizer> tokenizer;
};

/// Asks the worker directly, because a task that was stopped may not ask any more.
Held tokensHeld(engine::Worker &worker) {
    auto held = std::make_shared<Held>(); // outlives this call when it is dropped
    uint64_t id =
        worker.push(engine::Inquire{.label = {},
                                    .work = [held](engine::Engine &engine, engine::Session *session,
                                                   const ProgressSink &, const std::stop_token &) {
                                        held->tokenizer = engine.sharedTokenizer();
                                        if (!session)
                                            return;
                                        held->tokens = session->tokens();
                                        held->shares = session->heldShares();
                                    }});
    bool done = worker.waitForEnd(id)->task.state == engine::TaskState::done;
    return done ? *held : Held{};
}

constexpr float kHeldByAll = 0.999F; ///< shares are sums of fractions

/// Neighbours of about the same share are one mark; what nobody holds has none.
std::vector<ui::Mark> marksOfHeld(const ui::Timeline &timeline, const ui::Timeline::Part &part,
                                  size_t document_bytes) {
    std::vector<ui::Mark> marks;
    for (uint64_t i = part.first; i < part.end; ++i) {
        float share = timeline.held[i];
        if (share <= 0)
            continue;
        size_t start = timeline.document_bytes[i - part.first];
        size_t end =
            i + 1 < part.end ? timeline.document_bytes[i + 1 - part.first] : document_bytes;
        if (!marks.empty() && marks.back().end == start &&
            std::abs(marks.back().weight - share) < 0.02F) {
            marks.back().end = end;
            continue;
        }
        marks.push_back({.start = start,
                         .end = end,
                         .kind = ui::MarkKind::survivor,
                         .weight = share,
                         .note = std::format("still held by {:.0f} % of the layers and KV heads",
                                             100 * share)});
    }
    return marks;
}

} // namespace

AttentionPart::AttentionPart(Core &core, DocumentsPart &documents, ModelPart &model)
    : core_(core), documents_(documents), model_(model) {}

void AttentionPart::forget() {
    core_.draft.attention = {};
}

// ---- reading -----------------------------------------------------------------------------------

void AttentionPart::handle(const command::ReadDocument &) {
    documents_.whenOpened([this] { readShown(); });
}

void AttentionPart::readShown() {
    auto document = core_.draft.documents.shown();
    if (!document) {
        core_.notice(ui::NoticeKind::info, "Open a document first, then it can be read.");
        return;
    }
    model_.ensure();
    core_.start(Lane::engine, "Read " + document->title, [this, document](TaskRun &run) {
        engine::Task task = run.follow(engine::Read{.text = *document->text});
        Sent sent;
        sent.pieces.push_back({ui::PartKind::document, *document->text});
        sent.document = document->id;
        timelineChanged(run, std::move(sent));
        uint64_t read = task.prompt_tokens - std::min(task.reused_tokens, task.prompt_tokens);
        if (task.state == engine::TaskState::done && read > 0 && task.prompt_seconds > 0)
            run.change([this, rate = static_cast<double>(read) / task.prompt_seconds] {
                core_.draft.prompt_tokens_per_second = rate;
            });
    });
}

void AttentionPart::timelineChanged(TaskRun &run, Sent sent) {
    Held held = tokensHeld(core_.worker());
    if (!held.tokenizer || held.tokens.empty()) {
        run.change([this] { forget(); });
        return;
    }
    auto document = core_.snapshot()->documents.find(sent.document);
    auto timeline = makeTimeline(*held.tokenizer, held.tokens, sent,
                                 document ? *document->text : std::string_view());
    if (std::ranges::any_of(held.shares, [](float share) { return share < kHeldByAll; }))
        timeline->held = std::move(held.shares);
    run.change([this, timeline] {
        ui::Attention &shown = core_.draft.attention;
        bool same = shown.timeline && shown.timeline->text == timeline->text &&
                    shown.timeline->starts == timeline->starts;
        if (!same)
            forget(); // pictures of other tokens would mislead
        shown.timeline = timeline;
    });
}

bool AttentionPart::somethingIsRead() {
    if (core_.draft.attention.timeline)
        return true;
    core_.notice(ui::NoticeKind::info,
                 "Nothing is read now. Read the document or ask something first.");
    return false;
}

void AttentionPart::handle(const command::MarkHeld &) {
    auto timeline = core_.draft.attention.timeline;
    const ui::Timeline::Part *part = timeline ? documentPart(*timeline) : nullptr;
    auto document = part ? core_.draft.documents.find(timeline->document) : nullptr;
    if (!document || timeline->held.empty()) {
        core_.notice(ui::NoticeKind::info, "Nothing of the document is forgotten.");
        return;
    }
    documents_.handle(command::MarkDocument{
        .document = document->id, .marks = marksOfHeld(*timeline, *part, document->text->size())});
}

// ---- pictures ----------------------------------------------------------------------------------

void AttentionPart::measure(bool heads, const char *title) {
    if (!somethingIsRead())
        return;
    core_.startNewest("measure", Lane::engine, title, [this, heads](TaskRun &run) {
        Measured measured;
        run.inquire("reading again", [&](engine::Engine &, engine::Session *session,
                                         const ProgressSink &progress, std::stop_token stop) {
            measured = measureLayers(readSession(session), heads, progress, std::move(stop));
        });
        run.change([this, measured] {
            if (measured.heads)
                core_.draft.attention.heads = measured.heads;
            if (measured.decay)
                core_.draft.attention.decay = measured.decay;
            if (measured.hidden > 0)
                core_.notice(ui::NoticeKind::info,
                             std::format("Keys that the first {} tokens saw were forgotten: the "
                                         "figures are of the last {}.",
                                         measured.hidden, measured.tokens));
            if (!measured.note.empty())
                core_.notice(ui::NoticeKind::info, measured.note);
        });
    });
}

void AttentionPart::handle(const command::MeasureHeads &) {
    measure(true, "Measure the heads");
}

void AttentionPart::handle(const command::MeasureDecay &) {
    measure(false, "Measure how fast layers forget");
}

void AttentionPart::handle(const command::ShowMap &show) {
    if (!somethingIsRead())
        return;
    core_.startNewest(
        "map", Lane::engine, "Draw attention", [this, wanted = show.wanted](TaskRun &run) {
            DrawnMap drawn;
            run.inquire("reading again", [&](engine::Engine &, engine::Session *session,
                                             const ProgressSink &progress, std::stop_token stop) {
                drawn = drawMap(readSession(session), wanted, progress, std::move(stop));
            });
            run.change([this, drawn] {
                core_.draft.attention.map = drawn.map;
                if (!drawn.note.empty())
                    core_.notice(ui::NoticeKind::info, drawn.note);
            });
        });
}

void AttentionPart::handle(const command::ShowStrip &show) {
    if (!somethingIsRead())
        return;
    const char *title = "Look where a token looks";
    core_.startNewest("strip", Lane::engine, title, [this, show](TaskRun &run) {
        std::shared_ptr<const ui::Attention::Strip> strip;
        run.inquire("", [&](engine::Engine &, engine::Session *session, const ProgressSink &,
                            std::stop_token stop) {
            strip = drawStrip(readSession(session), show, std::move(stop));
        });
        run.change([this, strip] { core_.draft.attention.strip = strip; });
    });
}

void AttentionPart::handle(const command::TraceWords &trace) {
    if (!somethingIsRead())
        return;
    if (core_.draft.model && core_.draft.model->heads == 0) {
        core_.notice(ui::NoticeKind::info,
                     "No layer of this model attends: its states do not tell where words came "
                     "from.");
        return;
    }
    TraceWanted wanted{.message = trace.message,
                       .message_text = {},
                       .start = trace.start,
                       .end = trace.end,
                       .timeline = core_.draft.attention.timeline,
                       .document = {}};
    for (const auto &message : core_.draft.chat.messages)
        if (message->id == trace.message)
            wanted.message_text = message->text;
    wanted.document = documents_.full(wanted.timeline->document);
    if (!wanted.document) {
        core_.notice(ui::NoticeKind::info,
                     "No open document was read for this answer, so its words cannot be traced.");
        return;
    }
    core_.startNewest(
        "trace", Lane::engine, "Look where words came from", [this, wanted](TaskRun &run) {
            std::shared_ptr<const ui::Trace> found;
            run.inquire("", [&](engine::Engine &, engine::Session *session, const ProgressSink &,
                                std::stop_token stop) {
                found = traceWords(readSession(session), wanted, std::move(stop));
            });
            run.change([this, found, id = wanted.timeline->document] {
                core_.draft.attention.trace = found;
                documents_.handle(command::MarkDocument{.document = id, .marks = marksOf(*found)});
                if (!found->spans.empty())
                    documents_.handle(command::JumpTo{id, found->spans.front().start});
            });
        });
}

void AttentionPart::handle(const command::ExportMap &save) {
    auto map = core_.draft.attention.map;
    if (!map) {
        core_.notice(ui::NoticeKind::info, "There is no picture of attention to save yet.");
        return;
    }
    MapOrigin origin{
        .map = map, .model = {}, .device = {}, .settings = core_.draft.patterns.applied};
    if (core_.draft.model) {
        origin.model = core_.draft.model->name;
        origin.device = core_.draft.model->device;
    }
    core_.start(Lane::aside, "Save " + save.path, [this, origin, path = save.path](TaskRun &run) {
        std::string facts = saveMap(origin, path);
        run.change([this, path, facts] {
            core_.notice(ui::NoticeKind::info,
                         std::format("Saved {}, and what it shows in {}.", path, facts));
        });
    });
}

} // namespace longscope::app
