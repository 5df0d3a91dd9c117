#include "compute/engine/tiling.h"

#include "compute/core/error.h"

#include <algorithm>
#include <bit>

namespace longscope::engine {
namespace {

std::string_view refuseLanes(const gpu::DeviceFacts &facts) {
    if (facts.subgroup_size != 8)
        return "its subgroups do not have 8 lanes";
    if (!facts.has_int64)
        return "it has no 64-bit integers in shaders";
    return "";
}

} // namespace

std::string_view familyName(KernelFamily family) {
    return family == KernelFamily::lanes ? "lanes" : "subgroup";
}

KernelFamily chooseFamily(const gpu::DeviceFacts &facts, std::string_view wanted) {
    std::string_view refusal = refuseLanes(facts);
    if (wanted == "auto")
        return facts.is_llvmpipe && refusal.empty() ? KernelFamily::lanes : KernelFamily::subgroup;
    if (wanted == "subgroup")
        return KernelFamily::subgroup;
    if (wanted != "lanes")
        fail(ErrorKind::usage, "there is no kernel family {}; there are auto, lanes and subgroup",
             wanted);
    if (!refusal.empty())
        fail(ErrorKind::device, "the lanes kernels cannot run on {}: {}", facts.name, refusal);
    return KernelFamily::lanes;
}

} // namespace longscope::engine
