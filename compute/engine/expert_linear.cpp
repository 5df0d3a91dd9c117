#include "compute/engine/expert_linear.h"

#include "compute/engine/kernels.h"
#include "compute/engine/tiling_lanes.h"

#include <algorithm>
#include <cassert>

namespace longscope::engine {
namespace {

using Joined = std::vector<ExpertPart>; ///< what becomes one ExpertLinear

uint32_t expertsOf(const model::Tensor &weight) {
    return static_cast<uint32_t>(weight.shape.size() < 3 ? 1 : weight.shape[2]);
}

uint32_t outOf(const model::Tensor &weight) {
    return static_cast<uint32_t>(weight.rows() / expertsOf(weight));
}

uint32_t rowsOf(const ExpertPart &part) {
    return part.rows ? part.rows : outOf(*part.weight) - part.first_row;
}

bool joins(const ExpertPart &last, const ExpertPart &next) {
    return formatOf(last.weight->type) == formatOf(next.weight->type) &&
           last.weight->columns() == next.weight->columns() && last.scale == next.scale &&
           last.out_offset + padded(rowsOf(last)) == next.out_offset;
}

std::vector<Joined> joinExperts(const std::vector<ExpertPart> &parts) {
    std::vector<Joined> groups;
    for (const ExpertPart &part : parts) {
        assert(part.weight && part.out_offset % kBlock == 0);
        assert(expertsOf(*part.weight) == expertsOf(*parts.front().weight));
        if (!groups.empty() && joins(groups.back().back(), part))
            groups.back().push_back(part);
        else
            groups.push_back({part});
    }
    return groups;
}

PackedLayout layoutOfJoined(const Joined &joined, const Tiling &tiling) {
    const model::Tensor &first = *joined.front().weight;
    uint32_t rows = joined.back().out_offset - joined.front().out_offset + rowsOf(joined.back());
    return layoutOf(formatOf(first.type), rows, first.columns(), tiling.interleave);
}

bool hasBias(const Joined &joined) {
    return std::ranges::any_of(joined, [](const ExpertPart &part) { return part.bias; });
}

gpu::Buffer uploaded(gpu::Device &device, std::span<const std::byte> bytes) {
    gpu::Buffer buffer(device, "weights", bytes.size(), gpu::Memory::device);
    gpu::uploadBytes(device, buffer, 0, bytes);
    return buffer;
}

gpu::Buffer makeBias(gpu::Device &device, const Joined &joined, const ExpertLinear &linear) {
    std::vector<float> all(uint64_t{linear.experts} * linear.layout.rows, 0.0f);
    for (const ExpertPart &part : joined) {
        if (!part.bias)
            continue;
        std::vector<float> own = model::dequantized(*part.bias);
        uint64_t out = outOf(*part.weight), to = part.out_offset - linear.out_offset;
        for (uint64_t expert = 0; expert < linear.experts; ++expert)
            std::copy_n(&own[expert * out + part.first_row], rowsOf(part),
                        &all[expert * linear.layout.rows + to]);
    }
    return uploaded(device, std::as_bytes(std::span(all)));
}

/// The experts first .. first + count - 1.
gpu::Buffer packExperts(gpu::Device &device, const Joined &joined, const ExpertLinear &linear,
                        uint64_t first, uint64_t count) {
    const PackedLayout &layout = linear.layout;
    gpu::Buffer planes(device, "weights", count * layout.bytes, gpu::Memory::device);
    gpu::writeBuffer(device, planes, [&](std::span<std::byte> bytes) {
        for (uint64_t i = 0; i < count; ++i)
            for (const ExpertPart &part : joined) {
                uint64_t row = (first + i) * outOf(*part.weight) + part.first_row;
                packRows(layout, rowsOfTensor(*part.weight, row, rowsOf(part)),
                         part.out_offset - linear.out_offset,
                         bytes.subspan(i * layout.bytes, layout.bytes));
            }
    });
    return planes;
}

gpu::Buffer makeTable(gpu::Device &device, const Joined &joined, const ExpertLinear &linear) {
    const PackedLayout &layout = linear.layout;
    std::vector<float> scales(linear.experts, 1.0f);
    if (joined.front().scale)
        scales = model::dequantized(*joined.front().scale);
    std::vector<params::Expert> table(linear.experts);
    for (uint64_t i = 0; i < table.size(); ++i) {
        uint64_t base =
            linear.planes[i / linear.in_buffer].address() + i % linear.in_buffer * layout.bytes;
        table[i].w = {base + layout.codes, base + layout.high, base + layout.scales,
                      base + layout.supers};
        table[i].bias = linear.bias ? linear.bias.address() + i * layout.rows * sizeof(float) : 0;
        table[i].scale = scales[i];
    }
    return uploaded(device, std::as_bytes(std::span(table)));
}

void findPipelines(gpu::Device &device, const Tiling &tiling, uint32_t flags,
                   ExpertLinear &linear) {
    bool lanes = tiling.family == KernelFamily::lanes;
    flags |= linear.bias ? MATMUL_BIAS : 0u;
    gpu::Specialization constants = weightConstants(linear.layout.format, tiling);
    constants.emplace_back(SPEC_FLAGS, flags);
    gpu::Specialization matmul = constants, matvec = constants;
    matmul.insert(matmul.end(),
                  {{SPEC_TILE_A, expertTileRows(tiling)}, {SPEC_TILE_B, tiling.matmul_groups}});
    matvec.emplace_back(SPEC_TILE_A, tiling.matvec_rows);
    uint32_t subgroup = lanes ? 8 : 0;
    linear.matmul =
        &gpu::findPipeline(device, lanes ? kExpertsMatmulLanes : kExpertsMatmulSubgroup, matmul,
                           {.local_size = tiling.matmul_local, .subgroup_size = subgroup});
    linear.matvec =
        &gpu::findPipeline(device, lanes ? kExpertsMatvecLanes : kExpertsMatvecSubgroup, matvec,
                           {.local_size = tiling.matvec_local, .subgroup_size = subgroup});
}

ExpertLinear makeExpertLinear(gpu::Device &device, const Tiling &tiling, const Joined &joined,
                              uint64_t buffer_bytes) {
    ExpertLinear linear;
    linear.layout = layoutOfJoined(joined, tiling);
    linear.experts = expertsOf(*joined.front().weight);
    linear.out_offset = joined.front().out_offset;
    if (hasBias(joined))
        linear.bias = makeBias(device, joined, linear);
    linear.in_buffer = std::max<uint64_t>(1, buffer_bytes / linear.layout.bytes);
    for (uint64_t first = 0; first < linear.experts; first += linear.in_buffer)
        linear.planes.push_back(packExperts(device, joined, linear, first,
                                            std::min(linear.in_buffer, linear.experts - first)));
    linear.table = makeTable(device, joined, linear);
    return linear;
}

} // namespace

uint64_t planExperts(const std::vector<ExpertPart> &parts, const Tiling &tiling) {
    uint64_t bytes = 0;
    for (const Joined &joined : joinExperts(parts)) {
        PackedLayout layout = layoutOfJoined(joined, tiling);
        uint64_t of_one = layout.bytes + sizeof(params::Expert);
        if (hasBias(joined))
            of_one += uint64_t{layout.rows} * sizeof(float);
        bytes += expertsOf(*joined.front().weight) * of_one;
    }
    return bytes;
}

ExpertGroup makeExperts(gpu::Device &device, const Tiling &tiling,
                        const std::vector<ExpertPart> &parts, bool weighs_input,
                        uint64_t buffer_bytes) {
    ExpertGroup group;
    for (const Joined &joined : joinExperts(parts)) {
        group.push_back(makeExpertLinear(device, tiling, joined, buffer_bytes));
        findPipelines(device, tiling, weighs_input ? MATMUL_FACTOR : 0u, group.back());
    }
    return group;
}

ExpertLinear makeHeads(gpu::Device &device, const Tiling &tiling, const ExpertPart &part) {
    ExpertLinear linear = makeExpertLinear(device, tiling, {part}, kExpertBufferBytes);
    findPipelines(device, tiling, MATMUL_HEADS, linear);
    return linear;
}

uint32_t expertTileRows(const Tiling &tiling) {
    return tiling.family == KernelFamily::lanes ? lanes::kExpertMatmulRows : 32;
}

} // namespace longscope::engine
