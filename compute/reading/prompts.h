// Every prompt that reads a document, in one place. All have one layout: the text stands first and
// what to do with it last, so that keys and values of a text that was read serve every task.
#pragma once

#include "compute/document/document.h"
#include "compute/model/chat_template.h"

#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

enum class Style { prose, bullets };

/// What a summary shall be like.
struct Wording {
    unsigned words = 120; ///< asked of the model, and the bound of what it may write
    Style style = Style::prose;
    std::string language = {};    ///< "German"; "" = that of the text
    std::string instruction = {}; ///< of the user, a sentence: "Stress the costs."

    /// The same with another length.
    Wording withWords(unsigned other) const {
        Wording wording = *this;
        wording.words = other;
        return wording;
    }
};

/// The system message of all of them.
inline constexpr const char *kReadingSystem = "You read documents faithfully.";

/// "Text:", the text, and the task behind it.
std::vector<model::Message> readingPrompt(std::string_view text, std::string_view task);

/// The user's message up to the text, and from its end on: for those who tell the pieces apart.
std::string_view beforeText();
std::string summaryTask(const Wording &wording);

/// A summary of a whole text.
std::vector<model::Message> summaryPrompt(const document::Document &document,
                                          const Wording &wording);
/// Of one part of a longer text; `title` is of its section, or "".
std::vector<model::Message> partPrompt(std::string_view title, std::string_view text,
                                       const Wording &wording);
/// One summary of several, which stand in the order of the text.
std::vector<model::Message> joinPrompt(std::string_view summaries, const Wording &wording);
/// The summary so far and the part that follows give the next summary.
std::vector<model::Message> refinePrompt(std::string_view summary, std::string_view text,
                                         const Wording &wording);
/// One sentence of a short passage, in its words: what very small models can do.
std::vector<model::Message> factPrompt(std::string_view passage, const Wording &wording);

} // namespace longscope::reading
