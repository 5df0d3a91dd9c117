// Small random models of every architecture of the table, made from the description of its tensors
// (compute/model/tensor_list.h): for tests that hold one computation against another. Their sizes
// are chosen so that mistakes show: heads in uneven groups, both kinds of layers, windows much
// shorter than what a test reads, norm weights near 1, activations near unit size.
#pragma once

#include "tests/support/gguf_writer.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace longscope::testing {

using KeyValue = std::variant<uint32_t, float, bool, std::string, std::vector<int32_t>>;
/// Keys without the architecture's name; the later of two equal ones counts.
using KeyList = std::vector<std::pair<std::string, KeyValue>>;

struct FamilyVariant {
    std::string name;
    KeyList keys{}; ///< before them come those of every family (family_models.cpp)
    /// Tensors that are there, where a file may have them or not; a name without "blk.N." stands
    /// for all layers. These decide what a model is: attn_qkv.weight, ffn_gate_inp.weight.
    std::vector<std::string> with{};
    bool all_optional = false;          ///< all other optional tensors too, except output.weight
    std::vector<std::string> without{}; ///< but these
    bool all_ignored = false;           ///< also tensors that count for nothing
    /// Also keys that this architecture does not read, with values that would matter in others,
    /// and what careless tools write, with 0.
    bool unread_keys = false;
    uint64_t seed = 1;
};

/// The variants of every architecture: "bare" (no optional tensor; 3 layers or 5), "careless" (the
/// same model with all_ignored and unread_keys), "full" (other sizes, all optional and ignored
/// tensors), and others by name. No model knows more than 256 positions.
struct Family {
    std::string architecture;
    std::vector<FamilyVariant> variants;
};
const std::vector<Family> &families();
/// Throws std::out_of_range.
const FamilyVariant &findVariant(std::string_view architecture, std::string_view name);

/// The whole file. Matrices are of `type` where their rows divide into its blocks, the others and
/// all small tensors are f32.
GgufWriter makeFamily(std::string_view architecture, const FamilyVariant &variant,
                      model::QuantType type = model::QuantType::f32);

} // namespace longscope::testing
