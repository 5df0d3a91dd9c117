#include "app/desk/map_file.h"

#include "app/image.h"
#include "app/output.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

/// "0:12" for each cell of a side.
std::vector<std::string> ranges(uint64_t first, uint64_t end, uint64_t step) {
    std::vector<std::string> names;
    for (uint64_t at = first; at < end; at += step)
        names.push_back(std::format("{}:{}", at, std::min(at + step, end)));
    return names;
}

nlohmann::json factsOf(const MapOrigin &origin, const std::string &path) {
    const ui::Map &map = *origin.map;
    return {{"file", path},
            {"model", origin.model},
            {"device", origin.device},
            {"layer", map.wanted.layer},
            {"heads", map.wanted.heads}, // empty: the mean of all
            {"first_query", map.first_query},
            {"end_query", map.end_query},
            {"query_tokens", map.query_step},
            {"first_key", map.first_key},
            {"end_key", map.end_key},
            {"key_tokens", map.key_step},
            {"rows", map.rows},
            {"columns", map.columns},
            {"pool", "sum"}, // of the probabilities of a cell, mean over the heads
            {"pattern", map.pattern},
            {"settings",
             {{"attention", origin.settings.attention},
              {"rope", origin.settings.rope},
              {"evict", origin.settings.evict},
              {"k", origin.settings.k},
              {"v", origin.settings.v}}}};
}

void writeText(OutputFile &file, const std::string &text) {
    file.write(std::as_bytes(std::span(text)));
}

} // namespace

std::string saveMap(const MapOrigin &origin, const std::string &path) {
    const ui::Map &map = *origin.map;
    ImageFormat format = imageFormat(path);
    Matrix matrix{map.sum, map.rows, map.columns};
    OutputFile file(path);
    if (format == ImageFormat::npy)
        file.write(encodeNpy(matrix));
    else if (format == ImageFormat::png)
        file.write(encodePng(matrix));
    else
        writeText(file, encodeCsv(matrix, "queries",
                                  ranges(map.first_query, map.end_query, map.query_step),
                                  ranges(map.first_key, map.end_key, map.key_step)));
    file.commit();
    std::string facts_path = path + ".json";
    OutputFile facts(facts_path);
    writeText(facts,
              factsOf(origin, path).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                  "\n");
    facts.commit();
    return facts_path;
}

} // namespace longscope::app
