// Any bytes as what the helper process says of a PDF: laid out or refused. Poppler is not here.
#include "compute/document/pdf.h"
#include "compute/document/pdf_layout.h"
#include "tests/fuzz/fuzz_packed.h"

namespace {

using namespace longscope;

/// The stream of the first pages of a real file.
std::vector<uint8_t> streamOf(const std::string &file, size_t most_pages, size_t most_words) {
    std::string path = std::string(LONGSCOPE_TEST_DATA "/documents/") + file, out;
    document::PdfPages pages = document::runPdfReader(readWholeFile(path), file);
    document::appendHead(out, pages.title);
    for (size_t i = 0; i < std::min(most_pages, pages.pages.size()); ++i) {
        document::PdfPage &page = pages.pages[i];
        page.words.resize(std::min(page.words.size(), most_words));
        document::appendPage(out, page);
    }
    if (!pages.outline.entries.empty())
        document::appendOutline(out, pages.outline);
    document::appendEnd(out);
    return bytesOf(out);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    readSafely(
        [&] { return document::layOutPdf(document::parsePdfPages(input, "x.pdf"), "x.pdf"); });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {streamOf("paper.pdf", 3, 400), streamOf("minutes.pdf", 7, 30),
            streamOf("minutes.pdf", 4, 200), streamOf("paper.pdf", 1, 40),
            streamOf("keeper.pdf", 3, 150)};
}
