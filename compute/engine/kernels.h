// The list of kernels: each a shader of shaders/, its SPIR-V embedded in the program, with the size
// of its parameter struct.
#pragma once

#include "compute/gpu/pipeline.h"

namespace longscope::engine {

extern const gpu::Kernel kEmbed;
extern const gpu::Kernel kNorm;
extern const gpu::Kernel kRope;
extern const gpu::Kernel kActivation;
extern const gpu::Kernel kAdjust;
extern const gpu::Kernel kAttentionMerge;
extern const gpu::Kernel kMatmulLanes, kMatmulSubgroup;
extern const gpu::Kernel kMatvecLanes, kMatvecSubgroup;
extern const gpu::Kernel kAttentionPrefillLanes, kAttentionPrefillSubgroup;
extern const gpu::Kernel kAttentionDecodeLanes, kAttentionDecodeSubgroup;
extern const gpu::Kernel kAttentionScoresLanes, kAttentionScoresSubgroup;
extern const gpu::Kernel kAttentionMapLanes, kAttentionMapSubgroup;
extern const gpu::Kernel kCacheMove, kPageBounds, kPageScores;
extern const gpu::Kernel kRoute, kGroup, kCombine;
extern const gpu::Kernel kExpertsMatmulLanes, kExpertsMatmulSubgroup;
extern const gpu::Kernel kExpertsMatvecLanes, kExpertsMatvecSubgroup;
extern const gpu::Kernel kShortConv, kScanMamba1, kScanMamba2, kDeltaNet, kWkv;
extern const gpu::Kernel kTokenShift, kRecurrentMap, kDecayMean;
extern const gpu::Kernel kProbePeak, kProbeRead, kProbeReadWide;

} // namespace longscope::engine
