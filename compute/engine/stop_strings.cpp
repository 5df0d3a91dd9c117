#include "compute/engine/stop_strings.h"

#include <algorithm>
#include <utility>

namespace longscope::engine {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    std::erase(strings_, "");
}

std::string StopStrings::push(std::string_view piece) {
    if (found_)
        return "";
    held_ += piece;
    size_t end = std::string::npos; // of the earliest stop string
    for (const std::string &stop : strings_)
        end = std::min(end, held_.find(stop));
    if (end != std::string::npos) {
        found_ = true;
        held_.resize(end);
        return std::exchange(held_, "");
    }
    size_t keep = 0; // the longest end of the text that begins a stop string
    for (const std::string &stop : strings_)
        for (size_t length = std::min(stop.size() - 1, held_.size()); length > keep; --length)
            if (held_.ends_with(std::string_view(stop).substr(0, length)))
                keep = length;
    std::string safe = held_.substr(0, held_.size() - keep);
    held_.erase(0, safe.size());
    return safe;
}

std::string StopStrings::finish() {
    return found_ ? "" : std::exchange(held_, "");
}

} // namespace longscope::engine
