#include "compute/reading/embedder.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/vector_index.h"
#include "compute/engine/hidden_states.h"
#include "compute/engine/session_facts.h"
#include "compute/reading/worker_task.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <utility>

namespace longscope::reading {
namespace {

constexpr uint64_t kWindowStep = 256;
constexpr uint32_t kLayersBeforeLast = 2;

/// The states of one text's tokens, put together for each part.
class Pool {
  public:
    Pool(const Pooling &pooling, const EmbedText &text, const std::vector<size_t> &starts,
         size_t dim)
        : pooling_(pooling), text_(text), starts_(starts),
          sums_(text.parts.size(), std::vector<float>(dim, 0.0f)) {}

    void add(uint64_t position, std::span<const float> state) {
        bool only = starts_.size() == 1;
        if (pooling_.kind == Pooling::Kind::mean ? position == 0 && pooling_.without_first && !only
                                                 : position != chosen())
            return;
        double length = std::sqrt(document::dot(state, state));
        auto scale = static_cast<float>(pooling_.alike && length > 0 ? 1 / length : 1);
        for (size_t part = 0; part < sums_.size(); ++part)
            if (holds(text_.parts[part], position))
                for (size_t i = 0; i < state.size(); ++i)
                    sums_[part][i] += scale * state[i];
    }

    /// Of length 1: only directions are compared.
    Embedder::Vectors vectors() {
        for (std::vector<float> &sum : sums_)
            document::normalize(sum);
        return std::move(sums_);
    }

  private:
    uint64_t chosen() const {
        return pooling_.kind == Pooling::Kind::first ? 0 : starts_.size() - 1;
    }
    bool holds(document::Span part, uint64_t position) const {
        size_t byte = starts_[position];
        return pooling_.kind != Pooling::Kind::mean || (byte >= part.start && byte < part.end);
    }

    const Pooling &pooling_;
    const EmbedText &text_;
    const std::vector<size_t> &starts_; ///< byte of each token
    Embedder::Vectors sums_;
};

/// Tokens as an embedding model was trained with: with an end token where its file says so.
model::Tokenizer::Placed tokensOf(const engine::Engine &engine, const Pooling &pooling,
                                  const std::string &text) {
    const model::Tokenizer &tokenizer = engine.tokenizer();
    auto placed = tokenizer.encodePlaced(text, {.parse_special = false, .add_bos = true});
    if (pooling.trained && tokenizer.eos() >= 0 &&
        engine.file().findBool("tokenizer.ggml.add_eos_token").value_or(false)) {
        placed.ids.push_back(tokenizer.eos());
        placed.starts.push_back(text.empty() ? 0 : text.size() - 1);
    }
    return placed;
}

/// The session of one call, on the worker's thread.
class Reader {
  public:
    Reader(engine::Engine &engine, const Pooling &pooling, std::span<const EmbedText> texts)
        : engine_(engine), pooling_(pooling), texts_(texts) {
        uint64_t longest = 1;
        for (const EmbedText &text : texts) {
            tokens_.push_back(tokensOf(engine, pooling, text.text));
            longest = std::max<uint64_t>(longest, tokens_.back().ids.size());
            total_ += tokens_.back().ids.size();
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

    void read(const Embedder::OnVectors &on_vectors, const ProgressSink &progress,
              const std::stop_token &stop) {
        auto start = Clock::now();
        uint64_t done = 0;
        for (size_t text = 0; text < tokens_.size(); ++text) {
            on_vectors(text, vectorsOf(text, stop));
            done += tokens_[text].ids.size();
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
    Embedder::Vectors vectorsOf(size_t text, const std::stop_token &stop) {
        const model::Config &config = engine_.config();
        const model::Tokenizer::Placed &tokens = tokens_[text];
        Pool pool(pooling_, texts_[text], tokens.starts, config.model_dim);
        if (tokens.ids.empty())
            return pool.vectors();
        engine::HiddenStates states(
            engine_.device(), config, {.layer = pooling_.layer, .normed = pooling_.normed},
            [&](uint64_t position, std::span<const float> state) { pool.add(position, state); });
        session_->truncate(0); // every token must be seen, also a common beginning
        if (session_->read(tokens.ids, {}, stop, &states).stopped)
            fail(ErrorKind::stopped, "stopped while comparing passages");
        return pool.vectors();
    }

    engine::Engine &engine_;
    const Pooling &pooling_;
    std::span<const EmbedText> texts_;
    std::vector<model::Tokenizer::Placed> tokens_;
    uint64_t total_ = 0;
    std::optional<engine::Session> session_;
};

void inquire(engine::Worker &worker, engine::Inquire work, const ProgressSink &progress,
             std::stop_token stop) {
    engine::Task task = runTask(worker, std::move(work), progress, std::move(stop));
    if (task.state == engine::TaskState::stopped)
        fail(ErrorKind::stopped, "stopped while comparing passages");
}

} // namespace

Pooling choosePooling(const model::Gguf &file, const model::Config &config) {
    Pooling pooling{.layer = config.layers, .normed = true};
    std::string key = std::format("{}.pooling_type", config.architecture->name);
    uint64_t kind = file.findCount(key).value_or(0);
    switch (kind) { // 0: none is said
    case 0:
        pooling.alike = pooling.without_first = true;
        if (uint32_t layer = config.layers - std::min(config.layers, kLayersBeforeLast);
            config.layer[layer].attends()) {
            pooling.layer = layer;
            pooling.normed = false;
        }
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
    pooling.trained = true;
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
        description_ = pooling_.trained
                           ? std::format("embedding model {}", name)
                           : std::format("hidden states of {}, weaker than an embedding "
                                         "model",
                                         name);
        fingerprint_ = std::format("{} pooling {} layer {} normed {} alike {} without first {}",
                                   engine::modelFingerprint(engine.file(), config.name),
                                   static_cast<int>(pooling_.kind), pooling_.layer, pooling_.normed,
                                   pooling_.alike, pooling_.without_first);
    };
    inquire(worker_, {.label = "", .work = look}, {}, {});
}

void EngineEmbedder::embed(std::span<const EmbedText> texts, const OnVectors &on_vectors,
                           const ProgressSink &progress, std::stop_token stop) {
    if (texts.empty())
        return;
    auto work = [&](engine::Engine &engine, engine::Session *, const ProgressSink &sink,
                    const std::stop_token &task_stop) {
        Reader(engine, pooling_, texts).read(on_vectors, sink, task_stop);
    };
    inquire(worker_, {.label = "comparing", .work = work}, progress, stop);
}

} // namespace longscope::reading
