// The verbs of the forward pass beside attention (attention.h). Each one is a dispatch: it picks
// the pipeline, the thread counts and the theoretical cost, so that forward.cpp can read as the
// model does. What they compute is described by plain structs (blocks.h).
#pragma once

#include "compute/engine/blocks.h"
#include "compute/engine/scratch.h"
#include "compute/gpu/recorder.h"

#include <utility>
#include <vector>

namespace longscope::engine {

/// The variants of one kernel by a number that names them, made at the first use.
class Variants {
  public:
    template <class Make> const gpu::Pipeline &find(uint64_t variant, Make make) {
        for (const auto &[known, pipeline] : made_) // few: a line of them is searched fastest
            if (known == variant)
                return *pipeline;
        return *made_.emplace_back(variant, &make()).second;
    }

  private:
    std::vector<std::pair<uint64_t, const gpu::Pipeline *>> made_;
};

/// For one thread at a time.
class Operations {
  public:
    Operations(gpu::Device &device, const Tiling &tiling) : device_(device), tiling_(tiling) {}

    /// x[i] = scale * table[ids[i]], or with `add` x[i] += that. The table's columns, padded, are
    /// those of x.
    void embed(gpu::Recorder &recorder, const Linear &table, const gpu::Buffer &ids,
               const Activations &x, uint32_t rows, float scale = 1, bool add = false) const;

    /// y[i] = norm(x[range.first + i]), whole rows; the padding of y becomes 0. y may be x when
    /// range.first is 0.
    void norm(gpu::Recorder &recorder, const Norm &norm, const Activations &x, const Activations &y,
              RowRange range) const;
    /// x[i] += norm(branch[i]): a norm behind a branch, before it joins the residual stream.
    void addNorm(gpu::Recorder &recorder, const Norm &norm, const Activations &branch,
                 const Activations &x, uint32_t rows) const;
    /// Each segment of x[i] for itself, to y[i]; nothing else of y is written. y may be x where
    /// their segments are the same.
    void normSegments(gpu::Recorder &recorder, const Norm &norm, const Segments &segments,
                      Columns x, Columns y, uint32_t rows) const;

    /// y = factor * W x (+ what the group adds: bias, or y itself as the residual)
    void multiply(gpu::Recorder &recorder, const LinearGroup &group, Columns x,
                  const Activations &y, uint32_t rows, float factor = 1) const;

    /// Of each head, in its own part of the rows: y = W x. Nothing else of y is written.
    void multiplyHeads(gpu::Recorder &recorder, const ExpertLinear &heads, const HeadParts &parts,
                       Columns x, Columns y, uint32_t rows) const;

    /// hidden = act(gate) * up. hidden may be gate or up, with the same columns. The padding of
    /// `hidden` becomes 0 where activation.columns are all of its row but that.
    void activate(gpu::Recorder &recorder, const Activation &activation, Columns gate, Columns up,
                  Columns hidden, uint32_t rows) const;
    /// hidden = act(up); hidden may be up.
    void activate(gpu::Recorder &recorder, const Activation &activation, Columns up, Columns hidden,
                  uint32_t rows) const;

    /// y = factor * s(row) * g(x); y may be x.
    void adjust(gpu::Recorder &recorder, const Adjust &adjust, Columns x, Columns y,
                uint32_t rows) const;

    /// Rows for what adapters (LinearAdapter) keep in between; must outlive this.
    void setAdapted(const Activations &rows) { adapted_ = &rows; }

  private:
    void multiplyOne(gpu::Recorder &recorder, const Linear &linear, Columns x, const Activations &y,
                     uint32_t rows, float factor) const;
    struct NormPlace;
    void normalise(gpu::Recorder &recorder, const Norm &norm, const Segments &segments,
                   const NormPlace &place) const;
    void runActivation(gpu::Recorder &recorder, const Activation &activation, const Columns *gate,
                       Columns up, Columns hidden, uint32_t rows) const;

    gpu::Device &device_;
    const Tiling tiling_;
    const Activations *adapted_ = nullptr;
    mutable Variants embeds_, norms_, activations_, adjusts_;
};

} // namespace longscope::engine
