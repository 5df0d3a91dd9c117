#include "compute/reading/pieces.h"

#include "compute/document/sentences.h"

#include <algorithm>
#include <span>

namespace longscope::reading {
namespace {

using document::Document;

class Cutter {
  public:
    Cutter(const Document &document, uint64_t most_tokens,
           const std::function<uint64_t(std::string_view)> &count_tokens)
        : document_(document), most_(std::max<uint64_t>(most_tokens, 1)), count_(count_tokens) {}

    std::vector<Piece> cut() {
        std::vector<size_t> headings;
        for (const document::Heading &heading : document_.headings)
            headings.push_back(heading.start);
        pack(0, document_.text.size(), headings, &Cutter::cutAtParagraphs);
        return std::move(pieces_);
    }

  private:
    using Finer = void (Cutter::*)(size_t start, size_t end);

    /// Fills pieces with the parts of [start, end) between the cuts; what is too long goes to the
    /// finer way of cutting, alone.
    void pack(size_t start, size_t end, std::span<const size_t> cuts, Finer finer) {
        Piece open{start, start, 0};
        auto close = [&] {
            if (open.end > open.start)
                pieces_.push_back(open);
        };
        auto add = [&](size_t part_end) {
            Piece part{open.end, part_end, count_(document_.span(open.end, part_end))};
            if (open.tokens + part.tokens > most_) {
                close();
                open = {part.start, part.start, 0};
            }
            if (part.tokens > most_) {
                (this->*finer)(part.start, part.end);
                open = {part.end, part.end, 0};
                return;
            }
            open.end = part.end;
            open.tokens += part.tokens;
        };
        for (size_t cut : cuts)
            if (cut > open.end && cut < end)
                add(cut);
        if (open.end < end)
            add(end);
        close();
    }

    void cutAtParagraphs(size_t start, size_t end) {
        std::vector<size_t> cuts;
        bool after_heading = false;
        for (const document::Paragraph &paragraph : document_.paragraphs) {
            if (paragraph.start > start && paragraph.start < end && !after_heading)
                cuts.push_back(paragraph.start);
            after_heading = isHeading(paragraph);
        }
        pack(start, end, cuts, &Cutter::cutAtSentences);
    }

    bool isHeading(const document::Paragraph &paragraph) const {
        return paragraph.heading > 0 && !paragraph.prose &&
               document_.headings[paragraph.heading - 1].start == paragraph.start;
    }

    void cutAtSentences(size_t start, size_t end) {
        std::vector<size_t> cuts;
        for (document::Span span : document::sentenceSpans(document_.span(start, end)))
            cuts.push_back(start + span.start);
        pack(start, end, cuts, &Cutter::cutInHalves);
    }

    /// At a space near the middle, else between two characters there.
    void cutInHalves(size_t start, size_t end) {
        std::string_view text = document_.span(start, end);
        size_t middle = text.size() / 2, cut = text.find_last_of(" \n\t", middle);
        cut = cut == text.npos || cut < text.size() / 4 ? middle : cut + 1;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
            --cut;      // not inside a character
        if (cut == 0) { // one character of many tokens
            pieces_.push_back({start, end, count_(text)});
            return;
        }
        size_t cuts[] = {start + cut};
        pack(start, end, cuts, &Cutter::cutInHalves);
    }

    const Document &document_;
    uint64_t most_;
    const std::function<uint64_t(std::string_view)> &count_;
    std::vector<Piece> pieces_;
};

} // namespace

std::vector<Piece> cutAlongOutline(const Document &document, uint64_t most_tokens,
                                   const std::function<uint64_t(std::string_view)> &count_tokens) {
    return Cutter(document, most_tokens, count_tokens).cut();
}

} // namespace longscope::reading
