// Numbers are written seven bits a byte, lowest first, the top bit set on all but the last; spans
// as steps from the one before:
//
//     version | headings: count, (level, start step, title) | paragraphs: count,
//     (start step, length, heading, prose) | warnings: count, (text)
#include "compute/document/library_outline.h"

#include <cstdint>

namespace longscope::document {
namespace {

constexpr uint64_t kForm = 1;

class Packer {
  public:
    void number(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            bytes_ += static_cast<char>(value | 0x80);
        bytes_ += static_cast<char>(value);
    }
    void text(std::string_view value) {
        number(value.size());
        bytes_ += value;
    }
    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

/// Every wrong byte makes `ok` false and all further numbers 0.
class Unpacker {
  public:
    explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
    bool ok = true;

    uint64_t number() {
        uint64_t value = 0;
        for (unsigned shift = 0; ok; shift += 7) {
            if (shift > 63 || at_ >= bytes_.size()) {
                ok = false;
                break;
            }
            auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80)
                return value;
        }
        return 0;
    }
    /// A count of things of at least one byte.
    uint64_t count() {
        uint64_t value = number();
        ok = ok && value <= bytes_.size() - at_;
        return ok ? value : 0;
    }
    std::string text() {
        uint64_t size = count();
        at_ += size;
        return std::string(bytes_.substr(at_ - size, size));
    }
    bool atEnd() const { return at_ == bytes_.size(); }

  private:
    std::string_view bytes_;
    size_t at_ = 0;
};

void unpackHeadings(Unpacker &from, Document &document) {
    size_t start = 0;
    for (uint64_t left = from.count(); left > 0 && from.ok; --left) {
        auto level = static_cast<unsigned>(from.number());
        start += from.number();
        from.ok = from.ok && start <= document.text.size();
        document.headings.push_back({from.text(), level, start});
    }
}

void unpackParagraphs(Unpacker &from, Document &document) {
    size_t end = 0;
    for (uint64_t left = from.count(); left > 0 && from.ok; --left) {
        Paragraph paragraph;
        uint64_t gap = from.number(), length = from.number();
        from.ok = from.ok && gap <= document.text.size() - end &&
                  length <= document.text.size() - end - gap;
        paragraph.start = end + gap;
        paragraph.end = end = paragraph.start + length;
        paragraph.heading = from.number();
        paragraph.prose = from.number() != 0;
        from.ok = from.ok && paragraph.heading <= document.headings.size();
        document.paragraphs.push_back(paragraph);
    }
}

} // namespace

std::string packOutline(const Document &document) {
    Packer out;
    out.number(kForm);
    out.number(document.headings.size());
    size_t last = 0;
    for (const Heading &heading : document.headings) {
        out.number(heading.level);
        out.number(heading.start - last);
        out.text(heading.title);
        last = heading.start;
    }
    out.number(document.paragraphs.size());
    last = 0;
    for (const Paragraph &paragraph : document.paragraphs) {
        out.number(paragraph.start - last);
        out.number(paragraph.end - paragraph.start);
        out.number(paragraph.heading);
        out.number(paragraph.prose);
        last = paragraph.end;
    }
    out.number(document.warnings.size());
    for (const std::string &warning : document.warnings)
        out.text(warning);
    return out.take();
}

bool unpackOutline(std::string_view bytes, Document &document) {
    Unpacker from(bytes);
    from.ok = from.number() == kForm && from.ok;
    unpackHeadings(from, document);
    unpackParagraphs(from, document);
    for (uint64_t left = from.count(); left > 0 && from.ok; --left)
        document.warnings.push_back(from.text());
    if (from.ok && from.atEnd())
        return true;
    document.headings.clear();
    document.paragraphs.clear();
    document.warnings.clear();
    return false;
}

} // namespace longscope::document
