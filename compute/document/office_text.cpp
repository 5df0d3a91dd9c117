#include "compute/document/office_text.h"

#include <charconv>
#include <format>

namespace longscope::document {

void walkBlocks(const pugi::xml_node &root, std::deque<pugi::xml_node> &later,
                const std::function<Walk(const pugi::xml_node &)> &enter,
                const std::function<void(const pugi::xml_node &)> &leave) {
    for (const pugi::xml_node &block : root.children()) {
        if (block.type() != pugi::node_element || enter(block) == Walk::past)
            continue;
        walkXml(block, enter, leave);
        leave(block);
        for (; !later.empty(); later.pop_front())
            walkXml(later.front(), enter, leave);
    }
}

void TableLines::begin() {
    if (depth_++ == 0)
        flow_.begin(2);
}

void TableLines::beginRow(size_t cells) {
    if (depth_ != 1)
        return;
    flow_.begin(1);
    if (cells > 1)
        flow_.beginRow();
}

void TableLines::beginCell() {
    if (depth_ == 1 && flow_.inRow())
        flow_.cell();
}

void TableLines::endRow() {
    if (depth_ == 1)
        flow_.endRow();
}

void PageCounter::breakPage() {
    flow_.page(std::to_string(++pages_));
}

Document PageCounter::finish() {
    if (pages_ > 1 && !laid_out_)
        flow_.warn(std::format("pages are counted by {} page breaks set by hand; the file does not "
                               "say where others are",
                               pages_ - 1));
    Document document = flow_.finish();
    if (pages_ == 1 && !laid_out_)
        document.pages.clear(); // not laid out: how many there are is not known
    return document;
}

std::optional<unsigned> parseCount(std::string_view digits) {
    unsigned count = 0;
    auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
    return whole ? std::optional(count) : std::nullopt;
}

} // namespace longscope::document
