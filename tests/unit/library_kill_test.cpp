// The library under SIGKILL at random instants, on a full disk and in a folder that is read-only:
// it opens again, and what a call had returned from is there.
#include "compute/core/error.h"
#include "compute/document/library.h"
#include "compute/document/library_sql.h"
#include "tests/support/kill_test.h"
#include "tests/support/library_folder.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <ranges>
#include <set>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;
using LibraryKilled = LibraryFolder;

/// The same for the same number: some of one part, some of several.
Document documentOf(uint64_t number) {
    std::string text = std::format("# Document {}\n\nIt has the word only{}.\n\n", number, number);
    size_t bytes = number % 5 == 0 ? 300'000 : 3000 * (number % 4);
    while (text.size() < bytes)
        text += std::format("Paragraph at {} of number {}.\n\n", text.size(), number);
    Document document = importText(text, std::format("{}.md", number), true);
    document.format = "PDF";
    document.pages = {{0, "1"}, {document.text.size() / 2, std::to_string(number)}};
    return document;
}

std::string resultOf(uint64_t number) {
    return std::string(number * 37 % 9000, static_cast<char>('a' + number % 26));
}

/// Adds, keeps and removes without end, and tells "WHAT NUMBER ID" for each call that returned.
void workOn(const std::string &path, uint64_t number, const Teller &tell) {
    Library library(path);
    if (!library.warning().empty())
        throw std::runtime_error(library.warning());
    auto told = [&](const char *what, uint64_t id) {
        tell(std::format("{} {} {}", what, number, id));
    };
    for (;; ++number) {
        uint64_t document = library.addDocument(documentOf(number));
        told("document", document);
        library.keepFor(document, "step", std::format("key {}", number), resultOf(number));
        told("result", document);
        library.setTokenCounts(document,
                               {.tokenizer = "t", .tokens = number, .sections = {number}});
        told("counts", document);
        StoredRun run{.kind = "summary", .documents = {document}, .settings = "{}"};
        run.id = library.addRun(run);
        run.finished = true;
        run.result = std::format("run {}", number);
        library.updateRun(run);
        told("run", run.id);
        uint64_t conversation = library.addConversation(std::format("talk{}", number), "");
        uint64_t message = library.addMessage({.conversation = conversation,
                                               .role = "user",
                                               .text = std::format("message {}", number)});
        told("message", message);
        if (number % 3 == 0) {
            told("removing", document);
            library.removeDocument(document);
            told("removed", document);
        }
    }
}

/// What was told, of all rounds; numbers by kind and then ids.
using Told = std::map<std::string, std::map<uint64_t, uint64_t>>;

void note(Told &told, const std::vector<std::string> &lines) {
    for (const std::string &line : lines) {
        size_t first = line.find(' '), second = line.find(' ', first + 1);
        ASSERT_NE(second, line.npos) << line;
        told[line.substr(0, first)][std::stoull(line.substr(first))] =
            std::stoull(line.substr(second));
    }
}

void checkWhole(const std::string &path) {
    Database database(path);
    Statement check(database, "PRAGMA integrity_check");
    ASSERT_TRUE(check.step());
    EXPECT_EQ(check.text(0), "ok");
    for (const char *table : {"message_words", "title_words", "paragraph_words"})
        EXPECT_NO_THROW(database.execute(
            std::format("INSERT INTO {}({}) VALUES ('integrity-check')", table, table).c_str()))
            << table;
}

void checkDocument(Library &library, uint64_t number, uint64_t id) {
    Document wanted = documentOf(number);
    auto found = library.document(id);
    ASSERT_TRUE(found) << number;
    EXPECT_EQ(found->text, wanted.text);
    EXPECT_EQ(found->format, wanted.format);
    ASSERT_EQ(found->pages.size(), 2u);
    EXPECT_EQ(found->pages[1].label, std::to_string(number));
    auto hits = library.search(std::format("only{}", number), {.beginnings = false});
    ASSERT_EQ(hits.size(), 1u) << number;
    EXPECT_EQ(hits[0].document, id);
}

/// The numbers from `first` on.
void checkTold(Library &library, Told &told, uint64_t first) {
    auto since = [&](const char *what) {
        auto &all = told[what];
        return std::ranges::subrange(all.lower_bound(first), all.end());
    };
    std::set<uint64_t> gone; // or perhaps, when it was killed while it removed them
    for (auto [number, id] : since("removing"))
        gone.insert(id);
    for (auto [number, id] : since("removed"))
        EXPECT_FALSE(library.document(id)) << number;
    for (auto [number, id] : since("document"))
        if (!gone.contains(id))
            checkDocument(library, number, id);
    for (auto [number, id] : since("result"))
        if (!gone.contains(id)) {
            EXPECT_EQ(library.find("step", std::format("key {}", number)), resultOf(number));
        }
    for (auto [number, id] : since("counts"))
        if (!gone.contains(id)) {
            ASSERT_EQ(library.tokenCounts(id).size(), 1u) << number;
            EXPECT_EQ(library.tokenCounts(id)[0].tokens, number);
        }
    for (auto [number, id] : since("run")) {
        auto run = library.run(id);
        ASSERT_TRUE(run) << number;
        EXPECT_TRUE(run->finished && run->result == std::format("run {}", number)) << run->result;
    }
    for (auto [number, id] : since("message")) {
        auto found = library.findConversations(std::format("talk{}", number));
        ASSERT_FALSE(found.empty()) << number;
        auto messages = library.messages(found.back()); // newest first, and others begin so, too
        ASSERT_EQ(messages.size(), 1u) << number;
        EXPECT_EQ(messages[0].text, std::format("message {}", number));
    }
}

TEST_F(LibraryKilled, NothingFinishedIsLostAtFiftyRandomInstants) {
    constexpr uint64_t kOfARound = 1000;
    Told told;
    surviveKills(
        {.rounds = 50, .from = KillFrom::first_line},
        [&](const Teller &tell, unsigned round) { workOn(path(), round * kOfARound, tell); },
        [&](const KilledWork &killed, unsigned round) {
            note(told, killed.told);
            {
                Library library(path());
                EXPECT_EQ(library.warning(), "");
                checkTold(library, told, round * kOfARound);
            }
            checkWhole(path());
        });
    Library library(path());
    checkTold(library, told, 0);
    std::printf("told: %zu documents, %zu results, %zu messages, %zu removals\n",
                told["document"].size(), told["result"].size(), told["message"].size(),
                told["removed"].size());
    EXPECT_GT(told["message"].size(), 10u);
}

TEST_F(LibraryKilled, AFileOfVersionOneIsMigratedWhenItIsOpenedAgain) {
    unsigned opened = 0;
    surviveKills(
        {.rounds = 20, .longest = std::chrono::milliseconds(150), .seed = 2},
        [&](const Teller &tell, unsigned) {
            Library library(path());
            tell("opened");
        },
        [&](const KilledWork &killed, unsigned) {
            if (!killed.told.empty())
                ++opened;
            if (fs::exists(path())) { // of the round before the first there is none
                Library library(path());
                EXPECT_EQ(library.warning(), "");
                if (auto all = library.documents(); !all.empty()) {
                    ASSERT_EQ(all.size(), 2u);
                    EXPECT_EQ(library.document(4)->text.size(), 40000u * 8);
                    EXPECT_EQ(library.search("harbour").empty(), false);
                }
                checkWhole(path());
            }
            fs::remove_all(folder_);
            fs::create_directories(folder_ / "deeper");
            fs::copy(std::string(LONGSCOPE_TEST_DATA) + "/library_v1.sqlite", path());
            Database(path()).execute(
                "INSERT INTO documents(hash, path, title, text, outline) SELECT 0, 'long.txt', "
                "'Long', CAST(replace(hex(zeroblob(40000)), '00', 'abc de' || char(10, 10)) AS "
                "BLOB), x'00FF'");
        });
    std::printf("%u of 20 openings ended before they were killed\n", opened);
}

// Each makes the file, or finds it half made, and brings the same document.
TEST_F(LibraryKilled, SeveralProgramsUseItAtOnce) {
    std::vector<pid_t> children;
    for (uint64_t i = 0; i < 6; ++i) {
        children.push_back(fork());
        if (children.back() != 0)
            continue;
        try {
            Library library(path());
            library.addDocument(documentOf(5));
            for (uint64_t n = 0; n < 5; ++n)
                library.keep("step", std::format("{} {}", i, n), resultOf(n));
            bool found = library.search("only5").size() == 1;
            _exit(library.warning().empty() && found ? 0 : 2);
        } catch (const std::exception &error) {
            std::fprintf(stderr, "%s\n", error.what());
            _exit(3);
        }
    }
    for (pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    }
    Library library(path());
    ASSERT_EQ(library.documents().size(), 1u);
    checkDocument(library, 5, library.documents()[0].id);
    EXPECT_EQ(library.results(0).size(), 30u);
    checkWhole(path());
}

TEST_F(LibraryKilled, AFullDiskIsAnErrorAndLosesNothing) {
    KilledWork full = killAfter(std::chrono::seconds(60), [&](const Teller &tell) {
        signal(SIGXFSZ, SIG_IGN); // writing fails instead
        rlimit limit{1'000'000, RLIM_INFINITY};
        setrlimit(RLIMIT_FSIZE, &limit);
        Library library(path());
        uint64_t number = 0;
        try {
            for (;; ++number) {
                library.keep("step", std::format("key {}", number), resultOf(number));
                tell("kept");
            }
        } catch (const Error &error) {
            tell(error.what());
        }
        for (uint64_t i = 0; i < number; ++i)
            if (library.find("step", std::format("key {}", i)) != resultOf(i))
                throw std::runtime_error("a result is gone while the disk is full");
        try {
            library.addDocument(documentOf(5));
            throw std::logic_error("a document was added on a full disk");
        } catch (const Error &) {
        }
    });
    ASSERT_TRUE(full.ended);
    ASSERT_EQ(full.status, 0) << full.told.back();
    EXPECT_TRUE(full.told.back().contains(path())) << full.told.back();
    ASSERT_GT(full.told.size(), 10u);
    Library library(path());
    EXPECT_EQ(library.warning(), "");
    for (uint64_t i = 0; i + 1 < full.told.size(); ++i)
        EXPECT_EQ(library.find("step", std::format("key {}", i)), resultOf(i));
    checkDocument(library, 5, library.addDocument(documentOf(5)));
    checkWhole(path());
}

TEST_F(LibraryKilled, AFullFileSaysHowMuchIsFree) {
    { Library library(path()); }
    Database database(path());
    database.execute("PRAGMA max_page_count = 1"); // SQLite makes it the size that it has
    try {
        for (int i = 0; i < 100; ++i)
            database.execute("INSERT INTO results(kind, key, document, used_ms, bytes) VALUES "
                             "('k', random(), 0, 0, zeroblob(100000))");
        FAIL() << "it was written";
    } catch (const SqlError &error) {
        EXPECT_FALSE(error.isDamage());
        EXPECT_TRUE(std::string(error.what()).contains("are free")) << error.what();
    }
}

TEST_F(LibraryKilled, AReadOnlyFolderIsAnErrorWithThePath) {
    { Library library(path()); }
    fs::permissions(path(), fs::perms(0444));
    fs::permissions(fs::path(path()).parent_path(), fs::perms(0555));
    KilledWork refused = killAfter(std::chrono::seconds(60), [&](const Teller &tell) {
        if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
            throw std::runtime_error("cannot become another user");
        for (const std::string &at : {path(), path() + "2"})
            try {
                Library library(at);
                throw std::runtime_error(at + " was opened");
            } catch (const Error &error) {
                tell(error.what());
            }
    });
    fs::permissions(fs::path(path()).parent_path(), fs::perms(0755));
    ASSERT_TRUE(refused.ended);
    ASSERT_EQ(refused.status, 0) << refused.told.back();
    for (const std::string &error : refused.told)
        EXPECT_TRUE(error.contains(path())) << error;
    EXPECT_EQ(filesBeside(path(), ".damaged-"), 0u);
}

} // namespace
} // namespace longscope::document
