// compute/reading/chunks: what every split must keep, and where it parts.
#include "compute/reading/chunks.h"

#include "compute/core/text.h"
#include "compute/document/sentences.h"
#include "tests/support/digesting_model.h"
#include "tests/support/made_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace longscope::reading {
namespace {

using document::Document;
using testing::DigestingModel;
using testing::madeSection;
using testing::madeSentence;

Document markdown(std::string_view text) {
    return document::importText(text, "note.md", true);
}
Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

std::string withoutSpace(std::string_view text) {
    std::string out;
    for (char c : text)
        if (!std::isspace(static_cast<unsigned char>(c)))
            out += c;
    return out;
}

Document outlined() {
    return markdown("Words before the first heading stand here.\n\n" + madeSection("One", 1, 0, 3) +
                    madeSection("Inner", 2, 100, 2) + madeSection("Deeper", 3, 200, 9) +
                    madeSection("Two", 1, 300, 1) + "| a | b |\n|---|---|\n| 1 | 2 |\n\n" +
                    madeSection("Empty", 2, 0, 0) + madeSection("Three", 1, 400, 40));
}

std::vector<Document> documents() {
    std::string one_sentence = "A", wide;
    for (int i = 0; i < 400; ++i)
        one_sentence += " word" + std::to_string(i);
    for (int i = 0; i < 300; ++i)
        wide += "\u6F22\u5B57\u304B"; // one word of 900 characters
    return {
        outlined(),
        plain("One."),
        plain(one_sentence + "."),
        plain(wide),
        plain("Before it. " + one_sentence + ". After it.\n\n" + wide + "\n\nThe end."),
        plain(madeSentence(1) + "\n\n\n\n   " + madeSentence(2) + "\n\n" + std::string(90, 'x')),
        markdown("# Only\n\n## Headings\n\n### Here\n"),
        markdown("```\n" + one_sentence + "\n" + one_sentence + "\n```\n")};
}

Chunker::CountTokens counterOf(DigestingModel &model) {
    return [&model](std::string_view text) { return model.countTokens(text); };
}

void expectSound(const Document &d, DigestingModel &model, uint64_t limit,
                 const std::vector<Chunk> &chunks) {
    std::string all;
    size_t before = 0;
    for (const Chunk &chunk : chunks) {
        ASSERT_LE(before, chunk.start);
        ASSERT_LT(chunk.start, chunk.end);
        ASSERT_LE(chunk.end, d.text.size());
        EXPECT_LE(chunk.text_start, chunk.start);
        std::string_view text = d.span(chunk.text_start, chunk.end);
        EXPECT_LE(chunk.tokens, limit);
        EXPECT_EQ(chunk.tokens, model.countTokens(text));
        size_t broken = 0;
        repairUtf8(text, &broken);
        EXPECT_EQ(broken, 0u) << "a character was cut";
        all += d.span(chunk.start, chunk.end);
        before = chunk.end;
    }
    EXPECT_EQ(withoutSpace(all), withoutSpace(d.text));
    for (const document::Sentence &s : document::splitSentences(d)) {
        if (model.countTokens(d.span(s.start, s.end)) > limit)
            continue;
        size_t holding = 0;
        for (const Chunk &chunk : chunks)
            holding += chunk.start <= s.start && s.end <= chunk.end;
        EXPECT_EQ(holding, 1u) << "limit " << limit << ": " << d.span(s.start, s.end);
    }
}

TEST(Chunks, KeepTheTextWithinTheLimitAndSentencesWhole) {
    for (const Document &d : documents()) {
        DigestingModel model;
        Chunker chunker(d, counterOf(model));
        uint64_t all = model.countTokens(d.text);
        for (uint64_t limit : {uint64_t{8}, uint64_t{9}, uint64_t{13}, uint64_t{20}, uint64_t{57},
                               uint64_t{300}, all - 1, all, all + 1, uint64_t{1} << 40})
            if (limit >= 8) {
                SCOPED_TRACE(limit);
                expectSound(d, model, limit, chunker.split({.limit_tokens = limit}));
                SCOPED_TRACE("with overlap");
                for (unsigned overlap : {1u, 3u})
                    expectSound(
                        d, model, limit,
                        chunker.split({.limit_tokens = limit, .overlap_sentences = overlap}));
            }
    }
}

TEST(Chunks, NoneOneAndExactlyFitting) {
    DigestingModel model;
    Document empty;
    EXPECT_TRUE(Chunker(empty, counterOf(model)).split({}).empty());
    empty.text = " \n\n ";
    EXPECT_TRUE(Chunker(empty, counterOf(model)).split({}).empty());
    Document one = plain("The only sentence there is.");
    ASSERT_EQ(Chunker(one, counterOf(model)).split({}).size(), 1u);
    Document d = outlined();
    Chunker chunker(d, counterOf(model));
    uint64_t all = model.countTokens(d.text);
    // What joins paragraphs is estimated with a token each, so a little room is left.
    EXPECT_EQ(chunker.split({.limit_tokens = chunker.tokens()}).size(), 1u);
    EXPECT_EQ(chunker.split({.limit_tokens = chunker.tokens()})[0].tokens, all);
    EXPECT_GT(chunker.split({.limit_tokens = all - 1}).size(), 1u);
}

TEST(Chunks, PartAtTheStrongestBorderFirst) {
    DigestingModel model;
    Document d = outlined();
    Chunker chunker(d, counterOf(model));
    std::vector<Chunk> chunks = chunker.split({.limit_tokens = 500});
    ASSERT_GE(chunks.size(), 4u);
    auto beginsWith = [&](const Chunk &chunk) {
        return std::string(d.span(chunk.start, std::min(chunk.start + 6, chunk.end)));
    };
    // One, Inner and Deeper are more than 500 tokens together with Two: the parts are headings'.
    std::vector<std::string> beginnings;
    for (const Chunk &chunk : chunks)
        beginnings.push_back(beginsWith(chunk));
    EXPECT_TRUE(std::ranges::contains(beginnings, "Three\n")) << beginnings[1];
    // No chunk ends with a heading that has text below it.
    for (const Chunk &chunk : chunks)
        for (size_t p = 0; p + 1 < d.paragraphs.size(); ++p)
            if (isHeading(d, p) && !isHeading(d, p + 1)) {
                EXPECT_NE(chunk.end, d.paragraphs[p].end)
                    << d.span(d.paragraphs[p].start, chunk.end);
            }
    EXPECT_FALSE(std::ranges::any_of(chunks, &Chunk::cut));
}

/// Sections of a PDF's outline whose title is a picture: they are parted as others are, and nothing
/// of their text is taken for the title.
TEST(Chunks, PartBeforeASectionWithoutALine) {
    DigestingModel model;
    std::string one = madeSentence(1) + " " + madeSentence(2);
    std::string two = madeSentence(3) + " " + madeSentence(4);
    Document d = plain(one + "\n\n" + two + "\n\n" + one + "\n\n" + two);
    ASSERT_EQ(d.paragraphs.size(), 4u);
    d.headings = {{"Part", 1, d.paragraphs[1].start}, {"Within", 2, d.paragraphs[1].start}};
    for (size_t p = 1; p < 4; ++p)
        d.paragraphs[p].heading = 2;
    Chunker chunker(d, counterOf(model));
    uint64_t room = chunker.tokens(d.paragraphs[1].start, d.text.size());
    std::vector<Chunk> chunks = chunker.split({.limit_tokens = room});
    ASSERT_EQ(chunks.size(), 2u);
    EXPECT_EQ(chunks[1].start, d.paragraphs[1].start);
    EXPECT_EQ(chunks[1].heading, 2u);
    EXPECT_FALSE(isHeading(d, 1));
}

TEST(Chunks, SayWhichHadToCutASentence) {
    DigestingModel model;
    std::string sentence = "It";
    for (int i = 0; i < 50; ++i)
        sentence += " goes";
    Document d = plain("A short one stands here. " + sentence + ". Another short one ends it.");
    std::vector<Chunk> chunks = Chunker(d, counterOf(model)).split({.limit_tokens = 20});
    ASSERT_GE(chunks.size(), 3u);
    EXPECT_FALSE(chunks.front().cut);
    EXPECT_TRUE(chunks[1].cut);
}

TEST(Chunks, OverlapIsWholeSentencesUnderTheSameHeading) {
    DigestingModel model;
    Document d = markdown(madeSection("One", 1, 0, 8) + madeSection("Two", 1, 100, 8));
    Chunker chunker(d, counterOf(model));
    std::vector<Chunk> chunks = chunker.split({.limit_tokens = 120, .overlap_sentences = 1});
    size_t overlapping = 0;
    for (const Chunk &chunk : chunks) {
        bool opens_section =
            chunk.start == d.headings[0].start || chunk.start == d.headings[1].start;
        EXPECT_EQ(chunk.text_start == chunk.start, opens_section);
        if (chunk.text_start == chunk.start)
            continue;
        ++overlapping;
        std::string_view shared = d.span(chunk.text_start, chunk.start);
        EXPECT_EQ(document::sentenceSpans(shared).size(), 1u) << shared;
    }
    EXPECT_GT(overlapping, 3u);
}

TEST(Chunks, CountEachParagraphOnce) {
    DigestingModel model;
    Document d = outlined();
    Chunker chunker(d, counterOf(model));
    EXPECT_EQ(model.counted, d.paragraphs.size());
    model.counted = 0;
    std::vector<Chunk> chunks = chunker.split({.limit_tokens = 300});
    EXPECT_LE(model.counted, 2 * chunks.size());
    model.counted = 0;
    chunker.tokens();
    EXPECT_EQ(model.counted, 0u);
}

/// As a transcript is written without stops: what is cut is counted a few times, not once more for
/// each piece that follows, and the pieces do not get shorter.
TEST(Chunks, CountALineWithoutStopsAFewTimes) {
    std::string line;
    for (int i = 0; i < 40'000; ++i) // first words of one token, then of four
        line += i < 20'000 ? "it goes on " : "internationalization ";
    Document d = plain(line);
    DigestingModel model;
    uint64_t bytes = 0, longest = 0; // of all counts, of one
    model.on_count = [&](std::string_view text) {
        bytes += text.size();
        longest = std::max<uint64_t>(longest, text.size());
    };
    Chunker chunker(d, counterOf(model));
    for (uint64_t limit : {uint64_t{50}, uint64_t{300}, uint64_t{3000}}) {
        SCOPED_TRACE(limit);
        bytes = 0;
        std::vector<Chunk> chunks = chunker.split({.limit_tokens = limit});
        EXPECT_LE(bytes, 6 * d.text.size());
        EXPECT_LE(longest, 100'000u) << "a stop would wait for it";
        for (size_t i = 0; i + 1 < chunks.size(); ++i)
            ASSERT_GE(chunks[i].tokens, limit * 3 / 4) << i << " of " << chunks.size();
        expectSound(d, model, limit, chunks);
        longest = 0;
    }
}

} // namespace
} // namespace longscope::reading
