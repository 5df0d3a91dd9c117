// Makes pipelines from SPIR-V, after checking that the device has what the kernel asks for.
#include "compute/gpu/impl.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cassert>

namespace longscope::gpu {

namespace {

constexpr uint32_t kLocalSizeId = 0; // SPEC_LOCAL_SIZE of shaders/params.h

struct Capability {
    uint32_t number; // of SPIR-V
    bool present;
    const char *what;
};

/// Names what the module needs and the device lacks; SPIR-V puts OpCapability (17) first.
/// Source: SPIR-V specification 1.6, sections 2.3 and 3.31.
void checkCapabilities(const Device::Impl &device, const Kernel &kernel) {
    constexpr size_t kHeaderWords = 5;
    constexpr uint32_t kOpCapability = 17;
    const Abilities &has = device.abilities;
    const std::array<Capability, 7> optional{{{9, has.float16, "16-bit float arithmetic"},
                                              {11, has.int64, "64-bit integers"},
                                              {22, has.int16, "16-bit integers"},
                                              {39, has.int8, "8-bit integers"},
                                              {4433, has.storage16, "16-bit storage"},
                                              {4448, has.storage8, "8-bit storage"},
                                              {6019, has.integer_dot, "integer dot products"}}};
    const auto words = kernel.spirv;
    for (size_t at = kHeaderWords; at + 1 < words.size(); at += words[at] >> 16) {
        if ((words[at] & 0xffff) != kOpCapability)
            return;
        for (const Capability &entry : optional)
            if (entry.number == words[at + 1] && !entry.present)
                fail(ErrorKind::device, "kernel '{}' needs {}, which {} does not have", kernel.name,
                     entry.what, device.facts.name);
    }
}

void checkSizes(const Device::Impl &device, const Kernel &kernel, const PipelineOptions &options) {
    const DeviceFacts &facts = device.facts;
    if (kernel.params_bytes > facts.push_constant_bytes)
        fail(ErrorKind::device, "kernel '{}' needs {} bytes of push constants, {} has {}",
             kernel.name, kernel.params_bytes, facts.name, facts.push_constant_bytes);
    if (options.local_size > facts.max_workgroup_invocations)
        fail(ErrorKind::device, "kernel '{}' needs {} invocations a workgroup, {} has {}",
             kernel.name, options.local_size, facts.name, facts.max_workgroup_invocations);
    if (options.subgroup_size == 0)
        return;
    const Abilities &has = device.abilities;
    const bool fixed = has.min_subgroup_size == has.max_subgroup_size;
    if (options.subgroup_size < has.min_subgroup_size ||
        options.subgroup_size > has.max_subgroup_size || (!has.required_subgroup_size && !fixed))
        fail(ErrorKind::device, "kernel '{}' needs subgroups of {}, {} offers {} to {}",
             kernel.name, options.subgroup_size, facts.name, has.min_subgroup_size,
             has.max_subgroup_size);
}

UniqueLayout makeLayout(VkDevice device, uint32_t params_bytes) {
    VkPushConstantRange range{};
    range.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
    range.size = params_bytes;
    auto create = chained<VkPipelineLayoutCreateInfo>();
    create.pushConstantRangeCount = params_bytes > 0 ? 1 : 0;
    create.pPushConstantRanges = &range;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    check(vkCreatePipelineLayout(device, &create, nullptr, &layout), "vkCreatePipelineLayout");
    return UniqueLayout(layout, {device});
}

UniqueShader makeShader(VkDevice device, std::span<const uint32_t> spirv) {
    auto create = chained<VkShaderModuleCreateInfo>();
    create.codeSize = spirv.size_bytes();
    create.pCode = spirv.data();
    VkShaderModule shader = VK_NULL_HANDLE;
    check(vkCreateShaderModule(device, &create, nullptr, &shader), "vkCreateShaderModule");
    return UniqueShader(shader, {device});
}

/// The constants with the local size among them.
Specialization withLocalSize(Specialization constants, uint32_t local_size) {
    const bool named = std::ranges::any_of(
        constants, [](const auto &constant) { return constant.first == kLocalSizeId; });
    assert(!named || local_size == 0); // said twice
    if (!named && local_size > 0)
        constants.emplace_back(kLocalSizeId, local_size);
    return constants;
}

UniquePipeline makePipeline(const Device::Impl &device, const Kernel &kernel,
                            const Specialization &constants, const PipelineOptions &options,
                            VkPipelineLayout layout) {
    std::vector<VkSpecializationMapEntry> entries;
    std::vector<uint32_t> values;
    for (const auto &[id, value] : constants) {
        entries.push_back(
            {id, static_cast<uint32_t>(values.size() * sizeof(uint32_t)), sizeof(uint32_t)});
        values.push_back(value);
    }
    VkSpecializationInfo specialization{};
    specialization.mapEntryCount = static_cast<uint32_t>(entries.size());
    specialization.pMapEntries = entries.data();
    specialization.dataSize = values.size() * sizeof(uint32_t);
    specialization.pData = values.data();

    const UniqueShader shader = makeShader(device.device.get(), kernel.spirv);
    auto subgroup = chained<VkPipelineShaderStageRequiredSubgroupSizeCreateInfo>();
    subgroup.requiredSubgroupSize = options.subgroup_size;
    auto create = chained<VkComputePipelineCreateInfo>();
    create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    create.stage.module = shader.get();
    create.stage.pName = "main";
    create.stage.pSpecializationInfo = &specialization;
    create.layout = layout;
    if (options.subgroup_size > 0 && device.abilities.required_subgroup_size) {
        create.stage.pNext = &subgroup;
        if (options.local_size > 0 && options.local_size % options.subgroup_size == 0)
            create.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    }
    VkPipeline pipeline = VK_NULL_HANDLE;
    const VkResult result = vkCreateComputePipelines(device.device.get(), device.shelf.cache.get(),
                                                     1, &create, nullptr, &pipeline);
    if (result != VK_SUCCESS)
        fail(ErrorKind::device, "the driver of {} could not build kernel '{}': {}",
             device.facts.name, kernel.name, resultName(result));
    return UniquePipeline(pipeline, {device.device.get()});
}

} // namespace

const Pipeline &findPipeline(Device &device, const Kernel &kernel, const Specialization &constants,
                             const PipelineOptions &options) {
    Device::Impl &owner = device.impl();
    const std::lock_guard lock(owner.shelf.mutex);
    PipelineKey key{kernel.name, constants, options.local_size, options.subgroup_size};
    const auto kept = owner.shelf.pipelines.find(key);
    if (kept != owner.shelf.pipelines.end())
        return *kept->second;
    checkCapabilities(owner, kernel);
    checkSizes(owner, kernel, options);
    auto made = std::make_unique<Pipeline>();
    made->kernel = kernel;
    made->layout = makeLayout(owner.device.get(), kernel.params_bytes);
    made->pipeline = makePipeline(owner, kernel, withLocalSize(constants, options.local_size),
                                  options, made->layout.get());
    return *owner.shelf.pipelines.emplace(std::move(key), std::move(made)).first->second;
}

const Kernel &kernelOf(const Pipeline &pipeline) {
    return pipeline.kernel;
}

void savePipelineCache(Device &device) {
    storePipelineCache(device.impl());
}

} // namespace longscope::gpu
