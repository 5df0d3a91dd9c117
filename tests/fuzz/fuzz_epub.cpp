// Any bytes as an EPUB: read or refused.
#include "tests/fuzz/fuzz_packed.h"

namespace {

using namespace longscope;

const std::vector<std::string> kParts = {"EPUB/content.opf",      "EPUB/text/ch001.xhtml",
                                         "EPUB/text/ch002.xhtml", "EPUB/toc.ncx",
                                         "EPUB/nav.xhtml",        "META-INF/encryption.xml"};
const testing::Entries kFixed = {{"META-INF/container.xml",
                                  "<container><rootfiles><rootfile full-path=\"EPUB/content.opf\"/>"
                                  "</rootfiles></container>"}};

constexpr std::string_view kDense =
    "<package><metadata><dc:title>a</dc:title><dc:creator>b</dc:creator></metadata><manifest><item "
    "id=\"1\" href=\"text/ch001.xhtml\" media-type=\"application/xhtml+xml\"/><item id=\"2\" "
    "href=\"text/ch002.xhtml\" media-type=\"application/xhtml+xml\"/><item id=\"n\" "
    "href=\"toc.ncx\" "
    "media-type=\"application/x-dtbncx+xml\"/></manifest><spine><itemref idref=\"1\"/><itemref "
    "idref=\"2\"/></spine></package>\x1E<html><body><h2>c<br/></h2><ol start=\"4\"><li><p>d</p><ul>"
    "<li>e<table><tr><td>f</td><th>g<p>h</p></th></tr></table></li></ul></li></ol><pre>i\n j</pre>"
    "<a epub:type=\"noteref\">1</a><span epub:type=\"pagebreak\" title=\"9\"/>&nbsp;<![CDATA[k]]>"
    "<table><b>l<td>m</table><p><i>n<p>o</i><svg><title>p</title></svg><math><mi>q</mi></math>"
    "</body></html>\x1E<p>r</p>\x1E<ncx><navPoint><navLabel><text>s</text></navLabel><content "
    "src=\"text/ch002.xhtml#t\"/></navPoint></ncx>";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    std::string archive = archiveOf(input, kParts, kFixed);
    readSafely([&] { return document::readEpub(archive, "x.epub"); });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {bytesOf(kDense), bytesOf(kDense), partsOfFile("ferry.epub", kParts),
            fileBytes("ferry.epub")};
}
