#include "compute/engine/scratch.h"

namespace longscope::engine {
namespace {

/// Calls make(member, elements, stride, memory) for every buffer of the scratch, so that the plan
/// and the allocation are one list.
template <class Make>
void forEachBuffer(const model::Config &config, const WidthPlan &widths, const Tiling &tiling,
                   Make make) {
    uint64_t rows = tiling.chunk_tokens;
    uint32_t q = config.heads * widths.head_dim;
    auto device = gpu::Memory::device;
    make(&Scratch::x, rows, widths.model, device);
    make(&Scratch::normed, rows, widths.model, device);
    make(&Scratch::qkv, rows, widths.qkv, device);
    make(&Scratch::q, rows, q, device);
    make(&Scratch::attended, rows, widths.attended, device);
    make(&Scratch::gate_up, rows, widths.gate_up, device);
    make(&Scratch::hidden, rows, widths.hidden, device);
    make(&Scratch::logits, uint64_t{1}, widths.vocab, gpu::Memory::readback);
}

uint64_t partialElements(const model::Config &config, const WidthPlan &widths,
                         const Tiling &tiling) {
    return uint64_t{tiling.decode_splits} * config.heads * (widths.head_dim + 2);
}

} // namespace

uint64_t planScratch(const model::Config &config, const WidthPlan &widths, const Tiling &tiling) {
    uint64_t elements = partialElements(config, widths, tiling) +
                        uint64_t{tiling.chunk_tokens} * (1 + config.rope_dims);
    forEachBuffer(config, widths, tiling, [&](auto, uint64_t rows, uint32_t stride, gpu::Memory) {
        elements += rows * stride;
    });
    return elements * sizeof(float);
}

Scratch makeScratch(gpu::Device &device, const model::Config &config, const WidthPlan &widths,
                    const Tiling &tiling) {
    Scratch scratch;
    auto buffer = [&](uint64_t elements, gpu::Memory memory) {
        gpu::Buffer made(device, "scratch", elements * sizeof(float), memory);
        if (memory == gpu::Memory::device)
            gpu::fillWords(device, made, 0); // padding must stay finite
        return made;
    };
    forEachBuffer(config, widths, tiling,
                  [&](auto member, uint64_t rows, uint32_t stride, gpu::Memory memory) {
                      scratch.*member = {buffer(rows * stride, memory), stride};
                  });
    scratch.tokens = buffer(tiling.chunk_tokens, gpu::Memory::upload);
    scratch.rotation =
        buffer(uint64_t{tiling.chunk_tokens} * config.rope_dims, gpu::Memory::upload);
    scratch.partial = buffer(partialElements(config, widths, tiling), gpu::Memory::device);
    return scratch;
}

} // namespace longscope::engine
