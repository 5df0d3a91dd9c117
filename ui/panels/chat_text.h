// Text of the chat that is computed, not drawn: sentences, dates, lines of figures, copies.
#pragma once

#include "ui/snapshot.h"
#include "ui/strings.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::ui {

struct Range {
    size_t start = 0, end = 0;
    bool operator==(const Range &) const = default;
};

/// The sentences of a Markdown text, as bytes of it: a full stop, question or exclamation mark with
/// a blank behind it ends one, and so does the end of a paragraph, heading or list item. Not after
/// "Mr.", "e.g." or within "6.4"; code blocks are left out.
std::vector<Range> sentencesOf(std::string_view text);

/// Where each sentence of a summary stands in its text; an empty range for one that is not found.
std::vector<Range> rangesIn(std::string_view text, const std::vector<CheckedSentence> &sentences);

/// Without the signs of Markdown for emphasis and code.
std::string plainText(std::string_view markdown);

/// The first `most_bytes` or less, never within a character, with "..." when something was left
/// out.
std::string shortened(std::string_view text, size_t most_bytes);

/// "14:05" today, "yesterday", "12 Mar", "12 Mar 2024".
std::string dateText(int64_t unix_s, int64_t now_unix_s);

/// "read 412 tokens (380 kept from before) in 1.2 s · wrote 128 tokens in 9 s, 14.2 tokens/s"
std::string figuresText(const Message &message);

/// "reading: 1,280 of 9,300 tokens · 245 tokens/s · about 2 min 10 s left"
std::string progressText(const TaskView &task);

/// "about 9,300 tokens, 38 s": so much is read, at the speed of the last time.
std::string readingCost(const Snapshot &snapshot, uint64_t tokens);
/// Of its text; a guess from its bytes where they are not counted.
uint64_t aboutTokens(uint64_t tokens, uint64_t text_bytes);
uint64_t aboutTokens(const Document &document);

/// Who wrote it: "You", "Model", "Summary of harbour.md".
std::string authorText(const Message &message);

/// The whole conversation as Markdown, for the clipboard.
std::string conversationText(const Chat &chat);

/// The task that the user waits for: the one that runs, once it lasts long enough to be noticed.
const TaskView *visibleTask(const Snapshot &snapshot);
/// True while something runs that Stop would end: an answer grows or a task is visible.
bool isWorking(const Snapshot &snapshot);

} // namespace longscope::ui
