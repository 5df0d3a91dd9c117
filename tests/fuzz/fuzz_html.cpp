// Any bytes as an HTML page.
#include "tests/fuzz/fuzz_document.h"

#include "compute/core/text.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"

using namespace longscope;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    importAnyBytes(data, size, "x.html");
    // As a chapter of a book: nothing of it is left out.
    size_t removed = 0;
    std::string text = repairUtf8({reinterpret_cast<const char *>(data), size});
    expectSound(
        document::readHtml(document::cleanControls(text, removed), document::HtmlPart::all));
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    return {
        dataInput("weir.html"),
        dataInput("news.html"),
        toInput(
            "<table><caption>c<tr><td>a<td><table><tr><th>b</table><tr><td><ul><li>x<dd>y</table>"),
        toInput("<!DOCTYPE html><main role=main><p>a<b>b<i>c</b>d<a href=x>e<a>f</p><svg><p>g"),
        toInput("<pre>\n x\n  <div>y</div></pre><h1>z</h2><select><option>1<div>2</select>"),
        toInput("<ol><li>1<ol><li>2</ol></ol><article>&amp;&#x1F600;&#0;&notin;</article><body "
                "class=l>"),
        toInput("<!DOCTYPE x[<!ENTITY a 'b'>]><ol start=4><li/><li><ol><li>x</ol><sup "
                "epub:type=noteref><a>1</a></sup><i role=doc-pagebreak title='5\"'>6</i>y<a "
                "class=footnote-back>z"),
        toInput("<html:p xml:lang='x'/><![CDATA[ a<b ]]><?php x ?><!-- -- > --><title>t</title>"),
        toInput("<button>x<button>y</button><template><p>z</template><frameset><plaintext></p>"),
    };
}
