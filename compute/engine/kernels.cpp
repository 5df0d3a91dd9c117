#include "compute/engine/kernels.h"

#include "shaders/params.h"
#include "shaders/spirv/activation.h"
#include "shaders/spirv/adjust.h"
#include "shaders/spirv/attention_decode_lanes.h"
#include "shaders/spirv/attention_decode_subgroup.h"
#include "shaders/spirv/attention_map_lanes.h"
#include "shaders/spirv/attention_map_subgroup.h"
#include "shaders/spirv/attention_merge.h"
#include "shaders/spirv/attention_prefill_lanes.h"
#include "shaders/spirv/attention_prefill_subgroup.h"
#include "shaders/spirv/attention_scores_lanes.h"
#include "shaders/spirv/attention_scores_subgroup.h"
#include "shaders/spirv/cache_move.h"
#include "shaders/spirv/combine.h"
#include "shaders/spirv/decay_mean.h"
#include "shaders/spirv/delta_net.h"
#include "shaders/spirv/embed.h"
#include "shaders/spirv/experts_matmul_lanes.h"
#include "shaders/spirv/experts_matmul_subgroup.h"
#include "shaders/spirv/experts_matvec_lanes.h"
#include "shaders/spirv/experts_matvec_subgroup.h"
#include "shaders/spirv/group.h"
#include "shaders/spirv/matmul_lanes.h"
#include "shaders/spirv/matmul_subgroup.h"
#include "shaders/spirv/matvec_lanes.h"
#include "shaders/spirv/matvec_subgroup.h"
#include "shaders/spirv/norm.h"
#include "shaders/spirv/page_bounds.h"
#include "shaders/spirv/page_scores.h"
#include "shaders/spirv/probe_peak.h"
#include "shaders/spirv/probe_read.h"
#include "shaders/spirv/probe_read_wide.h"
#include "shaders/spirv/recurrent_map.h"
#include "shaders/spirv/rope.h"
#include "shaders/spirv/route.h"
#include "shaders/spirv/scan_mamba1.h"
#include "shaders/spirv/scan_mamba2.h"
#include "shaders/spirv/short_conv.h"
#include "shaders/spirv/token_shift.h"
#include "shaders/spirv/wkv.h"

namespace longscope::engine {

using namespace params;

const gpu::Kernel kEmbed{"embed", embed_spirv, sizeof(Embed)};
const gpu::Kernel kNorm{"norm", norm_spirv, sizeof(Norm)};
const gpu::Kernel kRope{"rope", rope_spirv, sizeof(Rope)};
const gpu::Kernel kActivation{"activation", activation_spirv, sizeof(Activation)};
const gpu::Kernel kAdjust{"adjust", adjust_spirv, sizeof(Adjust)};
const gpu::Kernel kAttentionMerge{"attention_merge", attention_merge_spirv, sizeof(AttentionMerge)};
const gpu::Kernel kMatmulLanes{"matmul_lanes", matmul_lanes_spirv, sizeof(Matmul)};
const gpu::Kernel kMatmulSubgroup{"matmul_subgroup", matmul_subgroup_spirv, sizeof(Matmul)};
const gpu::Kernel kMatvecLanes{"matvec_lanes", matvec_lanes_spirv, sizeof(Matmul)};
const gpu::Kernel kMatvecSubgroup{"matvec_subgroup", matvec_subgroup_spirv, sizeof(Matmul)};
const gpu::Kernel kAttentionPrefillLanes{"attention_prefill_lanes", attention_prefill_lanes_spirv,
                                         sizeof(AttentionPrefill)};
const gpu::Kernel kAttentionPrefillSubgroup{
    "attention_prefill_subgroup", attention_prefill_subgroup_spirv, sizeof(AttentionPrefill)};
const gpu::Kernel kAttentionDecodeLanes{"attention_decode_lanes", attention_decode_lanes_spirv,
                                        sizeof(AttentionDecode)};
const gpu::Kernel kAttentionDecodeSubgroup{
    "attention_decode_subgroup", attention_decode_subgroup_spirv, sizeof(AttentionDecode)};
const gpu::Kernel kAttentionScoresLanes{"attention_scores_lanes", attention_scores_lanes_spirv,
                                        sizeof(AttentionScores)};
const gpu::Kernel kAttentionScoresSubgroup{
    "attention_scores_subgroup", attention_scores_subgroup_spirv, sizeof(AttentionScores)};
const gpu::Kernel kAttentionMapLanes{"attention_map_lanes", attention_map_lanes_spirv,
                                     sizeof(AttentionMap)};
const gpu::Kernel kAttentionMapSubgroup{"attention_map_subgroup", attention_map_subgroup_spirv,
                                        sizeof(AttentionMap)};
const gpu::Kernel kCacheMove{"cache_move", cache_move_spirv, sizeof(CacheMove)};
const gpu::Kernel kPageBounds{"page_bounds", page_bounds_spirv, sizeof(PageBounds)};
const gpu::Kernel kPageScores{"page_scores", page_scores_spirv, sizeof(PageScores)};
const gpu::Kernel kRoute{"route", route_spirv, sizeof(Route)};
const gpu::Kernel kGroup{"group", group_spirv, sizeof(Group)};
const gpu::Kernel kCombine{"combine", combine_spirv, sizeof(Combine)};
const gpu::Kernel kExpertsMatmulLanes{"experts_matmul_lanes", experts_matmul_lanes_spirv,
                                      sizeof(ExpertMatmul)};
const gpu::Kernel kExpertsMatmulSubgroup{"experts_matmul_subgroup", experts_matmul_subgroup_spirv,
                                         sizeof(ExpertMatmul)};
const gpu::Kernel kExpertsMatvecLanes{"experts_matvec_lanes", experts_matvec_lanes_spirv,
                                      sizeof(ExpertMatmul)};
const gpu::Kernel kExpertsMatvecSubgroup{"experts_matvec_subgroup", experts_matvec_subgroup_spirv,
                                         sizeof(ExpertMatmul)};
const gpu::Kernel kShortConv{"short_conv", short_conv_spirv, sizeof(ShortConv)};
const gpu::Kernel kScanMamba1{"scan_mamba1", scan_mamba1_spirv, sizeof(ScanMamba)};
const gpu::Kernel kScanMamba2{"scan_mamba2", scan_mamba2_spirv, sizeof(ScanMamba)};
const gpu::Kernel kDeltaNet{"delta_net", delta_net_spirv, sizeof(DeltaNet)};
const gpu::Kernel kWkv{"wkv", wkv_spirv, sizeof(Wkv)};
const gpu::Kernel kTokenShift{"token_shift", token_shift_spirv, sizeof(TokenShift)};
const gpu::Kernel kRecurrentMap{"recurrent_map", recurrent_map_spirv, sizeof(RecurrentMap)};
const gpu::Kernel kDecayMean{"decay_mean", decay_mean_spirv, sizeof(DecayMean)};
const gpu::Kernel kProbePeak{"probe_peak", probe_peak_spirv, sizeof(Probe)};
const gpu::Kernel kProbeRead{"probe_read", probe_read_spirv, sizeof(Probe)};
const gpu::Kernel kProbeReadWide{"probe_read_wide", probe_read_wide_spirv, sizeof(Probe)};

} // namespace longscope::engine
