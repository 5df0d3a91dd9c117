// The parent's side of the helper process that reads PDFs; it links no PDF library.
#pragma once

#include "compute/document/pdf_pages.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace longscope::document {

struct PdfLimits {
    uint64_t memory_bytes = 1'500'000'000; ///< address space of the helper
    unsigned cpu_seconds = 120;            ///< a thousand pages take about ten
    std::chrono::milliseconds wall{180'000};
    uint64_t answer_bytes = 400'000'000;
    unsigned pages = 20'000;
};

/// The words of a PDF. Throws Error(file): the helper is missing, or cannot read the file within
/// the limits, or crashes; its process is gone in any case.
PdfPages runPdfReader(std::string_view bytes, std::string_view path, const PdfLimits &limits = {});

/// Beside this program, else where the build has it; "" when it is in neither place.
std::string findPdfReader();

} // namespace longscope::document
