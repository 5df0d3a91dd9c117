// What the fuzzers of documents that are archives share. An input is an archive, or the XML parts
// of one with a 0x1E byte between: changed bytes then meet our code, not a checksum.
#pragma once

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/formats.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/zip_writer.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace longscope {

constexpr char kBetweenParts = '\x1E';

/// Spans in order and inside of a valid text, or the fuzzer ends here.
inline void checkOutline(const document::Document &document) {
    if (repairUtf8(document.text) != document.text)
        std::abort();
    size_t before = 0;
    for (const document::Paragraph &p : document.paragraphs) {
        if (p.start < before || p.end <= p.start || p.end > document.text.size() ||
            p.heading > document.headings.size())
            std::abort();
        before = p.end;
    }
    before = 0;
    for (const document::Page &page : document.pages) {
        if (page.start < before || page.start > document.text.size())
            std::abort();
        before = page.start;
    }
    for (const document::Heading &heading : document.headings)
        if (heading.start >= document.text.size() || heading.level == 0)
            std::abort();
    document::splitSentences(document);
}

/// The archive of an input; the parts get these names, in their order, beside what is `fixed`.
inline std::string archiveOf(std::string_view input, const std::vector<std::string> &names,
                             testing::Entries fixed) {
    if (input.starts_with("PK"))
        return std::string(input);
    for (const std::string &name : names) {
        size_t end = std::min(input.find(kBetweenParts), input.size());
        if (end > 0)
            fixed.emplace_back(name, input.substr(0, end));
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    return testing::makeZip(fixed, nullptr, true);
}

/// Errors of the file are the right answer; everything else is a finding.
template <class Read> void readSafely(Read &&read) {
    try {
        checkOutline(read());
    } catch (const Error &) {
    }
}

inline std::vector<uint8_t> bytesOf(std::string_view text) {
    return {text.begin(), text.end()};
}
inline std::vector<uint8_t> fileBytes(const std::string &name) {
    return bytesOf(readWholeFile(std::string(LONGSCOPE_TEST_DATA "/documents/") + name));
}
/// Parts of a file as an input; entries that it lacks are empty.
std::vector<uint8_t> partsOfFile(const std::string &file, const std::vector<std::string> &names);

} // namespace longscope

#include "compute/document/archive.h"

inline std::vector<uint8_t> longscope::partsOfFile(const std::string &file,
                                                   const std::vector<std::string> &names) {
    std::string bytes = readWholeFile(std::string(LONGSCOPE_TEST_DATA "/documents/") + file), out;
    document::Archive archive(bytes, file);
    for (const std::string &name : names)
        out += archive.find(name).value_or("") + kBetweenParts;
    return bytesOf(out);
}
