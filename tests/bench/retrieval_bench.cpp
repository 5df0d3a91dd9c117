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

/// States of one layer, each token counting as much but the first: one mean of a text, or one of
/// each sentence.
struct Variant {
    std::string name;
    engine::StateRequest request;
    bool sentences = false;
    std::vector<float> rows{};     ///< [vectors, dim]
    std::vector<size_t> text_of{}; ///< each vector
};

class Variants {
  public:
    Variants(engine::Engine &engine, uint64_t window) : engine_(engine) {
        const model::Config &config = engine.config();
        for (uint32_t layer : {0u, config.layers / 8, config.layers / 4, config.layers / 2,
                               config.layers * 3 / 4, config.layers - 2, config.layers})
            for (bool sentences : {false, true})
                all_.push_back({.name = std::format("layer {} of {}", layer,
                                                    sentences ? "sentences" : "passages"),
                                .request = {layer, layer == config.layers},
                                .sentences = sentences});
        for (Variant &variant : all_) {
            collectors_.emplace_back(
                engine.device(), config, variant.request,
                [this, &variant](uint64_t position, std::span<const float> state) {
                    take(variant, position, state);
                });
            observers_.add(collectors_.back());
        }
        engine::SessionOptions options;
        options.context_tokens = window;
        session_.emplace(engine, options);
    }

    void read(std::string_view text, const std::vector<document::Span> &parts) {
        tokens_ = engine_.tokenizer().encodePlaced(text, {.parse_special = false});
        parts_ = parts;
        size_t dim = engine_.config().model_dim;
        for (Variant &variant : all_) {
            size_t vectors = variant.sentences ? parts.size() : 1;
            variant.rows.resize(variant.rows.size() + vectors * dim, 0.0f);
            variant.text_of.insert(variant.text_of.end(), vectors, texts_);
        }
        ++texts_;
        session_->truncate(0);
        session_->read(tokens_.ids, {}, {}, &observers_);
    }
    std::deque<Variant> &all() { return all_; }

  private:
    void take(Variant &variant, uint64_t position, std::span<const float> state) {
        if (position == 0)
            return;
        double scale = 1 / std::sqrt(document::dot(state, state));
        size_t vectors = variant.sentences ? parts_.size() : 1, dim = state.size();
        float *rows = variant.rows.data() + variant.rows.size() - vectors * dim;
        size_t byte = tokens_.starts[position];
        for (size_t part = 0; part < vectors; ++part)
            if (!variant.sentences || (byte >= parts_[part].start && byte < parts_[part].end))
                for (size_t i = 0; i < dim; ++i)
                    rows[part * dim + i] +=
                        static_cast<float>(scale * static_cast<double>(state[i]));
    }

    engine::Engine &engine_;
    std::deque<Variant> all_;
    std::deque<engine::HiddenStates> collectors_;
    engine::Observers observers_;
    std::optional<engine::Session> session_;
    model::Tokenizer::Placed tokens_; ///< of the text that is read
    std::vector<document::Span> parts_;
    size_t texts_ = 0;
};

enum class Centre { none, passages, questions };

/// Ranks by the cosine of the nearest vector; the questions of all wordings stand first, each with
/// one vector.
std::vector<size_t> ranksOf(const PlantedDocument &planted,
                            const std::vector<document::Passage> &passages, const Variant &variant,
                            size_t questions, Centre centre) {
    size_t total = variant.text_of.size(), dim = variant.rows.size() / total;
    std::vector<float> rows = variant.rows;
    auto row = [&](size_t i) { return std::span(rows).subspan(i * dim, dim); };
    for (size_t i = 0; i < total; ++i)
        document::normalize(row(i));
    auto meanOf = [&](size_t first, size_t end) {
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
    if (centre != Centre::none) {
        auto mean = meanOf(questions, total);
        take(0, questions, centre == Centre::questions ? meanOf(0, questions) : mean);
        take(questions, total, mean);
    }
    document::VectorIndex index(std::span<const float>(rows).subspan(questions * dim), dim);
    std::vector<size_t> ranks;
    for (size_t q = 0; q < questions; ++q) {
        std::vector<FoundPassage> found;
        for (auto scored : index.search(row(q), kDeepest * 10)) {
            size_t passage = variant.text_of[questions + scored.index] - questions;
            if (found.size() < kDeepest &&
                std::ranges::none_of(found, [&](auto &one) { return one.passage == passage; }))
                found.push_back(
                    {passage, passages[passage].start, passages[passage].end, scored.score});
        }
        ranks.push_back(rankOf(planted.facts[q % planted.facts.size()], found));
    }
    return ranks;
}

void measureStates(const PlantedDocument &planted, const std::string &model) {
    engine::Engine engine(modelOf(model));
    auto passages = document::splitPassages(planted.document);
    Variants variants(engine, 1024);
    size_t questions = 0;
    for (auto [how, wording] : kWordings)
        for (const PlantedFact &fact : planted.facts) {
            variants.read(fact.question(wording), {{0, fact.question(wording).size()}});
            ++questions;
        }
    for (const document::Passage &passage : passages) {
        std::vector<document::Span> parts;
        for (size_t p = passage.first_paragraph; p <= passage.last_paragraph; ++p)
            for (document::Span piece : document::quotablePieces(planted.document, p, 90))
                if (piece.start >= passage.start && piece.end <= passage.end)
                    parts.push_back({piece.start - passage.start, piece.end - passage.start});
        variants.read(planted.document.span(passage.start, passage.end), parts);
    }
    printHead("states, 60 questions");
    for (const Variant &variant : variants.all())
        for (auto [name, centre] :
             {std::pair{"", Centre::none}, std::pair{", centred", Centre::passages},
              std::pair{", questions apart", Centre::questions}})
            printRow(variant.name + name, ranksOf(planted, passages, variant, questions, centre));
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
