// Patterns, layers and block masks as texts: what is read, and what the errors say.
#include "compute/attention/pattern.h"
#include "compute/core/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <tuple>

namespace longscope::attention {
namespace {

std::string errorOf(const std::string &spec) {
    try {
        LayerPatterns patterns(std::span(&spec, 1));
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "no error";
}

TEST(PatternText, KeepsSpecKindAndNumbers) {
    struct Case {
        const char *spec;
        PatternKind kind;
        std::vector<double> numbers;
    };
    using enum PatternKind;
    for (const Case &c : {Case{"full", full, {}},
                          Case{"window:256", window, {256}},
                          Case{"dilated:8x3", dilated, {8, 3}},
                          Case{"longformer:64+2", longformer, {64, 2}},
                          Case{"bigbird:64,3,2,3", bigbird, {64, 3, 2, 3, 0}},
                          Case{"bigbird:64,3,2,3,7", bigbird, {64, 3, 2, 3, 7}},
                          Case{"strided:90", strided, {90, 0}},
                          Case{"strided:90,code", strided, {90, 1}},
                          Case{"fixed:128,8", fixed, {128, 8}},
                          Case{"chunked:512", chunked, {512}},
                          Case{"shifted:256", shifted, {256}},
                          Case{"sinks:4+508", sinks, {4, 508}},
                          Case{"a-shape:0+5", a_shape, {0, 5}},
                          Case{"vertical-slash:1000,6096", vertical_slash, {1000, 6096}},
                          Case{"xattention:0.9", xattention, {0.9, 8, 128}},
                          Case{"xattention:0.8,16,64", xattention, {0.8, 16, 64}},
                          Case{"flexprefill:0.95", flexprefill, {0.95, 512}},
                          Case{"flexprefill:1,1024", flexprefill, {1, 1024}},
                          Case{"topk:16", top_blocks, {16, 64}},
                          Case{"topk:16,32", top_blocks, {16, 32}}}) {
        Pattern pattern(c.spec);
        EXPECT_EQ(pattern.spec(), c.spec);
        EXPECT_EQ(pattern.kind(), c.kind) << c.spec;
        EXPECT_TRUE(std::ranges::equal(pattern.numbers(), c.numbers)) << c.spec;
        EXPECT_EQ(pattern.isDynamic(), c.kind >= vertical_slash) << c.spec;
        EXPECT_EQ(pattern.relabelsSinks(), c.kind == sinks) << c.spec;
    }
}

TEST(PatternText, ErrorsNameThePart) {
    EXPECT_EQ(errorOf("window:x"),
              "--attention \"window:x\": W must be a whole number from 1 on, not \"x\"");
    EXPECT_EQ(errorOf("window:0"),
              "--attention \"window:0\": W must be a whole number from 1 on, not \"0\"");
    EXPECT_EQ(errorOf("sinks:4"), "--attention \"sinks:4\": W is missing; the form is sinks:S+W");
    EXPECT_EQ(errorOf("sinks:-1+4"),
              "--attention \"sinks:-1+4\": S must be a whole number from 0 on, not \"-1\"");
    EXPECT_EQ(errorOf("window"), "--attention \"window\": W is missing; the form is window:W");
    EXPECT_EQ(errorOf("window:4,5"),
              "--attention \"window:4,5\": \"5\" is too much; the form is window:W");
    EXPECT_EQ(errorOf("fixed:8,9"), "--attention \"fixed:8,9\": C must be at most L = 8, not 9");
    EXPECT_EQ(errorOf("xattention:1.5"), "--attention \"xattention:1.5\": T must be a number above "
                                         "0 and at most 1, not \"1.5\"");
    EXPECT_EQ(errorOf("strided:4,paper"),
              "--attention \"strided:4,paper\": after L only \"code\" can follow, not \"paper\"");
    EXPECT_EQ(errorOf("blocks:"),
              "--attention \"blocks:\": FILE is missing; the form is blocks:FILE");
    EXPECT_EQ(errorOf("blocks:a"), "--attention \"blocks:a\": there is no mask of blocks");
    EXPECT_NE(
        errorOf("windows:3").find("there is no pattern \"windows\"; there are full, window:W"),
        std::string::npos);
    EXPECT_NE(errorOf("").find("there is no pattern \"\""), std::string::npos);
    EXPECT_NE(errorOf("window:3@0-x").find("after @ come layers like 0-3,8"), std::string::npos);
}

TEST(PatternText, SaysWhyAPatternCannotBeMixed) {
    for (auto [spec, reason] : {std::pair{"topk:4", "it chooses keys from the data"},
                                std::pair{"vertical-slash:4,8", "it chooses keys from the data"},
                                std::pair{"sinks:4+9", "it gives the sinks other positions"},
                                std::pair{"rolling:4+9", "it gives the sinks other positions"},
                                std::pair{"dilated:4x2", "it has gaps between its keys"},
                                std::pair{"strided:4", "it has gaps between its keys"},
                                std::pair{"shifted:4", "it is not the same for all heads"}}) {
        std::string text = errorOf(std::format("mixed:{}#0|full", spec));
        EXPECT_TRUE(text.contains(std::format("\"{}\" cannot be mixed by heads: {}", spec, reason)))
            << text;
    }
    EXPECT_TRUE(errorOf("mixed:sinks:4+9#0|full").contains("a-shape:S+W sees the first S"));
    for (const char *spec : {"a-shape:4+9", "dilated:4x1", "fixed:8,2", "chunked:8",
                             "longformer:9+4", "bigbird:4,2,1,1"})
        EXPECT_EQ(errorOf(std::format("mixed:{}#0|full", spec)), "no error") << spec;
}

TEST(PatternText, RejectsWhatIsNoNumber) {
    for (const char *spec : {"window:",
                             "window: 3",
                             "window:3 ",
                             "window:1e3",
                             "window:3.0",
                             "window:+3",
                             "window:0x10",
                             "window:99999999999999999999",
                             "window:1000000001",
                             "window:nan",
                             "full:3",
                             "full:",
                             "dilated:3,2",
                             "dilated:3x",
                             "dilated:x2",
                             "dilated:3x0",
                             "longformer:0+1",
                             "bigbird:2,2,1",
                             "bigbird:0,2,1,1",
                             "bigbird:2,0,1,1",
                             "bigbird:2,2,1,1,-1",
                             "strided:0",
                             "strided:4,",
                             "fixed:4,0",
                             "fixed:4",
                             "chunked:0",
                             "shifted:0",
                             "sinks:4+0",
                             "sinks:4+4+4",
                             "vertical-slash:1",
                             "xattention:0",
                             "xattention:nan",
                             "xattention:0.9,8,100",
                             "xattention:0.9,0",
                             "flexprefill:2",
                             "topk:0",
                             "topk:4,0",
                             "window:3@",
                             "window:3@3-1",
                             "window:3@3-2",
                             "window:3@1,",
                             "window:3@1--2",
                             "window:3@-1",
                             "window:3@99999999999",
                             "Window:3",
                             "window:3@@1"})
        EXPECT_NE(errorOf(spec), "no error") << spec;
}

TEST(PatternText, LastSpecThatNamesALayerCounts) {
    const std::vector<std::string> specs = {"window:8", "sinks:4+4@0-2,7", "full@2"};
    LayerPatterns patterns(specs);
    const char *expected[] = {"sinks:4+4", "sinks:4+4", "full",     "window:8",
                              "window:8",  "window:8",  "window:8", "sinks:4+4"};
    for (uint32_t layer = 0; layer < 8; layer++)
        EXPECT_EQ(patterns.of(layer).spec(), expected[layer]) << layer;
    EXPECT_EQ(patterns.text(), "window:8 sinks:4+4@0-2,7 full@2");
    EXPECT_FALSE(patterns.anyDynamic());
    EXPECT_NO_THROW(patterns.checkLayers(8));
    try {
        patterns.checkLayers(7);
        ADD_FAILURE() << "layer 7 of 7";
    } catch (const Error &error) {
        EXPECT_STREQ(error.what(),
                     "--attention \"sinks:4+4@0-2,7\": there is no layer 7; the model "
                     "has 7 layers, 0 to 6");
    }
    EXPECT_EQ(LayerPatterns().text(), "full");
    EXPECT_EQ(LayerPatterns().of(3).kind(), PatternKind::full);
    const std::string dynamic = "topk:4@1";
    EXPECT_TRUE(LayerPatterns(std::span(&dynamic, 1)).anyDynamic());
}

TEST(PatternText, MaskOfAFileMayHaveAnAt) {
    auto mask = std::make_shared<const BlockMask>(parseBlockMask("block 2\n1\n"));
    for (auto [spec, pattern, other] :
         {std::tuple{"blocks:a@b.txt", "blocks:a@b.txt", "blocks:a@b.txt"},
          std::tuple{"blocks:a@b.txt@1", "blocks:a@b.txt", "full"}}) {
        const std::string text = spec;
        LayerPatterns patterns(std::span(&text, 1), mask);
        EXPECT_EQ(patterns.of(1).spec(), pattern);
        EXPECT_EQ(patterns.of(0).spec(), other);
    }
}

TEST(BlockMaskText, ReadsRows) {
    BlockMask mask = parseBlockMask("block 16\r\n1\r\n.#\n\n0110\n");
    EXPECT_EQ(mask.block_tokens, 16u);
    ASSERT_EQ(mask.rows.size(), 3u);
    EXPECT_EQ(mask.rows[0], (std::vector<bool>{true}));
    EXPECT_EQ(mask.rows[1], (std::vector<bool>{false, true}));
    EXPECT_EQ(mask.rows[2], (std::vector<bool>{false, true, true, false}));
}

TEST(BlockMaskText, RejectsWithLineAndColumn) {
    auto error = [](std::string_view text) -> std::string {
        try {
            parseBlockMask(text);
        } catch (const Error &e) {
            EXPECT_EQ(e.kind(), ErrorKind::usage);
            return e.what();
        }
        return "no error";
    };
    EXPECT_NE(error("block 4\n1\n1x\n").find("line 3, column 2"), std::string::npos);
    EXPECT_NE(error("block 4\n1\n1\n").find("line 3, column 2: the row of block 1"),
              std::string::npos);
    EXPECT_NE(error("block 4\n").find("line 2, column 1"), std::string::npos);
    for (const char *text : {"", "1\n", "block\n1\n", "block 0\n1\n", "block -1\n1\n",
                             "block 4 4\n1\n", "block 99999999999\n1\n", "block 4\n\n\n"})
        EXPECT_NE(error(text), "no error") << text;
}

} // namespace
} // namespace longscope::attention
