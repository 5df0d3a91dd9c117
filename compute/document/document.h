// A document as the program reads it: UTF-8 text, and an outline of byte spans in which every
// source can be expressed, whatever file it came from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

struct Heading {
    std::string title;
    unsigned level = 1; ///< 1 = top
    size_t start = 0;   ///< byte of the text where the heading line begins
};

struct Paragraph {
    size_t start = 0, end = 0; ///< bytes, without surrounding white space
    size_t heading = 0;        ///< index into headings + 1; 0 = before the first one
    bool prose = true;         ///< false: a heading, a table, code
    bool title = false;        ///< the line of its heading and no more: a declaration says more
};

struct Sentence {
    size_t start = 0, end = 0; ///< bytes of the text
    size_t paragraph = 0;      ///< index
    size_t in_paragraph = 0;   ///< 0 = first sentence of its paragraph
};

struct Page {
    size_t start = 0;  ///< byte of the text where it begins
    std::string label; ///< as the file counts: "12", "iv"; "" = no page
};

struct Document {
    std::string path;
    std::string title;  ///< first heading, else the file's name
    std::string format; ///< "Markdown", "PDF": what it was read as
    std::string text;   ///< UTF-8, valid
    std::vector<Heading> headings;
    std::vector<Paragraph> paragraphs;
    std::vector<Page> pages;           ///< in order; empty where the format has none
    std::vector<std::string> warnings; ///< "3 invalid UTF-8 sequences were replaced by U+FFFD"

    std::string_view span(size_t start, size_t end) const {
        return std::string_view(text).substr(start, end - start);
    }
};

/// What the file begins with, its name and what it looks like choose the format: plain text in any
/// usual encoding, Markdown, HTML, RTF, subtitles (SRT, WebVTT), source code. A folder becomes one
/// document with a heading of level 1 for each file (`.gitignore` is honoured). "-" is standard
/// input. Throws Error(file): missing, empty, binary or unknown (with what was found where).
Document importFile(const std::string &path);
/// The same of bytes already read; `path` names them.
Document importBytes(std::string_view bytes, std::string_view path);
/// Text that is Markdown or plain for sure, as what was pasted.
Document importText(std::string_view bytes, std::string_view path, bool markdown);

/// Prose sentences in order; never cut inside "6.4" or after "Mr.", "e.g.". Headings, tables and
/// code give none.
std::vector<Sentence> splitSentences(const Document &document);

} // namespace longscope::document
