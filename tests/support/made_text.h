// Documents of made-up sentences that have no four words in a row in common, so that nothing in
// them counts as a repetition.
#pragma once

#include "compute/document/document.h"

#include <array>
#include <random>
#include <string>
#include <string_view>

namespace longscope::testing {

/// The same sentence for the same number, with a number of its own in it.
inline std::string madeSentence(uint64_t number) {
    static constexpr auto kWords = std::to_array<std::string_view>({
        "anchor", "barley", "candle",  "dragon", "engine",  "forest", "garden", "harbour", "island",
        "jungle", "kettle", "ladder",  "marble", "needle",  "orange", "pepper", "quarry",  "ribbon",
        "saddle", "timber", "urchin",  "valley", "willow",  "yellow", "zephyr", "bridge",  "copper",
        "desert", "falcon", "glacier", "hammer", "ivory",   "jacket", "kernel", "lantern", "mirror",
        "nettle", "oyster", "pillar",  "rocket", "silver",  "tunnel", "violet", "walnut",  "basket",
        "cotton", "dollar", "ember",   "fabric", "granite",
    });
    std::mt19937_64 random(number * 7919 + 1);
    std::string text;
    for (int word = 0; word < 8; ++word) {
        std::string next(kWords[random() % kWords.size()]);
        if (word == 0)
            next[0] = static_cast<char>(next[0] - 'a' + 'A');
        text += (text.empty() ? "" : " ") + next;
    }
    return text + " " + std::to_string(100000 + number) + ".";
}

/// A Markdown section: its heading and paragraphs of five sentences.
inline std::string madeSection(std::string_view title, unsigned level, uint64_t first,
                               unsigned paragraphs) {
    std::string text = std::string(level, '#') + " " + std::string(title) + "\n\n";
    for (unsigned paragraph = 0; paragraph < paragraphs; ++paragraph) {
        for (uint64_t sentence = 0; sentence < 5; ++sentence)
            text += madeSentence(first + 5 * paragraph + sentence) + (sentence < 4 ? " " : "");
        text += "\n\n";
    }
    return text;
}

} // namespace longscope::testing
