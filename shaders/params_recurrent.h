// Parameters of the kernels of recurrent layers; included by params.h, whose rules hold. Inputs may
// be columns of wider rows: an address of the first element and a stride in floats, because one
// matmul makes several of them.
#ifndef LONGSCOPE_PARAMS_RECURRENT_H
#define LONGSCOPE_PARAMS_RECURRENT_H

// Causal depthwise convolution over time with K = SPEC_TILE_A taps (2..8):
//   u[t, c] = in[t, c] (* gate_in[t, c]);  s[t, c] = sum_j weight[c, j] * u[t - K + 1 + j, c]
//   y[t, c] = silu?(s[t, c] (+ bias[c])) (* gate_out[t, c]);  columns beyond `channels` become 0
// u before row 0 is the history, oldest first, which becomes the last K - 1 rows of u.
#define CONV_BIAS 1 // flags
#define CONV_SILU 2
#define CONV_GATE_IN 4
#define CONV_GATE_OUT 8
#define CONV_BLOCK_ROWS 32 // rows of one workgroup
struct ShortConv {
    LONGSCOPE_ADDRESS(Floats) u;        // [rows, in_stride]
    LONGSCOPE_ADDRESS(Floats) gate_in;  // [rows, in_stride]
    LONGSCOPE_ADDRESS(Floats) gate_out; // [rows, in_stride]
    LONGSCOPE_ADDRESS(Floats) weight;   // [channels, K]
    LONGSCOPE_ADDRESS(Floats) bias;     // [channels]
    LONGSCOPE_ADDRESS(Floats) history;  // [channels, K - 1], read and written
    LONGSCOPE_ADDRESS(Floats) y;        // [rows, y_stride]; not any of the inputs
    uint rows;
    uint channels;
    uint columns; // padded: columns of y that are written
    uint in_stride;
    uint y_stride;
    uint unused;
};

// Linear recurrences over time: a state [heads, head_dim, N], N = SPEC_SCAN_KEYS, which goes on from
// what the buffer holds and is left there after the last row. An invocation has SPEC_SCAN_WIDE values
// (rows of N) of one head, or, with SPEC_SCAN_SPLIT > 1, one of as many interleaved parts of them.
// SPEC_SCAN_LANES = 8: subgroups of 8 hand out what all of them read (the software device); 0: each
// one reads it.
#define SPEC_SCAN_KEYS SPEC_TILE_A
#define SPEC_SCAN_SPLIT SPEC_TILE_B
#define SPEC_SCAN_LANES SPEC_TILE_C
#define SPEC_SCAN_WIDE 13
#define SCAN_ALIGNED 1 // flags of all: N, every stride and every address suit reads of four floats
#define SCAN_GATE 2    // mamba: y * silu(z)
#define SCAN_MODULO 4  // delta net: head h reads key head h % key_heads, else h * key_heads / heads

// Selective state spaces. dt = softplus(dt_raw + dt_bias), group g = head * groups / heads:
//   mamba-1 (Gu & Dao 2023): one head of head_dim channels; dt, A, D are of a channel i:
//     h[i, n] = h[i, n] * exp(dt_i * A[i, n]) + dt_i * u_i * B[n];   y_i = h[i, :] . C + D_i * u_i
//   mamba-2 (Dao & Gu 2024): dt, A, D are of a head:
//     h[i, n] = h[i, n] * exp(dt * A) + dt * u_i * B[g, n];          y_i = h[i, :] . C[g] + D * u_i
struct ScanMamba {
    LONGSCOPE_ADDRESS(Floats) u;  // [rows, u_stride]: [heads, head_dim]
    LONGSCOPE_ADDRESS(Floats) b;  // [rows, bc_stride]: [groups, N]
    LONGSCOPE_ADDRESS(Floats) c;  // [rows, bc_stride]: [groups, N]
    LONGSCOPE_ADDRESS(Floats) dt; // [rows, dt_stride]: [head_dim] or [heads]
    LONGSCOPE_ADDRESS(Floats) z;  // [rows, z_stride]: [heads, head_dim]
    LONGSCOPE_ADDRESS(Floats) dt_bias;
    LONGSCOPE_ADDRESS(Floats) a; // [head_dim, N] or [heads], negative
    LONGSCOPE_ADDRESS(Floats) d; // [head_dim] or [heads]
    LONGSCOPE_ADDRESS(Floats) state;
    LONGSCOPE_ADDRESS(Floats) y; // [rows, y_stride]: [heads, head_dim]
    uint rows;
    uint heads;
    uint groups;
    uint head_dim;
    uint columns; // padded: columns of y beyond heads * head_dim become 0
    uint u_stride;
    uint bc_stride;
    uint dt_stride;
    uint z_stride;
    uint y_stride;
};

// Gated delta rule (Yang 2024), of a head with its key head's q and k, which are normalised already:
//   M = M * exp(softplus(alpha + dt_bias) * a);  d_j = (v_j - M[j] . k) * sigmoid(beta)
//   M[j] += d_j * k;  y_j = scale * M[j] . q
// alpha and beta of head h lie in column (h / gate_heads) * gate_step + h % gate_heads.
struct DeltaNet {
    LONGSCOPE_ADDRESS(Floats) q;     // [rows, qkv_stride]: [key_heads, N]
    LONGSCOPE_ADDRESS(Floats) k;     // [rows, qkv_stride]: [key_heads, N]
    LONGSCOPE_ADDRESS(Floats) v;     // [rows, qkv_stride]: [heads, head_dim]
    LONGSCOPE_ADDRESS(Floats) alpha; // [rows, gate_stride]
    LONGSCOPE_ADDRESS(Floats) beta;  // [rows, gate_stride]
    LONGSCOPE_ADDRESS(Floats) dt_bias; // [heads]
    LONGSCOPE_ADDRESS(Floats) a;       // [heads], negative
    LONGSCOPE_ADDRESS(Floats) state;
    LONGSCOPE_ADDRESS(Floats) y; // [rows, y_stride]: [heads, head_dim]
    uint rows;
    uint heads;
    uint key_heads;
    uint head_dim; // of v
    uint columns;  // padded, as ScanMamba
    uint qkv_stride;
    uint gate_stride;
    uint gate_heads;
    uint gate_step;
    uint y_stride;
    float scale; // of y, usually 1/sqrt(N)
    uint unused;
};

// RWKV-6 (Peng 2024), head_dim = N: y_j = sum_i r_i * (S[j, i] + bonus_i * k_i * v_j);
// S[j, i] = S[j, i] * w_i + k_i * v_j, with w the decay itself, between 0 and 1.
struct Wkv {
    LONGSCOPE_ADDRESS(Floats) r;     // [rows, in_stride]: [heads, N], so the next three
    LONGSCOPE_ADDRESS(Floats) k;
    LONGSCOPE_ADDRESS(Floats) v;
    LONGSCOPE_ADDRESS(Floats) w;     // [rows, w_stride]
    LONGSCOPE_ADDRESS(Floats) bonus; // [heads, N]
    LONGSCOPE_ADDRESS(Floats) state;
    LONGSCOPE_ADDRESS(Floats) y; // [rows, y_stride]: [heads, N]
    uint rows;
    uint heads;
    uint columns; // padded, as ScanMamba
    uint in_stride;
    uint w_stride;
    uint y_stride;
};

// Mixes each row with the one before (of row 0: `previous`), once or several times:
//   y[t, m * columns + c] = x[t, c] + (x[t-1, c] - x[t, c]) * (lerp[m, c] (+ add[t, m * columns + c]))
// Columns beyond `channels` become 0.
#define SHIFT_ADD 1  // flags
#define SHIFT_KEEP 2 // `previous` becomes the last row of x
struct TokenShift {
    LONGSCOPE_ADDRESS(Floats) x;        // [rows, x_stride]
    LONGSCOPE_ADDRESS(Floats) lerp;     // [mixes, channels]
    LONGSCOPE_ADDRESS(Floats) add;      // [rows, add_stride]
    LONGSCOPE_ADDRESS(Floats) previous; // [channels]
    LONGSCOPE_ADDRESS(Floats) y;        // [rows, y_stride]; not x
    uint rows;
    uint channels;
    uint columns; // of one mix, padded
    uint mixes;
    uint x_stride;
    uint add_stride;
    uint y_stride;
    uint unused;
};

// y[t, c] = f(x[t, c] (+ bias[c])), element by element; y may be x.
#define MAP_TANH 0          // SPEC_TILE_A: which f
#define MAP_DECAY 1         // exp(-exp(x))
#define MAP_SIGMOID_TIMES 2 // sigmoid(x) * y, y read before
#define MAP_BIAS 1          // flags
struct RecurrentMap {
    LONGSCOPE_ADDRESS(Floats) x;    // [rows, x_stride]
    LONGSCOPE_ADDRESS(Floats) bias; // [columns]
    LONGSCOPE_ADDRESS(Floats) y;    // [rows, y_stride]
    uint rows;
    uint columns;
    uint x_stride;
    uint y_stride;
};

// How fast heads forget: result[h] = mean over rows of softplus(raw[t, h] + bias[h]) * mean of
// a[h, 0..keys), the logarithm of the decay, below 0; with DECAY_EXP: of -exp(raw + bias). Raw of
// head h lies in a row as alpha of DeltaNet does. A state is half forgotten after
// ln(0.5) / result[h] rows.
#define DECAY_EXP 1 // flag
struct DecayMean {
    LONGSCOPE_ADDRESS(Floats) raw;    // [rows, stride]
    LONGSCOPE_ADDRESS(Floats) bias;   // [heads]
    LONGSCOPE_ADDRESS(Floats) a;      // [heads, keys]; DECAY_EXP: unused
    LONGSCOPE_ADDRESS(Floats) result; // [heads]
    uint rows;
    uint heads;
    uint keys;
    uint stride;
    uint gate_heads;
    uint gate_step;
};

#ifdef __cplusplus
static_assert(sizeof(ShortConv) == 80 && sizeof(ScanMamba) == 120 && sizeof(DeltaNet) == 120);
static_assert(sizeof(Wkv) == 80 && sizeof(TokenShift) == 72 && sizeof(RecurrentMap) == 40);
static_assert(sizeof(DecayMean) == 56);
#endif
#endif
