// Summaries under SIGKILL at random instants: started again they go on, make no finished call
// twice, and end as if nothing had happened. The model digests, the library is real.
#include "compute/document/library.h"
#include "compute/reading/summarize.h"
#include "tests/support/digesting_model.h"
#include "tests/support/kill_test.h"
#include "tests/support/library_folder.h"
#include "tests/support/made_text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace longscope::reading {
namespace {

using document::Document;
using document::Library;
using document::ResultStore;
using SummaryKilled = document::LibraryFolder;

constexpr Strategy kInParts[] = {Strategy::map_reduce, Strategy::refine, Strategy::tree};

/// The task of a number: after one has ended the next is begun.
struct Task {
    Document document;
    SummaryOptions options;
    bool together = false;
};

Task taskOf(size_t number) {
    Task task;
    std::string text;
    for (uint64_t section = 1; section <= 6; ++section)
        text += testing::madeSection("Section " + std::to_string(section), 1,
                                     100'000 * number + 1000 * section, 8);
    task.document = document::importText(text, std::format("{}.md", number), true);
    task.options.strategy = kInParts[number % std::size(kInParts)];
    task.together = number / std::size(kInParts) % 2 == 1;
    return task;
}

std::string textOf(const Summary &summary) {
    std::string text;
    for (const SourcedSentence &sentence : summary.sentences)
        text += std::format("{}[{}] ", sentence.text, sentence.sources.size());
    return text;
}

/// Without measuring speeds, which is done once only.
Summary write(const Task &task, TextModel &model, ResultStore &store) {
    Plan plan = planSummary(task.document, &model, task.options);
    return runPlan(task.document, plan, task.options, {.model = model, .store = store}, {});
}

/// Says what it was told to keep when that has been kept.
class TellingStore final : public ResultStore {
  public:
    TellingStore(ResultStore &inner, const Teller &tell) : inner_(inner), tell_(tell) {}
    std::optional<std::string> find(std::string_view kind, std::string_view key) const override {
        return inner_.find(kind, key);
    }
    void keep(std::string_view kind, std::string_view key, std::string_view bytes) override {
        inner_.keep(kind, key, bytes);
        if (!key.contains('\n')) // a line for each thing done
            tell_(std::format("kept {}\t{}", kind, key));
    }
    void keepAll(std::string_view kind, std::span<const Item> items) override {
        inner_.keepAll(kind, items);
        for (const Item &item : items)
            if (!item.key.contains('\n'))
                tell_(std::format("kept {}\t{}", kind, item.key));
    }

  private:
    ResultStore &inner_;
    const Teller &tell_;
};

void summarizeKept(const std::string &path, const Task &task, const Teller &tell) {
    Library library(path);
    if (!library.warning().empty())
        throw std::runtime_error(library.warning());
    document::DocumentResults results(library, library.addDocument(task.document));
    TellingStore store(results, tell);
    testing::DigestingModel model;
    model.window_tokens = 1300;
    model.together = model.shows_group = task.together;
    model.before_call = [&](size_t) {
        tell("called");
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
    };
    Summary summary = write(task, model, store);
    tell("ended " + textOf(summary));
}

struct Undisturbed {
    std::string text;
    size_t calls = 0;
};

Undisturbed undisturbed(const Task &task) {
    testing::DigestingModel model;
    model.window_tokens = 1300;
    model.together = model.shows_group = task.together;
    document::ResultsInMemory store;
    Summary summary = write(task, model, store);
    return {textOf(summary), model.prompts.size()};
}

TEST_F(SummaryKilled, EndsAsIfNothingHadHappenedAfterFiftyKills) {
    size_t number = 0, calls = 0, kept = 0, kills = 0, calls_in_all = 0;
    surviveKills(
        {.rounds = 50, .longest = std::chrono::milliseconds(120), .from = KillFrom::first_line},
        [&](const Teller &tell, unsigned) { summarizeKept(path(), taskOf(number), tell); },
        [&](const KilledWork &killed, unsigned) {
            if (!std::filesystem::exists(path()))
                return; // killed before it had made the file
            Library library(path());
            EXPECT_EQ(library.warning(), "");
            for (const std::string &line : killed.told) {
                calls += line == "called";
                if (!line.starts_with("kept "))
                    continue;
                ++kept;
                size_t tab = line.find('\t');
                EXPECT_TRUE(library.find(line.substr(5, tab - 5), line.substr(tab + 1))) << line;
            }
            if (!killed.ended) {
                ++kills;
                return;
            }
            Undisturbed whole = undisturbed(taskOf(number));
            ASSERT_FALSE(killed.told.empty());
            EXPECT_EQ(killed.told.back(), "ended " + whole.text);
            EXPECT_GE(calls, whole.calls);
            // A kill costs the call that it fell into, or the group of calls.
            EXPECT_LE(calls, whole.calls + kills * (taskOf(number).together ? 32 : 1));
            calls_in_all += calls;
            calls = kills = 0;
            ++number;
        });
    std::printf("%zu summaries ended, %zu results kept, %zu calls in them\n", number, kept,
                calls_in_all);
    EXPECT_GT(number, 2u);
}

} // namespace
} // namespace longscope::reading
