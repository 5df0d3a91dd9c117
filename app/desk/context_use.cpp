#include "app/desk/context_use.h"

#include "compute/model/chat_template.h"
#include "compute/reading/prompts.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace longscope::app {
namespace {

constexpr size_t kAtOnceBytes = 16 << 10; ///< counted in well under a millisecond
constexpr size_t kTextsKept = 20'000;
constexpr std::string_view kShort = "x";
constexpr const char *kTask = "context";

std::pair<size_t, size_t> keyOf(std::string_view text) {
    return {std::hash<std::string_view>()(text), text.size()};
}

uint64_t countTokens(const model::Tokenizer &tokenizer, std::string_view text) {
    return tokenizer.encode(text, {.parse_special = false, .add_bos = false}).size();
}

std::vector<std::string_view> textsOf(const ContextWanted &wanted) {
    std::vector<std::string_view> texts = {wanted.system_prompt, wanted.draft};
    for (const auto &message : wanted.history)
        texts.push_back(message->text);
    return texts;
}

/// Messages of the next prompt, one of the user at the end; neighbours of one role are one.
std::pair<bool, size_t> frameOf(const ContextWanted &wanted) {
    size_t messages = 1;
    ui::Role next = ui::Role::user;
    for (size_t i = wanted.history.size(); i-- > 0;) {
        const ui::Message &message = *wanted.history[i];
        if (message.text.empty() || message.role == next)
            continue;
        ++messages;
        next = message.role;
    }
    return {!wanted.system_prompt.empty(), messages};
}

/// Tokens that the template adds to so many messages.
uint64_t measureFrame(const LoadedModel &model, const std::string &source, bool has_system,
                      size_t messages) {
    const model::Tokenizer &tokenizer = *model.tokenizer;
    auto shown = [&](model::Token token) {
        return token >= 0 ? tokenizer.bytesOf(token) : std::string();
    };
    model::ChatTemplate form(source, shown(tokenizer.bos()), shown(tokenizer.eos()));
    std::vector<model::Message> chat;
    if (has_system)
        chat.push_back({"system", std::string(kShort)});
    for (size_t left = messages; left > 0; --left) // the last one is the user's
        chat.push_back({left % 2 ? "user" : "assistant", std::string(kShort)});
    uint64_t all = model::encodeChat(tokenizer, form.render(chat, true)).size();
    uint64_t texts = chat.size() * countTokens(tokenizer, kShort);
    return all > texts ? all - texts : 0;
}

} // namespace

void ContextCounter::count(ContextWanted wanted) {
    core_.draft.chat.draft = wanted.draft;
    ++last_;
    if (model_ != core_.model) {
        model_ = core_.model;
        counts_.clear();
        frames_.clear();
    }
    if (!model_ || !model_->tokenizer) {
        core_.draft.chat.use = {.reply = wanted.reply_tokens, .window = windowTokens()};
        return;
    }
    if (counts_.size() > kTextsKept)
        counts_.clear();
    size_t unknown_bytes = 0;
    for (std::string_view text : textsOf(wanted))
        unknown_bytes += counts_.contains(keyOf(text)) ? 0 : text.size();
    bool frame_known = frames_.contains(frameOf(wanted));
    if (frame_known && unknown_bytes <= kAtOnceBytes) {
        for (std::string_view text : textsOf(wanted))
            if (auto [place, is_new] = counts_.try_emplace(keyOf(text), 0); is_new)
                place->second = countTokens(*model_->tokenizer, text);
        show(wanted);
        return;
    }
    auto body = [this, wanted, number = last_, model = model_, known = counts_, frame_known,
                 source = core_.draft.model ? core_.draft.model->chat_template
                                            : ""](TaskRun &run) mutable {
        for (std::string_view text : textsOf(wanted)) {
            if (run.stop().stop_requested())
                return;
            if (auto [place, is_new] = known.try_emplace(keyOf(text), 0); is_new)
                place->second = countTokens(*model->tokenizer, text);
        }
        auto frame = frameOf(wanted);
        uint64_t added = frame_known ? 0 : measureFrame(*model, source, frame.first, frame.second);
        run.change([this, wanted, number, model, known = std::move(known), frame, added]() mutable {
            if (model != model_)
                return;
            counts_.merge(known);
            frames_.try_emplace(frame, added);
            if (number == last_)
                show(wanted);
        });
    };
    core_.startNewest(kTask, Lane::aside, "Count the conversation", std::move(body));
}

void ContextCounter::show(const ContextWanted &wanted) {
    auto of = [this](std::string_view text) { return counts_[keyOf(text)]; };
    ui::ContextUse use;
    use.system = of(wanted.system_prompt) + frames_[frameOf(wanted)];
    for (const auto &message : wanted.history)
        use.history += of(message->text);
    use.draft = of(wanted.draft);
    use.document = wanted.with_document ? wanted.document_tokens : 0;
    if (use.document > 0)
        use.document += countTokens(*model_->tokenizer, reading::beforeText()) +
                        countTokens(*model_->tokenizer, kBehindDocument);
    use.reply = wanted.reply_tokens;
    use.window = windowTokens();
    core_.draft.chat.use = use;
}

/// Of the settings; where positions reach any length, what the memory was found to hold.
uint64_t ContextCounter::windowTokens() const {
    if (core_.session.context_tokens > 0 || !model_)
        return core_.session.context_tokens;
    uint64_t reach = engine::reachOf(model_->plan.config, core_.session);
    if (reach != UINT64_MAX)
        return reach;
    const auto &forecast = core_.draft.memory.forecast;
    auto type = static_cast<size_t>(core_.session.k);
    if (forecast)
        for (const ui::MemoryForecast::Longest &longest : forecast->longest)
            if (longest.pattern == core_.draft.patterns.applied.attention &&
                type < longest.tokens.size())
                return longest.tokens[type];
    return 0;
}

} // namespace longscope::app
