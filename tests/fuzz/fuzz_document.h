// What the fuzzers of the importers share: any bytes are imported or refused with an Error, and
// what was imported keeps to the rules of a document.
#pragma once

#include "compute/core/error.h"
#include "compute/document/document.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/document_check.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace longscope {

inline void expectSound(const document::Document &document) {
    if (std::string problem = problemOf(document); !problem.empty()) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        std::abort();
    }
    for (const document::Sentence &s : document::splitSentences(document))
        if (s.start >= s.end || s.end > document.paragraphs[s.paragraph].end)
            std::abort();
}

/// Errors are the right answer; everything else (crash, std::bad_alloc, hang) is a finding.
inline void importAnyBytes(const uint8_t *data, size_t size, std::string_view path) {
    try {
        expectSound(document::importBytes({reinterpret_cast<const char *>(data), size}, path));
    } catch (const Error &) {
    }
}

inline std::vector<uint8_t> toInput(std::string_view text) {
    return {text.begin(), text.end()};
}

/// A file of tests/data/documents.
inline std::vector<uint8_t> dataInput(const char *name) {
    std::ifstream in(std::string(LONGSCOPE_TEST_DATA) + "/documents/" + name, std::ios::binary);
    std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(in),
                               std::istreambuf_iterator<char>()};
    if (bytes.empty())
        std::abort(); // not there: nothing would be tested
    return bytes;
}

} // namespace longscope
