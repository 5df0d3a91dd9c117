#include "app/source_json.h"

#include "compute/document/places.h"

namespace longscope::app {

nlohmann::json sourceJson(const document::Document &document, size_t start, size_t end,
                          double score) {
    nlohmann::json source = {{"file", document.path},
                             {"start", start},
                             {"end", end},
                             {"text", document.span(start, end)},
                             {"page", nullptr},
                             {"heading", nullptr},
                             {"score", score}};
    if (std::string page = document::pageOf(document, start); !page.empty())
        source["page"] = page;
    if (document.paragraphs.empty())
        return source;
    size_t paragraph = document::paragraphAt(document, start);
    source["paragraph"] = document::numberUnderHeading(document, paragraph);
    if (std::string heading = document::headingOf(document, paragraph); !heading.empty())
        source["heading"] = heading;
    return source;
}

nlohmann::json sentenceJson(const document::Document &document,
                            const reading::SourcedSentence &sentence) {
    auto places = [&](const std::vector<reading::Source> &sources) {
        auto all = nlohmann::json::array();
        for (const reading::Source &source : sources)
            all.push_back(sourceJson(document, source.start, source.end, source.score));
        return all;
    };
    return {{"kind", sentence.quoted ? "quoted" : "written"},
            {"file", document.path},
            {"text", sentence.text},
            {"supported", sentence.supported},
            {"sources", places(sentence.sources)},
            {"attended", places(sentence.attended)}};
}

} // namespace longscope::app
