// Parameters of the kernels of expert layers; a part of params.h, which includes this file.
// A chunk of `rows` tokens, each with `used` of `experts` experts: assignment a = row * used + j is
// the j-th choice of a row, and the row where its activations are stored.

// Choice of the experts of each row from the results z of the router. P = softmax(z), sigmoid(z)
// or z; S = P (+ bias). With groups > 1, experts / groups neighbours form a group, its score is the
// sum of its two best S, and only the groups_used best groups take part. Chosen are the `used` best
// S, best first, of equals the first; NaN is worse than any number. Weight: P of the chosen.
#define ROUTE_SOFTMAX 1           // flags: P = softmax(z)
#define ROUTE_SIGMOID 2           // P = sigmoid(z)
#define ROUTE_BIAS 4              // S = P + bias
#define ROUTE_SOFTMAX_SELECTED 8  // weights = softmax over the z of the chosen
#define ROUTE_SIGMOID_SELECTED 16 // weights = sigmoid(z)
#define ROUTE_NORMALIZE 32        // weights /= max(their sum, 2^-14)
#define ROUTE_MAX_EXPERTS 512
#define ROUTE_MAX_USED 32
struct Route {
    LONGSCOPE_ADDRESS(Floats) z;       // [rows, z_stride]
    LONGSCOPE_ADDRESS(Floats) bias;    // [experts]
    LONGSCOPE_ADDRESS(Uints) ids;      // [rows, used]
    LONGSCOPE_ADDRESS(Floats) weights; // [rows, used], times factor
    uint rows;
    uint experts;
    uint used;
    uint z_stride;
    uint groups; // 0 and 1: none
    uint groups_used;
    float factor;
    uint unused;
};

// Assignments sorted by expert, each expert's in their order, and cut into tiles of tile_rows; a
// tile has one expert. Tiles beyond those needed have no rows.
#define GROUP_TILE_WORDS 4 // expert, first index in order, rows, 0
struct Group {
    LONGSCOPE_ADDRESS(Uints) ids;   // [assignments]
    LONGSCOPE_ADDRESS(Uints) order; // [assignments]
    LONGSCOPE_ADDRESS(Uints) tiles; // [tiles_made, GROUP_TILE_WORDS]
    uint assignments;
    uint experts;
    uint tile_rows;
    uint tiles_made; // at least ceil(assignments / tile_rows) + min(experts, assignments)
};

// The matrix of one expert. Each has planes of its own: no index grows with the number of experts.
struct Expert {
    Matrix w;
    LONGSCOPE_ADDRESS(Floats) bias; // [n]
    float scale;
    uint unused;
};
#ifndef __cplusplus
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Experts {
    Expert v[];
};
#endif

// y[a, i] = scale * factor[a] * sum_k w[i, k] x[a / x_divisor, k] (+ bias[i]); w, scale and bias of
// the expert of assignment a. Flags: MATMUL_BIAS, and:
#define MATMUL_FACTOR 4 // without it factor[a] = 1
// With HEADS an expert is the matrix of one head: every row has `heads` assignments, a = row * heads
// + head, and list, tiles and factor are not read. In x and y a head's part of a row begins x_head
// and y_head columns behind that of the head before it:
// y[row, head * y_head + i] = sum_k w[i, k] x[row, head * x_head + k]
#define MATMUL_HEADS 8
struct ExpertMatmul {
    LONGSCOPE_ADDRESS(Experts) experts; // [experts]
    LONGSCOPE_ADDRESS(Uints) list;      // [assignments]: matmul: Group.order; matvec: Route.ids
    LONGSCOPE_ADDRESS(Uints) tiles;     // matmul: Group.tiles
    LONGSCOPE_ADDRESS(Floats) x;        // [assignments / x_divisor, x_stride]
    LONGSCOPE_ADDRESS(Floats) y;        // [assignments, y_stride]
    LONGSCOPE_ADDRESS(Floats) factor;   // [assignments]
    uint k;                             // columns of each w, multiple of 32
    uint n;                             // rows of each w: multiple of 32; HEADS: of 8, those wanted
    uint x_stride;                      // multiple of 4
    uint y_stride;
    uint x_divisor;
    // HEADS only
    uint heads;
    uint rows;
    uint tile_rows; // of a tile of the matmul
    uint x_head;    // multiple of 4
    uint y_head;
};

// x[row, c] = factor * sum over j of weights[a] * y[a, c] (+ x[row, c]), a = row * used + j
#define COMBINE_ADD 1     // flags: adds to x
#define COMBINE_WEIGHTS 2 // without it every weight is 1
struct Combine {
    LONGSCOPE_ADDRESS(Floats) y;       // [rows * used, y_stride]
    LONGSCOPE_ADDRESS(Floats) weights; // [rows * used]
    LONGSCOPE_ADDRESS(Floats) x;       // [rows, x_stride]
    uint rows;
    uint columns; // multiple of 4
    uint used;
    uint y_stride; // multiple of 4
    uint x_stride; // multiple of 4
    float factor;
};

#ifdef __cplusplus
static_assert(sizeof(Route) == 64 && sizeof(Group) == 40 && sizeof(Expert) == 48);
static_assert(sizeof(ExpertMatmul) == 88 && sizeof(Combine) == 48);
#endif
