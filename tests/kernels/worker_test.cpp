// The worker thread: what commands leave in snapshots, streaming, stopping, order, reuse of what
// was read. Runs on a small random model; its text means nothing, its lengths and states do.
#include "compute/engine/worker.h"
#include "tests/support/engines.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace longscope::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A tiny model in a file of its own.
class ModelFile : public testing::TemporaryModel {
  public:
    explicit ModelFile(uint32_t context_tokens = 4096)
        : TemporaryModel(testing::makeTinyLlama({.context_tokens = context_tokens})) {}
};

LoadModel load(const std::string &path) {
    LoadModel command;
    command.engine.model_path = path;
    const char *validation = std::getenv("LONGSCOPE_VALIDATION");
    command.engine.validation = validation && std::string_view(validation) == "1";
    return command;
}

GenerateOptions greedy(uint64_t max_tokens) {
    GenerateOptions options;
    options.sampling.temperature = 0;
    options.max_tokens = max_tokens;
    return options;
}

Chat chat(std::vector<model::Message> messages, uint64_t max_tokens) {
    return {.messages = std::move(messages), .options = greedy(max_tokens)};
}

TEST(Worker, ALoadErrorStandsInTheSnapshotAndTheThreadLives) {
    Worker worker;
    uint64_t id = worker.push(load("missing.gguf"));
    auto snapshot = worker.waitForEnd(id);
    EXPECT_EQ(snapshot->task.id, id);
    EXPECT_EQ(snapshot->task.state, TaskState::failed);
    EXPECT_EQ(snapshot->task.error_kind, ErrorKind::file);
    EXPECT_NE(snapshot->task.error.find("missing.gguf"), std::string::npos) << snapshot->task.error;
    EXPECT_FALSE(snapshot->model);
    auto next = worker.waitForEnd(worker.push(chat({{"user", "hi"}}, 4)));
    EXPECT_EQ(next->task.state, TaskState::failed);
    EXPECT_EQ(next->task.error, "no model is loaded");
    EXPECT_GT(next->version, snapshot->version);
}

TEST(Worker, ChatStreamsAndVersionsGrow) {
    ModelFile file;
    Worker worker;
    auto loaded = worker.waitForEnd(worker.push(load(file.path())));
    ASSERT_EQ(loaded->task.state, TaskState::done) << loaded->task.error;
    ASSERT_TRUE(loaded->model);
    EXPECT_EQ(loaded->model->architecture, "llama");
    EXPECT_EQ(loaded->model->context_tokens, 4096u);
    EXPECT_GT(loaded->model->weight_bytes, 0u);
    EXPECT_FALSE(loaded->memory.empty());

    uint64_t id = worker.push(chat({{"user", "Say something."}}, 24));
    std::string text;
    int pieces = 0;
    auto snapshot = worker.snapshot();
    while (snapshot->task.id != id || snapshot->task.state == TaskState::running) {
        auto next = worker.waitForChange(snapshot->version, 10s);
        ASSERT_GT(next->version, snapshot->version);
        snapshot = next;
        if (snapshot->task.id != id)
            continue;
        ASSERT_TRUE(snapshot->task.text.starts_with(text));
        pieces += snapshot->task.text.size() > text.size();
        text = snapshot->task.text;
    }
    ASSERT_EQ(snapshot->task.state, TaskState::done) << snapshot->task.error;
    EXPECT_EQ(snapshot->task.finish, Finish::length);
    EXPECT_EQ(snapshot->task.written_tokens, 24u);
    EXPECT_GT(snapshot->task.prompt_tokens, 10u);
    EXPECT_EQ(snapshot->task.template_used, "template");
    EXPECT_EQ(snapshot->window_tokens, 512u);
    EXPECT_GE(pieces, 2);
}

TEST(Worker, StopKeepsWhatWasWritten) {
    ModelFile file;
    Worker worker;
    worker.push(load(file.path()));
    uint64_t id = worker.push(chat({{"user", "Go on for long."}}, 3000));
    uint64_t waiting = worker.push(chat({{"user", "Never reached."}}, 3000));
    auto snapshot = worker.snapshot();
    while (snapshot->task.id < id || snapshot->task.written_tokens < 3) {
        snapshot = worker.waitForChange(snapshot->version, 10s);
        ASSERT_LE(snapshot->task.id, id) << "it ended before it was stopped";
    }
    auto start = Clock::now();
    worker.stop();
    auto ended = worker.waitForEnd(id);
    EXPECT_LT(Clock::now() - start, 200ms);
    EXPECT_EQ(ended->task.state, TaskState::stopped);
    EXPECT_EQ(ended->task.finish, Finish::stopped);
    EXPECT_GE(ended->task.written_tokens, 3u);
    EXPECT_FALSE(ended->task.text.empty());
    auto dropped = worker.waitForEnd(waiting);
    EXPECT_EQ(dropped->task.id, waiting);
    EXPECT_EQ(dropped->task.state, TaskState::stopped);
    // A stop is for what ran and waited, not for what comes later.
    auto later = worker.waitForEnd(worker.push(chat({{"user", "Again."}}, 2)));
    EXPECT_EQ(later->task.state, TaskState::done) << later->task.error;
}

TEST(Worker, ASecondMessageReusesWhatWasRead) {
    ModelFile file;
    Worker worker;
    worker.push(load(file.path()));
    std::vector<model::Message> messages = {{"user", std::string(200, 'a')}};
    auto first = worker.waitForEnd(worker.push(chat(messages, 8)));
    ASSERT_EQ(first->task.state, TaskState::done) << first->task.error;
    EXPECT_EQ(first->task.reused_tokens, 0u);
    messages.push_back({"assistant", "yes"});
    messages.push_back({"user", "and then?"});
    auto second = worker.waitForEnd(worker.push(chat(messages, 8)));
    ASSERT_EQ(second->task.state, TaskState::done) << second->task.error;
    EXPECT_GE(second->task.reused_tokens, 200u);
    EXPECT_LT(second->task.reused_tokens, second->task.prompt_tokens);
}

TEST(Worker, ALargerWindowIsReadAgainAndDoubles) {
    ModelFile file;
    Worker worker;
    worker.push(load(file.path()));
    auto first = worker.waitForEnd(worker.push(chat({{"user", std::string(300, 'a')}}, 8)));
    EXPECT_EQ(first->window_tokens, 512u);
    auto second = worker.waitForEnd(worker.push(chat({{"user", std::string(600, 'a')}}, 8)));
    ASSERT_EQ(second->task.state, TaskState::done) << second->task.error;
    EXPECT_EQ(second->window_tokens, 1024u);
    EXPECT_EQ(second->task.reused_tokens, 0u);
    auto third = worker.waitForEnd(worker.push(chat({{"user", std::string(610, 'a')}}, 8)));
    EXPECT_EQ(third->window_tokens, 1024u);
    EXPECT_GT(third->task.reused_tokens, 600u);
}

TEST(Worker, RefusesWhatDoesNotFitWithTheNumbers) {
    ModelFile file(512);
    Worker worker;
    worker.push(load(file.path()));
    auto ended = worker.waitForEnd(worker.push(chat({{"user", std::string(700, 'a')}}, 16)));
    EXPECT_EQ(ended->task.state, TaskState::failed);
    EXPECT_EQ(ended->task.error_kind, ErrorKind::usage);
    EXPECT_NE(ended->task.error.find("and the reply 16, the window of this model is 512"),
              std::string::npos)
        << ended->task.error;
    // A reply may meet the end of the window.
    auto full = worker.waitForEnd(worker.push(chat({{"user", std::string(440, 'a')}}, 2000)));
    ASSERT_EQ(full->task.state, TaskState::done) << full->task.error;
    EXPECT_EQ(full->task.finish, Finish::window_full);
    EXPECT_EQ(full->window_tokens, 512u);
}

TEST(Worker, CommandsRunInOrder) {
    ModelFile file;
    Worker worker;
    std::vector<uint64_t> ids = {worker.push(load(file.path()))};
    for (int i = 0; i < 3; ++i)
        ids.push_back(worker.push(Complete{.text = "abc", .options = greedy(4)}));
    ids.push_back(worker.push(Unload{}));
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    auto last = worker.waitForEnd(ids.back());
    EXPECT_FALSE(last->model);
    EXPECT_EQ(last->task.state, TaskState::done);
    uint64_t version = 0;
    std::string text;
    for (uint64_t id : ids) {
        auto snapshot = worker.waitForEnd(id);
        EXPECT_EQ(snapshot->task.id, id);
        EXPECT_EQ(snapshot->task.state, TaskState::done) << snapshot->task.error;
        EXPECT_GT(snapshot->version, version);
        version = snapshot->version;
        if (id > ids[1] && id < ids.back()) {
            EXPECT_EQ(snapshot->task.text, text); // greedy: the same again
        }
        text = snapshot->task.text;
    }
}

TEST(Worker, AnotherWayOfReadingForgetsAndRefusalsLeaveAllAsItIs) {
    ModelFile file;
    Worker worker;
    worker.push(load(file.path()));
    auto read = worker.waitForEnd(worker.push(Read{std::string(200, 'a')}));
    ASSERT_EQ(read->task.state, TaskState::done) << read->task.error;
    EXPECT_EQ(read->used_tokens, read->task.prompt_tokens);
    EXPECT_GE(read->used_tokens, 200u);

    Configure impossible;
    impossible.session.rope = attention::parseRope("self-extend:4,64");
    impossible.session.eviction = attention::parseEviction("h2o:64");
    auto refused = worker.waitForEnd(worker.push(impossible));
    EXPECT_EQ(refused->task.state, TaskState::failed);
    EXPECT_EQ(refused->used_tokens, read->used_tokens);

    Configure windowed;
    const std::string spec = "sinks:4+28";
    windowed.session.patterns = attention::LayerPatterns(std::span(&spec, 1));
    auto changed = worker.waitForEnd(worker.push(windowed));
    ASSERT_EQ(changed->task.state, TaskState::done) << changed->task.error;
    EXPECT_EQ(changed->used_tokens, 0u);
    auto again = worker.waitForEnd(worker.push(Read{std::string(200, 'a')}));
    EXPECT_EQ(again->task.reused_tokens, 0u);
    EXPECT_GT(again->forgotten.end, again->forgotten.first);
}

TEST(Worker, InquiriesSeeTheSessionAndTheirErrorsEndTheTask) {
    ModelFile file;
    Worker worker;
    worker.push(load(file.path()));
    worker.waitForEnd(worker.push(Read{std::string(100, 'a')}));
    size_t seen = 0;
    auto looked = worker.waitForEnd(worker.push(Inquire{
        "looking", [&](Engine &, Session *session, const ProgressSink &progress, std::stop_token) {
            progress({.label = "", .unit = "layers", .done = 1, .total = 2});
            seen = session->tokens().size();
        }}));
    EXPECT_EQ(looked->task.state, TaskState::done);
    EXPECT_EQ(looked->task.progress.label, "looking");
    EXPECT_EQ(seen, looked->used_tokens);
    auto failed = worker.waitForEnd(worker.push(
        Inquire{"failing", [](Engine &, Session *, const ProgressSink &, std::stop_token) {
                    fail(ErrorKind::usage, "layer 9 of 2");
                }}));
    EXPECT_EQ(failed->task.state, TaskState::failed);
    EXPECT_EQ(failed->task.error, "layer 9 of 2");
    EXPECT_EQ(failed->used_tokens, looked->used_tokens);
}

} // namespace
} // namespace longscope::engine
