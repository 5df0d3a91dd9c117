// What readers make of archives and PDFs, and the files in tests/data/documents.
#pragma once

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/document.h"
#include "tests/support/zip_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace longscope::testing {

inline std::string documentFile(const std::string &name) {
    return readWholeFile(std::string(LONGSCOPE_TEST_DATA "/documents/") + name);
}

/// The words of the Error(file) with which a task ends.
template <class Task> std::string refusalOf(Task &&task) {
    try {
        task();
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::file);
        return error.what();
    }
    return "accepted";
}

/// Whether a text has these words; else the failure shows the text.
inline ::testing::AssertionResult holds(std::string_view text, std::string_view words) {
    return text.contains(words) ? ::testing::AssertionSuccess()
                                : ::testing::AssertionFailure() << "\"" << text << "\"";
}

/// Spans point into the text, in order, on the first and last byte of something visible.
inline void expectSoundOutline(const document::Document &document) {
    size_t before = 0;
    EXPECT_EQ(repairUtf8(document.text), document.text);
    for (const document::Paragraph &p : document.paragraphs) {
        ASSERT_LE(before, p.start);
        ASSERT_LT(p.start, p.end);
        ASSERT_LE(p.end, document.text.size());
        EXPECT_LE(p.heading, document.headings.size());
        before = p.end;
    }
    before = 0;
    for (const document::Page &page : document.pages) {
        EXPECT_LE(before, page.start);
        EXPECT_LE(page.start, document.text.size());
        before = page.start;
    }
    for (const document::Heading &heading : document.headings)
        EXPECT_LT(heading.start, document.text.size());
}

/// "1 The crossing" of each heading.
inline std::vector<std::string> headingsOf(const document::Document &document) {
    std::vector<std::string> out;
    for (const document::Heading &heading : document.headings)
        out.push_back(std::to_string(heading.level) + " " + heading.title);
    return out;
}

inline std::vector<std::string> paragraphsOf(const document::Document &document) {
    std::vector<std::string> out;
    for (const document::Paragraph &p : document.paragraphs)
        out.emplace_back(document.span(p.start, p.end));
    return out;
}

} // namespace longscope::testing
