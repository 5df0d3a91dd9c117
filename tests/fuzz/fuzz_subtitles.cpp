// Any bytes as SubRip and as WebVTT.
#include "tests/fuzz/fuzz_document.h"

using namespace longscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    importAnyBytes(data, size, "x.srt");
    importAnyBytes(data, size, "x.vtt");
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {dataInput("talk.srt"), dataInput("talk.vtt"),
            toInput("1\n99:59:59,999 --> 100:00:00.1\n- {\\an8}<v A>B: c&amp;</v>\n- d\n\n"
                    "2\n1:2 --> 9999:9999:9999,9\nE: f.\nE: g\n")};
}
