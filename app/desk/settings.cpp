// How the model attends: from the words of the window to the engine's options and back, prices,
// applying, and comparing two ways.
#include "app/desk/comparison.h"
#include "app/desk/forecast.h"
#include "app/desk/parts.h"
#include "app/options.h"
#include "compute/core/error.h"

#include <format>

namespace longscope::app {
namespace {

constexpr uint64_t kReplyTokens = 512; ///< room for a reply, where the window follows the text

/// Runs `read`; its errors say which part of the settings they are about.
template <class Read> auto inPart(const char *part, Read read) {
    try {
        return read();
    } catch (const Error &error) {
        throw Error(error.kind(), std::string(part) + ": " + withoutDashes(error.what()));
    }
}

engine::CacheType cacheTypeOf(const char *part, const std::string &name) {
    if (auto type = attention::findCacheType(name))
        return *type;
    fail(ErrorKind::usage, "{}: '{}' is none of f32, f16, bf16, q8_0, q4_0", part, name);
}

} // namespace

SettingsPart::SettingsPart(Core &core, DocumentsPart &documents, ModelPart &model,
                           std::function<void()> on_settings)
    : core_(core), documents_(documents), model_(model), on_settings_(std::move(on_settings)) {}

// ---- words and options -------------------------------------------------------------------------

engine::SessionOptions SettingsPart::toOptions(const ui::AttentionSettings &settings) {
    engine::SessionOptions options = inPart("attention", [&] {
        return sessionOptions(Options{}, settings.attention == "full" ? "" : settings.attention,
                              "");
    });
    options.context_tokens = settings.window_tokens;
    if (settings.rope != "model" && !settings.rope.empty())
        options.rope = inPart("positions", [&] { return attention::parseRope(settings.rope); });
    if (settings.evict != "none" && !settings.evict.empty())
        options.eviction =
            inPart("eviction", [&] { return attention::parseEviction(settings.evict); });
    options.k = cacheTypeOf("keys", settings.k);
    options.v = cacheTypeOf("values", settings.v);
    return options;
}

ui::AttentionSettings SettingsPart::fromOptions(const engine::SessionOptions &options) {
    return {.attention = options.patterns.text(),
            .rope = options.rope ? options.rope->spec : "model",
            .evict = options.eviction.spec,
            .k = std::string(attention::cacheTypeName(options.k)),
            .v = std::string(attention::cacheTypeName(options.v)),
            .window_tokens = options.context_tokens};
}

// ---- the model ---------------------------------------------------------------------------------

void SettingsPart::modelChanged() {
    ui::Patterns &patterns = core_.draft.patterns;
    patterns.rope = {};
    patterns.trained_tokens = 0;
    patterns.proposal.reset();
    patterns.price = nullptr; // of another model
    if (!core_.model)
        return;
    const model::Config &config = core_.model->plan.config;
    patterns.rope = engine::ropeSettings(config.rope());
    patterns.trained_tokens = config.context_tokens;
    propose();
}

/// What would let the model read the open document, where that is longer than what it was trained
/// for.
void SettingsPart::propose() {
    core_.draft.patterns.proposal.reset();
    const model::Config &config = core_.model->plan.config;
    uint64_t tokens = documentTokens(), needed = tokens + kReplyTokens;
    if (tokens == 0 || needed <= config.context_tokens)
        return;
    uint64_t original = config.rope().scaling.original_context;
    core_.draft.patterns.proposal =
        attention::proposeRope(original ? original : config.context_tokens, needed);
}

uint64_t SettingsPart::documentTokens() const {
    auto document = core_.draft.documents.shown();
    return document && document->token_starts ? document->token_starts->size() : 0;
}

/// Of settings that leave the window to the text: what is booked now or the open document needs.
uint64_t SettingsPart::windowFor(const ui::AttentionSettings &settings) const {
    if (settings.window_tokens)
        return settings.window_tokens;
    uint64_t needed = documentTokens() ? documentTokens() + kReplyTokens : 0;
    needed = std::max(needed, core_.draft.memory.window_tokens);
    return needed ? needed : core_.model->facts.context_tokens;
}

// ---- prices ------------------------------------------------------------------------------------

void SettingsPart::handle(const command::AskPrice &ask) {
    if (!core_.model)
        return; // the panel shows no prices then
    propose();
    PriceWanted wanted{.model = core_.model, .settings = ask.settings, .options = {}};
    try {
        wanted.options = toOptions(ask.settings);
    } catch (const Error &error) { // while somebody types
        auto price = std::make_shared<ui::Price>();
        price->settings = ask.settings;
        price->problem = error.what();
        core_.draft.patterns.price = price;
        return;
    }
    wanted.options.context_tokens = windowFor(ask.settings);
    if (ask.settings != core_.draft.patterns.applied)
        wanted.read_again_tokens = core_.draft.memory.used_tokens;
    wanted.linear_flops_per_second = core_.draft.cost.linear_flops_per_second;
    wanted.pair_seconds = core_.draft.cost.pair_seconds;
    wanted.tokens_per_second = core_.draft.prompt_tokens_per_second;
    core_.startNewest("price", Lane::aside, "Reckon the price", [this, wanted](TaskRun &run) {
        auto price = std::make_shared<const ui::Price>(priceOf(wanted));
        run.change([this, price] { core_.draft.patterns.price = price; });
    });
}

// ---- applying ----------------------------------------------------------------------------------

void SettingsPart::handle(const command::ApplySettings &apply) {
    engine::SessionOptions options = toOptions(apply.settings);
    if (apply.settings == core_.draft.patterns.applied) {
        core_.notice(ui::NoticeKind::info, "Texts are read with these settings already.");
        return;
    }
    core_.start(Lane::engine, "Apply settings",
                [this, options, settings = apply.settings](TaskRun &run) {
                    run.follow(engine::Configure{options}, {}, true);
                    run.change([this, options, settings] { applied(options, settings); });
                });
}

void SettingsPart::applied(const engine::SessionOptions &options,
                           const ui::AttentionSettings &settings) {
    uint64_t forgotten = 0;
    if (core_.draft.attention.timeline)
        forgotten = core_.draft.attention.timeline->tokens();
    core_.session = options;
    core_.draft.patterns.applied = settings;
    core_.draft.patterns.price = nullptr; // nothing is to be paid any more
    core_.draft.attention = {};           // the engine forgot what it had read
    std::string text = std::format("Texts are read with {} from now on.",
                                   settings.attention == "full" ? std::string("full attention")
                                                                : settings.attention);
    if (forgotten > 0)
        text += " What was read before will be read again when it is needed.";
    core_.notice(ui::NoticeKind::info, text);
    on_settings_();
}

// ---- two ways beside each other ----------------------------------------------------------------

void SettingsPart::handle(const command::Compare &wanted) {
    CompareWanted given{.shown = {},
                        .a = toOptions(wanted.a),
                        .b = toOptions(wanted.b),
                        .document_text = {},
                        .reply_tokens = std::max<uint64_t>(wanted.reply_tokens, 1)};
    given.shown.prompt = wanted.prompt;
    given.shown.a.settings = wanted.a;
    given.shown.b.settings = wanted.b;
    given.shown.running = true;
    if (auto document = documents_.fullCurrent()) {
        given.shown.document = core_.draft.documents.current;
        given.document_text = document->text;
    }
    if (given.shown.prompt.empty() && given.document_text.empty()) {
        core_.notice(ui::NoticeKind::info, "Write a question first: both settings answer it.");
        return;
    }
    model_.ensure();
    core_.draft.patterns.comparison = std::make_shared<const ui::Comparison>(given.shown);
    auto body = [this, given = std::move(given)](TaskRun &run) {
        auto publish = [&](const ui::Comparison &comparison) {
            auto copy = std::make_shared<const ui::Comparison>(comparison);
            run.change([this, copy] { core_.draft.patterns.comparison = copy; });
        };
        run.inquire("", [&](engine::Engine &engine, engine::Session *, const ProgressSink &progress,
                            std::stop_token stop) {
            compare(engine, given, publish, progress, std::move(stop));
        });
    };
    core_.start(Lane::engine, "Compare two settings", std::move(body), [this] { endComparison(); });
}

/// However it ended.
void SettingsPart::endComparison() {
    auto shown = core_.draft.patterns.comparison;
    if (!shown || !shown->running)
        return;
    auto ended = std::make_shared<ui::Comparison>(*shown);
    ended->running = false;
    core_.draft.patterns.comparison = ended;
}

} // namespace longscope::app
