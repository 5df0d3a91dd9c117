// Which measure of a sentence's weight chooses the key sentences that hold the key points: words,
// the attention that the sentence received while a model read the text, the model's hidden states,
// or some of them together. By hand:
//     key_sentences_bench MODEL.gguf FOLDER...
// A folder holds texts with NAME.points beside them, as `longscope evaluate` takes. Reading with
// every head of every layer watched takes half a minute for 1000 tokens on two cores.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/sentences.h"
#include "compute/engine/second_pass.h"
#include "compute/engine/session.h"
#include "compute/gpu/buffer.h"
#include "compute/reading/evaluate.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/prompts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>

namespace longscope {
namespace {

using document::Document;
using Weights = std::vector<double>; // of each sentence

constexpr double kDamping = 0.85;
constexpr int kNoSentence = -1;

/// A text as the model reads it, and which sentence each token is of.
struct Prompt {
    std::vector<model::Token> tokens;
    std::vector<int> sentence_of;
    size_t task = 0; ///< first token after the text
};

Prompt makePrompt(const engine::Engine &engine, const Document &document,
                  const std::vector<document::Sentence> &sentences) {
    std::vector<model::Message> messages = reading::summaryPrompt(document, {});
    std::string whole = engine.chatTemplate().render(messages, true).text;
    size_t begin = whole.find(document.text);
    if (begin == std::string::npos)
        fail(ErrorKind::model, "the model's chat template changes the text");
    Prompt prompt;
    auto add = [&](std::string_view text, int sentence, bool special) {
        for (model::Token token :
             engine.tokenizer().encode(text, {.parse_special = special, .add_bos = false})) {
            prompt.tokens.push_back(token);
            prompt.sentence_of.push_back(sentence);
        }
    };
    add(whole.substr(0, begin), kNoSentence, true);
    size_t at = 0;
    for (size_t i = 0; i < sentences.size(); ++i) {
        add(document.span(at, sentences[i].start), kNoSentence, false);
        add(document.span(sentences[i].start, sentences[i].end), static_cast<int>(i), false);
        at = sentences[i].end;
    }
    add(document.span(at, document.text.size()), kNoSentence, false);
    prompt.task = prompt.tokens.size();
    add(whole.substr(begin + document.text.size()), kNoSentence, true);
    return prompt;
}

/// Attention that sentences get from tokens of other ones, and the mean of their hidden states.
class Watcher : public engine::Observer {
  public:
    Watcher(engine::Engine &engine, const Prompt &prompt, size_t sentences)
        : device_(engine.device()), second_(engine.device()), prompt_(prompt),
          layers_(engine.config().layers), from_text(layers_, Weights(sentences)),
          from_task(layers_, Weights(sentences)),
          states(sentences, Weights(engine.config().model_dim)), tokens(sentences) {}

    bool wants(uint32_t, const engine::Chunk &) const override { return true; }
    void recorded(gpu::Recorder &recorder, const engine::Pass &pass, uint32_t layer,
                  const engine::Chunk &chunk, const engine::Flush &flush) override {
        flush();
        if (layer + 1 == layers_)
            addStates(pass, chunk);
        auto heads = engine::allOrNamed({}, pass.config.layer[layer].heads);
        if (heads.empty())
            return;
        second_.cells({recorder, pass, layer, chunk, flush}, {heads, 0, prompt_.tokens.size(), 1},
                      [&](uint32_t row, uint64_t first, std::span<const engine::Cell> cells) {
                          addCells(layer, chunk.position + row, first, cells);
                      });
    }

  private:
    /// A key far back in the text would be outshone by the near ones: what each query gives counts
    /// as a multiple of what it would give if it saw all keys alike.
    void addCells(uint32_t layer, uint64_t query, uint64_t first,
                  std::span<const engine::Cell> cells) {
        Weights &sums = query < prompt_.task ? from_text[layer] : from_task[layer];
        for (size_t i = 0; i < cells.size(); ++i) {
            int sentence = prompt_.sentence_of[first + i];
            if (sentence != kNoSentence && sentence != prompt_.sentence_of[query])
                sums[static_cast<size_t>(sentence)] +=
                    cells[i].sum * static_cast<double>(query + 1);
        }
    }

    /// As they come into the last layer.
    void addStates(const engine::Pass &pass, const engine::Chunk &chunk) {
        const engine::Activations &x = pass.scratch.x;
        rows_.resize(size_t{chunk.rows} * x.stride);
        gpu::downloadBytes(device_, x.buffer, 0, std::as_writable_bytes(std::span(rows_)));
        for (uint32_t row = 0; row < chunk.rows; ++row) {
            int sentence = prompt_.sentence_of[chunk.position + row];
            if (sentence == kNoSentence)
                continue;
            auto s = static_cast<size_t>(sentence);
            ++tokens[s];
            for (size_t i = 0; i < states[s].size(); ++i)
                states[s][i] += static_cast<double>(rows_[size_t{row} * x.stride + i]);
        }
    }

    gpu::Device &device_;
    engine::SecondPass second_;
    const Prompt &prompt_;
    uint32_t layers_;
    std::vector<float> rows_;

  public:
    std::vector<Weights> from_text, from_task; ///< [layers][sentences]
    std::vector<Weights> states;               ///< [sentences][model_dim]
    std::vector<size_t> tokens;                ///< of each sentence
};

/// 0 for the least, 1 for the most: raw attention differs a hundredfold between sentences.
Weights byRank(const Weights &values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
    Weights ranks(values.size(), 1);
    for (size_t i = 0; i < order.size() && order.size() > 1; ++i)
        ranks[order[i]] = static_cast<double>(i) / static_cast<double>(order.size() - 1);
    return ranks;
}

/// Per token of the sentence and, of the text's own tokens, per token that could look at it.
Weights received(const Watcher &watcher, const std::vector<Weights> &by_layer, size_t first_layer,
                 size_t end_layer, bool later_only) {
    Weights sums(watcher.tokens.size());
    size_t all = std::accumulate(watcher.tokens.begin(), watcher.tokens.end(), size_t{0});
    for (size_t s = 0, before = 0; s < sums.size(); ++s) {
        before += watcher.tokens[s];
        for (size_t layer = first_layer; layer < end_layer; ++layer)
            sums[s] += by_layer[layer][s];
        sums[s] /= static_cast<double>(std::max<size_t>(watcher.tokens[s], 1));
        if (later_only)
            sums[s] /= static_cast<double>(std::max<size_t>(all - before, 20));
    }
    return byRank(sums);
}

/// PageRank over cosines of the states, the mean of all taken off; the largest is 1.
Weights stateCentrality(std::vector<Weights> states, const std::vector<size_t> &tokens) {
    size_t n = states.size(), dims = n > 0 ? states[0].size() : 0;
    Weights mean(dims);
    for (size_t s = 0; s < n; ++s)
        for (size_t i = 0; i < dims; ++i)
            mean[i] += (states[s][i] /= static_cast<double>(std::max<size_t>(tokens[s], 1))) /
                       static_cast<double>(n);
    for (Weights &state : states) {
        double squares = 0;
        for (size_t i = 0; i < dims; ++i)
            squares += (state[i] -= mean[i]) * state[i];
        for (double &value : state)
            value /= std::sqrt(std::max(squares, 1e-30));
    }
    std::vector<Weights> links(n, Weights(n));
    Weights degree(n), rank(n, 1 / static_cast<double>(n));
    for (size_t a = 0; a < n; ++a)
        for (size_t b = 0; b < n; ++b) {
            double cosine =
                std::inner_product(states[a].begin(), states[a].end(), states[b].begin(), 0.0);
            links[a][b] = a != b && cosine > 0.05 ? cosine : 0;
            degree[a] += links[a][b];
        }
    for (int step = 0; step < 60; ++step) {
        Weights next(n, (1 - kDamping) / static_cast<double>(n));
        for (size_t a = 0; a < n; ++a)
            for (size_t b = 0; b < n; ++b)
                if (degree[b] > 1e-9)
                    next[a] += kDamping * links[a][b] * rank[b] / degree[b];
        rank = next;
    }
    double largest = *std::ranges::max_element(rank);
    for (double &value : rank)
        value /= largest;
    return rank;
}

Weights mix(const Weights &a, const Weights &b) {
    Weights out(a.size());
    for (size_t i = 0; i < a.size(); ++i)
        out[i] = (a[i] + b[i]) / 2;
    return out;
}

std::vector<std::pair<std::string, Weights>> measuresOf(engine::Engine &engine,
                                                        const Document &document) {
    auto sentences = document::splitSentences(document);
    Prompt prompt = makePrompt(engine, document, sentences);
    engine::SessionOptions options;
    options.context_tokens = prompt.tokens.size();
    engine::Session session(engine, options);
    Watcher watcher(engine, prompt, sentences.size());
    session.read(prompt.tokens, {}, {}, &watcher);
    size_t layers = watcher.from_text.size();
    Weights words = reading::wordCentrality(document);
    Weights text = received(watcher, watcher.from_text, 0, layers, true);
    Weights middle = received(watcher, watcher.from_text, layers / 3, 2 * layers / 3, true);
    Weights task = received(watcher, watcher.from_task, 2 * layers / 3, layers, false);
    Weights states = stateCentrality(watcher.states, watcher.tokens);
    return {{"nothing (position and penalties alone)", Weights(sentences.size(), 0.5)},
            {"a. word centrality (the program's)", words},
            {"b. attention received from the text, all layers", text},
            {"b. the same, middle third of the layers", middle},
            {"b. attention received from the task, last third", task},
            {"c. centrality of hidden states, last layer", states},
            {"d. words + attention from the text", mix(words, text)},
            {"d. words + attention from the task", mix(words, task)},
            {"d. words + hidden states", mix(words, states)}};
}

double found(const Document &document, const reading::KeyPoints &points, const Weights &weights,
             unsigned count) {
    std::vector<std::string> quotes;
    for (const reading::KeySentence &key : reading::chooseKeySentences(document, count, weights))
        quotes.emplace_back(document.span(key.sentence.start, key.sentence.end));
    return static_cast<double>(points.foundIn(quotes)) / static_cast<double>(points.size());
}

void compare(engine::Engine &engine, const std::string &folder) {
    std::vector<std::string> names;
    std::map<std::string, std::pair<double, double>> sums; // with 5 and with 8 sentences
    size_t texts = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        std::filesystem::path points_path = entry.path();
        points_path.replace_extension(".points");
        if (entry.path() == points_path || !std::filesystem::exists(points_path))
            continue;
        Document document = document::importFile(entry.path().string());
        reading::KeyPoints points(readWholeFile(points_path.string()), points_path.string());
        names.clear();
        for (const auto &[name, weights] : measuresOf(engine, document)) {
            names.push_back(name);
            sums[name].first += found(document, points, weights, 5);
            sums[name].second += found(document, points, weights, 8);
        }
        ++texts;
        std::fprintf(stderr, "%s\n", entry.path().c_str());
    }
    std::printf("%s, %zu texts\n\n| weight of a sentence | k = 5 | k = 8 |\n|---|---|---|\n",
                folder.c_str(), texts);
    double n = static_cast<double>(std::max<size_t>(texts, 1));
    for (const std::string &name : names)
        std::printf("| %s | %.2f | %.2f |\n", name.c_str(), sums[name].first / n,
                    sums[name].second / n);
    std::printf("\n");
}

} // namespace
} // namespace longscope

int main(int argc, char **argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: key_sentences_bench MODEL.gguf FOLDER...\n");
        return 2;
    }
    try {
        longscope::engine::EngineOptions options;
        options.model_path = argv[1];
        longscope::engine::Engine engine(options);
        for (int i = 2; i < argc; ++i)
            longscope::compare(engine, argv[i]);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "key_sentences_bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
