// One sentence out of several tries at a passage.
#include "compute/reading/strategies/facts.h"

#include <gtest/gtest.h>

namespace longscope::reading {
namespace {

TEST(Facts, TheBestSupportedTryIsTaken) {
    std::string passage = "The old pier of Selby was built in 1903 by Anna Reed. It has two cranes "
                          "and a shed for nets. The council pays for its repair each year.";
    FactChoice choice(passage);
    EXPECT_FALSE(choice.best());
    choice.offer("The pier was built in 1904 by Anna Reed."); // another number
    choice.offer("The pier was built in 1903 by Piet Maas."); // another name
    EXPECT_FALSE(choice.best());
    choice.offer("A pier with cranes has a council.");
    choice.offer("The main fact of the passage is that the old pier of Selby was built in 1903.");
    EXPECT_EQ(choice.best(), "The old pier of Selby was built in 1903.");
    EXPECT_TRUE(choice.isEnough());
    FactChoice quoted(passage);
    quoted.offer("The main fact of the passage is: \"The council pays for its repair each year.\"");
    EXPECT_EQ(quoted.best(), "The council pays for its repair each year.");
    EXPECT_EQ(factSampling(0, 5).temperature, 0);
    EXPECT_NE(factSampling(1, 5).seed, factSampling(2, 5).seed);
}

} // namespace
} // namespace longscope::reading
