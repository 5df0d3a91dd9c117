// The structs of the small kernels that a forward pass is composed of. Part of params.h, which
// includes it within its namespace: never included elsewhere.

// x[i, :] = table[tokens[i], :] * scale (+ x[i, :])
#define EMBED_ADD 1 // flags
struct Embed {
    Matrix table;
    LONGSCOPE_ADDRESS(Uints) tokens; // [rows]
    LONGSCOPE_ADDRESS(Floats) x;     // [rows, columns]
    uint rows;
    uint columns; // padded to a multiple of 32
    float scale;
    uint unused;
};

// Each segment of each row for itself:
//     n = (x - mean) / sqrt(square + eps), mean 0 and square the mean of x^2 unless flags say more
//     y = factor * (n * weight + bias) (+ y)
// Strides, distances and offsets are in floats; y may be x.
#define NORM_MEAN 1 // flags: the mean is subtracted first (layer norm)
#define NORM_SUM 2  // square is the sum of x^2
#define NORM_WEIGHT 4
#define NORM_BIAS 8
#define NORM_ADD 16         // y is added to
#define NORM_GATE_BEFORE 32 // x is multiplied by silu(gate) first
#define NORM_GATE_AFTER 64  // n * weight + bias is multiplied by silu(gate)
#define NORM_WIDE 128 // all addresses are multiples of 16 bytes, all other numbers of 4 floats
struct Norm {
    LONGSCOPE_ADDRESS(Floats) x;
    LONGSCOPE_ADDRESS(Floats) y;
    LONGSCOPE_ADDRESS(Floats) weight;
    LONGSCOPE_ADDRESS(Floats) bias;
    LONGSCOPE_ADDRESS(Floats) gate;
    uint columns; // of a segment
    uint x_stride;
    uint y_stride;
    uint gate_stride;
    uint x_segment; // from a segment to the next
    uint y_segment;
    uint gate_segment;
    uint weight_segment; // 0: all segments share weight and bias
    uint padding;        // floats of y behind the last segment that become 0
    float eps;
    float factor;
    uint unused;
};

// h[i, c] = act(gate[i, c]) * up[i, c], or act(up[i, c]) (/ divisor[c])
#define ACTIVATION_UNGATED 1 // flags
#define ACTIVATION_DIVIDE 2
#define ACTIVATION_SEGMENTS 4 // gate[i, c] is at column (c / segment) * gate_segment + c % segment
#define ACTIVATION_WIDE 8     // as NORM_WIDE
#define ACTIVATION_SILU 0     // kinds, in TILE_A
#define ACTIVATION_GELU 1
#define ACTIVATION_RELU_SQUARED 2
#define ACTIVATION_SIGMOID 3
#define ACTIVATION_TANH 4
#define ACTIVATION_OAI 5
struct Activation {
    LONGSCOPE_ADDRESS(Floats) gate;
    LONGSCOPE_ADDRESS(Floats) up;
    LONGSCOPE_ADDRESS(Floats) h; // may be up or gate
    LONGSCOPE_ADDRESS(Floats) divisor;
    uint rows;
    uint columns;
    uint padded; // columns of h that are written; those from `columns` on become 0
    uint gate_stride;
    uint up_stride;
    uint h_stride;
    uint segment;
    uint gate_segment;
};

// y[i, c] = factor * s(i) * g(x[i, c]) (+ y[i, c]); s = 1 and g(x) = x unless flags say more. A row
// may have several segments, x_segment and y_segment apart.
#define ADJUST_ADD 1     // flags: y is added to
#define ADJUST_SCALES 2  // s(i) = scales[i * scale_stride]
#define ADJUST_SIGMOID 4 // its sigmoid
#define ADJUST_CLAMP 8   // g(x) lies between -bound and bound
#define ADJUST_CAP 16    // g(x) = bound * tanh(x / bound)
#define ADJUST_WIDE 32   // as NORM_WIDE
struct Adjust {
    LONGSCOPE_ADDRESS(Floats) x;
    LONGSCOPE_ADDRESS(Floats) y; // may be x
    LONGSCOPE_ADDRESS(Floats) scales;
    uint rows;
    uint columns;
    uint x_stride;
    uint y_stride;
    uint scale_stride;
    float factor;
    float bound;
    uint x_segment;
    uint y_segment;
    uint unused;
};

#ifdef __cplusplus
static_assert(sizeof(Embed) == 64 && sizeof(Norm) == 88);
static_assert(sizeof(Activation) == 64 && sizeof(Adjust) == 64);
#endif
