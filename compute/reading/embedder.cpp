#include "compute/reading/embedder.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/hidden_states.h"
#include "compute/engine/session_facts.h"

#include <algorithm>
#include <format>
#include <utility>

namespace longscope::reading {
namespace {

constexpr uint64_t kWindowStep = 256;

/// The states of one text's tokens, put together.
class Pool {
  public:
    Pool(const Pooling &pooling, uint64_t tokens, size_t dim)
        : pooling_(pooling), tokens_(tokens), sum_(dim, 0.0) {}

    void add(uint64_t position, std::span<const float> state) {
        bool wanted = pooling_.kind == Pooling::Kind::mean
                          ? position > 0 || !pooling_.without_first || tokens_ == 1
                          : position == (pooling_.kind == Pooling::Kind::first ? 0 : tokens_ - 1);
        if (!wanted)
            return;
        ++added_;
        for (size_t i = 0; i < sum_.size(); ++i)
            sum_[i] += static_cast<double>(state[i]);
    }

    std::vector<float> vector() const {
        std::vector<float> mean(sum_.size());
        for (size_t i = 0; i < sum_.size(); ++i)
            mean[i] =
                static_cast<float>(sum_[i] / static_cast<double>(std::max<uint64_t>(added_, 1)));
        return mean;
    }

  private:
    const Pooling &pooling_;
    uint64_t tokens_, added_ = 0;
    std::vector<double> sum_;
};

/// Tokens as an embedding model was trained with: with an end token where its file says so.
std::vector<engine::Token> tokensOf(const engine::Engine &engine, const Pooling &pooling,
                                    const std::string &text) {
    const model::Tokenizer &tokenizer = engine.tokenizer();
    auto tokens = tokenizer.encode(text, {.parse_special = false, .add_bos = true});
    if (pooling.own && tokenizer.eos() >= 0 &&
        engine.file().findBool("tokenizer.ggml.add_eos_token").value_or(false))
        tokens.push_back(tokenizer.eos());
    return tokens;
}

/// The session of one call, on the worker's thread.
class Reader {
  public:
    Reader(engine::Engine &engine, const Pooling &pooling, std::span<const std::string> texts)
        : engine_(engine), pooling_(pooling) {
        uint64_t longest = 1;
        for (const std::string &text : texts) {
            tokens_.push_back(tokensOf(engine, pooling, text));
            longest = std::max<uint64_t>(longest, tokens_.back().size());
            total_ += tokens_.back().size();
        }
        uint64_t window = engine.config().context_tokens;
        if (longest > window)
            fail(ErrorKind::usage, "a text for the embedding has {} tokens, the window {}", longest,
                 window);
        engine::SessionOptions options;
        options.context_tokens =
            std::min((longest + kWindowStep - 1) / kWindowStep * kWindowStep, window);
        session_.emplace(engine, options);
    }

    void read(const Embedder::OnVector &on_vector, const ProgressSink &progress,
              const std::stop_token &stop) {
        auto start = Clock::now();
        uint64_t done = 0;
        for (size_t text = 0; text < tokens_.size(); ++text) {
            on_vector(text, vectorOf(tokens_[text], stop));
            done += tokens_[text].size();
            double seconds = secondsSince(start), rate = static_cast<double>(done) / seconds;
            if (progress)
                progress({.label = "comparing",
                          .unit = "tokens",
                          .done = done,
                          .total = total_,
                          .seconds = seconds,
                          .remaining_s = static_cast<double>(total_ - done) / rate});
        }
    }

  private:
    std::vector<float> vectorOf(const std::vector<engine::Token> &tokens,
                                const std::stop_token &stop) {
        const model::Config &config = engine_.config();
        if (tokens.empty())
            return std::vector<float>(config.model_dim, 0.0f);
        Pool pool(pooling_, tokens.size(), config.model_dim);
        engine::HiddenStates states(
            engine_.device(), config, {.layer = pooling_.layer, .normed = pooling_.normed},
            [&](uint64_t position, std::span<const float> state) { pool.add(position, state); });
        session_->truncate(0); // every token must be seen, also a common beginning
        if (session_->read(tokens, {}, stop, &states).stopped)
            fail(ErrorKind::stopped, "stopped while comparing passages");
        return pool.vector();
    }

    engine::Engine &engine_;
    const Pooling &pooling_;
    std::vector<std::vector<engine::Token>> tokens_;
    uint64_t total_ = 0;
    std::optional<engine::Session> session_;
};

void inquire(engine::Worker &worker, engine::Inquire work, const ProgressSink &progress,
             std::stop_token stop) {
    auto look = [&](const std::shared_ptr<const engine::Snapshot> &snapshot) {
        if (progress && !snapshot->task.progress.label.empty())
            progress(snapshot->task.progress);
    };
    auto last = worker.follow(worker.push(std::move(work)), look, stop);
    if (last->task.state == engine::TaskState::stopped)
        fail(ErrorKind::stopped, "stopped while comparing passages");
    if (last->task.state == engine::TaskState::failed)
        throw Error(last->task.error_kind, last->task.error);
}

} // namespace

Pooling choosePooling(const model::Gguf &file, const model::Config &config) {
    Pooling pooling{.layer = config.layers};
    std::string key = std::format("{}.pooling_type", config.architecture->name);
    uint64_t kind = file.findCount(key).value_or(0);
    switch (kind) { // 0: none is said
    case 0:
        pooling.without_first = true;
        return pooling;
    case 1:
        break;
    case 2:
        pooling.kind = Pooling::Kind::first;
        break;
    case 3:
        pooling.kind = Pooling::Kind::last;
        break;
    default:
        fail(ErrorKind::model, "{} says pooling {}, which gives no vector of a text", file.path(),
             kind);
    }
    pooling.own = true;
    return pooling;
}

EngineEmbedder::EngineEmbedder(engine::Worker &worker) : worker_(worker) {
    auto look = [this](engine::Engine &engine, engine::Session *, const ProgressSink &,
                       const std::stop_token &) {
        const model::Config &config = engine.config();
        engine.tokenizer(); // throws why there is none
        pooling_ = choosePooling(engine.file(), config);
        std::string name =
            config.name.empty() ? std::string(config.architecture->name) : config.name;
        description_ = pooling_.own ? std::format("embedding model {}", name)
                                    : std::format("hidden states of {}, weaker than an embedding "
                                                  "model",
                                                  name);
        fingerprint_ = std::format("{} pooling {} layer {} normed {} without first {}",
                                   engine::modelFingerprint(engine.file(), config.name),
                                   static_cast<int>(pooling_.kind), pooling_.layer, pooling_.normed,
                                   pooling_.without_first);
    };
    inquire(worker_, {.label = "", .work = look}, {}, {});
}

void EngineEmbedder::embed(std::span<const std::string> texts, const OnVector &on_vector,
                           const ProgressSink &progress, std::stop_token stop) {
    if (texts.empty())
        return;
    auto work = [&](engine::Engine &engine, engine::Session *, const ProgressSink &sink,
                    const std::stop_token &task_stop) {
        Reader(engine, pooling_, texts).read(on_vector, sink, task_stop);
    };
    inquire(worker_, {.label = "comparing", .work = work}, progress, stop);
}

} // namespace longscope::reading
