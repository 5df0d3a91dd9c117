// Low-rank adapters (Hu 2021, arXiv 2106.09685) in GGUF: for a weight W [in, out] of the model the
// two matrices A [in, rank] and B [rank, out], so that W x becomes W x + scale * B (A x).
#pragma once

#include "compute/model/gguf.h"

#include <map>
#include <string>

namespace longscope::model {

struct LoraPair {
    const Tensor *a = nullptr, *b = nullptr;
    float scale = 1; ///< what the user said, times alpha / rank where the file has an alpha
    uint32_t rank() const { return static_cast<uint32_t>(b->columns()); }
};

class Lora {
  public:
    /// Opens an adapter for a model. Throws Error(model) when it is no LoRA adapter, is for another
    /// architecture, lacks half of a pair, or has a shape or a tensor that the model has not; the
    /// message names the tensor and both sides.
    static Lora open(const std::string &path, float scale, const Gguf &base);
    /// From memory, for tests; as Gguf::parse.
    static Lora parse(std::span<const std::byte> bytes, std::string_view name, float scale,
                      const Gguf &base);

    const Gguf &file() const { return file_; }
    float scale() const { return scale_; } ///< as the user said
    uint32_t rank() const;                 ///< the largest
    /// By the name of the model's tensor.
    const std::map<std::string, LoraPair, std::less<>> &pairs() const { return pairs_; }

  private:
    Lora(Gguf file, float scale, const Gguf &base);

    Gguf file_;
    float scale_;
    std::map<std::string, LoraPair, std::less<>> pairs_;
};

} // namespace longscope::model
