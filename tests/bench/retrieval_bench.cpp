// How often retrieval finds the place of a fact: 20 planted in a document of 50 000 tokens, asked
// for in other words. By hand:
//     retrieval_bench words            BM25 alone, no model
//     retrieval_bench all [MODEL]      BM25, vectors and both together, as `ask` does
//     retrieval_bench states [MODEL]   which hidden states make the best vectors
// MODEL: a GGUF file, the default model without one.
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/document/vector_index.h"
#include "compute/engine/attention_metrics.h"
#include "compute/engine/hidden_states.h"
#include "compute/reading/retrieval.h"
#include "tests/support/default_model.h"
#include "tests/support/planted_facts.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <format>
#include <print>

namespace longscope {
namespace {

using reading::FoundPassage;
using reading::Retriever;
using testing::PlantedDocument;
using testing::PlantedFact;

using testing::Wording;

constexpr size_t kDeepest = 10;
constexpr std::pair<const char *, Wording> kWordings[] = {
    {"close", Wording::close}, {"loose", Wording::loose}, {"distant", Wording::distant}};

/// Rank of the first of the places that holds the fact, from 1; 0 = none.
size_t rankOf(const PlantedFact &fact, const std::vector<FoundPassage> &found) {
    for (size_t i = 0; i < found.size(); ++i)
        if (found[i].start <= fact.start && found[i].end >= fact.end)
            return i + 1;
    return 0;
}

void printRow(const std::string &name, const std::vector<size_t> &ranks) {
    auto within = [&](size_t most) {
        return std::ranges::count_if(ranks, [&](size_t r) { return r > 0 && r <= most; });
    };
    double reciprocal = 0;
    for (size_t rank : ranks)
        reciprocal += rank ? 1 / static_cast<double>(rank) : 0;
    std::println("| {} | {} | {} | {} | {} | {:.2f} |", name, within(1), within(3), within(5),
                 within(kDeepest), reciprocal / static_cast<double>(ranks.size()));
}

void printHead(const char *what) {
    std::println("| {} | first | top 3 | top 5 | top 10 | mean reciprocal rank |", what);
    std::println("| --- | --- | --- | --- | --- | --- |");
}

std::vector<size_t> ranksOf(const PlantedDocument &planted, Retriever &retriever,
                            Retriever::Way way, Wording wording) {
    std::vector<size_t> ranks;
    for (const PlantedFact &fact : planted.facts)
        ranks.push_back(rankOf(fact, retriever.find(fact.question(wording), kDeepest, {}, way)));
    return ranks;
}

void printMissed(const PlantedDocument &planted, const std::vector<size_t> &ranks) {
    for (size_t i = 0; i < ranks.size(); ++i)
        if (ranks[i] == 0 || ranks[i] > 5)
            std::println(stderr, "not in the top 5 ({}): {}", ranks[i],
                         planted.facts[i].question(Wording::close));
}

void printWay(const PlantedDocument &planted, Retriever &retriever, const std::string &name,
              Retriever::Way way) {
    for (auto [how, wording] : kWordings) {
        auto ranks = ranksOf(planted, retriever, way, wording);
        printRow(std::format("{}, {} wording", name, how), ranks);
        if (wording == Wording::close)
            printMissed(planted, ranks);
    }
}

void measureWords(const PlantedDocument &planted) {
    auto start = Clock::now();
    Retriever retriever(planted.document);
    double made = secondsSince(start);
    retriever.find(planted.facts[0].question(Wording::close), 5, {});
    std::println("{} bytes, {} passages, indexed in {:.2f} s, a question {:.3f} s",
                 planted.document.text.size(), retriever.passages().size(), made,
                 secondsSince(start) - made);
    printHead("way");
    printWay(planted, retriever, "words", Retriever::Way::words);
}

engine::EngineOptions modelOf(const std::string &path) {
    engine::EngineOptions options;
    options.model_path = path;
    return options;
}

void measureAll(const PlantedDocument &planted, const std::string &model) {
    engine::Worker worker;
    auto loaded = worker.waitForEnd(worker.push(engine::LoadModel{modelOf(model), {}}));
    if (loaded->task.state == engine::TaskState::failed)
        throw Error(loaded->task.error_kind, loaded->task.error);
    reading::EngineEmbedder embedder(worker);
    document::ResultsInMemory store;
    Retriever retriever(planted.document);
    auto start = Clock::now();
    uint64_t tokens = 0;
    retriever.useVectors(embedder, store,
                         [&](const Progress &progress) { tokens = progress.total; }, {});
    double seconds = secondsSince(start);
    std::println("{}: {} passages, {} tokens, vectors made in {:.0f} s", embedder.description(),
                 retriever.passages().size(), tokens, seconds);
    start = Clock::now();
    Retriever again(planted.document);
    again.useVectors(embedder, store, {}, {});
    double opened = secondsSince(start);
    again.find(planted.facts[0].question(Wording::close), 5, {});
    std::println("a second opening {:.2f} s, a question {:.2f} s", opened,
                 secondsSince(start) - opened);
    printHead("way");
    printWay(planted, retriever, "words", Retriever::Way::words);
    printWay(planted, retriever, "vectors", Retriever::Way::vectors);
    printWay(planted, retriever, "both", Retriever::Way::both);
}

// ---- which states ------------------------------------------------------------------------------

/// One way of making a vector, and what it made of each text.
struct Variant {
    std::string name;
    engine::StateRequest request;
    bool without_first = false, each_normed = false;
    std::vector<float> sum{}; ///< of the text that is read
    std::vector<float> rows{};
};

class Variants {
  public:
    Variants(engine::Engine &engine, uint64_t window) : engine_(engine) {
        const model::Config &config = engine.config();
        for (uint32_t layer : {config.layers / 4, config.layers / 2, config.layers * 3 / 4,
                               config.layers - 2, config.layers, config.layers})
            for (int way = 0; way < 3; ++way) {
                bool normed = layer == config.layers && ++last_seen_ > 3;
                all_.push_back(
                    {.name = std::format("layer {}{}{}{}", layer, normed ? " normed" : "",
                                         way > 0 ? ", without first" : "",
                                         way > 1 ? ", each of length 1" : ""),
                     .request = {layer, normed},
                     .without_first = way > 0,
                     .each_normed = way > 1});
            }
        for (Variant &variant : all_) {
            variant.sum.resize(config.model_dim);
            collectors_.emplace_back(engine.device(), config, variant.request,
                                     [&variant](uint64_t position, std::span<const float> state) {
                                         take(variant, position, state);
                                     });
            observers_.add(collectors_.back());
        }
        engine::SessionOptions options;
        options.context_tokens = window;
        session_.emplace(engine, options);
    }

    void read(std::string_view text) {
        auto tokens = engine_.tokenizer().encode(text, {.parse_special = false, .add_bos = true});
        session_->truncate(0);
        session_->read(tokens, {}, {}, &observers_);
        for (Variant &variant : all_) {
            variant.rows.insert(variant.rows.end(), variant.sum.begin(), variant.sum.end());
            std::ranges::fill(variant.sum, 0.0f);
        }
    }
    std::deque<Variant> &all() { return all_; }

  private:
    static void take(Variant &variant, uint64_t position, std::span<const float> state) {
        if (position == 0 && variant.without_first)
            return;
        double scale = variant.each_normed ? 1 / std::sqrt(document::dot(state, state)) : 1;
        for (size_t i = 0; i < state.size(); ++i)
            variant.sum[i] += static_cast<float>(scale * static_cast<double>(state[i]));
    }

    engine::Engine &engine_;
    std::deque<Variant> all_;
    std::deque<engine::HiddenStates> collectors_;
    engine::Observers observers_;
    std::optional<engine::Session> session_;
    int last_seen_ = 0;
};

enum class Centre { none, passages, each };

/// Ranks by the cosine; questions stand behind the passages in the rows.
std::vector<size_t> ranksOf(const PlantedDocument &planted,
                            const std::vector<document::Passage> &passages, const Variant &variant,
                            Centre centre) {
    size_t dim = variant.sum.size(), count = passages.size();
    std::vector<float> rows = variant.rows;
    auto row = [&](size_t i) { return std::span(rows).subspan(i * dim, dim); };
    for (size_t i = 0; i < rows.size() / dim; ++i)
        document::normalize(row(i));
    auto subtractMean = [&](size_t first, size_t end) {
        std::vector<float> mean(dim, 0.0f);
        for (size_t i = first; i < end; ++i)
            for (size_t d = 0; d < dim; ++d)
                mean[d] += row(i)[d] / static_cast<float>(end - first);
        return mean;
    };
    auto take = [&](size_t first, size_t end, const std::vector<float> &mean) {
        for (size_t i = first; i < end; ++i)
            for (size_t d = 0; d < dim; ++d)
                row(i)[d] -= mean[d];
    };
    size_t total = rows.size() / dim;
    if (centre != Centre::none) {
        auto mean = subtractMean(0, count);
        take(count, total, centre == Centre::each ? subtractMean(count, total) : mean);
        take(0, count, mean);
    }
    document::VectorIndex index(std::span<const float>(rows).first(count * dim), dim);
    std::vector<size_t> ranks;
    for (size_t q = 0; q < total - count; ++q) {
        std::vector<FoundPassage> found;
        for (auto scored : index.search(row(count + q), kDeepest)) {
            document::Span wide = document::wholeParagraphs(
                planted.document, passages[scored.index].start, passages[scored.index].end, 260);
            found.push_back({scored.index, wide.start, wide.end, scored.score});
        }
        ranks.push_back(rankOf(planted.facts[q % planted.facts.size()], found));
    }
    return ranks;
}

void measureStates(const PlantedDocument &planted, const std::string &model) {
    engine::Engine engine(modelOf(model));
    auto passages = document::splitPassages(planted.document);
    Variants variants(engine, 1024);
    for (const document::Passage &passage : passages)
        variants.read(planted.document.span(passage.start, passage.end));
    for (auto [how, wording] : kWordings) // one wording after the other
        for (const PlantedFact &fact : planted.facts)
            variants.read(fact.question(wording));
    printHead("states, all 60 questions");
    for (const Variant &variant : variants.all())
        for (auto [name, centre] :
             {std::pair{"", Centre::none}, std::pair{", centred", Centre::passages},
              std::pair{", questions apart", Centre::each}})
            printRow(variant.name + name, ranksOf(planted, passages, variant, centre));
}

int run(int argc, char **argv) {
    std::string what = argc > 1 ? argv[1] : "words";
    std::string model = argc > 2 ? argv[2] : testing::findDefaultModel();
    PlantedDocument planted = testing::makePlantedDocument(LONGSCOPE_TEST_DATA);
    if (what == "words")
        measureWords(planted);
    else if (what == "all")
        measureAll(planted, model);
    else if (what == "states")
        measureStates(planted, model);
    else
        fail(ErrorKind::usage, "words, all or states, not \"{}\"", what);
    return 0;
}

} // namespace
} // namespace longscope

int main(int argc, char **argv) {
    try {
        return longscope::run(argc, argv);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "retrieval_bench: error: %s\n", error.what());
        return 1;
    }
}
