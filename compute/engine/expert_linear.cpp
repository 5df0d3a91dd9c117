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

uint64_t expertsInBuffer(const PackedLayout &layout, uint64_t buffer_bytes) {
    return std::max<uint64_t>(1, buffer_bytes / layout.bytes);
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

/// The experts first .. first + count - 1: their address, and their buffer if they have one.
uint64_t packExperts(const WeightPlace &place, const Joined &joined, ExpertLinear &linear,
                     uint64_t first, uint64_t count) {
    const PackedLayout &layout = linear.layout;
    auto pack = [&](std::span<std::byte> bytes) {
        for (uint64_t i = 0; i < count; ++i)
            for (const ExpertPart &part : joined) {
                uint64_t row = (first + i) * outOf(*part.weight) + part.first_row;
                packRows(layout, rowsOfTensor(*part.weight, row, rowsOf(part)),
                         part.out_offset - linear.out_offset,
                         bytes.subspan(i * layout.bytes, layout.bytes));
            }
    };
    auto [planes, address] = putPlanes(place, count * layout.bytes, pack);
    if (planes)
        linear.planes.push_back(std::move(planes));
    return address;
}

/// `bases`: where the planes of each buffer begin.
gpu::Buffer makeTable(gpu::Device &device, const Joined &joined, const ExpertLinear &linear,
                      const std::vector<uint64_t> &bases) {
    const PackedLayout &layout = linear.layout;
    std::vector<float> scales(linear.experts, 1.0f);
    if (joined.front().scale)
        scales = model::dequantized(*joined.front().scale);
    std::vector<params::Expert> table(linear.experts);
    for (uint64_t i = 0; i < table.size(); ++i) {
        uint64_t base = bases[i / linear.in_buffer] + i % linear.in_buffer * layout.bytes;
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

ExpertLinear makeExpertLinear(const WeightPlace &place, const Tiling &tiling, const Joined &joined,
                              uint64_t buffer_bytes) {
    ExpertLinear linear;
    linear.layout = layoutOfJoined(joined, tiling);
    linear.experts = expertsOf(*joined.front().weight);
    linear.out_offset = joined.front().out_offset;
    if (hasBias(joined))
        linear.bias = makeBias(place.device, joined, linear);
    linear.in_buffer = expertsInBuffer(linear.layout, buffer_bytes);
    std::vector<uint64_t> bases;
    for (uint64_t first = 0; first < linear.experts; first += linear.in_buffer)
        bases.push_back(packExperts(place, joined, linear, first,
                                    std::min(linear.in_buffer, linear.experts - first)));
    linear.table = makeTable(place.device, joined, linear, bases);
    return linear;
}

} // namespace

WeightBytes planExperts(const std::vector<ExpertPart> &parts, const Tiling &tiling) {
    WeightBytes bytes;
    for (const Joined &joined : joinExperts(parts)) {
        PackedLayout layout = layoutOfJoined(joined, tiling);
        const uint64_t experts = expertsOf(*joined.front().weight);
        const uint64_t in_buffer = expertsInBuffer(layout, kExpertBufferBytes);
        for (uint64_t first = 0; first < experts; first += in_buffer)
            bytes.planes.push_back(std::min(in_buffer, experts - first) * layout.bytes);
        bytes.rest += experts * sizeof(params::Expert);
        if (hasBias(joined))
            bytes.rest += experts * layout.rows * sizeof(float);
    }
    return bytes;
}

ExpertGroup makeExperts(const WeightPlace &place, const Tiling &tiling,
                        const std::vector<ExpertPart> &parts, bool weighs_input,
                        uint64_t buffer_bytes) {
    ExpertGroup group;
    for (const Joined &joined : joinExperts(parts)) {
        group.push_back(makeExpertLinear(place, tiling, joined, buffer_bytes));
        findPipelines(place.device, tiling, weighs_input ? MATMUL_FACTOR : 0u, group.back());
    }
    return group;
}

ExpertLinear makeHeads(const WeightPlace &place, const Tiling &tiling, const ExpertPart &part) {
    ExpertLinear linear = makeExpertLinear(place, tiling, {part}, kExpertBufferBytes);
    findPipelines(place.device, tiling, MATMUL_HEADS, linear);
    return linear;
}

uint32_t expertTileRows(const Tiling &tiling) {
    return tiling.family == KernelFamily::lanes ? lanes::kExpertMatmulRows : 32;
}

} // namespace longscope::engine
