// Any bytes as an RTF file.
#include "tests/fuzz/fuzz_document.h"

using namespace longscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string bytes = "{\\rtf"; // without it nothing is read
    bytes.append(reinterpret_cast<const char *>(data), size);
    importAnyBytes(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "x.rtf");
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    std::vector<uint8_t> whole = dataInput("weir.rtf");
    return {
        {whole.begin() + 5, whole.end()},
        toInput(
            "1\\ansi\\ansicpg932{\\fonttbl{\\f1\\fcharset134 A;}}\\f1\\'c4\\'e3\\f0\\'8d\\'60."),
        toInput("1{\\stylesheet{\\s1\\outlinelevel0 heading 1;}}\\s1 A\\par\\pard\\intbl a\\cell "
                "b\\cell\\row"),
        toInput("1\\uc2\\u-10179??\\u-8704??{\\*\\footnote note\\par}{\\listtext 1.\\tab}x\\bin3 "
                "abc\\par"),
        toInput("1{\\upr{a}{\\*\\ud{\\u233?}}}{\\field{\\*\\fldinst x}{\\fldrslt y}}{\\v "
                "h}{\\info{\\title T}}"),
    };
}
