#include "app/desk/comparison.h"

#include "app/desk/forecast.h"
#include "app/likelihoods.h"
#include "compute/core/error.h"
#include "compute/engine/attention.h"
#include "compute/engine/generate.h"

#include <algorithm>
#include <optional>

namespace longscope::app {
namespace {

using model::Token;

constexpr uint64_t kKeptBytes = uint64_t{96} << 20; ///< of logits on the host
constexpr uint64_t kWindowStep = 256;

std::vector<Token> promptTokens(const engine::Engine &engine, const CompareWanted &wanted) {
    std::string text = wanted.shown.prompt;
    if (!wanted.document_text.empty())
        text = "Text:\n" + wanted.document_text + "\n\n" + text;
    model::RenderedChat chat = engine.chatTemplate().render({{"user", text}}, true);
    return model::encodeChat(engine.tokenizer(), chat);
}

/// Positions of the second half whose predictions are compared; every one where there is room.
std::vector<uint64_t> comparedPositions(uint64_t prompt, uint64_t vocab) {
    uint64_t first = prompt / 2, count = prompt - first;
    uint64_t kept = std::clamp<uint64_t>(kKeptBytes / (vocab * sizeof(float)), 1, count);
    std::vector<uint64_t> positions;
    for (uint64_t i = 0; i < kept; ++i)
        positions.push_back(first + (i + 1) * count / kept - 1);
    return positions;
}

class Comparing {
  public:
    Comparing(engine::Engine &engine, const CompareWanted &wanted,
              const std::function<void(const ui::Comparison &)> &on_change,
              const ProgressSink &progress, std::stop_token stop)
        : engine_(engine), wanted_(wanted), on_change_(on_change), progress_(progress),
          stop_(std::move(stop)), shown_(wanted.shown), prompt_(promptTokens(engine, wanted)),
          positions_(comparedPositions(prompt_.size(), engine.config().vocab)) {}

    void run() {
        shown_.running = true;
        on_change_(shown_);
        side(shown_.a, wanted_.a, "A");
        side(shown_.b, wanted_.b, "B");
        shown_.running = false;
        on_change_(shown_);
    }

  private:
    bool isFirst(const ui::ComparedSide &side) const { return &side == &shown_.a; }

    void side(ui::ComparedSide &shown, const engine::SessionOptions &options, const char *name) {
        try {
            measure(shown, options, name);
        } catch (const Error &error) {
            if (error.kind() == ErrorKind::stopped || error.kind() == ErrorKind::device)
                throw;
            shown.error = withoutDashes(error.what());
        }
        on_change_(shown_);
    }

    ProgressSink named(const char *name) const {
        return [this, name](Progress progress) {
            progress.label = std::string(name) + ": " + progress.label;
            progress_(progress);
        };
    }

    void measure(ui::ComparedSide &shown, engine::SessionOptions options, const char *name) {
        uint64_t needed = prompt_.size() + wanted_.reply_tokens;
        if (options.context_tokens == 0)
            options.context_tokens =
                std::min((needed + kWindowStep - 1) / kWindowStep * kWindowStep,
                         std::max(needed, engine::reachOf(engine_.config(), options)));
        engine::checkOptions(engine_.config(), options);
        engine::Session session(engine_, options);
        shown.prompt_tokens = prompt_.size();
        shown.cache_bytes = session.cacheBytes();
        engine::ReadResult read = session.read(prompt_, named(name), stop_);
        if (read.stopped)
            fail(ErrorKind::stopped, "stopped");
        shown.prompt_seconds = read.seconds;
        shown.pairs = static_cast<double>(session.attentionWork().computed_pairs);
        on_change_(shown_);
        write(shown, session, name);
        predict(shown, session, name);
    }

    void write(ui::ComparedSide &shown, engine::Session &session, const char *name) {
        engine::GenerateOptions greedy;
        greedy.sampling.temperature = 0;
        greedy.max_tokens = wanted_.reply_tokens;
        auto on_text = [&](std::string_view piece) {
            shown.text += piece;
            on_change_(shown_);
        };
        engine::Generated written =
            engine::generate(session, prompt_, greedy, on_text, named(name), stop_);
        if (written.finish == engine::Finish::stopped)
            fail(ErrorKind::stopped, "stopped");
        shown.text = written.text;
        shown.written_tokens = written.tokens.size();
        shown.write_seconds = written.decode_seconds;
        on_change_(shown_);
    }

    /// What the settings predict within the prompt: the first side's are kept, the second side's
    /// compared with them. Evictions that wait for the end of a prompt change nothing there.
    void predict(ui::ComparedSide &shown, engine::Session &session, const char *name) {
        using attention::EvictionKind;
        bool first = isFirst(shown);
        EvictionKind eviction = session.options().eviction.kind;
        bool late = eviction == EvictionKind::snapkv || eviction == EvictionKind::quest;
        if (!first && (kept_.empty() || late))
            return;
        Progress progress{.label = "predictions", .unit = "positions", .total = positions_.size()};
        session.truncate(positions_.front());
        double sum = 0;
        size_t next = 0;
        session.readAllLogits(
            prompt_, positions_.front(),
            [&](uint64_t position, std::span<const float> logits) {
                if (next == positions_.size() || position != positions_[next])
                    return;
                if (first)
                    kept_.insert(kept_.end(), logits.begin(), logits.end());
                else
                    sum += divergence(std::span(kept_).subspan(next * logits.size(), logits.size()),
                                      logits);
                progress.done = ++next;
                named(name)(progress);
            },
            stop_);
        if (!first && next > 0)
            shown.kl = sum / static_cast<double>(next);
    }

    engine::Engine &engine_;
    const CompareWanted &wanted_;
    const std::function<void(const ui::Comparison &)> &on_change_;
    const ProgressSink &progress_;
    std::stop_token stop_;
    ui::Comparison shown_;
    std::vector<Token> prompt_;
    std::vector<uint64_t> positions_; ///< rising
    std::vector<float> kept_;         ///< logits of the first side, [positions, vocab]
};

} // namespace

void compare(engine::Engine &engine, const CompareWanted &wanted,
             const std::function<void(const ui::Comparison &)> &on_change,
             const ProgressSink &progress, std::stop_token stop) {
    Comparing(engine, wanted, on_change, progress, std::move(stop)).run();
}

} // namespace longscope::app
