// Which layer has which pattern: "SPEC" or "SPEC@0-3,8".
#include "compute/attention/pattern.h"

#include "compute/attention/number_ranges.h"
#include "compute/core/error.h"

namespace longscope::attention {
namespace {

/// Where "@layers" begins, or npos. The name of a mask's file may have an @ of its own.
size_t findLayers(const std::string &spec) {
    size_t at = spec.rfind('@');
    bool is_file = spec.starts_with("blocks:");
    if (at != spec.npos && is_file && spec.find_first_not_of("0123456789,-", at + 1) != spec.npos)
        return spec.npos;
    return at;
}

} // namespace

LayerPatterns::LayerPatterns(std::span<const std::string> specs,
                             std::shared_ptr<const BlockMask> mask) {
    for (const std::string &spec : specs) {
        Part part;
        part.text = spec;
        size_t at = findLayers(spec);
        part.pattern = std::make_shared<const Pattern>(std::string_view(spec).substr(0, at), mask);
        if (at != spec.npos)
            part.layers = parseRanges(std::string_view(spec).substr(at + 1), [&](auto wrong) {
                fail(ErrorKind::usage,
                     "--attention \"{}\": after @ come layers like 0-3,8, from 0 on, not \"{}\"",
                     spec, wrong);
            });
        parts_.push_back(std::move(part));
    }
}

void LayerPatterns::checkLayers(uint32_t layers) const {
    for (const Part &part : parts_)
        for (auto [first, last] : part.layers)
            if (last >= layers)
                fail(ErrorKind::usage,
                     "--attention \"{}\": there is no layer {}; the model has {} layers, 0 to {}",
                     part.text, last, layers, layers - 1);
}

const Pattern &LayerPatterns::of(uint32_t layer) const {
    static const Pattern full;
    const Pattern *native = layer < native_.size() ? native_[layer].get() : nullptr;
    const Pattern *found = native ? native : &full;
    for (const Part &part : parts_) {
        if (part.layers.empty() ? !native : holds(part.layers, layer))
            found = part.pattern.get();
    }
    return *found;
}

bool LayerPatterns::isNative(uint32_t layer) const {
    return layer < native_.size() && native_[layer] && &of(layer) == native_[layer].get();
}

bool LayerPatterns::anyDynamic() const {
    for (const Part &part : parts_)
        if (part.pattern->isDynamic())
            return true;
    return false;
}

std::string LayerPatterns::text() const {
    std::string text;
    for (const Part &part : parts_)
        text += (text.empty() ? "" : " ") + part.text;
    return text.empty() ? "full" : text;
}

} // namespace longscope::attention
