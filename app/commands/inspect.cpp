// `longscope inspect`: what a model file holds, without a device.
#include "app/commands/commands.h"
#include "app/file_facts.h"
#include "app/json_output.h"
#include "compute/core/text.h"
#include "compute/model/gguf.h"

#include <format>

namespace longscope::app {
namespace {

using nlohmann::json;

json groupJson(const TensorGroup &group) {
    return {{"tensors", group.tensors},
            {"elements", group.elements},
            {"bytes", group.bytes},
            {"bits_per_weight", group.bitsPerWeight()}};
}

json inspectJson(const model::Gguf &file, const FileSummary &summary) {
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
            {"bits_per_weight", summary.all.bitsPerWeight()}};
}

void printText(const model::Gguf &file, const FileSummary &summary) {
    printOut(std::format("{}\nGGUF version {}, {}, {} tensors, {} parameters, {:.3f} bits per "
                         "weight\n\nMetadata\n",
                         file.path(), file.version(), formatBytes(file.fileBytes()),
                         summary.all.tensors, summary.all.elements, summary.all.bitsPerWeight()));
    for (const auto &[key, value] : file.metadata())
        printOut(std::format("  {} = {}\n", key, valueText(value)));
    printOut("\nTypes\n");
    for (const auto &[name, group] : summary.types)
        printOut(std::format("  {:<8} {:>5} tensors  {:>10}  {:.3f} bits per weight\n", name,
                             group.tensors, formatBytes(group.bytes), group.bitsPerWeight()));
    printOut("\nLayers\n");
    for (const auto &[layer, group] : summary.layers)
        printOut(std::format("  {:<8} {:>5} tensors  {:>10}  {:.3f} bits per weight\n", layer,
                             group.tensors, formatBytes(group.bytes), group.bitsPerWeight()));
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
    FileSummary summary(file);
    if (options.json)
        printJson(inspectJson(file, summary));
    else
        printText(file, summary);
    return 0;
}

} // namespace longscope::app
