#include "compute/engine/second_pass.h"

#include "compute/core/error.h"
#include "shaders/params.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace longscope::engine {
namespace {

uint64_t divideUp(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

} // namespace

std::span<const std::byte> SecondPass::run(const Look &look, MapTarget target, uint64_t bytes,
                                           const attention::KeySource *other) {
    uint64_t needed = bytes * look.pass.attention.passes(look.layer, other);
    if (!target_ || target_.bytes() < needed) {
        target_ = gpu::Buffer();
        host_ = gpu::Buffer(); // nothing recorded uses them: every run waits
        target_ = gpu::Buffer(device_, "maps", needed, gpu::Memory::device);
        host_ = gpu::Buffer(device_, "maps", needed, gpu::Memory::readback);
    }
    target.buffer = &target_;
    target.pass_bytes = bytes;
    look.pass.attention.mapPass(look.recorder, look.pass.scratch, look.pass.cache, look.layer,
                                look.flush, target, other);
    look.recorder.copy(target_, 0, host_, 0, needed);
    look.flush();
    return host_.mapped().first(needed);
}

// ---- cells -------------------------------------------------------------------------------------

/// Neighbouring heads together and as many columns as the buffer may hold; a narrower last column
/// is a piece of its own where the chunk sees keys beyond it.
std::vector<SecondPass::Piece> SecondPass::piecesOf(const Look &look, const CellGrid &grid) const {
    uint64_t end = look.chunk.position + look.chunk.rows; // of the keys that can be seen
    std::vector<Piece> pieces;
    if (end <= grid.first_key)
        return pieces;
    uint64_t columns = divideUp(std::min(end, grid.end_key) - grid.first_key, grid.key_step);
    uint64_t narrow = end > grid.end_key ? (grid.end_key - grid.first_key) % grid.key_step : 0;
    uint64_t whole = columns - (narrow > 0 ? 1 : 0);

    uint64_t column_bytes = look.chunk.rows * look.pass.attention.passes(look.layer) * sizeof(Cell);
    uint64_t most_columns = std::max<uint64_t>(kMapBufferBytes / column_bytes, 1);
    uint64_t most_heads = std::max<uint64_t>(most_columns / std::max<uint64_t>(columns, 1), 1);
    for (size_t i = 0; i < grid.heads.size();) {
        uint32_t first = grid.heads[i], heads = 0;
        while (i < grid.heads.size() && heads < most_heads && grid.heads[i] == first + heads)
            ++heads, ++i;
        for (uint64_t column = 0; column < whole; column += most_columns)
            pieces.push_back(
                {first, heads, column, std::min(most_columns, whole - column), grid.key_step});
        if (narrow > 0)
            pieces.push_back({first, heads, whole, 1, narrow});
    }
    return pieces;
}

void SecondPass::runPiece(const Look &look, const CellGrid &grid, const Piece &piece,
                          const AddCells &add) {
    uint64_t cells = uint64_t{look.chunk.rows} * piece.heads * piece.columns;
    auto bytes = run(
        look,
        {.first_head = piece.first_head,
         .heads = piece.heads,
         .first_key = static_cast<uint32_t>(grid.first_key + piece.first_column * grid.key_step),
         .cell_keys = static_cast<uint32_t>(piece.cell_keys),
         .cells = static_cast<uint32_t>(piece.columns)},
        cells * sizeof(Cell), nullptr);
    std::span first_pass{reinterpret_cast<const Cell *>(bytes.data()), cells};
    uint64_t passes = bytes.size() / (cells * sizeof(Cell));
    std::vector<Cell> merged(passes > 1 ? piece.columns : 0);
    for (uint64_t line = 0; line < uint64_t{look.chunk.rows} * piece.heads; ++line) {
        auto row = static_cast<uint32_t>(line / piece.heads);
        auto own = first_pass.subspan(line * piece.columns, piece.columns);
        if (passes == 1) {
            add(row, piece.first_column, own);
            continue;
        }
        std::ranges::copy(own, merged.begin());
        for (uint64_t pass = 1; pass < passes; ++pass) {
            const Cell *more = first_pass.data() + pass * cells + line * piece.columns;
            for (uint64_t column = 0; column < piece.columns; ++column)
                merged[column] = {merged[column].sum + more[column].sum,
                                  std::max(merged[column].maximum, more[column].maximum)};
        }
        add(row, piece.first_column, merged);
    }
}

void SecondPass::cells(const Look &look, const CellGrid &grid, const AddCells &add) {
    assert(grid.first_key < grid.end_key && grid.key_step > 0);
    for (const Piece &piece : piecesOf(look, grid))
        runPiece(look, grid, piece, add);
}

// ---- figures -----------------------------------------------------------------------------------

std::vector<float> SecondPass::metrics(const Look &look, const MetricWidths &widths,
                                       const attention::KeySource *other) {
    uint64_t heads = look.pass.config.layer[look.layer].heads;
    uint64_t count = look.chunk.rows * heads * MAP_METRIC_COUNT;
    auto bytes =
        run(look, {.sinks = widths.sinks, .recent = widths.recent}, count * sizeof(float), other);
    auto *numbers = reinterpret_cast<const float *>(bytes.data());
    std::vector<float> sums(numbers, numbers + count);
    for (uint64_t pass = 1; pass < bytes.size() / (count * sizeof(float)); ++pass)
        for (uint64_t i = 0; i < count; ++i)
            sums[i] += numbers[pass * count + i];
    return sums;
}

std::vector<uint32_t> allOrNamed(std::vector<uint32_t> named, uint32_t count) {
    if (named.empty()) {
        named.resize(count);
        std::iota(named.begin(), named.end(), 0u);
    }
    std::ranges::sort(named);
    auto repeated = std::ranges::unique(named);
    named.erase(repeated.begin(), repeated.end());
    return named;
}

void checkPlaces(const SessionOptions &options) {
    if (options.eviction.whileReading())
        fail(ErrorKind::usage,
             "--evict {} moves keys while a text is read: where attention goes cannot be shown",
             options.eviction.spec);
}

} // namespace longscope::engine
