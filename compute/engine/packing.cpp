#include "compute/engine/packing.h"

#include "shaders/params.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace longscope::engine {
namespace {

using model::DecodedBlock;
using model::QuantTraits;

uint64_t highBytes(uint32_t code_bits) {
    switch (code_bits) {
    case 5:
        return 4;
    case 6:
        return 8;
    case 8:
        return 16;
    default:
        return 0;
    }
}

uint64_t codeBytes(uint32_t code_bits) {
    switch (code_bits) {
    case 32:
        return 128;
    case 16:
    case 17:
        return 64;
    default:
        return 16;
    }
}

/// One row of a matrix: where its blocks of 32 columns go.
class RowPacker {
  public:
    RowPacker(const PackedLayout &layout, std::span<std::byte> planes, uint32_t row)
        : layout_(layout), planes_(planes), group_(row / layout.interleave),
          lane_(row % layout.interleave) {}

    void packQuantized(const QuantTraits &traits, const std::byte *blocks, uint64_t columns) {
        DecodedBlock block;
        for (uint64_t at = 0; at < columns; at += traits.block_elements) {
            model::decodeBlock(traits.type, blocks, block);
            blocks += traits.block_bytes;
            for (uint32_t part = 0; part < traits.block_elements / kBlock; ++part) {
                uint64_t kb = at / kBlock + part;
                packCodes(kb, block.codes.data() + part * kBlock);
                packScales(kb, part, block);
            }
        }
    }

    /// f32, f16 and bf16 keep their bits; the columns beyond the row stay zero.
    void packDense(const std::byte *elements, uint64_t columns, uint64_t element_bytes) {
        for (uint64_t kb = 0; kb * kBlock < columns; ++kb) {
            uint64_t count = std::min<uint64_t>(kBlock, columns - kb * kBlock);
            std::memcpy(at(layout_.codes + number(kb, kBlock) * kBlock * element_bytes),
                        elements + kb * kBlock * element_bytes, count * element_bytes);
        }
    }

  private:
    /// Number of a block when one block covers `span` columns.
    uint64_t number(uint64_t block, uint32_t span) const {
        return (group_ * (layout_.columns / span) + block) * layout_.interleave + lane_;
    }
    std::byte *at(uint64_t offset) const {
        assert(offset < planes_.size());
        return planes_.data() + offset;
    }
    void store(uint64_t offset, uint32_t word) const { std::memcpy(at(offset), &word, 4); }

    void packCodes(uint64_t kb, const uint8_t *codes) const {
        uint64_t n = number(kb, kBlock);
        for (uint32_t word = 0; word < 4; ++word) {
            uint32_t low = 0, high = 0;
            for (uint32_t i = 0; i < 8; ++i) {
                low |= (codes[8 * word + i] & 15u) << (4 * i);
                high |= static_cast<uint32_t>(codes[8 * word + i] >> 4) << (4 * i);
            }
            store(layout_.codes + 16 * n + 4 * word, low);
            if (layout_.format.code_bits == 8)
                store(layout_.high + 16 * n + 4 * word, high);
        }
        if (layout_.format.code_bits == 5) {
            uint32_t bits = 0;
            for (uint32_t i = 0; i < 32; ++i)
                bits |= static_cast<uint32_t>(codes[i] >> 4 & 1) << i;
            store(layout_.high + 4 * n, bits);
        } else if (layout_.format.code_bits == 6) {
            for (uint32_t word = 0; word < 2; ++word) {
                uint32_t bits = 0;
                for (uint32_t i = 0; i < 16; ++i)
                    bits |= static_cast<uint32_t>(codes[16 * word + i] >> 4 & 3) << (2 * i);
                store(layout_.high + 8 * n + 4 * word, bits);
            }
        }
    }

    void packScales(uint64_t kb, uint32_t part, const DecodedBlock &block) const {
        uint64_t n = number(kb, kBlock);
        uint32_t pair = block.d_f16 | static_cast<uint32_t>(block.dmin_f16) << 16;
        switch (layout_.format.scale_kind) {
        case SCALE_PAIR_F16:
            store(layout_.scales + 4 * n, pair);
            break;
        case SCALE_PAIR_F32:
            store(layout_.scales + 8 * n, std::bit_cast<uint32_t>(block.d));
            store(layout_.scales + 8 * n + 4, std::bit_cast<uint32_t>(block.dmin));
            break;
        case SCALE_TWO_LEVEL:
            packGroups(kb, part, block);
            store(layout_.supers + 4 * number(kb / 8, 256), pair);
            break;
        case SCALE_TWO_LEVEL_F32:
            packGroups(kb, part, block);
            store(layout_.supers + 4 * number(kb / 8, 256), std::bit_cast<uint32_t>(block.d));
            break;
        case SCALE_GROUPS_F16:
            store(layout_.scales + 4 * n,
                  block.group_f16[2 * part] | static_cast<uint32_t>(block.group_f16[2 * part + 1])
                                                  << 16);
            break;
        default:
            break;
        }
    }

    void packGroups(uint64_t kb, uint32_t part, const DecodedBlock &block) const {
        auto bytes = [&](uint32_t group) {
            return static_cast<uint32_t>(static_cast<uint8_t>(block.scales[group])) |
                   static_cast<uint32_t>(block.minima[group]) << 8;
        };
        if (layout_.format.group == 16) {
            store(layout_.scales + 4 * number(kb, kBlock), bytes(2 * part) | bytes(2 * part + 1)
                                                                                 << 16);
        } else {
            auto word = static_cast<uint16_t>(bytes(part));
            std::memcpy(at(layout_.scales + 4 * number(kb / 2, 64) + 2 * (kb % 2)), &word, 2);
        }
    }

    const PackedLayout &layout_;
    std::span<std::byte> planes_;
    uint64_t group_, lane_;
};

} // namespace

WeightFormat formatOf(model::QuantType type) {
    const QuantTraits &traits = model::traitsOf(type);
    if (traits.scale_kind == model::ScaleKind::none)
        return {traits.code_bits, SCALE_NONE, 32, 0};
    return {traits.code_bits, static_cast<uint32_t>(traits.scale_kind), traits.group,
            traits.offset};
}

PackedLayout layoutOf(const WeightFormat &format, uint64_t rows, uint64_t columns,
                      uint32_t interleave) {
    PackedLayout layout{format, padded(rows), padded(columns), interleave};
    uint64_t blocks = uint64_t{layout.rows} * (layout.columns / kBlock);
    auto place = [&](uint64_t bytes) {
        uint64_t offset = layout.bytes;
        layout.bytes += (bytes + 255) / 256 * 256;
        return offset;
    };
    layout.codes = place(blocks * codeBytes(format.code_bits));
    layout.high = place(blocks * highBytes(format.code_bits));
    switch (format.scale_kind) {
    case SCALE_PAIR_F16:
    case SCALE_GROUPS_F16:
        layout.scales = place(4 * blocks);
        break;
    case SCALE_PAIR_F32:
        layout.scales = place(8 * blocks);
        break;
    case SCALE_TWO_LEVEL:
    case SCALE_TWO_LEVEL_F32:
        layout.scales = place(format.group == 16 ? 4 * blocks : 2 * blocks);
        layout.supers = place(blocks / 2);
        break;
    default:
        break;
    }
    return layout;
}

void packRows(const PackedLayout &layout, const model::Tensor &tensor, uint32_t first_row,
              std::span<std::byte> planes) {
    const QuantTraits &traits = model::traitsOf(tensor.type);
    assert(formatOf(tensor.type) == layout.format && planes.size() >= layout.bytes);
    assert(padded(tensor.columns()) == layout.columns);
    uint64_t row_bytes = model::rowBytes(tensor.type, tensor.columns());
    for (uint64_t row = 0; row < tensor.rows(); ++row) {
        RowPacker packer(layout, planes, first_row + static_cast<uint32_t>(row));
        const std::byte *bytes = tensor.bytes.data() + row * row_bytes;
        if (traits.scale_kind == model::ScaleKind::none)
            packer.packDense(bytes, tensor.columns(), traits.block_bytes);
        else
            packer.packQuantized(traits, bytes, tensor.columns());
    }
}

model::Tensor rowsOfTensor(const model::Tensor &tensor, uint64_t first_row, uint64_t rows) {
    assert(first_row + rows <= tensor.rows());
    uint64_t row_bytes = model::rowBytes(tensor.type, tensor.columns());
    return {tensor.name,
            tensor.type,
            {tensor.columns(), rows},
            tensor.bytes.subspan(first_row * row_bytes, rows * row_bytes)};
}

std::vector<std::byte> packMatrix(const PackedLayout &layout, const model::Tensor &tensor) {
    std::vector<std::byte> planes(layout.bytes);
    packRows(layout, tensor, 0, planes);
    return planes;
}

} // namespace longscope::engine
