// Any bytes as source code of several languages.
#include "tests/fuzz/fuzz_document.h"

using namespace longscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    constexpr const char *kPaths[] = {"x.cpp", "x.py", "x.rs",  "x.sh",           "x.js", "x.lua",
                                      "x.tex", "x.R",  "x.sql", "CMakeLists.txt", "x.hs", "x.json"};
    importAnyBytes(data + 1, size - 1, kPaths[data[0] % std::size(kPaths)]);
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    std::vector<std::vector<uint8_t>> corpus;
    for (std::string_view text :
         {"/// Adds two numbers here.\nint add(int a,\n    int b) {\n  return a;\n}\n\nclass X : Y "
          "{\n"
          "    void f(int x) {\n    }\n};\n/* a\n * b */\n",
          "class A(B):\n    \"\"\"Says it in words.\"\"\"\n    async def f(self):\n        pass # "
          "x\n",
          "pub(crate) fn a() {\n}\nimpl X for Y {\n}\n-- | c\nf <- function(x) 1\n--[[ d\n]]\n",
          "\\section*{The \xC3\xA9}\n% words of it\nfunction(F)\nCREATE TABLE x (\n{- y -}\n"})
        for (uint8_t which = 0; which < 12; which += 2) {
            corpus.push_back({which});
            corpus.back().insert(corpus.back().end(), text.begin(), text.end());
        }
    return corpus;
}
