// Attention of the `lanes` family: prefill and decode by shape and cache type, and what each
// pattern costs over a whole text, beside its formula (`patterns`).
#include "compute/attention/cache_type.h"
#include "compute/attention/schedule.h"
#include "compute/engine/tiling_lanes.h"
#include "tests/bench/bench_timing.h"

#include <cmath>
#include <format>

namespace longscope::engine {
namespace {

using attention::CacheType;
using attention::Pattern;
using attention::Schedule;

struct AttentionCase {
    uint32_t heads = 9, kv_heads = 3, head_dim = 64;
    CacheType type = CacheType::f16;
    uint32_t capacity = 4096 + 256;
};

std::string labelOf(const AttentionCase &c) {
    return std::format("{}/{} heads of {} {}", c.heads, c.kv_heads, c.head_dim,
                       attention::cacheTypeName(c.type));
}

gpu::Specialization constantsOf(const AttentionCase &c, lanes::HeadsKeys tile, uint32_t flags) {
    auto type = static_cast<uint32_t>(c.type);
    return {{SPEC_HEAD_DIM, c.head_dim}, {SPEC_CACHE_K, type},      {SPEC_CACHE_V, type},
            {SPEC_FLAGS, flags},         {SPEC_TILE_A, tile.heads}, {SPEC_TILE_B, tile.keys}};
}

/// Random bytes are fine as codes; scales are 2^-6.
gpu::Buffer makePlane(gpu::Device &device, const AttentionCase &c) {
    uint64_t rows = uint64_t{c.kv_heads} * c.capacity;
    if (c.type == CacheType::f32 || c.type == CacheType::f16)
        return randomFloats(device, rows * c.head_dim, c.type == CacheType::f16);
    std::mt19937 random(1);
    std::vector<uint32_t> words(rows * attention::rowBytes(c.type, c.head_dim) / 4, 0x24002400u);
    uint64_t data = rows * attention::dataBytes(c.type, c.head_dim) / 4;
    for (uint64_t i = 0; i < data; ++i)
        words[i] = c.type == CacheType::bf16 ? (random() & 0x007f007fu) | 0x3f003f00u
                                             : static_cast<uint32_t>(random());
    gpu::Buffer buffer = makeBuffer(device, words.size() * 4);
    gpu::uploadBytes(device, buffer, 0, std::as_bytes(std::span(words)));
    return buffer;
}

class Attending {
  public:
    Attending(Bench &bench, const AttentionCase &c, uint32_t rows)
        : bench_(bench), c_(c),
          q_(randomFloats(bench.device(), uint64_t{rows} * c.heads * c.head_dim)),
          k_(makePlane(bench.device(), c)), v_(makePlane(bench.device(), c)),
          result_(makeBuffer(bench.device(), 64ull * rows * c.heads * (c.head_dim + 2))),
          state_(makeBuffer(bench.device(), 8ull * rows * c.heads)) {}

    Timing prefill(const Schedule &schedule, lanes::HeadsKeys tile, uint32_t flags) {
        if (!schedule.lists.empty())
            flags |= ATTENTION_LISTS;
        params::AttentionPrefill params{};
        params.q = q_.address();
        params.k = planes(k_);
        params.v = planes(v_);
        params.result = result_.address();
        params.state = state_.address();
        params.schedule = place(schedule);
        params.heads = c_.heads;
        params.kv_heads = c_.kv_heads;
        params.head_dim = params.rope_dims = c_.head_dim;
        params.capacity = c_.capacity;
        params.out_stride = c_.heads * c_.head_dim;
        params.scale = 1 / std::sqrt(static_cast<float>(c_.head_dim));
        return bench_.time(kAttentionPrefillLanes, constantsOf(c_, tile, flags), params,
                           {schedule.mostTiles(), c_.heads / tile.heads});
    }

    Timing decode(const Schedule &schedule, lanes::HeadsKeys tile, uint32_t keys) {
        const uint32_t splits = std::min(lanes::kDecodeSplits, (keys + 255) / 256);
        params::AttentionDecode params{};
        params.q = q_.address();
        params.k = planes(k_);
        params.v = planes(v_);
        params.partial = result_.address();
        params.schedule = place(schedule);
        params.splits = splits;
        params.keys_per_split = (keys + splits - 1) / splits;
        params.heads = c_.heads;
        params.kv_heads = c_.kv_heads;
        params.rope_dims = c_.head_dim;
        params.capacity = c_.capacity;
        params.scale = 1 / std::sqrt(static_cast<float>(c_.head_dim));
        return bench_.time(kAttentionDecodeLanes, constantsOf(c_, tile, 0), params,
                           {splits, c_.heads / tile.heads});
    }

  private:
    params::CachePlanes planes(const gpu::Buffer &buffer) const {
        uint64_t rows = uint64_t{c_.kv_heads} * c_.capacity;
        return {buffer.address(),
                buffer.address() + rows * attention::dataBytes(c_.type, c_.head_dim)};
    }

    uint64_t place(const Schedule &schedule) {
        std::vector<uint32_t> words(schedule.words());
        schedule.write(words);
        schedule_ = makeBuffer(bench_.device(), words.size() * 4);
        gpu::uploadBytes(bench_.device(), schedule_, 0, std::as_bytes(std::span(words)));
        return schedule_.address();
    }

    Bench &bench_;
    AttentionCase c_;
    gpu::Buffer q_, k_, v_, result_, state_, schedule_;
};

attention::ScheduleInput inputOf(const AttentionCase &c, lanes::HeadsKeys tile,
                                 const attention::KeySource &keys, uint64_t position,
                                 uint32_t rows) {
    attention::ScheduleInput input;
    input.position = position;
    input.rows = rows;
    input.key_step = tile.keys;
    input.kinds.clear();
    for (uint32_t head = 0; head < c.heads; head += tile.heads)
        input.kinds.push_back(keys.headKind(head, c.heads));
    return input;
}

void benchPrefillCase(Bench &bench, const AttentionCase &c, lanes::HeadsKeys tile,
                      std::initializer_list<uint32_t> positions) {
    const uint32_t rows = 256;
    Attending attending(bench, c, rows);
    for (uint32_t position : positions) {
        Schedule schedule = makeSchedule(Pattern(), inputOf(c, tile, Pattern(), position, rows));
        Timing timing = attending.prefill(schedule, tile, 0);
        double pairs = double{rows} * position + rows * (rows + 1) / 2.0;
        printFlops(bench,
                   std::format("prefill {} after {} tile {}x{}", labelOf(c), position, tile.heads,
                               tile.keys),
                   4 * pairs * c.heads * c.head_dim, timing);
    }
}

void benchPrefill(Bench &bench, bool tiles) {
    constexpr CacheType kTypes[] = {CacheType::f16, CacheType::f32, CacheType::bf16,
                                    CacheType::q8_0, CacheType::q4_0};
    if (tiles) {
        struct Sweep {
            uint32_t group, head_dim;
            std::vector<lanes::HeadsKeys> tiles;
        };
        const Sweep sweeps[] = {
            {4, 32, {{4, 4}, {2, 6}, {1, 8}}},  {3, 32, {{3, 5}}},
            {4, 64, {{4, 2}, {2, 4}, {1, 8}}},  {3, 64, {{3, 2}, {3, 3}, {3, 4}}},
            {4, 96, {{2, 3}, {1, 4}}},          {3, 96, {{3, 2}}},
            {4, 128, {{2, 2}, {1, 4}, {4, 1}}}, {4, 160, {{1, 3}}},
            {4, 256, {{1, 2}, {1, 3}}},
        };
        for (const Sweep &sweep : sweeps)
            for (lanes::HeadsKeys tile : sweep.tiles)
                for (CacheType type : {CacheType::f16, CacheType::q8_0})
                    benchPrefillCase(bench, {2 * sweep.group, 2, sweep.head_dim, type}, tile,
                                     {4096});
        return;
    }
    for (CacheType type : kTypes)
        benchPrefillCase(bench, {.type = type}, lanes::prefillTile(3, 64), {0, 2048, 4096});
    for (auto [heads, kv_heads, head_dim] :
         {std::tuple{8u, 2u, 64u}, {8u, 2u, 96u}, {8u, 2u, 128u}, {4u, 1u, 256u}})
        benchPrefillCase(bench, {heads, kv_heads, head_dim},
                         lanes::prefillTile(heads / kv_heads, head_dim), {2048});
}

void benchDecodeCase(Bench &bench, const AttentionCase &c, uint32_t keys, lanes::HeadsKeys tile) {
    Attending attending(bench, c, 1);
    uint64_t most = 0;
    Schedule schedule =
        makeDecodeSchedule(Pattern(), inputOf(c, tile, Pattern(), keys - 1, 1), most);
    Timing timing = attending.decode(schedule, tile, keys);
    double bytes =
        2.0 * keys * c.kv_heads * static_cast<double>(attention::rowBytes(c.type, c.head_dim));
    printBytes(
        std::format("decode {} keys {} tile {}x{}", labelOf(c), keys, tile.heads, 8 * tile.keys),
        bytes, timing);
}

void benchDecode(Bench &bench, bool tiles) {
    if (tiles) {
        for (uint32_t heads : {1u, 3u})
            for (uint32_t key_groups : {1u, 2u, 3u, 4u})
                benchDecodeCase(bench, {}, 4096, {heads, key_groups});
        return;
    }
    for (uint32_t keys : {512u, 4096u})
        for (CacheType type : {CacheType::f16, CacheType::f32, CacheType::q8_0, CacheType::q4_0})
            benchDecodeCase(bench, {.type = type}, keys, {lanes::decodeHeads(3, 64), 1});
}

/// A whole text of n tokens in chunks, as the engine reads it: ms.
struct PatternCost {
    double ms = 0, visible = 0, computed = 0;
};

PatternCost costOf(Attending &attending, const AttentionCase &c, const Pattern &pattern,
                   uint64_t n) {
    lanes::HeadsKeys tile = lanes::prefillTile(c.heads / c.kv_heads, c.head_dim);
    if (pattern.headKinds() > 1)
        tile = lanes::prefillTile(1, c.head_dim);
    const uint32_t most = std::max(256u, attention::chunkFor(pattern));
    PatternCost cost;
    for (uint64_t position = 0, chunk; position < n; position += chunk) {
        chunk = std::min<uint64_t>(most, n - position);
        for (unsigned pass = 0; pass < pattern.passes(); ++pass) {
            attention::ScheduleInput input =
                inputOf(c, tile, pattern, position, static_cast<uint32_t>(chunk));
            input.pass = pass;
            Schedule schedule = makeSchedule(pattern, input);
            uint32_t flags = (pass > 0 ? ATTENTION_CONTINUE : 0u) |
                             (pattern.passes() > 1 ? ATTENTION_STATE : 0u);
            cost.ms += attending.prefill(schedule, tile, flags).ms;
            cost.visible += static_cast<double>(schedule.visible_pairs * tile.heads);
            cost.computed += static_cast<double>(schedule.computed_pairs * tile.heads);
        }
    }
    return cost;
}

void benchPatterns(Bench &bench, CacheType type) {
    const uint64_t n = 8192;
    AttentionCase c{.type = type, .capacity = 8192};
    Attending attending(bench, c, 2048);
    std::printf("n = %d, %s: ms and ns a pair and head of one layer\n", static_cast<int>(n),
                labelOf(c).c_str());
    std::printf("%-22s %14s %14s %14s %9s %7s %7s\n", "pattern", "pairs, formula", "pairs seen",
                "computed", "ms", "ns/pair", "ratio");
    double full = 0;
    for (const char *spec :
         {"full", "window:512", "window:1024", "sinks:4+1020", "a-shape:64+1024", "chunked:1024",
          "shifted:1024", "longformer:1024+64", "bigbird:64,3,2,3", "fixed:128,8", "dilated:512x2",
          "strided:90", "strided:128", "full"}) {
        Pattern pattern(spec);
        PatternCost cost = costOf(attending, c, pattern, n);
        double ns = cost.ms * 1e6 / cost.visible;
        full = full == 0 ? ns : full;
        std::printf("%-22s %14.0f %14.0f %14.0f %9.1f %7.2f %7.2f\n", spec,
                    pattern.pairs(n) * c.heads, cost.visible, cost.computed, cost.ms, ns,
                    ns / full);
        std::fflush(stdout);
    }
}

} // namespace

void benchAttention(Bench &bench, const std::set<std::string> &wanted) {
    bool tiles = wanted.contains("tiles");
    bool all = wanted.size() == wanted.count("tiles") + wanted.count("wall");
    if (all || wanted.contains("prefill"))
        benchPrefill(bench, tiles);
    if (all || wanted.contains("decode"))
        benchDecode(bench, tiles);
    if (wanted.contains("patterns"))
        for (CacheType type : {CacheType::f16, CacheType::q8_0})
            benchPatterns(bench, type);
}

} // namespace longscope::engine
