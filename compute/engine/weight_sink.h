// Where matrices and vectors go: to the device, or only into a sum of bytes. So the plan and the
// upload are one list.
#pragma once

#include "compute/engine/weight_parts.h"

namespace longscope::engine {

class WeightSink {
  public:
    virtual ~WeightSink() = default;
    /// What follows is of the next layer; before the first call: of none.
    virtual void beginLayer() = 0;
    virtual LinearGroup linears(const LinearParts &parts, bool adds_residual) = 0;
    virtual ExpertGroup experts(const std::vector<ExpertPart> &parts, bool weighs_input) = 0;
    virtual ExpertLinear heads(const ExpertPart &part) = 0;
    virtual bool readsValues() const = 0; ///< or only types and shapes
    /// Padded with zeros to a multiple of 32.
    virtual gpu::Buffer vector(std::vector<float> values) = 0;
};

} // namespace longscope::engine
