// The scans of recurrent layers against their scalar twins: odd sizes, inputs as columns of wider
// rows of NaN, every tile, and text that comes in odd pieces. One at a time must give the same as
// all at once, to the last bit: it is the same arithmetic, and the state is f32 in between.
#include "compute/engine/kernels.h"
#include "compute/reference/recurrent.h"
#include "tests/support/recurrent_check.h"

#include <format>

namespace longscope::test {
namespace {

using engine::ScanTile;

constexpr uint32_t kBehind = 32; // columns of y behind the padding, which stay poison

struct Size {
    uint32_t heads, groups, head_dim, keys;
};

std::string describe(const char *what, const Size &size, uint32_t rows, const ScanTile &tile) {
    return std::format("{} heads {} groups {} head_dim {} keys {} rows {} local {} split {} lanes "
                       "{} wide {}",
                       what, size.heads, size.groups, size.head_dim, size.keys, rows, tile.local,
                       tile.split, tile.lanes, tile.wide);
}

/// Runs one(first, count, state, y) over the rows at once, in odd pieces and one by one; the first
/// is compared with the twin, the others with the first.
template <class One>
void checkPieces(const Size &size, uint32_t rows, const ScanTile &tile, const std::string &what,
                 const std::vector<float> &state_before, const std::vector<float> &twin_y,
                 const std::vector<float> &twin_state, One one) {
    uint32_t inner = size.heads * size.head_dim, padded = engine::padded(inner);
    uint32_t stride = padded + kBehind;
    gpu::Groups groups{groupsFor(size.head_dim + padded - inner, tile.values()), size.heads};
    std::vector<float> first_y, first_state;
    for (const auto &pieces : std::vector<std::vector<uint32_t>>{{rows}, {3, 1, 17}, {1}}) {
        gpu::Buffer state = upload(state_before), y = poisoned(uint64_t{rows} * stride);
        inPieces(rows, pieces, [&](uint32_t first, uint32_t count) {
            one(first, count, state.address(), y.address() + uint64_t{first} * stride * 4, padded,
                stride, groups);
        });
        std::vector<float> got = withoutPadding(download<float>(y, uint64_t{rows} * stride), stride,
                                                inner, padded, what);
        std::vector<float> got_state = download<float>(state, state_before.size());
        if (first_y.empty()) {
            // Sums over up to 128 products and up to 64 rows, each rounded to 24 bits.
            double most = largest(twin_y), most_state = largest(twin_state);
            expectClose(
                got, twin_y, [&](size_t) { return 4e-6 * most; }, what);
            expectClose(
                got_state, twin_state, [&](size_t) { return 4e-6 * most_state; }, what + " state");
            first_y = got;
            first_state = got_state;
        } else {
            EXPECT_EQ(got, first_y) << what << " in pieces of " << pieces[0];
            EXPECT_EQ(got_state, first_state) << what << " in pieces of " << pieces[0];
        }
    }
}

/// Values that a trained A has: between -16 and about -0.01.
std::vector<float> negatives(Random &random, size_t count) {
    std::vector<float> values = random.normals(count);
    for (float &value : values)
        value = -std::exp(std::clamp(value, -4.0f, 2.7f));
    return values;
}

void checkMamba(bool second, const Size &size, uint32_t rows, const ScanTile &tile, bool gated) {
    Random random(size.keys + rows);
    uint32_t inner = size.heads * size.head_dim, dts = second ? size.heads : inner;
    uint32_t bc = size.groups * size.keys;
    auto u = random.normals(rows * inner), b = random.normals(rows * bc);
    auto c = random.normals(rows * bc), dt = random.normals(rows * dts);
    auto z = random.normals(rows * inner), dt_bias = random.normals(dts);
    auto a = negatives(random, second ? dts : inner * size.keys), d = random.normals(dts);
    auto state = random.normals(inner * size.keys);
    dt_bias[0] = 25; // softplus beyond its bend

    auto twin_state = state;
    reference::MambaInput in{u, b, c, dt, {}, dt_bias, a, d};
    if (gated)
        in.z = z;
    in.rows = rows;
    in.heads = size.heads;
    in.groups = size.groups;
    in.head_dim = size.head_dim;
    in.keys = size.keys;
    auto twin =
        second ? reference::scanMamba2(in, twin_state) : reference::scanMamba1(in, twin_state);

    bool aligned = size.keys % 4 == 0;
    Joined wide =
        join({{&z, inner}, {&u, inner}, {&b, bc}, {&c, bc}, {&dt, dts}}, rows, aligned ? 4 : 1);
    gpu::Buffer bias_buffer = upload(dt_bias), a_buffer = upload(a), d_buffer = upload(d);
    uint32_t flags = (gated ? SCAN_GATE : 0) | (aligned ? SCAN_ALIGNED : 0);
    checkPieces(size, rows, tile, describe(second ? "mamba-2" : "mamba-1", size, rows, tile), state,
                twin, twin_state,
                [&](uint32_t first, uint32_t count, uint64_t state_at, uint64_t y, uint32_t padded,
                    uint32_t stride, gpu::Groups groups) {
                    params::ScanMamba params{.u = wide.at(1, first),
                                             .b = wide.at(2, first),
                                             .c = wide.at(3, first),
                                             .dt = wide.at(4, first),
                                             .z = gated ? wide.at(0, first) : 0,
                                             .dt_bias = bias_buffer.address(),
                                             .a = a_buffer.address(),
                                             .d = d_buffer.address(),
                                             .state = state_at,
                                             .y = y,
                                             .rows = count,
                                             .heads = size.heads,
                                             .groups = size.groups,
                                             .head_dim = size.head_dim,
                                             .columns = padded,
                                             .u_stride = wide.stride,
                                             .bc_stride = wide.stride,
                                             .dt_stride = wide.stride,
                                             .z_stride = wide.stride,
                                             .y_stride = stride};
                    runScan(second ? engine::kScanMamba2 : engine::kScanMamba1, flags, size.keys,
                            tile, params, groups);
                });
}

/// [rows, heads, keys], each head of length 1.
std::vector<float> unitHeads(Random &random, uint32_t heads, uint32_t keys) {
    std::vector<float> values = random.normals(heads * keys);
    for (size_t at = 0; at < values.size(); at += keys) {
        double square = 0;
        for (size_t i = at; i < at + keys; ++i)
            square += static_cast<double>(values[i]) * static_cast<double>(values[i]);
        for (size_t i = at; i < at + keys; ++i)
            values[i] = static_cast<float>(static_cast<double>(values[i]) / std::sqrt(square));
    }
    return values;
}

/// `grouped`: alphas and betas of a key head side by side, as qwen3next has them.
void checkDelta(const Size &size, uint32_t rows, const ScanTile &tile, bool grouped) {
    Random random(size.keys + rows);
    uint32_t inner = size.heads * size.head_dim, qk = size.groups * size.keys;
    auto q = unitHeads(random, rows * size.groups, size.keys);
    auto k = unitHeads(random, rows * size.groups, size.keys), v = random.normals(rows * inner);
    auto alpha = random.normals(rows * size.heads), beta = random.normals(rows * size.heads);
    auto dt_bias = random.normals(size.heads), a = negatives(random, size.heads);
    auto state = random.normals(inner * size.keys);

    auto twin_state = state;
    reference::DeltaInput in{q, k, v, alpha, beta, dt_bias, a};
    in.rows = rows;
    in.heads = size.heads;
    in.key_heads = size.groups;
    in.head_dim = size.head_dim;
    in.keys = size.keys;
    in.modulo = !grouped;
    in.scale = 0.25f;
    auto twin = reference::deltaNet(in, twin_state);

    uint32_t together = grouped ? size.heads / size.groups : size.heads;
    std::vector<float> gates; // per group: betas, then alphas
    for (uint32_t at = 0; at < alpha.size(); at += together)
        for (const std::vector<float> *from : {&beta, &alpha})
            gates.insert(gates.end(), &(*from)[at], &(*from)[at] + together);
    bool aligned = size.keys % 4 == 0;
    Joined wide = join({{&q, qk}, {&k, qk}, {&v, inner}}, rows, aligned ? 4 : 1);
    Wide ba = widen(gates, 2 * size.heads, 2 * size.heads + 3, 1);
    gpu::Buffer bias_buffer = upload(dt_bias), a_buffer = upload(a);
    uint32_t flags = (grouped ? 0 : SCAN_MODULO) | (aligned ? SCAN_ALIGNED : 0);
    checkPieces(size, rows, tile, describe("delta net", size, rows, tile), state, twin, twin_state,
                [&](uint32_t first, uint32_t count, uint64_t state_at, uint64_t y, uint32_t padded,
                    uint32_t stride, gpu::Groups groups) {
                    params::DeltaNet params{.q = wide.at(0, first),
                                            .k = wide.at(1, first),
                                            .v = wide.at(2, first),
                                            .alpha = ba.at(first) + together * sizeof(float),
                                            .beta = ba.at(first),
                                            .dt_bias = bias_buffer.address(),
                                            .a = a_buffer.address(),
                                            .state = state_at,
                                            .y = y,
                                            .rows = count,
                                            .heads = size.heads,
                                            .key_heads = size.groups,
                                            .head_dim = size.head_dim,
                                            .columns = padded,
                                            .qkv_stride = wide.stride,
                                            .gate_stride = ba.stride,
                                            .gate_heads = together,
                                            .gate_step = 2 * together,
                                            .y_stride = stride,
                                            .scale = in.scale,
                                            .unused = 0};
                    runScan(engine::kDeltaNet, flags, size.keys, tile, params, groups);
                });
}

void checkWkv(const Size &size, uint32_t rows, const ScanTile &tile) {
    Random random(size.keys + rows);
    uint32_t width = size.heads * size.keys;
    auto r = random.normals(rows * width), k = random.normals(rows * width);
    auto v = random.normals(rows * width), w = random.normals(rows * width);
    for (float &value : w)
        value = std::exp(-std::exp(value));
    auto bonus = random.normals(width), state = random.normals(width * size.keys);

    auto twin_state = state;
    reference::WkvInput in{r, k, v, w, bonus, rows, size.heads, size.keys};
    auto twin = reference::wkv(in, twin_state);

    bool aligned = size.keys % 4 == 0;
    Joined wide = join({{&r, width}, {&k, width}, {&v, width}}, rows, aligned ? 4 : 1);
    Wide decays = widen(w, width, width + 8, aligned ? 4 : 1);
    gpu::Buffer bonus_buffer = upload(bonus);
    checkPieces(size, rows, tile, describe("wkv", size, rows, tile), state, twin, twin_state,
                [&](uint32_t first, uint32_t count, uint64_t state_at, uint64_t y, uint32_t padded,
                    uint32_t stride, gpu::Groups groups) {
                    params::Wkv params{.r = wide.at(0, first),
                                       .k = wide.at(1, first),
                                       .v = wide.at(2, first),
                                       .w = decays.at(first),
                                       .bonus = bonus_buffer.address(),
                                       .state = state_at,
                                       .y = y,
                                       .rows = count,
                                       .heads = size.heads,
                                       .columns = padded,
                                       .in_stride = wide.stride,
                                       .w_stride = decays.stride,
                                       .y_stride = stride};
                    runScan(engine::kWkv, aligned ? SCAN_ALIGNED : 0, size.keys, tile, params,
                            groups);
                });
}

} // namespace

TEST(ScanMamba1Kernel, OddSizesTilesAndPieces) {
    for (const ScanTile &tile : scanTiles())
        for (uint32_t keys : {5u, 16u, 37u})
            for (uint32_t rows : {1u, 2u, 17u, 64u})
                checkMamba(false, {1, 1, keys == 16 ? 96u : 43u, keys}, rows, tile, rows != 17);
}

TEST(ScanMamba2Kernel, HeadsAndGroups) {
    for (const ScanTile &tile : scanTiles())
        for (Size size : {Size{1, 1, 16, 16}, {3, 1, 11, 16}, {3, 2, 8, 16}, {8, 2, 20, 16}})
            for (uint32_t rows : {1u, 3u, 17u})
                checkMamba(true, size, rows, tile, rows != 17);
}

TEST(ScanMamba2Kernel, StateSizes) {
    for (const ScanTile &tile : scanTiles())
        for (uint32_t keys : {5u, 37u, 64u, 128u})
            checkMamba(true, {2, 1, 24, keys}, 64, tile, true);
}

TEST(DeltaNetKernel, HeadsAndKeyHeads) {
    for (const ScanTile &tile : scanTiles())
        for (Size size : {Size{1, 1, 16, 16}, {4, 2, 11, 16}, {8, 2, 16, 16}, {3, 3, 20, 16}})
            for (bool grouped : {false, true})
                for (uint32_t rows : {2u, 17u})
                    checkDelta(size, rows, tile, grouped);
}

TEST(DeltaNetKernel, StateSizes) {
    for (const ScanTile &tile : scanTiles())
        for (uint32_t keys : {5u, 37u, 64u, 128u})
            checkDelta({2, 1, keys, keys}, 64, tile, keys != 64);
}

TEST(WkvKernel, SizesTilesAndPieces) {
    for (const ScanTile &tile : scanTiles())
        for (Size size : {Size{1, 1, 5, 5}, {3, 1, 16, 16}, {8, 1, 37, 37}, {2, 1, 64, 64}})
            for (uint32_t rows : {1u, 3u, 64u})
                checkWkv(size, rows, tile);
}

} // namespace longscope::test
