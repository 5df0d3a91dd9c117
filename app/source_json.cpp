#include "app/source_json.h"

#include "compute/document/places.h"

#include <algorithm>

namespace longscope::app {
namespace {

/// Label of the page that holds a byte, "" where there is none.
std::string pageAt(const document::Document &document, size_t byte) {
    auto after = std::ranges::upper_bound(document.pages, byte, {}, &document::Page::start);
    return after == document.pages.begin() ? std::string() : std::prev(after)->label;
}

} // namespace

std::string placeText(const document::Document &document, size_t byte) {
    std::string page = pageAt(document, byte), place = document::placeOf(document, byte);
    if (page.empty())
        return place;
    return "page " + page + (place.empty() ? "" : ", " + place);
}

nlohmann::json sourceJson(const document::Document &document, size_t start, size_t end,
                          double score) {
    nlohmann::json source = {{"file", document.path},
                             {"start", start},
                             {"end", end},
                             {"text", document.span(start, end)},
                             {"page", nullptr},
                             {"heading", nullptr},
                             {"score", score}};
    if (std::string page = pageAt(document, start); !page.empty())
        source["page"] = page;
    if (document.paragraphs.empty())
        return source;
    size_t paragraph = document::paragraphAt(document, start);
    source["paragraph"] = document::numberUnderHeading(document, paragraph);
    if (std::string heading = document::headingOf(document, paragraph); !heading.empty())
        source["heading"] = heading;
    return source;
}

} // namespace longscope::app
