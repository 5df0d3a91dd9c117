// compute/reading without a model: words, key sentences, the support check, and the stream that
// turns a model's growing text into sentences. None of it needs a device.
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/document/sentences.h"
#include "compute/reading/engine_model.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/support.h"
#include "compute/reading/words.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace longscope::reading {
namespace {

using document::Document;
using Strings = std::vector<std::string>;

Document dataFile(const char *name) {
    return document::importFile(std::string(LONGSCOPE_TEST_DATA "/") + name);
}

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

Strings keyTexts(const Document &document, unsigned count) {
    Strings out;
    for (const KeySentence &key : chooseKeySentences(document, count))
        out.emplace_back(document.span(key.sentence.start, key.sentence.end));
    return out;
}

/// Kinds and stems of the words that count, "#" before numbers, "^" before names.
Strings features(std::string_view sentence) {
    Strings out;
    WordReader reader;
    for (const Word &word : reader.read(sentence))
        if (word.kind != WordKind::stop)
            out.push_back((word.name ? "^" : word.kind == WordKind::number ? "#" : "") + word.stem);
    return out;
}

TEST(Words, StemsContentAndDropsGrammar) {
    EXPECT_EQ(features("The schools' pipes were being checked by Lenningham's councillors."),
              (Strings{"school", "pipe", "check", "^lenningham", "councillor"}));
    EXPECT_EQ(features("It isn’t a well-known text, and I don't read it."),
              (Strings{"well", "known", "text", "read"}));
    EXPECT_EQ(features(""), Strings{});
    EXPECT_EQ(features("?! ... — \"\""), Strings{});
}

TEST(Words, ReadsNumbersAsValues) {
    EXPECT_EQ(features("48,200 and 2.40 and 3, 4"), (Strings{"#48200", "#2.4", "#3", "#4"}));
    EXPECT_EQ(features("eleven villages, twenty-one towns"),
              (Strings{"#11", "villag", "#21", "town"}));
    EXPECT_EQ(features("2.4 million, two hundred five, three thousand, a hundred"),
              (Strings{"#2400000", "#205", "#3000", "#100"}));
    EXPECT_EQ(features("one first second third half"),
              Strings({"first", "second", "third", "half"}));
    EXPECT_EQ(features("one million in f16, fifth and 4th"),
              (Strings{"#1000000", "#f16", "#5th", "#4th"}));
    EXPECT_EQ(features("two, three"), (Strings{"#2", "#3"}));
    std::string long_number(100, '7');
    EXPECT_EQ(features(long_number), Strings{"#" + long_number});
}

TEST(Words, NoticesNegation) {
    WordReader reader;
    auto negates = [&](std::string_view text) {
        return std::ranges::any_of(reader.read(text), &Word::negation);
    };
    for (const char *text :
         {"it is not so", "Nobody came", "it isn't", "it won’t", "without him", "never", "cannot"})
        EXPECT_TRUE(negates(text)) << text;
    for (const char *text : {"it is so", "a knot", "notable", "nothingness"})
        EXPECT_FALSE(negates(text)) << text;
}

TEST(KeySentences, CoverTheFivePartsInOrderAndExactlyAsMany) {
    for (const char *name : {"harbour.md", "bees.txt"}) {
        Document d = dataFile(name);
        size_t total = document::splitSentences(d).size();
        for (unsigned count : {1u, 3u, 5u, 8u, 10u}) {
            auto keys = chooseKeySentences(d, count);
            ASSERT_EQ(keys.size(), count) << name;
            for (size_t i = 1; i < keys.size(); ++i)
                EXPECT_LT(keys[i - 1].sentence.start, keys[i].sentence.start);
        }
        EXPECT_EQ(chooseKeySentences(d, 1000).size(), total) << name;
        EXPECT_TRUE(chooseKeySentences(d, 0).empty());
        // Each fifth of the text gives one of five; the bounds leave room for the length of lines.
        auto five = chooseKeySentences(d, 5);
        for (size_t i = 0; i < 5; ++i) {
            double place = static_cast<double>(five[i].sentence.start + five[i].sentence.end) / 2 /
                           static_cast<double>(d.text.size());
            EXPECT_NEAR(place, 0.2 * static_cast<double>(i) + 0.1, 0.2) << name << " " << i;
        }
    }
}

TEST(KeySentences, FindKeyPoints) {
    auto found = [](const char *name, const Strings &points) {
        Strings texts = keyTexts(dataFile(name), 8);
        return std::ranges::count_if(points, [&](const std::string &point) {
            return std::ranges::any_of(
                texts, [&](const std::string &text) { return text.contains(point); });
        });
    };
    // The recipe found 0.62 of the key points of its five texts; half of them here is the floor.
    EXPECT_GE(found("harbour.md", {"412,000 tonnes", "fell to 38,500", "120 years old",
                                   "31 species", "employs 64", "repair the north pier"}),
              3);
    EXPECT_GE(found("bees.txt", {"do well in cities", "needs shade", "One colony holds",
                                 "Swarming is", "25 kilograms", "taken in July"}),
              3);
}

TEST(KeySentences, AreWholeSentencesOfProse) {
    for (const char *name : {"harbour.md", "bees.txt"}) {
        Document d = dataFile(name);
        std::set<std::string> titles;
        for (const document::Heading &heading : d.headings)
            titles.insert(heading.title);
        for (const std::string &text : keyTexts(d, 8)) {
            EXPECT_FALSE(titles.contains(text)) << text;
            EXPECT_TRUE(document::hasFinalStop(text)) << text;
            EXPECT_GE(plainWords(text).size(), 7u) << text;
            EXPECT_TRUE(std::isupper(static_cast<unsigned char>(text[0]))) << text;
            EXPECT_FALSE(text.contains("|")) << text;
        }
    }
}

TEST(KeySentences, DoNotRepeatAndDoNotHang) {
    std::string header = "The annual report of the water works is printed on this page here.\n\n";
    std::string text;
    for (int i = 0; i < 10; ++i)
        text += header + "Pipe number " + std::to_string(i) + " of the works was inspected by " +
                std::string(1, static_cast<char>('A' + i)) + "lbert and found in good state.\n\n" +
                (i == 4 ? "It was however the last one of those that they had seen.\n\n" : "");
    Strings texts = keyTexts(plain(text), 8);
    EXPECT_EQ(std::ranges::count(texts, header.substr(0, header.size() - 2)), 1);
    for (const std::string &key : texts)
        EXPECT_FALSE(key.starts_with("It was however")) << key;
}

TEST(KeySentences, TakeHostileTexts) {
    EXPECT_TRUE(chooseKeySentences(plain(std::string(1'000'000, 'a')), 5).empty());
    EXPECT_EQ(chooseKeySentences(plain("Hm. Ha. Ho."), 5).size(), 3u);
    EXPECT_TRUE(chooseKeySentences(plain(std::string(1000, '!') + "\r\r" + "123 456"), 5).empty());
    EXPECT_EQ(chooseKeySentences(plain("今日は晴れでした。明日は雨が降るでしょう。"), 1).size(),
              1u);
    std::string same;
    for (int i = 0; i < 5000; ++i)
        same += "The same words stand here over and over again. ";
    EXPECT_EQ(chooseKeySentences(plain(same), 5).size(), 1u);
}

TEST(KeySentences, OfLongDocumentsAreQuick) {
    std::string text;
    unsigned random = 1;
    auto next = [&random] { return random = random * 1664525u + 1013904223u, random >> 8; };
    while (text.size() < 3'000'000) {
        text += "The ";
        for (int i = 0; i < 12; ++i)
            text += "word" + std::string(1, static_cast<char>('a' + next() % 26)) +
                    std::string(1, static_cast<char>('a' + next() % 26)) + " ";
        text += next() % 5 ? "ends. " : "ends.\n\n";
    }
    Document d = plain(text);
    ASSERT_GT(document::splitSentences(d).size(), 4000u);
    auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(chooseKeySentences(d, 8).size(), 8u);
    SupportCheck check(d);
    EXPECT_TRUE(check.check(keyTexts(d, 1)[0]).supported);
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(seconds.count(), 20);
}

struct Claim {
    bool supported;
    const char *text;
};

TEST(Support, FindsTheWordsOrDoesNot) {
    Document d = dataFile("harbour.md");
    SupportCheck check(d);
    const Claim claims[] = {
        {true, "The harbour of Vestrand handled 412,000 tonnes of goods."},
        {true, "Vestrand's harbour handled more goods than the year before."},
        {true, "The ferry was out of service for 11 weeks."}, // the text has "eleven"
        {true, "Divers counted thirty-one species of fish."},
        {true, "The repair of the north pier costs 2.4 million crowns."},
        {true, "The repair of the north pier costs 2,400,000 crowns."},
        {true, "Mr. Solheim measured cracks in four pillars."},
        {true, "It is not explained why the eels did not return."},
        {true, "Copper was at 0.8 in 1974 and is at 0.4 today."}, // only the table says so
        {false, "The harbour of Vestrand handled 421,000 tonnes of goods."}, // another number
        {false, "The harbour of Vestrand handled about 400,000 tonnes."},    // rounded
        {false, "The repair of the north pier costs 2.4 crowns."},           // a scale is missing
        {false, "Most timber is shipped to Norway."},                        // another name
        {false, "Last year Hansen measured cracks in four pillars of the pier."},
        {false, "It is explained why the eels did return."},                   // the source negates
        {false, "Vestrand's harbour did not handle 412,000 tonnes of goods."}, // it does not
        {false, "The mayor opened a museum of modern painting."},              // other words
        {false, "The harbour."}, // too little to compare
        {false, ""},
        {false, "!!!"},
    };
    for (const Claim &claim : claims)
        EXPECT_EQ(check.check(claim.text).supported, claim.supported) << claim.text;
}

TEST(Support, PointsToTheSentence) {
    Document d = dataFile("bees.txt");
    SupportCheck check(d);
    Support found = check.check("A queen lays 2,000 eggs on a day in May.");
    EXPECT_TRUE(found.supported);
    EXPECT_DOUBLE_EQ(found.share, 1);
    EXPECT_EQ(d.span(found.start, found.end), "The queen lays as many as 2,000 eggs on a day in "
                                              "May.");
    Support partly = check.check("The queen lays golden eggs in marble palaces.");
    EXPECT_FALSE(partly.supported);
    EXPECT_GT(partly.share, 0.2);
    EXPECT_LT(partly.share, 0.75);
}

TEST(Support, AcceptsEverySentenceOfTheDocument) {
    for (const char *name : {"harbour.md", "bees.txt"}) {
        Document d = dataFile(name);
        SupportCheck check(d);
        for (const document::Sentence &s : document::splitSentences(d)) {
            std::string_view text = d.span(s.start, s.end);
            if (features(text).size() < 4)
                continue; // "New lamps for the quay." says too little
            Support found = check.check(text);
            EXPECT_TRUE(found.supported) << text;
            EXPECT_DOUBLE_EQ(found.share, 1) << text;
        }
    }
}

TEST(Support, TakesHostileText) {
    SupportCheck line(plain(std::string(1'000'000, 'a')));
    EXPECT_FALSE(line.check(std::string(1'000'000, 'b')).supported);
    EXPECT_FALSE(line.check(std::string(100'000, '.')).supported);
}

/// What a stream gives when `text` arrives byte by byte; checks that it never takes back.
Strings streamed(std::string_view text, unsigned words = 1000, SentenceStream *out = nullptr) {
    SentenceStream stream(words);
    Strings given;
    for (size_t size = 0; size <= text.size() && !stream.shouldStop(); ++size)
        for (std::string &sentence : stream.push(text.substr(0, size), false))
            given.push_back(std::move(sentence));
    for (std::string &sentence : stream.push(text, true))
        given.push_back(std::move(sentence));
    if (out)
        *out = stream;
    return given;
}

TEST(SentenceStream, GivesSentencesAsTheyAreComplete) {
    SentenceStream stream(100);
    EXPECT_TRUE(stream.push("The rate was 6.", false).empty());
    EXPECT_TRUE(stream.push("The rate was 6.4 percent.", false).empty());
    EXPECT_EQ(stream.push("The rate was 6.4 percent. It fell ", false),
              Strings{"The rate was 6.4 percent."});
    EXPECT_EQ(stream.push("The rate was 6.4 percent. It fell later.", true),
              Strings{"It fell later."});
    EXPECT_EQ(streamed("He went to the U.S. Army base there. The U.S. The end came."),
              (Strings{"He went to the U.S. Army base there.", "The U.S.", "The end came."}));
}

TEST(SentenceStream, DropsFragmentsAndMarks) {
    EXPECT_EQ(streamed("All is well there. And then it was"), Strings{"All is well there."});
    EXPECT_EQ(streamed("And then it was"), Strings{"And then it was"});
    EXPECT_EQ(streamed("## Summary\n\nHere is what it says:\n\n1. **Bees** live in towns.\n2. "
                       "Honey is taken in July of each year\n- Mites kill"),
              (Strings{"Bees live in towns.", "Honey is taken in July of each year"}));
    EXPECT_EQ(streamed(""), Strings{});
    EXPECT_EQ(streamed("\n\n...\n"), Strings{});
}

TEST(SentenceStream, LeavesOutRepetitionsAndStopsLoops) {
    SentenceStream stream(1000);
    EXPECT_EQ(streamed("The pier is old. The pier is old! The basin is clean.", 1000, &stream),
              (Strings{"The pier is old.", "The basin is clean."}));
    EXPECT_EQ(stream.droppedRepetitions(), 1u);
    EXPECT_FALSE(stream.shouldStop());
    std::string loop = "The pier of the town is very old indeed. ";
    EXPECT_EQ(streamed(loop + loop + loop + loop + "Something new is said here.", 1000, &stream),
              Strings{"The pier of the town is very old indeed."});
    EXPECT_TRUE(stream.shouldStop());
    std::string words;
    for (int i = 0; i < 100; ++i)
        words += "again and ";
    streamed("This begins well. " + words, 1000, &stream);
    EXPECT_TRUE(stream.shouldStop());
}

TEST(SentenceStream, LeavesNoFourWordsTwice) {
    Strings given = streamed("The cost of the pier is high. The cost of the crane is low. The "
                             "board met in March. Nobody knows the cost of the boat.");
    std::set<std::string> phrases;
    for (const std::string &sentence : given) {
        Strings words = plainWords(sentence);
        for (size_t i = 0; i + 4 <= words.size(); ++i)
            EXPECT_TRUE(
                phrases
                    .insert(words[i] + " " + words[i + 1] + " " + words[i + 2] + " " + words[i + 3])
                    .second);
    }
    EXPECT_EQ(given.size(), 2u);
}

TEST(SentenceStream, KeepsToTheWords) {
    SentenceStream stream(1000);
    EXPECT_EQ(streamed("One two three four five. Six seven eight nine. Ten.", 7, &stream),
              Strings{"One two three four five."});
    EXPECT_TRUE(stream.shouldStop());
    EXPECT_EQ(streamed("One two three four five. Six seven.", 2),
              Strings{"One two three four five."});
}

TEST(EngineModel, NeedsAModelThatIsLoaded) {
    engine::Worker worker;
    EXPECT_EQ(errorOf(ErrorKind::usage, [&] { EngineModel model(worker); }), "no model is loaded");
}

} // namespace
} // namespace longscope::reading
