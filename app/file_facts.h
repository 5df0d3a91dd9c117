// Facts of a model file and of devices, in the words in which all commands and the window show
// them.
#pragma once

#include "compute/gpu/device.h"
#include "compute/model/gguf.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace longscope::app {

struct TensorGroup {
    uint64_t tensors = 0, elements = 0, bytes = 0;
    void add(const model::Tensor &tensor) {
        ++tensors;
        elements += tensor.elements();
        bytes += tensor.bytes.size();
    }
    double bitsPerWeight() const {
        return elements ? 8 * static_cast<double>(bytes) / static_cast<double>(elements) : 0;
    }
};

/// The tensors by their type and by their layer.
struct FileSummary {
    explicit FileSummary(const model::Gguf &file);

    TensorGroup all, outside; ///< outside: of no layer
    std::map<std::string, TensorGroup> types;
    std::map<uint32_t, TensorGroup> layers;
};

/// Of long arrays only the first elements, and how many there are.
nlohmann::json valueJson(const model::Value &value);
/// Long texts (chat templates) are cut; line breaks are shown as \n.
std::string valueText(const model::Value &value);
/// As people write it: "apache-2.0", of an array "en, fr".
std::string listText(const model::Value &value);
/// All digits: "1,048,576".
std::string groupedText(uint64_t number);
/// "576 x 1536", the contiguous dimension first.
std::string shapeText(const std::vector<uint64_t> &shape);

/// "discrete", "integrated", "virtual", "software", "other".
const char *typeName(gpu::DeviceType type);
/// "1.4.305"
std::string versionText(uint32_t api_version);

} // namespace longscope::app
