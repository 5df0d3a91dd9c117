// The tidy page as it is written: every tag closed in order, at most kDeepestTags open at once. For
// html_tidy.cpp, which reads the tags.
#pragma once

#include "compute/document/html_tags.h"
#include "compute/document/html_tidy.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// What the attributes of one tag tell.
struct HtmlAttributes {
    std::string hints;
    std::string_view title, label, start; ///< title, aria-label, start
    bool self_closed = false;             ///< <br/>

    bool hinted(char hint) const { return hints.contains(hint); }
};

class TidyWriter {
  public:
    explicit TidyWriter(HtmlPart part) : part_(part) {}

    void text(std::string_view written) { page_.html += written; }
    /// Characters as they are, which are no markup.
    void plain(std::string_view characters);
    /// Writes the tag and what a browser thinks of around it.
    void start(const HtmlTag &tag, const HtmlAttributes &attributes);
    void end(const HtmlTag &tag);
    void title(std::string_view words);
    /// A page's title stands before all else; one in a picture is none.
    bool isTitlePlace() const;
    void printedPage(std::string_view label);
    /// What follows, up to the end of the element of this name, is a note's number.
    void beginNote(std::string_view element);
    /// Before each tag that is not hidden; null for an element of words.
    void passTag(std::string_view name, const HtmlTag *tag, bool closing);
    TidyPage finish(size_t hidden_bytes);

  private:
    struct Open {
        const HtmlTag *tag;
        bool written;
    };

    void write(std::string_view name, bool closing, std::string_view hints = {},
               std::string_view title = {});
    void push(const HtmlTag &tag, const HtmlAttributes &attributes);
    void pop();
    void popUntil(const HtmlTag &tag);
    void closeImplied(const HtmlTag &tag);
    void endNote();
    std::vector<size_t> &places(const HtmlTag &tag) {
        return places_[static_cast<size_t>(&tag - kHtmlTags)];
    }
    bool inTable() { return !places(kTable).empty(); }

    static constexpr const HtmlTag &kTable = *findHtmlTag("table");

    HtmlPart part_;
    TidyPage page_;
    std::vector<Open> open_; ///< blocks and those whose end may be missing
    size_t written_ = 0;     ///< of open_
    std::array<std::vector<size_t>, std::size(kHtmlTags)> places_; ///< in open_, of each tag
    std::string note_;      ///< element that holds a note's number; "" = none
    size_t note_start_ = 0; ///< in the tidy page
};

} // namespace longscope::document
