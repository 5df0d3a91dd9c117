#include "app/file_facts.h"

#include "compute/core/text.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <optional>

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

} // namespace

FileSummary::FileSummary(const model::Gguf &file) {
    for (const model::Tensor &tensor : file.tensors()) {
        all.add(tensor);
        types[std::string(model::traitsOf(tensor.type).name)].add(tensor);
        auto layer = layerOf(tensor.name);
        (layer ? layers[*layer] : outside).add(tensor);
    }
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

std::string valueText(const model::Value &of) {
    const json value = valueJson(of);
    std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (value.is_object()) {
        text = value["first"].dump(-1, ' ', false, json::error_handler_t::replace);
        if (value["count"].get<size_t>() > value["first"].size())
            text.back() = ',', text += std::format("… {} in all]", value["count"].get<size_t>());
    }
    constexpr size_t kMost = 160;
    if (text.size() <= kMost)
        return text;
    return text.substr(0, characterStart(text, kMost)) + std::format("… ({} bytes)", text.size());
}

std::string listText(const model::Value &of) {
    if (const auto *text = std::get_if<std::string>(&of))
        return *text;
    const json value = valueJson(of);
    if (!value.is_object())
        return valueText(of);
    std::string text;
    for (const json &one : value["first"])
        text +=
            (text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
    return value["count"].get<size_t>() > value["first"].size() ? text + ", …" : text;
}

std::string groupedText(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3; at -= 3)
        digits.insert(at - 3, ",");
    return digits;
}

std::string shapeText(const std::vector<uint64_t> &shape) {
    std::string text;
    for (uint64_t size : shape)
        text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

const char *typeName(gpu::DeviceType type) {
    switch (type) {
    case gpu::DeviceType::discrete:
        return "discrete";
    case gpu::DeviceType::integrated:
        return "integrated";
    case gpu::DeviceType::virtual_gpu:
        return "virtual";
    case gpu::DeviceType::cpu:
        return "software";
    case gpu::DeviceType::other:
        break;
    }
    return "other";
}

/// VK_MAKE_API_VERSION: variant 3 bits, major 7, minor 10, patch 12.
std::string versionText(uint32_t version) {
    return std::format("{}.{}.{}", version >> 22 & 0x7f, version >> 12 & 0x3ff, version & 0xfff);
}

} // namespace longscope::app
