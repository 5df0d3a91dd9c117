#include "tests/support/kernel_check.h"

#include <array>

namespace longscope::test {
namespace {

using model::QuantType;

/// Where a block keeps its f16 scales; of random bits they would be NaN or huge.
struct HalfFields {
    QuantType type;
    std::vector<size_t> offsets;
};

const std::vector<HalfFields> kHalfFields = {
    {QuantType::q4_0, {0}},    {QuantType::q4_1, {0, 2}}, {QuantType::q5_0, {0}},
    {QuantType::q5_1, {0, 2}}, {QuantType::q8_0, {0}},    {QuantType::q2_k, {80, 82}},
    {QuantType::q3_k, {108}},  {QuantType::q4_k, {0, 2}}, {QuantType::q5_k, {0, 2}},
    {QuantType::q6_k, {208}},  {QuantType::iq4_nl, {0}},  {QuantType::iq4_xs, {0}},
    {QuantType::mxfp4, {}},    {QuantType::iq1_s, {0}},   {QuantType::iq1_m, {}},
    {QuantType::iq2_xxs, {0}}, {QuantType::iq2_xs, {0}},  {QuantType::iq2_s, {0}},
    {QuantType::iq3_xxs, {0}}, {QuantType::iq3_s, {0}},   {QuantType::tq1_0, {52}},
    {QuantType::tq2_0, {64}},  {QuantType::nvfp4, {}},    {QuantType::q1_0, {0}},
    {QuantType::q2_0, {0}},
};

void putHalf(std::byte *at, float value) {
    uint16_t bits = model::floatToHalf(value);
    std::memcpy(at, &bits, sizeof bits);
}

void fillBlock(QuantType type, std::byte *block, Random &random) {
    const model::QuantTraits &traits = model::traitsOf(type);
    for (uint32_t i = 0; i < traits.block_bytes; ++i)
        block[i] = static_cast<std::byte>(random.below(256));
    for (const HalfFields &fields : kHalfFields)
        if (fields.type == type)
            for (size_t offset : fields.offsets)
                putHalf(block + offset, 0.02f * random.normal());
    if (type == QuantType::mxfp4) // a power of two: 2^-6 .. 2^-3, doubled
        block[0] = static_cast<std::byte>(121 + random.below(4));
    if (type == QuantType::nvfp4) // 2^-9, the smallest, to 2^-4, halved
        for (int i = 0; i < 4; ++i)
            block[i] = static_cast<std::byte>(1 + random.below(24));
    if (type == QuantType::iq1_m) // an f16 in the tops of four words: 2^-7 .. 2^-3, either sign
        block[55] =
            (block[55] & std::byte{15}) | (random.below(2) ? std::byte{0x20} : std::byte{0xA0});
}

void fillElement(QuantType type, std::byte *at, Random &random) {
    float value = random.normal();
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (type == QuantType::f32) {
        std::memcpy(at, &bits, sizeof bits);
    } else if (type == QuantType::f16) {
        putHalf(at, value);
    } else {
        auto top = static_cast<uint16_t>(bits >> 16);
        std::memcpy(at, &top, sizeof top);
    }
}

} // namespace

const std::vector<QuantType> &allTypes() {
    static const std::vector<QuantType> types = [] {
        std::vector<QuantType> all = {QuantType::f32, QuantType::f16, QuantType::bf16};
        for (const HalfFields &fields : kHalfFields)
            all.push_back(fields.type);
        return all;
    }();
    return types;
}

RandomTensor randomTensor(QuantType type, uint64_t rows, uint64_t columns, Random &random) {
    const model::QuantTraits &traits = model::traitsOf(type);
    RandomTensor result;
    result.bytes.resize(rows * model::rowBytes(type, columns));
    for (size_t at = 0; at < result.bytes.size(); at += traits.block_bytes) {
        if (traits.scale_kind == model::ScaleKind::none)
            fillElement(type, &result.bytes[at], random);
        else
            fillBlock(type, &result.bytes[at], random);
    }
    result.tensor = {std::string(traits.name), type, {columns, rows}, result.bytes};
    return result;
}

DeviceMatrix uploadMatrix(const model::Tensor &tensor, uint32_t interleave) {
    engine::WeightFormat format = engine::formatOf(tensor.type);
    DeviceMatrix result;
    result.layout = engine::layoutOf(format, tensor.rows(), tensor.columns(), interleave);
    result.planes = upload(engine::packMatrix(result.layout, tensor));
    uint64_t base = result.planes.address();
    result.matrix = {base + result.layout.codes, base + result.layout.high,
                     base + result.layout.scales, base + result.layout.supers};
    result.constants = {{SPEC_CODE_BITS, format.code_bits},
                        {SPEC_SCALE_KIND, format.scale_kind},
                        {SPEC_GROUP, format.group},
                        {SPEC_OFFSET, format.offset},
                        {SPEC_INTERLEAVE, interleave}};
    return result;
}

} // namespace longscope::test
