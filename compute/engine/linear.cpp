#include "compute/engine/linear.h"

#include "compute/engine/kernels.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>

namespace longscope::engine {
namespace {

uint32_t rowsOf(const std::vector<LinearPart> &joined) {
    const LinearPart &last = joined.back();
    return last.out_offset - joined.front().out_offset + padded(last.weight->rows());
}

PackedLayout layoutOfJoined(const std::vector<LinearPart> &joined, const Tiling &tiling) {
    const model::Tensor &first = *joined.front().weight;
    return layoutOf(formatOf(first.type), rowsOf(joined), first.columns(), tiling.interleave);
}

void findPipelines(gpu::Device &device, const Tiling &tiling, Linear &linear) {
    uint32_t flags =
        (linear.bias ? MATMUL_BIAS : 0u) | (linear.adds_residual ? MATMUL_RESIDUAL : 0u);
    bool lanes = tiling.family == KernelFamily::lanes;
    gpu::Specialization constants = weightConstants(linear.layout.format, tiling);
    constants.emplace_back(SPEC_FLAGS, flags);

    gpu::Specialization matmul = constants;
    matmul.insert(matmul.end(),
                  {{SPEC_TILE_A, tiling.matmul_rows}, {SPEC_TILE_B, tiling.matmul_groups}});
    linear.matmul =
        &gpu::findPipeline(device, lanes ? kMatmulLanes : kMatmulSubgroup, matmul,
                           {.local_size = tiling.matmul_local, .subgroup_size = lanes ? 8u : 0u});

    gpu::Specialization matvec = constants;
    matvec.emplace_back(SPEC_TILE_A, tiling.matvec_rows);
    linear.matvec =
        &gpu::findPipeline(device, lanes ? kMatvecLanes : kMatvecSubgroup, matvec,
                           {.local_size = tiling.matvec_local, .subgroup_size = lanes ? 8u : 0u});
}

gpu::Buffer makeBias(gpu::Device &device, const std::vector<LinearPart> &joined) {
    bool any = false;
    std::vector<float> values(rowsOf(joined), 0.0f);
    for (const LinearPart &part : joined) {
        if (!part.bias)
            continue;
        any = true;
        std::vector<float> own = model::dequantized(*part.bias);
        uint32_t at = part.out_offset - joined.front().out_offset;
        for (size_t i = 0; i < own.size(); ++i)
            values[at + i] = own[i] * part.bias_scale;
    }
    if (!any)
        return {};
    gpu::Buffer buffer(device, "weights", values.size() * sizeof(float), gpu::Memory::device);
    gpu::uploadBytes(device, buffer, 0, std::as_bytes(std::span(values)));
    return buffer;
}

LinearPart adapterOutput(const LinearPart &part, const AdapterPart &adapter) {
    return {
        .weight = adapter.b, .scale = part.scale * adapter.scale, .out_offset = part.out_offset};
}

Linear makeLinear(const WeightPlace &place, const Tiling &tiling,
                  const std::vector<LinearPart> &joined, bool adds_residual) {
    Linear linear;
    linear.layout = layoutOfJoined(joined, tiling);
    linear.scale = joined.front().scale;
    linear.out_offset = joined.front().out_offset;
    linear.adds_residual = adds_residual;
    linear.bias = makeBias(place.device, joined);

    auto pack = [&](std::span<std::byte> planes) {
        for (const LinearPart &part : joined)
            packRows(linear.layout, *part.weight, part.out_offset - linear.out_offset, planes);
    };
    uint64_t base = 0;
    std::tie(linear.planes, base) = putPlanes(place, linear.layout.bytes, pack);
    linear.matrix = {base + linear.layout.codes, base + linear.layout.high,
                     base + linear.layout.scales, base + linear.layout.supers};
    findPipelines(place.device, tiling, linear);
    for (const LinearPart &part : joined)
        for (const AdapterPart &adapter : part.adapters)
            linear.adapters.push_back(
                {makeLinear(place, tiling, {{.weight = adapter.a}}, false),
                 makeLinear(place, tiling, {adapterOutput(part, adapter)}, true)});
    return linear;
}

} // namespace

gpu::Specialization weightConstants(const WeightFormat &format, const Tiling &tiling) {
    return {{SPEC_CODE_BITS, format.code_bits},
            {SPEC_SCALE_KIND, format.scale_kind},
            {SPEC_GROUP, format.group},
            {SPEC_OFFSET, format.offset},
            {SPEC_INTERLEAVE, tiling.interleave}};
}

std::vector<std::vector<LinearPart>> joinParts(const std::vector<LinearPart> &parts) {
    std::vector<std::vector<LinearPart>> groups;
    for (const LinearPart &part : parts) {
        assert(part.weight && part.out_offset % kBlock == 0);
        bool joins = !groups.empty();
        if (joins) {
            const LinearPart &first = groups.back().front();
            const LinearPart &last = groups.back().back();
            joins = formatOf(first.weight->type) == formatOf(part.weight->type) &&
                    first.weight->columns() == part.weight->columns() &&
                    first.scale == part.scale &&
                    last.out_offset + padded(last.weight->rows()) == part.out_offset;
        }
        if (joins)
            groups.back().push_back(part);
        else
            groups.push_back({part});
    }
    return groups;
}

WeightBytes planLinears(const std::vector<LinearPart> &parts, const Tiling &tiling) {
    WeightBytes bytes;
    for (const auto &joined : joinParts(parts)) {
        PackedLayout layout = layoutOfJoined(joined, tiling);
        bytes.planes.push_back(layout.bytes);
        for (const LinearPart &part : joined)
            for (const AdapterPart &adapter : part.adapters)
                bytes.planes.insert(bytes.planes.end(),
                                    {layoutOfJoined({{.weight = adapter.a}}, tiling).bytes,
                                     layoutOfJoined({adapterOutput(part, adapter)}, tiling).bytes});
        if (std::ranges::any_of(joined, [](const LinearPart &part) { return part.bias; }))
            bytes.rest += uint64_t{layout.rows} * sizeof(float);
    }
    return bytes;
}

LinearGroup makeLinears(const WeightPlace &place, const Tiling &tiling,
                        const std::vector<LinearPart> &parts, bool adds_residual) {
    LinearGroup group;
    for (const auto &joined : joinParts(parts))
        group.push_back(makeLinear(place, tiling, joined, adds_residual));
    return group;
}

} // namespace longscope::engine
