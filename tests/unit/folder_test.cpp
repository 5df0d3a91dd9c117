// compute/document: a folder as one document, and which of its files git would ignore.
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/document/gitignore.h"
#include "compute/document/places.h"
#include "tests/support/document_check.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
using Answer = IgnoreFile::Answer;

class Folder : public testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) /
                std::format("longscope_folder_{}", testing::UnitTest::GetInstance()->random_seed() +
                                                       static_cast<int>(::getpid()));
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(root_); }
    void write(const std::string &name, std::string_view text) {
        fs::create_directories((root_ / name).parent_path());
        std::ofstream(root_ / name, std::ios::binary) << text;
    }
    static Strings topHeadings(const Document &d) {
        Strings out;
        for (const Heading &h : d.headings)
            if (h.level == 1)
                out.push_back(h.title);
        return out;
    }

    fs::path root_;
};

TEST_F(Folder, FilesAreSectionsInTheOrderOfTheirPaths) {
    write("b.md", "# Top\n\nText of b.\n\n## Below\n\nMore of b.\n");
    write("a/z.txt", "Text of z.");
    write("a.txt", "Text of a. It has two sentences.");
    write("talk.srt", "1\n00:00:01,000 --> 00:00:02,000\nSpoken words.\n");
    write("z.py", "def f():\n    pass\n");
    Document d = importFile(root_.string());
    EXPECT_EQ(d.format, "folder");
    EXPECT_EQ(d.title, root_.filename().string());
    EXPECT_EQ(topHeadings(d), (Strings{"a.txt", "a/z.txt", "b.md", "talk.srt", "z.py"}));
    ASSERT_EQ(d.headings.size(), 8u);
    EXPECT_EQ(d.headings[3].title, "Top");
    EXPECT_EQ(d.headings[3].level, 2u);
    EXPECT_EQ(d.headings[4].level, 3u);
    for (const Heading &h : d.headings)
        EXPECT_EQ(d.text.substr(h.start, h.title.size()), h.title);
    EXPECT_EQ(splitSentences(d).size(), 6u);
    ASSERT_EQ(d.pages.size(), 2u);
    EXPECT_EQ(d.pages[0].label, "00:00:01");
    EXPECT_EQ(d.pages[1].label, ""); // what has no pages ends those before
    EXPECT_EQ(placeOf(d, d.text.find("pass")), "def f()");
    EXPECT_EQ(problemOf(d), "");
    EXPECT_EQ(importFile(root_.string() + "/a/..").title, root_.filename().string());
}

TEST_F(Folder, NamesOfWhiteSpaceAloneAreSectionsToo) {
    write(" ", "Words of one.");
    write("a.txt", "Words of a.");
    write("\u3000", "Words of three. And more.");
    write("\u00A0", "# Below\n\nWords of two.");
    Document d = importFile(root_.string());
    EXPECT_EQ(topHeadings(d), (Strings{"?", "a.txt", "?", "?"}));
    EXPECT_EQ(placeOf(d, d.text.find("Words of one")), "?, paragraph 1");
    EXPECT_EQ(placeOf(d, d.text.find("Words of a")), "a.txt, paragraph 1");
    EXPECT_EQ(placeOf(d, d.text.find("And more")), "?, paragraph 1");
    EXPECT_EQ(problemOf(d), "");
}

TEST_F(Folder, IgnoredBinaryAndLinkedFilesAreLeftOut) {
    write(".gitignore", "*.log\nbuild/\n!keep.log\n/only-top.txt\n");
    write("sub/.gitignore", "*.txt\n!good.txt\n");
    for (const char *name : {"x.log", "keep.log", "build/x.txt", "only-top.txt", "sub/only-top.md",
                             "sub/bad.txt", "sub/good.txt", "other/bad.txt", ".git/config"})
        write(name, "Words of it.");
    write("picture.bin", std::string_view("a\0b", 3));
    write("empty.txt", "");
    fs::create_symlink("/etc", root_ / "outside");
    fs::create_symlink("keep.log", root_ / "inside.txt");
    fs::create_symlink(".", root_ / "around");
    Document d = importFile(root_.string());
    EXPECT_EQ(topHeadings(d), (Strings{".gitignore", "keep.log", "other/bad.txt", "sub/.gitignore",
                                       "sub/good.txt", "sub/only-top.md"}));
    std::ranges::sort(d.warnings);
    EXPECT_EQ(d.warnings.size(), 3u);
    EXPECT_TRUE(holds(d.warnings[0], "1 empty file was left out: empty.txt"));
    EXPECT_TRUE(
        holds(d.warnings[1], "1 file that cannot be read as text was left out: picture.bin"));
    EXPECT_TRUE(holds(d.warnings[2], "3 links were left out: "));
}

TEST_F(Folder, WithoutTextIsRefused) {
    EXPECT_TRUE(holds(errorOf(ErrorKind::file, [&] { importFile(root_.string()); }),
                      "holds no file that can be read"));
    write("picture.bin", std::string_view("a\0b", 3));
    EXPECT_TRUE(
        holds(errorOf(ErrorKind::file, [&] { importFile(root_.string()); }), "of 1 looked"));
}

TEST_F(Folder, NestsAsDeepAsItLikes) {
    fs::path deep = root_;
    for (int i = 0; i < 70; ++i)
        fs::create_directory(deep /= "d");
    std::ofstream(deep / "x.txt") << "Words.";
    write("a.txt", "Words.");
    Document d = importFile(root_.string());
    EXPECT_EQ(topHeadings(d), Strings{"a.txt"});
    ASSERT_EQ(d.warnings.size(), 1u);
    EXPECT_TRUE(holds(d.warnings[0], "1 folder more than 64 deep was left out"));
}

TEST_F(Folder, TensOfThousandsOfLinesInAboutASecond) {
    std::string lines;
    for (int i = 0; i < 200; ++i)
        lines += std::format("int function{}(int x) {{\n    return x + {};\n}}\n\n", i, i);
    for (int i = 0; i < 100; ++i)
        write(std::format("d{}/f{}.cpp", i % 10, i), lines);
    auto begin = std::chrono::steady_clock::now();
    Document d = importFile(root_.string());
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("a folder of 100 files, 80000 lines, %zu bytes: %.2f s\n", d.text.size(),
                seconds.count());
    EXPECT_EQ(d.headings.size(), 100u + 20'000u);
    EXPECT_LT(seconds.count(), 5);
}

TEST(Gitignore, PatternsAsGitReadsThem) {
    IgnoreFile file("# comment\n\n*.o\n/root.txt\ndocs/*.pdf\nout/\n!important.o\na/**/b\n**/logs\n"
                    "x/**\n\\#name\n\\!bang\ntrail \nkeep\\ \nq?[0-9][!a-c]\r\n",
                    "");
    auto ask = [&](const char *path, bool directory = false) { return file.ask(path, directory); };
    for (const char *path :
         {"x.o", "deep/er/x.o", "root.txt", "docs/a.pdf", "a/b", "a/1/b", "a/1/2/b", "logs",
          "p/q/logs", "x/1", "x/1/2", "#name", "!bang", "trail", "keep ", "qz7d", "s/qz7d"})
        EXPECT_EQ(ask(path), Answer::ignored) << path;
    for (const char *path : {"x.oo", "sub/root.txt", "docs/s/a.pdf", "out", "ab", "x", "comment",
                             "qz7a", "qzz", "a/x/c"})
        EXPECT_EQ(ask(path), Answer::nothing) << path;
    EXPECT_EQ(ask("important.o"), Answer::wanted);
    EXPECT_EQ(ask("out", true), Answer::ignored);
    EXPECT_EQ(ask("s/out", true), Answer::ignored);
    EXPECT_EQ(IgnoreFile("//\n!\n!/\n/\n", "").ask("x", true), Answer::nothing);
    IgnoreFile nested("/top\n", "s/");
    EXPECT_EQ(nested.ask("s/top", false), Answer::ignored);
    EXPECT_EQ(nested.ask("top", false), Answer::nothing);
    EXPECT_EQ(nested.ask("s/t/top", false), Answer::nothing);
}

TEST(Gitignore, NoPatternTakesLong) {
    std::string stars, name(250, 'a'), folders;
    for (int i = 0; i < 1000; ++i)
        stars += "*a", folders += "**/a/";
    auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(matchesPart(stars + "b", name));
    std::string path;
    for (int i = 0; i < 1000; ++i)
        path += "a/";
    IgnoreFile file(folders + "b\n" + stars + "b\n", "");
    EXPECT_EQ(file.ask(path + "c", false), Answer::nothing);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    EXPECT_TRUE(matchesPart("[", "["));
    EXPECT_TRUE(matchesPart("[]a]", "]"));
    EXPECT_FALSE(matchesPart("\\", "a"));
}

} // namespace
} // namespace longscope::document
