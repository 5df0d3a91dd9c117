// Attention of the `lanes` family: prefill and decode by shape and cache type, and what each
// pattern costs over a whole text, beside its formula (`patterns`).
#include "compute/attention/cache_type.h"
#include "compute/attention/choose.h"
#include "compute/attention/schedule.h"
#include "compute/engine/session_options.h"
#include "compute/engine/tiling_lanes.h"
#include "tests/bench/bench_timing.h"

#include <cmath>
#include <format>
#include <functional>
#include <memory>
#include <numeric>

namespace longscope::engine {
namespace {

using attention::CacheType;
using attention::KeySource;
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
            {SPEC_FLAGS, flags},         {SPEC_TILE_A, tile.heads}, {SPEC_TILE_B, tile.keys},
            {SPEC_TILE_C, tile.rows}};
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
    input.tile_rows = 8 * tile.rows;
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

// ---- patterns ----------------------------------------------------------------------------------

/// Reads a whole text of n tokens in chunks, as the engine does.
struct PatternCase {
    std::string name;
    double pairs = 0; ///< of a head in the mean, by formula; 0: chosen from the data
    uint32_t chunk = 256;
    /// The keys of the chunk that begins at `position`.
    std::function<std::shared_ptr<const KeySource>(uint64_t position, uint32_t rows)> keys;
};

PatternCase ruleCase(const std::string &spec, uint64_t n, uint32_t heads) {
    auto pattern = std::make_shared<const Pattern>(spec);
    return {.name = spec,
            .pairs = pattern->headPairs(n, heads) / heads,
            .chunk = std::max(256u, attention::chunkFor(*pattern)),
            .keys = [=](uint64_t, uint32_t) { return pattern; }};
}

/// `count` different numbers below `end`, sorted; all of them when there are not so many.
std::vector<uint32_t> randomNumbers(std::mt19937 &random, uint32_t end, uint32_t count) {
    std::vector<uint32_t> all(end), chosen;
    std::iota(all.begin(), all.end(), 0u);
    std::ranges::sample(all, std::back_inserter(chosen), count, random);
    return chosen;
}

/// What choices from data look like, at random places and each head its own: `columns` of them and
/// the last `local` keys; or, of every query block, `blocks` key blocks with the first and its own.
PatternCase chosenCase(uint32_t heads, uint32_t columns, uint32_t local, uint32_t blocks,
                       uint32_t block_tokens) {
    auto makeKeys = [=](uint64_t position, uint32_t rows) {
        std::mt19937 random(static_cast<uint32_t>(position));
        const auto end = static_cast<uint32_t>(position + rows);
        std::vector<attention::Choice::Head> chosen(heads);
        for (attention::Choice::Head &head : chosen) {
            if (blocks == 0) {
                head.columns = randomNumbers(random, end, columns);
                head.offsets = {{0, local}};
                continue;
            }
            head.block_tokens = block_tokens;
            head.first_block = position / block_tokens;
            for (uint64_t own = head.first_block; own * block_tokens < end; ++own) {
                auto keys = randomNumbers(random, static_cast<uint32_t>(own), blocks - 1);
                if (!keys.empty())
                    keys.front() = 0;
                keys.push_back(static_cast<uint32_t>(own));
                head.blocks_of.push_back(std::move(keys));
            }
        }
        return std::make_shared<const attention::Choice>(std::move(chosen));
    };
    return {.name = blocks ? std::format("{} blocks of {}", blocks, block_tokens)
                           : std::format("{} columns + {}", columns, local),
            .pairs = 0,
            .chunk = kLongChunk,
            .keys = makeKeys};
}

struct PatternCost {
    double ms = 0, schedule_ms = 0, visible = 0, computed = 0;
};

PatternCost costOf(Attending &attending, const AttentionCase &c, const PatternCase &pattern,
                   uint64_t n) {
    PatternCost cost;
    for (uint64_t position = 0, chunk; position < n; position += chunk) {
        chunk = std::min<uint64_t>(pattern.chunk, n - position);
        auto keys = pattern.keys(position, static_cast<uint32_t>(chunk));
        const uint32_t group = keys->headKinds() > 1 ? 1 : c.heads / c.kv_heads;
        const lanes::HeadsKeys tile = keys->passes() > 1 ? lanes::scoreTile(group, c.head_dim)
                                                         : lanes::prefillTile(group, c.head_dim);
        for (unsigned pass = 0; pass < keys->passes(); ++pass) {
            attention::ScheduleInput input =
                inputOf(c, tile, *keys, position, static_cast<uint32_t>(chunk));
            input.pass = pass;
            std::clock_t before = std::clock();
            Schedule schedule = makeSchedule(*keys, input);
            cost.schedule_ms += 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
            uint32_t flags =
                (pass > 0 ? ATTENTION_CONTINUE : 0u) | (keys->passes() > 1 ? ATTENTION_STATE : 0u);
            cost.ms += attending.prefill(schedule, tile, flags).ms;
            cost.visible += static_cast<double>(schedule.visible_pairs * tile.heads);
            cost.computed += static_cast<double>(schedule.computed_pairs * tile.heads);
        }
    }
    return cost;
}

/// Those that `wanted` names as the table does, or all.
void benchPatterns(Bench &bench, CacheType type, const std::set<std::string> &wanted) {
    const uint64_t n = 8192;
    AttentionCase c{.type = type, .capacity = 8192};
    std::vector<PatternCase> patterns;
    for (const char *spec :
         {"full", "window:512", "window:1024", "sinks:4+1020", "a-shape:64+1024", "chunked:1024",
          "shifted:1024", "longformer:1024+64", "bigbird:64,3,2,3", "fixed:128,8", "dilated:512x2",
          "strided:90", "strided:128"})
        patterns.push_back(ruleCase(spec, n, c.heads));
    patterns.push_back(chosenCase(c.heads, 512, 256, 0, 0));
    patterns.push_back(chosenCase(c.heads, 0, 0, 16, 64));
    bool some = std::ranges::any_of(
        patterns, [&](const PatternCase &pattern) { return wanted.contains(pattern.name); });
    Attending attending(bench, c, 2048);
    std::printf("n = %d, %s: ms and ns a pair and head of one layer\n", static_cast<int>(n),
                labelOf(c).c_str());
    std::printf("%-20s %14s %14s %14s %9s %9s %7s %7s\n", "pattern", "pairs, formula", "pairs seen",
                "computed", "schedule", "ms", "ns/pair", "ratio");
    double full = 0;
    for (const PatternCase &pattern : patterns) {
        if (some && !wanted.contains(pattern.name))
            continue;
        PatternCost cost = costOf(attending, c, pattern, n);
        double ns = cost.ms * 1e6 / cost.visible;
        full = full == 0 ? ns : full;
        std::printf("%-20s %14.0f %14.0f %14.0f %9.1f %9.1f %7.2f %7.2f\n", pattern.name.c_str(),
                    pattern.pairs * c.heads, cost.visible, cost.computed, cost.schedule_ms, cost.ms,
                    ns, ns / full);
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
            if (!wanted.contains(type == CacheType::f16 ? "q8_0" : "f16"))
                benchPatterns(bench, type, wanted);
}

} // namespace longscope::engine
