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

#define CACHE_F32 0
#define CACHE_F16 1

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

// Splits [q | k | v] of each row, rotates q and k, writes q and appends k and v to the cache.
// rotation[i, pair] = (cos, sin), magnitude included, computed in double on the host.
#define ROPE_NEOX 1 // flags: pairs (j, j + rope_dims/2) instead of (2j, 2j+1)
struct Rope {
    LONGSCOPE_ADDRESS(Floats) qkv;      // [rows, qkv_stride]
    LONGSCOPE_ADDRESS(Floats) rotation; // [rows, rope_dims/2, 2]
    LONGSCOPE_ADDRESS(Floats) q;        // [rows, heads, HEAD_DIM], padding written as 0
    LONGSCOPE_ADDRESS(Uints) k;         // [kv_heads, capacity, HEAD_DIM] of the cache's type
    LONGSCOPE_ADDRESS(Uints) v;         // [kv_heads, capacity, HEAD_DIM]
    uint rows;
    uint position; // of row 0; row i goes to cache slot position + i
    uint heads;
    uint kv_heads;
    uint head_dim; // as in the model, <= HEAD_DIM; even
    uint rope_dims;
    uint qkv_stride;
    uint k_offset; // column of k in a row of qkv
    uint v_offset;
    uint capacity; // tokens
};

// Causal attention of `rows` queries at position.. over keys 0..position+i, online softmax.
struct AttentionPrefill {
    LONGSCOPE_ADDRESS(Floats) q;   // [rows, heads, HEAD_DIM]
    LONGSCOPE_ADDRESS(Uints) k;    // [kv_heads, capacity, HEAD_DIM]
    LONGSCOPE_ADDRESS(Uints) v;    // [kv_heads, capacity, HEAD_DIM]
    LONGSCOPE_ADDRESS(Floats) result; // [rows, out_stride], head h at column h * head_dim
    uint rows;
    uint position;
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint capacity;
    uint out_stride;
    float scale; // of the scores, usually 1/sqrt(head_dim)
};

// One query (the last position) over keys 0..keys-1, cut into `splits` ranges of keys.
// partial[split, head, 0..HEAD_DIM) is the normalised output of the range, then m and l
// (base 2 logarithms: weight of a key = exp2(score * log2(e) - m)); an empty range has l = 0.
struct AttentionDecode {
    LONGSCOPE_ADDRESS(Floats) q; // [heads, HEAD_DIM]
    LONGSCOPE_ADDRESS(Uints) k;
    LONGSCOPE_ADDRESS(Uints) v;
    LONGSCOPE_ADDRESS(Floats) partial; // [splits, heads, HEAD_DIM + 2]
    uint keys;
    uint splits;
    uint keys_per_split; // splits * keys_per_split >= keys
    uint heads;
    uint kv_heads;
    uint capacity;
    float scale;
    uint unused;
};

// result[head * head_dim + c] from the partial results of AttentionDecode
struct AttentionMerge {
    LONGSCOPE_ADDRESS(Floats) partial;
    LONGSCOPE_ADDRESS(Floats) result;
    uint splits;
    uint heads;
    uint head_dim;
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
static_assert(sizeof(Matmul) == 88 && sizeof(Rope) == 80 && sizeof(AttentionPrefill) == 64);
static_assert(sizeof(AttentionDecode) == 64 && sizeof(AttentionMerge) == 32);
static_assert(sizeof(Gated) == 40 && sizeof(Probe) == 24);
} // namespace longscope::params
#endif
#endif
