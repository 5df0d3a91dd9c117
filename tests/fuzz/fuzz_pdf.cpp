// Any bytes as a PDF, through the helper process as the program runs it: whatever becomes of the
// helper, this process reads the file or refuses it.
#include "compute/document/pdf.h"
#include "compute/document/pdf_layout.h"
#include "tests/fuzz/fuzz_packed.h"

using namespace longscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    document::PdfLimits limits{.cpu_seconds = 5, .wall = std::chrono::seconds(10)};
    readSafely([&] {
        return document::layOutPdf(document::runPdfReader(input, "x.pdf", limits), "x.pdf");
    });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {fileBytes("paper.pdf"), fileBytes("minutes.pdf"), fileBytes("locked.pdf"),
            fileBytes("keeper.pdf")};
}
