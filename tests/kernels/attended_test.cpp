// Where a model looked while it wrote: against the shares of single spans, and whether the sentence
// that was asked for is the one.
#include "compute/engine/attention_metrics.h"
#include "compute/reading/ask.h"
#include "compute/reading/attended_sources.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/prompts.h"
#include "compute/reading/worker_task.h"
#include "tests/support/default_model.h"
#include "tests/support/engines.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace longscope::reading {
namespace {

using attention::Interval;

const char *kMill =
    "The mill stands at the river. It was built in 1874 by Anna Berg. The roof is red and the "
    "door is green. Every spring the wheel is oiled. In winter nobody lives there.";

document::Document mill() {
    return document::importText(kMill, "mill.txt", false);
}

void load(engine::Worker &worker, const std::string &path, engine::SessionOptions options = {}) {
    engine::LoadModel load;
    load.engine.model_path = path;
    load.session = options;
    runTask(worker, load);
}

void withSession(engine::Worker &worker, const std::function<void(engine::Session &)> &work) {
    auto body = [&](engine::Engine &, engine::Session *session, const ProgressSink &,
                    const std::stop_token &) { work(*session); };
    runTask(worker, engine::Inquire{.label = "", .work = body});
}

/// A reply to the mill's text, as many tokens as a small random model writes.
TextReply writeOfTheMill(EngineModel &model) {
    TextRequest request{.messages = readingPrompt(kMill, "What is it?"), .options = {}};
    request.options.sampling.temperature = 0;
    request.options.max_tokens = 6;
    return model.write(request, {}, {}, {});
}

TEST(Attended, IsTheShareBeyondWhatTheTaskGives) {
    testing::TemporaryModel file(testing::makeTinyLlama({}));
    engine::Worker worker;
    load(worker, file.path());
    EngineModel model(worker);
    TextReply reply = writeOfTheMill(model);
    std::string said; // by all tokens
    std::vector<size_t> starts;
    withSession(worker, [&](engine::Session &session) {
        for (model::Token token : session.tokens()) {
            starts.push_back(said.size());
            said += session.engine().tokenizer().bytesOf(token);
        }
    });
    ASSERT_GT(starts.size(), reply.prompt_tokens);
    const std::string written = said.substr(starts[reply.prompt_tokens]);
    ReadText read = wholeText(mill());
    ASSERT_EQ(read.parts.size(), 5u);
    AttendedShares shares = model.attended({read.text, read.parts, {written, "not written"}}, {});
    ASSERT_EQ(shares.size(), 2u);
    ASSERT_EQ(shares[0].size(), 5u);
    EXPECT_TRUE(shares[1].empty());

    withSession(worker, [&](engine::Session &session) {
        auto tokenAt = [&](size_t byte) { // the token that holds it
            return static_cast<uint64_t>(std::ranges::upper_bound(starts, byte) - starts.begin() -
                                         1);
        };
        size_t text = said.find(kMill);
        ASSERT_NE(text, said.npos);
        Interval queries{reply.prompt_tokens - 1, starts.size() - 1};
        uint64_t text_end = tokenAt(text + read.parts.back().end - 1) + 1;
        Interval control = controlQueries(text_end, reply.prompt_tokens);
        EXPECT_EQ(control.end, reply.prompt_tokens - 1);
        EXPECT_GE(control.first, text_end);
        ASSERT_LT(control.first, control.end);
        for (size_t part = 0; part < read.parts.size(); ++part) {
            Interval keys{tokenAt(text + read.parts[part].start),
                          tokenAt(text + read.parts[part].end - 1) + 1};
            auto share = [&](Interval of) {
                return engine::sharesOfSpans(
                    session, {.first_query = of.first, .end_query = of.end, .spans = {keys}})[0];
            };
            EXPECT_NEAR(shares[0][part], share(queries) - share(control), 1e-6) << part;
        }
    });
}

TEST(Attended, IsNotKnownWhereTokensWereForgottenOrTheTextIsAnother) {
    testing::TemporaryModel file(testing::makeTinyLlama({}));
    engine::Worker worker;
    ReadText read = wholeText(mill());
    for (bool forgot : {false, true}) {
        engine::SessionOptions options;
        if (forgot)
            options.patterns = attention::LayerPatterns(std::vector<std::string>{"window:16"});
        load(worker, file.path(), options);
        EngineModel model(worker);
        std::string reply = writeOfTheMill(model).text;
        EXPECT_EQ(model.attended({read.text, read.parts, {reply}}, {}).empty(), forgot);
        EXPECT_TRUE(model.attended({"Another text.", {{0, 7}}, {reply}}, {}).empty());
        std::vector<SourcedSentence> sentences = {{.text = reply, .sources = {}}};
        addAttended(model, read, sentences, {}); // must not throw
        EXPECT_TRUE(!forgot || sentences[0].attended.empty());
    }
}

TEST(Attended, AWrittenAnswerNamesTheSentenceItWasTakenFrom) {
    std::string path = testing::findDefaultModel();
    ASSERT_FALSE(path.empty()) << testing::kNoDefaultModel;
    engine::Worker worker;
    load(worker, path);
    EngineModel model(worker);
    document::Document document = mill();
    for (AskStrategy strategy : {AskStrategy::whole, AskStrategy::retrieve}) {
        AskOptions options;
        options.write = true;
        options.strategy = strategy;
        Answer answer = Asker(document, options, &model).ask("Who built the mill in 1874?");
        ASSERT_TRUE(answer.written && answer.found) << answer.text;
        const SourcedSentence &first = answer.sentences.front();
        ASSERT_TRUE(document.text.contains(first.text)) << first.text; // it copies
        ASSERT_FALSE(first.attended.empty()) << first.text;
        const Source &most = first.attended.front();
        EXPECT_EQ(document.span(most.start, most.end), first.text);
        EXPECT_GT(most.score, 0);
        for (size_t i = 1; i < first.attended.size(); ++i)
            EXPECT_LE(first.attended[i].score, first.attended[i - 1].score);
    }
}

} // namespace
} // namespace longscope::reading
