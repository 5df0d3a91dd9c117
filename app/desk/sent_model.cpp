#include "app/desk/sent_model.h"

#include "compute/core/clock.h"
#include "compute/reading/prompts.h"

#include <format>
#include <utility>

namespace longscope::app {
namespace {

constexpr std::chrono::milliseconds kBetweenPictures{100};

/// "" for those that a model has unless something else was chosen, as on the command line.
std::string settingsText(const ui::AttentionSettings &settings,
                         const std::vector<engine::EngineOptions::Adapter> &adapters) {
    ui::AttentionSettings usual;
    std::string text;
    for (const engine::EngineOptions::Adapter &adapter : adapters)
        text += std::format(" lora {} {}", adapter.path, adapter.scale);
    if (settings.attention != usual.attention)
        text += " attention " + settings.attention;
    if (settings.rope != usual.rope)
        text += " rope " + settings.rope;
    if (settings.evict != usual.evict)
        text += " evict " + settings.evict;
    if (settings.k != usual.k || settings.v != usual.v)
        text += std::format(" kv {} {}", settings.k, settings.v);
    return text;
}

} // namespace

std::string ReadingFacts::modelName() const {
    if (!model)
        return "no model";
    return model->facts.title();
}

ReadingFacts readingFacts(const Core &core) {
    ReadingFacts facts{.model = core.model, .settings = {}};
    if (!facts.model)
        return facts;
    facts.is_small = core.draft.model && core.draft.model->is_small;
    facts.window_tokens = core.session.context_tokens > 0
                              ? core.session.context_tokens
                              : engine::reachOf(core.model->plan.config, core.session);
    facts.settings = settingsText(core.draft.patterns.applied, core.engine.adapters);
    return facts;
}

SentModel::SentModel(Core &core, const ReadingFacts &facts)
    : core_(core), model_(core.worker(), facts.settings, facts.window_tokens) {}

reading::TextReply SentModel::write(const reading::TextRequest &request, const OnText &on_text,
                                    const ProgressSink &progress, std::stop_token stop) {
    sent = request.messages;
    reading::TextReply reply =
        model_.write(request, on_text, withMemory(progress), std::move(stop));
    task = core_.worker().snapshot()->task;
    return reply;
}

std::vector<reading::TextReply>
SentModel::writeTogether(std::span<const reading::TextRequest> requests, const OnTextOf &on_text,
                         const ProgressSink &progress, std::stop_token stop) {
    if (!requests.empty())
        sent = requests.back().messages;
    auto replies = model_.writeTogether(requests, on_text, withMemory(progress), std::move(stop));
    task = core_.worker().snapshot()->task;
    return replies;
}

ProgressSink SentModel::withMemory(const ProgressSink &progress) {
    return [this, progress](const Progress &now) {
        if (progress)
            progress(now);
        showMemory();
    };
}

void SentModel::showMemory() {
    if (Clock::now() - shown_at_ < kBetweenPictures)
        return;
    shown_at_ = Clock::now();
    core_.post([&core = core_, snapshot = core_.worker().snapshot()] {
        if (core.on_worker)
            core.on_worker(*snapshot);
    });
}

AttentionPart::Sent sentPieces(const document::Document &document, uint64_t document_id,
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

} // namespace longscope::app
