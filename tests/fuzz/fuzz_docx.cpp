// Any bytes as a DOCX: read or refused.
#include "tests/fuzz/fuzz_packed.h"

namespace {

using namespace longscope;

const std::vector<std::string> kParts = {"word/document.xml", "word/styles.xml",
                                         "word/numbering.xml", "word/footnotes.xml",
                                         "docProps/core.xml"};
const testing::Entries kFixed = {
    {"[Content_Types].xml", "<Types><Override ContentType=\"application/vnd.openxmlformats-"
                            "officedocument.wordprocessingml.document.main+xml\"/></Types>"},
    {"word/_rels/document.xml.rels",
     "<Relationships><Relationship Type=\"x/styles\" Target=\"styles.xml\"/><Relationship "
     "Type=\"x/numbering\" Target=\"numbering.xml\"/><Relationship Type=\"x/footnotes\" "
     "Target=\"footnotes.xml\"/></Relationships>"}};

constexpr std::string_view kDense =
    "<w:document><w:body><w:p><w:pPr><w:outlineLvl w:val=\"1\"/><w:pageBreakBefore/></w:pPr><w:r>"
    "<w:t>a</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>b</w:t><w:br/></w:r></w:p></w:tc>"
    "<w:tc><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl><w:p><w:r><w:pict>"
    "<w:txbxContent><w:p><w:r><w:t>c</w:t></w:r></w:p></w:txbxContent></w:pict><w:br "
    "w:type=\"page\""
    "/><w:lastRenderedPageBreak/><w:footnoteReference "
    "w:id=\"1\"/><w:tab/></w:r><w:del><w:r/></w:del>"
    "</w:p><w:p><w:pPr><w:numPr><w:ilvl w:val=\"1\"/><w:numId w:val=\"1\"/></w:numPr></w:pPr><w:r>"
    "<w:t>d</w:t></w:r></w:p></w:body></w:document>\x1E\x1E<w:numbering><w:abstractNum "
    "w:abstractNumId=\"1\"><w:lvl w:ilvl=\"1\"><w:start w:val=\"3999\"/><w:numFmt "
    "w:val=\"upperRoman\"/><w:lvlText w:val=\"%1.%2\"/></w:lvl></w:abstractNum><w:num "
    "w:numId=\"1\"><w:abstractNumId "
    "w:val=\"1\"/></w:num></w:numbering>\x1E<w:footnotes><w:footnote "
    "w:id=\"1\"><w:p><w:r><w:t>e</w:t><w:footnoteReference w:id=\"1\"/></w:r></w:p></w:footnote>"
    "</w:footnotes>";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    std::string archive = archiveOf(input, kParts, kFixed);
    readSafely([&] { return document::readDocx(archive, "x.docx"); });
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {bytesOf(kDense), bytesOf(kDense), partsOfFile("ferry.docx", kParts),
            partsOfFile("minutes.docx", kParts), fileBytes("ferry.docx")};
}
