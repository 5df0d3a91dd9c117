// Source code as it is, with an outline: a section begins with the comment above a declaration.
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"
#include "compute/document/source_languages.h"

#include <algorithm>
#include <format>

namespace longscope::document {
namespace {

constexpr size_t kLongBlock = 2000; // bytes; the next line begins another block
constexpr size_t kLongLine = 4000;  // bytes; longer ones are cut, as of scripts made small
constexpr std::string_view kBlanks = " \t";
constexpr Language kUnknown = {"unknown", "", Declarations::braces, "#", "", ""};

std::string_view withoutIndent(std::string_view line) {
    return line.substr(std::min(line.find_first_not_of(kBlanks), line.size()));
}

class CodeReader {
  public:
    CodeReader(std::string text, const Language &language) : language_(language) {
        document_.text = std::move(text);
    }
    Document read();

  private:
    enum class Block { none, code, comment };

    void addLine(size_t start, size_t end);
    bool isComment(std::string_view line);
    void begin(Block kind, size_t start);
    void endBlock(size_t end);
    void addDeclaration(Declaration declaration, size_t start, size_t end);
    bool isProse(std::string_view comment) const;
    void addComment(size_t start, size_t end);
    void addLongLine(size_t start, size_t end);

    const Language &language_;
    Document document_;
    Block block_ = Block::none;
    size_t start_ = 0, end_ = 0; ///< of the block so far
    bool in_comment_ = false;    ///< between the marks of a comment of many lines
};

/// Whether the line is a comment and nothing else; minds comments of many lines.
bool CodeReader::isComment(std::string_view line) {
    const Language &l = language_;
    if (in_comment_) {
        in_comment_ = !line.contains(l.comment_close);
        return true;
    }
    if (!l.comment_open.empty() && line.starts_with(l.comment_open)) {
        in_comment_ = !line.substr(l.comment_open.size()).contains(l.comment_close);
        return true;
    }
    return !l.line_comment.empty() && line.starts_with(l.line_comment);
}

/// More letters than anything else, and at least three words.
bool CodeReader::isProse(std::string_view comment) const {
    size_t letters = 0, others = 0, words = 0;
    bool in_word = false;
    for (size_t at = 0; at < comment.size();) {
        Character c = characterAt(comment, at);
        at += c.length;
        bool letter = isLetter(c.code), space = isSpace(c.code);
        letters += letter;
        others += !letter && !space && c.code < 0x80 &&
                  !language_.line_comment.contains(static_cast<char>(c.code));
        words += letter && !in_word;
        in_word = letter || (in_word && !space);
    }
    return words >= 3 && letters > 2 * others;
}

/// The span begins after the mark, so that a sentence does not begin with it.
void CodeReader::addComment(size_t start, size_t end) {
    constexpr std::string_view kMarks = "/*#-!;%\"{<=[ \t\n";
    std::string_view text = document_.span(start, end);
    size_t first = text.find_first_not_of(kMarks);
    if (first == text.npos)
        return addParagraph(document_, start, end, false);
    std::string_view close = language_.comment_close;
    std::string_view kept = text;
    while (!kept.empty() && (kBlanks.contains(kept.back()) || kept.back() == '\n'))
        kept.remove_suffix(1);
    if (!close.empty() && kept.ends_with(close))
        kept.remove_suffix(close.size());
    bool prose = isProse(kept.substr(std::min(first, kept.size())));
    if (prose)
        addParagraph(document_, start + first, start + kept.size(), true);
    else
        addParagraph(document_, start, end, false);
}

void CodeReader::begin(Block kind, size_t start) {
    block_ = kind;
    start_ = start;
}

void CodeReader::endBlock(size_t end) {
    if (block_ == Block::comment)
        addComment(start_, end);
    else if (block_ == Block::code)
        addParagraph(document_, start_, end, false);
    block_ = Block::none;
}

void CodeReader::addDeclaration(Declaration declaration, size_t start, size_t end) {
    bool with_comment = block_ == Block::comment; // no blank line stands between
    if (!with_comment)
        endBlock(end_);
    size_t section = with_comment ? start_ : start;
    trim(document_.text, section, end);
    document_.headings.push_back({std::move(declaration.title), declaration.level, section});
    if (with_comment)
        endBlock(end_);
    addParagraph(document_, start, end, false);
    // "\section{Costs}"; what follows in the line is text.
    document_.paragraphs.back().title = language_.declarations == Declarations::latex &&
                                        document_.text[end - 1] == '}' &&
                                        !document_.headings.back().title.contains('}');
}

/// Cut after white space, a comma or a semicolon where there is one.
void CodeReader::addLongLine(size_t start, size_t end) {
    while (end - start > kLongLine) {
        std::string_view piece = document_.span(start, start + kLongBlock);
        size_t cut = piece.find_last_of(" \t,;}");
        cut = cut == piece.npos || cut < kLongBlock / 2 ? kLongBlock : cut + 1;
        cut = characterStart(document_.text, start + cut) - start;
        addParagraph(document_, start, start + cut, false);
        start += cut;
    }
    addParagraph(document_, start, end, false);
}

void CodeReader::addLine(size_t start, size_t end) {
    std::string_view line = withoutIndent(document_.span(start, end));
    if (line.empty() && !in_comment_)
        return endBlock(end_);
    if (end - start > kLongLine) {
        endBlock(end_);
        if (in_comment_)
            isComment(line);
        return addLongLine(start, end);
    }
    Block kind = isComment(line) ? Block::comment : Block::code;
    if (kind == Block::code)
        if (auto declaration = findDeclaration(language_, document_.text, start, end)) {
            addDeclaration(std::move(*declaration), start, end);
            end_ = end;
            return;
        }
    if (block_ != kind || end_ - start_ > kLongBlock) {
        endBlock(end_);
        begin(kind, start);
    }
    end_ = end;
}

Document CodeReader::read() {
    size_t size = document_.text.size();
    for (size_t start = 0; start < size;) {
        size_t end = std::min(document_.text.find('\n', start), size);
        addLine(start, end);
        start = end + 1;
    }
    endBlock(end_);
    document_.format = &language_ == &kUnknown ? std::string("source code")
                                               : std::format("{} source code", language_.name);
    return std::move(document_);
}

} // namespace

std::string_view languageOf(std::string_view path) {
    const Language *language = findLanguage(path);
    return language ? language->name : std::string_view();
}

Document readSourceCode(std::string text, std::string_view path) {
    const Language *language = findLanguage(path);
    return CodeReader(std::move(text), language ? *language : kUnknown).read();
}

} // namespace longscope::document
