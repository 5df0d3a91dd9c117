// Plain descriptions of the small steps between the matrices of a forward pass: what operations.h
// takes. No step knows a model.
#pragma once

#include "compute/engine/activations.h"
#include "compute/model/block_kinds.h"

#include <optional>

namespace longscope::engine {

/// Rows first .. first + count of the chunk.
struct RowRange {
    uint64_t first = 0;
    uint32_t count = 0;
};

/// Rows of activations from a column on: the whole rows, or a part of each.
struct Columns {
    Columns(const Activations &of, uint32_t from = 0) : rows(&of), first(from) {}
    const Activations *rows; ///< must outlive this
    uint32_t first;
};

/// factor * (n * weight + bias), n the normalised vector.
struct Norm {
    model::NormKind kind = model::NormKind::none;
    uint32_t columns = 0; ///< of the vector: a row without padding, or a segment of one
    float eps = 0;
    gpu::Buffer weight =
        {}; ///< f32 [columns] or, with own_weights, [segments, columns]; empty = none
    gpu::Buffer bias = {};    ///< as weight
    bool own_weights = false; ///< each segment has its own weight and bias
    float factor = 1;

    explicit operator bool() const { return kind != model::NormKind::none; }
};

/// silu(z) multiplies x before the norm (mamba-2) or the result after it (gated delta net, RWKV).
struct NormGate {
    Columns z;
    uint32_t distance = 0; ///< as of Segments
    bool before = false;
};

/// Equal parts of a row, each normalised for itself: heads, groups.
struct Segments {
    uint32_t count = 1;
    uint32_t x_distance = 0; ///< columns from one to the next; 0 = they touch
    uint32_t y_distance = 0;
    bool add = false; ///< y += instead of y =
    std::optional<NormGate> gate = std::nullopt;
};

/// act(gate) * up, or act(up), divided by `divisor`.
struct Activation {
    model::ActivationKind kind = model::ActivationKind::silu;
    uint32_t columns = 0;                 ///< of the result; 0 = all of a row
    const gpu::Buffer *divisor = nullptr; ///< f32 [columns], e.g. ffn.act.scales
    uint32_t segment = 0;                 ///< if not 0: the gate lies in parts of so many columns,
    uint32_t gate_distance = 0;           ///< so many apart (gated attention: q and gate alternate)
};

/// factor * s(row) * g(x)
struct Adjust {
    enum class Bound : uint8_t {
        none,
        clamp, ///< to -bound .. bound
        cap,   ///< bound * tanh(x / bound)
    };
    uint32_t columns = 0;                                  ///< 0 = all of a row; of a segment
    uint32_t segments = 1, x_distance = 0, y_distance = 0; ///< columns from one to the next
    float factor = 1;
    Bound kind = Bound::none;
    float bound = 0;
    std::optional<Columns> scales = std::nullopt; ///< s(row): the first of these columns
    bool sigmoid = false;                         ///< of s
    bool add = false;                             ///< y += instead of y =
};

/// Each head's part of a row times the head's own matrix.
struct HeadParts {
    uint32_t results = 0;                    ///< of a head: a multiple of 8
    uint32_t x_distance = 0, y_distance = 0; ///< columns from a head to the next
};

} // namespace longscope::engine
