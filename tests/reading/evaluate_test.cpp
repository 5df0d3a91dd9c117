// The measures of a summary, on cases that one can check by eye, and the quality of the key
// sentences over the five texts of tests/data/reading.
#include "compute/reading/evaluate.h"

#include "compute/core/error.h"
#include "compute/document/sentences.h"
#include "compute/reading/key_sentences.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace longscope::reading {
namespace {

using document::Document;
using Strings = std::vector<std::string>;

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

std::string refusal(std::string_view points) {
    try {
        KeyPoints(points, "x.points");
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::file);
        return error.what();
    }
    return "accepted";
}

TEST(KeyPoints, AreFoundBySentence) {
    KeyPoints points("# two of three\n2\\.4 million\r\nold (mill|bridge)\n\nnobody knows.*owner\n",
                     "x.points");
    EXPECT_EQ(points.size(), 3u);
    EXPECT_EQ(points.foundIn(Strings{"The OLD\nBridge cost 2.4\nmillion.", "Nobody knows."}), 2u);
    EXPECT_EQ(points.eachFoundIn(Strings{"The old mill.", "Nobody knows the owner."}),
              (std::vector<bool>{false, true, true}));
    // Not across the border of two sentences.
    EXPECT_EQ(points.foundIn(Strings{"Nobody knows.", "The owner is gone."}), 0u);
    EXPECT_EQ(points.foundIn({}), 0u);
}

TEST(KeyPoints, RefuseWhatIsNoPattern) {
    EXPECT_TRUE(refusal("a\n(b").contains("x.points, line 2: \"(b\" is no pattern"))
        << refusal("(b");
    EXPECT_TRUE(refusal("# only a note\n").contains("no key point"));
    EXPECT_TRUE(refusal("").contains("no key point"));
    EXPECT_TRUE(refusal("\xff\xfe").contains("is no pattern"));
    // A pattern that would take for ever ends.
    KeyPoints slow("(a+)+b\n", "x.points");
    try {
        EXPECT_EQ(slow.foundIn(Strings{std::string(5000, 'a')}), 0u);
    } catch (const Error &error) {
        EXPECT_TRUE(std::string(error.what()).contains("x.points, line 1")) << error.what();
    }
}

TEST(Evaluate, CountsRepeatedFourGrams) {
    EXPECT_DOUBLE_EQ(repeatedShare({}), 0);
    EXPECT_DOUBLE_EQ(repeatedShare(Strings{"one two three"}), 0);
    EXPECT_DOUBLE_EQ(repeatedShare(Strings{"one two three four", "five six"}), 0);
    // 5 words twice: 7 4-grams, the last two stood there before.
    EXPECT_DOUBLE_EQ(repeatedShare(Strings{"a b c d e.", "A b, c d e!"}), 2.0 / 7);
    EXPECT_DOUBLE_EQ(repeatedShare(Strings{"la la la la la la"}), 2.0 / 3);
}

TEST(Evaluate, MeasuresAHandMadeSummary) {
    Document d = plain("The mill of Aulen was built in 1820 by three brothers.\n\n"
                       "Its wheel turned four stones until the river was moved.\n\n"
                       "The flour went by boat to the bakers of the capital.\n\n"
                       "A fire burnt the roof and both of the upper floors.\n\n"
                       "Today a museum shows how the miller and his family lived.");
    KeyPoints points("built in 1820\nriver was moved\nby boat\nmuseum", "mill.points");
    Evaluator evaluator(d, points);
    Measures m = evaluator.measure(
        Strings{"The mill of Aulen was built in 1820.",           // strict, part 1
                "A fire burnt both of the upper floors.",         // strict, part 4
                "Three brothers, the mill of Aulen, built 1820.", // loose only: another order
                "The mill of Aulen was built in 1920.",           // another number
                "Aliens took the bakers away to their planet."}); // not from here
    EXPECT_DOUBLE_EQ(m.loose, 3.0 / 5);
    EXPECT_DOUBLE_EQ(m.strict, 2.0 / 5);
    EXPECT_DOUBLE_EQ(m.parts, 2.0 / 5);
    EXPECT_DOUBLE_EQ(m.key_points, 1.0 / 4);
    EXPECT_DOUBLE_EQ(m.sentences, 5);
    EXPECT_GT(m.repeated, 0);
    Measures none = evaluator.measure({});
    EXPECT_DOUBLE_EQ(none.loose + none.strict + none.repeated + none.parts + none.key_points, 0);
    Measures both[] = {m, none};
    EXPECT_DOUBLE_EQ(meanOf(both).loose, 3.0 / 10);
    EXPECT_DOUBLE_EQ(meanOf(both).sentences, 2.5);
    EXPECT_DOUBLE_EQ(meanOf({}).loose, 0);
}

std::string readText(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Of the five kinds of text, as `longscope evaluate tests/data/reading` says too.
Measures keySentenceMeasures(unsigned count) {
    std::string folder = LONGSCOPE_TEST_DATA "/reading/";
    std::vector<Measures> all;
    for (const char *name : {"essay.md", "report.md", "slang.txt", "folklore.txt", "licence.txt"}) {
        Document d = document::importFile(folder + name);
        std::string stem = std::string(name).substr(0, std::string(name).find('.'));
        KeyPoints points(readText(folder + stem + ".points"), stem + ".points");
        Strings sentences;
        for (const KeySentence &key : chooseKeySentences(d, count))
            sentences.emplace_back(d.span(key.sentence.start, key.sentence.end));
        all.push_back(Evaluator(d, points).measure(sentences));
        testing::Test::RecordProperty(stem + std::to_string(count),
                                      std::to_string(all.back().key_points));
    }
    return meanOf(all);
}

TEST(Evaluate, KeySentencesFindKeyPoints) {
    Measures five = keySentenceMeasures(5), eight = keySentenceMeasures(8);
    EXPECT_GE(five.key_points, 0.47);
    EXPECT_GE(eight.key_points, 0.62);
    for (const Measures &m : {five, eight}) {
        // Quotes of fewer than three words that count are too short for the check.
        EXPECT_GE(m.loose, 0.95);
        EXPECT_DOUBLE_EQ(m.strict, m.loose);
        EXPECT_DOUBLE_EQ(m.sourced, 1);
        EXPECT_LT(m.repeated, 0.01); // a phrase of the text's own, "the town of Averley"
        EXPECT_GE(m.parts, 0.9);
    }
}

} // namespace
} // namespace longscope::reading
