#include "compute/model/lora.h"

#include "compute/core/error.h"
#include "compute/model/gguf_reader.h"

#include <algorithm>
#include <cmath>

namespace longscope::model {
namespace {

constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

void checkKind(const Gguf &file, const Gguf &base) {
    std::string type = file.findString("general.type").value_or("model");
    std::string kind = file.findString("adapter.type").value_or("");
    if (type != "adapter" || kind != "lora")
        fail(ErrorKind::model,
             "{} is no LoRA adapter: general.type is '{}', adapter.type '{}'; wanted 'adapter' and "
             "'lora'",
             file.path(), printable(type), printable(kind));
    std::string wanted = base.findString("general.architecture").value_or("");
    std::string found = file.findString("general.architecture").value_or("");
    if (found != wanted)
        fail(ErrorKind::model, "{} is an adapter for the architecture '{}', {} is a '{}'",
             file.path(), printable(found), base.path(), printable(wanted));
}

void checkPair(const Gguf &file, const Gguf &base, const std::string &name, const LoraPair &pair) {
    if (!pair.a || !pair.b)
        fail(ErrorKind::model, "{}: tensor {}{} is there, {}{} is missing", file.path(),
             printable(name), pair.a ? kA : kB, printable(name), pair.a ? kB : kA);
    const Tensor *weight = base.findTensor(name);
    if (!weight)
        fail(ErrorKind::model, "{} adapts the tensor {}, which {} does not have", file.path(),
             printable(name), base.path());
    bool flat = weight->shape.size() == 2 && pair.a->shape.size() == 2 && pair.b->shape.size() == 2;
    if (!flat)
        fail(ErrorKind::model,
             "{} adapts the tensor {}: only matrices can be adapted, not the weights of experts",
             file.path(), printable(name));
    if (pair.a->columns() != weight->columns() || pair.b->rows() != weight->rows() ||
        pair.a->rows() != pair.b->columns())
        fail(ErrorKind::model,
             "{}: {} is [{}, {}] in the model, the adapter has A [{}, {}] and B [{}, {}]",
             file.path(), printable(name), weight->columns(), weight->rows(), pair.a->columns(),
             pair.a->rows(), pair.b->columns(), pair.b->rows());
}

} // namespace

Lora Lora::open(const std::string &path, float scale, const Gguf &base) {
    return Lora(Gguf::open(path), scale, base);
}

Lora Lora::parse(std::span<const std::byte> bytes, std::string_view name, float scale,
                 const Gguf &base) {
    return Lora(Gguf::parse(bytes, name), scale, base);
}

Lora::Lora(Gguf file, float scale, const Gguf &base) : file_(std::move(file)), scale_(scale) {
    checkKind(file_, base);
    for (const Tensor &tensor : file_.tensors()) {
        std::string_view name = tensor.name;
        bool is_a = name.ends_with(kA);
        if (!is_a && !name.ends_with(kB))
            fail(ErrorKind::model, "{}: tensor {} is neither {} nor {}", file_.path(),
                 printable(tensor.name), kA, kB);
        LoraPair &pair = pairs_[std::string(name.substr(0, name.size() - kA.size()))];
        (is_a ? pair.a : pair.b) = &tensor;
    }
    double alpha = file_.findNumber("adapter.lora.alpha").value_or(0);
    if (!std::isfinite(alpha))
        fail(ErrorKind::model, "{}: adapter.lora.alpha is {}", file_.path(), alpha);
    for (auto &[name, pair] : pairs_) {
        checkPair(file_, base, name, pair);
        pair.scale = alpha == 0
                         ? scale
                         : scale * static_cast<float>(alpha) / static_cast<float>(pair.rank());
    }
    if (pairs_.empty())
        fail(ErrorKind::model, "{} adapts no tensor", file_.path());
}

uint32_t Lora::rank() const {
    uint32_t rank = 0;
    for (const auto &[name, pair] : pairs_)
        rank = std::max(rank, pair.rank());
    return rank;
}

} // namespace longscope::model
