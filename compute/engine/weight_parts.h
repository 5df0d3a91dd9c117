// From the tensors of a file to the parts of matrices: which names make a role, with what the file
// adds to them. Knows names; knows no device.
#pragma once

#include "compute/engine/expert_linear.h"
#include "compute/engine/weights.h"
#include "compute/model/tensor_list.h"

#include <deque>
#include <set>
#include <span>
#include <string>

namespace longscope::engine {

using LinearParts = std::vector<LinearPart>;

/// How `.scale` of a matrix counts.
enum class ScaleUse { none, before_bias, after_bias };

/// Some rows of a matrix.
struct RowPiece {
    uint64_t first = 0, count = 0;
};

class WeightParts {
  public:
    WeightParts(const model::Gguf &file, const model::Config &config, const Adapters &adapters);

    const WidthPlan &widths() const { return widths_; }
    bool has(const std::string &name) const { return file_.findTensor(name) != nullptr; }
    const model::Tensor *find(const std::string &name) const { return file_.findTensor(name); }
    /// A whole matrix, NAME.weight with NAME.bias. Empty when there is none.
    LinearParts matrix(const std::string &name, ScaleUse scale = ScaleUse::none,
                       uint32_t out_offset = 0) const;
    /// A table whose rows are looked up.
    LinearParts table(const std::string &name) const {
        return {{.weight = find(name + ".weight")}};
    }
    /// A matrix, its result times the model's branch factor.
    LinearParts branch(const std::string &name, ScaleUse scale) const;
    LinearParts qkv(uint32_t layer);
    LinearParts attentionOutput(uint32_t layer) const;
    /// Gate and up of a dense block of NAME.ffn_gate and NAME.ffn_up (suffix "" or "_shexp").
    LinearParts gateUp(uint32_t layer, const char *suffix, ScaleUse scale);
    std::vector<ExpertPart> expertGateUp(uint32_t layer) const;
    std::vector<ExpertPart> expertDown(uint32_t layer) const;
    /// Some rows of a part, over the same bytes.
    LinearPart rowsOf(const LinearPart &whole, uint64_t first, uint64_t count, uint32_t out_offset);
    /// The same of several pieces, one behind the other; copied where they are not of whole blocks.
    LinearParts reordered(const LinearPart &whole, std::span<const RowPiece> pieces,
                          uint32_t out_offset);
    /// Throws Error(model) for an adapter of a tensor that no matrix was made of.
    void checkAdapters() const;
    /// Matrices of the heads of latent attention, out of attn_k_b and attn_v_b or of attn_kv_b.
    /// What latentKeys gives may have its bytes here, until it is called again; without `bytes`:
    /// none.
    ExpertPart latentKeys(uint32_t layer, bool bytes);
    ExpertPart latentValues(uint32_t layer);
    /// Values of a tensor; empty when there is none.
    std::vector<float> values(const std::string &name) const;

  private:
    LinearPart part(const std::string &stem, uint32_t out_offset, ScaleUse scale) const;
    const model::Tensor *copyRows(const model::Tensor &tensor, std::span<const RowPiece> pieces);
    LinearParts fusedQkv(uint32_t layer);
    ExpertPart expertPart(uint32_t layer, const char *stem) const;

    const model::Gguf &file_;
    const model::Config &config_;
    WidthPlan widths_;
    const Adapters &adapters_;
    std::deque<model::Tensor> views_;                    ///< some rows of tensors
    std::deque<std::vector<std::byte>> copies_;          ///< of rows in another order
    mutable std::set<std::string, std::less<>> adapted_; ///< tensors whose adapters were found
    std::vector<float> turned_;                          ///< what latentKeys made
};

} // namespace longscope::engine
