// What the program hands to each kernel: one struct a kernel, read by C++ and by GLSL, with the
// specialization ids beside them. Addresses are Vulkan buffer device addresses: in GLSL they are
// typed references, in C++ plain 64-bit numbers; no descriptor sets exist. Members are ordered so
// that both languages lay them out alike (64-bit members first), and C++ asserts every size.
// The portable floor is 128 bytes of push constants.
#ifndef LONGSCOPE_PARAMS_H
#define LONGSCOPE_PARAMS_H

#ifdef __cplusplus
#include <cstdint>
namespace longscope::params {
using uint = uint32_t;
#define LONGSCOPE_ADDRESS(Type) uint64_t
#else
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_control_flow_attributes : require
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Vec4s { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Uints { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Uvec4s { uvec4 v[]; };
#define LONGSCOPE_ADDRESS(Type) Type
#endif

// Specialization constants. Ids 0..9 mean the same in every kernel.
#define SPEC_LOCAL_SIZE 0 // invocations of a workgroup
#define SPEC_CODE_BITS 1  // weights: 4 5 6 8 integer codes, 16 f16, 17 bf16, 32 f32
#define SPEC_SCALE_KIND 2 // weights: see SCALE_*
#define SPEC_GROUP 3      // weights, two-level scales: 16 or 32 weights share one scale
#define SPEC_OFFSET 4     // weights: subtracted from every code
#define SPEC_INTERLEAVE 5 // weights: rows that are interleaved (1, or the lanes of a subgroup)
#define SPEC_HEAD_DIM 6   // attention: padded to a multiple of 32
#define SPEC_CACHE_K 7    // KV cache type of K: see CACHE_*
#define SPEC_CACHE_V 8    // KV cache type of V
#define SPEC_FLAGS 9      // kernel-specific bits
#define SPEC_TILE_A 10    // kernel-specific tile sizes
#define SPEC_TILE_B 11
#define SPEC_TILE_C 12

#define SCALE_NONE 0      // f32, f16, bf16 weights
#define SCALE_PAIR_F16 1  // per 32 weights: f16 (d, dmin); w = d*(code - OFFSET) - dmin
#define SCALE_PAIR_F32 2  // per 32 weights: f32 (d, dmin)
#define SCALE_TWO_LEVEL 3 // per 256: f16 (d, dmin); per GROUP: int8 scale, uint8 minimum;
                          // w = d*scale*(code - OFFSET) - dmin*minimum

// KV cache types. A row (kv_head * capacity + slot) has HEAD_DIM elements: f32; f16 or bf16, two in a
// word; q8_0: int8, element e in byte e%4 of word e/4; q4_0: element e in nibble e%8 of word e/8,
// value = scale * (nibble - 8). q8_0 and q4_0 have one f16 scale for 32 elements in a plane of its
// own: CACHE_SCALE_WORDS(HEAD_DIM) words a row, block b in half b%2 of word b/2.
#define CACHE_F32 0
#define CACHE_F16 1
#define CACHE_BF16 2
#define CACHE_Q8_0 3
#define CACHE_Q4_0 4
#define CACHE_SCALE_WORDS(head_dim) (((head_dim) + 63) / 64)

// Weights of one matrix [rows, columns], repacked at load into planes (compute/engine/packing.h):
// rows are padded with zeros to a multiple of 32, columns likewise, and cut into blocks of 32
// columns. With I = INTERLEAVE, the block (row, kb) has the number
//     n = ((row / I) * (columns / 32) + kb) * I + row % I
// codes:  16 bytes at 16 n: low 4 bits of 32 codes, element e in uint e/8 at bit 4*(e%8)
//         (f16/bf16: 64 bytes at 64 n; f32: 128 bytes at 128 n; element order)
// high:   the bits above 4: CODE_BITS 5: one uint at 4 n, bit e; 6: two uints at 8 n, element e in
//         uint e/16 at bit 2*(e%16); 8: four uints at 16 n, ordered as codes
// scales: SCALE_PAIR_F16: packHalf2x16(d, dmin) at 4 n; SCALE_PAIR_F32: two floats at 8 n;
//         SCALE_TWO_LEVEL, GROUP 16: at 4 n the bytes scale0, minimum0, scale1, minimum1;
//         GROUP 32: one uint for two neighbouring kb of a row, at
//         4 * (((row / I) * (columns / 64) + kb / 2) * I + row % I): scale and minimum of the even
//         kb in the low 16 bits, of the odd kb in the high 16
// supers: SCALE_TWO_LEVEL: packHalf2x16(d, dmin) at
//         4 * (((row / I) * (columns / 256) + kb / 8) * I + row % I)
struct Matrix {
    LONGSCOPE_ADDRESS(Uints) codes;
    LONGSCOPE_ADDRESS(Uints) high;
    LONGSCOPE_ADDRESS(Uints) scales;
    LONGSCOPE_ADDRESS(Uints) supers;
};

// x[i, :] = table[tokens[i], :] * scale
struct Embed {
    Matrix table;
    LONGSCOPE_ADDRESS(Uints) tokens; // [rows]
    LONGSCOPE_ADDRESS(Floats) x;     // [rows, columns]
    uint rows;
    uint columns; // padded to a multiple of 32
    float scale;
    uint unused;
};

// y[i, c] = x[i, c] / sqrt(mean of x[i, 0..columns)^2 + eps) * weight[c]
struct RmsNorm {
    LONGSCOPE_ADDRESS(Floats) x; // [rows, stride]
    LONGSCOPE_ADDRESS(Floats) weight;
    LONGSCOPE_ADDRESS(Floats) y; // [rows, stride]; columns beyond `columns` become 0
    uint rows;
    uint columns;
    uint stride;
    float eps;
};

// y[i, n] = scale * sum_k w[n, k] x[i, k]  (+ bias[n])  (+ residual[i, n]); y may be residual
#define MATMUL_BIAS 1     // flags
#define MATMUL_RESIDUAL 2
struct Matmul {
    Matrix w;
    LONGSCOPE_ADDRESS(Floats) x;        // [rows, x_stride]
    LONGSCOPE_ADDRESS(Floats) y;        // [rows, y_stride]
    LONGSCOPE_ADDRESS(Floats) bias;     // [n]
    LONGSCOPE_ADDRESS(Floats) residual; // [rows, y_stride]
    uint rows;
    uint k;        // columns of w, multiple of 32
    uint n;        // rows of w, multiple of 32
    uint x_stride; // multiple of 4
    uint y_stride; // multiple of 4
    float scale;
};

// Keys or values of one layer.
struct CachePlanes {
    LONGSCOPE_ADDRESS(Uints) data;
    LONGSCOPE_ADDRESS(Uints) scales; // q8_0 and q4_0 only
};

// Splits [q | k | v] of each row, rotates q and k, writes q and stores k and v in the cache.
// rotation[i, pair] = (cos, sin), magnitude included, computed in double on the host.
// Row i goes to slot s = position + i < sinks ? s : sinks + (s - sinks) % ring.
#define ROPE_NEOX 1      // flags: pairs (j, j + rope_dims/2) instead of (2j, 2j+1)
#define ROPE_RAW_KEYS 2  // k is stored as it is
#define ROPE_FAR_QUERY 4 // q_far is written too: q rotated by rotation_far
#define ROPE_NORM_AFTER                                                                            \
    8 // q and k are multiplied by q_norm and k_norm behind the rotation; raw keys
      // are not, q takes both
#define ROPE_ONLY_KEYS 16 // there is no v: the grid ends with k
#define ROPE_TEMPERED 32  // q of each row is multiplied by a number that lies behind `rotation`
struct Rope {
    LONGSCOPE_ADDRESS(Floats) qkv;          // [rows, qkv_stride]
    LONGSCOPE_ADDRESS(Floats) rotation;     // [rows, rope_dims/2, 2]; TEMPERED: then [rows]
    LONGSCOPE_ADDRESS(Floats) rotation_far; // [rows, rope_dims/2, 2]
    LONGSCOPE_ADDRESS(Floats) q;            // [rows, heads, HEAD_DIM], padding written as 0
    LONGSCOPE_ADDRESS(Floats) q_far;        // [rows, heads, HEAD_DIM]
    CachePlanes k;                          // [kv_heads, capacity, HEAD_DIM]
    CachePlanes v;                          // [kv_heads, capacity, HEAD_DIM]
    LONGSCOPE_ADDRESS(Floats) q_norm;       // [head_dim]
    LONGSCOPE_ADDRESS(Floats) k_norm;       // [head_dim]
    uint position; // of row 0, in the numbering of this layer's slots
    uint sinks;
    uint ring;
    uint head_counts; // low half: of q, high half: of k and of v
    uint head_dim;    // as in the model, <= HEAD_DIM; even
    uint rope_dims;   // low half: how many are rotated, high half: the first one; both even
    uint qkv_stride;
    uint k_offset; // column of k in a row of qkv
    uint v_offset;
    uint capacity; // tokens
};

// Which keys the queries read: a schedule (compute/attention/schedule.h) in words.
//   words 0..3: where tiles, runs, bounds and lists begin; from word 4 on, for each head group (y of
//   the grid): its first tile and how many tiles it has
//   tile, 8 words: first_row, row_step, rows, first_run, end_run. Query i of the tile is row
//     first_row + min(i, rows - 1) * row_step of q; only the first `rows` are stored
//   run, 8 words: slot, position, step, length, bounds, list, zone. Key i, 0 <= i < length, lies in
//     slot + i * step and has the position position + i * step; or, with a list (not
//     SCHEDULE_NONE), both are lists[list + i]. zone 1: q_far and rotation_far count
//   bounds, a pair (first, end) for every query of a tile (of queries-in-a-tile pairs: the tile size
//     of the kernel): query i sees the keys first <= key < end of the run; bounds SCHEDULE_NONE: all
#define SCHEDULE_TILES 0
#define SCHEDULE_RUNS 1
#define SCHEDULE_BOUNDS 2
#define SCHEDULE_LISTS 3
#define SCHEDULE_GROUPS 4
#define SCHEDULE_TILE_WORDS 8
#define SCHEDULE_RUN_WORDS 8
#define SCHEDULE_NONE 0xffffffffu

// Attention of many queries over the keys of a schedule, online softmax. A row without a key is 0.
#define ATTENTION_CONTINUE 1 // flags: goes on from `result` and `state` of an earlier pass over other keys
#define ATTENTION_STATE 2    // writes state
#define ATTENTION_LISTS 4    // runs may have lists
#define ATTENTION_RAW_KEYS 8 // keys are cached unrotated: rotated by rotation[position] when read
#define ATTENTION_FAR 16     // runs may have zone 1
#define ATTENTION_NEOX 32    // raw keys: pairs (j, j + rope_dims/2)
#define ATTENTION_CAP 256    // a score becomes cap * tanh(score / cap), before the mask
#define ATTENTION_SLOPES 512 // slope * (query position - key position) is taken from it (ALiBi)
#define ATTENTION_SINKS 1024 // a logit of the head counts in m and l, and has no value
// head_facts: (slope, sink, cap, 0) of each head, in base 2: times log2(e). Read under these flags.
// rope_dims of raw keys: the low half says how many, the high half which is the first; with NEOX 0.
struct AttentionPrefill {
    LONGSCOPE_ADDRESS(Floats) q;     // [rows, heads, HEAD_DIM]
    LONGSCOPE_ADDRESS(Floats) q_far; // [rows, heads, HEAD_DIM]
    CachePlanes k;                   // [kv_heads, capacity, HEAD_DIM]
    CachePlanes v;
    LONGSCOPE_ADDRESS(Floats) result; // [rows, out_stride], head h at column h * head_dim
    LONGSCOPE_ADDRESS(Floats) state;  // [rows, heads, 2]: m (base 2: weight = exp2(score*log2(e) - m)), l
    LONGSCOPE_ADDRESS(Floats) rotation;     // raw keys: [positions, rope_dims/2, 2]
    LONGSCOPE_ADDRESS(Floats) rotation_far; // the same for keys of zone 1
    LONGSCOPE_ADDRESS(Uints) schedule;
    LONGSCOPE_ADDRESS(Vec4s) head_facts; // [heads]
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint capacity;
    uint out_stride;
    uint rope_dims;
    float scale; // of the scores, usually 1/sqrt(head_dim)
    uint position; // of row 0
};

// One query over the keys of a schedule with one tile a head group, no bounds: all keys of all its
// runs in order, cut into `splits` ranges of keys_per_split.
// partial[split, head, 0..HEAD_DIM) is the normalised output of the range, then m and l
// (base 2 logarithms: weight of a key = exp2(score * log2(e) - m)); an empty range has l = 0.
// Flags as AttentionPrefill: LISTS, RAW_KEYS, FAR, NEOX, CAP, SLOPES. Sinks count in
// AttentionMerge.
struct AttentionDecode {
    LONGSCOPE_ADDRESS(Floats) q;     // [heads, HEAD_DIM]
    LONGSCOPE_ADDRESS(Floats) q_far; // [heads, HEAD_DIM]
    CachePlanes k;
    CachePlanes v;
    LONGSCOPE_ADDRESS(Floats) partial; // [splits, heads, HEAD_DIM + 2]
    LONGSCOPE_ADDRESS(Floats) rotation;
    LONGSCOPE_ADDRESS(Floats) rotation_far;
    LONGSCOPE_ADDRESS(Uints) schedule;
    LONGSCOPE_ADDRESS(Vec4s) head_facts;
    uint splits;
    uint keys_per_split; // splits * keys_per_split >= keys of every head group
    uint heads;
    uint kv_heads;
    uint capacity;
    uint rope_dims;
    float scale;
    uint position;
};

// result[head * head_dim + c] from the partial results of AttentionDecode. Flag SINKS.
struct AttentionMerge {
    LONGSCOPE_ADDRESS(Floats) partial;
    LONGSCOPE_ADDRESS(Floats) result;
    LONGSCOPE_ADDRESS(Vec4s) head_facts;
    uint splits;
    uint heads;
    uint head_dim;
    uint unused;
};

// Scores for choosing keys: scores[head, a, b] = scale * sum over t < group of q[row(a, t)] . k[b *
// group + t], row(a, t) = first_row + a * group + group - 1 - t (antidiagonals; group 1: plain
// scores). Keys of slots 0 .. key_groups * group - 1; causality is the reader's. Flags RAW_KEYS,
// NEOX, CAP and SLOPES (of each product).
struct AttentionScores {
    LONGSCOPE_ADDRESS(Floats) q; // [rows, heads, HEAD_DIM]
    CachePlanes k;
    LONGSCOPE_ADDRESS(Floats) rotation; // raw keys: [slots, rope_dims/2, 2]
    LONGSCOPE_ADDRESS(Floats) scores;   // [heads, row_groups, key_groups]
    LONGSCOPE_ADDRESS(Vec4s) head_facts;
    uint first_row;
    uint row_groups;
    uint key_groups;
    uint group;
    uint heads;
    uint kv_heads;
    uint capacity;
    uint rope_dims;
    float scale;
    uint position; // of row 0
};

// A second pass over a schedule, with m and l of each row known: p = exp2(score*log2(e) - m) / l.
// Flags as AttentionPrefill (LISTS, RAW_KEYS, FAR, NEOX, CAP, SLOPES), and:
#define MAP_METRICS 64 // writes metrics, for all heads: grid y = head
#define MAP_CELLS 128  // writes cells, of the heads first_head + y of the grid
#define MAP_METRIC_COUNT 8
// metrics[row, head, 8]: 0 sum of p; 1 entropy -sum p ln p; 2 sum of p * (query position - key
//   position); 3 share of the keys at positions below `sinks`; 4 share of those at a distance below
//   `recent`; 5..7 zero
// cells[row, y, cell, 2]: sum and maximum of p over the keys with position first_key + cell *
//   cell_keys .. + cell_keys - 1; every cell of a stored row is written
struct AttentionMap {
    LONGSCOPE_ADDRESS(Floats) q;
    LONGSCOPE_ADDRESS(Floats) q_far;
    CachePlanes k;
    LONGSCOPE_ADDRESS(Floats) state; // [rows, heads, 2]
    LONGSCOPE_ADDRESS(Floats) rotation;
    LONGSCOPE_ADDRESS(Floats) rotation_far;
    LONGSCOPE_ADDRESS(Uints) schedule;
    LONGSCOPE_ADDRESS(Floats) target; // metrics or cells
    LONGSCOPE_ADDRESS(Vec4s) head_facts;
    uint position; // of row 0
    uint heads;
    uint kv_heads;
    uint capacity;
    uint rope_dims;
    float scale;
    uint first_head; // cells only
    uint first_key;  // cells only
    uint cell_keys;  // cells only
    uint cells;      // cells only: of a row
    uint sinks;      // metrics only
    uint recent;     // metrics only
};

// Moves rows of the cache: for every kv head, row `from` is copied to row `to`. No `to` is a `from`.
struct CacheMove {
    CachePlanes k;
    CachePlanes v;
    LONGSCOPE_ADDRESS(Uints) moves; // [kv_heads, count, 2]: slots from, to; from = to: nothing
    uint count;
    uint kv_heads;
    uint capacity;
    uint unused;
};

// Quest (Tang 2024): the smallest and largest key of each page, element by element, and from them an
// upper bound of the scores of the page. A page is page_keys slots; the last one may be shorter.
struct PageBounds {
    CachePlanes k;
    LONGSCOPE_ADDRESS(Floats) pages; // [kv_heads, page_capacity, 2, HEAD_DIM]: minima, maxima
    uint first_page;
    uint count; // pages from first_page on
    uint page_keys;
    uint page_capacity;
    uint keys; // slots in use
    uint kv_heads;
    uint capacity;
    uint unused;
};
struct PageScores {
    LONGSCOPE_ADDRESS(Floats) q;      // [heads, HEAD_DIM]
    LONGSCOPE_ADDRESS(Floats) pages;  // as PageBounds
    LONGSCOPE_ADDRESS(Floats) scores; // [heads, page_capacity]: scale * sum of max(q * min, q * max)
    uint count;
    uint page_capacity;
    uint heads;
    uint kv_heads;
    float scale;
    uint unused;
};

// h[i, c] = silu(gate[i, c]) * up[i, c]
struct Gated {
    LONGSCOPE_ADDRESS(Floats) gate; // [rows, in_stride]
    LONGSCOPE_ADDRESS(Floats) up;   // [rows, in_stride]
    LONGSCOPE_ADDRESS(Floats) h;    // [rows, out_stride]
    uint rows;
    uint columns; // multiple of 32
    uint in_stride;
    uint out_stride;
};

// The probes of `bench`: multiply-adds from registers; a plain read of a large buffer, in which each
// workgroup reads one contiguous run of iterations * LOCAL_SIZE * 16 bytes.
#define PROBE_PEAK_FLOPS 384 // of one invocation in one step
struct Probe {
    LONGSCOPE_ADDRESS(Uvec4s) data;
    LONGSCOPE_ADDRESS(Floats) result; // one float an invocation
    uint iterations; // peak: steps; read: 16-byte loads of an invocation
    uint unused;
};

#ifdef __cplusplus
#undef LONGSCOPE_ADDRESS
static_assert(sizeof(Matrix) == 32 && sizeof(Embed) == 64 && sizeof(RmsNorm) == 40);
static_assert(sizeof(Matmul) == 88 && sizeof(Rope) == 128 && sizeof(AttentionPrefill) == 128);
static_assert(sizeof(AttentionDecode) == 120 && sizeof(AttentionMerge) == 40);
static_assert(sizeof(CachePlanes) == 16 && sizeof(AttentionScores) == 88);
static_assert(sizeof(AttentionMap) == 128 && sizeof(CacheMove) == 56);
static_assert(sizeof(PageBounds) == 56 && sizeof(PageScores) == 48);
static_assert(sizeof(Gated) == 40 && sizeof(Probe) == 24);
} // namespace longscope::params
#endif
#endif
