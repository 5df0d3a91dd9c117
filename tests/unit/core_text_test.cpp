// compute/core/text: characters are never cut, and names are compared without case.
#include "compute/core/text.h"

#include <gtest/gtest.h>

namespace longscope {
namespace {

TEST(Text, CutsBetweenCharacters) {
    std::string_view text = "a\u00E9\u20AC\U0001F600."; // bytes 0, 1, 3, 6, 10
    size_t starts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t at = 0; at < std::size(starts); ++at) {
        EXPECT_EQ(characterStart(text, at), starts[at]) << at;
        EXPECT_EQ(isInsideCharacter(text, at), starts[at] != at) << at;
    }
    EXPECT_EQ(characterStart(text, 99), 99u);
    EXPECT_EQ(characterStart("", 0), 0u);
    // Bytes that go on where nothing began: no search through all of them.
    std::string broken(9, '\x80');
    EXPECT_EQ(characterStart(broken, 8), 8u);
    EXPECT_EQ(characterStart(broken, 2), 0u);
}

TEST(Text, WritesCharacters) {
    std::string out;
    for (char32_t code : {U'a', U'\u00E9', U'\u20AC', U'\U0001F600'})
        appendUtf8(out, code);
    EXPECT_EQ(out, "a\u00E9\u20AC\U0001F600");
}

TEST(Text, ComparesWithoutCase) {
    EXPECT_EQ(asciiLower("Radeon RX, \u00C9"), "radeon rx, \u00C9");
    EXPECT_TRUE(containsIgnoringCase("NVIDIA GeForce", "geF"));
    EXPECT_FALSE(containsIgnoringCase("NVIDIA", "nvidia x"));
    EXPECT_TRUE(containsIgnoringCase("", ""));
    EXPECT_FALSE(containsIgnoringCase("\u00C9", "\u00E9"));
}

TEST(Text, KnowsNumbersOfLists) {
    EXPECT_EQ(numberMarkLength("3. Costs", 2), 3u);
    EXPECT_EQ(numberMarkLength("12) x", 2), 4u);
    EXPECT_EQ(numberMarkLength("1. ", 1), 3u);
    for (const char *none : {"", "3", "3.", "3.5", "3 x", ". x", "1990. Then"})
        EXPECT_EQ(numberMarkLength(none, 3), 0u) << none;
}

TEST(Text, TrimsSpaces) {
    EXPECT_EQ(trimSpaces(" \t\r\n\v\f"), "");
    EXPECT_EQ(trimSpaces(""), "");
    EXPECT_EQ(trimSpaces("\n a b\t"), "a b");
}

} // namespace
} // namespace longscope
