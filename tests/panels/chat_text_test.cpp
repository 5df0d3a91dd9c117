// Texts of the chat that are computed, not drawn.
#include "ui/panels/chat_text.h"
#include "ui/widgets/markdown_view.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace longscope::tests {
namespace {

using namespace ui;

TEST(ChatText, CutsSentencesAtStops) {
    auto cut = [](const std::string &text) {
        std::vector<std::string> sentences;
        for (const Range &range : sentencesOf(text))
            sentences.push_back(text.substr(range.start, range.end - range.start));
        return sentences;
    };
    using Texts = std::vector<std::string>;
    EXPECT_EQ(cut("It is 6.4 km. Mr. Hale went, e.g. by boat! Why? \"No.\" End"),
              (Texts{"It is 6.4 km.", "Mr. Hale went, e.g. by boat!", "Why?", "\"No.\"", "End"}));
    EXPECT_EQ(cut("# Head\n\nOne\nline. Two.\n\n- item a\n- item b.\n1. **Bold** one.\n"),
              (Texts{"Head", "One\nline.", "Two.", "item a", "item b.", "**Bold** one."}));
    EXPECT_EQ(cut("Before.\n```\ncode. more.\n```\nAfter."), (Texts{"Before.", "After."}));
    EXPECT_EQ(cut(""), Texts{});
    EXPECT_EQ(plainText("a **b** `c` 2 * 3"), "a b c 2 * 3");
    EXPECT_EQ(shortened("caf\u00E9 au lait", 4), "caf...");
}

TEST(ChatText, SaysProgressAndFigures) {
    TaskView task;
    task.rate = 245;
    task.progress = {"reading", "tokens", 1280, 9300, 5, 130};
    EXPECT_EQ(progressText(task),
              "reading: 1,280 of 9,300 tokens \u00B7 245 tokens/s \u00B7 about 2 min 10 s left");
    Message message;
    message.prompt_tokens = 412, message.reused_tokens = 380, message.prompt_seconds = 1.2;
    message.written_tokens = 128, message.write_seconds = 8;
    EXPECT_EQ(figuresText(message),
              "read 412 tokens (380 kept from before) in 1.2 s \u00B7 wrote 128 "
              "tokens in 8 s, 16 tokens/s");
}

TEST(MarkdownPieces, CoverTheTextAndKeepBlocksWhole) {
    std::string text;
    for (int i = 0; i < 200; i++)
        text += "Paragraph " + std::to_string(i) + " with some words in it.\n\n- a\n\n- b\n\n";
    text += "```cpp\nint x;\n\n# no heading\n```\nEnd.\n~~~\nopen";
    const auto pieces = splitMarkdown(text, 1000);
    ASSERT_GT(pieces.size(), 8U);
    size_t at = 0;
    for (const MarkdownPiece &piece : pieces) {
        EXPECT_EQ(piece.start, at);
        EXPECT_LT(piece.start, piece.end);
        at = piece.end;
        EXPECT_TRUE(piece.is_code || text[piece.start] != '-') << "a list was cut at " << at;
    }
    EXPECT_EQ(at, text.size());
    const MarkdownPiece &code = pieces[pieces.size() - 3];
    EXPECT_TRUE(code.is_code);
    EXPECT_EQ(code.language, "cpp");
    EXPECT_EQ(text.substr(code.code_start, code.code_end - code.code_start),
              "int x;\n\n# no heading\n");
    EXPECT_EQ(text.substr(pieces.back().code_start), "open");
    EXPECT_TRUE(splitMarkdown("").empty());
}

} // namespace
} // namespace longscope::tests
