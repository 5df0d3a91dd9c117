// What the helper process longscope-pdf says of a PDF, and its bytes on the pipe between the two.
// Both sides are built from this file; neither trusts the other's numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// A word, or a part of one in one font, with its place in points from the page's top left corner.
struct PdfWord {
    float left = 0, top = 0, right = 0, bottom = 0;
    float font_size = 0;      ///< points; 0 = not known
    bool space_after = false; ///< false: the next word goes on with it, or begins a line
    bool upright = true;      ///< false: written along the side
    bool bold = false;
    std::string text; ///< UTF-8
};

struct PdfPage {
    float width = 0, height = 0; ///< points
    std::string label;           ///< "12", "iv"; "" = none
    std::vector<PdfWord> words;  ///< in the order in which poppler reads them
};

/// An entry of the file's own outline: what a viewer shows beside the pages.
struct PdfEntry {
    std::string title;          ///< UTF-8; one that is too long ends in "…"
    unsigned level = 1;         ///< 1 = top
    std::optional<size_t> page; ///< index; nothing: it leads to no page of the file
    std::optional<float> top;   ///< points from the page's top, where it says a place
};

struct PdfOutline {
    std::vector<PdfEntry> entries; ///< each before those below it
    bool more = false;             ///< there are more than kMostEntries
    bool deeper = false;           ///< there are more than kMostLevels
    bool unread = false;           ///< the helper was built without what reads it
};

// What is read of an outline. Its tree may be made to lead to itself, or to the same branch from
// many places, so that only a count ends it.
constexpr size_t kMostEntries = 20'000;
constexpr unsigned kMostLevels = 32;
constexpr size_t kLongestTitle = 1000; ///< bytes

struct PdfPages {
    std::string title; ///< of the file's own description
    std::vector<PdfPage> pages;
    PdfOutline outline = {};
};

/// How the helper ended; the exit status of its process.
enum class PdfExit : int {
    done = 0,
    broken = 10,
    locked = 11, ///< asks for a password
    too_many_pages = 12,
    out_of_memory = 13,
    wrong_use = 14,
};

// The stream: "LSPDF2\n", title, then of each page 'P', width, height, label, words; 'O', flags
// and the entries of the outline, or nothing where the file has none; 'E' at its end.
// Numbers are little-endian as in memory; a text is its length (uint32) and bytes; a list its count
// (uint32) and elements.
void appendHead(std::string &out, std::string_view title);
void appendPage(std::string &out, const PdfPage &page);
void appendOutline(std::string &out, const PdfOutline &outline);
void appendEnd(std::string &out);

/// Throws Error(file) when the bytes are no such stream, whatever they are.
PdfPages parsePdfPages(std::string_view stream, std::string_view path);

} // namespace longscope::document
