// Any bytes as an ODT: read or refused.
#include "tests/fuzz/fuzz_packed.h"

namespace {

using namespace longscope;

const std::vector<std::string> kParts = {"content.xml", "styles.xml", "meta.xml",
                                         "META-INF/manifest.xml"};

constexpr std::string_view kDense =
    "<d><office:automatic-styles><style:style style:name=\"B\"><style:paragraph-properties "
    "fo:break-before=\"page\"/></style:style><text:list-style style:name=\"L\"><text:list-level-"
    "style-number text:level=\"1\" style:num-format=\"a\" style:num-suffix=\".\" text:start-value="
    "\"26\"/><text:list-level-style-number text:level=\"2\" style:num-format=\"i\" text:display-"
    "levels=\"2\"/></text:list-style></office:automatic-styles><office:body><office:text><text:h "
    "text:outline-level=\"2\">a</text:h><text:p text:style-name=\"B\">b<text:s text:c=\"3\"/><text:"
    "tab/><text:line-break/><text:soft-page-break/>c<text:note><text:note-body><text:p>d</text:p>"
    "</text:note-body></text:note><draw:frame><draw:text-box><text:p>e</text:p></draw:text-box>"
    "</draw:frame></text:p><text:list "
    "text:style-name=\"L\"><text:list-item><text:p>f</text:p><text:"
    "list><text:list-item><text:p>g</text:p></text:list-item></text:list></text:list-item></text:"
    "list><table:table><table:table-row><table:table-cell><text:p>h</text:p></table:table-cell>"
    "<table:table-cell><text:p>i</text:p></table:table-cell></table:table-row></table:table><text:"
    "table-of-content><text:index-body><text:p>j</text:p></text:index-body></text:table-of-content>"
    "</office:text></office:body></d>";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    std::string archive = archiveOf(input, kParts, {});
    readSafely([&] { return document::readOdt(archive, "x.odt"); });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {bytesOf(kDense), bytesOf(kDense), partsOfFile("ferry.odt", kParts),
            partsOfFile("minutes.odt", {"content.xml"}), fileBytes("ferry.odt")};
}
