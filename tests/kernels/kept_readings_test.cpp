// The folder of kept readings: what comes back, what goes when it is full, and what a kill leaves.
#include "compute/core/text.h"
#include "compute/engine/worker.h"
#include "compute/reading/engine_scorer.h"
#include "compute/reading/kept_readings.h"
#include "tests/support/session_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <format>
#include <random>
#include <thread>

namespace longscope::reading {
namespace {

using namespace std::chrono_literals;
using namespace longscope::engine;

class KeptReadingsTest : public SessionFileTest {
  protected:
    std::shared_ptr<KeptReadings> open(uint64_t least_tokens = 64, uint64_t most_bytes = 1 << 30) {
        auto kept = std::make_shared<KeptReadings>(KeptReadingsOptions{
            .folder = path("kept"), .least_tokens = least_tokens, .most_bytes = most_bytes});
        kept->onWarning([this](const std::string &text) { warnings_.push_back(text); });
        return kept;
    }
    std::vector<std::string> warnings_;
    /// Reads a prompt as the worker does; how many tokens came back.
    uint64_t read(KeptReadings &kept, Session &session, std::span<const Token> prompt) {
        uint64_t restored = kept.begin(session, prompt, {}, {});
        session.read(prompt, [&](const Progress &progress) {
            if (progress.done < prompt.size())
                kept.grown(session);
        });
        kept.end(session);
        return restored;
    }
    uint64_t readNew(KeptReadings &kept, std::span<const Token> prompt,
                     const SessionOptions &options = withTypes(CacheType::f16, CacheType::f16)) {
        SessionOptions with = options;
        with.chunk_tokens = 8;
        with.context_tokens = 600;
        Session session(engine(), with);
        uint64_t restored = read(kept, session, prompt);
        Session other(engine(), with);
        other.read(prompt);
        EXPECT_EQ(session.tokens(), other.tokens());
        return restored;
    }
    static Engine &engine() {
        return testing::engineFor("kept readings", "auto", [] {
            return testing::makeTinyLlama(
                {.model_dim = 64, .heads = 2, .kv_heads = 1, .head_dim = 32, .ffn_dim = 64});
        });
    }
    /// Of one text; another seed, another text.
    static std::vector<Token> text(size_t count, uint32_t seed = 1) {
        std::mt19937 random(seed);
        std::vector<Token> ids;
        for (size_t i = 0; i < count; ++i)
            ids.push_back(static_cast<Token>('a' + random() % 26));
        return ids;
    }
    static std::vector<Token> joined(std::vector<Token> a, const std::vector<Token> &b) {
        a.insert(a.end(), b.begin(), b.end());
        return a;
    }
};

TEST_F(KeptReadingsTest, TheLongestBeginningComesBack) {
    auto kept = open();
    std::vector<Token> document = text(300);
    EXPECT_EQ(readNew(*open(), joined(document, text(20, 2))), 0u);
    ASSERT_EQ(kept->list().size(), 1u);
    KeptReading first = kept->list().front();
    EXPECT_EQ(first.tokens, 320u);
    EXPECT_EQ(first.bytes, std::filesystem::file_size(path("kept/" + first.id + ".reading")));
    EXPECT_EQ(first.problem, "");
    EXPECT_TRUE(holds(first.model, "("));
    // Another question about the same text, a longer one, and quite another text.
    EXPECT_EQ(readNew(*open(), joined(document, text(20, 3))), 300u);
    EXPECT_EQ(kept->list().size(), 1u) << "what is new is short";
    EXPECT_EQ(kept->list().front().tokens, 320u);
    EXPECT_EQ(readNew(*open(), joined(document, text(200, 4))), 300u);
    ASSERT_EQ(kept->list().size(), 1u) << "a short rest gives way to a long one";
    EXPECT_EQ(kept->list().front().tokens, 500u);
    EXPECT_EQ(readNew(*open(), joined(document, text(90, 5))), 300u);
    EXPECT_EQ(kept->list().size(), 2u) << "two long ends of one beginning";
    EXPECT_EQ(readNew(*open(), joined(document, text(200, 4))), 499u);
    EXPECT_EQ(readNew(*open(), joined(document, text(90, 5))), 389u);
    EXPECT_EQ(readNew(*open(), text(300, 9)), 0u);
    EXPECT_EQ(kept->list().size(), 3u);
    EXPECT_EQ(readNew(*open(), text(63, 10)), 0u); // too short to be kept
    EXPECT_EQ(kept->list().size(), 3u);
    struct stat facts {};
    ASSERT_EQ(::stat(path("kept").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u);
}

TEST_F(KeptReadingsTest, AConversationGrowsInItsFile) {
    auto kept = open();
    SessionOptions options = withTypes(CacheType::q8_0, CacheType::f16);
    options.context_tokens = 600;
    Session session(engine(), options);
    std::vector<Token> turns = text(100);
    for (uint32_t turn = 0; turn < 4; ++turn) {
        EXPECT_EQ(read(*kept, session, turns), 0u) << "the session has it";
        turns = joined(turns, text(30, turn + 2));
    }
    ASSERT_EQ(kept->list().size(), 1u);
    EXPECT_EQ(kept->list().front().tokens, 190u);
    Session again(engine(), options);
    EXPECT_EQ(read(*open(), again, turns), 190u);
    session.read(turns);
    EXPECT_TRUE(sameBits(again.logits(), session.logits()));
}

TEST_F(KeptReadingsTest, AnotherWayOfReadingHasItsOwn) {
    auto kept = open();
    std::vector<Token> document = text(200);
    SessionOptions window = withPattern("window:24"),
                   types = withTypes(CacheType::f32, CacheType::f32);
    EXPECT_EQ(readNew(*kept, document), 0u);
    EXPECT_EQ(readNew(*kept, document, window), 0u);
    EXPECT_EQ(readNew(*kept, document, types), 0u);
    EXPECT_EQ(kept->list().size(), 3u);
    EXPECT_EQ(readNew(*kept, document, window), 199u);
    EXPECT_EQ(readNew(*kept, document, types), 199u);
    SessionOptions evicting = withTypes(CacheType::f16, CacheType::f16);
    evicting.eviction = attention::parseEviction("h2o:100");
    EXPECT_EQ(readNew(*kept, document, evicting), 0u);
    EXPECT_EQ(kept->list().size(), 3u);
    // A file that says something else than its name is not believed.
    std::vector<KeptReading> all = kept->list();
    std::string name = all[0].id, other = all[1].id;
    std::filesystem::copy_file(path("kept/" + other + ".reading"),
                               path("kept/" + name + ".reading"),
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(readNew(*open(), document, types), 0u);
}

TEST_F(KeptReadingsTest, TheLeastRecentlyUsedGoes) {
    auto kept = open();
    readNew(*kept, text(200, 1));
    uint64_t one = kept->list().front().bytes;
    kept = open(64, 3 * one + one / 2);
    for (uint32_t seed = 2; seed <= 3; ++seed)
        readNew(*kept, text(200, seed));
    EXPECT_EQ(readNew(*kept, text(200, 1)), 199u); // used again
    kept->pin(kept->list()[1].id, true);           // the third
    readNew(*kept, text(200, 4));                  // the second must go
    EXPECT_EQ(kept->list().size(), 3u);
    EXPECT_EQ(readNew(*open(), text(100, 2)), 0u);
    kept->remove(kept->list()[0].id);
    EXPECT_EQ(readNew(*kept, text(200, 5)), 0u);
    EXPECT_EQ(readNew(*kept, text(200, 6)), 0u);
    EXPECT_EQ(readNew(*kept, text(200, 3)), 199u); // pinned
    EXPECT_TRUE(warnings_.empty());

    for (const KeptReading &reading : kept->list())
        kept->pin(reading.id, true);
    readNew(*kept, text(500, 7)); // reads on without
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_TRUE(holds(warnings_[0], "pinned")) << warnings_[0];
    EXPECT_TRUE(holds(warnings_[0], formatBytes(kept->mostBytes()))) << warnings_[0];
    kept->pin(kept->list().front().id, false);
    EXPECT_GE(kept->purge(false), one);
    for (const KeptReading &reading : kept->list())
        EXPECT_TRUE(reading.pinned);
    EXPECT_FALSE(kept->list().empty());
    kept->purge(true);
    EXPECT_TRUE(kept->list().empty());
    errorOf(ErrorKind::usage, [&] { kept->remove("../kept"); });
    errorOf(ErrorKind::usage, [&] { kept->pin("none", true); });
}

/// A wrong bit; and what a loss of power may leave of pages that never were on the disk: zeros from
/// the middle of a page to the end of the file, and a hole over parts of two pages.
TEST_F(KeptReadingsTest, DamageCostsWhatIsBehindIt) {
    std::vector<Token> document = text(300);
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.context_tokens = 600;
    std::string file;
    using Damage = void (*)(std::string & bytes);
    for (Damage damage : {Damage([](std::string &bytes) { bytes[bytes.size() / 2] ^= 4; }),
                          Damage([](std::string &bytes) {
                              size_t size = bytes.size();
                              bytes.resize(size / 2);
                              bytes.resize(size, '\0');
                          }),
                          Damage([](std::string &bytes) {
                              bytes.replace(bytes.size() / 2, bytes.size() / 6, bytes.size() / 6,
                                            '\0');
                          })}) {
        open()->purge(true);
        {
            auto kept = open();
            Session session(engine(), options);
            for (size_t tokens = 60; tokens <= 300; tokens += 40) // pages
                read(*kept, session, std::span(document).first(tokens));
        }
        file = path("kept/" + open()->list().front().id + ".reading");
        std::string bytes = bytesOf(file);
        damage(bytes);
        writeBytes(file, bytes);
        uint64_t restored = readNew(*open(), document);
        EXPECT_GE(restored, 100u);
        EXPECT_LT(restored, 200u);
        EXPECT_EQ(readNew(*open(), document), 299u) << "what was read anew is kept";
        EXPECT_EQ(open()->list().size(), 1u);
    }
    writeBytes(file, "not what it was");
    EXPECT_EQ(readNew(*open(), document), 0u);
    size_t problems = 0;
    for (const KeptReading &reading : open()->list())
        problems += reading.problem.empty() ? 0 : 1;
    EXPECT_EQ(problems, 1u);
}

/// The reading goes on, with one warning that has the numbers; what was kept before stays.
TEST_F(KeptReadingsTest, AFullDiskIsToldAndNothingElse) {
    std::vector<Token> document = text(500);
    auto kept = open();
    engine(); // its model file is written before the disk is full
    {
        FileLimit limit(100'000);
        EXPECT_EQ(readNew(*kept, document), 0u);
    }
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_TRUE(holds(warnings_[0], "kB")) << warnings_[0];
    ASSERT_EQ(kept->list().size(), 1u);
    EXPECT_EQ(kept->list().front().tokens, 256u);
    EXPECT_EQ(kept->list().front().problem, "");
    EXPECT_EQ(readNew(*kept, document), 256u); // and there is room again
    EXPECT_EQ(kept->list().front().tokens, 500u);
    EXPECT_EQ(warnings_.size(), 1u);
}

/// Two that keep at once: one writes, the other reads what is there, and nothing is damaged.
TEST_F(KeptReadingsTest, TwoAtOnceLeaveOneAnotherAlone) {
    std::vector<Token> document = text(300);
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.chunk_tokens = 8;
    options.context_tokens = 600;
    Session first(engine(), options), second(engine(), options);
    auto one = open(), two = open();
    read(*one, first, std::span(document).first(200));
    EXPECT_EQ(read(*two, second, document), 200u); // and keeps its own: `one` holds that file
    EXPECT_EQ(open()->list().size(), 2u);
    EXPECT_EQ(read(*one, first, document), 299u); // from there
    Session third(engine(), options);
    EXPECT_EQ(read(*open(), third, document), 299u);
    // Not the same to the bit: the last token was read alone.
    EXPECT_LT(testing::nmse(copyOf(third.logits()), copyOf(second.logits())), 1e-8);
    EXPECT_EQ(read(*two, second, joined(document, text(100, 2))), 0u);
    EXPECT_EQ(open()->list().size(), 2u);
    EXPECT_EQ(open()->list().front().tokens, 400u);
}

TEST_F(KeptReadingsTest, TheWorkerProfitsWithoutKnowing) {
    testing::makeTinyLlama({.model_dim = 64, .head_dim = 16, .ffn_dim = 64})
        .save(path("model.gguf"));
    std::string document = "Text:\n# Of Ships and Harbours\nA story.\n";
    std::mt19937 random(1);
    while (document.size() < 900)
        document += static_cast<char>('a' + random() % 26);
    auto ask = [&](std::shared_ptr<Keeper> keeper, const std::string &question) {
        Worker worker(std::move(keeper));
        worker.waitForEnd(worker.push(
            LoadModel{.engine = {.model_path = path("model.gguf"), .device = ""}, .session = {}}));
        GenerateOptions few;
        few.max_tokens = 5;
        few.sampling.temperature = 0;
        return worker.waitForEnd(worker.push(Chat{{{"user", document + "\n\n" + question}}, few}))
            ->task;
    };
    Task alone = ask(nullptr, "Who?"), first = ask(open(512), "Why?"),
         again = ask(open(512), "Who?");
    EXPECT_EQ(alone.error, "");
    EXPECT_EQ(first.restored_tokens, 0u);
    EXPECT_GT(again.restored_tokens, 850u);
    EXPECT_EQ(again.reused_tokens, again.restored_tokens);
    EXPECT_LT(again.reused_tokens, again.prompt_tokens);
    EXPECT_EQ(again.text, alone.text);
    EXPECT_EQ(open()->list().front().title, "Of Ships and Harbours");
}

TEST(KeptReadingsTitles, AreTheFirstLineOfTheText) {
    EXPECT_EQ(titleOf("system\nYou read.\nuser\nText:\n\n## A story\nmore"), "A story");
    EXPECT_EQ(titleOf("\n  one line"), "one line");
    EXPECT_EQ(titleOf("Text:\n\n"), "a text");
    EXPECT_EQ(titleOf("system\nYou help.\nuser\n# Bees\nOf bees"), "Bees");
    std::string umlauts;
    for (int i = 0; i < 60; ++i)
        umlauts += "ü";
    EXPECT_EQ(titleOf("x" + umlauts), ("x" + umlauts).substr(0, 59) + "…");
    EXPECT_EQ(titleOf(std::string(59, 'a') + " b"), std::string(59, 'a') + "…");
}

// ---- killed ------------------------------------------------------------------------------------

constexpr const char *kChildFolder = "LONGSCOPE_TEST_CHILD_FOLDER";

/// What the test below starts again and again, and kills. Not a test by itself.
TEST_F(KeptReadingsTest, DISABLED_ReadsUntilItIsKilled) {
    const char *folder = std::getenv(kChildFolder);
    ASSERT_NE(folder, nullptr);
    KeptReadings kept({.folder = folder, .least_tokens = 64, .most_bytes = 1 << 30});
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.chunk_tokens = 8;
    Session session(engine(), options);
    read(kept, session, text(4000));
}

pid_t startChild(const std::string &folder) {
    std::fflush(stdout);
    pid_t child = ::fork();
    if (child != 0)
        return child;
    ::setenv(kChildFolder, folder.c_str(), 1);
    ::freopen("/dev/null", "w", stdout);
    ::execl("/proc/self/exe", "gpu_tests", "--gtest_also_run_disabled_tests",
            "--gtest_filter=KeptReadingsTest.DISABLED_ReadsUntilItIsKilled", nullptr);
    ::_exit(127);
}

TEST_F(KeptReadingsTest, KilledAtAnyInstantItGoesOnFromTheLastPage) {
    const char *wanted = std::getenv("LONGSCOPE_TEST_KILLS");
    int kills = wanted ? std::atoi(wanted) : 8;
    std::mt19937 random(static_cast<uint32_t>(::getpid()));
    uint64_t finished = 0; // tokens of whole pages that were seen on the disk
    std::string instants;
    auto seen = [&] {
        for (const KeptReading &reading : open()->list())
            finished = std::max(finished, reading.tokens);
    };
    for (int kill = 0; kill < kills; ++kill) {
        if (finished == 4000) { // all of it is there: from the beginning
            open()->purge(true);
            finished = 0;
        }
        pid_t child = startChild(path("kept"));
        ASSERT_GT(child, 0);
        uint64_t before = finished;
        int status = 0;
        bool has_ended = false;
        for (int i = 0; i < 600 && finished == before && !has_ended; ++i) {
            std::this_thread::sleep_for(100ms);
            seen();
            has_ended = ::waitpid(child, &status, WNOHANG) == child;
        }
        if (!has_ended) {
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
            seen();
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
        }
        auto all = open()->list();
        ASSERT_FALSE(all.empty());
        uint64_t left = 0;
        for (const KeptReading &reading : all) {
            EXPECT_EQ(reading.problem, "");
            left = std::max(left, reading.tokens);
        }
        EXPECT_GE(left, finished) << "after kill " << kill;
        finished = left;
        instants += std::format(" {}", left);
    }
    std::printf("tokens that were left after each kill:%s\n", instants.c_str());
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.chunk_tokens = 8;
    Session session(engine(), options), other(engine(), options);
    std::vector<Token> document = text(4000);
    auto kept = open();
    uint64_t restored = read(*kept, session, document);
    EXPECT_GE(restored + 1, finished);
    other.read(std::span(document).first(restored)); // in the same steps
    other.read(document);
    EXPECT_TRUE(sameBits(session.logits(), other.logits()));
    EXPECT_EQ(kept->list().size(), 1u);
    EXPECT_EQ(kept->list().front().tokens, 4000u);
}

/// Labels are scored after a document that another run has read.
TEST_F(KeptReadingsTest, AScorerReadsWhatWasKept) {
    testing::TemporaryModel file(testing::makeTinyLlama({}));
    ScoreRequest request{.messages = {{"user", std::string(300, 'x')}},
                         .begun = "Category:",
                         .continuations = {" sea", " land"}};
    auto score = [&] {
        Worker worker(open());
        LoadModel load;
        load.engine.model_path = file.path();
        EXPECT_EQ(worker.waitForEnd(worker.push(load))->task.error, "");
        EngineModel model(worker);
        return EngineScorer(model).score(request, {}, {});
    };
    ScoreReply first = score(), second = score();
    EXPECT_EQ(first.reused_tokens, 0u);
    EXPECT_GE(second.reused_tokens, 256u);
    for (size_t i = 0; i < 2; ++i) // the last token is read alone, by other kernels
        EXPECT_NEAR(second.likelihoods[i].log_probability, first.likelihoods[i].log_probability,
                    0.02);
}

} // namespace
} // namespace longscope::reading
