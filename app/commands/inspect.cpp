// `longscope inspect`: what a model file holds, without a device.
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "compute/core/text.h"
#include "compute/model/gguf.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <map>

namespace longscope::app {
namespace {

using nlohmann::json;

constexpr size_t kShownElements = 6; ///< of a metadata array

json arrayJson(const model::Array &array) {
    return std::visit(
        [](const auto &values) {
            json first = json::array();
            for (size_t i = 0; i < std::min(values.size(), kShownElements); ++i)
                first.push_back(values[i]);
            return json{{"count", values.size()}, {"first", first}};
        },
        array);
}

json valueJson(const model::Value &value) {
    if (const auto *array = std::get_if<model::Array>(&value))
        return arrayJson(*array);
    return std::visit(
        [](const auto &scalar) -> json {
            if constexpr (std::is_same_v<std::decay_t<decltype(scalar)>, model::Array>)
                return nullptr;
            else
                return scalar;
        },
        value);
}

/// Long texts (chat templates) are cut; line breaks are shown as \n.
std::string valueText(const json &value) {
    std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (value.is_object()) {
        text = value["first"].dump(-1, ' ', false, json::error_handler_t::replace);
        if (value["count"].get<size_t>() > value["first"].size())
            text.back() = ',', text += std::format("… {} in all]", value["count"].get<size_t>());
    }
    constexpr size_t kMost = 160;
    if (text.size() <= kMost)
        return text;
    size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end; // not inside a character
    return text.substr(0, end) + std::format("… ({} bytes)", text.size());
}

struct Group {
    uint64_t tensors = 0, elements = 0, bytes = 0;
    void add(const model::Tensor &tensor) {
        ++tensors;
        elements += tensor.elements();
        bytes += tensor.bytes.size();
    }
};

double bitsPerWeight(const Group &group) {
    return group.elements
               ? 8 * static_cast<double>(group.bytes) / static_cast<double>(group.elements)
               : 0;
}

/// "blk.N." gives N; nothing for tensors outside the layers.
std::optional<uint32_t> layerOf(const std::string &name) {
    if (!name.starts_with("blk."))
        return std::nullopt;
    uint32_t layer = 0;
    auto [end, error] = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
    if (error != std::errc() || end == name.data() + name.size() || *end != '.')
        return std::nullopt;
    return layer;
}

struct Summary {
    Group all, outside;
    std::map<std::string, Group> types;
    std::map<uint32_t, Group> layers;

    explicit Summary(const model::Gguf &file) {
        for (const model::Tensor &tensor : file.tensors()) {
            all.add(tensor);
            types[std::string(model::traitsOf(tensor.type).name)].add(tensor);
            auto layer = layerOf(tensor.name);
            (layer ? layers[*layer] : outside).add(tensor);
        }
    }
};

json groupJson(const Group &group) {
    return {{"tensors", group.tensors},
            {"elements", group.elements},
            {"bytes", group.bytes},
            {"bits_per_weight", bitsPerWeight(group)}};
}

json inspectJson(const model::Gguf &file, const Summary &summary) {
    json metadata = json::object(), tensors = json::array(), types = json::object(),
         layers = json::array();
    for (const auto &[key, value] : file.metadata())
        metadata[key] = valueJson(value);
    for (const model::Tensor &tensor : file.tensors())
        tensors.push_back({{"name", tensor.name},
                           {"type", model::traitsOf(tensor.type).name},
                           {"shape", tensor.shape},
                           {"bytes", tensor.bytes.size()}});
    for (const auto &[name, group] : summary.types)
        types[name] = groupJson(group);
    for (const auto &[layer, group] : summary.layers) {
        json entry = groupJson(group);
        entry["layer"] = layer;
        layers.push_back(entry);
    }
    return {{"path", file.path()},
            {"version", file.version()},
            {"file_bytes", file.fileBytes()},
            {"metadata", metadata},
            {"tensors", tensors},
            {"types", types},
            {"layers", layers},
            {"outside_layers", groupJson(summary.outside)},
            {"parameters", summary.all.elements},
            {"bits_per_weight", bitsPerWeight(summary.all)}};
}

std::string shapeText(const std::vector<uint64_t> &shape) {
    std::string text;
    for (uint64_t size : shape)
        text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

void printText(const model::Gguf &file, const Summary &summary) {
    printOut(std::format("{}\nGGUF version {}, {}, {} tensors, {} parameters, {:.3f} bits per "
                         "weight\n\nMetadata\n",
                         file.path(), file.version(), formatBytes(file.fileBytes()),
                         summary.all.tensors, summary.all.elements, bitsPerWeight(summary.all)));
    for (const auto &[key, value] : file.metadata())
        printOut(std::format("  {} = {}\n", key, valueText(valueJson(value))));
    printOut("\nTypes\n");
    for (const auto &[name, group] : summary.types)
        printOut(std::format("  {:<8} {:>5} tensors  {:>10}  {:.3f} bits per weight\n", name,
                             group.tensors, formatBytes(group.bytes), bitsPerWeight(group)));
    printOut("\nLayers\n");
    for (const auto &[layer, group] : summary.layers)
        printOut(std::format("  {:<8} {:>5} tensors  {:>10}  {:.3f} bits per weight\n", layer,
                             group.tensors, formatBytes(group.bytes), bitsPerWeight(group)));
    printOut(std::format("  {:<8} {:>5} tensors  {:>10}\n", "outside", summary.outside.tensors,
                         formatBytes(summary.outside.bytes)));
    printOut("\nTensors (first dimension contiguous)\n");
    for (const model::Tensor &tensor : file.tensors())
        printOut(std::format("  {:<40} {:<6} {:<20} {:>10}\n", tensor.name,
                             model::traitsOf(tensor.type).name, shapeText(tensor.shape),
                             formatBytes(tensor.bytes.size())));
}

} // namespace

int runInspect(const Options &options, std::stop_token) {
    model::Gguf file =
        model::Gguf::open(options.files.empty() ? modelPath(options) : options.files.front());
    Summary summary(file);
    if (options.json)
        printJson(inspectJson(file, summary));
    else
        printText(file, summary);
    return 0;
}

} // namespace longscope::app
